"""Every score: a table for each target, languages down, conditions across, the encoders beside one another."""

import numpy as np

from xit.core.conditions import parse
from xit.paper.inputs import SHARED, Inputs
from xit.paper.render import HEAD, Cell, Table
from xit.statistics.study import ENGLISH, Study


def build(inputs: Inputs) -> tuple[Table, ...]:
    """One table a target, means over seeds."""
    return tuple(_table(inputs, target) for target in inputs.study.targets)


def _table(inputs: Inputs, target: str) -> Table:
    study = inputs.study
    conditions = tuple(name for name in study.conditions if parse(name).kind != "subset")
    means = _means(study, target, conditions)
    languages = study.languages_of(target)
    others = [name for name in languages if name != ENGLISH]

    def row(label: str, names: list[str]) -> tuple[Cell, ...]:
        return (label, *(_mean(column, names) for column in means))

    rows = [row(name, [name]) for name in languages]
    rows.append(row("mean of others" if ENGLISH in languages else "mean", others))
    if ENGLISH in languages:
        gaps = [
            None if english is None or mean is None else english - mean
            for english, mean in ((_mean(column, [ENGLISH]), _mean(column, others)) for column in means)
        ]
        rows.append(("transfer gap", *gaps))
    counts = sorted({study.examples[target, name] for name in languages})
    size = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    columns = ("language", *(conditions * len(study.encoders)))
    marked = [i for i, name in enumerate(columns) if i and inputs.shares_data(name, target)]
    return Table(
        name=f"scores-{target}",
        title=f"{target}, {study.tasks[target].metric} ({inputs.label})",
        caption=(
            f"Mean over seeds, {size} test examples a language. "
            + SHARED * bool(marked)
            + "The transfer gap is English minus the mean of the others. " * (ENGLISH in languages)
            + "Made by `xit paper` from results/scores.csv."
        ),
        columns=columns,
        rows=tuple(rows),
        groups=(("", 1), *((encoder, len(conditions)) for encoder in study.encoders)),
        sections=(int(ENGLISH in languages), len(languages)),
        span="column" if len(conditions) * len(study.encoders) <= 10 else "page",
        marked=frozenset((HEAD, column) for column in marked),
    )


def _means(study: Study, target: str, conditions: tuple[str, ...]) -> list[dict[str, float]]:
    """For every encoder and condition, the mean over seeds in each language."""
    chosen = [study.conditions.index(name) for name in conditions]
    values = study.values[:, chosen, study.targets.index(target)]  # [encoder, condition, seed, language]
    columns = values.reshape(-1, *values.shape[2:])
    return [
        {
            name: float(column[:, i][~np.isnan(column[:, i])].mean())
            for i, name in enumerate(study.languages)
            if not np.isnan(column[:, i]).all()
        }
        for column in columns
    ]


def _mean(column: dict[str, float], names: list[str]) -> float | None:
    return sum(column[name] for name in names) / len(names) if names and all(name in column for name in names) else None
