"""Every claim with its published value and the verdict of our scores, for each encoder."""

from xit.paper.inputs import Inputs, Row
from xit.paper.render import Cell, Table
from xit.paper.sentences import in_points
from xit.statistics.claims import CLAIMS, ClaimResult, results
from xit.statistics.study import Study


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A row a claim; for each encoder the verdict and the difference that decided it."""
    study = inputs.study
    published, found = {row["key"]: row for row in inputs.published if row["key"]}, results(study)

    none: tuple[str, None] = ("–", None)

    def cells(one: dict[str, ClaimResult]) -> list[Cell]:
        return [
            cell
            for encoder in study.encoders
            for cell in ((one[encoder].verdict, one[encoder].estimate) if encoder in one else none)
        ]

    rows = tuple(
        (
            claim.said(study),
            published[claim.id]["value"] if claim.id in published else "–",
            _is_same(study, published.get(claim.id)),
            *cells({name: one for (key, name), one in found.items() if key == claim.id}),
        )
        for claim in CLAIMS
    )
    table = Table(
        name="claims",
        title=f"Claims, and what our scores say of them ({inputs.label})",
        caption=(
            "Published values in points (sources in paper/inputs/published.csv), from XLM-R large; same: whether ours "
            "is the same quantity (the table of published claims says what differs). The difference, with its interval "
            "over seeds and languages, would be above zero if the claim held; of equality, near zero. A best task is "
            "the best one by the other seeds. Where a claim says less than some points, the difference is these minus "
            f"the gain. {_ruled(study)} Made by `xit paper` "
            "from results/scores.csv."
        ),
        columns=("claim", "published", "same", *(("verdict", "difference") * len(study.encoders))),
        rows=rows,
        groups=(("", 3), *((encoder, 2) for encoder in study.encoders)),
        stretch=0,
    )
    return (table,)


def _ruled(study: Study) -> str:
    """How a verdict comes about, for the caption."""
    if not study.has_verdicts:
        return f"Below {study.analysis.fewest_seeds} seeds nothing is tested, and so there are no verdicts."
    return (
        "Significantly above reads reproduced, significantly below contradicted, else inconclusive, after Holm's "
        "correction within the family that tests it, or within the claims that no other family tests. Equality is "
        f"reproduced where two one-sided tests find less than {in_points(study.analysis.margin)}, and contradicted "
        "where the whole interval is beyond them."
    )


def _is_same(study: Study, row: Row | None) -> str:
    """Whether ours is the quantity that was published."""
    return "–" if row is None else "no" if row["differs"] or study.source == "micro" else "yes"
