"""What the scores say, in sentences: every number and every word of direction follows from the scores.

A difference whose 95 % interval includes zero never "raises" or "lowers" anything; with one seed, which has no
interval, a sentence gives the number and says so.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from xit.core.conditions import BASELINE
from xit.paper.inputs import Inputs
from xit.paper.render import Figure, Table, as_markdown, interval, signed
from xit.statistics.curves import AFTER, PLAIN, curves
from xit.statistics.distance import distances_and_gains, gains_by_script
from xit.statistics.failures import failures, pooled
from xit.statistics.gains import (
    Estimate,
    average_gains,
    best,
    gain,
    language_means,
    main_gains,
    plain_tasks,
    recipe_contrasts,
)
from xit.statistics.laws import SHORT, Scaling
from xit.statistics.scaling import AHEAD, Sizes, pairs, predicted, shared
from xit.statistics.study import ENGLISH, MEAN, Study, seed_std, transfer_gap


def sentences_of(study: Study) -> dict[str, list[str]]:
    """Sentences, by the place in the paper where they stand."""
    return {
        "answer": [*(_answer(study, encoder) for encoder in study.encoders), *_comparison(study)],
        "tasks": [sentence for encoder in study.encoders for sentence in _tasks(study, encoder)],
        "targets": [_targets(study, encoder) for encoder in study.encoders],
        "retrieval": [sentence for encoder in study.encoders for sentence in _retrieval(study, encoder)],
        "languages": [sentence for encoder in study.encoders for sentence in _languages(study, encoder)],
        "gaps": [sentence for encoder in study.encoders for sentence in _gaps(study, encoder)],
        "pretraining": [sentence for encoder in study.encoders for sentence in _pretraining(study, encoder)],
        "recipes": [sentence for encoder in study.encoders for sentence in _recipes(study, encoder)],
        "controls": [sentence for encoder in study.encoders for sentence in _controls(study, encoder)],
        "noise": _noise(study),
    }


def points(estimate: Estimate) -> str:
    """A difference and its interval, as a sentence has them."""
    return f"{signed(estimate.value)} {interval(estimate)}".strip()


def direction(estimate: Estimate, up: str, down: str, flat: str) -> str:
    """The word for a difference: up or down only where the interval excludes zero."""
    if estimate.low is None or estimate.high is None:
        return flat
    return up if estimate.low > 0 else down if estimate.high < 0 else flat


def counted(number: int, what: str) -> str:
    """`1 restart`, `2 restarts`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _answer(study: Study, encoder: str) -> str:
    estimate = average_gains(study)[(encoder,)]
    if estimate is None:
        return f"For the {encoder} encoder not every cell was run, and so there is no average."
    if estimate.low is None:
        return (
            f"For the {encoder} encoder the average gain is {signed(estimate.value)} points; a single seed gives no "
            "interval, and so no answer."
        )
    effect = direction(estimate, "raises", "lowers", "has no statistically significant effect on")
    return (
        f"For the {encoder} encoder English intermediate training {effect} the average zero-shot score: "
        f"{points(estimate)} points."
    )


def _comparison(study: Study) -> list[str]:
    first, *rest = study.encoders
    sentences = []
    for encoder in rest:
        estimate = average_gains(study)[first, encoder]
        if estimate is not None:
            effect = direction(
                estimate,
                f"is larger for the {first} than for the {encoder} encoder",
                f"is smaller for the {first} than for the {encoder} encoder",
                f"does not differ significantly between the {first} and the {encoder} encoder",
            )
            sentences.append(f"The gain {effect}: {points(estimate)} points.")
    return sentences


def _tasks(study: Study, encoder: str) -> list[str]:
    estimates = {
        name: estimate
        for name in study.intermediates
        if (estimate := main_gains(study)[name, encoder, MEAN]) is not None
    }
    ranked = sorted(estimates, key=lambda name: -estimates[name].value)
    if not ranked:
        return []
    shown = [f"{points(estimates[name])} after {name}" for name in ranked]
    return [f"Averaged over targets, the score of the {encoder} encoder moves by {listed(shown)}."]


