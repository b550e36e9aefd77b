"""How a score grows with the data of intermediate training: laws, their fits, and whether two tasks are aligned.

Isik et al. 2025 (arXiv 2402.04177) fit a downstream score to the amount of pretraining data by a log law, `(log(A ·
D^α))^β`, and find that it fits where the data are aligned with the task, while misaligned data move the score up and
down: that the law does not fit is itself the sign. Here D is n, the English examples of an intermediate task, and the
score that of a target, in a language or in the mean.

Differs from the paper: a saturating power law, a flat line and a quadratic stand beside the log law, since a score is
bounded and the log law is not, and since few downstream scores behave regularly (Lourie et al. 2025, arXiv 2507.00885);
the baseline without intermediate training, where log n is undefined, is not fitted; each seed is a point; and one size
alone, the largest, is held out.

In simulated experiments (tests/statistics/test_scaling.py: five sizes from 10 to 3,500, three seeds, deviations of 2 %
between seeds and between runs) 36 of 40 flat curves get their verdict, 119 of 120 that grow by one of three laws, and
all of 40 that rise and fall.
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Verdict = Literal["aligned", "flat", "misaligned", "no gain", "too few sizes"]

DELTA = 0.1
"""Where Huber's loss turns from square to straight, on log scores (the paper's, for BLEU and COMET)."""
FLOOR = 0.001
"""Of scores from 0 to 1: the log of zero is undefined, and a tenth of a point stands for it."""
SHARPNESS = 1000.0
"""Of the softplus that keeps laws above zero; it changes values above 0.005 by less than 0.00001."""
STARTS = 2
"""How many of a law's starts are followed to their end: those of the lowest loss. The others end there too."""
FEWEST_SIZES, FEWEST_POINTS = 4, 6
"""Below them there is no verdict. AICc takes a point more than a law's parameters, their scale and one."""
SUPPORT = 2.0
"""Laws with an AICc as near to the lowest as this have support too (Burnham & Anderson 2002, section 2.6)."""
ALIGNED = 0.5
"""Spearman's correlation of size and score below which a pair is misaligned."""
SHORT = 2.0
"""Decades of n below which the parameters of a law are too correlated to be reported."""
LEVEL, RESAMPLES = 0.95, 200

Curve = Callable[[Floats, Floats], Floats]
"""Parameters and log n to the log of the score, `<float>[size]`."""


@dataclasses.dataclass(frozen=True)
class Law:
    """A candidate.

    Attributes:
        starts: Of log n and log scores: where the fit begins, `<float>[start, parameter]`.
        bounds: Of every parameter.
    """

    name: str
    formula: str
    curve: Curve
    starts: Callable[[Floats, Floats], Floats]
    bounds: tuple[tuple[float, float], ...]


def _log_positive(value: Floats) -> Floats:
    """The log of softplus: the log of `value` where that is above zero, and finite everywhere."""
    scaled = SHARPNESS * value
    near = np.maximum(scaled, -30)  # below, softplus is exp to the last digit
    return np.asarray(np.log(np.logaddexp(0, near)) + (scaled - near) - np.log(SHARPNESS))


def _log_law(parameters: Floats, x: Floats) -> Floats:
    a, alpha, beta = parameters
    return np.asarray(beta * _log_positive(a + alpha * x))


def _power_law(parameters: Floats, x: Floats) -> Floats:
    limit, log_b, gamma = parameters
    return _log_positive(limit - np.exp(log_b - gamma * x))


def _polynomial(parameters: Floats, x: Floats) -> Floats:
    return _log_positive(x[:, np.newaxis] ** np.arange(len(parameters)) @ parameters)


def _grid(*axes: tuple[float, ...]) -> Floats:
    return np.array(list(itertools.product(*axes)))


A, ALPHA, BETA = (-1.0, 0.0, 1.0, 3.0), (0.01, 0.1, 0.5, 1.0), (0.25, 0.5, 1.0, 2.0)
"""Starts of the log law."""


def _power_starts(x: Floats, log_scores: Floats) -> Floats:
    """Limits from the highest mean to 1, exponents, and for each the B that leads through the smallest n."""
    means = np.exp(log_scores.mean(axis=0))
    limits = np.linspace(min(means.max() + 0.01, 1), 1, 3)
    return np.array(
        [
            (limit, np.log(max(limit - means[0], 0.01)) + gamma * x[0], gamma)
            for limit in limits
            for gamma in (0.1, 0.3, 1.0)
        ]
    )


def _least_squares(degree: int) -> Callable[[Floats, Floats], Floats]:
    return lambda x, log_scores: np.polynomial.polynomial.polyfit(x, np.exp(log_scores).mean(axis=0), degree)[
        np.newaxis
    ]


FREE = (-np.inf, np.inf)
FLAT, LINEAR, QUADRATIC = "flat", "log-linear", "quadratic"

