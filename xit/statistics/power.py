"""Before a run: the smallest gain that an experiment of a given size would find."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from xit.statistics.gains import LEVEL, complete_seeds, pool
from xit.statistics.study import Study, mean_of_present, weights

POWER = 0.8


@dataclasses.dataclass(frozen=True)
class VarianceComponents:
    """Standard deviations of a gain: between seeds (of its means over languages), between languages (over seeds).

    Attributes:
        languages: Zero where the languages are taken as all there are.
    """

    seeds: float
    languages: float


def variance_components(study: Study, targets: Sequence[str] = ()) -> VarianceComponents | None:
    """As the gains of every encoder and intermediate task show them, pooled; None with one seed or one language."""
    weight = weights(study, targets)
    variances = []
    for cube in pool(study, study.trained[:1]):
        complete = complete_seeds(cube, weight)  # [seed, language, target]
        means = mean_of_present(mean_of_present(complete, axis=0), axis=1) if len(complete) else complete
        means = means[~np.isnan(means)]
        if len(complete) > 1 and len(means) > 1:
            of_seeds = mean_of_present(complete, axis=1) @ weight[weight != 0]
            variances.append((of_seeds.var(ddof=1), means.var(ddof=1)))
    return VarianceComponents(*np.sqrt(np.mean(variances, axis=0)).tolist()) if variances else None


def minimum_detectable_gain(seeds: int, languages: int, cells: int, components: VarianceComponents) -> float | None:
    """The gain whose interval excludes zero in 80 % of experiments of this size; None where there is no interval.

    The standard error times the sum of two quantiles of Student's t, of the test and of the power (Bloom 1995, Minimum
    detectable effects, Evaluation Review 19:5). Seeds and languages both vary, so that their variances add up. Not
    corrected for the size of a table.

    Args:
        seeds: How many are to be run.
        languages: In how many the target is to be evaluated, besides English.
        cells: The gains whose variance over seeds is pooled: encoders times intermediate tasks.
        components: Observed in an earlier run, or assumed.
    """
    from scipy import stats

    freedom = cells * (seeds - 1)
    if freedom < 1 or languages < 2:
        return None
    error = np.sqrt(components.seeds**2 / seeds + components.languages**2 / languages)
    return float((stats.t.isf((1 - LEVEL) / 2, freedom) + stats.t.isf(1 - POWER, freedom)) * error)
