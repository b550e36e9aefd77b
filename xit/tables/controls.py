"""Controls: whether a gain is more than what more training gives, or the mere form of a task."""

from xit.core.conditions import MLM, SHUFFLED
from xit.paper.inputs import Inputs
from xit.paper.render import FEW_TASKS, Cell, Table
from xit.paper.sentences import starred
from xit.statistics.gains import control_contrasts, main_gains
from xit.statistics.study import MEAN


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A row an intermediate task and encoder: its gain, and that minus the gains of the controls."""
    study = inputs.study
    if not any(name in study.trained for name in study.controls):
        return ()
    rows: list[tuple[Cell, ...]] = [
        (
            name if encoder == study.encoders[0] else "",
            encoder,
            main_gains(study)[name, encoder, MEAN],
            control_contrasts(study)[name, encoder, MLM],
            control_contrasts(study)[name, encoder, SHUFFLED],
        )
        for name in study.intermediates
        for encoder in study.encoders
    ]
    table = Table(
        name="controls",
        title=f"Gains beside their controls ({inputs.label})",
        caption=(
            "Average gain over no intermediate training, in points; then the same minus the gain from as many more "
            "steps of masked LM, and minus that from the task with shuffled labels: what is left is due to the task, "
            "not to more training. Intervals over seeds and languages. "
            f"{starred(study, 'all means of the table of gains', 'all contrasts of this table')} Made by `xit paper` "
            "from results/scores.csv."
        ),
        columns=("intermediate", "encoder", "gain", "over masked LM", "over shuffled"),
        rows=tuple(rows),
        sections=tuple(range(0, len(rows), len(study.encoders))),
        texts=2,
        span="page" if len(study.intermediates) > FEW_TASKS else "column",
    )
    return (table,)
