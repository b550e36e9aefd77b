"""The errors that a user, a file or a parameter can cause.

Only the command line catches them; it prints the message and exits with the code of the kind. A message has five
parts, on as few lines: where, what is wrong, what was found, what would do, what to try.
"""

from collections.abc import Iterable, Sequence
from typing import NoReturn


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
    """`" Did you mean xnli?"` where a known name is close to `name`, or nothing."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""


def raise_all(kind: type[XitError], faults: Sequence[str], most: int = 20) -> None:
    """Raise one error that lists every fault, or return where there is none."""
    if faults:
        _raise(kind, faults, most)


def _raise(kind: type[XitError], faults: Sequence[str], most: int) -> NoReturn:
    shown = list(faults[:most])
    if len(faults) > most:
        shown.append(f"… and {len(faults) - most} more of this kind.")
    error = kind("\n".join(shown))
    error.faults = tuple(faults)
    raise error
