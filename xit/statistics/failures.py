"""How many trainings failed, and were started again, counted from the rows of training.csv."""

import statistics
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from xit.core.conditions import UNTRAINED_CONDITIONS, parse


class Group(NamedTuple):
    """Trainings that are counted together."""

    stage: str
    encoder: str
    task: str
    """The one that is learned; of intermediate training in a mixture, what its condition names."""
    kind: str
    """What kind of condition it is: `none`, `untrained`, or as `xit.core.conditions` says."""


class Ends(NamedTuple):
    """How the trainings of a group ended."""

    trainings: int
    failed_at_first: int
    """Whose first attempt failed."""
    restarts: int
    failed: int
    """Whose last attempt failed too."""
    spread: float | None
    """The standard deviation between seeds of English validation, mean over conditions; None of one seed."""


def failures(training: Iterable[Mapping[str, str]]) -> dict[Group, Ends]:
    """The trainings whose failure was looked for, in the order of their groups' first rows.

    A row that was written before failures were counted is left out, and so is a training without validation.
    """
    groups: dict[Group, list[Mapping[str, str]]] = {}
    for row in training:
        if row.get("attempts") and row.get("is_failed"):
            groups.setdefault(_group(row), []).append(row)
    return {group: _ends(rows) for group, rows in groups.items()}


def pooled(ends: Iterable[Ends]) -> Ends:
    """The counts of several groups together, without a spread."""
    trainings, at_first, restarts, failed = (
        sum(values) for values in zip((0,) * 4, *(one[:4] for one in ends), strict=True)
    )
    return Ends(trainings, at_first, restarts, failed, None)


def _group(row: Mapping[str, str]) -> Group:
    condition = row["condition"]
    kind = condition if condition in UNTRAINED_CONDITIONS else parse(condition).kind
    task = row["target"] if row["stage"] == "finetune" else parse(condition).task or condition
    return Group(row["stage"], row["encoder"], task, kind)


def _ends(rows: list[Mapping[str, str]]) -> Ends:
    failed = [row["is_failed"] == "True" for row in rows]
    attempts = [int(row["attempts"]) for row in rows]
    at_first = sum(count > 1 or is_failed for count, is_failed in zip(attempts, failed, strict=True))
    by_condition: dict[str, list[float]] = {}
    for row in rows:
        by_condition.setdefault(row["condition"], []).append(float(row["validation_score"]))
    spreads = [statistics.stdev(scores) for scores in by_condition.values() if len(scores) > 1]
    spread = sum(spreads) / len(spreads) if spreads else None
    return Ends(len(rows), at_first, sum(attempts) - len(rows), sum(failed), spread)
