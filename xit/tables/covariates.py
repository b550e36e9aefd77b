"""Whether script, shared pieces and text of a language go with its gain."""

import math

from xit.core.languages import facts as language_facts
from xit.paper.inputs import Inputs
from xit.paper.render import Cell, Table
from xit.statistics.covariates import slopes
from xit.statistics.gains import gain_array
from xit.statistics.study import Study, mean_of_present, weights

NAMES = {"script": "Latin script", "shared": "pieces shared with English", "tokens": "log of pretraining tokens"}


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A row a fact; of each encoder its slope alone, and with the other facts."""
    study = inputs.study
    cells: dict[str, list[Cell]] = {name: [] for name in NAMES}
    for encoder in study.encoders:
        gains, facts, seeds = _gains(study, encoder), _facts(inputs, encoder), len(study.seeds)
        together = slopes(gains, facts, tuple(NAMES), study.analysis.level, seeds)
        for name, row in cells.items():
            row += [slopes(gains, facts, [name], study.analysis.level, seeds)[name], together[name]]
    if not any(cell for row in cells.values() for cell in row):
        return ()
    table = Table(
        name="covariates",
        title=f"Facts of a language and its gain ({inputs.label})",
        caption=(
            "Points of the primary gain of a language, mean over targets and seeds, for a standard deviation more of a "
            "fact: alone, and with the other facts held; – where it does not vary or cannot be told from the others. A "
            "mixed model with a random intercept for each language other than English, in closed form, with "
            f"{study.analysis.level:.0%} intervals; explored and not tested. Made by `xit paper` from "
            "results/scores.csv and results/languages.csv."
        ),
        columns=("fact", *(("alone", "together") * len(study.encoders))),
        rows=tuple((text, *cells[name]) for name, text in NAMES.items()),
        groups=(("", 1), *((encoder, 2) for encoder in study.encoders)),
        span="column" if len(study.encoders) <= 2 else "page",
    )
    return (table,)


def _gains(study: Study, encoder: str) -> dict[str, float]:
    """The primary gain by language, mean over seeds and the averaged targets that have it."""
    cube = gain_array(study, encoder, study.primary)[:, :, weights(study) > 0]
    means = mean_of_present(mean_of_present(cube, axis=2), axis=0).tolist()
    return {code: value for code, value in zip(study.others, means, strict=True) if math.isfinite(value)}


def _facts(inputs: Inputs, encoder: str) -> dict[str, dict[str, float]]:
    return {
        row["language"]: {
            "script": float(language_facts(row["language"]).script == "Latin"),
            "shared": float(row["shared"]),
            "tokens": math.log(max(int(row["tokens"]), 1)),
        }
        for row in inputs.languages
        if row["encoder"] == encoder
    }
