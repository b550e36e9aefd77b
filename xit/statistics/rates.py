"""What the learning rates that were tried reached, and which is best."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any


def tried(trials: Iterable[Mapping[str, Any]], source: str, encoder: str, task: str) -> dict[float, list[float]]:
    """What each rate reached on a task, a value a seed, or in pretraining (`""`); higher is better, so losses are
    negative.

    Args:
        trials: The rows of trials.csv, or of paper/inputs/tuning.csv.
        source: The source of the data.
        encoder: The encoder.
        task: The task.
    """
    found: dict[float, list[float]] = {}
    for row in trials:
        if (row["source"], row["encoder"], row["task"]) == (source, encoder, task):
            sign = -1 if row["metric"] == "loss" else 1
            found.setdefault(float(row["learning_rate"]), []).append(sign * float(row["validation_score"]))
    return found


def best(scores: Mapping[float, Sequence[float]]) -> float:
    """The rate of the highest median score over seeds; of equal medians, that of the highest worst score.

    A mean would let one lucky seed win, or one failed run decide. Of rates equal in both the first one is taken.

    Examples:
        >>> best({0.001: [80, 81, 82], 0.01: [10, 84, 99], 0.1: [99, 99, 35]}), best({1e-3: [9, 9, 1], 1e-2: [9, 9, 8]})
        (0.1, 0.01)
    """
    return max(scores, key=lambda rate: (median(scores[rate]), min(scores[rate])))
