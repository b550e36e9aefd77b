"""Scores of a folder of predictions against a folder of gold, both in the benchmark's submission layout.

They are those of the benchmark's own evaluator (google-research/xtreme: evaluate.py), and the overall score of XTREME-R
too, which it cannot print (`xit.benchmarks.xtreme_r`).
"""

import collections
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from xit import benchmarks
from xit.benchmarks import Benchmark
from xit.core import registry
from xit.core.errors import DataError, near, raise_all
from xit.core.task import Task, task_of
from xit.scoring import metrics, submission


class Cell(NamedTuple):
    """The metrics of one task and language, the number of examples they rest on, and of those without an answer."""

    values: dict[str, float]
    examples: int
    unanswered: int


def score(predictions: Path, gold: Path, name: str, is_partial: bool = False) -> dict[str, Any]:
    """Score a submission, language by language.

    Args:
        predictions: A folder with a folder a task, and a file a language in it.
        gold: The same, of right answers.
        name: The benchmark's.
        is_partial: Whether files may be missing on either side; what both sides have is scored.

    Returns:
        `benchmark`; `tasks`, with the metric, the score and the metrics of each language; `groups` and `overall`, None
        where one of their tasks is missing; `missing`, the languages of each task that were not scored; `notes`; and
        `rules`, how scores are averaged.

    Raises:
        ConfigError: no such benchmark.
        DataError: with a line for every fault of every file.
    """
    benchmark = benchmarks.load(name)
    raise_all(DataError, [f"{side}: no such folder." for side in (predictions, gold) if not side.is_dir()])
    faults: list[str] = []
    notes: list[str] = []
    missing: dict[str, list[str]] = {}
    cells: dict[str, dict[str, Cell]] = {}
    expected: set[Path] = set()
    for task_id in benchmark.tasks:
        task = task_of(task_id)
        languages = benchmark.languages(task_id)
        files = {
            code: [submission.path(side, task_id, task, code) for side in (predictions, gold)] for code in languages
        }
        expected |= {file for pair in files.values() for file in pair}
        there = [code for code in languages if all(file.is_file() for file in files[code])]
        if len(there) < len(languages):
            missing[task_id] = [code for code in languages if code not in there]
            faults += [] if is_partial else _missing(task_id, task, languages, predictions, gold)
        found = {code: _cell(predictions, gold, task_id, task, code, faults) for code in there}
        if there:
            cells[task_id] = {code: cell for code, cell in found.items() if cell is not None}
            notes += _silent(task_id, cells[task_id])
    if not cells and not faults:
        faults.append(
            f"{predictions}, {gold}: no task and language of {benchmark.title} is in both. Files are found as "
            f"<task>/test-<language>.<tsv, json or jsonl>; the tasks are {', '.join(benchmark.tasks)}."
        )
    raise_all(DataError, faults, len(faults))
    notes += _idle(predictions, expected)
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


def values(task: Task, language: str, predictions: Any, gold: Any) -> dict[str, float]:
    """The metrics of good predictions of one task and language, in the shapes of `xit.scoring.submission`."""
    match submission.shape(task):
        case "tags":
            spans = metrics.span_overlap(predictions, gold, metrics.spans_of(task.labels))
            return {**spans._asdict(), "accuracy": metrics.token_accuracy(predictions, gold)}
        case "answers":
            # By position: an id may come more than once, and each of its questions has the answer of the id.
            right = {str(number): answers for number, (_, answers) in enumerate(gold)}
            said = {str(number): predictions[name] for number, (name, _) in enumerate(gold) if name in predictions}
            by_mlqa = task.answer_rules == "mlqa"
            return (metrics.mlqa(said, right, language) if by_mlqa else metrics.squad(said, right))._asdict()
        case "rankings":
            by_rank = metrics.reciprocal_rank if task.metric == "mrr_at_20" else metrics.average_precision
            return {task.metric: by_rank(predictions, gold)}
        case "pairs":
            return metrics.overlap(predictions, gold)._asdict()
        case _:
            return {"accuracy": metrics.accuracy(predictions, gold)}


def shown(task: Task) -> tuple[str, ...]:
    """The metrics of a task that a table shows: the first is its score, or in question answering the mean of both."""
    return {"span": ("exact_match", "f1"), "tagging": ("f1", "accuracy")}.get(task.format, (task.metric,))


