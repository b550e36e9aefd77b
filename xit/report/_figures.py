"""The figures of the page, in plotly's terms; the numbers are those of `xit.statistics.study`."""

import html
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from xit.core import languages
from xit.core.conditions import BASELINE
from xit.paper.render import interval, signed
from xit.report._examples import Examples, Shown
from xit.statistics.gains import Estimate, encoder_differences, gain_array, language_gains, main_gains
from xit.statistics.study import ENGLISH, MEAN, Floats, Study, mean_of_present

# ColorBrewer's PuOr as in the paper, without its dark ends: black print keeps a contrast of 5 on every shade.
SCALE = ((0.0, "#e08214"), (0.25, "#fdc57f"), (0.5, "#f7f7f7"), (0.75, "#c3bfdf"), (1.0, "#8f83b8"))
INK, QUIET = "#1a1a1a", "#767676"
BEFORE, AFTER = "#a84300", "#00538a"  # Okabe and Ito's vermilion and blue, dark enough for text on white
ROW = 26  # pixels
LEAST = 234
"""Pixels of a figure whose hovering shows an example: plotly leaves out a label that is higher than its figure."""


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
        before, after = chosen.mean(axis=2)
        return Row(name, _values(before), _values(after), _mean(after - before))

    if target != MEAN:
        return [row(code, target, [code]) for code in study.languages_of(target)]
    others = {name: [code for code in study.languages_of(name) if code != ENGLISH] for name in study.targets}
    return [row(name, name, codes) for name, codes in others.items() if codes]


def _values(seeds: Sequence[float] | Floats) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else round(float(value), 2) for value in seeds)


def _mean(seeds: Sequence[float | None] | Floats) -> float | None:
    """Over what was run."""
    mean = float(mean_of_present(np.array(seeds, dtype=np.float64), axis=0))
    return None if np.isnan(mean) else mean


def mean_gains(study: Study, encoder: str, condition: str) -> dict[tuple[str, str], float]:
    """The gain by language and target, mean over seeds."""
    return {cell: float(np.nanmean(seeds)) for cell, seeds in language_gains(study, encoder, condition).items()}


def gains_of(study: Study, encoder: str) -> dict[tuple[str, str], Estimate | None]:
    """The gains of an encoder by (condition, target)."""
    return {(c, t): main_gains(study)[c, encoder, t] for c in study.rows for t in (*study.targets, MEAN)}


def differences_of(study: Study, encoder: str) -> dict[tuple[str, str], Estimate | None]:
    """The gain of the first encoder minus that of another, by (condition, target)."""
    return {(c, t): one for (c, name, t), one in encoder_differences(study).items() if name == encoder}


def gains(study: Study, encoder: str) -> dict[str, Any]:
    """A heat map: the gain of every condition on every target."""

    def hover(condition: str, target: str, one: Estimate) -> list[str]:
        by_target = mean_of_present(gain_array(study, encoder, [condition]), axis=1)  # [seed, target]
        by_seed = by_target[:, [target in (name, MEAN) for name in study.targets]].mean(axis=1)
        return [_seeds(study, _values(by_seed)), f"above zero in {one.improved} of {one.languages} languages"]

    most = [abs(one.value) for (c, _, _), one in main_gains(study).items() if one and c in study.intermediates]
    return _estimates(gains_of(study, encoder), f"{encoder} after", max(most, default=0), hover)


def difference_map(study: Study, encoder: str) -> dict[str, Any]:
    """A heat map: the gain of the first encoder minus that of another, after every intermediate task."""

    def hover(condition: str, target: str, one: Estimate) -> list[str]:
        both = [(name, main_gains(study)[condition, name, target]) for name in (study.encoders[0], encoder)]
        return [f"{name}: {signed(gain.value)} {interval(gain)}" for name, gain in both if gain]

    most = [abs(one.value) for one in encoder_differences(study).values() if one]
    lead = f"{study.encoders[0]} − {encoder} after"
    return _estimates(differences_of(study, encoder), lead, max(most, default=0), hover)


