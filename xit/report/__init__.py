"""Scores → one HTML file to explore experiments, which opens from the disk and asks no network for anything.

Python writes every figure, table, sentence and example, as HTML by key, and packs those of an experiment by gzip; the
few lines of page.js unpack them and choose which are shown, as the fragment of the address says:
`#experiment=run&encoder=lstm&condition=mnli&target=xnli&language=de`. What comes from data is escaped once, on its way
into HTML. A policy in the head of the page names its script by its hash, so that nothing else runs, and forbids it
every address.
"""

import base64
import dataclasses
import gzip
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core.errors import DataError, counted
from xit.core.files import atomic, sha256
from xit.core.texts import stored
from xit.paper.inputs import SOURCES
from xit.report import _experiments
from xit.report._examples import MOST
from xit.report._experiments import Experiment
from xit.report._figures import escaped
from xit.report._texts import fragments, prose
from xit.statistics.gains import main_gains

MOST_BYTES = 5_000_000
"""Of the whole file; where examples would make it larger, cells have fewer."""

WIDE = 7
"""Targets beside which a cell has room, with the intervals in the heat maps readable."""


def report(
    scores: Path, evaluations: Path, data: Path, parameters: Mapping[str, Any], references: Path, out: Path
) -> list[str]:
    """Write the page, and give lines that say what was read and written.

    Args:
        scores: What `collect` wrote; where there is none, the page has the references alone.
        evaluations: Where `xit evaluate` put the predictions; where there are none, the page says so.
        data: With test.parquet of the targets, for the texts of examples.
        parameters: params.yaml as plain values, for the order of ids.
        references: The folder of committed references.
        out: The HTML file.

    Raises:
        DataError: there is nothing to show, the scores make no study, or predictions do not fit the data.
    """
    experiments, left_out = _experiments.of_references(references)
    lines, run = [], None
    if stored(scores).is_file():
        run = _experiments.of_run(scores, evaluations, data, parameters)
        experiments.insert(0, run)
        lines.append(
            f"read {evaluations}: predictions of {len(run.examples):,} cells and languages whose texts are in {data}"
            if run.examples
            else f"no predictions in {evaluations}, or no test data in {data}: the page is without examples"
        )
    if not experiments:
        raise DataError(
            f"{scores}: no such file, and {references} has no reference that can be read, so that there is nothing to "
            "show. `make reproduce` runs the experiment and writes the one; a clone of the repository has the other."
            + "".join(f"\n{line}" for line in left_out)
        )
    for count in range(MOST, -1, -1):
        text = page([_with_examples(one, count) for one in experiments])
        if len(text.encode()) <= MOST_BYTES:
            break
    with atomic(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    read = [f"read {one.scores}: {one.title}: {one.label}" for one in experiments]
    examples = f"{count} examples of each in a language, " if run and run.examples else ""
    gains = f"{sum(len(main_gains(one.study)) for one in experiments):,} gains"
    wrote = f"wrote {out}: {gains} of {counted(len(experiments), 'experiment')}, {examples}"
    return [*read, *lines, *left_out, f"{wrote}{len(text.encode()) / 1e6:.1f} MB"]


def _with_examples(one: Experiment, count: int) -> Experiment:
    some = {key: found[:count] for key, found in one.examples.items() if count}
    return dataclasses.replace(one, examples=some, has_fewer=len(some) < len(one.examples))


def page(experiments: Sequence[Experiment]) -> str:
    """The whole file."""
    here = Path(__file__).parent
    script = (here / "page.js").read_text(encoding="utf-8")
    parts = {
        "script": script,
        "policy": f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'",
        "experiments": "".join(_radio(one, is_first=one is experiments[0]) for one in experiments),
        "packs": "".join(
            f'<script type="application/gzip" data-experiment="{escaped(one.name)}">{_packed(one)}</script>'
            for one in experiments
        ),
    }
    template = (here / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _radio(one: Experiment, is_first: bool) -> str:
    return (
        f'<label><input type="radio" name="experiment" value="{escaped(one.name)}"{" checked" * is_first}>'
        f"<span><b>{escaped(one.title)}</b><small>{escaped(one.label)}</small></span></label>"
    )


def _packed(one: Experiment) -> str:
    """What the page shows of an experiment: its fragments, and what is said of it as a whole."""
    absent = (
        "Left out, since this page would be too large."
        if one.has_fewer
        else "No predictions are stored for this cell."
        if one.name == "run"
        else "A reference has scores and no predictions."
    )
    made = f"{SOURCES[one.study.source]}. Made by `xit report` from {one.scores}"
    found = {
        **fragments(one.study, one.examples),
        "made": prose(f"{made}, sha256 {sha256(one.scores)[:12]}."),
        "absent": escaped(absent),
        "width": "wide" if len(one.study.targets) > WIDE else "",
    }
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
