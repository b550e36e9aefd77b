"""What is observed beside the scores, in sentences: learning curves, failures, vectors, masked LM, sizes of the
intermediate data."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from xit.core.conditions import BASELINE
from xit.core.errors import counted
from xit.paper.inputs import Inputs
from xit.paper.render import FEW_TASKS, ranged, signed
from xit.paper.sentences import listed, points
from xit.statistics.curves import AFTER, PLAIN, curves
from xit.statistics.failures import failures, pooled
from xit.statistics.gains import Estimate, gain_array, main_gains, over_seeds
from xit.statistics.laws import Growth, Verdict
from xit.statistics.scaling import AHEAD, Sizes, at_most_examples, pairs, shared
from xit.statistics.study import ENGLISH, MEAN, Study

Means = Mapping[tuple[str, str, str], Mapping[int, float]]
"""By encoder, condition and what was measured, the mean over languages of each seed."""


SAID: Mapping[Verdict, str] = {
    "grows": "grows",
    "flat": "is not shown to grow or fall",
    "falls": "falls",
    "no gain": "is not shown to be above zero",
    "too few": "has too few seeds or sizes for a verdict",
}


def of_scaling(study: Study, sizes: Sizes) -> list[str]:
    """What the gains say of the size of intermediate data; nothing where sizes were not varied."""
    if not sizes:
        return []
    all_pairs = pairs(study, sizes)
    sentences = []
    for encoder in study.encoders:
        of_encoder = {pair: growth for pair, growth in all_pairs.items() if pair[1] == encoder}
        verdicts = Counter(growth.verdict for pair, growth in of_encoder.items() if pair[2] != MEAN)
        counts = [f"{SAID[verdict]} in {verdicts[verdict]}" for verdict in SAID if verdicts[verdict]]
        sentences.append(
            f"Of {counted(sum(verdicts.values()), 'pair')} of an intermediate task and a target with the {encoder} "
            f"encoder, the gain {listed(counts)}."
        )
        ahead = [
            _ahead(task, growth, gain)
            for (task, _, target), growth in of_encoder.items()
            if target == MEAN and growth.fits and (gain := at_most_examples(study, growth))
        ]
        if ahead:
            sentences.append(f"Averaged over targets, with intervals over seeds, the gain is {'; '.join(ahead)}.")
        sentences += _proxies(study, {pair: growth for pair, growth in of_encoder.items() if pair[2] != MEAN})
    return sentences


def _ahead(task: str, growth: Growth, gain: Estimate) -> str:
    last, ahead = growth.sizes[-1], growth.range_at(AHEAD)
    later = f", and by laws that come near it {ranged(ahead)} at {AHEAD * last:,.0f}" if ahead else ""
    return f"{points(gain)} at {last:,.0f} examples of {task} ({growth.verdict}){later}"


def _proxies(study: Study, of_encoder: Mapping[tuple[str, str, str], Growth]) -> list[str]:
    """How what two tasks share goes with how much the gain grows with examples."""
    correlations = []
    for number, what in enumerate(("a format", "labels")):
        both = [
            (proxy == "yes", float(growth.slopes.mean()))
            for (task, _, target), growth in of_encoder.items()
            if (proxy := shared(study, task, target)[number]) is not None and growth.fits
        ]
        if can_correlate(both):
            correlations.append(f"sharing {what} at {correlation(both)} ({len(both)} pairs)")
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
        if ends.trainings and not ends.failed_at_first:
            sentences.append(
                f"None of {ends.trainings:,} fine-tunings of the {encoder} encoder failed, by their English validation."
            )
        elif ends.trainings:
            sentences.append(
                f"Of {ends.trainings:,} fine-tunings of the {encoder} encoder {ends.failed_at_first:,} failed at "
                f"first, by their English validation; after {counted(ends.restarts, 'restart')} {ends.failed:,} had "
                "failed for good."
            )
    return sentences


def vector_means(inputs: Inputs) -> Means:
    """The mean over languages at the main layer, by encoder, condition, measure and seed."""
    rows = [row for row in inputs.representations if row["target"] in inputs.study.targets]
    depth: dict[str, int] = {}
    for row in rows:
        depth[row["encoder"]] = max(depth.get(row["encoder"], 0), int(row["layer"]))
    values: dict[tuple[str, str, str], dict[int, list[float]]] = {}
    for row in rows:
        if int(row["layer"]) == round(inputs.parameters["retrieval"]["layer"] * depth[row["encoder"]]):
            of_seeds = values.setdefault((row["encoder"], row["condition"], row["measure"]), {})
            of_seeds.setdefault(int(row["seed"]), []).append(float(row["value"]))
    return {key: {seed: statistics.fmean(of) for seed, of in seeds.items()} for key, seeds in values.items()}


def losses_of(inputs: Inputs) -> Means:
    """The masked-LM loss in English (`en`) and the mean of the other languages (`mean`), by encoder and condition."""
    values: dict[tuple[str, str, str], dict[int, list[float]]] = {}
    for row in inputs.forgetting:
        what = ENGLISH if row["language"] == ENGLISH else MEAN
        of_seeds = values.setdefault((row["encoder"], row["condition"], what), {})
        of_seeds.setdefault(int(row["seed"]), []).append(float(row["loss"]))
    return {key: {seed: statistics.fmean(of) for seed, of in seeds.items()} for key, seeds in values.items()}


def changes(means: Means, encoder: str, conditions: Sequence[str], what: str) -> list[float]:
    """What was measured after some conditions, in their mean, minus what it was without, of every seed that has all."""
    without = means.get((encoder, BASELINE, what), {})
    after = [means.get((encoder, condition, what), {}) for condition in conditions]
    seeds = sorted(set(without).intersection(*after))
    return [statistics.fmean(of[seed] for of in after) - without[seed] for seed in seeds]


def of_forgetting(inputs: Inputs) -> list[str]:
    """How far each intermediate task moves masked LM of the languages other than English, and whether that goes with
    what it gains."""
    study, means, sentences = inputs.study, losses_of(inputs), []
    pairs: list[tuple[float, float]] = []
    for encoder in study.encoders:
        found = {task: over_seeds(study, changes(means, encoder, [task], MEAN)) for task in study.intermediates}
        moved = {task: one for task, one in found.items() if one is not None}
        if not moved:
            continue
        before = statistics.fmean(means[encoder, BASELINE, MEAN].values())
        ranked = sorted(moved, key=lambda task: moved[task].value) if len(moved) > FEW_TASKS else list(moved)
        parts = [f"{points(moved[task])} after {task}" for task in ranked]
        by = f"between {parts[0]} and {parts[-1]}" if len(moved) > FEW_TASKS else listed(parts)
        sentences.append(
            f"By the masked-LM head of its pretraining the {encoder} encoder has a loss of {before:.2f} nats in the "
            f"mean of the languages other than English without intermediate training; it moves by {by}."
        )
        gains = {task: main_gains(study)[task, encoder, MEAN] for task in moved}
        pairs += [(moved[task].value, one.value) for task, one in gains.items() if one is not None]
    if len(pairs) >= FEWEST_PAIRS and can_correlate(pairs):
        sentences.append(
            f"Over the {len(pairs)} pairs of an encoder and a task these losses and the average gains correlate "
            f"(Spearman, not tested) at {correlation(pairs)}."
        )
    return sentences


FEWEST_PAIRS = 4
"""Below them a correlation says nothing."""


def can_correlate(pairs: Sequence[tuple[float, float]]) -> bool:
    """Whether there are some, of which neither side is the same everywhere."""
    return bool(pairs) and all(len(set(values)) > 1 for values in zip(*pairs, strict=True))


def correlation(pairs: Sequence[tuple[float, float]]) -> str:
    """Spearman's, as it is printed."""
    from scipy import stats

    return f"{float(stats.spearmanr(*zip(*pairs, strict=True)).statistic):+.2f}".replace("-", "−")