def _estimates(
    found: Mapping[tuple[str, str], Estimate | None],
    lead: str,
    most: float,
    hover: Callable[[str, str, Estimate], list[str]],
) -> dict[str, Any]:
    """A heat map of estimates by (condition, target): values with stars, their intervals below where there is room."""
    rows, columns = list(dict.fromkeys(c for c, _ in found)), list(dict.fromkeys(t for _, t in found))

    def told(condition: str, target: str) -> str:
        one = found[condition, target]
        head = f"<b>{_text(lead)} {_text(condition)}, {_text(target)}</b>"
        if one is None:
            return f"{head}<br>not run"
        p = "" if one.p is None else f", p {one.p:.3f}{' *' * bool(one.is_significant)}"
        return "<br>".join([head, f"{signed(one.value)} {interval(one)}{p}", *hover(condition, target, one)])

    cells = [[found[row, column] for column in columns] for row in rows]
    short = [
        ["–" if one is None else signed(one.value) + "*" * bool(one.is_significant) for one in line] for line in cells
    ]
    long = [
        [
            f"{text}<br><span style='font-size:9px'>{interval(one) if one else ''}</span>"
            for text, one in zip(texts, line, strict=True)
        ]
        for texts, line in zip(short, cells, strict=True)
    ]
    values = [[None if one is None else one.value for one in line] for line in cells]
    return _heat(rows, columns, values, long, short, [[told(r, c) for c in columns] for r in rows], most, 2 * ROW)


def by_language(study: Study, encoder: str, condition: str, examples: Examples) -> dict[str, Any]:
    """A heat map: the gain in every language on every target; hovering shows seeds and an example."""
    gains = language_gains(study, encoder, condition)
    means = mean_gains(study, encoder, condition)

    def told(code: str, target: str) -> str:
        head = (
            f"<b>{_text(target)} in {_text(languages.facts(code).name)}, {_text(encoder)} after {_text(condition)}</b>"
        )
        if (code, target) not in means:
            return f"{head}<br>not run, or the target does not have the language"
        some = examples.get((encoder, condition, target, code), ())
        return "<br>".join(
            [head, signed(means[code, target]), _seeds(study, _values(gains[code, target])), *_example(condition, some)]
        )

    values = [[means.get((code, target)) for target in study.targets] for code in study.languages]
    texts = [["–" if value is None else signed(value) for value in line] for line in values]
    hovers = [[told(code, target) for target in study.targets] for code in study.languages]
    most = max(map(abs, means.values()), default=0)
    height = max(ROW, (LEAST - 34) // len(study.languages))
    return _heat(study.languages, study.targets, values, texts, texts, hovers, most, height)


def _heat(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    long: Sequence[Sequence[str]],
    short: Sequence[Sequence[str]],
    hovers: Sequence[Sequence[str]],
    most: float,
    height: int,
) -> dict[str, Any]:
    trace = {
        "type": "heatmap",
        "x": list(columns),
        "y": list(rows),
        "z": [[None if value is None else round(value, 2) for value in line] for line in values],
        "zmin": -(most or 1),
        "zmax": most or 1,
        "colorscale": SCALE,
        "showscale": False,
        "text": long,
        "meta": short,  # shown instead where the window is narrow
        "texttemplate": "%{text}",
        "textfont": {"color": INK, "size": 12},
        "hovertext": hovers,
        "hoverinfo": "text",
        "hoverongaps": True,
        "xgap": 2,
        "ygap": 2,
    }
    quiet = {"fixedrange": True, "showgrid": False, "ticks": ""}
    axes = {
        "xaxis": {"type": "category", "side": "top", "automargin": True, **quiet},
        "yaxis": {"type": "category", "autorange": "reversed", "automargin": True, **quiet},
    }
    return _figure([trace], 34 + height * len(rows), {"l": 64, "r": 4, "t": 30, "b": 4}, **axes)


def scores(study: Study, encoder: str, condition: str, target: str, examples: Examples) -> dict[str, Any]:
    """A dumbbell a row: the scores without and with the condition, means joined by a line, seeds as ticks."""
    rows = [row for row in rows_of(study, encoder, condition, target) if row.gain is not None]
    names = [row.name for row in rows]

    def told(row: Row) -> str:
        name = row.name if target == MEAN else languages.facts(row.name).name
        some = examples.get((encoder, condition, target, row.name), ())
        lines = [
            f"<b>{_text(name)}: {signed(row.gain or 0)}</b>",
            f"none: {_seeds(study, row.before, '{:.1f}')}",
            f"{_text(condition)}: {_seeds(study, row.after, '{:.1f}')}",
        ]
        return "<br>".join([*lines, *_example(condition, some)])

    hovers = [told(row) for row in rows]
    sides = [
        ("none", BEFORE, "circle", [r.before for r in rows]),
        (condition, AFTER, "square", [r.after for r in rows]),
    ]
    means = [[_mean(values) for values in side] for *_, side in sides]
    shape = {"type": "scatter", "mode": "markers", "hoverinfo": "text"}
    joins = [value for pair in zip(*means, strict=True) for value in (*pair, None)]
    line = {"color": QUIET, "width": 1.5}
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "x": joins, "y": [n for n in names for _ in range(3)], "line": line}
        | {"hoverinfo": "skip", "showlegend": False}
    ]
    for (label, colour, symbol, side), middle in zip(sides, means, strict=True):
        ticks = [
            (value, name, hover) for values, name, hover in zip(side, names, hovers, strict=True) for value in values
        ]
        seeds, places, told_of = zip(*ticks, strict=True) if ticks else ((), (), ())
        tick = {"symbol": "line-ns-open", "size": 9, "color": colour}
        traces += [
            shape | {"x": seeds, "y": places, "hovertext": told_of, "marker": tick, "showlegend": False},
            shape
            | {"x": middle, "y": names, "hovertext": hovers, "name": label}
            | {"marker": {"symbol": symbol, "size": 10, "color": colour, "line": {"color": "white", "width": 1}}},
        ]
    ticks_of = {"tickvals": names, "ticktext": [f"{_text(row.name)}  {signed(row.gain or 0)}" for row in rows]}
    metric = "score" if target == MEAN else study.tasks[target].metric.replace("_", " ")
    axes = {
        "xaxis": {
            "title": {"text": metric, "standoff": 4},
            "fixedrange": True,
            "zeroline": False,
            "gridcolor": "#e4e4e4",
        },
        "yaxis": {"type": "category", "autorange": "reversed", "fixedrange": True, "gridcolor": "#eeeeee", **ticks_of},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
    }
    return _figure(traces, max(LEAST, 90 + ROW * len(rows)), {"l": 110, "r": 10, "t": 30, "b": 40}, **axes)


