"""Gains over examples: two models on the same examples, for each language and seed."""

import dataclasses
from collections.abc import Sequence

import numpy as np

LEVEL, RESAMPLES = 0.95, 9999


@dataclasses.dataclass(frozen=True)
class ExampleGain:
    """The gain of one model over another on the same examples.

    Attributes:
        low, high: Of the 95 % interval over examples.
        p: Two-sided, of as many examples better as worse.
        better, worse: How many examples the second model does better and worse.
    """

    value: float
    low: float
    high: float
    p: float
    better: int
    worse: int


def example_gain(before: Sequence[float], after: Sequence[float]) -> ExampleGain:
    """The gain in one cell, paired over examples: an interval by bootstrap, and McNemar's exact test.

    It speaks of two models and more examples like these, where `gain` speaks of more seeds and languages.

    Args:
        before: What each example scores, from 0 to 100, where the metric is a mean over examples.
        after: The same examples, by the other model.
    """
    from scipy import stats

    pairs = np.array([(first, second) for first, second in zip(before, after, strict=True)], dtype=np.float64)
    differences = pairs[:, 1] - pairs[:, 0]
    interval = stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    p = float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0
    return ExampleGain(float(differences.mean()), float(interval.low), float(interval.high), p, better, worse)
