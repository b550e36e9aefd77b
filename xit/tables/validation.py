"""English validation: whether every training learnt its task."""

from xit.core.conditions import parse
from xit.paper.inputs import Inputs
from xit.paper.render import Cell, Table


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Rows are tasks, columns encoders and conditions; an intermediate task has its own condition only."""
    study = inputs.study
    found: dict[tuple[str, ...], list[float]] = {}
    for row in inputs.training:
        cell = (row["stage"], row["target"], row["encoder"], row["condition"])
        if row["validation_score"]:  # there is none where labels are shuffled, or only masked LM was trained
            found.setdefault(cell, []).append(float(row["validation_score"]))
    conditions = [name for name in study.conditions if parse(name).kind != "subset"]
    columns = [(encoder, condition) for encoder in study.encoders for condition in conditions]

    def line(stage: str, task: str) -> tuple[Cell, ...]:
        cells = [found.get((stage, task, *column)) for column in columns]
        return (task, *(sum(cell) / len(cell) if cell else None for cell in cells))

    table = Table(
        name="validation",
        title=f"English validation score of every training ({inputs.label})",
        caption=(
            "Each task's main metric at the step that was kept, mean over seeds; above, the intermediate tasks. "
            "Made by `xit paper` from results/training.csv."
        ),
        columns=("task", *(condition for _, condition in columns)),
        rows=(
            *(line("intermediate", task) for task in study.intermediates),
            *(line("finetune", target) for target in study.targets if study.tasks[target].is_trained),
        ),
        groups=(("", 1), *((encoder, len(conditions)) for encoder in study.encoders)),
        sections=(len(study.intermediates),),
        span="column" if len(columns) <= 10 else "page",
    )
    return (table,)
