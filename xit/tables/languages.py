"""Figure: the gain in every language, mean over targets."""

from typing import Any

from xit.paper.drawing import COLOURS, MARKERS, PAGE, panels
from xit.paper.inputs import Inputs
from xit.paper.render import Figure
from xit.statistics.gains import language_means
from xit.statistics.study import ENGLISH, Study


def build(inputs: Inputs) -> tuple[Figure, ...]:
    """A panel an encoder, a row a language, a mark an intermediate task."""
    study = inputs.study
    return (
        Figure(
            name="languages",
            title=f"Gain in each language ({inputs.label})",
            caption=(
                "Gain over no intermediate training in points, mean over seeds and over the averaged targets that have "
                "the language; English above, the others, drawn towards their mean, by their mean gain. Made by "
                "`xit paper` from results/scores.csv."
            ),
            draw=lambda: _draw(study),
        ),
    )


def _draw(study: Study) -> Any:
    found = {
        (encoder, task): language_means(study, encoder, task)
        for encoder in study.encoders
        for task in study.intermediates
    }
    every = {name: [one[name] for one in found.values() if name in one] for name in study.languages}
    means = {name: sum(values) / len(values) for name, values in every.items() if values}
    names = sorted(means, key=lambda name: (name != ENGLISH, -means[name], name))
    is_long = len(names) > 25
    height = 0.7 + (0.115 if is_long else 0.17) * len(names)
    figure, axes = panels(len(study.encoders), PAGE, height, sharex=True, sharey=True)
    for axis, encoder in zip(axes, study.encoders, strict=True):
        axis.axvline(0, color="black", linewidth=0.6)
        for number, task in enumerate(study.intermediates):
            gain_of = found[encoder, task]
            rows = [i for i, name in enumerate(names) if name in gain_of]
            axis.plot(
                [gain_of[names[i]] for i in rows],
                rows,
                MARKERS[number % len(MARKERS)],
                color=COLOURS[number % len(COLOURS)],
                markersize=3 if is_long else 4,
                label=task,
                clip_on=False,
            )
        axis.set_yticks(range(len(names)), names, fontsize=5.5 if is_long else 7)
        axis.set_ylim(len(names) - 0.5, -0.5)
        axis.grid(axis="y", linewidth=0.3, color="#cccccc")
        axis.set_axisbelow(True)
        axis.set_title(encoder)
        axis.set_xlabel("gain, points")
        axis.spines[["top", "right"]].set_visible(False)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 5), handletextpad=0.2)
    return figure
