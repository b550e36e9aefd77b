"""One type in the middle: a `Score`. Training makes scores and knows no tables; tables read scores."""

import csv
import dataclasses
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core.errors import DataError
from xit.core.texts import read_text, stored, write_text


@dataclasses.dataclass(frozen=True, order=True)
class Score:
    """One number: what one trained system reaches on one task in one language.

    `condition` is what came between pretraining and fine-tuning: an intermediate task, a recipe, a control or `none`.
    `value` is from 0 to 100, as the benchmark's scorer gives it; `examples` is how many it was computed over.
    """

    encoder: str
    condition: str
    target: str
    language: str
    split: str
    source: str
    metric: str
    seed: int
    value: float
    examples: int

    def as_dict(self) -> dict[str, str | int | float]:
        """Its fields by name, as JSON has them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Score":
        """What `as_dict` gave."""
        return cls(**{RENAMED.get(name, name): value for name, value in values.items()})


CENTERED = "_centered"
"""Ends the name of a metric that is of centred vectors (`xit.heads.retrieval`), and stands beside the main one."""
RENAMED = {"intermediate": "condition"}
"""Columns by the names that they had in version 0.1, which are read until the version after this one."""
FIELDS = tuple(field.name for field in dataclasses.fields(Score))


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write scores as CSV, sorted, one row each, atomically; packed where the name ends in `.gz`. Values keep every
    digit (`repr`)."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(FIELDS)
    for score in sorted(scores):
        writer.writerow([getattr(score, name) for name in FIELDS])
    write_text(path, file.getvalue())


def read_scores(path: Path) -> tuple[Score, ...]:
    """Read what `write_scores` wrote; `<path>.gz` where only that is there.

    Raises:
        DataError: the file is missing, or its header or a row is not that of scores.
    """
    path = stored(path)
    if not path.is_file():
        raise DataError(
            f"{path}: no such file. `make reproduce` ends by writing it, or `xit collect` after evaluation."
        )
    try:
        rows = list(csv.reader(io.StringIO(read_text(path), newline="")))
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a table of scores in UTF-8: {error}.") from None
    if not rows or tuple(RENAMED.get(name, name) for name in rows[0]) != FIELDS:
        raise DataError(
            f"{path}: the header should be {','.join(FIELDS)}; it is {','.join(rows[0]) if rows else 'missing'}."
        )
    return tuple(_score(path, number, row) for number, row in enumerate(rows[1:], start=2))


def _score(path: Path, number: int, row: Sequence[str]) -> Score:
    if len(row) != len(FIELDS):
        raise DataError(f"{path}, line {number}: has {len(row)} fields, not {len(FIELDS)}: {','.join(row)}")
    try:
        values = dict(zip(FIELDS, row, strict=True))
        score = Score(
            **{name: values[name] for name in FIELDS[:7]},
            seed=int(values["seed"]),
            value=float(values["value"]),
            examples=int(values["examples"]),
        )
    except ValueError as error:
        raise DataError(f"{path}, line {number}: not a score ({error}): {','.join(row)}") from error
    if not math.isfinite(score.value):
        raise DataError(
            f"{path}, line {number}: a score is a number from 0 to 100; found {score.value}: {','.join(row)}"
        )
    return score
