"""Presets: the training recipes of others in the form of params.yaml, with the source of every value.

A file of presets/ holds sections of params.yaml, only what differs, and `sources` and `differs` beside them; it may
begin with `preset:`, the name of another that it differs from. Profiles lie over presets, and presets over params.yaml.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xit.core.errors import ConfigError, near
from xit.pipeline import config

MARKS = {"[ours]": "the source has none", "[mem]": "from memory, not looked up again"}
"""What the text of a source may begin with, to be shown with the value, and what it means."""


@dataclasses.dataclass(frozen=True)
class Preset:
    """One preset, with all that it takes from the one below it."""

    name: str
    values: Mapping[str, Any]
    """Sections of params.yaml."""
    sources: Mapping[str, str]
    """Dotted place of a section, an entry or a value → where it is from."""
    differs: tuple[str, ...]
    """What training here does otherwise than the source."""
    below: str | None = None
    """The preset that it differs from."""

    def source(self, place: str) -> str:
        """Where a value is from: of the places that hold it, the most exact one says."""
        held = [other for other in self.sources if f"{place}.".startswith(f"{other}.")]
        return self.sources[max(held, key=len)] if held else ""

    def mark(self, place: str) -> str:
        """One of MARKS, or nothing."""
        return next((mark for mark in MARKS if self.source(place).startswith(mark)), "")


def names(folder: Path) -> tuple[str, ...]:
    """The presets of a folder."""
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def load(folder: Path, name: str) -> Preset:
    """A preset by its name.

    Raises:
        ConfigError: there is none of that name, or it comes back to itself.
    """
    return _load(folder, name, ())


def _load(folder: Path, name: str, above: tuple[str, ...]) -> Preset:
    path = folder / f"{name}.yaml"
    known = names(folder)
    if name not in known:
        where = f"{folder / above[-1]}.yaml: " if above else ""
        raise ConfigError(f"{where}{name}: no such preset.{near(name, known)} Presets: {', '.join(known)}.")
    if name in above:
        raise ConfigError(f"{path}: preset: comes back to itself: {' over '.join([*above, name])}.")
    own = config.read(path)
    below, sources, differs = own.pop("preset", None), own.pop("sources", {}), own.pop("differs", [])
    base = _load(folder, below, (*above, name)) if below else Preset(name, {}, {}, ())
    return Preset(
        name, config.laid_over(base.values, own), {**base.sources, **sources}, (*base.differs, *differs), below
    )
