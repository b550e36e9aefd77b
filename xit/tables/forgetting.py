"""What intermediate training forgets: masked LM in every language, by the head of pretraining."""

import statistics

from xit.core.conditions import BASELINE
from xit.paper.inputs import Inputs
from xit.paper.observations import changes, losses_of
from xit.paper.render import Cell, Table
from xit.statistics.gains import over_seeds
from xit.statistics.study import MEAN


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A row a condition and encoder: the loss in each language, their mean, and its difference to `none`."""
    study, means = inputs.study, losses_of(inputs)
    values: dict[tuple[str, str, str], list[float]] = {}
    for row in inputs.forgetting:
        values.setdefault((row["encoder"], row["condition"], row["language"]), []).append(float(row["loss"]))
    conditions = [name for name in study.conditions if any((e, name, MEAN) in means for e in study.encoders)]
    encoders = [name for name in study.encoders if any((name, c, MEAN) in means for c in conditions)]
    languages = [name for name in study.languages if any(key[2] == name for key in values)]
    if not conditions or BASELINE not in conditions:
        return ()

    def nats(loss: float | None) -> str | None:
        return None if loss is None else f"{loss:.2f}"

    rows: list[tuple[Cell, ...]] = []
    for condition in conditions:
        for encoder in encoders:
            of = {name: values.get((encoder, condition, name)) for name in languages}
            mean = means.get((encoder, condition, MEAN))
            change = None if condition == BASELINE else over_seeds(study, changes(means, encoder, [condition], MEAN))
            cells = [nats(statistics.fmean(found)) if found else None for found in of.values()]
            whole = nats(statistics.fmean(mean.values())) if mean else None
            rows.append((condition if encoder == encoders[0] else "", encoder, *cells, whole, change))
    table = Table(
        name="forgetting",
        title=f"Masked-LM loss after intermediate training ({inputs.label})",
        caption=(
            "Nats a masked piece by the head of pretraining, mean over seeds, on the test sentences of "
            f"{', '.join(sorted({row['target'] for row in inputs.forgetting}))}"
            f"{'' if study.source == 'hub' else ', which are in no text for pretraining'}. Mean: of the languages "
            "other than English; difference: of that mean to no intermediate training, paired, with its "
            f"{study.analysis.level:.0%} interval over seeds; not tested. Conditions with masked LM of their own are "
            "left out: they move the head too. Made by `xit paper` from results/forgetting.csv."
        ),
        columns=("condition", "encoder", *languages, "mean", "difference"),
        rows=tuple(rows),
        sections=tuple(range(0, len(rows), len(encoders))),
        texts=2,
    )
    return (table,)
