"""Every parameter of the run, as params.yaml has it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xit.tables import SOURCES, Inputs, Table

CAPTION = "From params.yaml, where each has its unit and range. Made by `xit paper`."


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A table for each section whose entries are sections themselves (encoders, tasks), and one for all the others.

    What the grid does not name is left out, the settings of a source that was not read, and of a folder its place on
    the machine.
    """
    tables, plain = [], []
    for section, values in inputs.parameters.items():
        if section in SOURCES and section != inputs.study.source:
            continue
        if not isinstance(values, Mapping):
            plain.append((section, "", _shown(values)))
        elif values and all(isinstance(value, Mapping) for value in values.values()):
            tables.append(_matrix(inputs, section, values))
        else:
            flat = _flat(values)
            plain += [(section if i == 0 else "", key, _shown(value)) for i, (key, value) in enumerate(flat.items())]
    starts = tuple(i for i, row in enumerate(plain) if row[0])
    rest = Table(
        name="hyperparameters",
        title=f"Hyper-parameters ({inputs.label})",
        caption=CAPTION,
        columns=("section", "parameter", "value"),
        rows=tuple(plain),
        sections=starts,
        texts=3,
        stretch=2,
        span="column",
    )
    return (rest, *tables)


def _matrix(inputs: Inputs, section: str, values: Mapping[str, Mapping[str, Any]]) -> Table:
    compared = {name for ids in inputs.parameters["grid"].values() for name in ids}
    rows = {name: _flat(inner) for name, inner in values.items() if name in compared}
    keys = list(dict.fromkeys(key for inner in rows.values() for key in inner))
    names = list(rows)
    return Table(
        name=f"hyperparameters-{section}",
        title=f"Hyper-parameters: {section} ({inputs.label})",
        caption=CAPTION,
        columns=("", *names),
        rows=tuple((key, *(_shown(rows[name].get(key, "–")) for name in names)) for key in keys),
        span="column" if len(names) <= 10 else "page",
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else str(value)
