"""The figures of the page as HTML: heat maps whose cells can be chosen, and scores without and with a condition.

A figure is a table, so that every number in it can be read, selected and heard; colours, bars and marks are beside the
numbers, and nothing is said by colour alone. The numbers are those of `xit.statistics`.
"""

import html
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from xit.core import languages
from xit.core.conditions import BASELINE
from xit.paper.render import interval, shown, signed
from xit.statistics.gains import Estimate, encoder_differences, language_gains, main_gains
from xit.statistics.study import ENGLISH, MEAN, Study

TENTHS = 10
"""Points between the marks of an axis of scores; twice as many where it is long."""


class Row(NamedTuple):
    """A row of a cell: a language, or of `mean` a target, with the scores of each seed; None where it was not run."""

    name: str
    before: tuple[float | None, ...]
    after: tuple[float | None, ...]
    gain: float | None


def rows_of(study: Study, encoder: str, condition: str, target: str) -> list[Row]:
    """The languages of a target, or of `mean` the targets, without and with the condition."""
    values = study.values[study.encoders.index(encoder)]
    pair = values[[study.conditions.index(BASELINE), study.conditions.index(condition)]]  # [2, target, seed, language]

    def row(name: str, task: str, codes: Sequence[str]) -> Row:
        chosen = pair[:, study.targets.index(task)][:, :, [study.languages.index(code) for code in codes]]
        before, after = chosen.mean(axis=2).tolist()
        gains = [one - other for one, other in zip(after, before, strict=True)]
        return Row(name, _values(before), _values(after), _mean(_values(gains)))

    if target != MEAN:
        return [row(code, target, [code]) for code in study.languages_of(target)]
    others = {name: [code for code in study.languages_of(name) if code != ENGLISH] for name in study.targets}
    return [row(name, name, codes) for name, codes in others.items() if codes]


def _values(seeds: Sequence[float]) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else value for value in seeds)


def _mean(seeds: Sequence[float | None]) -> float | None:
    """Over what was run."""
    present = [value for value in seeds if value is not None]
    return sum(present) / len(present) if present else None


def mean_gains(study: Study, encoder: str, condition: str) -> dict[tuple[str, str], float]:
    """The gain by language and target, mean over seeds."""
    return {cell: float(np.nanmean(seeds)) for cell, seeds in language_gains(study, encoder, condition).items()}


def gains_of(study: Study, encoder: str) -> dict[tuple[str, str], Estimate | None]:
    """The gains of an encoder by (condition, target)."""
    return {(c, t): main_gains(study)[c, encoder, t] for c in study.rows for t in (*study.targets, MEAN)}


def differences_of(study: Study, encoder: str) -> dict[tuple[str, str], Estimate | None]:
    """The gain of the first encoder minus that of another, by (condition, target)."""
    return {(c, t): one for (c, name, t), one in encoder_differences(study).items() if name == encoder}


def escaped(text: object) -> str:
    return html.escape(str(text))


def link(text: str, **choice: str) -> str:
    """To a cell of the page; what is not said stays as it was chosen."""
    data = " ".join(f'data-{name}="{escaped(value)}"' for name, value in choice.items())
    return f'<a href="#" {data}>{text}</a>'


def estimates_map(found: Mapping[tuple[str, str], Estimate | None], tasks: Sequence[str], title: str) -> str:
    """A heat map of estimates by (condition, target), with stars, and intervals where there is room.

    The shades are those of the intermediate tasks, which a control may leave behind by far.
    """
    rows, columns = list(dict.fromkeys(c for c, _ in found)), list(dict.fromkeys(t for _, t in found))

    def cell(condition: str, target: str) -> str:
        one = found[condition, target]
        value, beside = shown(one)
        small = f" <small>{interval(one)}</small>" if one and beside else ""
        return link(f"{escaped(value)}{small}", condition=condition, target=target)

    values = {cell: None if one is None else one.value for cell, one in found.items()}
    most = [abs(one.value) for (row, _), one in found.items() if one and row in tasks]
    return _map(title, "after", rows, columns, values, max(most, default=0), cell)


def languages_map(study: Study, encoder: str, condition: str, title: str) -> str:
    """A heat map: the gain in every language on every target, mean over seeds."""
    means = mean_gains(study, encoder, condition)

    def cell(code: str, target: str) -> str:
        value = means.get((code, target))
        return "" if value is None else link(signed(value), target=target, language=code)

    most = max(map(abs, means.values()), default=0)
    return _map(title, "language", study.languages, study.targets, means, most, cell)


