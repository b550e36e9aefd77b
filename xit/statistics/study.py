"""From scores to gains: what was measured as one array, differences paired over seeds and languages, and intervals.

A gain is a condition minus `none` (the pretrained encoder as it is), in the same language and from the same seed.
Seeds and languages are crossed, and both vary: another pretraining and another choice of languages would each give
another mean. The usual bootstrap resamples both (Owen 2007, The pigeonhole bootstrap, section 3); with two seeds its
95 % intervals hold the truth in 61 to 90 % of simulated experiments (benchmarks/coverage.py, paper/coverage.csv), since
two values say little of their own spread.
So here, with the same library and the same resampling of languages:

- the spread of seeds is pooled over the gains of one kind in one column (every encoder, every intermediate task), as
  in an analysis of variance, and its deviations are scaled by sqrt(n / (n - 1)), which makes its variance unbiased
  (Davison & Hinkley 1997, Bootstrap Methods and their Application, section 3.2);
- the resampled means are stretched by Student's t over the normal quantile, at the pooled degrees of freedom
  (Hesterberg 2015, What Teachers Should Know About the Bootstrap, section 5.2).

In the same simulation these intervals hold it in 94 to 98 %.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xit.core.conditions import BASELINE, CONTROLS, parse
from xit.core.errors import DataError, raise_all
from xit.core.scores import Score
from xit.core.task import Task

Floats = NDArray[np.float64]

ENGLISH = "en"
LEVEL = 0.95
MEAN = "mean"
RESAMPLES = 9999
POWER = 0.8


@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """The test scores of one source in each target's main metric, and the names along each axis.

    Attributes:
        values: `<float>[encoder, condition, target, seed, language]`, NaN where nothing was run.
        examples: How many examples stand behind a target's score in a language.
    """

    source: str
    encoders: tuple[str, ...]
    conditions: tuple[str, ...]
    targets: tuple[str, ...]
    seeds: tuple[int, ...]
    languages: tuple[str, ...]
    tasks: Mapping[str, Task]
    values: Floats
    examples: Mapping[tuple[str, str], int]

    @property
    def intermediates(self) -> tuple[str, ...]:
        """The plain intermediate tasks, each by itself on all of its English examples."""
        return self._of_kind("task")

    @property
    def recipes(self) -> tuple[str, ...]:
        """Several tasks at once, tasks with masked LM, tasks in translation."""
        return self._of_kind("recipe")

    @property
    def controls(self) -> tuple[str, ...]:
        """What a gain has to be told from: no pretraining, masked LM alone, shuffled labels; not `none`."""
        return tuple(name for name in self._of_kind("control") if name != BASELINE)

    @property
    def trained(self) -> tuple[str, ...]:
        """The conditions with a training between pretraining and fine-tuning, of whatever kind."""
        return tuple(name for name in self.conditions if name not in CONTROLS)

    def _of_kind(self, kind: str) -> tuple[str, ...]:
        return tuple(name for name in self.conditions if parse(name).kind == kind)

    @property
    def others(self) -> tuple[str, ...]:
        """The languages of zero-shot transfer: all but English."""
        return tuple(name for name in self.languages if name != ENGLISH)

    def languages_of(self, target: str) -> tuple[str, ...]:
        """The languages in which a target was evaluated, English first."""
        return tuple(name for name in self.languages if (target, name) in self.examples)

    def scores(self, encoder: str, condition: str, is_english: bool = False) -> Floats:
        """The scores of one system, `<float>[seed, language, target]`; English only, or every other language."""
        keep = [(name == ENGLISH) == is_english for name in self.languages]
        if condition not in self.conditions:
            return np.full((len(self.seeds), sum(keep), len(self.targets)), np.nan)
        values = self.values[self.encoders.index(encoder), self.conditions.index(condition)]
        return np.moveaxis(values[:, :, keep], 0, 2)


def study(scores: Iterable[Score], tasks: Mapping[str, Task], order: Sequence[str] = ()) -> Study:
    """The scores as one array.

    Args:
        scores: Of one source; rows of other splits and of other than the main metrics are left out.
        tasks: The facts of every target.
        order: Ids in the order of the tables; ids that are not in it follow, sorted.

    Raises:
        DataError: two sources, two values for one cell, nothing to subtract, or a run that lacks languages which its
            target has.
    """
    kept = [score for score in scores if score.split == "test" and score.metric == tasks[score.target].metric]
    sources = sorted({score.source for score in kept})
    if len(sources) != 1:
        raise DataError(
            "scores: one source is needed, since no table mixes sources; found "
            f"{', '.join(sources) or 'no test scores'}."
        )

    found = {score.intermediate for score in kept}
    if BASELINE not in found or not any(parse(name).kind == "task" for name in found):
        raise DataError(
            f"scores: a gain needs {BASELINE} and an intermediate task; found {', '.join(sorted(found))}. "
            "Add one to grid.intermediates in params.yaml."
        )

    def ordered(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(set(names), key=lambda name: (order.index(name) if name in order else len(order), name)))

    encoders = ordered(score.encoder for score in kept)
    conditions = (*(name for name in CONTROLS if name in found), *ordered(found - set(CONTROLS)))
    targets = ordered(score.target for score in kept)
    seeds = tuple(sorted({score.seed for score in kept}))
    languages = tuple(sorted(ordered(score.language for score in kept), key=lambda name: name != ENGLISH))
    axes: tuple[tuple[object, ...], ...] = (encoders, conditions, targets, seeds, languages)
    values = np.full([len(axis) for axis in axes], np.nan)
    for score in kept:
        names = (score.encoder, score.intermediate, score.target, score.seed, score.language)
        cell = tuple(axis.index(name) for axis, name in zip(axes, names, strict=True))
        if not np.isnan(values[cell]):
            raise DataError(f"scores: two values for {'.'.join(map(str, names))}: {values[cell]} and {score.value}.")
        values[cell] = score.value
    was_run = ~np.isnan(values)
    expected = was_run.any(axis=(0, 1, 3))[:, np.newaxis] & was_run.any(axis=-1, keepdims=True)
    raise_all(
        DataError,
        [
            f"scores: {'.'.join(str(axis[i]) for axis, i in zip(axes, cell, strict=True))} is missing, "
            "though this run has other languages and other runs have this one. Evaluate it again."
            for cell in np.argwhere(expected & ~was_run)
        ],
    )
    return Study(
        source=sources[0],
        encoders=encoders,
        conditions=conditions,
        targets=targets,
        seeds=seeds,
        languages=languages,
        tasks={name: tasks[name] for name in targets},
        values=values,
        examples={(score.target, score.language): score.examples for score in kept},
    )


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over seeds, languages and targets, with what is known of its uncertainty.

    Attributes:
        low, high: Of the 95 % interval; None with one seed or one language, which say nothing of their spread.
        p: Two-sided, of no difference; None as above.
        is_settled: Whether the difference holds after Holm's correction within its table.
        improved: In how many of the languages the mean over seeds is above zero.
    """

    value: float
    low: float | None
    high: float | None
    p: float | None
    improved: int
    languages: int
    seeds: int
    is_settled: bool = False


