"""What the terminal shows at any width: ids and numbers whole, titles over the whole width, no limit in a pipe."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from xit.cli import tables, terminal
from xit.core import registry

ROOT = Path(__file__).parents[2]

IDS = ("commonsenseqa", "transformer", "a_task_with_quite_a_long_id")
CAPTION = "This caption is a sentence that is wider than sixty columns, and wider than its narrow table."


def wide(columns: int) -> Any:
    """A table with ids, prose, and so many columns of numbers."""
    table = tables.boxed("A title that is longer than its table", "id", "what it is")
    table.caption = CAPTION
    for number in range(columns):
        table.add_column(f"a heading of column {number}", justify="right", no_wrap=True)
    for name in IDS:
        table.add_row(name, "some words about it", *(f"+{number}.5 [−10.0, +12.0]" for number in range(columns)))
    return table


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("columns", [0, 1, 4, 9])
def test_no_id_and_no_number_is_broken_or_cut(columns: int, width: int, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("COLUMNS", str(width))

    terminal.show([wide(columns)])

    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= max(width, 74)  # the ids, what they are, and a column of numbers
    for name in IDS:
        assert re.search(rf"│ {name} ", out)
    for number in range(columns):
        assert out.count(f" +{number}.5 [−10.0, +12.0] ") == len(IDS)
    assert "…" not in out


@pytest.mark.parametrize("width", [60, 120])
def test_titles_and_captions_use_the_width_of_the_terminal(width: int, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("COLUMNS", str(width))

    terminal.show([wide(0)])

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "A title that is longer than its table"
    assert (CAPTION in lines) == (width == 120)
    assert " ".join(lines).endswith(CAPTION)


def test_a_pipe_has_no_width(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)

    terminal.show([wide(9), "a line " * 100])

    lines = capsys.readouterr().out.splitlines()
    assert sum("commonsenseqa" in line and "+8.5 [−10.0, +12.0]" in line for line in lines) == 1
    assert lines[-1] == ("a line " * 100).strip() or lines[-1] == "a line " * 100


def test_brackets_of_a_line_are_no_markup(capsys: Any) -> None:
    terminal.show(["a [red] line", tables.example({"text": "[bold]words[/bold]", "labels": ["a", "b"]}, "an example")])

    out = capsys.readouterr().out
    assert "a [red] line" in out
    assert "[bold]words[/bold]" in out
    assert "labels  a | b" in out


def test_nothing_that_prints_makes_a_stage_stale() -> None:
    """No stage imports or names a file that shows something on the terminal, so a change of one re-runs nothing."""
    folders = ("stages", "tables", "tasks", "encoders", "heads")
    reached = registry.imports(f"xit.{folder}.{name}" for folder in folders for name in registry.names(folder))
    files = [path for name in reached for path in (ROOT / f"{name.replace('.', '/')}.py",) if path.is_file()]
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    named = {Path(entry) for stage in stages.values() for entry in stage["deps"]}

    assert len(files) > 60
    assert [name for name in reached if name.startswith("xit.cli")] == []
    assert [path for path in files if re.search(r"(?m)^ *(import|from) (rich|typer|click)\b", path.read_text())] == []
    assert [path for path in named if (ROOT / "xit/cli").is_relative_to(ROOT / path)] == []
    assert Path("xit/stages/paper.py") in named