def _map(
    title: str,
    corner: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Mapping[tuple[str, str], float | None],
    most: float,
    cell: Callable[[str, str], str],
) -> str:
    """A grid (ARIA): shades, and bars as long as values are beside `most`; `title` is the id of its title."""

    def shaded(row: str, column: str) -> str:
        value = values.get((row, column))
        kind = "" if value is None else f' class="{"loss" if value < 0 else "gain"}" style="--w:{_width(value, most)}%"'
        return f"<td{kind}>{cell(row, column)}</td>"

    def name(row: str) -> str:
        return f'<th scope="row"{_told(row) if corner == "language" else ""}>{escaped(row)}</th>'

    lines = (f"<tr>{name(row)}{''.join(shaded(row, column) for column in columns)}</tr>" for row in rows)
    heads = "".join(f'<th scope="col"><span>{escaped(column)}</span></th>' for column in columns)
    top = f'<tr><th scope="col">{corner}</th>{heads}</tr>'
    grid = f'<table class="map" role="grid" aria-labelledby="{title}">'
    return f"{grid}<thead>{top}</thead><tbody>{''.join(lines)}</tbody></table>"


def _width(value: float, most: float) -> str:
    """In hundredths of a cell, of which a bar has a half to each side."""
    return f"{50 * min(abs(value) / (most or 1), 1):.0f}"


def _told(code: str) -> str:
    return f' title="{escaped(languages.facts(code).name)}"'


def scores(study: Study, found: Sequence[Row], condition: str, target: str) -> str:
    """Each row's scores without and with the condition, as numbers and on an axis: means, and seeds as ticks."""
    rows = [row for row in found if row.gain is not None]
    if not rows:
        return ""
    axis = Axis.of(value for row in rows for value in (*row.before, *row.after) if value is not None)
    metric = "score" if target == MEAN else study.tasks[target].metric.replace("_", " ")

    def line(row: Row) -> str:
        means = [mean for mean in map(_mean, (row.before, row.after)) if mean is not None]  # both, as there is a gain
        plain = "".join(f"<td>{mean:.1f}</td>" for mean in means)
        plot = f'<td class="plot">{axis.marks(row, *means)}</td>'
        return f'<tr><th scope="row">{row_link(row, target)}</th>{plain}{plot}<td>{signed(row.gain or 0)}</td></tr>'

    heads = (
        f'<th scope="col">{"target" if target == MEAN else "language"}</th><th scope="col"><i>○</i> {BASELINE}</th>'
        f'<th scope="col"><i>■</i> {escaped(condition)}</th><th scope="col" class="plot"><span>{escaped(metric)}</span>'
        f'<div>{axis.labels()}</div></th><th scope="col">gain</th>'
    )
    return f'<table class="scores"><thead><tr>{heads}</tr></thead><tbody>{"".join(map(line, rows))}</tbody></table>'


def row_link(row: Row, target: str) -> str:
    """The name of a row, which chooses it."""
    if target == MEAN:
        return link(escaped(row.name), target=row.name)
    return link(escaped(f"{languages.facts(row.name).name} ({row.name})"), language=row.name)


class Axis(NamedTuple):
    """An axis of scores, from 0 to 1000 in the units of its drawing, which is as wide as there is room."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Axis":
        """From and to a round number around these values."""
        found = list(values)
        low, high = math.floor(min(found) / TENTHS) * TENTHS, math.ceil(max(found) / TENTHS) * TENTHS
        return cls(low, max(high, low + TENTHS))

    def place(self, value: float) -> int:
        return round(1000 * (value - self.low) / (self.high - self.low))

    @property
    def ticks(self) -> list[float]:
        step = TENTHS if self.high - self.low <= 4 * TENTHS else 2 * TENTHS
        return list(np.arange(self.low, self.high + 1, step))

    def labels(self) -> str:
        """The numbers of the axis, each over its place."""
        return "".join(f'<b style="left:{self.place(tick) / 10:g}%">{tick:g}</b>' for tick in self.ticks)

    def marks(self, row: Row, before: float, after: float) -> str:
        """Two means, joined, and every seed: above the line without the condition, below it with the condition."""
        left, right = self.place(before), self.place(after)
        parts = {
            "lines": "".join(f"M{self.place(tick)} 0v28" for tick in self.ticks),
            "join": f"M{left} 14H{right}",
            "before": "".join(f"M{self.place(value)} 3v6" for value in row.before if value is not None),
            "after": "".join(f"M{self.place(value)} 19v6" for value in row.after if value is not None),
            "square": f"M{right} 14h0",
            "circle": f"M{left} 14h0",
            "hole": f"M{left} 14h0",
        }
        paths = "".join(f'<path class="{name}" d="{path}"/>' for name, path in parts.items())
        return f'<svg viewBox="0 0 1000 28" preserveAspectRatio="none" aria-hidden="true">{paths}</svg>'
