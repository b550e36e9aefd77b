"""What intermediate training does to vectors of parallel sentences: language probe and similarity to English."""

import statistics
from collections.abc import Mapping

from xit.core.conditions import BASELINE
from xit.paper.inputs import Inputs
from xit.paper.render import Cell, Table

MEASURES = {"language_identification": "language told", "similarity_to_english": "like English"}

Means = Mapping[tuple[str, str, str], Mapping[int, float]]
"""By encoder, condition and measure, the mean over languages of each seed."""


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Rows are measures and conditions; of each encoder the value, and the difference to `none` with its interval."""
    study = inputs.study
    means = means_of(inputs)
    encoders = [name for name in study.encoders if any(name == encoder for encoder, _, _ in means)]
    found = {(condition, measure) for _, condition, measure in means}
    rows: list[tuple[Cell, ...]] = []
    sections = []
    for measure, name in MEASURES.items():
        conditions = [condition for condition in study.conditions if (condition, measure) in found]
        sections.append(len(rows))
        for condition in conditions:
            cells = [cell for encoder in encoders for cell in _cells(means, encoder, condition, measure)]
            rows.append((name, condition, *cells))
    if not rows:
        return ()
    table = Table(
        name="representations",
        title=f"Vectors of parallel sentences before and after intermediate training ({inputs.label})",
        caption=(
            "At the layer of the main number, mean over languages and seeds. Language told: of how many sentences in a "
            "hundred a ridge classifier names the language. Like English: linear CKA, without bias, of sentences and "
            "their English translations, from 0 to 100. Difference to no intermediate training, with its 95 % "
            "interval over seeds (Student's t; paired). Made by `xit paper` from results/representations.csv."
        ),
        columns=("measure", "condition", *(("value", "difference", "low", "high") * len(encoders))),
        rows=tuple(rows),
        groups=(("", 2), *((encoder, 4) for encoder in encoders)),
        sections=tuple(sections[1:]),
        texts=2,
    )
    return (table,)


def means_of(inputs: Inputs) -> Means:
    """The mean over languages at the main layer, by encoder, condition, measure and seed."""
    rows = [row for row in inputs.representations if row["target"] in inputs.study.targets]
    depth: dict[str, int] = {}
    for row in rows:
        depth[row["encoder"]] = max(depth.get(row["encoder"], 0), int(row["layer"]))
    values: dict[tuple[str, str, str], dict[int, list[float]]] = {}
    for row in rows:
        if int(row["layer"]) == round(inputs.parameters["retrieval"]["layer"] * depth[row["encoder"]]):
            of_seeds = values.setdefault((row["encoder"], row["condition"], row["measure"]), {})
            of_seeds.setdefault(int(row["seed"]), []).append(float(row["value"]))
    return {key: {seed: statistics.fmean(of) for seed, of in seeds.items()} for key, seeds in values.items()}


def _cells(means: Means, encoder: str, condition: str, measure: str) -> tuple[Cell, ...]:
    """The value, and the difference to `none` with the ends of its interval, which one seed does not have."""
    own, without = (means.get((encoder, name, measure), {}) for name in (condition, BASELINE))
    if not own:
        return (None, None, None, None)
    differences = [own[seed] - without[seed] for seed in sorted(own.keys() & without.keys())]
    if condition == BASELINE or not differences:
        return (statistics.fmean(own.values()), None, None, None)
    value, difference = statistics.fmean(own.values()), statistics.fmean(differences)
    if len(differences) == 1:
        return (value, difference, None, None)
    from scipy import stats

    half = stats.t.ppf(0.975, len(differences) - 1) * statistics.stdev(differences) / len(differences) ** 0.5
    return (value, difference, float(difference - half), float(difference + half))
