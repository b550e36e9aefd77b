"""Published statements, each tested on our own scores, for each encoder on its own.

A claim is about a difference that would be above zero if it held. Its verdict follows the one rule of all families
(`xit.statistics.gains`): a claim about a gain that another family tests has the star from there, and the others are a
family of their own. The published numbers stand in paper/inputs/published.csv, under the claim's id, with what makes
ours another quantity.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from xit.core.conditions import MLM, MULTITASK, SHUFFLED, parse
from xit.statistics.anova import analyse
from xit.statistics.gains import (
    Estimate,
    contrast,
    control_of,
    estimated,
    gain_array,
    holm,
    is_equal,
    main_gains,
    primary_analyses,
    primary_gains,
)
from xit.statistics.study import MEAN, Floats, Study, mean_of_present, weights

Verdict = Literal["reproduced", "contradicted", "inconclusive", "not tested", "not run"]


@dataclasses.dataclass(frozen=True)
class Claim:
    """A statement and the difference that decides it.

    Attributes:
        id: Also the key of its published numbers.
        statement: As it is printed; `{first}` stands for the first encoder, `{margin}` for the declared margin.
        measure: The difference for an encoder, above zero where the statement holds; None where it was not run.
        is_equality: Whether it says that an encoder's gain equals that of the first one, and so skips the first.
    """

    id: str
    statement: str
    measure: Callable[[Study, str], Estimate | None]
    is_equality: bool = False

    def said(self, study: Study) -> str:
        """The statement in full."""
        return self.statement.format(first=study.encoders[0], margin=f"{study.analysis.margin:g}")


@dataclasses.dataclass(frozen=True)
class ClaimResult:
    """What our scores say of a claim, for one encoder."""

    claim: Claim
    encoder: str
    estimate: Estimate | None
    verdict: Verdict


@functools.cache
def results(study: Study) -> Mapping[tuple[str, str], ClaimResult]:
    """Every claim, tested for every encoder that it is about, by its id and the encoder."""
    measured = {
        (claim, encoder): claim.measure(study, encoder)
        for claim in CLAIMS
        for encoder in study.encoders[claim.is_equality :]
    }
    own = {key: one for key, one in measured.items() if one is not None and one.is_significant is None}
    tested = measured | holm(study, own)
    return {
        (claim.id, encoder): ClaimResult(
            claim, encoder, one, _equality(study, encoder) if claim.is_equality else verdict(one)
        )
        for (claim, encoder), one in tested.items()
    }


def verdict(one: Estimate | None) -> Verdict:
    """The verdict on a difference, by its sign where it is significant; none where nothing was tested.

    >>> verdict(Estimate(2.0, low=0.5, high=3.5, p=0.01, improved=9, languages=12, seeds=6, is_significant=True))
    'reproduced'
    >>> verdict(Estimate(2.0, low=0.5, high=3.5, p=0.04, improved=9, languages=12, seeds=6, is_significant=False))
    'inconclusive'
    """
    if one is None:
        return "not run"
    if one.is_significant is None:
        return "not tested"
    if not one.is_significant:
        return "inconclusive"
    return "reproduced" if one.value > 0 else "contradicted"


def _equality(study: Study, encoder: str) -> Verdict:
    """Equal where two one-sided tests say so, unequal where the whole interval is beyond the margin."""
    one = primary_analyses(study)[study.encoders[0], encoder]
    if one is None:
        return "not run"
    ends = one.interval(study.analysis.level)
    if not study.has_verdicts or ends is None:
        return "not tested"
    if is_equal(study, one):
        return "reproduced"
    return "contradicted" if ends[0] > study.analysis.margin or ends[1] < -study.analysis.margin else "inconclusive"


def entries(study: Study, published: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Every claim as plain JSON values; what was published of it is None where a claim is our own."""
    rows = {row["key"]: row for row in published if row["key"]}
    found = results(study)
    return [
        {
            "id": claim.id,
            "statement": claim.said(study),
            "source": rows[claim.id]["source"] if claim.id in rows else None,
            "published": rows[claim.id]["value"] if claim.id in rows else None,
            "differs": rows[claim.id]["differs"] if claim.id in rows else None,
            "by_encoder": {name: _entry(one) for (key, name), one in found.items() if key == claim.id},
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


def _estimate(study: Study, cube: Floats, weight: Floats | None = None) -> Estimate | None:
    return estimated(study, analyse([np.asarray(cube)], weights(study) if weight is None else weight))


def _pretraining(study: Study, encoder: str) -> Estimate | None:
    return _estimate(study, -gain_array(study, encoder, ["untrained"]))


def _average(study: Study, encoder: str, *, condition: str) -> Estimate | None:
    return main_gains(study).get((condition, encoder, MEAN))


def _overall(study: Study, encoder: str) -> Estimate | None:
    return primary_gains(study)[(encoder,)]


def _largest(study: Study, encoder: str) -> Estimate | None:
    best = ("squad", "mnli", "hellaswag")
    rest = [name for name in study.intermediates if name not in best]
    if not rest or not set(best) <= set(study.intermediates):
        return None
    return contrast(study, encoder, best, rest)


def _against_rest(study: Study, encoder: str, *, chosen: Sequence[str]) -> Estimate | None:
    """The gain on some targets minus the mean of the others, mean over the declared tasks."""
    chosen = [name for name in chosen if name in study.averaged]
    rest = [name for name in study.averaged if name not in chosen]
    if not chosen or not rest:
        return None
    weight = weights(study, chosen) - weights(study, rest)
    return _estimate(study, gain_array(study, encoder, study.primary), weight)


def _retrieval(study: Study, encoder: str) -> Estimate | None:
    return _against_rest(study, encoder, chosen=[name for name, task in study.tasks.items() if not task.is_trained])


def _best_per_target(study: Study, encoder: str) -> Estimate | None:
    """Each seed with the intermediate task that was best for the target on the other seeds, not on its own luck."""
    if len(study.seeds) < 2:
        return None
    return _estimate(study, _with_best_task(study, encoder))


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
    return _estimate(study, gain_array(study, encoder, [MULTITASK]) - _with_best_task(study, encoder, True))


def _typical(study: Study, encoder: str, *, target: str) -> Estimate | None:
    """The median over intermediate tasks in each language and seed: above zero where most tasks give a gain."""
    if target not in study.averaged or not study.intermediates:
        return None
    gains = [gain_array(study, encoder, [task]) for task in study.intermediates]
    return _estimate(study, np.median(gains, axis=0), weights(study, [target]))


def _below_margin(study: Study, encoder: str, *, target: str) -> Estimate | None:
    """The margin minus the gain of the target's best task, chosen on the other seeds."""
    if target not in study.averaged or not study.intermediates or len(study.seeds) < 2:
        return None
    return _estimate(study, study.analysis.margin - _with_best_task(study, encoder), weights(study, [target]))


def _variant_below_margin(study: Study, encoder: str, *, is_mlm: bool) -> Estimate | None:
    """The margin minus what multilingual MLM, or translation, adds to the tasks by themselves."""
    variants = [(one.task or "", one.id) for one in map(parse, study.recipes) if one.examples is None]
    variants = [
        (task, name) for task, name in variants if task in study.intermediates and parse(name).has_mlm == is_mlm
    ]
    if not variants:
        return None
    tasks, names = zip(*variants, strict=True)
    added = gain_array(study, encoder, names) - gain_array(study, encoder, tasks)
    return _estimate(study, study.analysis.margin - added)


def _over_control(study: Study, encoder: str, *, control: str) -> Estimate | None:
    """The mean gain of the tasks minus that of their control, over the tasks that have it."""
    controls = {name: control_of(name, control) for name in study.intermediates}
    tasks = [name for name in study.intermediates if controls[name] in study.controls]
    if not tasks:
        return None
    return contrast(study, encoder, tasks, list(dict.fromkeys(controls[name] for name in tasks)))


def _same(study: Study, encoder: str) -> Estimate | None:
    return primary_gains(study)[study.encoders[0], encoder]


CLAIMS = (
    Claim("pretraining", "Pretraining helps: the pretrained encoder beats an untrained one.", _pretraining),
    Claim("intermediate", "English intermediate training raises the average zero-shot score.", _overall),
    Claim("squad", "SQuAD raises the average.", partial(_average, condition="squad")),
    Claim("mnli", "MNLI raises the average.", partial(_average, condition="mnli")),
    Claim("hellaswag", "HellaSwag raises the average.", partial(_average, condition="hellaswag")),
    Claim("largest", "SQuAD, MNLI and HellaSwag raise it more than the mean of the other tasks.", _largest),
    Claim("best", "The best task for each target raises the average.", _best_per_target),
    Claim(
        "multitask",
        "All intermediate tasks at once (nine in the paper) raise the average.",
        partial(_average, condition=MULTITASK),
    ),
    Claim(
        "multitask-best", "All intermediate tasks at once raise it more than the best task alone.", _multitask_over_best
    ),
    Claim("retrieval", "Retrieval by the bare encoder gains more than the mean of the trained targets.", _retrieval),
    Claim(
        "tydiqa", "TyDiQA gains more than the mean of the other targets.", partial(_against_rest, chosen=("tydiqa",))
    ),
    Claim(
        "tydiqa-most", "TyDiQA gains from most tasks: the median task raises it.", partial(_typical, target="tydiqa")
    ),
    Claim(
        "xnli-none",
        "XNLI gains from no task: even its best one raises it by less than {margin} points.",
        partial(_below_margin, target="xnli"),
    ),
    Claim(
        "mlm",
        "Multilingual MLM beside a task adds less than {margin} points to English alone.",
        partial(_variant_below_margin, is_mlm=True),
    ),
    Claim(
        "translated",
        "Translated data add less than {margin} points to English alone.",
        partial(_variant_below_margin, is_mlm=False),
    ),
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
        "The average gain is the same as with the {first} encoder, within {margin} points.",
        _same,
        is_equality=True,
    ),
)