def _cell(predictions: Path, gold: Path, task_id: str, task: Task, language: str, faults: list[str]) -> Cell | None:
    """The scores of one file, or None and its faults."""
    before = len(faults)
    read = []
    for reader, folder in ((submission.read, predictions), (submission.read_gold, gold)):
        try:
            read.append(reader(folder, task_id, task, language))
        except DataError as error:
            faults.append(str(error))
    if len(read) < 2:
        return None
    predicted: Any = read[0]
    right: Any = read[1]
    file, gold_file = (submission.path(folder, task_id, task, language) for folder in (predictions, gold))
    if not right:
        faults.append(f"{gold_file}: holds no example.")
    faults += [f"{gold_file}: {fault}" for fault in _unknown_labels(task, right)]
    faults += [f"{file}: {fault}" for fault in _faults(task, predicted, right)]
    if len(faults) > before:
        return None
    asked = [name for name, _ in right] if submission.shape(task) == "answers" else list(right)
    unanswered = sum(name not in predicted for name in asked) if isinstance(predicted, dict) else 0
    return Cell(values(task, language, predicted, right), len(right), unanswered)


def _silent(task_id: str, cells: Mapping[str, Cell]) -> list[str]:
    """A note on the questions of a task that have no answer."""
    silent = [f"{code} {cell.unanswered} of {cell.examples}" for code, cell in cells.items() if cell.unanswered]
    return [f"{task_id}: questions without an answer, each of which scores 0: {', '.join(silent)}."] if silent else []


def _faults(task: Task, predicted: Any, gold: Any) -> list[str]:
    """What is wrong with predictions beside their gold."""
    match submission.shape(task):
        case "answers" | "rankings":
            known = dict(gold)
            unknown = [name for name in predicted if name not in known]
            # A right candidate that came twice would count twice; the reciprocal rank is of the first.
            is_counted = task.metric == "map_at_20"
            twice = [name for name, ids in predicted.items() if is_counted and len(set(ids)) < len(ids)]
            return [
                *([f"{submission.some(unknown)}: no such id in the gold."] if unknown else []),
                *([f"{submission.some(twice)}: a candidate comes twice in the ranking."] if twice else []),
            ]
        case "pairs":
            return []
        case _ if len(predicted) != len(gold):
            what = "sentences" if task.format == "tagging" else "lines"
            return [f"{len(predicted)} {what}; the gold has {len(gold)}."]
        case "tags":
            uneven = [n for n, (p, g) in enumerate(zip(predicted, gold, strict=True), 1) if len(p) != len(g)]
            first = f"sentence {uneven[0]} has {len(predicted[uneven[0] - 1])} tags" if uneven else ""
            words = f"; it has {len(gold[uneven[0] - 1])} words in the gold" if uneven else ""
            others = f", and {len(uneven) - 1} more sentences differ so" if len(uneven) > 1 else ""
            return [*([f"{first}{words}{others}."] if uneven else []), *_unknown_labels(task, predicted)]
        case _:
            return _unknown_labels(task, predicted)


def _unknown_labels(task: Task, found: Any) -> list[str]:
    """A line for each label, tag or number of a choice that the task does not have."""
    kind = submission.shape(task)
    if kind not in ("labels", "tags", "choices"):
        return []
    known = [str(number) for number in range(len(task.record["choices"]))] if kind == "choices" else task.labels
    counts = collections.Counter(itertools.chain.from_iterable(found) if kind == "tags" else map(str, found))
    return [
        f"label {label!r}, on {count} {'line' if count == 1 else 'lines'}, is unknown.{near(label, known)} "
        f"Labels: {', '.join(known)}."
        for label, count in counts.items()
        if label not in known
    ]


def _missing(task_id: str, task: Task, languages: Sequence[str], *sides: Path) -> list[str]:
    """A line for each side that lacks files of a task."""
    found = []
    for side in sides:
        lacks = [code for code in languages if not submission.path(side, task_id, task, code).is_file()]
        if not lacks:
            continue
        file = submission.path(side, task_id, task, lacks[0])
        if not file.parent.is_dir():
            close = near(task_id, {other.name for other in side.iterdir()} - set(registry.names("tasks")))
            found.append(f"{file.parent}: no such folder.{close} It should hold {file.name} and so on.")
            continue
        asked = {submission.path(side, task_id, task, code).name for code in languages}
        close = near(file.name, {other.name for other in file.parent.iterdir()} - asked)
        found.append(f"{file}: no such file.{close} Missing of {task_id}: {', '.join(lacks)}.")
    return found