def _targets(study: Study, encoder: str) -> str:
    estimates = {
        (task, target): estimate
        for (task, name, target), estimate in main_gains(study).items()
        if name == encoder and task in study.intermediates and target != MEAN and estimate is not None
    }
    up = sorted(
        (key for key, estimate in estimates.items() if estimate.is_significant and estimate.value > 0),
        key=lambda key: -estimates[key].value,
    )
    down = sorted(
        (key for key, estimate in estimates.items() if estimate.is_significant and estimate.value < 0),
        key=lambda key: estimates[key].value,
    )

    def most(keys: list[tuple[str, str]], word: str) -> str:
        if not keys:
            return f"none is a {word}"
        task, target = keys[0]
        count = "one is a" if len(keys) == 1 else f"{len(keys)} are"
        plural = "" if len(keys) == 1 else "es" if word == "loss" else "s"
        which = "" if len(keys) == 1 else "the largest "
        return f"{count} {word}{plural} ({which}{target} after {task}, {points(estimates[task, target])})"

    return (
        f"Of the {len(estimates)} cells of the {encoder} encoder, after correction, {most(up, 'gain')} and "
        f"{most(down, 'loss')}; {len(estimates) - len(up) - len(down)} are not significant."
    )


def _retrieval(study: Study, encoder: str) -> list[str]:
    bare = [name for name in study.targets if not study.tasks[name].is_trained]
    estimate = gain(study, encoder, study.intermediates, bare) if bare else None
    if estimate is None:
        return []
    effect = direction(estimate, "rises", "falls", "shows no statistically significant change")
    return [
        (
            f"Retrieval by the bare {encoder} encoder ({listed(bare)}), which no training on the target repairs, "
            f"{effect}: {points(estimate)} points."
        )
    ]


def _languages(study: Study, encoder: str) -> list[str]:
    by_language: dict[str, list[float]] = {}
    for task in study.intermediates:
        for name, value in language_means(study, encoder, task).items():
            by_language.setdefault(name, []).append(value)
    means = {name: sum(values) / len(values) for name, values in by_language.items() if name != ENGLISH}
    if not means:
        return []
    low, high = min(means, key=lambda name: means[name]), max(means, key=lambda name: means[name])
    improved = sum(value > 0 for value in means.values())
    return [
        (
            f"With the {encoder} encoder the mean over tasks and targets is above zero in {improved} of {len(means)} "
            f"languages; it runs from {signed(means[low])} ({low}) to {signed(means[high])} ({high})."
        )
    ]


def _gaps(study: Study, encoder: str) -> list[str]:
    task = best(study, encoder)
    if task is None:
        return []
    before, after = transfer_gap(study, encoder, BASELINE), transfer_gap(study, encoder, task)
    if before is None or after is None:
        return []
    word = "wider" if after > before else "narrower"
    return [
        (
            f"English leads the other languages by {before:.1f} points without intermediate training and by "
            f"{after:.1f} after {task} ({encoder}, mean over the targets that have English): {word} by "
            f"{abs(after - before):.1f}, a difference without an interval."
        )
    ]


def _pretraining(study: Study, encoder: str) -> list[str]:
    estimate = main_gains(study).get(("untrained", encoder, MEAN))
    if estimate is None:
        return []
    effect = direction(estimate, "scores higher than", "scores lower than", "does not differ significantly from")
    return [f"An untrained {encoder} encoder {effect} a pretrained one: {points(estimate)} points."]


