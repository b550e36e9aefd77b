"""Figures: how every training went, as loss and as English validation score by step."""

from typing import Any

from xit.paper.drawing import COLOURS, MARKERS, PAGE, panels
from xit.paper.inputs import Inputs
from xit.paper.render import Figure
from xit.statistics.curves import curves

ACROSS = 5
"""Panels beside one another."""


def build(inputs: Inputs) -> tuple[Figure, ...]:
    """A panel a training: each objective of pretraining, each intermediate task, each target."""
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
                f"Each task's main metric; pretraining is not validated. A mark is a validation, at which training may "
                f"stop early. Scales differ. {lines} {made}"
            ),
            draw=lambda: _draw(inputs, "validation_score"),
        ),
    )


def _draw(inputs: Inputs, value: str) -> Any:
    study = inputs.study
    found = curves(inputs.curves, study, value)
    rows = -(-len(found) // ACROSS)
    across = -(-len(found) // rows)
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
        pretraining = f"pretraining: {task.replace('_', ' ')}".removesuffix(": ")
        title = {"pretrain": pretraining, "intermediate": f"intermediate: {task}"}.get(stage, task)
        axis.set_title(title, fontsize=7)
        if value == "loss":
            axis.set_ylim(bottom=0)
        axis.set_xlim(left=0)
        axis.spines[["top", "right"]].set_visible(False)
        axis.locator_params(nbins=4)
        if number % across == 0:
            axis.set_ylabel("loss" if value == "loss" else "score")
        if number >= len(found) - across:
            axis.set_xlabel("step")
    handles, labels = axes[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, handletextpad=0.4)
    return figure
