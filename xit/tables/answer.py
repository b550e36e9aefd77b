"""The short answer: the average gain of each intermediate task, for each encoder. The README shows it."""

from xit.paper.inputs import Inputs
from xit.paper.render import Cell, Table
from xit.statistics.gains import average_gains, encoder_differences, main_gains
from xit.statistics.study import MEAN
from xit.tables.architectures import difference_heads


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Rows are intermediate tasks and their mean, columns encoders, and the first minus each other."""
    study = inputs.study
    first, *rest = study.encoders

    rows: list[tuple[Cell, ...]] = [
        (
            task,
            *(main_gains(study)[task, encoder, MEAN] for encoder in study.encoders),
            *(encoder_differences(study)[task, encoder, MEAN] for encoder in rest),
        )
        for task in study.intermediates
    ]
    if len(rows) > 1:
        averages = average_gains(study)
        gains, differences = [averages[(encoder,)] for encoder in study.encoders], [averages[first, n] for n in rest]
        rows.append(("mean of the tasks", *gains, *differences))
    table = Table(
        name="answer",
        title=f"Average gain of intermediate training over {len(study.targets)} targets ({inputs.label})",
        caption=(
            f"Points, zero-shot, mean over targets, {len(study.others)} languages and {len(study.seeds)} "
            f"seed{'s' * (len(study.seeds) > 1)}, with 95 % intervals over seeds and languages. "
            "* differs from zero after Holm's correction: a task for all cells of the table of gains, a difference for "
            "all of the table of architectures, the mean for its row. Made by `xit paper` from results/scores.csv."
        ),
        columns=("intermediate", *study.encoders, *difference_heads(study)),
        rows=tuple(rows),
        sections=(len(study.intermediates),),
        span="column",
    )
    return (table,)
