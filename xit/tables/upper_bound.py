"""What transfer leaves open: zero-shot scores beside those after training in the language of the test."""

from xit.paper.inputs import Inputs
from xit.paper.observations import Bound, bounds
from xit.paper.render import Cell, Table


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A row a target and encoder; nothing where no target was trained in another language."""
    study, found = inputs.study, bounds(inputs)
    if not found:
        return ()
    encoders = [name for name in study.encoders if any(encoder == name for _, encoder in found)]
    targets = list(dict.fromkeys(target for target, _ in found))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (target if encoder == encoders[0] else "", encoder, *_cells(found[target, encoder]))
        for target in targets
        for encoder in encoders
        if (target, encoder) in found
    )
    languages = list(dict.fromkeys(row["language"] for row in inputs.upper_bounds))
    seeds = len({row["seed"] for row in inputs.upper_bounds})
    table = Table(
        name="upper-bound",
        title=f"Zero-shot scores beside training in the language itself ({inputs.label})",
        caption=(
            f"Mean over {', '.join(languages)} and {seeds} seed{'s' * (seeds > 1)}, of the same encoders. In-language: "
            "after fine-tuning on the target's training data in the language of the test, with validation in it. "
            "Gap: in-language minus zero-shot. Gain: that of intermediate training, mean over the declared tasks, in "
            "the same languages and seeds; of gap: in percent of it, where it is above zero. Made by `xit paper` from "
            "results/upper_bounds.csv."
        ),
        columns=("target", "encoder", "zero-shot", "in-language", "gap", "gain", "of gap, %"),
        rows=rows,
        sections=tuple(range(0, len(rows), len(encoders))),
        texts=2,
        span="column",
    )
    return (table,)


def _cells(one: Bound) -> tuple[Cell, ...]:
    share = 100 * one.gain / one.gap if one.gain is not None and one.gap > 0 else None
    return (one.zero_shot, one.in_language, one.gap, one.gain, share)