def _recipes(study: Study, encoder: str) -> list[str]:
    sentences = []
    for name in study.recipes:
        estimate = recipe_contrasts(study)[name, encoder]
        if estimate is not None:
            than = listed(plain_tasks(study, name)) + (
                " alone" if len(plain_tasks(study, name)) == 1 else " on average"
            )
            effect = direction(
                estimate, "scores higher than", "scores lower than", "does not differ significantly from"
            )
            sentences.append(f"With the {encoder} encoder {name} {effect} {than}: {points(estimate)} points.")
    return sentences


def _controls(study: Study, encoder: str) -> list[str]:
    sentences = []
    estimate = gain(study, encoder, ["mlm"]) if "mlm" in study.controls else None
    if estimate is not None:
        effect = direction(estimate, "raise", "lower", "have no statistically significant effect on")
        sentences.append(
            f"As many more steps of masked LM {effect} the average of the {encoder} encoder: {points(estimate)} points."
        )
    names = [name for name in study.intermediates if f"{name}+shuffled" in study.controls]
    shuffled = gain(study, encoder, [f"{name}+shuffled" for name in names]) if names else None
    if shuffled is not None:
        effect = direction(shuffled, "raise", "lower", "have no statistically significant effect on")
        sentences.append(
            f"With shuffled labels, {listed(names)} {effect} the average of the {encoder} encoder: "
            f"{points(shuffled)} points."
        )
    return sentences


def _noise(study: Study) -> list[str]:
    deviation = seed_std(study)
    if deviation is None:
        return ["With one seed there is no measure of noise: no interval is given, and no difference is called one."]
    return [
        (
            f"Between seeds, a target's mean zero-shot score has a standard deviation of {deviation:.1f} points, "
            "pooled over all cells."
        )
    ]


def scaling(study: Study, sizes: Sizes) -> list[str]:
    """What the gains say of the size of intermediate data; nothing where sizes were not varied."""
    if not sizes:
        return []
    all_pairs = pairs(study, sizes)
    sentences = []
    for encoder in study.encoders:
        of_encoder = {pair: growth for pair, growth in all_pairs.items() if pair[1] == encoder}
        verdicts = Counter(growth.verdict for pair, growth in of_encoder.items() if pair[2] != MEAN)
        counts = [f"{count} {verdict}" for verdict, count in sorted(verdicts.items())]
        sentences.append(f"Of pairs of an intermediate task and a target, the {encoder} encoder has {listed(counts)}.")
        ahead = [
            _ahead(task, growth) for (task, _, target), growth in of_encoder.items() if target == MEAN and growth.best
        ]
        if ahead:
            sentences.append(f"Averaged over targets, the gain is {'; '.join(ahead)}.")
        sentences += _proxies(study, {pair: growth for pair, growth in of_encoder.items() if pair[2] != MEAN})
    short = sorted({pair[0] for pair, growth in all_pairs.items() if growth.decades < SHORT})
    if short:
        sentences.append(
            f"The examples of {listed(short)} range over less than two decades, too little to read the parameters of a "
            "law from them."
        )
    return sentences


def _ahead(task: str, growth: Scaling) -> str:
    last = growth.points.sizes[-1]
    measured = float((growth.points.scores[:, -1] - growth.points.baseline).mean())
    later = predicted(growth)
    law = (
        f"{points(later)} by its law at {AHEAD * last:,.0f}" if later else "a parabola in log n, which predicts nothing"
    )
    return f"{signed(measured)} points at {last:,.0f} examples of {task}, and {law}"


def _proxies(study: Study, of_encoder: Mapping[tuple[str, str, str], Scaling]) -> list[str]:
    """How what two tasks share goes with how much the score grows with examples."""
    from scipy import stats

    correlations = []
    for number, what in enumerate(("a format", "labels")):
        both = [
            (proxy == "yes", growth.per_tenfold)
            for (task, _, target), growth in of_encoder.items()
            if (proxy := shared(study, task, target)[number]) is not None and growth.per_tenfold is not None
        ]
        if len({proxy for proxy, _ in both}) == 2 and len({slope for _, slope in both}) > 1:
            rho = float(stats.spearmanr(*zip(*both, strict=True)).statistic)
            correlations.append(f"sharing {what} at {rho:+.2f}".replace("-", "−") + f" ({len(both)} pairs)")
    if not correlations:
        return []
    return [f"The points for ten times the examples correlate (Spearman) with {listed(correlations)}."]


