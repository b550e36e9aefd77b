"""Failures: how many trainings learned nothing that is above chance, and were started again."""

from xit.paper.inputs import Inputs
from xit.paper.render import Cell, Table
from xit.statistics.failures import Ends, Group, failures, pooled

COLUMNS = ("trainings", "failed", "restarts", "failed for good", "SD")
KINDS = {"task": "one task"}
"""Kinds of conditions by another name than their own."""


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Rows are tasks and kinds of conditions, columns encoders; nothing where no training tells."""
    found = failures(inputs.training)
    if not found:
        return ()
    encoders = [name for name in inputs.study.encoders if any(group.encoder == name for group in found)]
    places = {stage: dict.fromkeys((g.task, g.kind) for g in found if g.stage == stage) for stage in STAGES}
    rows: list[tuple[Cell, ...]] = []
    starts = []
    for stage in filter(places.get, STAGES):
        starts.append(len(rows))
        for task, kind in places[stage]:
            ends = [found.get(Group(stage, encoder, task, kind)) for encoder in encoders]
            rows.append((task, KINDS.get(kind, kind), *(cell for one in ends for cell in _cells(one))))
        of_stage = {e: pooled(n for g, n in found.items() if (g.stage, g.encoder) == (stage, e)) for e in encoders}
        rows.append((f"all {STAGES[stage]}", "", *(cell for one in of_stage.values() for cell in _cells(one))))
    table = Table(
        name="failures",
        title=f"Trainings that failed, and were started again ({inputs.label})",
        caption=(
            "A training fails where its score on English validation is not above that of the best answer that ignores "
            "the input by two standard errors; it is started again with another head and order of batches, in every "
            "condition alike. Failed: at the first attempt; failed for good: at the last one too, whose model stands. "
            "SD: between seeds, of English validation, mean over conditions. Above intermediate training, below "
            "fine-tuning, by the condition that it starts from. Made by `xit paper` from results/training.csv."
        ),
        columns=("task", "condition", *(COLUMNS * len(encoders))),
        rows=tuple(rows),
        groups=(("", 2), *((encoder, len(COLUMNS)) for encoder in encoders)),
        sections=tuple(starts),
        texts=2,
    )
    return (table,)


STAGES = {"intermediate": "intermediate", "finetune": "fine-tuning"}


def _cells(ends: Ends | None) -> tuple[Cell, ...]:
    return tuple(ends) if ends is not None else (None,) * len(COLUMNS)
