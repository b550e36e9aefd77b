"""Predictions and gold in the benchmark's submission layout, `<folder>/<task>/test-<language>.<extension>`.

The layout is that of google-research/xtreme: evaluate.py, with LAReQA, which it has no reader for, as Mewsli-X.
What predictions look like in memory depends on the task (`shape`):

    labels    list[str]              a label an example (classification)
    tags      list[list[str]]        a tag a word, a list a sentence (tagging)
    choices   list[int]              the number of a choice, from 0 (multiple choice)
    answers   dict[str, str]         an answer a question id (span)
    rows      list[int]              the row of the nearest candidate, from 0 (retrieval by accuracy: Tatoeba)
    rankings  dict[str, list[str]]   candidate ids a query id, the best first (Mewsli-X, LAReQA)
    pairs     list[tuple[str, str]]  ids of a query and its candidate, in any order (retrieval by F1: BUCC)

Gold is the same, but of answers `list[tuple[str, list[str]]]`, the id and the right answers of each question, as SQuAD
writes them: ids repeat in TyDiQA's files. All right candidates of a ranking are in any order.
"""

import collections
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from xit.core.errors import DataError
from xit.core.examples import Example
from xit.core.files import atomic
from xit.core.task import Task

Shape = Literal["labels", "tags", "choices", "answers", "rows", "rankings", "pairs"]
Predictions = list[str] | list[list[str]] | list[int] | dict[str, str] | dict[str, list[str]] | list[tuple[str, str]]
Questions = list[tuple[str, list[str]]]

EXTENSIONS: Mapping[Shape, str] = {"answers": "json", "rankings": "json", "choices": "jsonl"}
"""Of the shapes that are not tsv."""


def shape(task: Task) -> Shape:
    """What predictions of the task are."""
    shapes: Mapping[str, Shape] = {
        "classification": "labels",
        "tagging": "tags",
        "multiple_choice": "choices",
        "span": "answers",
        "retrieval": "rows" if task.is_aligned else "pairs" if task.is_mined else "rankings",
    }
    return shapes[task.format]


def path(folder: Path, task_id: str, task: Task, language: str) -> Path:
    """Where the predictions, or the gold, of one task and language belong."""
    return folder / task_id / f"test-{language}.{EXTENSIONS.get(shape(task), 'tsv')}"


def write(folder: Path, task_id: str, task: Task, language: str, predictions: Predictions) -> Path:
    """Write the predictions of one task and language, atomically, and return the file."""
    return _write(path(folder, task_id, task, language), _text(task_id, task, predictions))


def _text(task_id: str, task: Task, predictions: Any) -> str:
    kind = shape(task)
    if isinstance(predictions, dict) != (kind in ("answers", "rankings")):
        raise TypeError(f"{task_id}: predictions of {task.format} do not come as a {type(predictions).__name__}")
    match kind:
        case "answers" | "rankings":
            return json.dumps(predictions, ensure_ascii=False) + "\n"
        case "choices":
            return "".join(json.dumps({"label": label}) + "\n" for label in predictions)
        case "tags":
            return "".join("".join(f"{tag}\n" for tag in tags) + "\n" for tags in predictions)
        case "pairs":
            return "".join(f"{query}\t{candidate}\n" for query, candidate in predictions)
        case _:
            return "".join(f"{label}\n" for label in predictions)


def write_gold(folder: Path, task_id: str, task: Task, language: str, examples: Sequence[Example]) -> Path:
    """Write the gold of one task and language, atomically, and return the file."""
    file = path(folder, task_id, task, language)
    if task.format != "span":
        return _write(file, _text(task_id, task, gold(task, examples)))
    paragraphs = [
        {
            "context": e["context"],
            "qas": [
                {
                    "id": e["id"],
                    "question": e["question"],
                    "answers": [
                        {"text": text, "answer_start": start}
                        for text, start in zip(e["answers"], e["starts"], strict=True)
                    ],
                }
            ],
        }
        for e in examples
    ]
    squad = {"version": "1.1", "data": [{"title": task_id, "paragraphs": paragraphs}]}
    return _write(file, json.dumps(squad, ensure_ascii=False) + "\n")


def gold(task: Task, examples: Sequence[Example]) -> Any:
    """The gold of test examples of one language, as `read_gold` gives it."""
    queries = [e for e in examples if e.get("role") == "query"]
    match shape(task):
        case "tags":
            return [list(e["tags"]) for e in examples]
        case "answers":
            return [(e["id"], list(e["answers"])) for e in examples]
        case "rows":
            candidates = [e["id"] for e in examples if e["role"] == "candidate"]
            row = {name: number for number, name in enumerate(candidates)}
            return [row[e["gold"][0]] for e in queries]
        case "rankings":
            return {e["id"]: list(e["gold"]) for e in queries}
        case "pairs":
            return [(e["id"], name) for e in queries for name in e["gold"]]
        case _:
            return [e["label"] for e in examples]


