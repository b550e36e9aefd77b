"""Whether facts of a language go with its gain: a mixed model with a random intercept for each language.

A fact is the same in every seed and target of a language, and all languages have the same of these. So the model has a
closed form: least squares on the means of the languages, with as many degrees of freedom as there are languages beyond
its coefficients (the stratum between languages). It is explored, not tested: languages are few, and were chosen.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from xit.statistics.anova import quantile
from xit.statistics.gains import Estimate

FEWEST_OVER = 3
"""Fewer degrees of freedom make no table."""


def slopes(
    gains: Mapping[str, float], facts: Mapping[str, Mapping[str, float]], names: Sequence[str], level: float, seeds: int
) -> dict[str, Estimate | None]:
    """The points of gain for a standard deviation more of each fact, with the other facts held, and their intervals.

    Args:
        gains: By language.
        facts: By language and name.
        names: The facts that are in the model.
        level: Of the intervals.
        seeds: How many the gains are means of.

    Returns:
        None for a fact that does not vary, or where all facts together leave too few languages, or are no more
        independent.
    """
    languages = [code for code in gains if code in facts and all(np.isfinite(facts[code][name]) for name in names)]
    table = np.array([[facts[code][name] for name in names] for code in languages], dtype=np.float64)
    freedom = len(languages) - len(names) - 1
    if freedom < FEWEST_OVER or not table.std(axis=0).all():
        return dict.fromkeys(names)
    model = np.column_stack([np.ones(len(languages)), (table - table.mean(axis=0)) / table.std(axis=0, ddof=1)])
    if np.linalg.matrix_rank(model) < model.shape[1]:
        return dict.fromkeys(names)
    values = np.array([gains[code] for code in languages])
    found = np.linalg.lstsq(model, values, rcond=None)[0]
    variance = float(((values - model @ found) ** 2).sum()) / freedom
    errors = np.sqrt(variance * np.diag(np.linalg.inv(model.T @ model)))[1:]
    width = quantile((1 + level) / 2, freedom)
    return {
        name: Estimate(value, value - width * error, value + width * error, None, 0, len(languages), seeds)
        for name, value, error in zip(names, found[1:].tolist(), errors.tolist(), strict=True)
    }
