"""How the gain grows with the examples of an intermediate task: a row and a panel a pair of tasks
(`xit.statistics.scaling`).

The sizes are the conditions `mnli-100`, `mnli-300`, … and `mnli` of the scores; tasks with fewer than four are left
out, and without any task that has them there is neither table nor figure.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from xit.paper.drawing import COLOURS, MARKERS, PAGE, panels
from xit.paper.inputs import Inputs
from xit.paper.render import Cell, Figure, Table, ranged
from xit.statistics.laws import ALPHA, Growth, Verdict
from xit.statistics.scaling import (
    AHEAD,
    Pair,
    Sizes,
    at_most_examples,
    pairs,
    pairs_by_language,
    per_tenfold,
    shared,
    sizes_of,
)
from xit.statistics.study import MEAN, Study

LETTERS: Mapping[Verdict, str] = {"grows": "g", "flat": "f", "falls": "d", "no gain": "n", "too few": "–"}
WIDEST = 5
"""Panels beside one another."""


def build(inputs: Inputs) -> tuple[Table | Figure, ...]:
    """The table of pairs, the verdicts in every language, and the curves."""
    sizes = sizes_of(inputs.study, inputs.audit, inputs.parameters)
    if not sizes:
        return ()
    return (
        _pairs(inputs, sizes),
        _languages(inputs, sizes),
        *(_figure(inputs, sizes, task) for task, _ in sizes),
    )


def _pairs(inputs: Inputs, sizes: Sizes) -> Table:
    study = inputs.study
    found = pairs(study, sizes)
    rows = tuple(_row(study, pair, one, sizes) for pair, one in found.items())
    every = len(study.targets) + 1
    return Table(
        name="scaling",
        title=f"Gain by the examples of intermediate training ({inputs.label})",
        caption=(
            "Gains over no intermediate training, zero-shot, mean over languages other than English, in points, with "
            "intervals over seeds; n is the number of English examples of the intermediate task that training has "
            f"seen. Verdicts are by Student’s one-sided tests over seeds, at {100 * ALPHA:.0f} % each: falls, where a "
            "smaller n has a gain, and more of it than the largest; no gain, where the gain at the largest n is not "
            "shown to be above zero; grows, where the slope on log n is; flat, where nothing of this is shown. Per "
            f"tenfold: that slope, for ten times the examples. At {AHEAD} n, where it grows: what a law that saturates "
            "and one that grows as the logarithm say, both through the origin; missed: by how many points the better "
            "of them misses the largest n when it is fitted to the others. Languages: in how many the gain grows · is "
            "flat · falls · is none. Made by `xit paper` from results/scores.csv."
        ),
        columns=(
            "after",
            "encoder",
            "target",
            "n",
            "verdict",
            "same format",
            "same labels",
            "languages",
            f"at {AHEAD} n",
            "missed",
            "gain",
            "per tenfold",
        ),
        rows=rows,
        sections=tuple(range(0, len(rows), every)),
        texts=9,
    )


def _row(study: Study, pair: Pair, one: Growth, sizes: Sizes) -> tuple[Cell, ...]:
    task, encoder, target = pair
    verdicts: Counter[str] = Counter(each.verdict for each in pairs_by_language(study, sizes).get(pair, {}).values())
    ahead = one.range_at(AHEAD)
    return (
        task,
        encoder,
        target,
        f"{one.sizes[0]:,.0f}–{one.sizes[-1]:,.0f}",
        one.verdict,
        *(shared(study, task, target)),
        " · ".join(str(verdicts[name]) for name in LETTERS if name != "too few") if verdicts else None,
        ranged(ahead) if ahead else None,
        f"{min(fit.missed for fit in one.holding):.1f}" if one.holding else None,
        at_most_examples(study, one),
        per_tenfold(study, one),
    )


def _languages(inputs: Inputs, sizes: Sizes) -> Table:
    study = inputs.study
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (*pair, *(LETTERS[found[name].verdict] if name in found else None for name in study.languages))
        for pair, found in pairs_by_language(study, sizes).items()
    )
    return Table(
        name="scaling-languages",
        title=f"Whether the gain of a language grows with intermediate training ({inputs.label})",
        caption=(
            "g: grows, f: flat, d: falls, n: no gain, by the rules of the table of gains by examples, in each language "
            "by itself. A column has as many verdicts as chances to be wrong; read it beside the others. Made by "
            "`xit paper` from results/scores.csv."
        ),
        columns=("after", "encoder", "target", *study.languages),
        rows=rows,
        sections=tuple(range(0, len(rows), len(study.targets))),
        texts=3,
    )


def _figure(inputs: Inputs, sizes: Sizes, task: str) -> Figure:
    first = sizes[0][0]
    legend = (
        "Gain over no intermediate training, in points, mean over languages other than English. Small marks are seeds, "
        "large ones their means; where the gain grows, the band lies between two laws through the origin, one that "
        "saturates and one that grows as the logarithm. Above each panel are the verdicts, encoders in the order of "
        "the legend."
    )
    return Figure(
        name=f"scaling-{task}",
        title=f"Gain by the examples of {task} ({inputs.label})",
        caption=f"{legend if task == first else f'As that of {first}.'} Made by `xit paper` from results/scores.csv.",
        draw=lambda: _draw(inputs.study, sizes, task),
    )


def _draw(study: Study, sizes: Sizes, task: str) -> Any:
    targets = (*study.targets, MEAN)
    rows = -(-len(targets) // WIDEST)
    figure, axes = panels(len(targets), PAGE, 0.5 + 1.3 * rows, rows=rows, sharex=True)
    for axis, target in zip(axes, targets, strict=True):
        ones = [pairs(study, sizes)[task, encoder, target] for encoder in study.encoders]
        axis.set_xscale("log")
        for number, one in enumerate(ones):
            _curve(axis, one, number, study.encoders[number])
        axis.axhline(0, color="black", linewidth=0.5)
        axis.set_title(f"{target}\n{' | '.join(one.verdict for one in ones)}", fontsize=6.5)
        axis.set_xlabel("examples")
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[:: -(-len(targets) // rows)]:
        axis.set_ylabel("gain, points")
    lines, labels = axes[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside upper center", ncols=max(len(labels), 1), handletextpad=0.4)
    return figure


def _curve(axis: Any, one: Growth, number: int, label: str) -> None:
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    for row in one.gains:
        axis.plot(one.sizes, row, marker, color=colour, markersize=2, markerfacecolor="none", markeredgewidth=0.4)
    if len(one.gains):
        axis.plot(one.sizes, one.gains.mean(axis=0), marker, color=colour, markersize=3.5, label=label)
    if one.holding:
        at = np.geomspace(one.sizes[0], AHEAD * one.sizes[-1], 80)
        curves = np.array([fit.predict(at) for fit in one.holding])
        axis.fill_between(at, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.25, linewidth=0.6)
