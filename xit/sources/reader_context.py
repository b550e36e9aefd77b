"""What every reader of published files shares: how text and records are read, and where faults and notes go.

A reader is a function of a file and a `ReaderContext`; a task names it. It gives groups: lists of rows that a split of
the file never separates (the questions on one paragraph; a query and its candidates), without their language. What is
wrong with a file is never guessed around: every fault goes to `ReaderContext.faults`, with file and line or record, and
the caller raises them together. What was repaired or left out by rule is counted in `ReaderContext.notes`.

Python's csv, pydantic and conllu do the parsing; records are declared as types. The rules are those of
google-research/xtreme:utils_preprocess.py and third_party/, and of nyu-mll/jiant for the intermediate tasks.
"""

import collections
import csv
import dataclasses
import gzip
import hashlib
import json
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xit.core.errors import counted, near
from xit.core.files import is_broken_link, packed, sha256, stand_in
from xit.core.task import Split

Row = dict[str, Any]
Group = list[Row]

NO_LABEL = "no label"
EMPTY_SENTENCE = "a sentence is empty"


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows that somebody else has read, in place of a file: those of the Hub.

    Attributes:
        name: For messages.
        rows: With the fields that a reader's record asks for.
        sibling: The same rows in another language, for data sets that are parallel.
    """

    name: str
    rows: Sequence[Mapping[str, Any]]
    sibling: "Callable[[str], Table]"

    def __str__(self) -> str:
        return self.name


FileOrTable = Path | Table


SENTENCE_BREAK = re.compile(r"(?<=[.!?])[\"”)\]]*(?:\[\d+\](?::\d+)?)*(\s+)(?=[\"“(\[]?[A-Z0-9])")
"""The white space between two English sentences, as group 1: behind a dot, quotes and reference numbers, and before a
capital or a digit. A dot after an abbreviation may be taken for an end."""
RENAMED_TAGS = {"CONJ": "CCONJ"}
"""Tags of Universal Dependencies 1, and what version 2 calls them."""


@dataclasses.dataclass
class ReaderContext:
    """The rules by which the files of a split are read, and what was found in them.

    Attributes:
        split: A row of the test split is never left out, since that would change the denominator of scores.
        labels: What a file calls each label → what the task calls it; of classification and tagging.
        columns: Those of an example of the task, and what each holds (`xit.formats`).
        languages: Those of the task, for readers that need the files of all.
        repairs_answers: Whether an answer that is not at its offset is moved to its nearest occurrence.
        repairs_questions: Whether XCOPA's wrong `question` fields are replaced by the Estonian ones.
        sums: The SHA-256 that files should have, of those of which it is known.
        faults: Messages, each with file and line or record.
        notes: How often each rule changed or left out something.
    """

    split: Split
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    languages: tuple[str, ...] = ()
    repairs_answers: bool = False
    repairs_questions: bool = False
    sums: Mapping[Path, str] = dataclasses.field(default_factory=dict)
    faults: list[str] = dataclasses.field(default_factory=list)
    notes: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def fault(self, where: str, message: str) -> None:
        """Note a fault."""
        self.faults.append(f"{where}: {message}")

    def label(self, where: str, label: str) -> str:
        """The task's name of a file's label; an unknown one is a fault."""
        if label not in self.labels:
            renamed = RENAMED_TAGS.get(label)
            hint = near(label, self.labels)
            if renamed in self.labels:
                hint = f" Universal Dependencies 2 calls it {renamed}: take a release of version 2."
            self.fault(where, f"label {shown(label)} is unknown.{hint} Labels: {', '.join(self.labels)}.")
        return self.labels.get(label, label)

    def left_out(self, where: str, why: str) -> None:
        """Count a record that is left out; in the test split it is a fault."""
        if self.split == "test":
            self.fault(where, f"{why}.")
        else:
            self.notes[f"records left out: {why}"] += 1


def text(file: Path, reader: ReaderContext) -> str:
    """A file's text with `\\n` line ends and without byte order marks; empty, with a fault, where it cannot be read."""
    try:
        raw = file.read_bytes()
        if _is_other(raw, file, reader):
            return ""
        decoded = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        _not_utf8(f"{file}, line {line}", error, reader)
        return ""
    except OSError as error:
        _unreadable(file, error, reader)
        return ""
    found = decoded.lstrip(BYTE_ORDER_MARK)
    reader.notes["further byte order marks skipped"] += len(decoded) - len(found)
    if file in reader.sums:
        _compare(file, hashlib.sha256(raw).hexdigest(), reader)
    if not found.strip():
        reader.fault(str(file), EMPTY_FILE)
    if "\0" in found:
        reader.fault(f"{file}, line {found[: found.index(chr(0))].count(chr(10)) + 1}", NUL_BYTE)
        return ""
    return found.replace("\r\n", "\n")


