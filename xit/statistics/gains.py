"""Gains and their differences, paired over seeds and languages, with intervals.

A gain is a condition minus `none` (the pretrained encoder as it is), in the same language and from the same seed.
Seeds and languages are crossed, and both vary: another pretraining and another choice of languages would each give
another mean. The usual bootstrap resamples both (Owen 2007, The pigeonhole bootstrap, section 3); with two seeds its
95 % intervals hold the truth in 61 to 90 % of simulated experiments (benchmarks/coverage.py,
paper/inputs/coverage.csv), since two values say little of their own variance.
So here, with the same library and the same resampling of languages:

- the variance between seeds is pooled over the gains of one kind in one column (every encoder, every intermediate
  task), as in an analysis of variance, and its deviations are scaled by sqrt(n / (n - 1)), which makes it unbiased
  (Davison & Hinkley 1997, Bootstrap Methods and their Application, section 3.2);
- the resampled means are stretched by Student's t over the normal quantile, at the pooled degrees of freedom
  (Hesterberg 2015, What Teachers Should Know About the Bootstrap, section 5.2).

In the same simulation these intervals hold it in 94 to 98 %.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from xit.core.conditions import BASELINE, MLM, SHUFFLED, parse
from xit.statistics.study import MEAN, Floats, Study, mean_of_present, targets_of, weights

LEVEL = 0.95
RESAMPLES = 9999
Key = TypeVar("Key", bound=Hashable)
Conditions = Sequence[str]


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over seeds, languages and targets, with what is known of its uncertainty.

    Attributes:
        low, high: Of the 95 % interval; None with one seed or one language, which show no variance.
        p: Two-sided, of no difference; None as above.
        improved: In how many of the languages the mean over seeds is above zero.
        is_significant: Whether the difference holds after Holm's correction within its family.
    """

    value: float
    low: float | None
    high: float | None
    p: float | None
    improved: int
    languages: int
    seeds: int
    is_significant: bool = False


def gain_array(study: Study, encoder: str, conditions: Conditions, is_english: bool = False) -> Floats:
    """Mean over conditions, minus `none`, zero-shot (or in English): `<float>[seed, language, target]`."""
    cubes = [study.scores(encoder, condition, is_english) for condition in conditions]
    return np.asarray(np.mean(cubes, axis=0) - study.scores(encoder, BASELINE, is_english), dtype=np.float64)


def gain(study: Study, encoder: str, conditions: Conditions, targets: Sequence[str] = ()) -> Estimate | None:
    """The zero-shot gain of an encoder from intermediate training, or of a control over `none`; None if not run."""
    return estimate(gain_array(study, encoder, conditions), weights(study, targets), pool(study, conditions))


# Families: the estimates of one are corrected together, and each has its star from there wherever it is printed


@functools.cache
def main_gains(study: Study) -> Mapping[tuple[str, str, str], Estimate | None]:
    """The gain of every (condition, encoder, target), `mean` for all targets."""
    return holm(
        {
            (condition, encoder, target): gain(study, encoder, [condition], targets_of(study, target))
            for condition in study.rows
            for encoder in study.encoders
            for target in (*study.targets, MEAN)
        }
    )


@functools.cache
def encoder_differences(study: Study) -> Mapping[tuple[str, str, str], Estimate | None]:
    """The gain of the first encoder minus that of another, by (task, other encoder, target), `mean` for all targets."""
    return holm(
        {
            (task, encoder, target): difference(study, study.encoders[0], encoder, [task], targets_of(study, target))
            for task in study.intermediates
            for encoder in study.encoders[1:]
            for target in (*study.targets, MEAN)
        }
    )


@functools.cache
def average_gains(study: Study) -> Mapping[tuple[str, ...], Estimate | None]:
    """The gain averaged over intermediate tasks and targets by (encoder,), and by (first, other) their difference."""
    first, *rest = study.encoders
    gains = {(encoder,): gain(study, encoder, study.intermediates) for encoder in study.encoders}
    differences = {(first, encoder): difference(study, first, encoder, study.intermediates) for encoder in rest}
    return holm({**gains, **differences})


@functools.cache
def recipe_contrasts(study: Study) -> Mapping[tuple[str, str], Estimate | None]:
    """The average gain of every (recipe, encoder) minus that of the recipe's plain tasks."""
    pairs = {name: ([name], plain_tasks(study, name)) for name in study.recipes}
    return holm(
        {
            (name, encoder): contrast(study, encoder, pair, list(pairs.values()))
            for name, pair in pairs.items()
            for encoder in study.encoders
        }
    )


