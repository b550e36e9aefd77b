"""The reader of data of one's own, whatever their format: JSON with the columns of an example."""

from collections.abc import Iterator
from typing import Any

from pydantic import create_model

from xit.sources.reader_context import FileOrTable, Group, ReaderContext, Record, records

TYPES: dict[str, Any] = {"text": str, "texts": list[str], "number": int, "numbers": list[int]}
"""By what a column holds."""


def examples(file: FileOrTable, reader: ReaderContext) -> Iterator[Group]:
    """An example a line, with its id and the columns of the task's format (`xit.formats`); each stands alone."""
    fields: dict[str, Any] = {name: (TYPES[kind], ...) for name, kind in {"id": "text", **reader.columns}.items()}
    for _, _, record in records(file, create_model("Example", __base__=Record, **fields), reader):
        yield [record.model_dump()]
