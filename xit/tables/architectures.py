"""Encoders against one another: every gain beside the others, and whether it differs (the interaction)."""

from xit.paper.inputs import Inputs
from xit.paper.render import Cell, Table
from xit.paper.sentences import starred
from xit.statistics.gains import encoder_differences, main_gains
from xit.statistics.study import MEAN, Study


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Rows are intermediate tasks and targets; columns the gain of each encoder, and the first minus each other."""
    study = inputs.study
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            condition if target == study.targets[0] else "",
            target,
            *(main_gains(study)[condition, encoder, target] for encoder in study.encoders),
            *(encoder_differences(study)[condition, encoder, target] for encoder in study.encoders[1:]),
        )
        for condition in study.intermediates
        for target in (*study.targets, MEAN)
    )
    table = Table(
        name="architectures",
        title=f"Gain from intermediate training, {' beside '.join(study.encoders)} ({inputs.label})",
        caption=(
            "Gain over no intermediate training in points, zero-shot, and the difference of the gains, each with its "
            "interval over seeds and languages. "
            f"{starred(study, 'all means of the table of gains', 'all mean differences of this table')} Single targets "
            "are explored and never tested, and drawn towards the mean of their task by as much as they are noise. "
            "Made by `xit paper` from results/scores.csv."
        ),
        columns=("after", "target", *study.encoders, *difference_heads(study)),
        rows=rows,
        sections=tuple(range(0, len(rows), len(study.targets) + 1)),
        texts=2,
        span="column" if len(study.encoders) <= 2 else "page",
    )
    return (table,)


def difference_heads(study: Study) -> tuple[str, ...]:
    """The heads of the columns that hold the first encoder minus each other."""
    first, *rest = study.encoders
    return ("difference",) if len(rest) == 1 else tuple(f"{first} − {encoder}" for encoder in rest)
