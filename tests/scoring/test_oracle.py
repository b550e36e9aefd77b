"""The benchmark's own evaluator as the judge of `xit score`, to the last digit.

In the folder `oracle` are invented files of every kind of task, with what its rules make of them. The files that it has
scored itself are not part of the project: they lie in `../shared/oracle`, or where XIT_TEST_ORACLE says.
"""

import functools
import json
import os
import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xit import cli
from xit.core.task import task_of
from xit.scoring import benchmarks, evaluator, predictions

ORACLE = Path(os.environ.get("XIT_TEST_ORACLE") or Path(__file__).parents[3] / "shared" / "oracle")
OWN = Path(__file__).parent / "oracle"
needs_oracle = pytest.mark.skipif(not ORACLE.is_dir(), reason=f"no scorer oracle at {ORACLE}; XIT_TEST_ORACLE names it")

MOCK_MEWSLIX = 14.39025156130419  # evaluate_test.py of the benchmark; its report has no per-language value
VALUES = 176 + 343 + 14 + 1 + 1  # own files, mock files, their means, mock Mewsli-X, LAReQA
NAMES = {"map@20": "mrr_at_20"}  # what the evaluator prints of Mewsli-X, and what it is


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


def expected_means() -> dict[str, float]:
    """What the evaluator says of tasks, groups and all tasks of the mock files."""
    report = read_json(ORACLE / "mock" / "expected_xtreme.json") if ORACLE.is_dir() else {}
    return {name: value["avg_metric"] if isinstance(value, dict) else value for name, value in report.items()}


@functools.cache
def scored(folder: Path, benchmark: str) -> dict[str, Any]:
    return evaluator.score(folder / "predictions", folder / "labels", benchmark, is_partial=True)


def score(folder: Path, task: str, language: str) -> Any:
    benchmark = "xtreme" if task in ("pawsx", "bucc2018") else "xtreme-r"
    if folder != ORACLE and task != "mewslix":
        benchmark = "xtreme"
    return scored(folder, benchmark)["tasks"][task]["languages"][language]


# Our own files


def own(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = read_json(OWN / "expected.json")[kind]
    return found


OWN_CELLS = [(task, code) for task, languages in own("languages").items() for code in languages]


@pytest.mark.parametrize(("task", "language"), OWN_CELLS)
def test_scores_of_our_own_files_are_those_of_the_benchmarks_rules(task: str, language: str) -> None:
    wanted = {metric: float(Fraction(value)) for metric, value in own("languages")[task][language].items()}

    found = scored(OWN, "xtreme" if task in ("pawsx", "bucc2018") else "xtreme-r")["tasks"][task]["languages"][language]

    assert {metric: found[metric] for metric in wanted} == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("task", own("tasks"))
def test_scores_of_tasks_are_means_over_languages_and_metrics_or_over_all_questions(task: str) -> None:
    found = scored(OWN, "xtreme-r")["tasks"][task]

    assert found["score"] == pytest.approx(float(Fraction(own("tasks")[task])), abs=1e-9)


def test_our_own_files_are_of_every_task_that_a_benchmark_has_and_of_the_languages_of_mlqa() -> None:
    tasks = {task for benchmark in benchmarks.BENCHMARKS.values() for task in benchmark.tasks}

    assert set(own("languages")) == tasks
    assert set(own("languages")["mlqa"]) == set(task_of("mlqa").languages)
    assert sum(len(values) for languages in own("languages").values() for values in languages.values()) == 48


# What the evaluator has scored itself


@needs_oracle
@pytest.mark.parametrize(("task", "language"), expected())
def test_scores_are_those_of_the_benchmarks_evaluator(task: str, language: str) -> None:
    wanted = {NAMES.get(metric, metric): value for metric, value in expected()[task, language].items()}

    found = score(ORACLE, task, language)

    assert {metric: found[metric] for metric in wanted} == pytest.approx(wanted, abs=1e-6)


@needs_oracle
@pytest.mark.parametrize(("task", "language"), expected_of_mock())
def test_scores_of_the_mock_submission_are_those_of_the_benchmarks_evaluator(task: str, language: str) -> None:
    wanted = expected_of_mock()[task, language]

    found = score(ORACLE / "mock", task, language)

    assert {metric: found[metric] for metric in wanted} == pytest.approx(wanted, abs=1e-6)


@needs_oracle
def test_means_over_languages_tasks_and_groups_are_those_of_the_benchmarks_evaluator() -> None:
    wanted = expected_means()

    found = scored(ORACLE / "mock", "xtreme")

    tasks = {name: value["score"] for name, value in found["tasks"].items()}
    assert {"all_task": found["overall"], **found["groups"], **tasks} == pytest.approx(wanted, abs=1e-9)
    assert found["missing"] == {}


@needs_oracle
def test_the_mock_submission_of_mewslix_scores_what_the_benchmarks_unit_test_expects() -> None:
    found = scored(ORACLE / "mock", "xtreme-r")["tasks"]["mewslix"]

    assert len(found["languages"]) == 11
    assert found["score"] == pytest.approx(MOCK_MEWSLIX, abs=1e-9)


@needs_oracle
def test_lareqa_ranks_the_candidates_of_all_languages_as_the_benchmark_does(tmp_path: Path) -> None:
    folder = ORACLE / "lareqa"
    task = task_of("lareqa")
    questions = folder.joinpath("questions.txt").read_text().splitlines()
    rows = [line.split("\t") for line in folder.joinpath("candidates.txt").read_text().splitlines()]
    similarity = np.load(folder / "questions.npy") @ np.load(folder / "candidates.npy").T
    best = np.argsort(-similarity, axis=1, kind="stable")[:, :20]
    right: dict[str, list[str]] = {}
    for candidate, ids in rows:
        for name in ids.split():
            right.setdefault(name, []).append(candidate)
    rankings = {name: [rows[i][0] for i in ranking] for name, ranking in zip(questions, best, strict=True)}
    for code in sorted({name.rsplit("_", 1)[1] for name in questions}):
        own = [name for name in questions if name.endswith(f"_{code}")]
        gold = {name: right[name.rsplit("_", 1)[0]] for name in own}
        predictions.write(tmp_path / "predictions", task, code, {name: rankings[name] for name in own})
        predictions.write(tmp_path / "labels", task, code, gold)

    found = scored(tmp_path, "xtreme-r")["tasks"]["lareqa"]

    wanted = read_json(ORACLE / "expected.json")["lareqa"]
    assert set(found["languages"]) == set(wanted["languages"])
    assert found["score"] == pytest.approx(wanted["all"]["map@20"], abs=1e-6)


@needs_oracle
def test_every_value_of_the_evaluator_is_compared() -> None:
    cells = expected() | {("mock " + task, code): value for (task, code), value in expected_of_mock().items()}

    assert sum(len(value) for value in cells.values()) + len(expected_means()) + 2 == VALUES


@needs_oracle
def test_the_command_line_writes_what_the_benchmarks_evaluator_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mock, file = ORACLE / "mock", tmp_path / "scores.json"
    arguments = ["score", str(mock / "predictions"), str(mock / "labels"), "--benchmark", "xtreme", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", ["xit", *arguments])

    with pytest.raises(SystemExit) as left:
        cli.main()

    found = read_json(file)
    assert left.value.code == 0
    assert found["overall"] == pytest.approx(expected_means()["all_task"], abs=1e-9)
    assert set(found) == {"benchmark", "tasks", "groups", "overall", "missing", "notes", "rules"}
    shown = capsys.readouterr().out
    assert "overall" in shown
    assert "62.2" in shown
    assert "the plain mean over the nine tasks, not over groups" in shown
