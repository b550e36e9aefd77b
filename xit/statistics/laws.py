"""Whether a gain grows with the examples of intermediate training, and the laws that say how far it would go.

Without examples there is no gain, so a gain is a curve that starts at zero. Its verdict comes from Student's tests over
seeds, of gains that are paired with the baseline of their seed; each is one-sided, at 5 %:

- `falls`: a smaller number of examples has a gain, and more of it than the most have (Bonferroni over the numbers);
- `no gain`: else, where the gain at the most examples is not shown to be above zero;
- `grows`: else, where the slope on the logarithm of the number is above zero;
- `flat`: none of these is shown.

Two laws through the origin are fitted to the mean over seeds: one that saturates, G n / (n + κ), and one that does
not, G log(1 + n/κ). Of a gain that grows they say what more examples would give, as a range. No verdict hangs on them.

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

FEWEST_SIZES = 4
"""Below them there is no verdict."""
ALPHA = 0.05
SCALES = 2000
"""So many values of κ are tried, from a millionth of the fewest examples to ten times the most; G has a closed form."""


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
        """What the laws that hold say of so many times the most examples, the lowest and the highest; None where none
        does."""
        found = [float(fit.predict(times * self.sizes[-1:])[0]) for fit in self.holding]
        return (min(found), max(found)) if found else None

    @property
    def holding(self) -> list[Fit]:
        """The laws that come near the gain at the most examples; none where the gain is not shown to grow."""
        if self.verdict != "grows":
            return []
        error = self.most.std(ddof=1) / len(self.most) ** 0.5
        return [fit for fit in self.fits if abs(fit.predict(self.sizes[-1:])[0] - self.most.mean()) <= 2 * error + 0.1]

    @property
    def most(self) -> Floats:
        """The gain at the most examples: `<float>[seed]`."""
        return np.asarray(self.gains[:, self.sizes == self.sizes[-1]].mean(axis=1))


def growth(sizes: Floats, gains: Floats, is_tested: bool = True) -> Growth:
    """The verdict on gains `<float>[seed, size]` in points, and every law fitted to their mean.

    Args:
        is_tested: Whether there are as many seeds as are declared for verdicts, which are three at least.
    """
    if len(set(sizes)) < FEWEST_SIZES or not is_tested:
        return Growth(sizes, gains, "too few", np.full(len(gains), np.nan))
    decades = np.log10(sizes) - np.log10(sizes).mean()
    slopes = gains @ decades / (decades @ decades)
    fits = tuple(_fit(law, sizes, gains.mean(axis=0)) for law in LAWS)
    one = Growth(sizes, gains, "flat", slopes, fits)
    return dataclasses.replace(one, verdict=_verdict(one))


def _verdict(one: Growth) -> Verdict:
    fewer = one.gains[:, one.sizes < one.sizes[-1]].T
    alpha = ALPHA / len(fewer)
    if any(is_above_zero(each, alpha) and is_above_zero(each - one.most, alpha) for each in fewer):
        return "falls"
    if not is_above_zero(one.most):
        return "no gain"
    return "grows" if is_above_zero(one.slopes) else "flat"


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
    scales = np.geomspace(sizes[0] * 1e-6, 10 * sizes[-1], SCALES)
    shapes = law.shape(sizes / scales[:, np.newaxis])
    heights = shapes @ means / (shapes * shapes).sum(axis=1)
    losses = ((heights[:, np.newaxis] * shapes - means) ** 2).sum(axis=1)
    best = int(losses.argmin())
    return float(heights[best]), float(scales[best])
