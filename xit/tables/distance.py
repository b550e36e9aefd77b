"""Figure: the gain of a language against its script, and against how far its words lie from the English ones.

What the distance is, `xit.statistics.distance` says.
"""

from typing import Any

import numpy as np

from xit.paper.drawing import COLOURS, PAGE, panels
from xit.paper.inputs import Inputs
from xit.paper.render import Figure
from xit.statistics.distance import distances_and_gains, gains_by_script
from xit.statistics.study import Study

BAND = (1.02, 1.38)
"""Where the languages of other scripts stand, all of distance 1, beside one another."""


def build(inputs: Inputs) -> tuple[Figure, ...]:
    """A panel an encoder, a mark a language."""
    study = inputs.study
    return (
        Figure(
            name="distance",
            title=f"Gain in each language by script and distance from English ({inputs.label})",
            caption=(
                "Mean over intermediate tasks and over the targets that have the language, in points; a line joins the "
                "seeds. Distance: how unlike the English ones the names of months, weekdays and units of time in CLDR "
                "are spelt, from 0 to 1; a language of another script has 1. It measures words, not grammar: databases "
                "of typology are not part of this project. Horizontal lines: means of the two groups. Made by "
                "`xit paper` from results/scores.csv."
            ),
            draw=lambda: _draw(study),
        ),
    )


def _draw(study: Study) -> Any:
    figure, axes = panels(len(study.encoders), PAGE, 1.6, sharey=True)
    for axis, encoder in zip(axes, study.encoders, strict=True):
        pairs, (latin, others) = distances_and_gains(study, encoder), gains_by_script(study, encoder)
        places = {code: pairs[code][0] for code in latin}
        places |= dict(
            zip(sorted(others), np.linspace(BAND[0] + 0.03, BAND[1] - 0.03, max(len(others), 1)), strict=False)
        )
        axis.axhline(0, color="black", linewidth=0.6)
        axis.axvspan(*BAND, color="#eeeeee", linewidth=0)
        for number, group in enumerate((latin, others)):
            colour, marker = COLOURS[number], "os"[number]
            for i, (code, mean) in enumerate(sorted(group.items(), key=lambda pair: places[pair[0]])):
                seeds = pairs[code][1]
                axis.plot([places[code]] * 2, [min(seeds), max(seeds)], "-", color=colour, linewidth=0.6)
                axis.plot(places[code], mean, marker, color=colour, markersize=3.5)
                axis.annotate(code, (places[code], mean), (3, (2, -6)[i % 2]), textcoords="offset points", fontsize=6)
            if group:
                ends = BAND if number else (min(places[code] for code in latin) - 0.03, 1)
                axis.plot(ends, [np.mean(list(group.values()))] * 2, "--", color=colour, linewidth=0.8)
        ticks = [tick for tick in (0.2, 0.4, 0.6, 0.8) if tick >= min(places.values(), default=0) - 0.1]
        axis.set_xticks([*ticks, sum(BAND) / 2], [*map(str, ticks), "another script"])
        axis.set_title(encoder)
        axis.set_xlabel("distance of words from the English ones")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("gain, points")
    return figure
