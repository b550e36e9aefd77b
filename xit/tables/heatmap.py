"""Figure: the gain of every intermediate task on every target, the encoders side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from xit.paper.drawing import PAGE, panels
from xit.paper.inputs import Inputs
from xit.paper.render import Figure, signed
from xit.statistics.gains import Estimate, main_gains
from xit.statistics.study import MEAN, Study


def build(inputs: Inputs) -> tuple[Figure, ...]:
    """A panel an encoder, on one scale of colours."""
    study = inputs.study
    return (
        Figure(
            name="heatmap",
            title=f"Gain of each intermediate task on each target ({inputs.label})",
            caption=(
                "Zero-shot gain over no intermediate training, in points, orange below zero and purple above; the "
                f"numbers of the table of gains{', and its stars' if study.has_verdicts else ''}. Made by `xit paper` "
                "from results/scores.csv."
            ),
            draw=lambda: _draw(study),
        ),
    )


def _draw(study: Study) -> Any:
    columns, rows = (*study.targets, MEAN), (*study.intermediates, *study.recipes)
    cells = main_gains(study)
    found = [[[cells[task, encoder, target] for target in columns] for task in rows] for encoder in study.encoders]
    most = max((abs(one.value) for panel in found for row in panel for one in row if one), default=1.0) or 1.0
    height = 0.62 + 0.24 * len(rows)
    figure, axes = panels(len(study.encoders), PAGE, height, sharey=True)
    for axis, encoder, panel in zip(axes, study.encoders, found, strict=True):
        values = np.array([[one.value if one else np.nan for one in row] for row in panel])
        image = axis.imshow(values, cmap="PuOr", vmin=-most, vmax=most, aspect="auto")
        colours = image.to_rgba(values)
        for i, j in np.ndindex(values.shape):
            axis.text(j, i, _text(panel[i][j]), ha="center", va="center", color=_ink(colours[i, j]))
        axis.axvline(len(study.targets) - 0.5, color="white", linewidth=2)
        axis.set_xticks(range(len(columns)), columns, rotation=35, ha="right", rotation_mode="anchor")
        axis.set_yticks(range(len(rows)), rows)
        axis.set_title(encoder)
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, fraction=0.02, pad=0.01, label="gain, points")
    return figure


def _text(one: Estimate | None) -> str:
    return "–" if one is None else signed(one.value) + "*" * bool(one.is_significant)


def _ink(colour: Sequence[float]) -> str:
    """Black or white, whichever has more contrast with a colour (WCAG 2: relative luminance)."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour[:3]]
    return "black" if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 else "white"
