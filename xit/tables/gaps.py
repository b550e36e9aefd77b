"""Figure: English against every other language, without and with intermediate training."""

from typing import Any

import numpy as np

from xit.core.conditions import BASELINE
from xit.paper.drawing import COLOURS, PAGE, panels
from xit.paper.inputs import Inputs
from xit.paper.render import Figure
from xit.statistics.gains import best
from xit.statistics.study import Study, mean_of_present


def build(inputs: Inputs) -> tuple[Figure, ...]:
    """A panel an encoder, with `none` and the intermediate task of the largest average gain."""
    study = inputs.study
    return (
        Figure(
            name="gaps",
            title=f"English and the other languages, per target ({inputs.label})",
            caption=(
                "Diamond: English. Large mark: mean of the other languages, the zero-shot score; its distance to the "
                "diamond is the transfer gap. Ticks: single languages. Circles without intermediate training, "
                "squares with the task of the largest average gain. Made by `xit paper` from results/scores.csv."
            ),
            draw=lambda: _draw(study),
        ),
    )


def _draw(study: Study) -> Any:
    figure, axes = panels(len(study.encoders), PAGE, 0.55 + 0.3 * len(study.targets), sharex=True, sharey=True)
    for axis, encoder in zip(axes, study.encoders, strict=True):
        conditions = [name for name in (BASELINE, best(study, encoder)) if name is not None]
        for number, condition in enumerate(conditions):
            _rows(axis, study, encoder, condition, number)
        axis.set_yticks(range(len(study.targets)), study.targets)
        axis.set_ylim(len(study.targets) - 0.5, -0.5)
        axis.set_title(encoder, pad=16)  # the legend is between, whatever the height
        axis.set_xlabel("score")
        axis.grid(axis="y", linewidth=0)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, borderaxespad=0, handletextpad=0.2)
    return figure


def _rows(axis: Any, study: Study, encoder: str, condition: str, number: int) -> None:
    others = mean_of_present(study.scores(encoder, condition), axis=0)  # [language, target]
    english = mean_of_present(study.scores(encoder, condition, is_english=True), axis=0)
    colour, marker = COLOURS[number], "os"[number]
    for i in range(len(study.targets)):
        y = i + (-0.17, 0.17)[number]
        scores = others[~np.isnan(others[:, i]), i]
        if not len(scores):
            continue
        label = condition if i == 0 else None
        axis.plot(scores, np.full(len(scores), y), "|", color=colour, markersize=5, markeredgewidth=0.6, alpha=0.7)
        if english.size and not np.isnan(english[0, i]):
            axis.plot([scores.mean(), english[0, i]], [y, y], "-", color=colour, linewidth=0.8)
            axis.plot(english[0, i], y, "D", color="white", markeredgecolor=colour, markersize=4, markeredgewidth=0.9)
        axis.plot(scores.mean(), y, marker, color=colour, markersize=4.5, label=label, linestyle="none")
