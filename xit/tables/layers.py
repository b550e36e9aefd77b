"""Figure: retrieval by the bare encoders in every layer, by vectors as they are and centred."""

from collections.abc import Sequence
from typing import Any

from xit.core.conditions import BASELINE, parse
from xit.paper.drawing import COLOURS, MARKERS, PAGE, panels
from xit.paper.inputs import Inputs, Row
from xit.paper.render import Figure
from xit.statistics.study import ENGLISH, Study

FORMS = {"False": "as they are", "True": "centred"}


def build(inputs: Inputs) -> tuple[Figure, ...]:
    """A figure a target of which there are several layers, with a panel an encoder and form of vectors."""
    rows_of = {target: _of(inputs, target) for target in inputs.study.targets}
    return tuple(
        _figure(inputs, target, rows) for target, rows in rows_of.items() if len({row["layer"] for row in rows}) > 1
    )


def _figure(inputs: Inputs, target: str, rows: Sequence[Row]) -> Figure:
    return Figure(
        name=f"layers-{target}",
        title=f"{target} in every layer of the bare encoders ({inputs.label})",
        caption=(
            "Mean over languages and seeds by the number of the layer, of which 0 is the embeddings'; vectors as they "
            "are, and less the mean of their language in the validation split; of the declared intermediate tasks and "
            "of controls. Vertical line: the layer of the main "
            "number. Made by `xit paper` from results/layers.csv."
        ),
        draw=lambda: _draw(inputs.study, rows, inputs.parameters["retrieval"]["layer"]),
    )


def _of(inputs: Inputs, target: str) -> list[Row]:
    study = inputs.study
    controls = [name for name in study.controls if not parse(name).is_shuffled]
    conditions = (BASELINE, *study.primary, *controls)
    return [r for r in inputs.layers if r["target"] == target and r["condition"] in conditions]


def curve(rows: Sequence[Row], encoder: str, condition: str, is_centered: str) -> list[tuple[int, float]]:
    """By layer the mean over languages but English and over seeds."""
    values: dict[int, list[float]] = {}
    for row in rows:
        is_own = (row["encoder"], row["condition"], row["is_centered"]) == (encoder, condition, is_centered)
        if is_own and row["language"] != ENGLISH:
            values.setdefault(int(row["layer"]), []).append(float(row["value"]))
    return [(layer, sum(found) / len(found)) for layer, found in sorted(values.items())]


def _draw(study: Study, rows: Sequence[Row], main: float) -> Any:
    forms = [form for form in FORMS if any(row["is_centered"] == form for row in rows)]
    encoders = [name for name in study.encoders if any(row["encoder"] == name for row in rows)]
    conditions = [name for name in study.conditions if any(row["condition"] == name for row in rows)]
    count = len(forms) * len(encoders)
    figure, axes = panels(count, PAGE, 0.5 + 1.5 * len(forms), rows=len(forms), sharey=True)
    for number, axis in enumerate(axes):
        form, encoder = forms[number // len(encoders)], encoders[number % len(encoders)]
        for i, condition in enumerate(conditions):
            points = curve(rows, encoder, condition, form)
            if points:
                axis.plot(
                    *zip(*points, strict=True),
                    linestyle="-" if i < len(COLOURS) else ":",
                    color=COLOURS[i % len(COLOURS)],
                    marker=MARKERS[i % len(MARKERS)],
                    markersize=2.5,
                    linewidth=0.9,
                    label=condition,
                )
        depth = max((int(row["layer"]) for row in rows if row["encoder"] == encoder), default=0)
        axis.axvline(round(main * depth), color="#999999", linewidth=0.5, zorder=0)
        axis.set_title(f"{encoder}, {FORMS[form]}")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.spines[["top", "right"]].set_visible(False)
        if number % len(encoders) == 0:
            axis.set_ylabel("score")
        if number >= count - len(encoders):
            axis.set_xlabel("layer")
    axes[0].set_ylim(bottom=0)  # of all panels, once all are drawn: before, it would keep the limits of the first
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=6, handletextpad=0.4)
    return figure