LAWS = (
    Law(FLAT, "c", _polynomial, _least_squares(0), (FREE,)),
    Law(LINEAR, "a + α log n", _polynomial, lambda *_: _grid(A, ALPHA), (FREE,) * 2),
    Law(
        "log law",
        "(a + α log n)^β",
        _log_law,
        lambda *_: _grid(A, ALPHA, BETA),
        (FREE, FREE, (0.05, 20.0)),
    ),
    Law(
        "power law",
        "y∞ − B n^(−γ)",
        _power_law,
        _power_starts,
        ((FLOOR, 1.0), (-20.0, 20.0), (0.01, 5.0)),
    ),
    Law(QUADRATIC, "a + b log n + c (log n)²", _polynomial, _least_squares(2), (FREE,) * 3),
)


@dataclasses.dataclass(frozen=True, eq=False)
class Points:
    """What was measured of an encoder, an intermediate task and a target, in a language or the mean over some.

    Attributes:
        sizes: `<float>[size]`: n, ascending.
        scores: `<float>[seed, size]`, from 0 to 100.
        baseline: `<float>[seed]`, without intermediate training; NaN where it was not run.
    """

    sizes: Floats
    scores: Floats
    baseline: Floats


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A law that was fitted.

    Attributes:
        aicc: Akaike's criterion, corrected for few points; the lowest is best.
        held_out: How far the log of the mean score at the largest n is from the law that was fitted to the others.
    """

    law: Law
    parameters: Floats
    aicc: float
    held_out: float

    def predict(self, sizes: Floats) -> Floats:
        """The scores at these sizes, 100 at most."""
        return _predict(self.law, self.parameters, sizes)


def _predict(law: Law, parameters: Floats, sizes: Floats) -> Floats:
    return np.asarray(100 * np.exp(np.minimum(law.curve(parameters, np.log(sizes)), 0)))


def _fitted(law: Law, x: Floats, log_scores: Floats, starts: Floats) -> tuple[Floats, float]:
    """The parameters of the least Huber loss on log scores `<float>[seed, size]`, and that loss in units of DELTA."""
    from scipy.optimize import least_squares
    from scipy.special import huber

    def residuals(parameters: Floats) -> Floats:
        return np.asarray(law.curve(parameters, x) - log_scores).ravel()

    low, high = np.array(law.bounds).T
    inner = np.clip(starts, low + 1e-9, high - 1e-9)
    ranked = sorted(inner, key=lambda start: huber(1, residuals(start) / DELTA).sum())[:STARTS]
    options: Any = {"x_scale": "jac", "ftol": 1e-12, "xtol": 1e-12, "gtol": 1e-10}
    fits = [
        least_squares(residuals, start, bounds=(low, high), loss="huber", f_scale=DELTA, **options) for start in ranked
    ]
    best = min(fits, key=lambda fit: fit.cost)
    return np.asarray(best.x), float(best.cost / DELTA**2)


def _logs(sizes: Floats, scores: Floats) -> tuple[Floats, Floats]:
    return np.log(sizes), np.log(np.maximum(scores / 100, FLOOR))


def fit(law: Law, sizes: Floats, scores: Floats) -> Fit:
    """A law, fitted to scores from 0 to 100, `<float>[seed, size]`, and tested on the largest size."""
    x, log_scores = _logs(sizes, scores)
    parameters, loss = _fitted(law, x, log_scores, law.starts(x, log_scores))
    rest = x < x[-1]
    earlier, _ = _fitted(law, x[rest], log_scores[:, rest], law.starts(x[rest], log_scores[:, rest]))
    held_out = abs(law.curve(earlier, x[-1:])[0] - log_scores[:, ~rest].mean())
    points, free = scores.size, len(parameters) + 1  # and the scale of the errors
    aicc = points * np.log(max(2 * loss, 1e-12) / points) + 2 * free + 2 * free * (free + 1) / (points - free - 1)
    return Fit(law, parameters, float(aicc), float(held_out))


def best_of(fits: Sequence[Fit], sizes: Floats) -> Fit:
    """Of the laws that AICc supports, the one that is nearest to the size that was held out.

    The quadratic is there to detect scores that rise and fall, and bends like any other curve where they do not. So it
    is a candidate where it turns between the sizes, and best where AICc supports no other law.
    """
    candidates = [one for one in fits if one.law.name != QUADRATIC or _turns(one, sizes)]
    lowest = min(one.aicc for one in candidates)
    supported = [one for one in candidates if one.aicc <= lowest + SUPPORT]
    others = [one for one in supported if one.law.name != QUADRATIC]
    return min(others or supported, key=lambda one: one.held_out)


def _turns(one: Fit, sizes: Floats) -> bool:
    steps = np.diff(one.predict(np.geomspace(sizes[0], sizes[-1], 100)))
    return bool(steps.min() < 0 < steps.max())


@dataclasses.dataclass(frozen=True, eq=False)
class Scaling:
    """What the points say.

    Attributes:
        verdict: `no gain` where the score at the largest n is not above the baseline, so that a curve is a way back
            from damage at most; else `flat` where the flat line is best; `misaligned` where the quadratic is, or where
            Spearman's correlation is below ALIGNED; else `aligned`.
        fits: Of every law; none where there are too few sizes.
        spearman: Of n and the mean score over seeds.
        resampled: The parameters of the best law in every resample of the seeds; none with one seed.
        counts: How often every resample has every seed, `<float>[resample, seed]`.
    """

    points: Points
    verdict: Verdict
    fits: tuple[Fit, ...] = ()
    best: Fit | None = None
    spearman: float | None = None
    resampled: tuple[Floats, ...] = ()
    counts: Floats = dataclasses.field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def decades(self) -> float:
        """How far n ranges."""
        return float(np.log10(self.points.sizes[-1] / self.points.sizes[0]))

    @property
    def per_tenfold(self) -> float | None:
        """Points for ten times the examples, by the log law with β = 1: 100 α log 10."""
        found = [float(100 * one.parameters[1] * np.log(10)) for one in self.fits if one.law.name == LINEAR]
        return found[0] if found else None

    def gains(self, sizes: Floats) -> tuple[Floats, Floats, Floats]:
        """The gain over the baseline at these sizes, by the best law, and the ends of its 95 % interval over seeds.

        This is what is to be reported of a fit: the parameters of the log law are strongly correlated where n ranges
        over few decades. The interval takes the law as right, and is NaN with one seed.
        """
        if self.best is None:
            raise ValueError(f"no law was fitted: {self.verdict}")
        law, seeds = self.best.law, len(self.points.scores)
        value = self.best.predict(sizes) - self.points.baseline.mean()
        if seeds < 2:
            return value, np.full_like(value, np.nan), np.full_like(value, np.nan)
        baselines = self.counts @ self.points.baseline / seeds
        drawn = np.array([_predict(law, one, sizes) for one in self.resampled]) - baselines[:, np.newaxis]
        return value, *_interval(value, drawn, seeds)


def _interval(value: Floats, drawn: Floats, seeds: int) -> tuple[Floats, Floats]:
    """Percentiles of the bootstrap, stretched for the number of seeds as those of gains are
    (`xit.statistics.study`)."""
    from scipy import stats

    tail = (1 - LEVEL) / 2
    stretch = np.sqrt(seeds / (seeds - 1)) * stats.t.isf(tail, seeds - 1) / stats.norm.isf(tail)
    low, high = value + stretch * (np.quantile(drawn, [tail, 1 - tail], axis=0) - value)
    return low, high


def scaling(points: Points) -> Scaling:
    """Every law fitted to the points, the best of them, and the verdict."""
    from scipy import stats

    if len(set(points.sizes)) < FEWEST_SIZES or points.scores.size < FEWEST_POINTS:
        return Scaling(points, "too few sizes")
    fits = tuple(fit(law, points.sizes, points.scores) for law in LAWS)
    best, means = best_of(fits, points.sizes), points.scores.mean(axis=0)
    spearman = float(stats.spearmanr(points.sizes, means).statistic) if np.ptp(means) else 0.0
    counts = _resamples(len(points.scores))
    different, which = np.unique(counts, axis=0, return_inverse=True)
    x, log_scores = _logs(points.sizes, points.scores)
    refitted = [
        _fitted(best.law, x, np.repeat(log_scores, count.astype(int), axis=0), best.parameters[np.newaxis])[0]
        for count in different
    ]
    resampled = tuple(refitted[i] for i in which)
    return Scaling(points, _verdict(points, best, spearman), fits, best, spearman, resampled, counts)


def has_gain(points: Points) -> bool:
    """Whether the largest n scores above the baseline, by a one-sided test over seeds; with one seed, by its sign.

    Where the baseline was not run nothing is known, and the curve is judged by its form alone.
    """
    from scipy import stats

    gains = points.scores[:, -1] - points.baseline
    if np.isnan(gains).any():
        return True
    if len(gains) < 2 or not np.ptp(gains):
        return bool(gains.mean() > 0)
    return bool(stats.ttest_1samp(gains, 0, alternative="greater").pvalue < 1 - LEVEL)


def _verdict(points: Points, best: Fit, spearman: float) -> Verdict:
    if not has_gain(points):
        return "no gain"
    if best.law.name == FLAT:
        return "flat"
    return "misaligned" if best.law.name == QUADRATIC or spearman < ALIGNED else "aligned"


def _resamples(seeds: int) -> Floats:
    """How often each seed is drawn, in all samples with replacement or, where these are many, in some."""
    if seeds < 2:
        return np.zeros((0, seeds))
    every = seeds**seeds <= 2 * RESAMPLES
    drawn = (
        np.array(list(itertools.product(range(seeds), repeat=seeds)))
        if every
        else np.random.default_rng(0).integers(seeds, size=(RESAMPLES, seeds))
    )
    return np.array([np.bincount(one, minlength=seeds) for one in drawn], dtype=np.float64)
