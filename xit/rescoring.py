"""Scores from stored predictions, without any model.

They lie where `xit evaluate` put them, in `evaluations/<encoder>/<target>/<condition>/<seed>/predictions`.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit import discover, formats, submission
from xit.errors import ConfigError, DataError, raise_all
from xit.evaluation import one_pool, read_test
from xit.results import Score
from xit.statistics import BASELINE, ExampleGain, example_gain
from xit.tasks import Task

ROLES = ("query", "candidate")


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
        task: Task = discover.load("tasks", target).task
        form = formats.load(task.format)
        try:
            gold = _gold(task, data / target, {score.language for score in group})
        except DataError as error:
            faults.append(str(error))
            continue
        for (_, encoder, condition, seed, language), cell in itertools.groupby(group, key=_cell):
            folder = evaluations / encoder / target / condition / str(seed) / "predictions"
            try:
                predictions = _predictions(folder, target, task, language, gold[language])
                values = form.score(predictions, gold[language], task, language)
                found += [
                    dataclasses.replace(score, value=values[score.metric], examples=form.count(gold[language]))
                    for score in cell
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
    task: Task = discover.load("tasks", target).task
    if task.metric == "f1" and task.format != "span":
        raise ConfigError(
            f"{target}: its F1 is of all spans at once and no mean over examples, which cannot be paired. Targets that "
            "can: those of classification, choice, questions and ranking (`xit tasks`)."
        )
    found = {
        name: {(one.language, one.seed) for one in scores if (one.encoder, one.intermediate, one.target) == name}
        for name in ((encoder, BASELINE, target), (encoder, condition, target))
    }
    cells = sorted(set.intersection(*found.values()), key=lambda cell: (cell[0] != "en", cell))
    if not cells:
        conditions = sorted({one.intermediate for one in scores if (one.encoder, one.target) == (encoder, target)})
        raise ConfigError(
            f"{encoder}, {condition}, {target}: not run, or without {BASELINE}. Of this encoder and target there is: "
            f"{', '.join(conditions) or 'nothing'}."
        )
    gold = _gold(task, data / target, {language for language, _ in cells})

    def each(name: str, language: str, seed: int) -> list[float]:
        folder = evaluations / encoder / target / name / str(seed) / "predictions"
        return _of_each(_predictions(folder, target, task, language, gold[language]), gold[language], task, language)

    return {cell: example_gain(each(BASELINE, *cell), each(condition, *cell)) for cell in cells}


def _cell(score: Score) -> tuple[str, str, str, int, str]:
    return score.target, score.encoder, score.intermediate, score.seed, score.language


def _gold(task: Task, data: Path, languages: set[str]) -> dict[str, list[Any]]:
    """Test examples by language, as `xit.evaluation` scores them.

    Raises:
        DataError: the file is missing, or lacks a language.
    """
    examples = read_test(data, sorted(languages))
    missing = languages - {example["language"] for example in examples}
    if missing:
        raise DataError(
            f"{data}/test.parquet: no examples in {', '.join(sorted(missing))}, of which there are scores. `xit data "
            f"{data.name}` writes those of params.yaml."
        )
    pooled = one_pool(examples) if task.pool == "all" else examples
    return {code: [example for example in pooled if example["language"] == code] for code in languages}


def _predictions(folder: Path, target: str, task: Task, language: str, examples: Sequence[Any]) -> Any:
    """Predictions as the format scores them.

    Raises:
        DataError: they are missing, or not of these examples.
    """
    found: Any = submission.read(folder, target, task, language)
    where = f"{folder}: {target} in {language}"
    try:
        if task.format == "retrieval" and task.metric == "accuracy":  # rows of candidates, as Tatoeba is submitted
            ids = {role: [example["id"] for example in examples if example["role"] == role] for role in ROLES}
            return {query: [ids["candidate"][row]] for query, row in zip(ids["query"], found, strict=True)}
        if isinstance(found, dict) or (task.metric == "f1" and task.format == "retrieval"):
            return found
        sizes = [len(example["tags"]) if task.format == "tagging" else 1 for example in examples]
        given = [len(one) if task.format == "tagging" else 1 for one in found]
    except (ValueError, IndexError):
        sizes, given = [0], []
    if sizes != given:
        raise DataError(
            f"{where}: predictions do not fit its {formats.load(task.format).count(examples)} test examples. Evaluate "
            "again, or make the data again, so that both are of one run."
        )
    return found


def _of_each(predictions: Any, examples: Sequence[Any], task: Task, language: str) -> list[float]:
    """What each example scores by itself."""
    form = formats.load(task.format)
    asked = [example for example in examples if example.get("role") != "candidate"]
    single = [
        {name: predictions[name] for name in [example["id"]] if name in predictions}
        if isinstance(predictions, dict)
        else [predictions[i]]
        for i, example in enumerate(asked)
    ]
    return [form.score(one, [example], task, language)[task.metric] for one, example in zip(single, asked, strict=True)]
