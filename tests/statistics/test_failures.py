"""Failures and restarts, counted from the rows of training.csv."""

import math
from typing import Any

from xit.statistics.failures import Ends, Group, failures, pooled


def row(condition: str, seed: int, attempts: Any, is_failed: Any, score: float = 50.0, **others: str) -> dict[str, str]:
    names = {"stage": "finetune", "encoder": "lstm", "target": "xnli", **others}
    return {
        **names,
        "condition": condition,
        "seed": str(seed),
        "validation_score": str(score),
        "attempts": str(attempts),
        "is_failed": str(is_failed),
    }


def test_failures_are_counted_by_task_and_kind_of_condition() -> None:
    rows = [
        row("none", 1, 1, False),
        row("none", 2, 3, False),  # failed twice
        row("none", 3, 4, True),  # failed four times
        row("mnli", 1, 1, False),
        row("squad", 1, 2, False),
        row("mnli+mlm", 1, 1, True),  # no restart was allowed
        row("untrained", 1, 1, False),
        row("none", 1, 1, False, target="panx"),
        row("none", 1, 1, False, encoder="gru"),
    ]

    found = failures(rows)

    assert {group: ends[:4] for group, ends in found.items()} == {
        Group("finetune", "lstm", "xnli", "none"): (3, 2, 5, 1),
        Group("finetune", "lstm", "xnli", "task"): (2, 1, 1, 0),
        Group("finetune", "lstm", "xnli", "recipe"): (1, 1, 0, 1),
        Group("finetune", "lstm", "xnli", "untrained"): (1, 0, 0, 0),
        Group("finetune", "lstm", "panx", "none"): (1, 0, 0, 0),
        Group("finetune", "gru", "xnli", "none"): (1, 0, 0, 0),
    }
    assert pooled(ends for group, ends in found.items() if group.encoder == "lstm") == Ends(8, 4, 6, 2, None)
    assert pooled([]) == Ends(0, 0, 0, 0, None)


def test_intermediate_training_is_counted_by_its_task() -> None:
    rows = [row(c, 1, 2, False, stage="intermediate", target=c) for c in ("mnli", "mnli-30", "mnli+mlm", "multitask")]

    assert [(group.task, group.kind) for group in failures(rows)] == [
        ("mnli", "task"),
        ("mnli", "subset"),
        ("mnli", "recipe"),
        ("multitask", "recipe"),
    ]


def test_the_spread_is_that_between_seeds_within_a_condition() -> None:
    rows = [row(c, s, 1, False, score=v) for c, s, v in (("mnli", 1, 60), ("mnli", 2, 64), ("squad", 1, 90))]
    wide = [*rows, row("squad", 2, 1, False, score=96)]

    (ends,) = failures(rows).values()
    (more,) = failures(wide).values()

    assert ends.spread == math.sqrt(8)
    assert more.spread == (math.sqrt(8) + math.sqrt(18)) / 2
    assert next(iter(failures(rows[:1]).values())).spread is None


def test_rows_of_old_files_and_of_trainings_without_validation_are_left_out() -> None:
    old = {name: value for name, value in row("none", 1, 1, False).items() if name not in ("attempts", "is_failed")}

    assert failures([old, row("mnli+shuffled", 1, 1, "")]) == {}
