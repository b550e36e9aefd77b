"""Predictions in the benchmark's submission layout, `<folder>/<task>/test-<language>.<extension>`.

The layout is that of google-research/xtreme: evaluate.py, with LAReQA, which it has no reader for, as Mewsli-X.
What predictions look like in memory depends on the format of the task:

    classification      list[str]             a label an example
    tagging             list[list[str]]       a tag a word, a list a sentence
    multiple_choice     list[int]             the number of a choice, from 0
    span                dict[str, str]        an answer a question id
    retrieval, aligned  list[int]             the row of the nearest candidate, from 0 (scored by accuracy: Tatoeba)
    retrieval, ranked   dict[str, list[str]]  candidate ids a query id, the best first (Mewsli-X, LAReQA)
    retrieval, mined    list[tuple[str, str]] ids of a query and its candidate, in any order (BUCC)
"""

import json
from pathlib import Path
from typing import Any

from xit.errors import DataError
from xit.files import atomic
from xit.tasks import Task

Predictions = list[str] | list[list[str]] | list[int] | dict[str, str] | dict[str, list[str]] | list[tuple[str, str]]


def write(folder: Path, task_id: str, task: Task, language: str, predictions: Predictions) -> Path:
    """Write the predictions of one task and language, atomically, and return the file."""
    path = _path(folder, task_id, task, language)
    match path.suffix, predictions:
        case ".json", dict():
            text = json.dumps(predictions, ensure_ascii=False) + "\n"
        case ".jsonl", list():
            text = "".join(json.dumps({"label": label}) + "\n" for label in predictions)
        case ".tsv", list() if task.format == "tagging":
            text = "".join("".join(f"{tag}\n" for tag in tags) + "\n" for tags in predictions)  # type: ignore[union-attr]
        case ".tsv", list() if task.is_mined:
            text = "".join(f"{query}\t{candidate}\n" for query, candidate in predictions)  # type: ignore[misc, str-unpack]
        case ".tsv", list():
            text = "".join(f"{label}\n" for label in predictions)
        case _:
            raise TypeError(f"{task_id}: predictions of {task.format} do not come as a {type(predictions).__name__}")
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, task_id: str, task: Task, language: str) -> Predictions:
    """Read the predictions of one task and language.

    Raises:
        DataError: the file is missing, or is not what the format of the task asks for.
    """
    path = _path(folder, task_id, task, language)
    if not path.is_file():
        raise DataError(f"{path}: no such file. Predictions of {task_id} in {language} belong there.")
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return _answers(path, text)
    lines = text.split("\n")
    if task.format == "tagging":
        sentences = text.strip("\n").split("\n\n") if text.strip() else []
        return [[line.split("\t")[0] for line in sentence.split("\n")] for sentence in sentences]
    if lines[-1] == "":
        lines.pop()
    if task.format == "classification":
        return [line.split("\t")[0] for line in lines]
    if task.is_mined:
        return [_pair(path, number, line) for number, line in enumerate(lines, 1)]
    return [_number(path, number, line) for number, line in enumerate(lines, 1)]


def _path(folder: Path, task_id: str, task: Task, language: str) -> Path:
    is_ranked = task.format == "retrieval" and not (task.is_aligned or task.is_mined)
    extension = "json" if task.format == "span" or is_ranked else "jsonl" if task.format == "multiple_choice" else "tsv"
    return folder / task_id / f"test-{language}.{extension}"


def _answers(path: Path, text: str) -> dict[str, Any]:
    try:
        answers = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}: not JSON ({error.msg}).") from error
    if not isinstance(answers, dict):
        raise DataError(f"{path}: should be one JSON object of ids; it is a {type(answers).__name__}.")
    return answers


def _pair(path: Path, number: int, line: str) -> tuple[str, str]:
    fields = line.split("\t")
    if len(fields) != 2 or not all(fields):
        raise DataError(f"{path}, line {number}: should be two ids with a tab between them; it is {line!r}.")
    return fields[0], fields[1]


def _number(path: Path, number: int, line: str) -> int:
    try:
        return int(json.loads(line)["label"] if path.suffix == ".jsonl" else line.split("\t")[0])
    except (ValueError, KeyError, TypeError) as error:
        wanted = 'as {"label": 0}' if path.suffix == ".jsonl" else "a row number"
        raise DataError(f"{path}, line {number}: should be {wanted}; it is {line!r}.") from error
