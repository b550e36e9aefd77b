"""Test scores as one array with names along its axes, and the means that are taken over it."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xit.core.conditions import BASELINE, UNTRAINED_CONDITIONS, parse
from xit.core.errors import DataError, raise_all
from xit.core.scores import Score
from xit.core.settings import AnalysisSettings
from xit.core.task import Task

Floats = NDArray[np.float64]

ENGLISH = "en"
MEAN = "mean"
"""Stands for all targets where one is named."""


@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """The test scores of one source in each target's main metric, and the names along each axis.

    Attributes:
        values: `<float>[encoder, condition, target, seed, language]`, NaN where nothing was run.
        examples: How many examples stand behind a target's score in a language.
        analysis: What was declared before the run.
        unlearnt: Targets that an encoder does not learn, and why (`xit.statistics.learning`).
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
    analysis: AnalysisSettings
    unlearnt: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def averaged(self) -> tuple[str, ...]:
        """The targets that means are over."""
        left_out = self.shown_only
        return tuple(name for name in self.targets if name not in left_out)

    @property
    def shown_only(self) -> Mapping[str, str]:
        """Targets that are shown and not averaged, and why: it was declared, or an encoder does not learn them."""
        declared = dict.fromkeys(self.analysis.not_averaged, "as declared before the run")
        return {name: why for name, why in {**self.unlearnt, **declared}.items() if name in self.targets}

    @property
    def primary(self) -> tuple[str, ...]:
        """The intermediate tasks that the primary gain is a mean over, as declared; all of them where none is named."""
        return self.analysis.intermediates or self.intermediates

    @property
    def has_verdicts(self) -> bool:
        """Whether there are as many seeds as were declared; with fewer, numbers are given and no words."""
        return len(self.seeds) >= self.analysis.fewest_seeds

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
        return tuple(name for name in self.conditions if name not in UNTRAINED_CONDITIONS)

    def _of_kind(self, kind: str) -> tuple[str, ...]:
        return tuple(name for name in self.conditions if parse(name).kind == kind)

    @property
    def rows(self) -> tuple[str, ...]:
        """The conditions of the main table: all but `none`, and the subsets, which are points of a curve."""
        return (*self.intermediates, *self.recipes, *self.controls)

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


def build_study(
    scores: Iterable[Score],
    tasks: Mapping[str, Task],
    order: Sequence[str],
    analysis: AnalysisSettings,
    unlearnt: Mapping[str, str] | None = None,
) -> Study:
    """The scores as one array.

    Args:
        scores: Of one source; rows of other splits and of other than the main metrics are left out.
        tasks: The facts of every target.
        order: Ids in the order of the tables; ids that are not in it follow, sorted.
        analysis: What was declared before the run.
        unlearnt: Targets that are not averaged, and why.

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

    run = {score.condition for score in kept}
    if BASELINE not in run or not any(parse(name).kind == "task" for name in run):
        raise DataError(
            f"scores: a gain needs {BASELINE} and an intermediate task; found {', '.join(sorted(run))}. "
            "Add one to grid.intermediates in params.yaml."
        )

    def ordered(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(set(names), key=lambda name: (order.index(name) if name in order else len(order), name)))

    encoders = ordered(score.encoder for score in kept)
    conditions = (*(name for name in UNTRAINED_CONDITIONS if name in run), *ordered(run - set(UNTRAINED_CONDITIONS)))
    targets = ordered(score.target for score in kept)
    seeds = tuple(sorted({score.seed for score in kept}))
    languages = tuple(sorted(ordered(score.language for score in kept), key=lambda name: name != ENGLISH))
    axes: tuple[tuple[object, ...], ...] = (encoders, conditions, targets, seeds, languages)
    values = np.full([len(axis) for axis in axes], np.nan)
    for score in kept:
        names = (score.encoder, score.condition, score.target, score.seed, score.language)
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
        analysis=analysis,
        unlearnt={name: why for name, why in (unlearnt or {}).items() if name in targets},
    )


def mean_of_present(values: Floats, axis: int | tuple[int, ...]) -> Floats:
    """The mean along an axis over what is not NaN; NaN where nothing is.

    >>> mean_of_present(np.array([[1.0, np.nan], [3.0, np.nan]]), axis=0).tolist()
    [2.0, nan]
    """
    present = ~np.isnan(values)
    count = present.sum(axis=axis)
    total = np.where(present, values, 0).sum(axis=axis)
    return np.asarray(np.where(count > 0, total / count.clip(1), np.nan), dtype=np.float64)


def weights(study: Study, targets: Sequence[str] = ()) -> Floats:
    """Equal weights on these targets (by default all that are averaged), zero on the others, one in sum; all
    are zero where none is averaged."""
    chosen = targets or study.averaged
    return np.array([(name in chosen) / max(len(chosen), 1) for name in study.targets], dtype=np.float64)


def targets_of(study: Study, target: str) -> tuple[str, ...]:
    """The targets that a name stands for: itself, or for `mean` all that are averaged."""
    return study.averaged if target == MEAN else (target,)


def transfer_gap(study: Study, encoder: str, condition: str) -> float | None:
    """English minus the mean of the other languages, mean over the averaged targets that have English."""
    english, others = study.scores(encoder, condition, is_english=True), study.scores(encoder, condition)
    english, others = english[..., weights(study) > 0], others[..., weights(study) > 0]
    if not english.shape[1]:
        return None
    gaps = english.mean(axis=(0, 1)) - mean_of_present(others, axis=(0, 1))  # [target]
    return float(np.nanmean(gaps)) if not np.isnan(gaps).all() else None


def seed_std(study: Study) -> float | None:
    """Standard deviation over seeds of a target's mean zero-shot score, pooled over all cells; None with one seed."""
    cubes = [study.scores(encoder, condition) for encoder in study.encoders for condition in study.conditions]
    variances = np.array([mean_of_present(cube, axis=1).var(axis=0, ddof=1) for cube in cubes if len(cube) > 1])
    return float(np.sqrt(np.nanmean(variances))) if variances.size and not np.isnan(variances).all() else None
