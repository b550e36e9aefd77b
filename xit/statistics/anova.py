"""The analysis of variance behind every interval: seeds and languages are crossed, and both are random.

A contrast (a gain, a difference of gains) has a value for every seed, language and target. Another pretraining and
another choice of languages would each have given another mean, so that both count towards its error; targets are those
that are named, and are averaged first. What is left is a table of seeds by languages with one value a cell, whose mean
has the variance (Searle, Casella & McCulloch 1992, Variance Components, chapter 4)

    V = V_seeds + max(0, V_languages − V_both),

where V_seeds is the variance of the seeds' means over their number, V_languages the same of languages, and V_both that
of the residuals, which the other two hold each. There is nothing to draw and no order to keep. The interval is by
Student's t with the degrees of freedom of Satterthwaite (1946, Biometrics Bulletin 2:6). A difference between encoders
adds the V_seeds of each, since their trainings are independent, while its languages are paired.

Why the error of a contrast is taken from its own seeds, and not pooled over conditions: trainings without and with
intermediate training need not scatter alike, and a pooled error would be wrong for both (benchmarks/coverage.py).

Targets have different languages in the benchmarks. A language then counts by its influence on the mean, the sum over
the targets that have it of the target's weight by its number of languages; sums of squares and degrees of freedom
follow from the influences, as cluster-robust errors do (Bell & McCaffrey 2002, Survey Methodology 28:2), and are those
of the balanced analysis where every target has every language.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from xit.statistics.study import Floats


@dataclasses.dataclass(frozen=True)
class Component:
    """A part of the variance of a mean, and the degrees of freedom that it is known with."""

    variance: float
    freedom: float


@dataclasses.dataclass(frozen=True)
class Analysis:
    """A mean and its variance.

    Attributes:
        seed_means: Of each group of independent seeds their means, whose sum the value is.
        seeds: The part of the variance that more seeds make smaller.
        languages: The part that only more languages make smaller.
        freedom: Of both together; zero where one seed or one language shows no variance.
        improved: In how many of the languages the mean over seeds is above zero.
    """

    value: float
    seed_means: tuple[tuple[float, ...], ...]
    seeds: Component
    languages: Component
    freedom: float
    improved: int
    count: int

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return math.sqrt(self.seeds.variance + self.languages.variance)

    def interval(self, level: float) -> tuple[float, float] | None:
        """Both ends, or None where there is no variance to be seen."""
        if not self.freedom:
            return None
        width = quantile((1 + level) / 2, self.freedom) * self.error
        return self.value - width, self.value + width

    def p(self) -> float | None:
        """Two-sided, of no difference; None as for the interval."""
        from scipy import special

        if not self.freedom:
            return None
        if not self.error:
            return float(self.value == 0)
        return float(2 * special.stdtr(self.freedom, -abs(self.value) / self.error))


def quantile(share: float, freedom: float) -> float:
    """Of Student's t; of the normal distribution where the degrees of freedom are infinite."""
    from scipy import special

    return float(special.stdtrit(freedom, share) if np.isfinite(freedom) else special.ndtri(share))


def analyse(cubes: Sequence[Floats], weight: Floats) -> Analysis | None:
    """The analysis of a contrast, the sum of cubes whose seeds are independent.

    Args:
        cubes: `<float>[seed, language, target]`, NaN where a seed was not run or a target lacks the language.
        weight: `<float>[target]`.

    Returns:
        None where no target carries weight, or a cube has no seed with every one that does.
    """
    complete = [complete_seeds(cube, weight) for cube in cubes]
    if not weight.any() or not all(map(len, complete)):
        return None
    chosen = weight[weight != 0]
    by_language = np.sum([cube.mean(axis=0) for cube in complete], axis=0)  # [language, target]
    known = ~np.isnan(by_language)
    influence = known * chosen / known.sum(axis=0)  # [language, target]
    present = known.any(axis=1)
    influence, by_language = influence[present], np.nan_to_num(by_language[present])
    value = float((influence * by_language).sum())
    complete = [np.nan_to_num(cube[:, present]) for cube in complete]
    means = [(cube * influence).sum(axis=(1, 2)) for cube in complete]
    found = _variance(complete, means, by_language, influence, chosen)
    return Analysis(
        value,
        tuple(tuple(one.tolist()) for one in means),
        *found,
        improved=int(((influence * by_language).sum(axis=1) > 0).sum()),
        count=len(influence),
    )


