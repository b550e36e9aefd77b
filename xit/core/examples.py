"""Examples as Parquet: one schema per format, whatever source they come from, checked before they are written.

classification   id, language, text_a, text_b, label (a word of the task's labels)
multiple_choice  id, language, prompt, choices (texts), label (index of the right one, from 0)
tagging          id, language, words, tags (of equal length)
span             id, language, question, context, answers (texts; none: unanswerable), starts (their first characters)
retrieval        id, language, role (query or candidate), text, gold (ids of a query's right candidates)
"""

import collections
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core.errors import DataError, near, raise_all
from xit.core.files import atomic
from xit.core.task import Task

Example = Mapping[str, Any]

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "classification": {"text_a": "text", "text_b": "text", "label": "text"},
    "multiple_choice": {"prompt": "text", "choices": "texts", "label": "number"},
    "tagging": {"words": "texts", "tags": "texts"},
    "span": {"question": "text", "context": "text", "answers": "texts", "starts": "numbers"},
    "retrieval": {"role": "text", "text": "text", "gold": "texts"},
}
"""The columns of each format beside `id` and `language`."""


def faults(example: Example, task: Task) -> list[str]:
    """What is wrong with an example, in words; empty for a good one."""
    return _FAULTS[task.format](example, task)


def _classification(example: Example, task: Task) -> list[str]:
    return [*_empty(example, "text_a", "text_b"), *_unknown("label", [example["label"]], task)]


def _multiple_choice(example: Example, task: Task) -> list[str]:
    choices = example["choices"]
    found = _empty(example, "prompt")
    if len(choices) < 2:
        found.append(f"{len(choices)} choices; at least 2 are needed.")
    if any(not choice.strip() for choice in choices):
        found.append("a choice is empty.")
    if not 0 <= example["label"] < len(choices):
        found.append(f"label {example['label']} is not the index of one of {len(choices)} choices.")
    return found


def _tagging(example: Example, task: Task) -> list[str]:
    words, tags = example["words"], example["tags"]
    if not words:
        return ["the sentence has no words."]
    if len(words) != len(tags):
        return [f"{len(words)} words but {len(tags)} tags."]
    return _unknown("tag", sorted(set(tags)), task)


def _span(example: Example, task: Task) -> list[str]:
    context, answers, starts = example["context"], example["answers"], example["starts"]
    found = _empty(example, "question", "context")
    if len(answers) != len(starts):
        found.append(f"{len(answers)} answers but {len(starts)} offsets.")
    if not answers and not task.has_unanswerable:
        found.append("there is no answer.")
    for answer, start in zip(answers, starts, strict=False):
        if not answer or context[start : start + len(answer)] != answer:
            found.append(f"answer {answer!r} is not in its context at {start}.")
    return found


def _retrieval(example: Example, task: Task) -> list[str]:
    found = _empty(example, "text")
    if example["role"] not in ("query", "candidate"):
        found.append(f"role {example['role']!r} is unknown. Roles: query, candidate.")
    if example["role"] == "query" and not example["gold"] and not task.is_mined:
        found.append("the query has no right candidate.")
    return found


_FAULTS: Mapping[str, Callable[[Example, Task], list[str]]] = {
    "classification": _classification,
    "multiple_choice": _multiple_choice,
    "tagging": _tagging,
    "span": _span,
    "retrieval": _retrieval,
}


def _empty(example: Example, *columns: str) -> list[str]:
    return [f"{column} is empty." for column in columns if not example[column].strip()]


def _unknown(what: str, labels: Sequence[str], task: Task) -> list[str]:
    return [
        f"{what} {label!r} is unknown.{near(label, task.labels)} Known: {', '.join(task.labels)}."
        for label in labels
        if task.labels and label not in task.labels
    ]


def write_examples(path: Path, task: Task, examples: Sequence[Example]) -> None:
    """Write examples in the schema of the task's format, atomically.

    Raises:
        DataError: with a line for every fault of every example, and for every id that comes twice.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = []
    seen = set()
    for example in examples:
        where = f"{path.parent.name} {path.stem} {example['language']}, record {example['id']}"
        found += [f"{where}: {fault}" for fault in faults(example, task)]
        key = (example["language"], example.get("role"), example["id"])
        if key in seen:
            found.append(f"{where}: the id comes twice.")
        seen.add(key)
    raise_all(DataError, found)
    types = {"text": pa.string(), "texts": pa.list_(pa.string()), "number": pa.int64(), "numbers": pa.list_(pa.int64())}
    columns = {"id": "text", "language": "text", **COLUMNS[task.format]}
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    with atomic(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(examples), schema=schema), temporary, write_page_checksum=True)


def read_examples(path: Path, language: str | None = None) -> list[dict[str, Any]]:
    """Read examples, of one language or of all.

    Raises:
        DataError: the file is missing or not Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # `read_table` would import pandas, half a second.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            rows: list[dict[str, Any]] = file.read().to_pylist()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file. `xit data {path.parent.name}` writes it.") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise DataError(f"{path}: not Parquet, perhaps cut short: {reason}. Delete it and run `dvc repro`.") from None
    columns = list(rows[0]) if rows else []
    if rows and columns not in [["id", "language", *of_format] for of_format in COLUMNS.values()]:
        raise DataError(f"{path}: its columns are of no format: {', '.join(columns)}. Delete it and run `dvc repro`.")
    return [row for row in rows if language in (None, row["language"])]


def audited(
    task_id: str, split: str, language: str, source: str, rows: Sequence[Example], notes: collections.Counter[str]
) -> dict[str, Any]:
    """What the audit says of the rows of a split in a language: their number, their hash, what the reader changed."""
    digest = hashlib.sha256("\n".join(json.dumps(row, sort_keys=True) for row in rows).encode()).hexdigest()
    return {
        "task": task_id,
        "split": split,
        "language": language,
        "source": source,
        "examples": sum(row.get("role") != "candidate" for row in rows),
        "sha256": digest,
        "repaired": sum(count for note, count in notes.items() if "repaired" in note or "moved" in note),
        "dropped": sum(count for note, count in notes.items() if "left out" in note),
        "notes": "; ".join(f"{note}: {count}" for note, count in sorted(notes.items())),
    }