def of_curves(inputs: Inputs) -> list[str]:
    """How far fine-tuning is at the first English validation and at the last, without and after."""
    validations: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for (stage, _), lines in curves(inputs.curves, inputs.study, "validation_score").items():
        for line, curve in lines.items() if stage == "finetune" else ():
            validations.setdefault(line, []).append((curve[0][1], curve[-1][1]))

    def stands(encoder: str, kind: str) -> str:
        first, last = (sum(values) / len(values) for values in zip(*validations[encoder, kind], strict=True))
        return f"{first:.1f} at the first validation and {last:.1f} at the last"

    return [
        (
            f"In fine-tuning the English validation score of the {encoder} encoder, mean over targets, is "
            f"{stands(encoder, PLAIN)}; after intermediate training, {stands(encoder, AFTER)}."
        )
        for encoder in inputs.study.encoders
        if {(encoder, PLAIN), (encoder, AFTER)} <= set(validations)
    ]


def of_failures(inputs: Inputs) -> list[str]:
    """How many fine-tunings of each encoder failed at first, and how many in the end."""
    sentences, found = [], failures(inputs.training)
    for encoder in inputs.study.encoders:
        ends = pooled(n for group, n in found.items() if (group.stage, group.encoder) == ("finetune", encoder))
        if ends.trainings:
            sentences.append(
                f"Of {ends.trainings:,} fine-tunings of the {encoder} encoder {ends.failed_at_first:,} failed at "
                f"first, by their English validation; after {counted(ends.restarts, 'restart')} {ends.failed:,} had "
                "failed for good."
            )
    return sentences


def of_distance(study: Study) -> list[str]:
    """The gain in languages of Latin script and of others, and how its ranks go with those of the distance."""
    from scipy.stats import spearmanr

    sentences = []
    for encoder in study.encoders:
        pairs_of, (latin, others) = distances_and_gains(study, encoder), gains_by_script(study, encoder)
        if not latin or not others:
            continue
        count, gains = (len(latin), len(others)), [sum(means.values()) / len(means) for means in (latin, others)]
        sentence = (
            f"With the {encoder} encoder the gain is {signed(gains[0])} points in the {count[0]} languages of Latin "
            f"script and {signed(gains[1])} in the {count[1]} of others"
        )
        both = [(far, (latin | others)[code]) for code, (far, _) in pairs_of.items()]
        if all(len(set(values)) > 1 for values in zip(*both, strict=True)):
            ranks = spearmanr(*zip(*both, strict=True))
            sentence += (
                "; over all of them its rank correlation with the distance of their words from the English ones is "
                f"{ranks.statistic:+.2f} (Spearman, p {ranks.pvalue:.2f}, not corrected)".replace("-", "−")
            )
        sentences.append(f"{sentence}.")
    return sentences


def names(study: Study) -> Mapping[str, str]:
    """Lists of ids as a sentence has them."""
    return {
        "encoders": listed(study.encoders),
        "intermediates": listed(study.intermediates),
        "targets": listed(study.targets),
        "languages": listed(study.languages),
        "bare_targets": listed([name for name in study.targets if not study.tasks[name].is_trained] or ["none"]),
    }


def answer_page(study: Study, made: Sequence[Table | Figure]) -> str:
    """The short answer in Markdown, as the README shows that of the reference: sentences, and the table beside them."""
    table = next(one for one in made if isinstance(one, Table) and one.name == "answer")
    return " ".join(sentences_of(study)["answer"]) + "\n\n" + as_markdown(table)
