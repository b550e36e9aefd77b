"""How long work tells of its progress, the same for training, evaluation and translation."""

from collections.abc import Mapping
from typing import Protocol


class Report(Protocol):
    """Is told what is worked on, how much of it is done, how much there is, and figures to show beside that."""

    def __call__(self, what: str, done: int, total: int, figures: Mapping[str, float] = ..., /) -> None:
        """Tell of it."""


def unheard(*told: object) -> None:
    """A report that nobody hears."""


def about(subject: str, report: Report) -> Report:
    """A report whose every piece of work belongs to a subject, such as a cell."""
    return lambda what, *rest: report(f"{subject}: {what}", *rest)
