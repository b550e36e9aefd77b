"""Published statements, each tested on our own scores, for each encoder on its own.

A claim is about a difference that would be above zero if it held; the verdict follows from the 95 % interval of that
difference and nothing else. The published numbers stand in paper/inputs/published.csv, under the claim's id.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from xit.core.conditions import MLM, MULTITASK, SHUFFLED, parse
from xit.statistics.gains import (
    Estimate,
    Pair,
    contrast,
    control_of,
    difference,
    estimate,
    gain,
    gain_array,
    main_gains,
    plain_tasks,
    pool,
    pooled_estimate,
)
from xit.statistics.study import MEAN, Floats, Study, mean_of_present, weights

Verdict = Literal["reproduced", "contradicted", "inconclusive", "not run"]


@dataclasses.dataclass(frozen=True)
class Claim:
    """A statement and the difference that decides it.

    Attributes:
        id: Also the key of its published numbers.
        statement: As it is printed; `{first}` stands for the first encoder.
        measure: The difference for an encoder, above zero where the statement holds; None where it was not run.
        is_comparison: Whether it is about an encoder against the first one, and so skips the first.
        margin: For a statement of equality: the largest difference that counts as none, in points.
    """

    id: str
    statement: str
    measure: Callable[[Study, str], Estimate | None]
    is_comparison: bool = False
    margin: float | None = None


@dataclasses.dataclass(frozen=True)
class ClaimResult:
    """What our scores say of a claim, for one encoder."""

    claim: Claim
    encoder: str
    estimate: Estimate | None
    verdict: Verdict


def results_of(claim: Claim, study: Study) -> tuple[ClaimResult, ...]:
    """A claim tested for every encoder that it is about."""
    found = []
    for encoder in study.encoders[1:] if claim.is_comparison else study.encoders:
        measured = claim.measure(study, encoder)
        if measured is not None:
            measured = dataclasses.replace(measured, is_significant=False)  # a star would speak of another family
        found.append(ClaimResult(claim, encoder, measured, verdict(measured, claim.margin)))
    return tuple(found)


def verdict(one: Estimate | None, margin: float | None = None) -> Verdict:
    """The verdict on a difference: by its sign, or with a margin by whether it is small enough to call equal.

    >>> verdict(Estimate(value=2.0, low=0.5, high=3.5, p=0.01, improved=9, languages=12, seeds=2))
    'reproduced'
    >>> verdict(Estimate(value=2.0, low=-0.5, high=4.5, p=0.1, improved=9, languages=12, seeds=2), margin=1.0)
    'inconclusive'
    """
    if one is None:
        return "not run"
    if one.low is None or one.high is None:
        return "inconclusive"
    if margin is None:
        return "reproduced" if one.low > 0 else "contradicted" if one.high < 0 else "inconclusive"
    if -margin < one.low and one.high < margin:
        return "reproduced"
    return "contradicted" if one.low > 0 or one.high < 0 else "inconclusive"


def entries(study: Study, published: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Every claim as plain JSON values; `published` and its `source` are None where a claim is our own."""
    rows = {row["key"]: row for row in published if row["key"]}
    return [
        {
            "id": claim.id,
            "statement": claim.statement.format(first=study.encoders[0]),
            "source": rows[claim.id]["source"] if claim.id in rows else None,
            "published": rows[claim.id]["value"] if claim.id in rows else None,
            "by_encoder": {one.encoder: _entry(one) for one in results_of(claim, study)},
        }
        for claim in CLAIMS
    ]


def _entry(one: ClaimResult) -> dict[str, Any]:
    measured = one.estimate
    return {
        "estimate": measured.value if measured else None,
        "interval": [measured.low, measured.high] if measured and measured.low is not None else None,
        "verdict": one.verdict,
    }


# What each claim measures


def _pretraining(study: Study, encoder: str) -> Estimate | None:
    if "untrained" not in study.conditions:
        return None
    return pooled_estimate(study, encoder, lambda name: -gain_array(study, name, ["untrained"]))


def _average(study: Study, encoder: str, *, condition: str) -> Estimate | None:
    return main_gains(study).get((condition, encoder, MEAN))


def _overall(study: Study, encoder: str) -> Estimate | None:
    return gain(study, encoder, study.intermediates)


def _largest(study: Study, encoder: str) -> Estimate | None:
    best = ("squad", "mnli", "hellaswag")
    rest = [name for name in study.intermediates if name not in best]
    if not rest or not set(best) <= set(study.intermediates):
        return None
    return pooled_estimate(study, encoder, lambda name: gain_array(study, name, best) - gain_array(study, name, rest))


def _against_rest(study: Study, encoder: str, *, chosen: Sequence[str], sign: int = 1) -> Estimate | None:
    """The gain on some targets minus that on the others, mean over intermediate tasks."""
    chosen = [name for name in chosen if name in study.targets]
    rest = [name for name in study.targets if name not in chosen]
    if not chosen or not rest:
        return None
    weight = sign * (weights(study, chosen) - weights(study, rest))
    return estimate(gain_array(study, encoder, study.intermediates), weight, pool(study, study.intermediates))


def _retrieval(study: Study, encoder: str) -> Estimate | None:
    return _against_rest(study, encoder, chosen=[name for name, task in study.tasks.items() if not task.is_trained])


def _loss(study: Study, encoder: str, *, target: str) -> Estimate | None:
    if target not in study.targets:
        return None
    return pooled_estimate(
        study, encoder, lambda name: -gain_array(study, name, study.intermediates), weights(study, [target])
    )


def _best_per_target(study: Study, encoder: str) -> Estimate | None:
    """Each seed with the intermediate task that was best for the target on the other seeds, not on its own luck."""
    if len(study.seeds) < 2:
        return None
    return pooled_estimate(study, encoder, lambda name: _with_best_task(study, name))


