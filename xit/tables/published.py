"""Published scores, with ours beside them only where data, metric and languages are the same; and published claims."""

import numpy as np

from xit.core.conditions import BASELINE
from xit.paper.inputs import Inputs, Row
from xit.paper.render import Cell, Table
from xit.statistics.claims import CLAIMS
from xit.statistics.study import Study


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A row a published score of a target, and a row a published claim."""
    study = inputs.study
    rows = [row for row in inputs.published if row["target"]]
    table = Table(
        name="published",
        title=f"Published scores, and ours where they compare ({inputs.label})",
        caption=(
            "XLM-R large without and with intermediate training (X-STILTs), mean over all languages, English "
            "included. Ours: the encoder without intermediate training. A score of ours stands here only where test "
            "data, metric and the number of languages are the same. Source: the table named in "
            "paper/inputs/published.csv. Made by `xit paper`."
        ),
        columns=("target", "metric", "languages", "XLM-R large", "X-STILTs", *study.encoders, "why not ours"),
        rows=tuple(
            _row(study, target, metric, rows)
            for target, metric in dict.fromkeys((r["target"], r["metric"]) for r in rows)
        ),
        texts=2,
    )
    return (table, _claims(inputs))


def _claims(inputs: Inputs) -> Table:
    """A row a claim that somebody published: the number, and what makes ours another quantity."""
    by_id = {claim.id: claim for claim in CLAIMS}
    rows = tuple(
        (by_id[row["key"]].said(inputs.study), row["value"], row["differs"] or "–", row["source"], row["certainty"])
        for row in inputs.published
        if row["key"]
    )
    return Table(
        name="published-claims",
        title=f"Published claims, and what makes ours another quantity ({inputs.label})",
        caption=(
            "Values in points, all of XLM-R large; ours are of other encoders, and of the data that the title names. "
            "Second hand: read in what others wrote of the paper. Made by `xit paper` from paper/inputs/published.csv."
        ),
        columns=("claim", "published", "differs", "source", "certainty"),
        rows=rows,
        texts=5,
    )


def _row(study: Study, target: str, metric: str, rows: list[Row]) -> tuple[Cell, ...]:
    own = [row for row in rows if (row["target"], row["metric"]) == (target, metric)]
    values = {row["system"]: float(row["value"]) for row in own}
    reason = _reason(study, own[0])
    ours = [None if reason else _score(study, encoder, target) for encoder in study.encoders]
    return (
        target,
        metric,
        own[0]["languages"],
        values.get("XLM-R large"),
        values.get("X-STILTs"),
        *ours,
        reason or "–",
    )


def _reason(study: Study, row: Row) -> str:
    """Why our scores do not compare with a published one, or nothing."""
    target = row["target"]
    if study.source == "micro":
        return "micro source: another task"
    if study.source not in row["sources"].split():
        return "other test data"
    if target not in study.targets:
        return "not run"
    if study.tasks[target].metric != row["metric"]:
        return "other metric"
    count = len(study.languages_of(target))
    return "" if count == int(row["languages"]) else f"{count} languages"


def _score(study: Study, encoder: str, target: str) -> float:
    values = study.values[study.encoders.index(encoder), study.conditions.index(BASELINE), study.targets.index(target)]
    return float(np.nanmean(values))