def _idle(predictions: Path, expected: set[Path]) -> list[str]:
    """A note on the files of a submission that the benchmark does not ask for."""
    names = [
        file.relative_to(predictions).as_posix()
        for file in sorted(predictions.rglob("*"))
        if file.is_file() and file not in expected and not file.name.startswith(".")
    ]
    return [f"{predictions}: the benchmark does not ask for {submission.some(names)}; not scored."] if names else []


def _task(task_id: str, benchmark: Benchmark, cells: Mapping[str, Cell]) -> dict[str, Any]:
    """The score of a task, as `benchmark.rules` say, and the metrics of its languages."""
    task = task_of(task_id)
    is_answers = task.format == "span"
    parts = shown(task) if is_answers else (task.metric,)
    weights = {code: cell.examples if task_id in benchmark.pooled else 1 for code, cell in cells.items()}
    means = [
        sum(weights[code] * cell.values[part] for code, cell in cells.items()) / sum(weights.values()) for part in parts
    ]
    return {
        "metric": "mean of exact_match and f1" if is_answers else task.metric,
        "score": sum(means) / len(means),
        "languages": {code: cell.values for code, cell in cells.items()},
        "examples": {code: cell.examples for code, cell in cells.items()},
    }


def tables(found: Mapping[str, Any]) -> Iterator[Any]:
    """What `score` found, for a terminal: languages, a table a kind of task; means; what is missing, notes, rules."""
    from rich.table import Table

    benchmark = benchmarks.load(found["benchmark"])
    facts: dict[str, Task] = {name: task_of(name) for name in found["tasks"]}
    for group in dict.fromkeys(task.group for task in facts.values()):
        columns = [(name, metric) for name, task in facts.items() if task.group == group for metric in shown(task)]
        cells = {name: found["tasks"][name]["languages"] for name, _ in columns}
        table = Table("language", title=f"{benchmark.title}, {group}: by language", title_style="bold")
        for name, metric in columns:
            table.add_column(f"{name}\n{metric}", justify="right")
        for code in sorted({code for codes in cells.values() for code in codes}, key=lambda code: (code != "en", code)):
            row = (f"{cells[name][code][metric]:.1f}" if code in cells[name] else "" for name, metric in columns)
            table.add_row(code, *row)
        yield table
    table = Table(
        "", "metric", "score", "languages", "examples", title=f"{benchmark.title}: scores", title_style="bold"
    )
    for column in table.columns[2:]:
        column.justify = "right"
    for name in benchmark.tasks:
        its = found["tasks"].get(name, {"metric": "–", "score": None, "examples": {}})
        covered = f"{len(its['examples'])} of {len(benchmark.languages(name))}"
        table.add_row(name, its["metric"], _number(its["score"]), covered, f"{sum(its['examples'].values()):,}")
    table.add_section()
    for name, value in found["groups"].items():
        members = benchmark.groups[name]
        table.add_row(name, f"mean of {', '.join(members)}", _number(value), _completeness(found, members))
    table.add_section()
    overall = (f"mean of the {len(benchmark.tasks)} tasks", _number(found["overall"]))
    table.add_row("overall", *overall, _completeness(found, benchmark.tasks), style="bold")
    yield table
    for name, codes in found["missing"].items():
        languages = benchmark.languages(name)
        yield f"Missing: {name} in {', '.join(codes) if len(codes) < len(languages) else f'all {len(languages)}'}."
    yield from found["notes"]
    yield from found["rules"]


def _completeness(found: Mapping[str, Any], tasks: Sequence[str]) -> str:
    return "incomplete" if any(name in found["missing"] for name in tasks) else ""


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _mean_of(tasks: Mapping[str, Mapping[str, Any]], members: Sequence[str]) -> float | None:
    """The plain mean over tasks, or None where one is missing."""
    if any(name not in tasks for name in members):
        return None
    return float(sum(tasks[name]["score"] for name in members)) / len(members)
