"""The main table: the gain from each intermediate task, per target, every encoder beside the others."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from xit.core.conditions import MULTITASK, parse
from xit.paper.render import Inputs, Table
from xit.statistics.claims import Claim
from xit.statistics.study import MEAN, Estimate, Floats, Study, estimate, gain, gains, main_gains, pool, weights
from xit.tables import recipes

KINDS = {
    "untrained": "an encoder that was never pretrained",
    "mlm": "as many more steps of masked LM in all languages",
    "+shuffled": "the task with its labels shuffled",
}


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Rows are conditions and encoders, columns targets and their mean."""
    study = inputs.study
    conditions = [*study.intermediates, *study.recipes, *study.controls]
    rows = tuple(
        (
            condition if encoder == study.encoders[0] else "",
            encoder,
            *(main_gains(study)[condition, encoder, target] for target in (*study.targets, MEAN)),
        )
        for condition in conditions
        for encoder in study.encoders
    )
    return (
        Table(
            name="gains",
            title=f"Gain in zero-shot score over no intermediate training ({inputs.label})",
            caption=(
                "Points on the scale of each target's metric, mean over languages other than English and over seeds, "
                "paired with the same encoder without intermediate training; 95 % intervals over seeds and "
                "languages. * differs from zero after Holm's correction for all cells of this table. "
                f"{_controls(study)}Made by `xit paper` from results/scores.csv."
            ),
            columns=("intermediate", "encoder", *study.targets, MEAN),
            rows=rows,
            sections=tuple(range(0, len(rows), len(study.encoders))),
            texts=2,
        ),
    )


def _controls(study: Study) -> str:
    """What the controls are, for the caption."""
    found = [f"{name}, {what}" for name, what in KINDS.items() if any(one.endswith(name) for one in study.controls)]
    return f"Controls: {'; '.join(found)}. " if found else ""


def _pretraining(study: Study, encoder: str) -> Estimate | None:
    if "untrained" not in study.conditions:
        return None
    cubes = [-gains(study, each, ["untrained"]) for each in study.encoders]
    return estimate(cubes[study.encoders.index(encoder)], weights(study), cubes)


def _average(study: Study, encoder: str, *, condition: str) -> Estimate | None:
    return main_gains(study).get((condition, encoder, MEAN))


def _overall(study: Study, encoder: str) -> Estimate | None:
    return gain(study, encoder, study.intermediates)


BEST = ("squad", "mnli", "hellaswag")


def _largest(study: Study, encoder: str) -> Estimate | None:
    rest = [name for name in study.intermediates if name not in BEST]
    if not rest or not set(BEST) <= set(study.intermediates):
        return None
    cubes = [gains(study, each, BEST) - gains(study, each, rest) for each in study.encoders]
    return estimate(cubes[study.encoders.index(encoder)], weights(study), cubes)


def _against_rest(study: Study, encoder: str, *, chosen: tuple[str, ...], sign: int = 1) -> Estimate | None:
    """The gain on some targets minus that on the others, mean over intermediate tasks."""
    chosen = tuple(name for name in chosen if name in study.targets)
    rest = tuple(name for name in study.targets if name not in chosen)
    if not chosen or not rest:
        return None
    weight = sign * (weights(study, chosen) - weights(study, rest))
    return estimate(gains(study, encoder, study.intermediates), weight, pool(study, study.intermediates))


def _bare_retrieval(study: Study, encoder: str) -> Estimate | None:
    return _against_rest(
        study, encoder, chosen=tuple(name for name in study.targets if not study.tasks[name].is_trained)
    )


def _loss(study: Study, encoder: str, *, target: str) -> Estimate | None:
    if target not in study.targets:
        return None
    cubes = [-gains(study, each, study.intermediates) for each in study.encoders]
    return estimate(cubes[study.encoders.index(encoder)], weights(study, [target]), cubes)


def _best_per_target(study: Study, encoder: str) -> Estimate | None:
    """Each seed with the intermediate task that was best for the target on the other seeds, not on its own luck."""
    if len(study.seeds) < 2:
        return None
    cubes = [_chosen(study, each, study.intermediates) for each in study.encoders]
    return estimate(cubes[study.encoders.index(encoder)], weights(study), cubes)


