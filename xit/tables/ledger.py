"""Every claim with its published value and the verdict of our scores, for each encoder."""

from collections.abc import Sequence
from typing import Any

from xit.core import registry
from xit.paper.render import Cell, Inputs, Row, Table
from xit.statistics.claims import Claim, Finding, findings
from xit.statistics.study import Study


def claims() -> tuple[Claim, ...]:
    """The claims of all tables, those of the main table first, those that compare encoders last."""
    names = sorted(registry.names("tables"), key=lambda name: name != "gains")
    modules = [registry.load("tables", name) for name in names]
    found = [claim for module in modules for claim in getattr(module, "CLAIMS", ())]
    return tuple(sorted(found, key=lambda claim: claim.is_comparison))


def entries(study: Study, published: Sequence[Row]) -> list[dict[str, Any]]:
    """The ledger as plain JSON values; `published` and its `source` are None where a claim is our own."""
    rows = {row["key"]: row for row in published if row["key"]}
    return [
        {
            "id": claim.id,
            "statement": claim.statement.format(first=study.encoders[0]),
            "source": rows[claim.id]["source"] if claim.id in rows else None,
            "published": rows[claim.id]["value"] if claim.id in rows else None,
            "by_encoder": {one.encoder: _entry(one) for one in findings(claim, study)},
        }
        for claim in claims()
    ]


def _entry(finding: Finding) -> dict[str, Any]:
    one = finding.estimate
    return {
        "estimate": one.value if one else None,
        "interval": [one.low, one.high] if one and one.low is not None else None,
        "verdict": finding.verdict,
    }


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A row a claim; for each encoder the verdict and the difference that decided it."""
    study = inputs.study
    published = {row["key"]: row for row in inputs.published if row["key"]}

    def cells(found: dict[str, Finding]) -> list[Cell]:
        return [
            cell
            for encoder in study.encoders
            for cell in ((found[encoder].verdict, found[encoder].estimate) if encoder in found else ("–", None))
        ]

    rows = tuple(
        (
            claim.statement.format(first=study.encoders[0]),
            published[claim.id]["value"] if claim.id in published else "–",
            *cells({one.encoder: one for one in findings(claim, study)}),
        )
        for claim in claims()
    )
    table = Table(
        name="ledger",
        title=f"Claims, and what our scores say of them ({inputs.label})",
        caption=(
            "Published values in points (sources in paper/published.csv), from XLM-R large. The difference would be "
            "above zero if the claim held: its 95 % interval above zero reads reproduced, below zero contradicted, "
            "else inconclusive (not corrected for the number of claims). Made by `xit paper` from results/scores.csv."
        ),
        columns=("claim", "published", *(("verdict", "difference") * len(study.encoders))),
        rows=rows,
        groups=(("", 2), *((encoder, 2) for encoder in study.encoders)),
        stretch=0,
    )
    return (table,)
