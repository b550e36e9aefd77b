"""Scores from stored predictions, without any model, and without torch.

Predictions lie where `xit evaluate` put them, in `evaluations/<encoder>/<target>/<condition>/<seed>/predictions`;
those of centred vectors beside them.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core.conditions import BASELINE
from xit.core.errors import ConfigError, DataError, near, raise_all
from xit.core.examples import asked, read_examples
from xit.core.scores import CENTERED, Score
from xit.core.task import Task, task_of
from xit.formats import format_of
from xit.scoring import predictions
from xit.scoring.predictions import CENTERED_PREDICTIONS, PREDICTIONS


def scores_from_predictions(scores: Sequence[Score], evaluations: Path, data: Path) -> tuple[Score, ...]:
    """The same scores, with values computed from predictions.

    Args:
        scores: What is to be computed again.
        evaluations: Where `xit evaluate` put the predictions.
        data: With test.parquet of every target.

    Raises:
        DataError: test data or predictions are missing, or do not fit one another; all faults are listed.
    """
    faults: list[str] = []
    computed: list[Score] = []
    for target, of_target in itertools.groupby(sorted(scores, key=_cell), key=lambda score: score.target):
        group = list(of_target)
        task = task_of(target)
        try:
            gold, counts = _gold(task, data / target, {score.language for score in group})
        except DataError as error:
            faults.append(str(error))
            continue
        for (_, encoder, condition, seed, language), cell in itertools.groupby(group, key=_cell):
            run = evaluations / encoder / target / condition / str(seed)
            own = list(cell)
            values: dict[str, float] = {}
            for folder, end in ((PREDICTIONS, ""), (CENTERED_PREDICTIONS, CENTERED)):
                if not any(score.metric.endswith(CENTERED) == bool(end) for score in own):
                    continue
                try:
                    answers = predictions.read_for(run / folder, task, language, gold[language])
                except DataError as error:
                    faults.append(str(error))
                    continue
                scored = format_of(task).score(answers, gold[language], language)
                values |= {f"{metric}{end}": value for metric, value in scored.items()}
            computed += [
                dataclasses.replace(score, value=values[score.metric], examples=counts[language])
                for score in own
                if score.metric in values
            ]
    raise_all(DataError, faults)
    return tuple(computed)


def example_scores(
    scores: Sequence[Score], encoder: str, condition: str, target: str, evaluations: Path, data: Path
) -> Mapping[tuple[str, int], tuple[list[float], list[float]]]:
    """What each example scores under `none` and under a condition, by language and seed, English first.

    Args:
        scores: Of the experiment; they say which languages and seeds there are.
        encoder: An encoder's id.
        condition: An intermediate task's, or `untrained`.
        target: A target task's.
        evaluations: Where `xit evaluate` put the predictions.
        data: With test.parquet of the target.

    Raises:
        ConfigError: the target's metric is no mean over examples, or nothing of the kind was run.
        DataError: as `scores_from_predictions`.
    """
    task = task_of(target)
    form = format_of(task)
    if not form.has_example_scores:
        raise ConfigError(
            f"{target}: its F1 is of all spans at once and no mean over examples, which cannot be paired. Targets that "
            "can: those of classification, choice, questions and ranking (`xit tasks`)."
        )
    cells_of = {
        name: {(one.language, one.seed) for one in scores if (one.encoder, one.condition, one.target) == name}
        for name in ((encoder, BASELINE, target), (encoder, condition, target))
    }
    cells = sorted(set.intersection(*cells_of.values()), key=lambda cell: (cell[0] != "en", cell))
    if not cells:
        conditions = sorted({one.condition for one in scores if (one.encoder, one.target) == (encoder, target)})
        raise ConfigError(
            f"{encoder}, {condition}, {target}: there are no scores of it, or none of the baseline `{BASELINE}`."
            f"{near(encoder, {one.encoder for one in scores} - {encoder})} Conditions of this encoder and target with "
            f"scores: {', '.join(conditions) or 'nothing'}."
        )
    gold, _ = _gold(task, data / target, {language for language, _ in cells})

    def of_each(name: str, language: str, seed: int) -> list[float]:
        folder = evaluations / encoder / target / name / str(seed) / PREDICTIONS
        answers = predictions.read_for(folder, task, language, gold[language])
        return form.example_scores(answers, gold[language], language)

    return {cell: (of_each(BASELINE, *cell), of_each(condition, *cell)) for cell in cells}


def _cell(score: Score) -> tuple[str, str, str, int, str]:
    return score.target, score.encoder, score.condition, score.seed, score.language


def _gold(task: Task, data: Path, languages: set[str]) -> tuple[dict[str, Any], dict[str, int]]:
    """The gold of each language, and on how many examples a score rests.

    Raises:
        DataError: the test data are missing, or lack a language.
    """
    examples = [row for row in read_examples(data / "test.parquet") if row["language"] in languages]
    named = format_of(task).named(examples)
    by_language = {code: [row for row in named if row["language"] == code] for code in languages}
    counts = {code: len(asked(rows)) for code, rows in by_language.items()}
    if missing := [code for code, count in sorted(counts.items()) if not count]:
        raise DataError(
            f"{data}/test.parquet: no examples in {', '.join(missing)}, of which there are scores. `xit data "
            f"{data.name}` writes those of params.yaml."
        )
    return {code: format_of(task).gold(rows) for code, rows in by_language.items()}, counts
