"""How the gain grows with the examples of an intermediate task: a row and a panel a pair of tasks
(`xit.statistics.scaling`).

The sizes are the conditions `mnli-100`, `mnli-300`, … and `mnli` of the scores; tasks with fewer than four are left
out, and without any task that has them there is neither table nor figure.
"""

import dataclasses
import functools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from xit.core.conditions import BASELINE, parse
from xit.core.errors import DataError
from xit.core.task import task_of
from xit.paper.drawing import COLOURS, MARKERS, PAGE, panels
from xit.paper.render import Cell, Figure, Inputs, Table
from xit.statistics.scaling import FEWEST_SIZES, QUADRATIC, SHORT, Floats, Points, Scaling, Verdict, scaling
from xit.statistics.study import MEAN, Estimate, Study

Pair = tuple[str, str, str]
"""Intermediate task, encoder, target."""
LETTERS: Mapping[Verdict, str] = {"aligned": "a", "flat": "f", "misaligned": "m", "too few sizes": "–"}
AHEAD = 10
"""Predictions are for as many times the largest n."""
WIDEST = 5
"""Panels beside one another."""


def build(inputs: Inputs) -> tuple[Table | Figure, ...]:
    """The table of pairs, the verdicts in every language, and the curves."""
    sizes = sizes_of(inputs)
    if not sizes:
        return ()
    return (
        _pairs(inputs, sizes),
        _languages(inputs, sizes),
        *(_figure(inputs, sizes, task) for task, _ in sizes),
    )


Sizes = tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
"""Of every task its conditions, each with n, ascending."""


def sizes_of(inputs: Inputs) -> Sizes:
    """The tasks of at least four sizes."""
    found: dict[str, dict[str, int]] = {}
    for name in inputs.study.conditions:
        condition = parse(name)
        if condition.kind in ("task", "subset") and condition.task is not None:
            count = _examples(inputs, condition.task, condition.examples)
            if count:
                found.setdefault(condition.task, {})[name] = count
    return tuple(
        (task, tuple(sorted(counts.items(), key=lambda item: item[1])))
        for task, counts in found.items()
        if len(set(counts.values())) >= FEWEST_SIZES
    )


def _examples(inputs: Inputs, task: str, subset: int | None) -> int | None:
    """How many examples a training has seen at least once; None where the audit does not say how many there are."""
    whole = sum(int(row["examples"]) for row in inputs.audit if (row["task"], row["split"]) == (task, "train"))
    settings = inputs.parameters.get("intermediate", {}).get(task)
    if not subset and not whole:
        return None
    count = subset or whole
    if settings is None or settings["steps"] is None:  # by epochs, each of which sees them all
        return count
    drawn = settings["steps"] * settings["batch_size"]
    if whole and inputs.parameters.get("recipes", {}).get("subset_budget") == "epochs":
        drawn = drawn * count // whole
    return int(min(count, drawn))


@functools.cache
def pairs(study: Study, sizes: Sizes) -> Mapping[Pair, Scaling]:
    """Of every task that has sizes, every encoder and target, and the mean over targets: its scaling, zero-shot."""
    return {
        (task, encoder, target): scaling(_points(study, encoder, counts, target))
        for task, counts in sizes
        for encoder in study.encoders
        for target in (*study.targets, MEAN)
    }


def _points(study: Study, encoder: str, counts: tuple[tuple[str, int], ...], target: str) -> Points:
    """Zero-shot means over languages, of the seeds that have every size."""
    chosen = [i for i, name in enumerate(study.targets) if target in (name, MEAN)]

    def scores(condition: str) -> Floats:
        cube = study.scores(encoder, condition)[:, :, chosen]
        present = ~np.isnan(cube)
        count = present.sum(axis=1)
        means = np.where(count > 0, np.where(present, cube, 0).sum(axis=1) / count.clip(1), np.nan)
        return np.asarray(means.mean(axis=1), dtype=np.float64)  # [seed]

    return _complete(counts, np.stack([scores(name) for name, _ in counts], axis=1), scores(BASELINE))


def _complete(counts: tuple[tuple[str, int], ...], scores: Floats, baseline: Floats) -> Points:
    has_all = ~np.isnan(scores).any(axis=1) & ~np.isnan(baseline)
    sizes = np.array([count for _, count in counts], dtype=np.float64)
    return Points(sizes, scores[has_all], baseline[has_all])


