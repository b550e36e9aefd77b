"""How near each intermediate task is to each target, by what both train on; `xit.core.task.nearness` has the rule."""

from xit.core.task import nearness, task_of
from xit.paper.inputs import Inputs
from xit.paper.render import Table


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A row an intermediate task, a column a target; none where there is no intermediate task."""
    study = inputs.study
    tasks = [task_of(name) for name in study.intermediates]
    is_made = study.source == "micro"
    same_generator = "Same generator: the micro source makes both by the same rules. " * is_made
    table = Table(
        name="nearness",
        title=f"How near each intermediate task is to each target ({inputs.label})",
        caption=(
            "Same data: some training examples are in both, as in the papers, where XNLI is trained on MNLI's. "
            f"{same_generator}Same format: both have a head of the same kind. A target that is not trained is near to "
            "none. Made by `xit paper` from the facts of xit/tasks."
        ),
        columns=("intermediate task", *study.targets),
        rows=tuple(
            (task.id, *(nearness(task, task_of(target), study.source) for target in study.targets)) for task in tasks
        ),
    )
    return (table,) if tasks else ()
