"""Recipes beside what they are made of: several tasks at once, masked LM between the batches, translated data."""

from collections.abc import Sequence

import numpy as np

from xit.core.conditions import parse
from xit.paper.render import Cell, Inputs, Table
from xit.statistics.study import Estimate, Floats, Study, estimate, gain, gains, weights


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A row a recipe: for each encoder its average gain, and that minus the gain of the plain task or tasks."""
    study = inputs.study
    if not study.recipes:
        return ()
    shares = {row["intermediate"]: row["shares"] for row in inputs.training if row["stage"] == "intermediate"}
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            shares.get(name) or "–",
            *(
                cell
                for encoder in study.encoders
                for cell in (gain(study, encoder, [name]), over(study, encoder, name))
            ),
        )
        for name in study.recipes
    ]
    table = Table(
        name="recipes",
        title=f"Recipes of intermediate training ({inputs.label})",
        caption=(
            "Average gain over no intermediate training, and the same minus that of the plain English task (for "
            "multitask, minus the mean of the tasks by themselves), in points, with 95 % intervals over seeds and "
            "languages; * after Holm's correction for all cells. Batches: the share of each stream. Made by "
            "`xit paper` from results/scores.csv."
        ),
        columns=("recipe", "batches", *(("gain", "over plain") * len(study.encoders))),
        rows=tuple(rows),
        groups=(("", 2), *((encoder, 2) for encoder in study.encoders)),
        texts=2,
        stretch=1,
    )
    return (table.corrected(),)


def plain(study: Study, name: str) -> tuple[str, ...]:
    """The plain intermediate tasks that a recipe is made of; for multitask, all that were run."""
    task = parse(name).task
    return (task,) if task in study.intermediates else study.intermediates


def over(study: Study, encoder: str, name: str) -> Estimate | None:
    """The average gain of a recipe minus that of its plain tasks."""
    return contrast(study, encoder, ([name], plain(study, name)), pairs(study))


Pair = tuple[Sequence[str], Sequence[str]]


def pairs(study: Study) -> list[Pair]:
    """Every recipe and its plain tasks."""
    return [([name], plain(study, name)) for name in study.recipes]


def contrast(study: Study, encoder: str, pair: Pair, alike: Sequence[Pair]) -> Estimate | None:
    """The average gain of some conditions minus that of others; the spread over seeds is pooled over pairs alike."""

    def cube(of: str, conditions: Pair) -> Floats:
        return np.asarray(gains(study, of, conditions[0]) - gains(study, of, conditions[1]), dtype=np.float64)

    pooled = [cube(each, other) for each in study.encoders for other in alike]
    return estimate(cube(encoder, pair), weights(study), pooled)
