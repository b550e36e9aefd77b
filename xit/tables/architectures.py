"""Encoders against one another: every gain beside the others, and whether it differs (the interaction)."""

from xit.paper.render import Cell, Inputs, Table
from xit.statistics.claims import Claim
from xit.statistics.study import MEAN, Estimate, Study, difference, main_gains


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Rows are intermediate tasks and targets; columns the gain of each encoder, and the first minus each other."""
    study = inputs.study
    first, *rest = study.encoders
    rows: list[tuple[Cell, ...]] = []
    for condition in study.intermediates:
        for target in (*study.targets, MEAN):
            over = study.targets if target == MEAN else (target,)
            rows.append(
                (
                    condition if target == study.targets[0] else "",
                    target,
                    *(main_gains(study)[condition, encoder, target] for encoder in study.encoders),
                    *(difference(study, first, encoder, [condition], over) for encoder in rest),
                )
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
        rows=tuple(rows),
        sections=tuple(range(0, len(rows), len(study.targets) + 1)),
        texts=2,
        span="column" if len(study.encoders) <= 2 else "page",
    )
    return (table.corrected(),)


def differences(study: Study) -> tuple[str, ...]:
    """The heads of the columns that hold the first encoder minus each other."""
    first, *rest = study.encoders
    return ("difference",) if len(rest) == 1 else tuple(f"{first} − {encoder}" for encoder in rest)


def _interaction(study: Study, encoder: str) -> Estimate | None:
    return difference(study, encoder, study.encoders[0], study.intermediates)


CLAIMS = (
    Claim(
        "same",
        "The average gain is the same as with the {first} encoder, within one point.",
        _interaction,
        is_comparison=True,
        margin=1.0,
    ),
)
