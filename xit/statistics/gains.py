"""Gains and their differences, paired over seeds and languages, with intervals, and the families that are tested.

A gain is a condition minus `none` (the pretrained encoder as it is), in the same language and from the same seed; its
error is that of `xit.statistics.anova`. What is tested, and how:

- the primary family, declared in params.yaml before the run: the gain of each encoder, mean over the declared
  intermediate tasks, and the differences between encoders. Sentences of the answer come from it alone;
- secondary families: the average gain of every condition, the differences between encoders after every task, contrasts
  with plain tasks and with controls, claims. Each is corrected by itself (Holm), and has its stars;
- the gains of single targets and languages are exploratory: drawn towards their mean by as much as they are noise, and
  never tested.

A word, a star and a verdict follow one rule: Holm's correction within the family, and as many seeds as are declared.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from xit.core.conditions import BASELINE, MLM, SHUFFLED, parse
from xit.statistics.anova import Analysis, analyse, quantile, shrunken
from xit.statistics.study import MEAN, Floats, Study, mean_of_present, weights

Key = TypeVar("Key", bound=Hashable)
Conditions = Sequence[str]
Primary = tuple[str, ...]
"""An encoder, or two whose gains are compared."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over seeds, languages and targets, with what is known of its uncertainty.

    Attributes:
        low, high: Of the interval at the declared level; None with one seed or one language, which show no variance.
        p: Two-sided, of no difference; None as above, and where nothing is tested.
        improved: In how many of the languages the mean over seeds is above zero.
        is_significant: Whether the difference holds after Holm's correction within its family; None where it was not
            tested.
    """

    value: float
    low: float | None
    high: float | None
    p: float | None
    improved: int
    languages: int
    seeds: int
    is_significant: bool | None = None


def gain_array(study: Study, encoder: str, conditions: Conditions, is_english: bool = False) -> Floats:
    """Mean over conditions, minus `none`, zero-shot (or in English): `<float>[seed, language, target]`."""
    cubes = [study.scores(encoder, condition, is_english) for condition in conditions]
    return np.asarray(np.mean(cubes, axis=0) - study.scores(encoder, BASELINE, is_english), dtype=np.float64)


def gain_analysis(study: Study, encoder: str, conditions: Conditions, targets: Sequence[str] = ()) -> Analysis | None:
    """The zero-shot gain of an encoder from intermediate training, or of a control over `none`; None if not run."""
    return analyse([gain_array(study, encoder, conditions)], weights(study, targets))


def difference_analysis(
    study: Study, first: str, second: str, conditions: Conditions, targets: Sequence[str] = ()
) -> Analysis | None:
    """The interaction: the gain of the first encoder minus that of the second. Their seeds are independent."""
    cubes = [gain_array(study, first, conditions), -gain_array(study, second, conditions)]
    return analyse(cubes, weights(study, targets))


def estimated(study: Study, one: Analysis | None) -> Estimate | None:
    """An analysis as it is printed, at the declared level."""
    if one is None:
        return None
    low, high = one.interval(study.analysis.level) or (None, None)
    return Estimate(one.value, low, high, one.p(), one.improved, one.count, min(map(len, one.seed_means)))


def gain(study: Study, encoder: str, conditions: Conditions, targets: Sequence[str] = ()) -> Estimate | None:
    """The gain of one encoder, of no family."""
    return estimated(study, gain_analysis(study, encoder, conditions, targets))


# Families: the estimates of one are corrected together, and each has its star from there wherever it is printed


@functools.cache
def primary_analyses(study: Study, targets: tuple[str, ...] = ()) -> Mapping[Primary, Analysis | None]:
    """Of each encoder the gain, mean over the declared tasks, and of the first and each other the difference."""
    first, *rest = study.encoders
    tasks = study.primary
    gains: dict[Primary, Analysis | None] = {
        (encoder,): gain_analysis(study, encoder, tasks, targets) for encoder in study.encoders
    }
    return gains | {(first, other): difference_analysis(study, first, other, tasks, targets) for other in rest}


@functools.cache
def primary_gains(study: Study, targets: tuple[str, ...] = ()) -> Mapping[Primary, Estimate | None]:
    """The primary family, corrected; over other targets than all that are averaged, to see what hangs on one."""
    return holm(study, {key: estimated(study, one) for key, one in primary_analyses(study, targets).items()})


def is_equal(study: Study, one: Analysis) -> bool:
    """Whether two one-sided tests find a difference to be smaller than the declared margin (Schuirmann 1987)."""
    level, margin = study.analysis.level, study.analysis.margin
    ends = one.interval(2 * level - 1)
    return study.has_verdicts and ends is not None and -margin < ends[0] and ends[1] < margin


Cells = Mapping[tuple[str, str, str], Estimate | None]
"""By condition, encoder and target, `mean` for all targets."""


@functools.cache
def main_gains(study: Study) -> Cells:
    """The gain of every cell: the means tested, the targets shrunken."""
    rows = list(itertools.product(study.rows, study.encoders))
    return _cells(study, rows, lambda c, e, targets: gain_analysis(study, e, [c], targets))


@functools.cache
def encoder_differences(study: Study) -> Cells:
    """The gain of the first encoder minus that of another, after every task, as in `main_gains`."""
    first, *rest = study.encoders
    rows = list(itertools.product(study.intermediates, rest))
    return _cells(study, rows, lambda c, e, targets: difference_analysis(study, first, e, [c], targets))


def _cells(
    study: Study,
    rows: Sequence[tuple[str, str]],
    analysed: Callable[[str, str, tuple[str, ...]], Analysis | None],
) -> Cells:
    tested = holm(study, {row: estimated(study, analysed(*row, ())) for row in rows})
    found: dict[tuple[str, str, str], Estimate | None] = {}
    for row in rows:
        single = exploratory(study, {target: analysed(*row, (target,)) for target in study.targets})
        found |= {(*row, target): one for target, one in single.items()} | {(*row, MEAN): tested[row]}
    return found


def exploratory(study: Study, by_target: Mapping[str, Analysis | None]) -> dict[str, Estimate | None]:
    """The gains of single targets, those that are averaged drawn towards their mean
    (`xit.statistics.anova.shrunken`)."""
    found = {name: estimated(study, one) for name, one in by_target.items()}
    seen = {name: one for name, one in by_target.items() if one and one.freedom and name in study.averaged}
    pulled = shrunken([one.value for one in seen.values()], [one.error**2 for one in seen.values()])
    for (name, one), (value, variance) in zip(seen.items(), pulled, strict=True):
        estimate = found[name]
        if estimate is not None:
            width = quantile((1 + study.analysis.level) / 2, one.freedom) * variance**0.5
            found[name] = dataclasses.replace(estimate, value=value, low=value - width, high=value + width)
    return {name: one and dataclasses.replace(one, p=None) for name, one in found.items()}


@functools.cache
def recipe_contrasts(study: Study) -> Mapping[tuple[str, str], Estimate | None]:
    """The average gain of every (recipe, encoder) minus that of the recipe's plain tasks."""
    return holm(
        study,
        {
            (name, encoder): contrast(study, encoder, [name], plain_tasks(study, name))
            for name in study.recipes
            for encoder in study.encoders
        },
    )


