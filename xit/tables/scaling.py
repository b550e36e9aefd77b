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
from xit.paper.render import Cell, Figure, Table
from xit.statistics.laws import SHORT, Floats, Scaling, Verdict
from xit.statistics.scaling import AHEAD, Pair, Sizes, pairs, pairs_by_language, predicted, shared, sizes_of
from xit.statistics.study import MEAN, Study

LETTERS: Mapping[Verdict, str] = {
    "aligned": "a",
    "flat": "f",
    "misaligned": "m",
    "no gain": "n",
    "too few sizes": "–",
}
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
            "Zero-shot scores, mean over languages other than English, fitted to n, the English examples of the "
            "intermediate task that training has seen († they range over less than two decades, too little for the "
            "parameters of a law). Law: of those that the corrected AIC supports, the one nearest to the largest n "
            "when fitted to the others; the quadratic where it turns among the n, and no other is supported. Held-out: "
            "by how much the law misses the largest n, in log score; log-linear: the log law with β = 1. No gain: the "
            "largest n does not score above the baseline, by a one-sided test over seeds; else flat: the "
            "flat line is best; misaligned: the quadratic is, or Spearman’s correlation of n and score is below 0.5; "
            "else aligned. Per tenfold: points for ten times the examples, by the log-linear law. Gains are over no "
            "intermediate training: measured at the largest n, and predicted for "
            f"{AHEAD} times as many, with 95 % intervals over seeds, which take the law as right; by a quadratic "
            "nothing is predicted. Languages: in how many the pair is aligned · flat · misaligned · without gain. Made "
            "by `xit paper` from results/scores.csv."
        ),
        columns=(
            "after",
            "encoder",
            "target",
            "n",
            "verdict",
            "law",
            "same format",
            "same labels",
            "languages",
            "Spearman",
            "held-out",
            "per tenfold",
            "gain",
            f"gain at {AHEAD} n",
        ),
        rows=rows,
        sections=tuple(range(0, len(rows), every)),
        texts=9,
    )


def _row(study: Study, pair: Pair, one: Scaling, sizes: Sizes) -> tuple[Cell, ...]:
    task, encoder, target = pair
    counts = one.points.sizes
    verdicts: Counter[str] = Counter(each.verdict for each in pairs_by_language(study, sizes).get(pair, {}).values())
    measured = one.points.scores[:, -1] - one.points.baseline
    return (
        task,
        encoder,
        target,
        f"{counts[0]:,.0f}–{counts[-1]:,.0f}{'†' * (one.decades < SHORT)}",
        one.verdict,
        one.best.law.name if one.best else None,
        *(shared(study, task, target)),
        " · ".join(str(verdicts[name]) for name in LETTERS if name != "too few sizes") if verdicts else None,
        None if one.spearman is None else f"{one.spearman:.2f}".replace("-", "−"),
        f"{one.best.held_out:.3f}" if one.best else None,
        one.per_tenfold,
        float(measured.mean()) if len(measured) else None,
        predicted(one),
    )


def _languages(inputs: Inputs, sizes: Sizes) -> Table:
    study = inputs.study
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (*pair, *(LETTERS[found[name].verdict] if name in found else None for name in study.languages))
        for pair, found in pairs_by_language(study, sizes).items()
    )
    return Table(
        name="scaling-languages",
        title=f"Whether the score of a language grows with intermediate training ({inputs.label})",
        caption=(
            "a: aligned, f: flat, m: misaligned, n: no gain, by the rules of the table of gains by examples, in each "
            "language by itself. A column has as many verdicts as chances to be wrong; read it beside the others. Made "
            "by `xit paper` from results/scores.csv."
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
        "large ones their means; lines are the best law, with the band of its 95 % interval over seeds, and dashed "
        "beyond the largest number of examples. Above each panel are the verdicts, encoders in the order of the legend."
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
        axis.set(xlim=axis.get_xlim(), ylim=axis.get_ylim())  # wide bands are cut off; they would press the points flat
        for number, one in enumerate(ones):
            _band(axis, one, number)
        axis.set_title(f"{target}\n{' | '.join(one.verdict for one in ones)}", fontsize=6.5)
        axis.set_xlabel("examples")
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[:: -(-len(targets) // rows)]:
        axis.set_ylabel("gain, points")
    lines, labels = axes[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside upper center", ncols=max(len(labels), 1), handletextpad=0.4)
    return figure


def _curve(axis: Any, one: Scaling, number: int, label: str) -> None:
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    sizes, gains = one.points.sizes, one.points.scores - one.points.baseline[:, np.newaxis]
    for row in gains:
        axis.plot(sizes, row, marker, color=colour, markersize=2, markerfacecolor="none", markeredgewidth=0.4)
    if len(gains):
        axis.plot(sizes, gains.mean(axis=0), marker, color=colour, markersize=3.5, label=label)
    for at, style in zip(_ranges(one), ("-", "--"), strict=False):
        axis.plot(at, one.gains(at)[0], style, color=colour, linewidth=1)


def _band(axis: Any, one: Scaling, number: int) -> None:
    for at in _ranges(one):
        _, low, high = one.gains(at)
        axis.fill_between(at, low, high, color=COLOURS[number % len(COLOURS)], alpha=0.15, linewidth=0)


def _ranges(one: Scaling) -> list[Floats]:
    """Where the law is drawn: among the sizes, and beyond them if it predicts anything there."""
    first, last = one.points.sizes[[0, -1]]
    inside, beyond = np.geomspace(first, last, 60), np.geomspace(last, AHEAD * last, 30)
    return [] if one.best is None else [inside] if predicted(one) is None else [inside, beyond]
