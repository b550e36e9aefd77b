"""Tables, without a form, and the forms that they are written in; figures with their titles and captions."""

import collections
import csv
import dataclasses
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from xit.statistics.gains import Estimate

HEAD, MARK = -1, "†"
MOST_COLUMNS = 20
"""Of numbers, in the width of a page."""
FEW_TASKS = 4
"""So many intermediate tasks have a row each in a column of the paper, and are told one by one in a sentence."""
Cell = str | int | float | Estimate | None


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure: `draw` gives the matplotlib figure, at the size it has in print."""

    name: str
    title: str
    caption: str
    draw: Callable[[], Any]


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of cells, without a form: the writers below give it one.

    Attributes:
        title: With the source; printed above.
        caption: How to read it, and what made it.
        groups: Spans above the columns, `(text, columns)`, an empty text over columns of no group.
        sections: Indices of rows that begin a section.
        texts: How many of the first columns are text, and so stand left.
        stretch: The column that takes the width that is left, for long text.
        span: Whether it takes the width of a column of the paper or of the page.
        marked: Row and column of the cells that carry a † in print, whose meaning the caption says; row HEAD is the
            head of a column.
    """

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    groups: tuple[tuple[str, int], ...] = ()
    sections: tuple[int, ...] = ()
    texts: int = 1
    stretch: int | None = None
    span: Literal["column", "page"] = "page"
    marked: frozenset[tuple[int, int]] = frozenset()

    def shown(self, row: int, column: int) -> tuple[str, str]:
        """A cell as it is printed, with its mark."""
        text, beside = shown(self.columns[column] if row == HEAD else self.rows[row][column])
        return text + MARK * ((row, column) in self.marked), beside

    @property
    def heads(self) -> list[str]:
        """The heads of the columns as they are printed."""
        return [self.shown(HEAD, column)[0] for column in range(len(self.columns))]

    @property
    def is_upright(self) -> bool:
        """Whether the heads of the columns stand upright, since there are too many for the width."""
        return max(map(len, self.parts)) > (5 if self.span == "column" else 15)

    @property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """The columns of each part, where in print the table is too wide for a page and its parts stand one below the
        other: each has the columns of text, and as many whole groups as have room."""
        texts, start = tuple(range(self.texts)), 0
        parts: list[tuple[int, ...]] = [()]
        for _, count in self.groups or (("", len(self.columns)),):
            group = tuple(column for column in range(start, start + count) if column >= self.texts)
            start += count
            if parts[-1] and len(parts[-1]) + len(group) > MOST_COLUMNS:
                parts.append(())
            parts[-1] += group
        return tuple(texts + part for part in parts)

    def spans(self, part: Sequence[int]) -> list[tuple[str, int]]:
        """The groups of a part."""
        over = [number for number, (_, count) in enumerate(self.groups) for _ in range(count)]
        counts = collections.Counter(over[column] for column in part if over)
        return [(self.groups[number][0], count) for number, count in counts.items()]


def ranged(ends: tuple[float, float]) -> str:
    """A range, in points; one number where its ends are printed alike."""
    return " to ".join(dict.fromkeys(map(signed, ends)))


def signed(value: float) -> str:
    """A difference as it is printed: a sign (also of what rounds to zero), a true minus, one decimal."""
    return f"{value:+.1f}".replace("-", "−")


def interval(one: Estimate) -> str:
    """The interval as it is printed, or nothing where there is none."""
    return "" if one.low is None or one.high is None else f"[{signed(one.low)}, {signed(one.high)}]"


def shown(cell: Cell) -> tuple[str, str]:
    """A cell as it is printed: its text, and what stands smaller beside or below it."""
    if cell is None:
        return "–", ""
    if isinstance(cell, Estimate):
        return signed(cell.value) + ("*" if cell.is_significant else ""), interval(cell) or "–"
    if isinstance(cell, float):
        return f"{cell:.1f}".replace("-", "−"), ""
    return str(cell), ""


def printed(table: Table) -> dict[str, Any]:
    """The table as plain JSON values, every cell as it is printed: what the paper and the terminal read."""
    return {
        "name": table.name,
        "title": table.title,
        "caption": table.caption,
        "columns": table.heads,
        "rows": [[list(table.shown(i, j)) for j in range(len(row))] for i, row in enumerate(table.rows)],
        "groups": [list(group) for group in table.groups],
        "parts": [{"columns": list(part), "groups": table.spans(part)} for part in table.parts],
        "sections": list(table.sections),
        "texts": table.texts,
        "stretch": table.stretch,
        "is_upright": table.is_upright,
        "span": table.span,
    }


def write(table: Table, folder: Path) -> None:
    """Write a table in every form: CSV for machines, Markdown, LaTeX, and JSON for the paper."""
    from xit.core.files import write_json

    folder.mkdir(parents=True, exist_ok=True)
    for suffix, form in (("csv", as_csv), ("md", as_markdown), ("tex", as_latex)):
        (folder / f"{table.name}.{suffix}").write_text(form(table), encoding="utf-8")
    write_json(folder / f"{table.name}.json", printed(table))


