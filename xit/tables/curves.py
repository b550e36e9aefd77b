"""Figures: how every training went, as loss and as English validation score by step."""

from collections.abc import Mapping, Sequence
from typing import Any

from xit.core.conditions import BASELINE
from xit.paper.drawing import COLOURS, MARKERS, PAGE, panels
from xit.paper.render import Figure, Inputs, Row
from xit.statistics.study import Study

ACROSS = 5
"""Panels beside one another."""
PLAIN, AFTER = "", "after intermediate training"
"""Kinds of fine-tuning; of the other trainings there is one kind."""

Curve = Sequence[tuple[int, float]]


def build(inputs: Inputs) -> tuple[Figure, ...]:
    """A panel a training: pretraining, each intermediate task, each target."""
    made = "Made by `xit paper` from results/curves.csv."
    lines = (
        "Mean over seeds. Solid: without intermediate training; dashed, in fine-tuning: after it, mean over the "
        "intermediate tasks."
    )
    return (
        Figure(
            name="curves-loss",
            title=f"Loss by step ({inputs.label})",
            caption=f"Training loss of pretraining, of each intermediate task, and of each target. {lines} {made}",
            draw=lambda: _draw(inputs, "loss"),
        ),
        Figure(
            name="curves-validation",
            title=f"English validation score by step ({inputs.label})",
            caption=(
                f"Each task's main metric; pretraining is not validated. A mark is a look, at which training may stop "
                f"early. {lines} {made}"
            ),
            draw=lambda: _draw(inputs, "validation_score"),
        ),
    )


def curves(rows: Sequence[Row], study: Study, value: str) -> Mapping[tuple[str, str], Mapping[tuple[str, str], Curve]]:
    """By (stage, task) and (encoder, kind) the mean of a column at each step, over seeds and intermediate tasks."""
    found: dict[tuple[str, str], dict[tuple[str, str], dict[int, list[float]]]] = {}
    for stage, task in trainings(study):
        by_line: dict[tuple[str, str], dict[int, list[float]]] = {
            (encoder, kind): {} for encoder in study.encoders for kind in (PLAIN, AFTER)
        }
        found[stage, task] = by_line
        for row in rows:
            if (row["stage"], row["target"]) != (stage, task) or not row[value] or row["encoder"] not in study.encoders:
                continue
            is_after = stage == "finetune" and row["intermediate"] in study.intermediates
            if is_after or stage != "finetune" or row["intermediate"] == BASELINE:
                steps = by_line[row["encoder"], AFTER if is_after else PLAIN]
                steps.setdefault(int(row["step"]), []).append(float(row[value]))
    return {
        training: {line: _complete(steps) for line, steps in by_line.items() if steps}
        for training, by_line in found.items()
        if any(by_line.values())
    }


def trainings(study: Study) -> list[tuple[str, str]]:
    """Pretraining, the plain intermediate tasks, the targets."""
    targets = [name for name in study.targets if study.tasks[name].is_trained]
    return [("pretrain", ""), *(("intermediate", t) for t in study.intermediates), *(("finetune", t) for t in targets)]


def _complete(steps: Mapping[int, Sequence[float]]) -> Curve:
    """The mean at each step that all runs reached: where some stopped early, the others say nothing of their mean."""
    most = max(map(len, steps.values()))
    return [(step, sum(values) / most) for step, values in sorted(steps.items()) if len(values) == most]


def _draw(inputs: Inputs, value: str) -> Any:
    study = inputs.study
    found = curves(inputs.curves, study, value)
    rows = -(-len(found) // ACROSS)
    figure, axes = panels(len(found), PAGE, 0.35 + 1.15 * rows, rows=rows)
    for number, (axis, ((stage, task), lines)) in enumerate(zip(axes, found.items(), strict=True)):
        for (encoder, kind), curve in lines.items():
            i = study.encoders.index(encoder)
            axis.plot(
                *zip(*curve, strict=True),
                linestyle="--" if kind else "-",
                color=COLOURS[i],
                linewidth=0.9,
                marker=MARKERS[i],
                markersize=2.5,
                markevery=3 if value == "loss" else 1,
                label=f"{encoder} {kind}".strip(),
            )
        title = {"pretrain": "pretraining", "intermediate": f"intermediate: {task}"}.get(stage, task)
        axis.set_title(title, fontsize=7)
        axis.set_ylim(bottom=0, top=None if value == "loss" else 100)
        axis.set_xlim(left=0)
        axis.spines[["top", "right"]].set_visible(False)
        axis.locator_params(nbins=4)
        if number % ACROSS == 0:
            axis.set_ylabel("loss" if value == "loss" else "score")
        if number >= len(found) - ACROSS:
            axis.set_xlabel("step")
    handles, labels = axes[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, handletextpad=0.4)
    return figure