@functools.cache
def control_contrasts(study: Study) -> Mapping[tuple[str, str, str], Estimate | None]:
    """The average gain of every (task, encoder) minus that of its control, `mlm` or `shuffled`; None if not run."""
    return holm(
        study,
        {
            (task, encoder, control): contrast(study, encoder, [task], [control_of(task, control)])
            for control in (MLM, SHUFFLED)
            for task in study.intermediates
            for encoder in study.encoders
        },
    )


def control_of(task: str, control: str) -> str:
    """The condition that a task is compared with: masked LM alone, or the task with its labels shuffled."""
    return control if control == MLM else f"{task}+{control}"


# Single estimates


def over_seeds(study: Study, differences: Sequence[float]) -> Estimate | None:
    """The mean of paired differences, one a seed, with Student's interval over seeds; of no family, and never tested.

    It is for what is measured of an encoder beside its scores, vectors and masked LM, and for gains by examples.
    """
    if not differences:
        return None
    value, count, low, high = float(np.mean(differences)), len(differences), None, None
    if count > 1:
        spread = float(np.std(differences, ddof=1)) / count**0.5
        width = quantile((1 + study.analysis.level) / 2, count - 1) * spread
        low, high = value - width, value + width
    return Estimate(value, low, high, None, 0, 0, count)


def best(study: Study, encoder: str) -> str | None:
    """The intermediate task of the largest average gain, or None where none was run."""
    averages = {name: main_gains(study)[name, encoder, MEAN] for name in study.intermediates}
    values = {name: average.value for name, average in averages.items() if average is not None}
    return max(values, key=values.__getitem__) if values else None


def contrast(study: Study, encoder: str, conditions: Conditions, others: Conditions) -> Estimate | None:
    """The average gain of some conditions minus that of others; None where one was not run."""
    cube = gain_array(study, encoder, conditions) - gain_array(study, encoder, others)
    return estimated(study, analyse([np.asarray(cube)], weights(study)))


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
    """The gain in each language, mean over the seeds and the averaged targets that have it; all but English
    shrunken."""
    chosen = weights(study) > 0
    found: dict[str, float] = {}
    for is_english in (True, False):
        names = [name for name in study.languages if (name in study.others) != is_english]
        means = mean_of_present(gain_array(study, encoder, [condition], is_english)[:, :, chosen], axis=2)
        run = np.flatnonzero(~np.isnan(means).all(axis=0))
        names, means = [names[i] for i in run], means[:, run]
        values = mean_of_present(means, axis=0).tolist()
        if not is_english and len(means) > 1 and len(names) > 1:
            left = means - mean_of_present(means, axis=1)[:, np.newaxis]
            noise = float(np.nanmean(np.nanvar(left, axis=0, ddof=1))) * len(names) / (len(names) - 1) / len(means)
            values = [value for value, _ in shrunken(values, [noise] * len(values))]
        found |= dict(zip(names, values, strict=True))
    return found


# Stars


def holm(study: Study, family: Mapping[Key, Estimate | None]) -> dict[Key, Estimate | None]:
    """A family of estimates, each with whether it differs from zero after Holm's correction for all of them (Holm
    1979).

    With fewer seeds than are declared for verdicts nothing is tested.
    """
    if not study.has_verdicts:
        return dict(family)
    tested = {key: one for key, one in family.items() if one is not None and one.p is not None}
    found, holds = dict(family), True
    for rank, (key, one) in enumerate(sorted(tested.items(), key=lambda item: item[1].p or 0.0)):
        holds = holds and (one.p or 0.0) <= (1 - study.analysis.level) / (len(tested) - rank)
        found[key] = dataclasses.replace(one, is_significant=holds)
    return found
