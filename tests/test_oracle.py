"""The benchmark's own evaluator as the judge: every file it scored, to 1e-6.

The files are not part of the project. They lie in `../shared/oracle`, or where XIT_TEST_ORACLE says.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xit import discover, metrics, submission
from xit.tasks import Task

ORACLE = Path(os.environ.get("XIT_TEST_ORACLE") or Path(__file__).parents[2] / "shared" / "oracle")
pytestmark = pytest.mark.skipif(not ORACLE.is_dir(), reason=f"no scorer oracle at {ORACLE}; XIT_TEST_ORACLE names it")

MOCK_MEWSLIX = 14.39025156130419  # evaluate_test.py of the benchmark; its report has no per-language value
VALUES = 176 + 343 + 1 + 1  # own files, mock files, mock Mewsli-X, LAReQA


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def expected() -> dict[tuple[str, str], Mapping[str, float]]:
    """(task, language) → metrics of our own files, LAReQA aside."""
    report = read_json(ORACLE / "expected.json") if ORACLE.is_dir() else {}
    return {(task, code): value for task, codes in report.items() if task != "lareqa" for code, value in codes.items()}


def expected_of_mock() -> dict[tuple[str, str], Mapping[str, float]]:
    """The same of the benchmark's mock files, whose report is by metric and then language."""
    report = read_json(ORACLE / "mock" / "expected_xtreme.json") if ORACLE.is_dir() else {}
    cells: dict[tuple[str, str], dict[str, float]] = {}
    for task, by_metric in report.items():
        for metric, codes in by_metric.items() if isinstance(by_metric, dict) else ():
            for code, value in codes.items() if isinstance(codes, dict) else ():
                cells.setdefault((task, code), {})[metric] = value
    return cells


def score(folder: Path, task: str, language: str) -> dict[str, float]:
    if task == "bucc2018":
        sides = [
            (folder / side / task / f"test-{language}.tsv").read_text().splitlines()
            for side in ("predictions", "labels")
        ]
        return metrics.overlap(*sides)._asdict()

    record: Task = discover.load("tasks", task).task
    predicted: Any = submission.read(folder / "predictions", task, record, language)
    if record.format == "span":
        data = read_json(folder / "labels" / task / f"test-{language}.json")["data"]
        questions = [qa for article in data for paragraph in article["paragraphs"] for qa in paragraph["qas"]]
        # By position: ids repeat in the TyDiQA file, and the evaluator asks every question, each for its id's answer.
        answers = {str(i): [answer["text"] for answer in qa["answers"]] for i, qa in enumerate(questions)}
        predicted = {str(i): predicted[qa["id"]] for i, qa in enumerate(questions) if qa["id"] in predicted}
        by_rules = metrics.mlqa(predicted, answers, language) if task == "mlqa" else metrics.squad(predicted, answers)
        return by_rules._asdict()

    gold: Any = submission.read(folder / "labels", task, record, language)
    if record.format == "tagging":
        spans = metrics.part_of_speech_spans if task == "udpos" else metrics.entity_spans
        return metrics.span_overlap(predicted, gold, spans)._asdict()
    if task == "mewslix":
        return {"map@20": metrics.reciprocal_rank(predicted, gold)}
    return {"accuracy": metrics.accuracy(predicted, gold)}


@pytest.mark.parametrize(("task", "language"), expected())
def test_scores_are_those_of_the_benchmarks_evaluator(task: str, language: str) -> None:
    assert score(ORACLE, task, language) == pytest.approx(expected()[task, language], abs=1e-6)


@pytest.mark.parametrize(("task", "language"), expected_of_mock())
def test_scores_of_the_mock_submission_are_those_of_the_benchmarks_evaluator(task: str, language: str) -> None:
    assert score(ORACLE / "mock", task, language) == pytest.approx(expected_of_mock()[task, language], abs=1e-6)


def test_the_mock_submission_of_mewslix_scores_what_the_benchmarks_unit_test_expects() -> None:
    languages = [path.stem.removeprefix("test-") for path in (ORACLE / "mock/labels/mewslix").glob("*.json")]

    values = [score(ORACLE / "mock", "mewslix", language)["map@20"] for language in languages]

    assert len(values) == 11
    assert np.mean(values) == pytest.approx(MOCK_MEWSLIX, abs=1e-9)


def test_lareqa_ranks_the_candidates_of_all_languages_as_the_benchmark_does() -> None:
    folder = ORACLE / "lareqa"
    questions = folder.joinpath("questions.txt").read_text().splitlines()
    rows = [line.split("\t") for line in folder.joinpath("candidates.txt").read_text().splitlines()]
    similarity = np.load(folder / "questions.npy") @ np.load(folder / "candidates.npy").T
    best = np.argsort(-similarity, axis=1, kind="stable")[:, :20]

    gold: dict[str, set[str]] = {}
    for candidate, question_ids in rows:
        for name in question_ids.split():
            gold.setdefault(name, set()).add(candidate)

    value = metrics.average_precision(
        {name: [rows[i][0] for i in ranking] for name, ranking in zip(questions, best, strict=True)},
        {name: gold[name.rsplit("_", 1)[0]] for name in questions},
    )

    assert value == pytest.approx(read_json(ORACLE / "expected.json")["lareqa"]["all"]["map@20"], abs=1e-6)


def test_every_value_of_the_evaluator_is_compared() -> None:
    cells = expected() | {("mock " + task, code): value for (task, code), value in expected_of_mock().items()}

    assert sum(len(value) for value in cells.values()) + 2 == VALUES
