"""What the scores say, in sentences: every number and every word of direction follows from the scores.

Nothing "raises" or "lowers" anything that its family does not find after correction (`xit.statistics.gains`); the
answer is from the primary family alone, and with fewer seeds than were declared it is numbers without words.
"""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

from xit.core.conditions import BASELINE
from xit.core.errors import counted
from xit.paper.render import FEW_TASKS, Figure, Table, as_markdown, interval, signed
from xit.statistics.anova import sign_flip
from xit.statistics.gains import (
    Estimate,
    Primary,
    best,
    encoder_differences,
    gain,
    is_equal,
    language_means,
    main_gains,
    plain_tasks,
    primary_analyses,
    primary_gains,
    recipe_contrasts,
)
from xit.statistics.power import detectable
from xit.statistics.stability import FEW, stability
from xit.statistics.study import ENGLISH, MEAN, Study, seed_std, transfer_gap


def sentences_of(study: Study) -> dict[str, list[str]]:
    """Sentences, by the place in the paper where they stand."""
    return {
        "answer": answer(study),
        "averaged": _averaged(study),
        "power": _power(study),
        "stability": _stability(study),
        "robustness": [sentence for key in primary_gains(study) for sentence in _robustness(study, key)],
        "differences": [sentence for encoder in study.encoders[1:] for sentence in _differences(study, encoder)],
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


def answer(study: Study) -> list[str]:
    """What the primary family says, and nothing else."""
    first, *rest = study.encoders
    found = [_answer(study, encoder) for encoder in study.encoders]
    found += [sentence for encoder in rest for sentence in _comparison(study, first, encoder)]
    if not study.has_verdicts:
        found.append(
            f"With {counted(len(study.seeds), 'seed')} these are estimates: no word of direction is given below "
            f"{study.analysis.fewest_seeds} seeds."
        )
    return [*found, *_averaged(study)]


def points(estimate: Estimate) -> str:
    """A difference and its interval, as a sentence has them."""
    return f"{signed(estimate.value)} {interval(estimate)}".strip()


def in_points(margin: float) -> str:
    """`1 point`, `1.5 points`."""
    return f"{margin:g} point{'s' * (margin != 1)}"


def direction(estimate: Estimate, up: str, down: str, flat: str, untested: str = "") -> str:
    """The word for a difference: up or down only where its family finds it after correction; `untested` where nothing
    was tested, as with few seeds, which shows no absence of a difference either.
    """
    if estimate.is_significant is None and untested:
        return untested
    if not estimate.is_significant:
        return flat
    return up if estimate.value > 0 else down


def starred(study: Study, *families: str) -> str:
    """What a star means in a table, for its caption; the families are those within which it is tested."""
    if not study.has_verdicts:
        return f"Nothing is tested below {study.analysis.fewest_seeds} seeds, and so there are no stars."
    within = "; ".join(f"within {family}" for family in families)
    return f"* differs from zero after Holm's correction: {within}; the intervals are not corrected."


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _answer(study: Study, encoder: str) -> str:
    estimate, one = primary_gains(study)[(encoder,)], primary_analyses(study)[(encoder,)]
    if estimate is None or one is None:
        why = "not every cell was run" if study.averaged else "no target counts as learnt"
        return f"For the {encoder} encoder {why}, and so there is no average."
    value = f"{points(estimate)} points"
    if not study.has_verdicts:
        return (
            f"For the {encoder} encoder English intermediate training changes the average zero-shot score by {value}."
        )
    if not estimate.is_significant and is_equal(study, one):
        return (
            f"For the {encoder} encoder English intermediate training changes the average zero-shot score by less than "
            f"{in_points(study.analysis.margin)}: {value}."
        )
    effect = direction(estimate, "raises", "lowers", "has no statistically significant effect on")
    return f"For the {encoder} encoder English intermediate training {effect} the average zero-shot score: {value}."


def _comparison(study: Study, first: str, encoder: str) -> list[str]:
    estimate, one = primary_gains(study)[first, encoder], primary_analyses(study)[first, encoder]
    if estimate is None or one is None:
        return []
    both = f"the {first} and the {encoder} encoder"
    if not study.has_verdicts:
        return [f"The mean gain of the {first} minus that of the {encoder} encoder is {points(estimate)} points."]
    flat = f"does not differ significantly between {both}, and is not shown to be equal either"
    if is_equal(study, one):
        flat = f"differs by less than {in_points(study.analysis.margin)} between {both}"
    effect = direction(
        estimate,
        f"is larger for the {first} than for the {encoder} encoder",
        f"is smaller for the {first} than for the {encoder} encoder",
        flat,
    )
    if estimate.is_significant and is_equal(study, one):
        effect += f", by less than {in_points(study.analysis.margin)}"
    return [f"The mean gain {effect}: {points(estimate)} points."]


def _differences(study: Study, encoder: str) -> list[str]:
    """Where single tasks differ between the encoders, which their mean does not show."""
    found = {
        task: one
        for task in study.intermediates
        if (one := encoder_differences(study)[task, encoder, MEAN]) is not None and one.is_significant
    }
    parts = [
        (word, f"after {listed([f'{task} ({points(found[task])})' for task in names])}")
        for word, names in (
            ("larger", [task for task in found if found[task].value > 0]),
            ("smaller", [task for task in found if found[task].value < 0]),
        )
        if names
    ]
    if not parts:
        return []
    (word, after), *opposite = parts
    sentence = f"By single tasks the gain is {word} for the {study.encoders[0]} than for the {encoder} encoder {after}"
    for other, of in opposite:
        sentence += f", and {other} {of}: the mean hides opposite differences"
    return [f"{sentence}."]


def _averaged(study: Study) -> list[str]:
    """What the means are over, where a target is left out."""
    if not study.shown_only:
        return []
    found = f"Averages are over {len(study.averaged)} of {len(study.targets)} targets"
    if unlearnt := {name: why for name, why in study.unlearnt.items() if name not in study.analysis.not_averaged}:
        why = "; ".join(f"{name} ({reason})" for name, reason in unlearnt.items())
        found += f"; shown and not averaged, by English validation alone, {'is' if len(unlearnt) == 1 else 'are'} {why}"
    if declared := [name for name in study.targets if name in study.analysis.not_averaged]:
        found += f"; shown and not averaged, as declared, {'is' if len(declared) == 1 else 'are'} {listed(declared)}"
    return [f"{found}."]


def _power(study: Study) -> list[str]:
    """What the run at hand could have found."""
    sentences = []
    for key, found in detectable(study).items():
        if found is not None and (len(key) == 2 or len(study.encoders) == 1):
            what = f"a difference between the gains of {' and '.join(key)}" if len(key) == 2 else f"a gain of {key[0]}"
            find = "find" if study.has_verdicts else "would find, if they tested it,"
            sentences.append(
                f"With {counted(len(study.seeds), 'seed')} four of five such experiments {find} {what} of "
                f"{found[0]:.1f} points, or of {found[1]:.1f} where the correction is strictest."
            )
    return sentences


def _stability(study: Study) -> list[str]:
    """What subsets of the seeds would have said."""
    found = stability(study)
    if not found:
        return []
    parts = [
        f"of {contrast_name(key)} {one.opposite} say the opposite, {one.lost} lose and {one.gained} gain significance"
        for key, one in found.items()
    ]
    subsets = next(iter(found.values())).subsets
    of = f"Of the {subsets} subsets of {FEW} of the {len(study.seeds)} seeds, tested as all seeds are"
    return [f"{of}, {'; '.join(parts)}."]


def contrast_name(key: Primary) -> str:
    """How a sentence or a table names a contrast of the primary family."""
    return f"the difference {' − '.join(key)}" if len(key) == 2 else f"the gain of {key[0]}"


def left_out(study: Study, key: Primary) -> dict[str, Estimate]:
    """A contrast of the primary family without each target in turn."""
    if len(study.averaged) < 2:
        return {}
    found = {
        target: primary_gains(study, tuple(name for name in study.averaged if name != target))[key]
        for target in study.averaged
    }
    return {target: one for target, one in found.items() if one is not None}


def median_target(study: Study, key: Primary) -> float | None:
    """The median over the averaged targets of a contrast of the primary family."""
    found = [primary_analyses(study, (target,))[key] for target in study.averaged]
    values = [one.value for one in found if one is not None]
    return statistics.median(values) if values and len(values) == len(found) else None


def flipped(study: Study, key: Primary) -> float | None:
    """The p-value of the sign-flip test over seeds of a contrast of the primary family."""
    one = primary_analyses(study)[key]
    return None if one is None else sign_flip(one)


def _robustness(study: Study, key: Primary) -> list[str]:
    """How much hangs on one target; and where the median over targets, or the sign-flip test, disagrees."""
    estimate, others, median = primary_gains(study)[key], left_out(study, key), median_target(study, key)
    if estimate is None or not others or median is None:
        return []
    name = contrast_name(key)
    low, high = min(others, key=lambda t: others[t].value), max(others, key=lambda t: others[t].value)
    sentences = [
        (
            f"Without any one target {name} is from {signed(others[low].value)} (without {low}) to "
            f"{signed(others[high].value)} (without {high}), and its median over targets is {signed(median)}."
        )
    ]
    turned = [target for target, one in others.items() if one.value * estimate.value < 0]
    if turned:
        each = " (each alone)" if len(turned) > 1 else ""
        sentences.append(f"Without {listed(turned)}{each} its sign is the other one.")
    if study.has_verdicts:
        lost = [target for target, one in others.items() if one.is_significant != estimate.is_significant]
        if lost:
            word = "lost" if estimate.is_significant else "gained"
            each = " (each alone)" if len(lost) > 1 else ""
            sentences.append(f"Without {listed(lost)}{each} its significance is {word}.")
        p = flipped(study, key)
        if p is not None and bool(estimate.is_significant) != (p <= 1 - study.analysis.level):
            sentences.append(f"The sign-flip test over seeds says otherwise of it (p {p:.3f}, not corrected).")
    if median * estimate.value < 0:
        sentences.append("The median and the mean over targets are of opposite signs.")
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
    by = listed(shown)
    if len(shown) > FEW_TASKS:
        by = f"between {shown[-1]} and {shown[0]}, of {len(shown)} tasks"
    sentence = f"Averaged over targets, the score of the {encoder} encoder moves by {by}"
    if study.has_verdicts:
        words = {name: direction(estimates[name], "raise", "lower", "") for name in ranked}
        found = [
            f"{listed(of)} {effect if len(of) > 1 else f'{effect}s'} it"
            for effect in ("raise", "lower")
            if (of := [name for name in ranked if words[name] == effect])
        ]
        sentence += f"; after correction {' and '.join(found) or 'none has a statistically significant effect'}"
    return [f"{sentence}."]


def _targets(study: Study, encoder: str) -> str:
    found = {
        (task, target): estimate
        for (task, name, target), estimate in main_gains(study).items()
        if name == encoder and task in study.intermediates and target in study.averaged and estimate is not None
    }
    if not found:
        return f"No cell of the {encoder} encoder was run."
    ranked = sorted(found, key=lambda key: found[key].value)
    (low, at_low), (high, at_high) = ranked[0], ranked[-1]
    above = sum(one.value > 0 for one in found.values())
    return (
        f"Of the {counted(len(found), 'cell')} of the {encoder} encoder, drawn towards the mean of their task, {above} "
        f"{'is' if above == 1 else 'are'} above zero, from {points(found[low, at_low])} ({at_low} after {low}) to "
        f"{points(found[high, at_high])} ({at_high} after {high}); single cells are explored, not tested."
    )


def _retrieval(study: Study, encoder: str) -> list[str]:
    bare = [name for name in study.targets if not study.tasks[name].is_trained]
    estimate = gain(study, encoder, study.primary, bare) if bare else None
    if estimate is None:
        return []
    return [
        (
            f"Retrieval by the bare {encoder} encoder ({listed(bare)}), which no training on the target repairs, "
            f"moves by {points(estimate)} points in the mean over {listed(study.primary)}."
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
            f"With the {encoder} encoder the mean over tasks and targets, drawn towards that of all languages, is "
            f"above zero in {improved} of {len(means)} languages; it runs from {signed(means[low])} "
            f"({low}) to {signed(means[high])} ({high})."
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
            f"{after:.1f} after {task}, the task of the largest average gain ({encoder}, mean over the averaged "
            f"targets that have English): {word} by {abs(after - before):.1f}, a difference without an interval."
        )
    ]


def _pretraining(study: Study, encoder: str) -> list[str]:
    estimate = main_gains(study).get(("untrained", encoder, MEAN))
    if estimate is None:
        return []
    effect = direction(
        estimate, "scores higher than", "scores lower than", "does not differ significantly from", "beside"
    )
    return [f"An untrained {encoder} encoder {effect} a pretrained one: {points(estimate)} points."]


def _recipes(study: Study, encoder: str) -> list[str]:
    sentences = []
    for name in study.recipes:
        estimate = recipe_contrasts(study)[name, encoder]
        if estimate is not None:
            tasks = plain_tasks(study, name)
            than = f"{listed(tasks)} alone" if len(tasks) == 1 else f"{listed(tasks)} on average"
            if len(tasks) > FEW_TASKS:
                than = f"its {len(tasks)} tasks by themselves on average"
            effect = direction(
                estimate,
                "scores higher than",
                "scores lower than",
                "does not differ significantly from",
                "beside",
            )
            sentences.append(f"With the {encoder} encoder {name} {effect} {than}: {points(estimate)} points.")
    return sentences


def _controls(study: Study, encoder: str) -> list[str]:
    sentences = []
    estimate = main_gains(study).get(("mlm", encoder, MEAN))
    if estimate is not None:
        effect = direction(estimate, "raise", "lower", "have no statistically significant effect on", "change")
        sentences.append(
            f"As many more steps of masked LM {effect} the average of the {encoder} encoder: {points(estimate)} points."
        )
    names = [name for name in study.intermediates if f"{name}+shuffled" in study.controls]
    shuffled = gain(study, encoder, [f"{name}+shuffled" for name in names]) if names else None
    if shuffled is not None:
        sentences.append(
            f"With shuffled labels, {listed(names)} move the average of the {encoder} encoder by "
            f"{points(shuffled)} points."
        )
    return sentences


def _noise(study: Study) -> list[str]:
    deviation = seed_std(study)
    if deviation is None:
        return ["With one seed there is no measure of noise, and no interval."]
    return [
        (
            f"Between seeds, a target's mean zero-shot score has a standard deviation of {deviation:.1f} points, "
            "pooled over all cells."
        )
    ]


def names(study: Study) -> Mapping[str, str]:
    """Lists of ids as a sentence has them."""
    return {
        "encoders": listed(study.encoders),
        "intermediates": listed(study.intermediates),
        "primary": listed(study.primary),
        "targets": listed(study.targets),
        "languages": listed(study.languages),
        "bare_targets": listed([name for name in study.targets if not study.tasks[name].is_trained] or ["none"]),
    }


def answer_page(study: Study, made: Sequence[Table | Figure]) -> str:
    """The short answer in Markdown, as the README shows that of the reference: sentences, and the rows of the table
    that they rest on."""
    table = next(one for one in made if isinstance(one, Table) and one.name == "answer")
    mean, *tasks = table.rows
    table = dataclasses.replace(table, rows=(mean, *(row for row in tasks if row[0] in study.primary)))
    return " ".join(sentences_of(study)["answer"]) + "\n\n" + as_markdown(table)
