"""params.yaml, with a wider grid, and with other values; and what is said of them."""

import copy
from pathlib import Path
from typing import Any

import pytest

from xit.core.errors import ConfigError
from xit.pipeline import config

ROOT = Path(__file__).parents[1]
CONTROLS, INTERMEDIATES = ["none", "untrained"], ["mnli", "squad", "ccg"]
TARGETS = ["xnli", "xcopa", "udpos", "panx", "xquad", "lareqa"]
GRID = {
    "controls": CONTROLS,
    "conditions": [*CONTROLS, *INTERMEDIATES],
    "targets": TARGETS,
    "tasks": [*INTERMEDIATES, *TARGETS, "tatoeba"],
}
"""Targets of every format, and both controls, as profiles/reference.yaml has them."""
VALUES = config.laid_over(config.read(ROOT / "params.yaml"), {"grid": GRID})
ABSENT = object()


def changed(**changes: Any) -> dict[str, Any]:
    """params.yaml with other values at dotted places (written with __), or without them where they are ABSENT."""
    values = copy.deepcopy(VALUES)
    for place, value in changes.items():
        *sections, key = place.split("__")
        section = values
        for name in sections:
            section = section[name]
        if value is ABSENT:
            del section[key]
        else:
            section[key] = value
    return values


def faults(**changes: Any) -> list[str]:
    """The lines of the error, without their common beginning."""
    with pytest.raises(ConfigError) as raised:
        config.check(changed(**changes), "params.yaml")
    return [line.removeprefix("params.yaml: ") for line in str(raised.value).splitlines()]