@functools.cache
def control_contrasts(study: Study) -> Mapping[tuple[str, str, str], Estimate | None]:
    """The average gain of every (task, encoder) minus that of its control, `mlm` or `shuffled`; None if not run."""
    contrasts: dict[tuple[str, str, str], Estimate | None] = {}
    for control in (MLM, SHUFFLED):
        pairs = {task: ([task], [control_of(task, control)]) for task in study.intermediates}
        run = {task: pair for task, pair in pairs.items() if pair[1][0] in study.controls}
        for task, encoder in itertools.product(study.intermediates, study.encoders):
            alike = list(run.values())
            contrasts[task, encoder, control] = contrast(study, encoder, run[task], alike) if task in run else None
    return holm(contrasts)


def control_of(task: str, control: str) -> str:
    """The condition that a task is compared with: masked LM alone, or the task with its labels shuffled."""
    return control if control == MLM else f"{task}+{control}"


# Single estimates


def best(study: Study, encoder: str) -> str | None:
    """The intermediate task of the largest average gain, or None where none was run."""
    averages = {name: main_gains(study)[name, encoder, MEAN] for name in study.intermediates}
    values = {name: average.value for name, average in averages.items() if average is not None}
    return max(values, key=values.__getitem__) if values else None


def difference(
    study: Study, first: str, second: str, conditions: Conditions, targets: Sequence[str] = ()
) -> Estimate | None:
    """The interaction: the gain of the first encoder minus that of the second. Their seeds are independent."""
    cube = gain_array(study, first, conditions) - gain_array(study, second, conditions)
    return estimate(cube, weights(study, targets), pool(study, conditions), independent=2)


def pool(study: Study, conditions: Conditions) -> list[Floats]:
    """The gains whose variance over seeds stands for that of one: of every encoder and every condition of its kind."""
    if len(conditions) == 1 and conditions[0] in study.trained:
        return [gain_array(study, encoder, [name]) for encoder in study.encoders for name in study.trained]
    return [gain_array(study, encoder, conditions) for encoder in study.encoders]


def pooled_estimate(
    study: Study, encoder: str, cube_of: Callable[[str], Floats], weight: Floats | None = None
) -> Estimate | None:
    """The estimate of what `cube_of` gives for an encoder; its variance over seeds is pooled over all encoders."""
    cubes = {name: cube_of(name) for name in study.encoders}
    return estimate(cubes[encoder], weights(study) if weight is None else weight, list(cubes.values()))


Pair = tuple[Conditions, Conditions]
"""Conditions, and those that their gains are compared with."""


def contrast(study: Study, encoder: str, pair: Pair, alike: Sequence[Pair]) -> Estimate | None:
    """The average gain of some conditions minus that of others; variance over seeds is pooled over pairs alike."""

    def cube(name: str, conditions: Pair) -> Floats:
        return np.asarray(
            gain_array(study, name, conditions[0]) - gain_array(study, name, conditions[1]), dtype=np.float64
        )

    pooled = [cube(each, other) for each in study.encoders for other in alike]
    return estimate(cube(encoder, pair), weights(study), pooled)


def plain_tasks(study: Study, recipe: str) -> tuple[str, ...]:
    """The plain intermediate tasks that a recipe is made of; for multitask, all that were run."""
    task = parse(recipe).task
    return (task,) if task in study.intermediates else study.intermediates


# Single languages


def language_gains(study: Study, encoder: str, condition: str) -> dict[tuple[str, str], tuple[float, ...]]:
    """The gain of every seed, NaN where it was not run, by language, English among them, and target."""
    gains = {}
    for is_english in (True, False):
        names = [name for name in study.languages if (name in study.others) != is_english]
        cube = gain_array(study, encoder, [condition], is_english)
        for (i, language), (j, target) in itertools.product(enumerate(names), enumerate(study.targets)):
            if not np.isnan(cube[:, i, j]).all():
                gains[language, target] = tuple(cube[:, i, j].tolist())
    return gains


def language_means(study: Study, encoder: str, condition: str) -> dict[str, float]:
    """The gain in each language, mean over the seeds and targets that have it."""
    values: dict[str, list[float]] = {}
    for (language, _), seeds in language_gains(study, encoder, condition).items():
        values.setdefault(language, []).extend(seeds)
    return {language: float(np.nanmean(gains)) for language, gains in values.items()}


