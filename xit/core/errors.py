"""The errors that a user, a file or a parameter can cause.

Only the command line catches them; it prints the message and exits with the code of the kind. A message has five
parts, on as few lines: where, what is wrong, what was found, what would do, what to try.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NoReturn

SHOWN_CHARACTERS = 60
"""Of a text of a file that a message shows."""


MOST_ALIKE = 3
"""So many lines of a file with the same fault are each told."""


class XitError(Exception):
    """What a user or a file can cause: shown as its message, without a traceback."""

    exit_code = 1
    faults: tuple[str, ...] = ()
    """All of what was raised together; the message lists the first ones."""


class ConfigError(XitError):
    """A parameter or an argument is unknown, missing, of the wrong type or out of range."""

    exit_code = 2


class DataError(XitError):
    """A data file is missing, truncated or contradicts itself."""


class CheckpointError(XitError):
    """A checkpoint is incomplete, of another task or of another size."""


class TrainingError(XitError):
    """Training cannot go on: the loss is not finite, or the data cannot fill a batch."""


def near(name: str, known: Iterable[str]) -> str:
    """`" Did you mean xnli?"` where a known name is close to `name`, in capitals or not; else nothing."""
    import difflib

    spelt = {other.lower(): other for other in known}
    close = difflib.get_close_matches(name.lower(), spelt, n=1)
    return f" Did you mean {spelt[close[0]]}?" if close else ""


def raise_all(kind: type[XitError], faults: Sequence[str], most: int = 20) -> None:
    """Raise one error that lists every fault, those that many lines share once, or return where there is none."""
    if faults:
        _raise(kind, faults, most)


def _raise(kind: type[XitError], faults: Sequence[str], most: int) -> NoReturn:
    folded = _folded(faults)
    shown = folded[:most]
    if len(folded) > most:
        shown.append(f"… and {len(folded) - most} more of this kind.")
    error = kind("\n".join(shown))
    error.faults = tuple(faults)
    raise error


def _folded(faults: Sequence[str]) -> list[str]:
    """Faults without those that say the same of another line of their file, where these are many."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for fault in faults:
        place = re.fullmatch(r"(?s)(.*?), line \d+: (.*)", fault)
        lines.setdefault(place.groups() if place else (fault,), []).append(fault)
    found = []
    for same in lines.values():
        further = counted(len(same) - 1, "further line")
        found += (
            same if len(same) <= MOST_ALIKE or len(set(same)) == 1 else [f"{same[0]} The same is true of {further}."]
        )
    return found


def some(names: Sequence[str], most: int = 3) -> str:
    """`q1, q2, q3 and 9 more`."""
    others = f" and {len(names) - most} more" if len(names) > most else ""
    shown = ", ".join(shortened(name, quotes="") for name in names[:most])
    return shown.encode("utf-8", "replace").decode() + others  # JSON may hold half a surrogate pair


def counted(number: int, noun: str) -> str:
    """`1 line`, `2 lines`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def shortened(text: str, quotes: str = "'") -> str:
    """A text of a file as a message shows it: in quotes, control characters escaped, cut where it is long."""
    inner = text[:SHOWN_CHARACTERS]
    shown = repr(inner) if quotes else inner
    return shown if len(text) <= SHOWN_CHARACTERS else f"{shown}… ({len(text):,} characters)"