BYTE_ORDER_MARK = "\ufeff"
EMPTY_FILE = "is empty. Fetch it again."
NUL_BYTE = "has a NUL byte. Fetch it again."


def _is_other(start: bytes, file: Path, reader: ReaderContext) -> bool:
    """Whether a file is packed, or holds something in place of its content; that is a fault then."""
    other = packed(start) or stand_in(start)
    if other:
        reader.fault(str(file), other)
    return bool(other)


def _not_utf8(where: str, error: UnicodeDecodeError, reader: ReaderContext) -> None:
    byte = error.object[error.start]
    reader.fault(where, f"byte 0x{byte:02x} is not UTF-8. Convert the file to UTF-8.")


def _unreadable(file: Path, error: OSError, reader: ReaderContext) -> None:
    link = f" It is a link to {file.readlink()}, which leads nowhere." if is_broken_link(file) else ""
    reader.fault(str(file), f"cannot be read: {error.strerror}.{link}")


def _compare(file: Path, found: str, reader: ReaderContext) -> None:
    """A fault where the SHA-256 of a file is not the one that is known."""
    if found != (expected := reader.sums[file]):
        reader.fault(str(file), f"its SHA-256 is {found}; in SHA256SUMS it is {expected}. Fetch it again.")


ENDINGS: Mapping[str, Callable[..., Any]] = {"": open, ".gz": gzip.open, ".xz": lzma.open}
"""What the name of a file that is read line by line may end in beside its own ending, and what opens it."""


def streamed(file: Path, reader: ReaderContext) -> Iterator[tuple[str, str]]:
    """Where a line is, and the line, of a text that may be packed: as `lines`, but in the memory of one line."""
    is_empty = True
    number = 0
    try:
        if file in reader.sums:
            _compare(file, sha256(file), reader)
        with ENDINGS[file.suffix if file.suffix in ENDINGS else ""](file, "rb") as content:
            for number, raw in enumerate(content, 1):
                where = f"{file}, line {number}"
                if number == 1 and _is_other(raw, file, reader):
                    return
                line = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
                line = line.lstrip(BYTE_ORDER_MARK) if number == 1 else line
                if "\0" in line:
                    reader.fault(where, NUL_BYTE)
                    return
                is_empty = is_empty and not line.strip()
                yield where, line
    except UnicodeDecodeError as error:
        _not_utf8(where, error, reader)
        return
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        what = f"cut off or damaged after {number:,} lines: {error}."
        reader.fault(str(file), f"{what} Its name says {file.suffix}. Fetch it again.")
        return
    except OSError as error:
        _unreadable(file, error, reader)
        return
    if is_empty:
        reader.fault(str(file), EMPTY_FILE)


def lines(file: Path, reader: ReaderContext) -> list[str]:
    """A file's lines; only line feeds end a line, as sentences may hold other separators of Unicode."""
    found = text(file, reader)
    return found.removesuffix("\n").split("\n") if found else []


def columns(
    file: Path,
    reader: ReaderContext,
    names: Sequence[str],
    delimiter: str,
    *,
    is_quoted: bool,
    has_header: bool,
    may_lack: bool = False,
) -> Iterator[tuple[str, list[str]]]:
    """Where a row is, and its columns: exactly those named, in that order, none empty.

    Where `may_lack`, a row with fewer or with empty columns is left out by rule; else it is a fault.
    """
    csv.field_size_limit(2**31 - 1)  # the library's own limit, 131,072 characters, is met by an unclosed quote too
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE
    raw = lines(file, reader)
    rows = csv.reader((f"{line}\n" for line in raw), delimiter=delimiter, quoting=quoting, strict=True)
    before = 0
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            reader.fault(f"{file}, line {before + 1}", f"quotes or line ends do not match: {error}.")
            return
        if row is None:
            return
        where, line, before, size = f"{file}, line {before + 1}", raw[before], rows.line_num, rows.line_num - before
        if has_header and before == size:
            if row != list(names):
                reader.fault(where, f"the header is {shown(row)}; it should be {shown(list(names))}.")
                return
        elif size > 1:
            reader.fault(where, f"a row runs over {size} lines. Is a quote not closed?")
        elif may_lack and len(row) < len(names):
            reader.left_out(where, "columns are missing")
        elif len(row) != len(names):
            reader.fault(where, f"{counted(len(row), 'column')}; {len(names)} are needed: {', '.join(names)}.")
        elif may_lack and not all(value.strip() for value in row):
            reader.left_out(where, "a column is empty")
        elif empty := [name for name, value in zip(names, row, strict=True) if not value.strip()]:
            reader.fault(where, f"{', '.join(empty)} is empty.")
        elif is_quoted and (bare := [name for name, value in zip(names, row, strict=True) if _lacks(value, line)]):
            reader.fault(where, f"{', '.join(bare)} has a quote but is not in quotes. Is one lost?")
        else:
            yield where, row