def gains(of: Study, encoder: str, conditions: Sequence[str], is_english: bool = False) -> Floats:
    """Mean over conditions, minus `none`, zero-shot (or in English): `<float>[seed, language, target]`."""
    cubes = [of.scores(encoder, condition, is_english) for condition in conditions]
    return np.asarray(np.mean(cubes, axis=0) - of.scores(encoder, BASELINE, is_english), dtype=np.float64)


def weights(of: Study, targets: Sequence[str] = ()) -> Floats:
    """Equal weights on these targets (all of them by default), zero on the others, one in sum."""
    chosen = targets or of.targets
    return np.array([(name in chosen) / len(chosen) for name in of.targets], dtype=np.float64)


def gain(of: Study, encoder: str, conditions: Sequence[str], targets: Sequence[str] = ()) -> Estimate | None:
    """The zero-shot gain of an encoder from intermediate training, or of a control over `none`; None if not run."""
    return estimate(gains(of, encoder, conditions), weights(of, targets), pool(of, conditions))


@functools.cache
def main_gains(of: Study) -> Mapping[tuple[str, str, str], Estimate | None]:
    """The gain of every (condition, encoder, target), `mean` for all targets, corrected together.

    Subsets of the data of a task are left out: they are points of a curve (`xit.tables.scaling`).
    """
    found = {
        (condition, encoder, target): gain(of, encoder, [condition], () if target == MEAN else [target])
        for condition in (*of.intermediates, *of.recipes, *of.controls)
        for encoder in of.encoders
        for target in (*of.targets, MEAN)
    }
    names = [name for name, one in found.items() if one is not None]
    return found | dict(zip(names, settled([one for one in found.values() if one is not None]), strict=True))


