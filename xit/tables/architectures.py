"""Encoders against one another: every gain beside the others, and whether it differs (the interaction)."""

from xit.paper.inputs import Inputs
from xit.paper.render import Cell, Table
from xit.statistics.gains import difference, main_gains
from xit.statistics.study import MEAN, Study, targets_of


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Rows are intermediate tasks and targets; columns the gain of each encoder, and the first minus each other."""
    study = inputs.study
    first, *rest = study.encoders
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            condition if target == study.targets[0] else "",
            target,
            *(main_gains(study)[condition, encoder, target] for encoder in study.encoders),
            *(difference(study, first, encoder, [condition], targets_of(study, target)) for encoder in rest),
        )
        for condition in study.intermediates
        for target in (*study.targets, MEAN)
    )
    table = Table(
        name="architectures",
        title=f"Gain from intermediate training, {' beside '.join(study.encoders)} ({inputs.label})",
        caption=(
            "Gain over no intermediate training in points, zero-shot, and the difference of the gains, each with its "
            "95 % interval over seeds and languages. * differs from zero after Holm's correction for all cells of "
            "this table. Made by `xit paper` from results/scores.csv."
        ),
        columns=("after", "target", *study.encoders, *differences(study)),
        rows=rows,
        sections=tuple(range(0, len(rows), len(study.targets) + 1)),
        texts=2,
        span="column" if len(study.encoders) <= 2 else "page",
    )
    return (table.corrected(),)


def differences(study: Study) -> tuple[str, ...]:
    """The heads of the columns that hold the first encoder minus each other."""
    first, *rest = study.encoders
    return ("difference",) if len(rest) == 1 else tuple(f"{first} − {encoder}" for encoder in rest)
