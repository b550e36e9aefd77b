"""The terminal: whatever a command prints goes through this file: lines, tables, JSON, progress and errors."""

import codecs
import contextlib
import copy
import dataclasses
import functools
import io
import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from xit.core.progress import Report
    from xit.pipeline.runner import Event


PLAIN = {"−": "-", "–": "-", "—": "-", "×": "x", "→": "->", "…": "...", "≤": "<=", "≥": ">=", "’": "'", "•": "*"}
"""What stands for a sign that the encoding of a terminal does not have."""


def prepare() -> None:
    """Have both streams show what they can: what their encoding does not have is replaced, and never an error."""
    codecs.register_error("nearest", _nearest)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="nearest")


def _nearest(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    signs = error.object[error.start : error.end]
    bare = (unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode() for sign in signs)
    return "".join(PLAIN.get(sign) or plain or "?" for sign, plain in zip(signs, bare, strict=True)), error.end


def _write(stream: TextIO, line: str, colour: str = "", painted: int | None = None) -> None:
    """A line, of which the first letters are painted on a terminal, unless NO_COLOR is set (no-color.org)."""
    if colour and stream.isatty() and not os.environ.get("NO_COLOR"):
        line = typer.style(line[:painted], fg=colour) + (line[painted:] if painted else "")
    stream.write(f"{line}\n")
    stream.flush()


UNLIMITED = 10_000
"""The width of what goes into a pipe or a file."""


def show(parts: Iterable[Any]) -> None:
    """Print tables, as `xit.cli.tables` makes them, and the lines between them.

    Lines break between words, never within an id or a number: a table that is too wide for the terminal goes on below,
    some columns at a time. In a pipe or a file lines are as long as they have to be, unless COLUMNS says otherwise.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else UNLIMITED)
    unlimited = Console(width=UNLIMITED)
    for part in parts:
        if not isinstance(part, Table):
            console.print(part, soft_wrap=isinstance(part, str), markup=False, highlight=False)
            continue
        title, caption = part.title, part.caption
        part.title = part.caption = None  # they use the width of the terminal, not that of the table
        if title:
            console.print(Text.from_markup(str(title), style="bold"))
        for piece in _fitted(part, console):
            unlimited.print(piece)
        if caption:
            console.print(Text.from_markup(str(caption), style="dim"))


def _fitted(table: "Table", console: "Console") -> "Iterator[Table]":
    """The table with columns as wide as the terminal lets them be; in pieces where not even longest words fit beside.

    Each piece begins with the columns that name its rows: those before the first column of numbers.
    """
    from rich.measure import Measurement

    options = console.options.update(width=UNLIMITED)

    def measured(cell: Any) -> Measurement:
        return Measurement.get(console, options, cell)

    columns = table.columns
    most, least = {}, {}
    for column in columns:
        head, cells = measured(column.header), [measured(cell) for cell in column.cells]
        most[id(column)] = max(size.maximum for size in (head, *cells))
        least[id(column)] = max(head.minimum, *(c.maximum if column.no_wrap else c.minimum for c in cells), 1)
    beside = (measured(table).maximum - sum(most.values())) / max(len(columns), 1)  # borders and blanks of a column
    room = console.width - 1
    names = next((number for number, column in enumerate(columns) if column.justify == "right"), 1) or 1
    pieces = [columns[:names]]
    for column in columns[names:]:
        if sum(least[id(c)] + beside for c in (*pieces[-1], column)) > room and len(pieces[-1]) > names:
            pieces.append(columns[:names])
        pieces[-1] = [*pieces[-1], column]
    for piece in pieces:
        widths = {id(column): most[id(column)] for column in piece}
        while sum(widths.values()) + beside * len(piece) > room:
            widest = max(widths, key=lambda name: (widths[name] > least[name], widths[name]))
            if widths[widest] == least[widest]:
                break
            widths[widest] -= 1
        shown = copy.copy(table)
        shown.columns = [dataclasses.replace(c, width=widths[id(c)], no_wrap=False, max_width=None) for c in piece]
        yield shown


def print_lines(lines: Iterable[str]) -> None:
    """Print what a stage has told; of several processes that train together, only the first one does."""
    if _is_main():
        for line in lines:
            _write(sys.stdout, line)


def note(message: str) -> None:
    """Tell something beside the results, on the error stream."""
    _write(sys.stderr, message)


def print_text(text: str) -> None:
    """Print a text that is for a file: in UTF-8, whatever the terminal's encoding."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    buffer.write(text.encode("utf-8", "backslashreplace"))
    buffer.flush()


def print_json(found: Any, as_json: Path | None = Path("-")) -> bool:
    """Write the result as JSON where `--json` asks for it. True if it went to the terminal, and tables should not."""
    from xit.core.files import write_json

    if str(as_json) == "-":
        print_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        return True
    if as_json is not None:
        write_json(as_json, found)
    return False


def print_finding(status: str, name: str, found: str, advice: str) -> None:
    """Print what `xit doctor` found of one thing, and beneath it what to do."""
    colours = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "fault": typer.colors.RED}
    _write(sys.stdout, f"{status:<8} {name:<12} {found}", colours[status], len(status))
    if advice:
        _write(sys.stdout, f"{'':21} {advice}")


