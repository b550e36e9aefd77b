"""How tests run the command line, at a size smaller than the tiny profile's."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
LANGUAGES = ("en", "de", "zh")
TEST = 6
"""Test examples of a task and language."""


class Done(NamedTuple):
    """How a command ended, and what it printed on either stream."""

    code: int
    out: str
    err: str


Xit = Callable[..., Done]


def shown(value: object) -> str:
    """The arguments of a command, as the name of a test."""
    return " ".join(value) if isinstance(value, tuple) else ""


def assert_one_line(done: Done, code: int, message: str) -> None:
    assert (done.code, done.out) == (code, "")
    assert len(done.err.splitlines()) == 1
    assert re.match(f"xit: {message}", done.err), done.err
