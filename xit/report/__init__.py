"""Scores → one HTML file to explore the grid, which opens from the disk and asks no network for anything.

Python draws every figure (plotly) and writes every table, sentence and example; the few lines of page.js choose which
of them are shown, as the fragment of the address says: `#encoder=lstm&condition=mnli&target=xnli&language=de`. What
comes from data is escaped once, on its way into HTML or into plotly's texts. A policy in the head of the page names its
two scripts by their hashes, so that nothing else runs, and forbids it every address.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xit.core.files import atomic, sha256
from xit.core.scores import read_scores
from xit.paper import sentences
from xit.paper.inputs import SOURCES, study_of, training_beside
from xit.report import _figures
from xit.report._examples import MOST, Examples, collect
from xit.report._texts import JOIN, cells_of, choices, escaped, prose, templates
from xit.statistics.gains import main_gains
from xit.statistics.study import Study

MOST_BYTES = 15_000_000
"""Of the whole file, of which plotly.js takes 4.8 million; where examples would make it larger, cells have fewer."""

WIDE = 7
"""Targets beside which a cell has room, with the intervals in the heat maps readable."""


def report(scores: Path, evaluations: Path, data: Path, parameters: Mapping[str, Any], out: Path) -> list[str]:
    """Write the page, and give lines that say what was read and written.

    Args:
        scores: What `collect` wrote.
        evaluations: Where `xit evaluate` put the predictions; where there are none, the page says so.
        data: With test.parquet of the targets, for the texts of examples.
        parameters: params.yaml as plain values, for the order of ids.
        out: The HTML file.

    Raises:
        DataError: the scores make no study, or predictions do not fit the data.
    """
    study = study_of(read_scores(scores), parameters, training_beside(scores))
    found = collect(study, evaluations, data)
    for count in range(MOST, -1, -1):
        examples = {key: some[:count] for key, some in found.items() if count}
        text = page(study, examples, scores, is_cut=bool(found) and not examples)
        if len(text.encode()) <= MOST_BYTES:
            break
    with atomic(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    cells, megabytes = len(main_gains(study)), len(text.encode()) / 1e6
    return [
        f"read {scores}: {study.source} source, {(study.values == study.values).sum():,} scores",
        f"read {evaluations}: predictions of {len(found):,} cells and languages whose texts are in {data}"
        if found
        else f"no predictions in {evaluations}, or no test data in {data}: the page is without examples",
        f"wrote {out}: {cells} gains, {count if found else 0} examples of each in a language, {megabytes:.1f} MB",
    ]


def page(study: Study, examples: Examples, scores: Path, is_cut: bool) -> str:
    """The whole file; `is_cut` where there are examples, but not here."""
    from plotly.offline import get_plotlyjs

    here = Path(__file__).parent
    scripts = {"library": get_plotlyjs(), "script": (here / "page.js").read_text(encoding="utf-8")}
    absent = "Left out, since this page would be too large." if is_cut else "No predictions are stored for this cell."
    made = f"{SOURCES[study.source]}. Made by `xit report` from {scores}"
    parts = scripts | {
        "policy": " ".join(f"'sha256-{_digest(text)}'" for text in scripts.values()),
        "label": escaped(SOURCES[study.source]),
        "made": prose(f"{made}."),
        "made_exactly": prose(f"{made}, sha256 {sha256(scores)[:12]}."),
        "absent": escaped(absent),
        "width": "wide" if len(study.targets) > WIDE else "",
        "answer": escaped(" ".join(sentences.sentences_of(study)["answer"])),
        "choices": choices(study),
        "figures": _figures.as_json(_drawn(study, examples)),
        "templates": "\n".join(templates(study, examples)),
    }
    template = (here / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _drawn(study: Study, examples: Examples) -> dict[str, Any]:
    """Every figure by its key."""
    drawn = {}
    for encoder in study.encoders:
        drawn[JOIN.join(("gains", encoder))] = _figures.gains(study, encoder)
        for condition in study.rows:
            figure = _figures.by_language(study, encoder, condition, examples)
            drawn[JOIN.join(("languages", encoder, condition))] = figure
    for encoder in study.encoders[1:]:
        drawn[JOIN.join(("difference", encoder))] = _figures.difference_map(study, encoder)
    for cell in cells_of(study):
        if main_gains(study)[cell[1], cell[0], cell[2]] is not None:
            drawn[JOIN.join(("scores", *cell))] = _figures.scores(study, *cell, examples)
    return drawn
