"""The main table: the gain from each intermediate task, per target, every encoder beside the others."""

from xit.paper.inputs import SHARED, Inputs
from xit.paper.render import Table
from xit.paper.sentences import starred
from xit.statistics.gains import main_gains
from xit.statistics.study import MEAN, Study

KINDS = {
    "untrained": "an encoder that was never pretrained",
    "mlm": "as many more steps of masked LM in all languages",
    "+shuffled": "the task with its labels shuffled",
}


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Rows are conditions and encoders, columns targets and their mean."""
    study = inputs.study
    rows = tuple(
        (
            condition if encoder == study.encoders[0] else "",
            encoder,
            *(main_gains(study)[condition, encoder, target] for target in (*study.targets, MEAN)),
        )
        for condition in study.rows
        for encoder in study.encoders
    )
    pairs = [condition for condition in study.rows for _ in study.encoders]
    marked = frozenset(
        (row, 2 + column)
        for row, condition in enumerate(pairs)
        for column, target in enumerate(study.targets)
        if inputs.shares_data(condition, target)
    )
    return (
        Table(
            name="gains",
            title=f"Gain in zero-shot score over no intermediate training ({inputs.label})",
            caption=(
                "Points on the scale of each target's metric, mean over languages other than English and over seeds, "
                "paired with the same encoder without intermediate training, with intervals over seeds and languages. "
                f"The column `mean` is over the averaged targets. {starred(study, 'that column')} Single targets are "
                "explored and never tested: each gain is drawn towards the mean of its row by as much as it is noise. "
                f"{_left_out(study)}{_controls(study)}"
                f"{SHARED * bool(marked)}Made by `xit paper` from results/scores.csv."
            ),
            columns=("condition", "encoder", *study.targets, MEAN),
            rows=rows,
            sections=tuple(range(0, len(rows), len(study.encoders))),
            texts=2,
            marked=marked,
        ),
    )


def _left_out(study: Study) -> str:
    """The targets that the mean leaves out, for the caption."""
    return f"Shown and not averaged: {', '.join(study.shown_only)}. " if study.shown_only else ""


def _controls(study: Study) -> str:
    """What the controls are, for the caption."""
    named = [f"{name}, {what}" for name, what in KINDS.items() if any(one.endswith(name) for one in study.controls)]
    return f"Controls: {'; '.join(named)}. " if named else ""