def _lacks(value: str, line: str) -> bool:
    """Whether a value with quotes is not written in quotes."""
    doubled = value.replace('"', '""')
    return doubled != value and f'"{doubled}"' not in line


def sentences(file: Path, reader: ReaderContext) -> list[str]:
    found = text(file, reader)
    if found.strip() and not found.endswith("\n"):
        reader.fault(str(file), "the last line has no line end. Is the file cut off?")
    sentences = [line.strip() for line in found.removesuffix("\n").split("\n")] if found.strip() else []
    for number, sentence in enumerate(sentences, 1):
        if not sentence:
            reader.fault(f"{file}, line {number}", "is empty.")
    return sentences


Text = Annotated[str, Field(pattern=r"\S")]


class Record(BaseModel):
    """A published record: the fields that are read, strictly typed; others are ignored."""

    model_config = ConfigDict(strict=True)


Kind = TypeVar("Kind", bound=BaseModel)


def parse(kind: type[Kind], source: str | Mapping[str, Any], where: str, reader: ReaderContext) -> Kind | None:
    """JSON text or a row as a record; None, with a fault for each thing that is wrong, where it is none."""
    try:
        record = kind.model_validate_json(source) if isinstance(source, str) else kind.model_validate(source)
    except ValidationError as error:
        for fault in error.errors():
            reader.fault(where, _message(fault))
        return None
    faults = _json_faults(source) if isinstance(source, str) else []
    for message in faults:
        reader.fault(where, message)
    return None if faults else record


NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def _json_faults(source: str) -> list[str]:
    """What JSON allows and a record does not: a key twice, of which parsers take the last; a NUL inside a text."""
    repeated: dict[str, None] = {}

    def note(pairs: list[tuple[str, Any]]) -> None:
        counts = collections.Counter(key for key, _ in pairs)
        repeated.update(dict.fromkeys(key for key, count in counts.items() if count > 1))

    json.loads(source, object_pairs_hook=note, parse_int=str, parse_float=str)
    faults = [f"{key} is given more than once. Which one counts?" for key in repeated]
    return [*faults, "has a NUL (\\u0000) inside a text. Fetch it again."] if NUL.search(source) else faults


def _message(fault: Mapping[str, Any]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".") or "it"
    found = fault["input"]
    match fault["type"]:
        case "json_invalid":
            return f"not JSON: {fault['ctx']['error']}. Is the file cut off?"
        case "missing":
            return f"{place} is missing.{near(str(fault['loc'][-1]), found) if isinstance(found, dict) else ''}"
        case "string_pattern_mismatch":
            return f"{place} is empty."
        case "literal_error":
            expected = fault["ctx"]["expected"]
            words = re.findall(r"'([^']*)'", expected)
            return f"{place} {shown(found)} is unknown.{near(str(found), words)} It is one of {expected}."
        case _:
            return f"{place} is {shown(found)}: {fault['msg']}."


def records(file: FileOrTable, kind: type[Kind], reader: ReaderContext) -> Iterator[tuple[str, int, Kind]]:
    """Where a record is, its number from 0, and itself: one on each line of a file, or a row of a table."""
    found: Sequence[Any] = file.rows if isinstance(file, Table) else lines(file, reader)
    for number, source in enumerate(found):
        where = f"{file}, row {number}" if isinstance(file, Table) else f"{file}, line {number + 1}"
        record = parse(kind, source, where, reader)
        if record is not None:
            yield where, number, record


def pair(name: str, text_a: str, text_b: str, label: str) -> Row:
    return {"id": name, "text_a": text_a, "text_b": text_b, "label": label}


def choice(name: str, prompt: str, choices: Sequence[str], label: int) -> Row:
    return {"id": name, "prompt": prompt, "choices": list(choices), "label": label}


def query(name: str, text: str, gold: list[str]) -> Row:
    """A row of retrieval: a query, and the ids of its right candidates."""
    return {"id": name, "role": "query", "text": text, "gold": gold}


def candidate(name: str, text: str) -> Row:
    """A row of retrieval: a candidate, on one line."""
    return {"id": name, "role": "candidate", "text": text.replace("\n", ""), "gold": []}


def translation(number: int, english: str, foreign: str) -> Group:
    """The English sentence as a query, and its translation as the right candidate."""
    return [query(str(number), english, [str(number)]), candidate(str(number), foreign)]


def shown(value: object) -> str:
    """A value as it is shown in a message."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
