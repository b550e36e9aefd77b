"""The short answer: the average gain of each intermediate task, for each encoder. The README shows it."""

from xit.paper.inputs import Inputs
from xit.paper.render import Cell, Table
from xit.statistics.gains import difference, gain
from xit.tables.architectures import differences


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Rows are intermediate tasks and their mean, columns encoders, and the first minus each other."""
    study = inputs.study
    first, *rest = study.encoders

    def row(name: str, conditions: tuple[str, ...]) -> tuple[Cell, ...]:
        return (
            name,
            *(gain(study, encoder, conditions) for encoder in study.encoders),
            *(difference(study, first, encoder, conditions) for encoder in rest),
        )

    rows = [row(name, (name,)) for name in study.intermediates]
    if len(study.intermediates) > 1:
        rows.append(row("mean of the tasks", study.intermediates))
    table = Table(
        name="answer",
        title=f"Average gain of intermediate training over {len(study.targets)} targets ({inputs.label})",
        caption=(
            f"Points, zero-shot, mean over targets, {len(study.others)} languages and {len(study.seeds)} "
            f"seed{'s' * (len(study.seeds) > 1)}, with 95 % intervals over seeds and languages. "
            "* differs from zero after Holm's correction for all cells. Made by `xit paper` from results/scores.csv."
        ),
        columns=("intermediate", *study.encoders, *differences(study)),
        rows=tuple(rows),
        sections=(len(study.intermediates),),
        span="column",
    )
    return (table.corrected(),)