def best(of: Study, encoder: str) -> str | None:
    """The intermediate task of the largest average gain, or None where none was run."""
    found = {name: one.value for name in of.intermediates if (one := main_gains(of)[name, encoder, MEAN]) is not None}
    return max(found, key=lambda name: found[name]) if found else None


def difference(
    of: Study, first: str, second: str, conditions: Sequence[str], targets: Sequence[str] = ()
) -> Estimate | None:
    """The interaction: the gain of the first encoder minus that of the second. Their seeds are independent."""
    cube = gains(of, first, conditions) - gains(of, second, conditions)
    return estimate(cube, weights(of, targets), pool(of, conditions), independent=2)


def pool(of: Study, conditions: Sequence[str]) -> list[Floats]:
    """The gains whose spread over seeds stands for that of one: of every encoder and every condition of its kind."""
    if len(conditions) == 1 and conditions[0] in of.trained:
        return [gains(of, encoder, [name]) for encoder in of.encoders for name in of.trained]
    return [gains(of, encoder, conditions) for encoder in of.encoders]


def estimate(cube: Floats, weight: Floats, pooled: Sequence[Floats], independent: int = 1) -> Estimate | None:
    """The weighted mean over targets of the mean over languages and seeds, with its interval.

    Args:
        cube: `<float>[seed, language, target]`, NaN where a seed was not run or a target lacks the language.
        weight: `<float>[target]`.
        pooled: Cubes whose seeds scatter as those of this one do.
        independent: How many such scatters add up in `cube`: 2 where it is a difference of two encoders.

    Returns:
        None where no seed has every target that carries weight.
    """
    cube = _complete(cube, weight)
    if not len(cube):
        return None
    chosen = weight[weight != 0]
    by_language = cube.mean(axis=0)  # [language, target]
    by_language = by_language[~np.isnan(by_language).all(axis=1)]
    value = float(_target_means(by_language) @ chosen)
    spreads = [_target_means(_complete(one, weight)) @ chosen for one in pooled]
    deviations = np.concatenate(
        [(one - one.mean()) * np.sqrt(independent * len(one) / (len(one) - 1)) for one in spreads if len(one) > 1]
        or [[]]
    )
    freedom = sum(len(one) - 1 for one in spreads if len(one) > 1)
    low, high, p = (None, None, None)
    if freedom and len(by_language) > 1:
        low, high, p = _interval(value, by_language, chosen, deviations, freedom, len(cube))
    improved = int((np.nansum(by_language * chosen, axis=1) > 0).sum())
    return Estimate(value, low, high, p, improved, len(by_language), len(cube))


def _complete(cube: Floats, weight: Floats) -> Floats:
    """The targets that carry weight, and the seeds that have all of them."""
    carried: Floats = cube[:, :, weight != 0]
    lacking = np.isnan(carried).all(axis=1)  # [seed, target]
    complete: Floats = carried[~np.any(lacking, axis=1)]
    return complete


def _target_means(cube: Floats) -> Floats:
    """The mean over the languages that a target has: `<float>[…, language, target]` to `<float>[…, target]`."""
    present = ~np.isnan(cube)
    return np.asarray(np.where(present, cube, 0).sum(axis=-2) / present.sum(axis=-2).clip(1), dtype=np.float64)


def _interval(
    value: float, by_language: Floats, weight: Floats, deviations: Floats, freedom: int, seeds: int
) -> tuple[float, float, float]:
    """Lower and upper end, and the p-value that belongs to them (see the head of this module)."""
    from scipy import stats

    known = ~np.isnan(by_language)
    filled = np.where(known, by_language, 0)
    fallback = filled.sum(axis=0) / known.sum(axis=0)

    def mean(languages: Floats, spread: Floats, axis: int) -> Floats:
        drawn = languages.astype(int)  # [resample, language]
        count = known[drawn].sum(axis=-2)
        # A resample without any language of a target says nothing about it: its own mean stands in.
        targets = np.where(count > 0, filled[drawn].sum(axis=-2) / count.clip(1), fallback)
        # The mean of all pooled deviations varies less than that of `seeds` of them, by this factor.
        return np.asarray(targets @ weight + spread.mean(axis=axis) * np.sqrt(len(deviations) / seeds))

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


