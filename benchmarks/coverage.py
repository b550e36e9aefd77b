"""How often the 95 % intervals of the paper hold the truth, in simulated experiments where it is known.

    python benchmarks/coverage.py        # about a minute; writes paper/inputs/coverage.csv

Each experiment has two encoders, three intermediate tasks and a baseline, all without any true gain. Scores vary by
training run (a normal deviate shared by all languages), by language and by both; the runs of the baseline are shared by
the gains of an encoder, as they are in earnest. Rows are how much each varies; columns compare the intervals of
`xit.statistics.gains` with the plain bootstrap over seeds and languages (Owen 2007).
"""

import csv
from pathlib import Path

import numpy as np
from scipy import stats

from xit.statistics.gains import estimate
from xit.statistics.study import Floats

LANGUAGES, ENCODERS, TASKS, EXPERIMENTS = 12, 2, 3, 400
SETTINGS = ((2.0, 1.0, 1.0), (2.0, 2.0, 2.0), (1.0, 3.0, 2.0), (3.0, 1.0, 1.0))  # SD of runs, of languages, of both


def gains(rng: np.random.Generator, seeds: int, runs: float, languages: float, both: float) -> list[Floats]:
    """The gains of every encoder and task: `<float>[seed, language, target]`, one target."""

    def scores() -> Floats:
        return rng.normal(0, runs, (seeds, 1)) + rng.normal(0, both, (seeds, LANGUAGES))

    effects = rng.normal(0, languages, (TASKS, LANGUAGES))
    found = []
    for _ in range(ENCODERS):
        baseline = scores()
        found += [(scores() + effect - baseline)[:, :, np.newaxis] for effect in effects]
    return found


def plain(cube: Floats) -> tuple[float, float]:
    """The percentile interval of the bootstrap that resamples seeds and languages."""

    def mean(rows: Floats, columns: Floats, axis: int) -> Floats:
        picked = cube[rows.astype(int)[..., :, np.newaxis], columns.astype(int)[..., np.newaxis, :], 0]
        return np.asarray(picked.mean(axis=(-1, -2)))

    drawn = tuple(np.arange(length, dtype=np.float64) for length in cube.shape[:2])
    found = stats.bootstrap(drawn, mean, n_resamples=2000, vectorized=True, method="percentile", rng=0)
    return found.confidence_interval.low, found.confidence_interval.high


def coverage(seeds: int, runs: float, languages: float, both: float) -> tuple[float, float]:
    """In how many of a hundred experiments the interval holds zero: ours, and the plain bootstrap's."""
    rng = np.random.default_rng(seeds)
    ours = theirs = 0
    for _ in range(EXPERIMENTS):
        cubes = gains(rng, seeds, runs, languages, both)
        one = estimate(cubes[0], np.ones(1), cubes)
        if one is None or one.low is None or one.high is None:
            raise ValueError("no interval")
        ours += one.low <= 0 <= one.high
        low, high = plain(cubes[0])
        theirs += low <= 0 <= high
    return 100 * ours / EXPERIMENTS, 100 * theirs / EXPERIMENTS


if __name__ == "__main__":
    with (Path(__file__).parents[1] / "paper/inputs/coverage.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["seeds", "sd_runs", "sd_languages", "sd_both", "experiments", "ours", "plain_bootstrap"])
        for seeds in (2, 3):
            for setting in SETTINGS:
                writer.writerow([seeds, *setting, EXPERIMENTS, *coverage(seeds, *setting)])
