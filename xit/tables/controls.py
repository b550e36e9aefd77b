"""Controls: whether a gain is more than what more training gives, or the mere form of a task."""

from functools import partial

from xit.core.conditions import MLM, SHUFFLED
from xit.paper.render import Cell, Inputs, Table
from xit.statistics.claims import Claim
from xit.statistics.study import Estimate, Study, gain
from xit.tables.recipes import contrast


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A row an intermediate task and encoder: its gain, and that minus the gains of the controls."""
    study = inputs.study
    if not any(name in study.trained for name in study.controls):
        return ()
    rows: list[tuple[Cell, ...]] = [
        (
            name if encoder == study.encoders[0] else "",
            encoder,
            gain(study, encoder, [name]),
            _over(study, encoder, name, MLM),
            _over(study, encoder, name, f"{name}+{SHUFFLED}"),
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
            "not to more training. 95 % intervals over seeds and languages; * after Holm's correction for all cells. "
            "Made by `xit paper` from results/scores.csv."
        ),
        columns=("intermediate", "encoder", "gain", "over masked LM", "over shuffled"),
        rows=tuple(rows),
        sections=tuple(range(0, len(rows), len(study.encoders))),
        texts=2,
        span="column",
    )
    return (table.corrected(),)


def _over(study: Study, encoder: str, name: str, control: str) -> Estimate | None:
    if control not in study.controls:
        return None
    of = {task: control if control == MLM else f"{task}+{SHUFFLED}" for task in study.intermediates}
    alike = [([task], [other]) for task, other in of.items() if other in study.controls]
    return contrast(study, encoder, ([name], [control]), alike)


def _beats(study: Study, encoder: str, *, control: str) -> Estimate | None:
    """The mean gain of the tasks minus that of their control, over the tasks that have it."""
    if control == MLM:
        return _mean_over(study, encoder, study.intermediates, [MLM])
    names = [name for name in study.intermediates if f"{name}+{control}" in study.controls]
    return _mean_over(study, encoder, names, [f"{name}+{control}" for name in names])


def _mean_over(study: Study, encoder: str, tasks: tuple[str, ...] | list[str], controls: list[str]) -> Estimate | None:
    if not tasks or not set(controls) <= set(study.controls):
        return None
    return contrast(study, encoder, (tasks, controls), [(tasks, controls)])


CLAIMS = (
    Claim(
        "over-mlm",
        "Intermediate tasks raise the average more than as many steps of masked LM.",
        partial(_beats, control=MLM),
    ),
    Claim(
        "over-shuffled",
        "Intermediate tasks raise the average more than with their labels shuffled.",
        partial(_beats, control=SHUFFLED),
    ),
)