def _chosen(study: Study, encoder: str, tasks: Sequence[str], is_one_for_all: bool = False) -> Floats:
    """The gains with the task that was best on the other seeds, for each target or for all."""
    each = np.stack([gains(study, encoder, [name]) for name in tasks])  # [task, seed, language, target]
    present = ~np.isnan(each)
    means = np.where(present, each, 0).sum(axis=2) / present.sum(axis=2).clip(1)  # [task, seed, target]
    if is_one_for_all:
        means = np.broadcast_to(means.mean(axis=2, keepdims=True), means.shape)
    best = (means.sum(axis=1, keepdims=True) - means).argmax(axis=0)  # [seed, target]
    chosen: Floats = np.take_along_axis(each, best[np.newaxis, :, np.newaxis, :], axis=0)[0]
    return chosen


def _multitask(study: Study, encoder: str) -> Estimate | None:
    return _average(study, encoder, condition=MULTITASK)


def _multitask_over_best(study: Study, encoder: str) -> Estimate | None:
    """All tasks at once minus the one task that is best on average, chosen on the other seeds."""
    if MULTITASK not in study.recipes or not study.intermediates or len(study.seeds) < 2:
        return None
    cubes = [
        gains(study, each, [MULTITASK]) - _chosen(study, each, study.intermediates, True) for each in study.encoders
    ]
    return estimate(cubes[study.encoders.index(encoder)], weights(study), cubes)


def _typical(study: Study, encoder: str, *, target: str) -> Estimate | None:
    """The median over intermediate tasks in each language and seed: above zero where most tasks give a gain."""
    if target not in study.targets or not study.intermediates:
        return None
    cubes = [np.median([gains(study, each, [name]) for name in study.intermediates], axis=0) for each in study.encoders]
    return estimate(cubes[study.encoders.index(encoder)], weights(study, [target]), cubes)


def _below_a_point(study: Study, encoder: str, *, target: str) -> Estimate | None:
    """One point minus the gain of the target's best task, chosen on the other seeds."""
    if target not in study.targets or not study.intermediates or len(study.seeds) < 2:
        return None
    cubes = [1 - _chosen(study, each, study.intermediates) for each in study.encoders]
    return estimate(cubes[study.encoders.index(encoder)], weights(study, [target]), cubes)


def _over_variant(study: Study, encoder: str, *, is_mlm: bool) -> Estimate | None:
    """Tasks by themselves minus the same tasks with multilingual MLM, or in translation."""
    found = [(one.task or "", one.id) for one in map(parse, study.recipes) if one.examples is None]
    found = [(task, name) for task, name in found if task in study.intermediates and parse(name).has_mlm == is_mlm]
    if not found:
        return None
    pair: recipes.Pair = ([task for task, _ in found], [name for _, name in found])
    return recipes.contrast(study, encoder, pair, recipes.pairs(study) if len(found) == 1 else [pair])


CLAIMS = (
    Claim("pretraining", "Pretraining helps: the pretrained encoder beats an untrained one.", _pretraining),
    Claim("intermediate", "English intermediate training raises the average zero-shot score.", _overall),
    Claim("squad", "SQuAD raises the average.", partial(_average, condition="squad")),
    Claim("mnli", "MNLI raises the average.", partial(_average, condition="mnli")),
    Claim("hellaswag", "HellaSwag raises the average.", partial(_average, condition="hellaswag")),
    Claim("largest", "SQuAD, MNLI and HellaSwag raise it more than the other tasks.", _largest),
    Claim("best", "The best task for each target raises the average.", _best_per_target),
    Claim("multitask", "All intermediate tasks at once (nine in the paper) raise the average.", _multitask),
    Claim(
        "multitask-best", "All intermediate tasks at once raise it more than the best task alone.", _multitask_over_best
    ),
    Claim("retrieval", "Retrieval by the bare encoder gains more than the trained targets.", _bare_retrieval),
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
)
