"""What intermediate training does to vectors of parallel sentences: language probe and similarity to English."""

import statistics

from xit.core.conditions import BASELINE
from xit.paper.inputs import Inputs
from xit.paper.observations import Means, changes, vector_means
from xit.paper.render import Cell, Table
from xit.statistics.gains import over_seeds
from xit.statistics.study import Study

MEASURES = {"language_identification": "language told", "similarity_to_english": "like English"}


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Rows are measures and conditions; of each encoder the value, and the difference to `none`."""
    study = inputs.study
    means = vector_means(inputs)
    encoders = [name for name in study.encoders if any(name == encoder for encoder, _, _ in means)]
    found = {(condition, measure) for _, condition, measure in means}
    rows: list[tuple[Cell, ...]] = []
    sections = []
    for measure, name in MEASURES.items():
        conditions = [condition for condition in study.conditions if (condition, measure) in found]
        sections.append(len(rows))
        for condition in conditions:
            cells = [cell for encoder in encoders for cell in _cells(study, means, encoder, condition, measure)]
            rows.append((name, condition, *cells))
    if not rows:
        return ()
    table = Table(
        name="representations",
        title=f"Vectors of parallel sentences before and after intermediate training ({inputs.label})",
        caption=(
            "At the layer whose vectors give the retrieval score, mean over languages and seeds. Language told: of how "
            "many sentences in a hundred a ridge classifier names the language. Like English: linear CKA, without "
            "bias, of sentences and their English translations, from 0 to 100. Difference: to no intermediate "
            "training, paired, with its "
            f"{study.analysis.level:.0%} interval over seeds; not tested. Made by `xit paper` from "
            "results/representations.csv."
        ),
        columns=("measure", "condition", *(("value", "difference") * len(encoders))),
        rows=tuple(rows),
        groups=(("", 2), *((encoder, 2) for encoder in encoders)),
        sections=tuple(sections[1:]),
        texts=2,
        span="column" if len(encoders) <= 2 else "page",
    )
    return (table,)


def _cells(study: Study, means: Means, encoder: str, condition: str, measure: str) -> tuple[Cell, Cell]:
    own = means.get((encoder, condition, measure))
    if own is None:
        return (None, None)
    difference = None if condition == BASELINE else over_seeds(study, changes(means, encoder, [condition], measure))
    return (statistics.fmean(own.values()), difference)