@functools.cache
def by_language(study: Study, sizes: Sizes) -> Mapping[Pair, Mapping[str, Scaling]]:
    """The same in each language of a target by itself, English among them."""
    found: dict[Pair, dict[str, Scaling]] = {}
    for task, counts in sizes:
        conditions = [study.conditions.index(name) for name, _ in counts]
        for e, encoder in enumerate(study.encoders):
            for t, target in enumerate(study.targets):
                values = study.values[e, :, t]  # [condition, seed, language]
                found[task, encoder, target] = {
                    name: scaling(
                        _complete(
                            counts,
                            values[conditions, :, study.languages.index(name)].T,
                            values[study.conditions.index(BASELINE), :, study.languages.index(name)],
                        )
                    )
                    for name in study.languages_of(target)
                }
    return found


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
            "by how much the law misses the largest n, in log score; log-linear: the log law with β = 1. Flat: the "
            "flat line is best; misaligned: the quadratic is, or Spearman’s correlation of n and score is below 0.5; "
            "else aligned. Per tenfold: points for ten times the examples, by the log-linear law. Gains are over no "
            "intermediate training: measured at the largest n, and predicted for "
            f"{AHEAD} times as many, with 95 % intervals over seeds, which take the law as right; by a quadratic "
            "nothing is predicted. Languages: in how many the pair is aligned · flat · misaligned. Made by "
            "`xit paper` from results/scores.csv."
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
    verdicts: Counter[str] = Counter(each.verdict for each in by_language(study, sizes).get(pair, {}).values())
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


def shared(study: Study, task: str, target: str) -> tuple[str | None, str | None]:
    """Whether two tasks share their format and, where both have labels, those: proxies of alignment, before any run."""
    if target == MEAN:
        return None, None
    first, second = task_of(task), study.tasks[target]
    has_labels = bool(first.labels and second.labels)
    return (
        "yes" if first.format == second.format else "no",
        ("yes" if set(first.labels) == set(second.labels) else "no") if has_labels else None,
    )


def predicted(one: Scaling) -> Estimate | None:
    """The gain for ten times the largest n; none by a parabola, which says nothing outside of its points."""
    if one.best is None or one.best.law.name == QUADRATIC:
        return None
    value, low, high = (float(end[0]) for end in one.gains(AHEAD * one.points.sizes[-1:]))
    has_interval = len(one.points.scores) > 1
    return Estimate(
        value, low if has_interval else None, high if has_interval else None, None, 0, 0, len(one.points.scores)
    )


def entries(inputs: Inputs) -> list[dict[str, Any]]:
    """Every pair as plain JSON values, with every law that was fitted to it.

    Raises:
        DataError: no task has four sizes.
    """
    sizes = sizes_of(inputs)
    if not sizes:
        found = ", ".join(inputs.study.conditions)
        raise DataError(
            f"scores: no task was run in {FEWEST_SIZES} sizes, so that nothing can be fitted; found {found}. Sizes are "
            "conditions such as mnli-300; all examples of a task count where audit.csv, beside the scores, has their "
            "number. Add some to grid.recipes and grid.conditions in params.yaml."
        )
    return [
        {
            "intermediate": task,
            "encoder": encoder,
            "target": target,
            "examples": one.points.sizes.tolist(),
            "scores": one.points.scores.tolist(),
            "baseline": one.points.baseline.tolist(),
            "verdict": one.verdict,
            "spearman": one.spearman,
            "law": one.best.law.name if one.best else None,
            "gain": float((one.points.scores[:, -1] - one.points.baseline).mean()) if one.best else None,
            "predicted_at": AHEAD * float(one.points.sizes[-1]),
            "predicted": dataclasses.asdict(later) if (later := predicted(one)) else None,
            "fits": [
                {
                    "law": fit.law.name,
                    "formula": fit.law.formula,
                    "parameters": fit.parameters.tolist(),
                    "aicc": fit.aicc,
                    "held_out": fit.held_out,
                }
                for fit in one.fits
            ],
        }
        for (task, encoder, target), one in pairs(inputs.study, sizes).items()
    ]


def _languages(inputs: Inputs, sizes: Sizes) -> Table:
    study = inputs.study
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (*pair, *(LETTERS[found[name].verdict] if name in found else None for name in study.languages))
        for pair, found in by_language(study, sizes).items()
    )
    return Table(
        name="scaling-languages",
        title=f"Whether the score of a language grows with intermediate training ({inputs.label})",
        caption=(
            "a: aligned, f: flat, m: misaligned, by the rules of the table of gains by examples, in each language by "
            "itself. A column has as many verdicts as chances to be wrong; read it beside the others. Made by `xit "
            "paper` from results/scores.csv."
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