def complete_seeds(cube: Floats, weight: Floats) -> Floats:
    """The targets that carry weight, and the seeds that have all of them."""
    carried: Floats = cube[:, :, weight != 0]
    is_missing = np.isnan(carried).all(axis=1)  # [seed, target]
    complete: Floats = carried[~np.any(is_missing, axis=1)]
    return complete


NOTHING = Component(0.0, 0.0)


def _variance(
    cubes: Sequence[Floats], means: Sequence[Floats], by_language: Floats, influence: Floats, weight: Floats
) -> tuple[Component, Component, float]:
    """The parts of seeds and of languages, and the degrees of freedom of their sum."""
    squares, residue = (influence**2).sum(), _residual(influence, weight)
    total = float(np.trace(residue))
    if min(map(len, means)) < 2 or total < 1e-12:
        return NOTHING, NOTHING, 0.0
    scale, freedom = squares / total, total**2 / float((residue**2).sum())
    seeds = _sum([Component(float(one.var(ddof=1)) / len(one), len(one) - 1) for one in means])
    languages = Component(scale * float((_centred(by_language, influence, weight) ** 2).sum()), freedom)
    both = _sum([_both(cube, influence, weight, scale, freedom) for cube in cubes])
    excess = languages.variance - both.variance
    parts = [seeds]
    if excess > 0:
        parts += [languages, dataclasses.replace(both, variance=-both.variance)]
    whole = _sum(parts)
    least = min(part.freedom for part in parts)
    return seeds, Component(max(excess, 0.0), freedom), max(whole.freedom, least)


def _both(cube: Floats, influence: Floats, weight: Floats, scale: float, freedom: float) -> Component:
    """What is left of seeds and languages: of each seed's languages, what the mean over seeds does not have."""
    left = _centred(cube - cube.mean(axis=0), influence, weight)  # [seed, language]
    n = len(cube)
    return Component(scale * float((left**2).sum()) / (n * (n - 1)), (n - 1) * freedom)


def _centred(values: Floats, influence: Floats, weight: Floats) -> Floats:
    """By language, what it adds to the mean beyond the mean of each target: `<float>[…, language]`."""
    means = (values * influence).sum(axis=-2, keepdims=True) / weight
    return np.asarray((influence * (values - means)).sum(axis=-1))


def _residual(influence: Floats, weight: Floats) -> Floats:
    """The covariance of `_centred`, where each language and target varies by itself with variance one."""
    makers = [np.diag(one) - np.outer(one, one) / w for one, w in zip(influence.T, weight, strict=True)]
    return np.asarray(sum(maker @ maker.T for maker in makers))


def _sum(parts: Sequence[Component]) -> Component:
    """Variances add up, and Satterthwaite's degrees of freedom are of their sum."""
    total = sum(part.variance for part in parts)
    below = sum(part.variance**2 / part.freedom for part in parts)
    return Component(total, total**2 / below if below else sum(part.freedom for part in parts))


def sign_flip(analysis: Analysis, most: int = 16) -> float | None:
    """The exact two-sided p-value of a sign-flip test over seeds: of all signs that the seeds' gains could have had.

    None below six seeds, where even seeds that all agree are no evidence at 5 %, and where there are too many to try
    all. A difference of encoders pairs their seeds.
    """
    if len({len(one) for one in analysis.seed_means}) > 1:
        return None
    means = np.sum(analysis.seed_means, axis=0)
    n = len(means)
    if not 6 <= n <= most:
        return None
    signs = 1 - 2 * ((np.arange(2**n)[:, np.newaxis] >> np.arange(n)) & 1)
    drawn = np.abs(signs @ means)
    return float((drawn >= abs(means.sum()) - 1e-9 * np.abs(means).sum()).mean())


def shrunken(values: Sequence[float], variances: Sequence[float]) -> list[tuple[float, float]]:
    """Each value drawn towards their mean by as much as it is noise, with its variance (Morris 1983, JASA 78:381).

    Partial pooling in closed form: Stein's estimator, whose errors are smaller in the mean than those of the values by
    themselves; below four values there is none, and they stay as they are.
    """
    count = len(values)
    if count < 4:
        return list(zip(values, variances, strict=True))
    numbers, noise = np.array(values), np.array(variances)
    mean = float(numbers.mean())
    between = max(0.0, float(numbers.var(ddof=1)) - float(noise.mean()))
    total = noise + between
    share = (count - 3) / (count - 1) * np.divide(noise, total, out=np.zeros_like(total), where=total > 0)
    found = numbers + share * (mean - numbers)
    spread = noise * (1 - (count - 1) / count * share) + 2 / (count - 3) * share**2 * (numbers - mean) ** 2
    return list(zip(found.tolist(), spread.tolist(), strict=True))