class Bound(NamedTuple):
    """A target, or their mean: what zero-shot transfer reaches, and what training in the language itself does."""

    zero_shot: float
    in_language: float
    gain: float | None
    """Of intermediate training, mean over the declared tasks; None where one was not run."""

    @property
    def gap(self) -> float:
        """What transfer leaves open."""
        return self.in_language - self.zero_shot


def bounds(inputs: Inputs) -> dict[tuple[str, str], Bound]:
    """By target and encoder the means over the languages and seeds that were trained in; `mean` for all targets."""
    study = inputs.study
    cells: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for row in inputs.upper_bounds:
        target, encoder, language = row["target"], row["encoder"], row["language"]
        if encoder not in study.encoders or target not in study.targets or row["metric"] != study.tasks[target].metric:
            continue
        place = (study.seeds.index(int(row["seed"])), study.others.index(language), study.targets.index(target))
        zero_shot = float(study.scores(encoder, BASELINE)[place])
        gain = float(gain_array(study, encoder, study.primary)[place])
        cells.setdefault((target, encoder), []).append((zero_shot, float(row["value"]), gain))
    found = {key: [statistics.fmean(values) for values in zip(*of, strict=True)] for key, of in cells.items()}
    for encoder in study.encoders:
        if of_encoder := [values for (_, name), values in found.items() if name == encoder]:
            found[MEAN, encoder] = [statistics.fmean(values) for values in zip(*of_encoder, strict=True)]
    return {key: Bound(zero, own, gain if gain == gain else None) for key, (zero, own, gain) in found.items()}


def of_upper_bounds(inputs: Inputs) -> list[str]:
    """What transfer leaves open in the mean over targets, and how much of it intermediate training moves."""
    languages = list(dict.fromkeys(row["language"] for row in inputs.upper_bounds))
    sentences = []
    for (target, encoder), one in bounds(inputs).items():
        if target == MEAN:
            gain = "" if one.gain is None else f"; there intermediate training moves the score by {signed(one.gain)}"
            sentences.append(
                f"Fine-tuned on training data of the language itself ({listed(languages)}), the {encoder} encoder "
                f"scores {one.in_language:.1f} in the mean over targets, and zero-shot {one.zero_shot:.1f}: a gap of "
                f"{signed(one.gap)} points{gain}."
            )
    return sentences


def of_vectors(inputs: Inputs) -> list[str]:
    """How far the declared intermediate tasks move what is measured of the vectors of parallel sentences."""
    study, means, sentences = inputs.study, vector_means(inputs), []
    for encoder in study.encoders:
        before, moved = [], []
        for measure in ("language_identification", "similarity_to_english"):
            change = over_seeds(study, changes(means, encoder, study.primary, measure))
            if change is not None:
                before.append(statistics.fmean(means[encoder, BASELINE, measure].values()))
                moved.append(change)
        if len(moved) == 2:
            told, like = moved
            sentences.append(
                f"By the vectors of the {encoder} encoder without intermediate training a classifier tells the "
                f"language of {before[0]:.1f} of 100 sentences, and their similarity to English (CKA) is "
                f"{before[1]:.1f} of 100; after it these move by {points(told)} and "
                f"{points(like)}, in the mean over {listed(study.primary)}."
            )
    return sentences