def _with_best_task(study: Study, encoder: str, is_one_for_all: bool = False) -> Floats:
    """The gains with the task that was best on the other seeds, for each target or for all."""
    gains = np.stack([gain_array(study, encoder, [name]) for name in study.intermediates])
    means = np.nan_to_num(mean_of_present(gains, axis=2))  # [task, seed, target]
    if is_one_for_all:
        means = np.broadcast_to(means.mean(axis=2, keepdims=True), means.shape)
    best = (means.sum(axis=1, keepdims=True) - means).argmax(axis=0)  # [seed, target]
    chosen: Floats = np.take_along_axis(gains, best[np.newaxis, :, np.newaxis, :], axis=0)[0]
    return chosen


def _multitask_over_best(study: Study, encoder: str) -> Estimate | None:
    """All tasks at once minus the one task that is best on average, chosen on the other seeds."""
    if MULTITASK not in study.recipes or not study.intermediates or len(study.seeds) < 2:
        return None
    return pooled_estimate(
        study, encoder, lambda name: gain_array(study, name, [MULTITASK]) - _with_best_task(study, name, True)
    )


def _typical(study: Study, encoder: str, *, target: str) -> Estimate | None:
    """The median over intermediate tasks in each language and seed: above zero where most tasks give a gain."""
    if target not in study.targets or not study.intermediates:
        return None

    def median(name: str) -> Floats:
        gains = [gain_array(study, name, [task]) for task in study.intermediates]
        return np.asarray(np.median(gains, axis=0), dtype=np.float64)

    return pooled_estimate(study, encoder, median, weights(study, [target]))


def _below_a_point(study: Study, encoder: str, *, target: str) -> Estimate | None:
    """One point minus the gain of the target's best task, chosen on the other seeds."""
    if target not in study.targets or not study.intermediates or len(study.seeds) < 2:
        return None
    return pooled_estimate(study, encoder, lambda name: 1 - _with_best_task(study, name), weights(study, [target]))


def _over_variant(study: Study, encoder: str, *, is_mlm: bool) -> Estimate | None:
    """Tasks by themselves minus the same tasks with multilingual MLM, or in translation."""
    variants = [(one.task or "", one.id) for one in map(parse, study.recipes) if one.examples is None]
    variants = [
        (task, name) for task, name in variants if task in study.intermediates and parse(name).has_mlm == is_mlm
    ]
    if not variants:
        return None
    pair: Pair = ([task for task, _ in variants], [name for _, name in variants])
    recipes = [([name], plain_tasks(study, name)) for name in study.recipes]
    return contrast(study, encoder, pair, recipes if len(variants) == 1 else [pair])


def _over_control(study: Study, encoder: str, *, control: str) -> Estimate | None:
    """The mean gain of the tasks minus that of their control, over the tasks that have it."""
    controls = {name: control_of(name, control) for name in study.intermediates}
    tasks = [name for name in study.intermediates if controls[name] in study.controls]
    if not tasks:
        return None
    pair: Pair = (tasks, list(dict.fromkeys(controls[name] for name in tasks)))
    return contrast(study, encoder, pair, [pair])


def _same(study: Study, encoder: str) -> Estimate | None:
    return difference(study, encoder, study.encoders[0], study.intermediates)


CLAIMS = (
    Claim("pretraining", "Pretraining helps: the pretrained encoder beats an untrained one.", _pretraining),
    Claim("intermediate", "English intermediate training raises the average zero-shot score.", _overall),
    Claim("squad", "SQuAD raises the average.", partial(_average, condition="squad")),
    Claim("mnli", "MNLI raises the average.", partial(_average, condition="mnli")),
    Claim("hellaswag", "HellaSwag raises the average.", partial(_average, condition="hellaswag")),
    Claim("largest", "SQuAD, MNLI and HellaSwag raise it more than the other tasks.", _largest),
    Claim("best", "The best task for each target raises the average.", _best_per_target),
    Claim(
        "multitask",
        "All intermediate tasks at once (nine in the paper) raise the average.",
        partial(_average, condition=MULTITASK),
    ),
    Claim(
        "multitask-best", "All intermediate tasks at once raise it more than the best task alone.", _multitask_over_best
    ),
    Claim("retrieval", "Retrieval by the bare encoder gains more than the trained targets.", _retrieval),
    Claim("tydiqa", "TyDiQA gains more than the other targets.", partial(_against_rest, chosen=("tydiqa",))),
    Claim(
        "tydiqa-most", "TyDiQA gains from most tasks: the median task raises it.", partial(_typical, target="tydiqa")
    ),
    Claim("xnli", "XNLI gains less than the other targets.", partial(_against_rest, chosen=("xnli",), sign=-1)),
    Claim(
        "xnli-none",
        "XNLI gains from no task: even its best one raises it by less than a point.",
        partial(_below_a_point, target="xnli"),
    ),
    Claim("panx", "Entity tagging (PAN-X) loses.", partial(_loss, target="panx")),
    Claim("mlm", "English alone beats English with multilingual MLM.", partial(_over_variant, is_mlm=True)),
    Claim("translated", "English alone beats translated data.", partial(_over_variant, is_mlm=False)),
    Claim(
        "over-mlm",
        "Intermediate tasks raise the average more than as many steps of masked LM.",
        partial(_over_control, control=MLM),
    ),
    Claim(
        "over-shuffled",
        "Intermediate tasks raise the average more than with their labels shuffled.",
        partial(_over_control, control=SHUFFLED),
    ),
    Claim(
        "same",
        "The average gain is the same as with the {first} encoder, within one point.",
        _same,
        is_comparison=True,
        margin=1.0,
    ),
)