def _figure(
    traces: Sequence[Mapping[str, Any]], height: int, margin: Mapping[str, int], **layout: Any
) -> dict[str, Any]:
    """Data and layout, checked by plotly."""
    from plotly.graph_objects import Figure

    common = {
        "template": {},
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "hoverlabel": {"bgcolor": "white", "bordercolor": INK, "font": {"color": INK}, "align": "left"},
        "hovermode": "closest",
        "dragmode": False,
    }
    found: dict[str, Any] = Figure(
        {"data": traces, "layout": {**common, "height": height, "margin": margin, **layout}}
    ).to_plotly_json()
    return found


def as_json(figures: Mapping[str, Any]) -> str:
    """For a script element: what could end it is written as an escape."""
    return json.dumps(figures, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _text(text: str) -> str:
    """As plotly takes it, which reads a few elements in texts."""
    return html.escape(text, quote=False)


def _seeds(study: Study, values: Sequence[float | None], form: str = "") -> str:
    told = ["–" if value is None else form.format(value) if form else signed(value) for value in values]
    return f"seed{'s' * (len(told) > 1)} {', '.join(map(str, study.seeds))}: {', '.join(told)}"


def _example(condition: str, some: Sequence[Shown]) -> list[str]:
    """The lines of one example, where there is one; each text isolated, since it may run from right to left."""
    lines = []
    for one in some[:1]:
        pairs = [*one.text, ("gold", " · ".join(one.gold)), (BASELINE, one.before), (condition, one.after)]
        lines += ["", *(f"{_text(name)}: \u2068{_text(_cut(value))}\u2069" for name, value in pairs)]
    return lines


def _cut(text: str, most: int = 90) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