# Intervals and stars


def estimate(cube: Floats, weight: Floats, pooled: Sequence[Floats], independent: int = 1) -> Estimate | None:
    """The weighted mean over targets of the mean over languages and seeds, with its interval.

    Args:
        cube: `<float>[seed, language, target]`, NaN where a seed was not run or a target lacks the language.
        weight: `<float>[target]`.
        pooled: Cubes whose seeds vary as those of this one do.
        independent: How many such variances add up in `cube`: 2 where it is a difference of two encoders.

    Returns:
        None where no seed has every target that carries weight.
    """
    cube = complete_seeds(cube, weight)
    if not len(cube):
        return None
    chosen = weight[weight != 0]
    by_language = cube.mean(axis=0)  # [language, target]
    by_language = by_language[~np.isnan(by_language).all(axis=1)]
    value = float(mean_of_present(by_language, axis=0) @ chosen)
    seed_means = [mean_of_present(complete_seeds(each, weight), axis=1) @ chosen for each in pooled]
    several = [means for means in seed_means if len(means) > 1]
    deviations = np.concatenate(
        [(means - means.mean()) * np.sqrt(independent * len(means) / (len(means) - 1)) for means in several] or [[]]
    )
    freedom = sum(len(means) - 1 for means in several)
    low, high, p = (None, None, None)
    if freedom and len(by_language) > 1:
        low, high, p = _interval(value, by_language, chosen, deviations, freedom, len(cube))
    improved = int((np.nansum(by_language * chosen, axis=1) > 0).sum())
    return Estimate(value, low, high, p, improved, len(by_language), len(cube))


def complete_seeds(cube: Floats, weight: Floats) -> Floats:
    """The targets that carry weight, and the seeds that have all of them."""
    carried: Floats = cube[:, :, weight != 0]
    is_missing = np.isnan(carried).all(axis=1)  # [seed, target]
    complete: Floats = carried[~np.any(is_missing, axis=1)]
    return complete


def _interval(
    value: float, by_language: Floats, weight: Floats, deviations: Floats, freedom: int, seeds: int
) -> tuple[float, float, float]:
    """Lower and upper end, and the p-value that belongs to them (see the head of this module)."""
    from scipy import stats

    known = ~np.isnan(by_language)
    filled = np.where(known, by_language, 0)
    fallback = mean_of_present(by_language, axis=0)

    def mean(languages: Floats, deviates: Floats, axis: int) -> Floats:
        drawn = languages.astype(int)  # [resample, language]
        count = known[drawn].sum(axis=-2)
        # A resample without any language of a target says nothing about it: its own mean stands in.
        targets = np.where(count > 0, filled[drawn].sum(axis=-2) / count.clip(1), fallback)
        # The mean of all pooled deviations varies less than that of `seeds` of them, by this factor.
        return np.asarray(targets @ weight + deviates.mean(axis=axis) * np.sqrt(len(deviations) / seeds))

    drawn = stats.bootstrap(
        (np.arange(len(by_language), dtype=np.float64), deviations),
        mean,
        n_resamples=RESAMPLES,
        vectorized=True,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(0),
    ).bootstrap_distribution
    tail = (1 - LEVEL) / 2
    stretched = value + (drawn - value) * stats.t.isf(tail, freedom) / stats.norm.isf(tail)
    low, high = np.quantile(stretched, [tail, 1 - tail])
    p = 2 * min((stretched <= 0).mean(), (stretched >= 0).mean())
    return float(low), float(high), float(np.clip(p, 2 / (RESAMPLES + 1), 1))


def holm(family: Mapping[Key, Estimate | None]) -> dict[Key, Estimate | None]:
    """A family of estimates, each with whether it differs from zero after Holm's correction for all of them."""
    tested = {key: one for key, one in family.items() if one is not None and one.p is not None}
    if not tested:
        return dict(family)
    from statsmodels.stats.multitest import multipletests

    verdicts = multipletests([one.p for one in tested.values()], alpha=1 - LEVEL, method="holm")[0]
    return dict(family) | {
        key: dataclasses.replace(one, is_significant=bool(verdict))
        for (key, one), verdict in zip(tested.items(), verdicts, strict=True)
    }
