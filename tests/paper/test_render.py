"""Tables and figures in every form: CSV, Markdown, LaTeX, drawn."""

import csv
import dataclasses
import io
import shutil
import subprocess
from pathlib import Path

import pytest
from built_tables import built
from fabricated import scores

from xit.paper.render import Figure, Table, as_csv, as_latex, as_markdown, printed
from xit.statistics.gains import Estimate

ESTIMATE = Estimate(-1.25, -2.0, -0.5, 0.001, 2, 12, 2, is_significant=True)
SMALL = Table(
    name="small",
    title="Small & 100 % invented",
    caption="A *caption* of `xit paper`.",
    columns=("task", "gain"),
    rows=(("a_b|c", ESTIMATE), ("none", None), ("score", 81.26)),
    groups=(("", 1), ("lstm", 1)),
    sections=(1,),
)


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table | Figure]:
    """All tables and figures of the default grid."""
    return built(tmp_path_factory.mktemp("default"), scores())


def test_csv_keeps_every_digit_and_gives_an_estimate_five_columns() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(SMALL))))

    assert rows[0] == ["task", "lstm gain", "lstm gain_low", "lstm gain_high", "lstm gain_p", "lstm gain_significant"]
    assert rows[1] == ["a_b|c", "-1.25", "-2.0", "-0.5", "0.001", "True"]
    assert rows[2] == ["none", "", "", "", "", ""]
    assert rows[3] == ["score", "81.26", "", "", "", ""]


def test_markdown_escapes_what_would_break_a_row() -> None:
    lines = as_markdown(SMALL).splitlines()

    assert lines[2:7] == [
        "| task | lstm gain |",
        "| :-- | --: |",
        "| a\\_b\\|c | −1.2\\* [−2.0, −0.5] |",
        "| none | – |",
        "| score | 81.3 |",
    ]


def test_latex_escapes_special_characters_and_stacks_intervals() -> None:
    text = as_latex(SMALL)

    assert r"\textbf{Small \& 100 \% invented.}" in text
    assert r"a\_b|c & \shortstack[r]{$-$1.2\textsuperscript{*}\\{\tiny [$-$2.0, $-$0.5]}} \\" in text
    assert text.count(" & ") == 5  # columns, spans and three rows


def wide(encoders: int, conditions: int) -> Table:
    """A table with a column for every encoder and condition."""
    heads = tuple(f"c{number}" for number in range(conditions)) * encoders
    groups = (("", 1), *((f"e{number}", conditions) for number in range(encoders)))
    rows = (("en", *map(float, range(len(heads)))), ("de", *map(float, range(len(heads)))))
    return dataclasses.replace(SMALL, columns=("language", *heads), rows=rows, groups=groups)


def test_a_table_too_wide_for_a_page_is_printed_in_parts_of_whole_groups() -> None:
    assert [len(part) for part in wide(2, 10).parts] == [21]
    assert [len(part) for part in wide(5, 8).parts] == [17, 17, 9]
    assert [len(part) for part in wide(2, 30).parts] == [31, 31]  # a group stays whole, however wide
    assert SMALL.parts == ((0, 1),)
    assert dataclasses.replace(SMALL, groups=()).parts == ((0, 1),)

    found = wide(5, 8)

    first, second, last = printed(found)["parts"]
    assert (first["columns"][:2], second["columns"][:2], last["columns"][-1]) == ([0, 1], [0, 17], 40)
    assert second["groups"] == [("", 1), ("e2", 8), ("e3", 8)]
    text = as_latex(found)
    assert (text.count(r"\begin{table*}"), text.count(r"\begin{tabular}"), text.count(r"\caption")) == (1, 3, 1)
    assert r"en & 32.0 & 33.0 & 34.0 & 35.0 & 36.0 & 37.0 & 38.0 & 39.0 \\" in text
    assert as_markdown(found).count("| language |") == 1  # what scrolls stays whole


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_of_every_table_compiles(default: dict[str, Table | Figure], tmp_path: Path) -> None:
    tables = [one for one in default.values() if isinstance(one, Table)]
    body = "\n".join(as_latex(one) + r"\clearpage" for one in tables)
    head = "\\documentclass[twocolumn]{article}\\usepackage[T1]{fontenc}\\usepackage{textcomp,booktabs,graphicx}\n"
    (tmp_path / "all.tex").write_text(f"{head}\\begin{{document}}\n{body}\\end{{document}}\n", encoding="utf-8")

    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert tables
    assert done.returncode == 0, done.stdout[-2000:]


def test_a_value_without_interval_shows_a_dash_for_it() -> None:
    bare = dataclasses.replace(SMALL, rows=(("a", Estimate(0.5, None, None, None, 1, 1, 1)),))

    assert printed(bare)["rows"] == [[["a", ""], ["+0.5", "–"]]]


def test_every_title_names_its_source_and_every_caption_its_command(default: dict[str, Table | Figure]) -> None:
    assert len(default) >= 12
    for one in default.values():
        assert one.title.endswith("(micro source: made from CLDR phrases, not the benchmark's own data)"), one.name
        assert "Made by `xit paper`" in one.caption, one.name


@pytest.mark.slow
def test_titles_of_published_files_do_not_speak_of_micro(tmp_path: Path) -> None:
    found = built(tmp_path, scores(source="files"))

    assert not [name for name, one in found.items() if "micro" in one.title + one.caption]


def test_every_row_has_a_cell_for_every_column(default: dict[str, Table | Figure]) -> None:
    for one in default.values():
        if isinstance(one, Table):
            assert {len(row) for row in one.rows} == {len(one.columns)}, one.name
            assert sum(count for _, count in one.groups) in (0, len(one.columns)), one.name


def test_every_figure_can_be_drawn(default: dict[str, Table | Figure]) -> None:
    figures = [one for one in default.values() if isinstance(one, Figure)]

    names = ["curves-loss", "curves-validation", "gaps", "heatmap", "languages"]
    assert [one.name for one in figures] == names
    for one in figures:
        width, _ = one.draw().get_size_inches()
        assert width <= 6.95  # the paper's text


@pytest.mark.slow
def test_figures_and_tables_bear_fifty_languages_and_one_encoder(tmp_path: Path) -> None:
    languages = ("en", *(f"l{number}" for number in range(50)))

    found = built(tmp_path, scores(languages=languages, encoders=("lstm",)))

    assert found["languages"].draw().get_size_inches()[1] <= 9  # type: ignore[union-attr]
    assert found["architectures"].columns == ("after", "target", "lstm")  # type: ignore[union-attr]
