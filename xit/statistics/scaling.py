"""Scaling: how the gain of a target grows with the examples of an intermediate task, pair by pair.

The sizes are the conditions `mnli-100`, `mnli-300`, … and `mnli` of the scores; tasks with fewer than four are left
out. `xit.statistics.laws` judges and fits them.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xit.core.conditions import BASELINE, parse
from xit.core.errors import DataError
from xit.core.task import task_of
from xit.statistics.gains import Estimate, over_seeds
from xit.statistics.laws import FEWEST_SIZES, Growth, growth
from xit.statistics.study import MEAN, Study, mean_of_present, targets_of

Row = Mapping[str, str]
Pair = tuple[str, str, str]
"""Intermediate task, encoder, target."""
Sizes = tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
"""Of every task its conditions, each with n, ascending."""
AHEAD = 10
"""Predictions are for as many times the largest n."""


def sizes_of(study: Study, audit: Sequence[Row], parameters: Mapping[str, Any]) -> Sizes:
    """The tasks of at least four sizes; `audit` are the rows of audit.csv, `parameters` those of params.yaml."""
    by_task: dict[str, dict[str, int]] = {}
    for name in study.conditions:
        condition = parse(name)
        if condition.kind in ("task", "subset") and condition.task is not None:
            count = _examples(condition.task, condition.examples, audit, parameters)
            if count:
                by_task.setdefault(condition.task, {})[name] = count
    return tuple(
        (task, tuple(sorted(counts.items(), key=lambda item: item[1])))
        for task, counts in by_task.items()
        if len(set(counts.values())) >= FEWEST_SIZES
    )


def _examples(task: str, subset: int | None, audit: Sequence[Row], parameters: Mapping[str, Any]) -> int | None:
    """How many examples a training has seen at least once; None where the audit does not say how many there are."""
    whole = sum(int(row["examples"]) for row in audit if (row["task"], row["split"]) == (task, "train"))
    settings = parameters.get("intermediate", {}).get(task)
    if not subset and not whole:
        return None
    count = subset or whole
    if settings is None or settings["steps"] is None:  # by epochs, each of which sees them all
        return count
    drawn = settings["steps"] * settings["batch_size"]
    if whole and parameters.get("recipes", {}).get("subset_budget") == "epochs":
        drawn = drawn * count // whole
    return int(min(count, drawn))


@functools.cache
def pairs(study: Study, sizes: Sizes) -> Mapping[Pair, Growth]:
    """Of every task that has sizes, every encoder and target, and the mean over targets: its growth, zero-shot."""
    return {
        (task, encoder, target): _growth(study, encoder, counts, target, study.others)
        for task, counts in sizes
        for encoder in study.encoders
        for target in (*study.targets, MEAN)
    }


@functools.cache
def pairs_by_language(study: Study, sizes: Sizes) -> Mapping[Pair, Mapping[str, Growth]]:
    """The same in each language of a target by itself, English among them."""
    return {
        (task, encoder, target): {
            name: _growth(study, encoder, counts, target, [name]) for name in study.languages_of(target)
        }
        for task, counts in sizes
        for encoder in study.encoders
        for target in study.targets
    }


def _growth(
    study: Study, encoder: str, counts: Sequence[tuple[str, int]], target: str, languages: Sequence[str]
) -> Growth:
    """Of means over languages and targets, of the seeds that have every size and the baseline."""
    conditions = [study.conditions.index(name) for name in (BASELINE, *(name for name, _ in counts))]
    values = study.values[study.encoders.index(encoder), conditions]  # [condition, target, seed, language]
    values = values[:, [study.targets.index(name) for name in targets_of(study, target)]]
    values = values[..., [study.languages.index(name) for name in languages]]
    means = mean_of_present(values, axis=-1).mean(axis=1)  # [condition, seed]
    means = means[:, ~np.isnan(means).any(axis=0)]
    sizes = np.array([count for _, count in counts], dtype=np.float64)
    return growth(sizes, (means[1:] - means[0]).T, study.has_verdicts and means.shape[1] >= study.analysis.fewest_seeds)


def shared(study: Study, task: str, target: str) -> tuple[str | None, str | None]:
    """Whether two tasks share their format and, where both have labels, those: what is known before any run."""
    if target == MEAN:
        return None, None
    first, second = task_of(task), study.tasks[target]
    has_labels = bool(first.labels and second.labels)
    return (
        "yes" if first.format == second.format else "no",
        ("yes" if set(first.labels) == set(second.labels) else "no") if has_labels else None,
    )


def at_most_examples(study: Study, one: Growth) -> Estimate | None:
    """The gain at the most examples, with its interval over seeds."""
    return over_seeds(study, one.most.tolist())


def per_tenfold(study: Study, one: Growth) -> Estimate | None:
    """Points for ten times the examples, by least squares on the logarithm of their number, with the interval over
    seeds."""
    return over_seeds(study, one.slopes.tolist()) if one.fits else None


def entries(study: Study, audit: Sequence[Row], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every pair as plain JSON values, with every law that was fitted to it; gains are in points.

    Raises:
        DataError: no task has four sizes.
    """
    sizes = sizes_of(study, audit, parameters)
    if not sizes:
        raise DataError(
            f"scores: no task was run in {FEWEST_SIZES} sizes, so that nothing can be fitted; found "
            f"{', '.join(study.conditions)}. Sizes are conditions such as mnli-300; all examples of a task count where "
            "audit.csv, beside the scores, has their number. Add some to grid.recipes and grid.conditions in "
            "params.yaml."
        )
    return [
        {
            "intermediate": task,
            "encoder": encoder,
            "target": target,
            "examples": pair.sizes.tolist(),
            "gains": pair.gains.tolist(),
            "verdict": pair.verdict,
            "gain": dataclasses.asdict(last) if (last := at_most_examples(study, pair)) else None,
            "per_tenfold": dataclasses.asdict(slope) if (slope := per_tenfold(study, pair)) else None,
            "predicted_at": AHEAD * float(pair.sizes[-1]),
            "predicted": pair.range_at(AHEAD),
            "fits": [
                {
                    "law": fit.law.name,
                    "formula": fit.law.formula,
                    "height": fit.height,
                    "scale": fit.scale,
                    "missed": fit.missed,
                }
                for fit in pair.fits
            ],
        }
        for (task, encoder, target), pair in pairs(study, sizes).items()
    ]
