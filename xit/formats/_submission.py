"""A file of a submission, read as the benchmark's evaluator reads it (google-research/xtreme: evaluate.py).

Each line is stripped of the blanks at both ends. What the evaluator would refuse, or would silently count as wrong, is
a fault here: a byte order mark, a key that is given twice, an id that is a number.
"""

import collections
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from xit.core.errors import SHOWN_CHARACTERS, DataError, counted, near, raise_all, shortened, some
from xit.core.files import packed, stand_in

Value = TypeVar("Value")

SHOWN_LABELS = 3
"""Different unknown labels of a file that a message shows."""


class SubmissionFile:
    """The text of a file, its lines, and what is wrong with it.

    Attributes:
        faults: With where they are, in the order in which they were found.
        lines: Without the blanks at their ends.
    """

    def __init__(self, file: Path, purpose: str) -> None:
        """Read the file; `purpose` says what belongs there.

        Raises:
            DataError: it is missing, or is not plain UTF-8.
        """
        self.file = file
        self.faults: list[str] = []
        try:
            raw = file.read_bytes()
        except FileNotFoundError:
            raise DataError(f"{file}: no such file. {purpose}") from None
        if other := packed(raw) or stand_in(raw):
            raise DataError(f"{file}: {other}")
        try:
            self.text = raw.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            byte = raw[error.start]
            raise DataError(
                f"{file}, line {line}: byte 0x{byte:02x} is not UTF-8. Convert the file to UTF-8."
            ) from None
        if "\0" in self.text:
            raise DataError(f"{file}: has a NUL byte. Write it again.")
        if self.text.startswith("\ufeff"):
            raise DataError(
                f"{file}: begins with a byte order mark, which the benchmark's evaluator takes for a part of the first "
                "line. Save the file as UTF-8 without it."
            )
        self.lines = [line.strip() for line in self.text.removesuffix("\n").split("\n")] if self.text else []

    def fault(self, message: str, line: int | None = None) -> None:
        """Add what is wrong, with the number of its line."""
        self.faults.append(f"{self.file}{f', line {line}' if line else ''}: {message}")

    def raise_faults(self) -> None:
        """Raise all faults as one DataError, or return where there is none."""
        raise_all(DataError, self.faults)

    def each_line(self, parse: Callable[[str], Value], wanted: str) -> list[Value]:
        """Every line as a value; a fault where some lines are not what is wanted."""
        values, wrong = [], []
        for number, line in enumerate(self.lines, 1):
            try:
                values.append(parse(line))
            except (ValueError, KeyError, TypeError, RecursionError):
                wrong.append((number, line))
        if wrong:
            others = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            self.fault(f"should be {wanted}; it is {shortened(wrong[0][1])}{others}.", wrong[0][0])
        return values

    def check_labels(self, labels: Iterable[tuple[int, str]], known: Sequence[str]) -> None:
        """A fault for labels, given with their lines, that a task does not have; a task without labels has any."""
        unknown: dict[str, list[int]] = {}
        for line, label in labels if known else ():
            if label not in known:
                unknown.setdefault(label, []).append(line)
        for label, lines in list(unknown.items())[:SHOWN_LABELS]:
            columns = " The benchmark's evaluator takes the whole line; leave out other columns." * ("\t" in label)
            others = f" (and in {len(lines) - 1} more)" if len(lines) > 1 else ""
            column = next((column for column in map(str.strip, label.split("\t")) if column in known), None)
            close = f" Did you mean {column}?" if column else near(label[:SHOWN_CHARACTERS], known)
            advice = f"{close}{columns} Labels: {', '.join(known)}."
            self.fault(f"label {shortened(label)} is unknown{others}.{advice}", lines[0])
        if len(unknown) > SHOWN_LABELS:
            self.fault(f"has {counted(len(unknown) - SHOWN_LABELS, 'other unknown label')}.")

    def check_answers(self, gold: Sequence[tuple[str, Sequence[str]]]) -> None:
        """A fault where gold, given as ids and right answers, has examples without a right answer."""
        without = [name for name, answers in gold if not "".join(answers).strip()]
        if without:
            self.fault(
                f"a right answer is missing in {len(without)} of {counted(len(gold), 'example')} ({some(without)}). "
                "The released test files of some tasks have their answers blanked; give gold that has them."
            )

    def json(self) -> Any:
        """The file as JSON in which no key is given twice.

        Raises:
            DataError: it is none.
        """
        twice: list[str] = []
        try:
            value = json.loads(self.text, object_pairs_hook=lambda pairs: _noting(pairs, twice))
        except json.JSONDecodeError as error:
            raise DataError(f"{self.file}, line {error.lineno}: not JSON ({error.msg}).") from None
        except (ValueError, RecursionError) as error:  # a number of too many digits; lists in lists without end
            raise DataError(f"{self.file}: not what a submission holds: {error}.") from None
        if twice:
            self.fault(f"{some(twice)} {'comes' if len(twice) == 1 else 'come'} twice; a key is given once.")
        return value

    def by_id(self, is_right: Callable[[Any], bool], wanted: str) -> dict[str, Any]:
        """The file as one JSON object, whose values are what is wanted by id.

        Raises:
            DataError: it is no JSON object.
        """
        values = self.json()
        if not isinstance(values, dict):
            raise DataError(f"{self.file}: should be one JSON object of ids; it is a {type(values).__name__}.")
        wrong = [name for name, value in values.items() if not is_right(value)]
        if wrong:
            first = json.dumps(values[wrong[0]])
            self.fault(f"{some(wrong)} should be {wanted}; the first is {shortened(first, quotes='')}.")
        return values


def json_line(line: str) -> Any:
    """A line as JSON in which no key is given twice.

    Raises:
        ValueError, RecursionError: it is none.
    """
    twice: list[str] = []
    value = json.loads(line, object_pairs_hook=lambda pairs: _noting(pairs, twice))
    if twice:
        raise ValueError
    return value


def _noting(pairs: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    """Pairs as an object; keys that come more than once are noted."""
    twice += [name for name, count in collections.Counter(name for name, _ in pairs).items() if count > 1]
    return dict(pairs)
