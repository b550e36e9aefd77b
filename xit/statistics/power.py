"""What an experiment of a given size can find: before a run from an earlier one or from assumptions, and after it."""

import dataclasses

import numpy as np

from xit.statistics.anova import Analysis, quantile
from xit.statistics.gains import Primary, primary_analyses
from xit.statistics.study import Study

POWER = 0.8
MOST_SEEDS = 100
"""More than anybody runs; where these do not suffice, no number of seeds is named."""


@dataclasses.dataclass(frozen=True)
class Spread:
    """How a contrast scatters.

    Attributes:
        seeds: Standard deviation between seeds, of means over languages and targets.
        languages: Between languages, beyond what seeds do to them; zero where they are taken as all there are.
        groups: Of independent seeds: 2 for a difference between encoders, or less where one scatters more.
        count: How many languages there are.
    """

    seeds: float
    languages: float
    groups: float
    count: int


def spread_of(one: Analysis) -> Spread | None:
    """As a run showed it; None with one seed or one language."""
    if not one.freedom:
        return None
    runs = len(one.seed_means[0])
    return Spread(
        (one.seeds.variance * runs) ** 0.5,
        (one.languages.variance * one.count) ** 0.5,
        one.seeds.freedom / (runs - 1),
        one.count,
    )


def minimum_detectable(spread: Spread, seeds: int, level: float, tests: int = 1) -> float | None:
    """The difference that is told from zero in 80 % of experiments of this size; None where there is no interval.

    The standard error times the sum of two quantiles of Student's t, of the test and of the power (Bloom 1995, Minimum
    detectable effects, Evaluation Review 19:5).

    Args:
        tests: Of the family; Holm's correction is strictest for the smallest p-value, which is multiplied by as many.
    """
    if seeds < 2 or spread.count < 2:
        return None
    parts = (
        (spread.seeds**2 / seeds, spread.groups * (seeds - 1)),
        (spread.languages**2 / spread.count, spread.count - 1),
    )
    variance = sum(part for part, _ in parts)
    below = sum(part**2 / freedom for part, freedom in parts)
    freedom = variance**2 / below if below else np.inf
    return float((quantile(1 - (1 - level) / 2 / tests, freedom) + quantile(POWER, freedom)) * variance**0.5)


def seeds_needed(spread: Spread, margin: float, level: float, tests: int = 1) -> int | None:
    """The fewest seeds that find a difference of the margin; None where languages alone vary too much."""
    for seeds in range(2, MOST_SEEDS + 1):
        found = minimum_detectable(spread, seeds, level, tests)
        if found is not None and found <= margin:
            return seeds
    return None


def primary_spreads(study: Study) -> dict[Primary, Spread | None]:
    """How every contrast of the primary family scattered in a run."""
    return {key: spread_of(one) if one else None for key, one in primary_analyses(study).items()}


def assumed_spreads(encoders: tuple[str, ...], seeds: float, languages: float, count: int) -> dict[Primary, Spread]:
    """The same from standard deviations of one encoder's gain; a difference has both, and is taken as no better."""
    first, *rest = encoders
    alone = Spread(seeds, languages, 1, count)
    both = Spread(2**0.5 * seeds, 2**0.5 * languages, 2, count)
    return {**{(encoder,): alone for encoder in encoders}, **{(first, other): both for other in rest}}


def detectable(study: Study) -> dict[Primary, tuple[float, float] | None]:
    """Of the run at hand: what each test of the primary family finds, by itself and at the strictest of Holm's."""
    spreads = primary_spreads(study)

    def both(spread: Spread | None) -> tuple[float, float] | None:
        if spread is None:
            return None
        level, seeds = study.analysis.level, len(study.seeds)
        found = [minimum_detectable(spread, seeds, level, tests) for tests in (1, len(spreads))]
        return (found[0], found[1]) if found[0] is not None and found[1] is not None else None

    return {key: both(spread) for key, spread in spreads.items()}
