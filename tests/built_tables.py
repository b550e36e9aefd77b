"""Tables and figures as they are built from fabricated scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fabricated import PAPER, parameters, write_inputs

from xit.core import registry
from xit.core.scores import Score
from xit.paper.inputs import Inputs, read
from xit.paper.render import Figure, Table


def inputs(folder: Path, rows: Sequence[Score]) -> Inputs:
    write_inputs(folder, rows)
    return read(folder / "scores.csv", folder, parameters(rows), PAPER / "inputs")


def built(folder: Path, rows: Sequence[Score]) -> dict[str, Table | Figure]:
    """Everything that every module builds, by name."""
    of = inputs(folder, rows)
    return {one.name: one for name in registry.names("tables") for one in registry.load("tables", name).build(of)}


def table(folder: Path, name: str, rows: Sequence[Score]) -> Table:
    module = registry.load("tables", name.split("-")[0])
    found = next(one for one in module.build(inputs(folder, rows)) if one.name == name)
    assert isinstance(found, Table)
    return found


def row_of(of: Table, *names: str) -> list[Any]:
    """The rest of the row that begins with these cells."""
    return next(list(row[len(names) :]) for row in of.rows if row[: len(names)] == names)


RECIPES = {
    "mnli": 4.0,
    "squad": 2.0,
    "multitask": 5.0,
    "mnli+mlm": 1.0,
    "mlm": 1.5,
    "mnli+shuffled": -1.0,
    "mnli-30": 9.0,
}