def fail(message: str, code: int) -> None:
    """Print an error, and end with this exit code."""
    speaker = "xit" if _is_main() else f"xit (process {os.environ['RANK']})"
    for line in message.splitlines():
        _write(sys.stderr, f"{speaker}: {line}", typer.colors.RED)
    sys.exit(code)


def _is_main() -> bool:
    """Whether this is the only process, or the first of those that a launcher has started."""
    return os.environ.get("RANK", "0") == "0"


@contextlib.contextmanager
def progress() -> "Iterator[Report]":
    """Progress bars with rate and time left, one for each piece of work, on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty() or not _is_main():
        from xit.core.progress import unheard

        yield unheard
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[figures]}"), console=Console(stderr=True)) as bars:
        add = functools.cache(lambda what: bars.add_task(what, total=None, figures=""))

        def report(what: str, done: int, total: int, figures: Mapping[str, float] | None = None, /) -> None:
            shown = "  ".join(f"{key} {value:.3g}" for key, value in (figures or {}).items())
            bars.update(add(what), completed=done, total=total, figures=shown)

        yield report


@contextlib.contextmanager
def progress_of_stages() -> "Iterator[Callable[[Event], None]]":
    """On a terminal a bar, counts, and what runs where; elsewhere a line for each stage instance that ended."""
    if not sys.stderr.isatty():

        def log(event: "Event") -> None:
            if event.state != "started":
                how = "" if event.state == "done" else f"{event.state}, "
                at = "" if event.worker == "here" else f" on {event.worker}"
                note(f"[{event.done}/{event.total}] {event.instance} ({how}{event.seconds:.0f} s{at})")

        yield log
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("stage instances"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    counts = Progress(*columns, TextColumn("[dim]{task.fields[counts]}"))
    rows = Progress(TextColumn("  {task.fields[worker]}"), TextColumn("{task.description}"), TimeElapsedColumn())
    bar = counts.add_task("", total=None, counts="")
    running: dict[str, Any] = {}
    states = {"failed": 0, "lost": 0}
    with Live(Group(counts, rows), console=Console(stderr=True), refresh_per_second=4):

        def update(event: "Event") -> None:
            if event.state == "started":
                running[event.instance] = rows.add_task(event.instance, total=None, worker=event.worker)
            else:
                rows.remove_task(running.pop(event.instance))
            if event.state in states:
                states[event.state] += 1
            waiting = event.total - event.done - len(running) - states["failed"]
            others = [f"{number} {name}" for name, number in states.items() if number]
            text = ", ".join([f"{len(running)} running", f"{waiting} waiting", *others])
            counts.update(bar, completed=event.done, total=event.total, counts=text)

        yield update
