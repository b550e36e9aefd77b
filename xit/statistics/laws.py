"""Whether a gain grows with the examples of intermediate training, and the laws that say how far it would go.

Without examples there is no gain, so a gain is a curve that starts at zero. Its verdict comes from Student's tests over
seeds, of gains that are paired with the baseline of their seed; each is one-sided, at 5 %:

- `no gain`: the gain at the most examples is not above zero, so that a curve is a way back from damage at most;
- `falls`: a smaller number of examples gains more than the most do (Bonferroni over the numbers);
- `grows`: the slope on the logarithm of the number is above zero;
- `flat`: none of these.

Two laws through the origin are fitted to the mean over seeds: one that saturates, G n / (n + κ), and one that does
not, G log(1 + n/κ). What both say of more examples is a range. No verdict hangs on them.

Isik et al. 2025 (arXiv 2402.04177) fit `(log(A · D^α))^β` to a downstream score and take a misfit as a sign that data
and task are not aligned. It has no value at zero, and its misfit says nothing about whether there is a gain at all.
"""

import dataclasses
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Verdict = Literal["grows", "flat", "falls", "no gain", "too few"]

FEWEST_SIZES, FEWEST_SEEDS = 4, 3
"""Below either there is no verdict."""
ALPHA = 0.05
SCALES = 400
"""So many values of κ are tried, from a tenth of the fewest examples to ten times the most; G has a closed form."""


@dataclasses.dataclass(frozen=True)
class Law:
    """A gain at n examples is G times this of n/κ, which is 0 at 0."""

    name: str
    formula: str
    shape: Callable[[Floats], Floats]


LAWS = (
    Law("saturating", "G n / (n + κ)", lambda ratio: np.asarray(ratio / (1 + ratio))),
    Law("logarithmic", "G log(1 + n/κ)", lambda ratio: np.asarray(np.log1p(ratio))),
)


@dataclasses.dataclass(frozen=True)
class Fit:
    """A law that was fitted.

    Attributes:
        height: G, in points.
        scale: κ, in examples.
        missed: By how many points the law misses the mean gain at the most examples when it is fitted to the others.
    """

    law: Law
    height: float
    scale: float
    missed: float

    def predict(self, sizes: Floats) -> Floats:
        """The gains at these numbers of examples, in points."""
        return np.asarray(self.height * self.law.shape(sizes / self.scale))


@dataclasses.dataclass(frozen=True, eq=False)
class Growth:
    """What was measured of an encoder, an intermediate task and a target, in a language or the mean over some.

    Attributes:
        sizes: `<float>[size]`: the numbers of examples, ascending.
        gains: `<float>[seed, size]`, in points, over the same seed without intermediate training.
        slopes: `<float>[seed]`: points for ten times the examples.
        fits: Of every law; none where there is no verdict.
    """

    sizes: Floats
    gains: Floats
    verdict: Verdict
    slopes: Floats
    fits: tuple[Fit, ...] = ()

    def range_at(self, times: float) -> tuple[float, float] | None:
        """What the laws say of so many times the most examples, the lowest and the highest."""
        found = [float(fit.predict(times * self.sizes[-1:])[0]) for fit in self.fits]
        return (min(found), max(found)) if found else None


def growth(sizes: Floats, gains: Floats) -> Growth:
    """The verdict on gains `<float>[seed, size]` in points, and every law fitted to their mean."""
    decades = np.log10(sizes) - np.log10(sizes).mean()
    if len(set(sizes)) < FEWEST_SIZES or len(gains) < FEWEST_SEEDS:
        return Growth(sizes, gains, "too few", np.full(len(gains), np.nan))
    slopes = gains @ decades / (decades @ decades)
    means = gains.mean(axis=0)
    return Growth(sizes, gains, _verdict(gains, slopes), slopes, tuple(_fit(law, sizes, means) for law in LAWS))


def _verdict(gains: Floats, slopes: Floats) -> Verdict:
    *fewer, most = gains.T
    if not is_above_zero(most):
        return "no gain"
    if any(is_above_zero(one - most, ALPHA / len(fewer)) for one in fewer):
        return "falls"
    return "grows" if is_above_zero(slopes) else "flat"


def is_above_zero(values: Floats, alpha: float = ALPHA) -> bool:
    """Whether the mean of values, one a seed, is above zero by Student's one-sided test."""
    from scipy import stats

    if np.ptp(values) < 1e-9:  # no spread: rounding alone is none
        return bool(values.mean() > 1e-9)
    return bool(stats.ttest_1samp(values, 0, alternative="greater").pvalue < alpha)


def _fit(law: Law, sizes: Floats, means: Floats) -> Fit:
    height, scale = _least_squares(law, sizes, means)
    rest = sizes < sizes[-1]
    earlier = Fit(law, *_least_squares(law, sizes[rest], means[rest]), missed=0)
    missed = abs(float(earlier.predict(sizes[-1:])[0]) - float(means[~rest].mean()))
    return Fit(law, height, scale, missed)


def _least_squares(law: Law, sizes: Floats, means: Floats) -> tuple[float, float]:
    scales = np.geomspace(sizes[0] / 10, 10 * sizes[-1], SCALES)
    shapes = law.shape(sizes / scales[:, np.newaxis])
    heights = shapes @ means / (shapes * shapes).sum(axis=1)
    losses = ((heights[:, np.newaxis] * shapes - means) ** 2).sum(axis=1)
    best = int(losses.argmin())
    return float(heights[best]), float(scales[best])