def _write(file: Path, text: str) -> Path:
    with atomic(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return file


def read(folder: Path, task_id: str, task: Task, language: str) -> Predictions:
    """Read the predictions of one task and language.

    Raises:
        DataError: the file is missing, or is not what the task asks for; a line for every fault.
    """
    file = path(folder, task_id, task, language)
    text = _read(file, f"Predictions of {task_id} in {language} belong there.")
    match shape(task):
        case "answers":
            return _each(file, _object(file, text), lambda answer: isinstance(answer, str), "a text")
        case "rankings":
            return _each(file, _object(file, text), _is_ranking, "a list of ids")
        case "tags":
            groups = itertools.groupby(_lines(text), key=lambda line: bool(line.strip()))
            return [[line.split("\t")[0] for line in sentence] for is_sentence, sentence in groups if is_sentence]
        case "choices":
            return _parsed(file, text, _choice, 'as {"label": 0}')
        case "rows":
            return _parsed(file, text, _row, "a row number")
        case "pairs":
            return _parsed(file, text, _pair, "two ids with a tab between them")
        case _:
            return [line.split("\t")[0] for line in _lines(text)]


def read_gold(folder: Path, task_id: str, task: Task, language: str) -> Any:
    """Read the gold of one task and language, the answers of questions as SQuAD writes them.

    Raises:
        DataError: as `read`.
    """
    if task.format != "span":
        return read(folder, task_id, task, language)
    file = path(folder, task_id, task, language)
    data = _object(file, _read(file, f"The gold of {task_id} in {language} belongs there."))
    try:
        found: Questions = [
            (question["id"], [answer["text"] for answer in question["answers"]])
            for article in data["data"]
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
    except (KeyError, TypeError) as error:
        raise DataError(f"{file}: not as SQuAD writes questions, data → paragraphs → qas → answers: {error}.") from None
    return found


def _read(file: Path, purpose: str) -> str:
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{file}: no such file. {purpose}") from None
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        byte = raw[error.start]
        raise DataError(f"{file}, line {line}: byte 0x{byte:02x} is not UTF-8. Convert the file to UTF-8.") from None
    if "\0" in text:
        raise DataError(f"{file}: has a NUL byte. Write it again.")
    return text


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _object(file: Path, text: str) -> dict[str, Any]:
    twice: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twice.extend(name for name, count in collections.Counter(name for name, _ in pairs).items() if count > 1)
        return dict(pairs)

    try:
        found = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise DataError(f"{file}, line {error.lineno}: not JSON ({error.msg}).") from None
    except (ValueError, RecursionError) as error:  # a number of too many digits; lists in lists without end
        raise DataError(f"{file}: not what a submission holds: {error}.") from None
    if not isinstance(found, dict):
        raise DataError(f"{file}: should be one JSON object of ids; it is a {type(found).__name__}.")
    if twice:
        raise DataError(f"{file}: {some(twice)} {'comes' if len(twice) == 1 else 'come'} twice; an id names one.")
    return found


def _each(file: Path, found: dict[str, Any], is_good: Callable[[Any], bool], wanted: str) -> dict[str, Any]:
    wrong = [name for name, value in found.items() if not is_good(value)]
    if wrong:
        first = json.dumps(found[wrong[0]])
        shown = first if len(first) < 80 else f"{first[:80]}…"
        raise DataError(f"{file}: {some(wrong)} should be {wanted}; the first is {shown}.")
    return found


def _is_ranking(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _parsed(file: Path, text: str, parse: Callable[[str], Any], wanted: str) -> list[Any]:
    found, wrong = [], []
    for number, line in enumerate(_lines(text), 1):
        try:
            found.append(parse(line))
        except (ValueError, KeyError, TypeError):
            wrong.append((number, line))
    if wrong:
        others = f" So are {len(wrong) - 1} more lines." if len(wrong) > 1 else ""
        raise DataError(f"{file}, line {wrong[0][0]}: should be {wanted}; it is {wrong[0][1]!r}.{others}")
    return found


def _choice(line: str) -> int:
    label = json.loads(line)["label"]
    if type(label) is not int:
        raise TypeError
    return label


def _row(line: str) -> int:
    number = line.split("\t")[0]
    if not (number.isascii() and number.isdigit()):
        raise ValueError
    return int(number)


def _pair(line: str) -> tuple[str, str]:
    query, candidate = line.split("\t")
    if not query or not candidate:
        raise ValueError
    return query, candidate


def some(names: Sequence[str], most: int = 3) -> str:
    """`q1, q2, q3 and 9 more`."""
    others = f" and {len(names) - most} more" if len(names) > most else ""
    shown = ", ".join(names[:most]).encode("utf-8", "replace").decode()  # JSON may hold half a surrogate pair
    return shown + others
