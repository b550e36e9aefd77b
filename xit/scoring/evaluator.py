"""Scores of a folder of predictions against a folder of gold, both in the benchmark's submission layout.

They are those of the benchmark's own evaluator (google-research/xtreme: evaluate.py), and the overall score of XTREME-R
too, which it cannot print (`xit.scoring.benchmarks`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from xit.core import registry
from xit.core.errors import DataError, near, raise_all, some
from xit.core.task import Task, task_of
from xit.formats import format_of
from xit.scoring import benchmarks, predictions
from xit.scoring.benchmarks import Benchmark


class FileScores(NamedTuple):
    """The metrics of one task and language, the number of examples they rest on, and of those without an answer."""

    values: dict[str, float]
    examples: int
    unanswered: int


def score(submission: Path, gold: Path, name: str, is_partial: bool = False) -> dict[str, Any]:
    """Score a submission, language by language.

    Args:
        submission: A folder with a folder for each task, and in it a file of predictions for each language.
        gold: The same, of right answers.
        name: The benchmark's.
        is_partial: Whether files may be missing on either side; what both sides have is scored.

    Returns:
        `benchmark`; `tasks`, with the metric, the score, and the metrics and the number of examples of each language;
        `groups` and `overall`, None where one of their tasks is missing; `missing`, the languages of each task that
        were not scored; `notes`; and `rules`, how scores are averaged.

    Raises:
        ConfigError: no such benchmark.
        DataError: with a line for every fault of every file.
    """
    benchmark = benchmarks.load(name)
    raise_all(DataError, [f"{side}: no such folder." for side in (submission, gold) if not side.is_dir()])
    faults: list[str] = []
    notes: list[str] = []
    missing: dict[str, list[str]] = {}
    cells: dict[str, dict[str, FileScores]] = {}
    expected: set[Path] = set()
    for task_id in benchmark.tasks:
        task = task_of(task_id)
        languages = benchmark.languages(task_id)
        files = {code: [predictions.path(side, task, code) for side in (submission, gold)] for code in languages}
        expected |= {file for pair in files.values() for file in pair}
        there = [code for code in languages if all(file.is_file() for file in files[code])]
        if len(there) < len(languages):
            missing[task_id] = [code for code in languages if code not in there]
            faults += [] if is_partial else _missing(task, languages, submission, gold)
        scored = {code: _cell(submission, gold, task, code, faults) for code in there}
        if there:
            cells[task_id] = {code: cell for code, cell in scored.items() if cell is not None}
            notes += _unanswered(task_id, cells[task_id])
    if not cells and not faults:
        names = "; ".join(f"{side} has {some(_others(side, set())) or 'no file'}" for side in (submission, gold))
        faults.append(
            f"{submission}, {gold}: no task and language of {benchmark.title} is in both: {names}. Files are found as "
            f"<task>/test-<language>.<tsv, json or jsonl>; the tasks are {', '.join(benchmark.tasks)}."
        )
    raise_all(DataError, faults, len(faults))
    notes += _not_asked_for(submission, expected)
    tasks = {task_id: _task(task_id, benchmark, languages) for task_id, languages in cells.items()}
    return {
        "benchmark": name.replace("_", "-"),
        "tasks": tasks,
        "groups": {group: _mean_of(tasks, members) for group, members in benchmark.groups.items()},
        "overall": _mean_of(tasks, benchmark.tasks),
        "missing": missing,
        "notes": notes,
        "rules": list(benchmark.rules),
    }


def _cell(submission: Path, gold: Path, task: Task, language: str, faults: list[str]) -> FileScores | None:
    """The scores of one file, or None and its faults."""
    sides: list[Any] = []
    for read, folder in ((predictions.read, submission), (predictions.read_gold, gold)):
        try:
            sides.append(read(folder, task, language))
        except DataError as error:
            faults += error.faults or [str(error)]
    if len(sides) < 2:
        return None
    form = format_of(task)
    predicted, right = sides
    wrong = form.check(predicted, right, language)
    faults += [f"{predictions.path(submission, task, language)}: {fault}" for fault in wrong]
    if wrong:
        return None
    return FileScores(form.score(predicted, right, language), len(right), form.unanswered(predicted, right))


def _unanswered(task_id: str, cells: Mapping[str, FileScores]) -> list[str]:
    """A note on the questions of a task that have no answer."""
    counts = [f"{code} {cell.unanswered} of {cell.examples}" for code, cell in cells.items() if cell.unanswered]
    return [f"{task_id}: questions without an answer, each of which scores 0: {', '.join(counts)}."] if counts else []


def _missing(task: Task, languages: Sequence[str], *sides: Path) -> list[str]:
    """A line for each side that lacks files of a task."""
    faults = []
    for side in sides:
        lacks = [code for code in languages if not predictions.path(side, task, code).is_file()]
        if not lacks:
            continue
        file = predictions.path(side, task, lacks[0])
        if not file.parent.is_dir():
            close = near(task.id, {other.name for other in side.iterdir()} - set(registry.names("tasks")))
            faults.append(f"{file.parent}: no such folder.{close} It should hold {file.name} and so on.")
            continue
        asked = {predictions.path(side, task, code).name for code in languages}
        close = near(file.name, {other.name for other in file.parent.iterdir()} - asked)
        faults.append(f"{file}: no such file.{close} Missing of {task.id}: {', '.join(lacks)}.")
    return faults


def _others(folder: Path, expected: set[Path]) -> list[str]:
    """The files of a folder that are not expected, hidden ones left out."""
    return [
        file.relative_to(folder).as_posix()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file not in expected and not file.name.startswith(".")
    ]


def _not_asked_for(submission: Path, expected: set[Path]) -> list[str]:
    """A note on the files of a submission that the benchmark does not ask for."""
    names = _others(submission, expected)
    return [f"{submission}: the benchmark does not ask for {some(names)}; not scored."] if names else []


def _task(task_id: str, benchmark: Benchmark, cells: Mapping[str, FileScores]) -> dict[str, Any]:
    """The score of a task, as `benchmark.rules` say, and the metrics of its languages."""
    task = task_of(task_id)
    weights = {code: cell.examples if task_id in benchmark.pooled else 1 for code, cell in cells.items()}
    total = sum(weights[code] * cell.values[task.metric] for code, cell in cells.items())
    return {
        "metric": task.metric,
        "score": total / sum(weights.values()),
        "languages": {code: cell.values for code, cell in cells.items()},
        "examples": {code: cell.examples for code, cell in cells.items()},
    }


def _mean_of(tasks: Mapping[str, Mapping[str, Any]], members: Sequence[str]) -> float | None:
    """The plain mean over tasks, or None where one is missing."""
    if any(name not in tasks for name in members):
        return None
    return float(sum(tasks[name]["score"] for name in members)) / len(members)
