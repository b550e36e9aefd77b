"""Examples as Parquet: one schema a format (`xit.formats`), whatever source they come from, checked when written."""

import collections
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core import registry
from xit.core.errors import DataError, raise_all
from xit.core.files import atomic
from xit.core.task import Task

Example = Mapping[str, Any]


def asked(examples: Sequence[Example]) -> list[Example]:
    """The examples that are asked: all but the candidates of retrieval."""
    return [example for example in examples if example.get("role") != "candidate"]


def write_examples(path: Path, task: Task, examples: Sequence[Example]) -> None:
    """Write examples in the schema of the task's format, atomically.

    Raises:
        DataError: with a line for every fault of every example, and for every id that comes twice.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    form = registry.load("formats", task.format).Format.of(task)  # by name, as tasks: it knows this module
    faults = []
    seen = set()
    for example in examples:
        where = f"{path.parent.name} {path.stem} {example['language']}, record {example['id']}"
        faults += [f"{where}: {fault}" for fault in form.faults(example)]
        key = (example["language"], example.get("role"), example["id"])
        if key in seen:
            faults.append(f"{where}: the id comes twice.")
        seen.add(key)
    raise_all(DataError, faults)
    types = {"text": pa.string(), "texts": pa.list_(pa.string()), "number": pa.int64(), "numbers": pa.list_(pa.int64())}
    columns = {"id": "text", "language": "text", **form.columns}
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
    known = [registry.load("formats", name).Format.columns for name in registry.names("formats")]
    if rows and columns not in [["id", "language", *own] for own in known]:
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
