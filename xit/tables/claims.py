"""Every claim with its published value and the verdict of our scores, for each encoder."""

from xit.paper.inputs import Inputs
from xit.paper.render import Cell, Table
from xit.statistics.claims import CLAIMS, ClaimResult, results_of


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A row a claim; for each encoder the verdict and the difference that decided it."""
    study = inputs.study
    published = {row["key"]: row for row in inputs.published if row["key"]}

    def cells(found: dict[str, ClaimResult]) -> list[Cell]:
        return [
            cell
            for encoder in study.encoders
            for cell in ((found[encoder].verdict, found[encoder].estimate) if encoder in found else ("–", None))
        ]

    rows = tuple(
        (
            claim.statement.format(first=study.encoders[0]),
            published[claim.id]["value"] if claim.id in published else "–",
            *cells({one.encoder: one for one in results_of(claim, study)}),
        )
        for claim in CLAIMS
    )
    table = Table(
        name="claims",
        title=f"Claims, and what our scores say of them ({inputs.label})",
        caption=(
            "Published values in points (sources in paper/inputs/published.csv), from XLM-R large. The difference "
            "would be above zero if the claim held: its 95 % interval above zero reads reproduced, below zero "
            "contradicted, else inconclusive (not corrected for the number of claims). Made by `xit paper` from "
            "results/scores.csv."
        ),
        columns=("claim", "published", *(("verdict", "difference") * len(study.encoders))),
        rows=rows,
        groups=(("", 2), *((encoder, 2) for encoder in study.encoders)),
        stretch=0,
    )
    return (table,)