def settled(estimates: Sequence[Estimate]) -> tuple[Estimate, ...]:
    """The estimates of one table, each marked whether it differs from zero after Holm's correction for all of them."""
    tested = [one.p for one in estimates if one.p is not None]
    if not tested:
        return tuple(estimates)
    from statsmodels.stats.multitest import multipletests

    verdicts = iter(multipletests(tested, alpha=1 - LEVEL, method="holm")[0])
    return tuple(
        one if one.p is None else dataclasses.replace(one, is_settled=bool(next(verdicts))) for one in estimates
    )


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


@dataclasses.dataclass(frozen=True)
class Spread:
    """Standard deviations of a gain: between seeds (of its means over languages), between languages (over seeds).

    Attributes:
        languages: Zero where the languages are taken as all there are.
    """

    seeds: float
    languages: float


def spread(of: Study, targets: Sequence[str] = ()) -> Spread | None:
    """What the gains of every encoder and intermediate task show of it, pooled; None with one seed or one language."""
    weight = weights(of, targets)
    chosen = weight[weight != 0]
    between: dict[str, list[float]] = {"seeds": [], "languages": []}
    for cube in pool(of, of.trained[:1]):
        complete = _complete(cube, weight)
        by_language = complete.mean(axis=0) if len(complete) else complete
        known = ~np.isnan(by_language)
        has_any = known.any(axis=-1)
        if len(complete) < 2 or has_any.sum() < 2:
            continue
        means = (np.where(known, by_language, 0) @ chosen)[has_any] / (known @ chosen)[has_any]
        between["seeds"].append(float((_target_means(complete) @ chosen).var(ddof=1)))
        between["languages"].append(float(means.var(ddof=1)))
    if not between["seeds"]:
        return None
    return Spread(*(float(np.sqrt(np.mean(between[axis]))) for axis in ("seeds", "languages")))


def minimum_detectable_gain(seeds: int, languages: int, cells: int, of: Spread) -> float | None:
    """The gain whose interval excludes zero in 80 % of experiments of this size; None where there is no interval.

    The standard error times the sum of two quantiles of Student's t, of the test and of the power (Bloom 1995, Minimum
    detectable effects, Evaluation Review 19:5). Seeds and languages both vary, so that their variances add up. Not
    corrected for the size of a table.

    Args:
        seeds: How many are to be run.
        languages: In how many the target is to be evaluated, besides English.
        cells: The gains whose spread over seeds is pooled: encoders times intermediate tasks.
        of: Observed in an earlier run, or assumed.
    """
    from scipy import stats

    freedom = cells * (seeds - 1)
    if freedom < 1 or languages < 2:
        return None
    error = np.sqrt(of.seeds**2 / seeds + of.languages**2 / languages)
    return float((stats.t.isf((1 - LEVEL) / 2, freedom) + stats.t.isf(1 - POWER, freedom)) * error)


def transfer_gap(of: Study, encoder: str, condition: str) -> float | None:
    """English minus the mean of the other languages, mean over the targets that have English."""
    english, others = of.scores(encoder, condition, is_english=True), of.scores(encoder, condition)
    if not english.shape[1]:
        return None
    gaps = [
        english[:, 0, i].mean() - others[:, :, i][~np.isnan(others[:, :, i])].mean()
        for i in range(len(of.targets))
        if not np.isnan(english[:, 0, i]).any() and not np.isnan(others[:, :, i]).all()
    ]
    return float(np.mean(gaps)) if gaps else None


def scatter(of: Study) -> float | None:
    """Standard deviation over seeds of a target's mean zero-shot score, pooled over all cells; None with one seed."""
    cubes = [of.scores(encoder, condition) for encoder in of.encoders for condition in of.conditions]
    variances = np.array([_target_means(cube).var(axis=0, ddof=1) for cube in cubes if len(cube) > 1])
    return float(np.sqrt(np.nanmean(variances))) if variances.size else None
