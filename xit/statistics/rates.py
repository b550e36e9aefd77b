"""What the learning rates that were tried reached, and which is best."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

NORMAL = 1.4826
"""The standard deviation of a normal distribution, in its median absolute deviations."""


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


def chosen(trials: Path, source: str, encoder: str) -> dict[str, float]:
    """The best rate of each task that a file of trials has."""
    with trials.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    tasks = dict.fromkeys(row["task"] for row in rows if row["task"])
    return {task: best(tried(rows, source, encoder, task)) for task in tasks}


def best(scores: Mapping[float, Sequence[float]]) -> float:
    """The lowest of the rates whose median and worst seed are within a standard error of those of the highest median.

    Of equal highest medians that of the higher worst score counts. The standard error is that of its seeds, from their
    median absolute deviation, so that neither a lucky seed nor a failed run decides, as each would by a mean. Where
    several rates reach the same, as on a task that is learnt to the last point, noise would choose between them, and a
    needlessly high rate destroys more of what pretraining has taught (the rule of one standard error: Breiman et al.
    1984, Classification and Regression Trees, section 3.4.3).

    Examples:
        >>> best({0.001: [80, 81, 82], 0.01: [10, 84, 99], 0.1: [98, 99, 35]})
        0.1
        >>> best({0.002: [99.0, 99.2, 99.4], 0.008: [98.5, 99.3, 99.6]})
        0.002
    """
    top = max(scores, key=lambda rate: (median(scores[rate]), min(scores[rate])))
    highest = median(scores[top])
    error = NORMAL * median(abs(score - highest) for score in scores[top]) / len(scores[top]) ** 0.5
    least = min(scores[top]) - error
    return min(rate for rate in scores if median(scores[rate]) >= highest - error and min(scores[rate]) >= least)
