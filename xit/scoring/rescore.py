"""Scores from stored predictions, without any model, and without torch.

Predictions lie where `xit evaluate` put them, in `evaluations/<encoder>/<target>/<condition>/<seed>/predictions`.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core.conditions import BASELINE
from xit.core.errors import ConfigError, DataError, raise_all
from xit.core.examples import read_examples
from xit.core.scores import Score
from xit.core.task import Task, task_of
from xit.scoring import evaluator, submission
from xit.statistics.paired import ExampleGain, example_gain


def rescored(scores: Sequence[Score], evaluations: Path, data: Path) -> tuple[Score, ...]:
    """The same scores, with values computed from predictions.

    Args:
        scores: What is to be computed again.
        evaluations: Where `xit evaluate` put the predictions.
        data: With test.parquet of every target.

    Raises:
        DataError: test data or predictions are missing, or do not fit one another; all faults are listed.
    """
    faults: list[str] = []
    found: list[Score] = []
    for target, of_target in itertools.groupby(sorted(scores, key=_cell), key=lambda score: score.target):
        group = list(of_target)
        task = task_of(target)
        try:
            gold, counts = _gold(task, data / target, {score.language for score in group})
        except DataError as error:
            faults.append(str(error))
            continue
        for (_, encoder, condition, seed, language), cell in itertools.groupby(group, key=_cell):
            folder = evaluations / encoder / target / condition / str(seed) / "predictions"
            try:
                predictions = _predictions(folder, target, task, language, gold[language])
                values = evaluator.values(task, language, predictions, gold[language])
                found += [
                    dataclasses.replace(score, value=values[score.metric], examples=counts[language]) for score in cell
                ]
            except DataError as error:
                faults.append(str(error))
    raise_all(DataError, faults)
    return tuple(found)


def example_gains(
    scores: Sequence[Score], encoder: str, condition: str, target: str, evaluations: Path, data: Path
) -> Mapping[tuple[str, int], ExampleGain]:
    """The gain of a condition over `none`, paired over examples, by language and seed, English first.

    Args:
        scores: Of the experiment; they say which languages and seeds there are.
        encoder: An encoder's id.
        condition: An intermediate task's, or `untrained`.
        target: A target task's.
        evaluations: Where `xit evaluate` put the predictions.
        data: With test.parquet of the target.

    Raises:
        ConfigError: the target's metric is no mean over examples, or nothing of the kind was run.
        DataError: as `rescored`.
    """
    task = task_of(target)
    if submission.shape(task) in ("tags", "pairs"):
        raise ConfigError(
            f"{target}: its F1 is of all spans at once and no mean over examples, which cannot be paired. Targets that "
            "can: those of classification, choice, questions and ranking (`xit tasks`)."
        )
    found = {
        name: {(one.language, one.seed) for one in scores if (one.encoder, one.condition, one.target) == name}
        for name in ((encoder, BASELINE, target), (encoder, condition, target))
    }
    cells = sorted(set.intersection(*found.values()), key=lambda cell: (cell[0] != "en", cell))
    if not cells:
        conditions = sorted({one.condition for one in scores if (one.encoder, one.target) == (encoder, target)})
        raise ConfigError(
            f"{encoder}, {condition}, {target}: not run, or without {BASELINE}. Of this encoder and target there is: "
            f"{', '.join(conditions) or 'nothing'}."
        )
    gold, _ = _gold(task, data / target, {language for language, _ in cells})

    def each(name: str, language: str, seed: int) -> list[float]:
        folder = evaluations / encoder / target / name / str(seed) / "predictions"
        return _of_each(_predictions(folder, target, task, language, gold[language]), gold[language], task, language)

    return {cell: example_gain(each(BASELINE, *cell), each(condition, *cell)) for cell in cells}


def _cell(score: Score) -> tuple[str, str, str, int, str]:
    return score.target, score.encoder, score.condition, score.seed, score.language


def _gold(task: Task, data: Path, languages: set[str]) -> tuple[dict[str, Any], dict[str, int]]:
    """The gold of each language (`xit.scoring.submission.gold`), and on how many examples a score rests.

    Raises:
        DataError: the test data are missing, or lack a language.
    """
    examples = [row for row in read_examples(data / "test.parquet") if row["language"] in languages]
    asked = [row for row in examples if row.get("role") != "candidate"]
    missing = languages - {row["language"] for row in asked}
    if missing:
        raise DataError(
            f"{data}/test.parquet: no examples in {', '.join(sorted(missing))}, of which there are scores. `xit data "
            f"{data.name}` writes those of params.yaml."
        )
    if task.pool == "all":  # as `xit.evaluation.evaluate` names queries, and leaves out gold that cannot be found
        present = {row["id"] for row in examples if row["role"] == "candidate"}
        for row in asked:
            row["id"] = f"{row['id']}_{row['language']}"
            row["gold"] = [name for name in row["gold"] if name in present]
    by_language = {code: [row for row in examples if row["language"] == code] for code in languages}
    gold = {code: submission.gold(task, rows) for code, rows in by_language.items()}
    return gold, {code: sum(row["language"] == code for row in asked) for code in languages}


def _predictions(folder: Path, target: str, task: Task, language: str, gold: Any) -> Any:
    """The predictions of one language.

    Raises:
        DataError: they are missing, or not of these examples.
    """
    found: Any = submission.read(folder, target, task, language)
    match submission.shape(task):
        case "answers" | "rankings" | "pairs":  # by id: what has no prediction scores 0
            return found
        case "tags":
            fits = [len(tags) for tags in found] == [len(tags) for tags in gold]
        case _:
            fits = len(found) == len(gold)
    if not fits:
        raise DataError(
            f"{submission.path(folder, target, task, language)}: does not fit the {len(gold)} test examples of "
            f"{target} in {language}. Evaluate again, or make the data again, so that both are of one run."
        )
    return found


def _of_each(predictions: Any, gold: Any, task: Task, language: str) -> list[float]:
    """What each example scores by itself."""
    single: list[tuple[Any, Any]]
    match submission.shape(task):
        case "answers":
            single = [(predictions, [question]) for question in gold]
        case "rankings":
            single = [(predictions, {name: right}) for name, right in gold.items()]
        case _:
            single = [([said], [right]) for said, right in zip(predictions, gold, strict=True)]
    return [evaluator.values(task, language, said, right)[task.metric] for said, right in single]
