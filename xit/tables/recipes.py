"""Recipes beside what they are made of: several tasks at once, masked LM between the batches, translated data."""

from xit.paper.inputs import Inputs
from xit.paper.render import Cell, Table
from xit.paper.sentences import starred
from xit.statistics.gains import main_gains, recipe_contrasts
from xit.statistics.study import MEAN


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A row a recipe: for each encoder its average gain, and that minus the gain of the plain task or tasks."""
    study = inputs.study
    if not study.recipes:
        return ()
    shares = {row["condition"]: row["shares"] for row in inputs.training if row["stage"] == "intermediate"}
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            shares.get(name) or "–",
            *(
                cell
                for encoder in study.encoders
                for cell in (main_gains(study)[name, encoder, MEAN], recipe_contrasts(study)[name, encoder])
            ),
        )
        for name in study.recipes
    ]
    table = Table(
        name="recipes",
        title=f"Recipes of intermediate training ({inputs.label})",
        caption=(
            "Average gain over no intermediate training, and the same minus that of the plain English task (for "
            "multitask, minus the mean of the tasks by themselves), in points, with intervals over seeds and "
            f"languages. {starred(study, 'all means of the table of gains', 'all contrasts of this table')} Batches: "
            "the share of each stream. Made by `xit paper` from results/scores.csv."
        ),
        columns=("recipe", "batches", *(("gain", "over plain") * len(study.encoders))),
        rows=tuple(rows),
        groups=(("", 2), *((encoder, 2) for encoder in study.encoders)),
        texts=2,
        stretch=1,
    )
    return (table,)