def as_csv(table: Table) -> str:
    """Full digits; an estimate takes five columns: value, _low, _high, _p and _significant."""
    wide = [any(isinstance(row[i], Estimate) for row in table.rows) for i in range(len(table.columns))]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    header: list[str] = []
    for name, is_wide in zip(_full_names(table, table.columns), wide, strict=True):
        header += [name, *(f"{name}_{part}" for part in ("low", "high", "p", "significant"))] if is_wide else [name]
    writer.writerow(header)
    for row in table.rows:
        cells: list[object] = []
        for cell, is_wide in zip(row, wide, strict=True):
            if isinstance(cell, Estimate):
                cells += [cell.value, cell.low, cell.high, cell.p, cell.is_significant]
            else:
                cells += [cell, None, None, None, None] if is_wide else [cell]
        writer.writerow(["" if cell is None else cell for cell in cells])
    return buffer.getvalue()


def _full_names(table: Table, names: Sequence[str]) -> list[str]:
    """Names of columns with their group, so that each is unique in a file without spans."""
    over = [text for text, count in table.groups for _ in range(count)] or [""] * len(table.columns)
    return [f"{group} {name}".strip() for group, name in zip(over, names, strict=True)]


def as_markdown(table: Table) -> str:
    """A pipe table under its title, with the caption below."""
    rule = [":--" if i < table.texts or i == table.stretch else "--:" for i in range(len(table.columns))]
    rows = [
        [_escaped(" ".join(filter(None, table.shown(i, j)))) for j in range(len(row))]
        for i, row in enumerate(table.rows)
    ]
    lines = pipe_table([_full_names(table, table.heads), rule, *rows])
    return f"**{table.title}**\n\n{lines}\n\n{table.caption}\n"


def pipe_table(lines: Iterable[Sequence[Any]]) -> str:
    """A table of Markdown, of its head, its rule and its rows."""
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |" for cells in lines)


def _escaped(text: str) -> str:
    return text.replace("*", "\\*").replace("_", "\\_")


LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        **{char: f"\\{char}" for char in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "−": "$-$",
        "–": "--",
        "→": r"$\rightarrow$",
        "×": r"$\times$",
        "±": r"$\pm$",
        "≥": r"$\geq$",
        "≤": r"$\leq$",
        "…": r"\dots{}",
        "†": r"\textdagger{}",
        "·": r"$\cdot$",
        "β": r"$\beta$",
        "*": r"\textsuperscript{*}",
        "’": "'",
    }
)


def as_latex(table: Table) -> str:
    """A `table` environment for booktabs and graphicx, intervals below their values."""

    def cell(row: int, column: int) -> str:
        text, detail = (part.translate(LATEX) for part in table.shown(row, column))
        return rf"\shortstack[r]{{{text}\\{{\tiny {detail}}}}}" if detail else text

    def head(number: int, name: str) -> str:
        return rf"\rotatebox{{90}}{{{name}}}" if table.is_upright and number >= table.texts else name

    def rows(part: Sequence[int]) -> Iterator[str]:
        for number in range(len(table.rows)):
            if number and number in table.sections:
                yield r"\midrule"
            yield " & ".join(cell(number, i) for i in part) + r" \\"

    def tabular(part: Sequence[int]) -> list[str]:
        groups = [rf"\multicolumn{{{count}}}{{c}}{{{text.translate(LATEX)}}}" for text, count in table.spans(part)]
        return [
            rf"\begin{{tabular}}{{{''.join(align[i] for i in part)}}}",
            r"\toprule",
            *([" & ".join(groups) + r" \\"] if groups else []),
            " & ".join(head(i, table.heads[i].translate(LATEX)) for i in part) + r" \\",
            r"\midrule",
            *rows(part),
            r"\bottomrule",
            r"\end{tabular}",
        ]

    align = ["l" if i < table.texts else "r" for i in range(len(table.columns))]
    if table.stretch is not None:
        align[table.stretch] = r"p{0.36\linewidth}"
    environment = "table*" if table.span == "page" else "table"
    first, *others = map(tabular, table.parts)
    lines = [
        r"% needs \usepackage{booktabs,graphicx}",
        rf"\begin{{{environment}}}[t]",
        rf"\centering\{'scriptsize' if table.is_upright else 'footnotesize'}\setlength{{\tabcolsep}}{{2.5pt}}",
        rf"\caption{{\textbf{{{table.title.translate(LATEX)}.}} {table.caption.translate(LATEX)}}}",
        rf"\label{{tab:{table.name}}}",
        *first,
        *(line for part in others for line in (r"\par\medskip", *part)),
        rf"\end{{{environment}}}",
    ]
    return "\n".join(lines) + "\n"
