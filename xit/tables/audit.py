"""What the data were: examples per split, what was repaired or dropped, and a hash."""

import hashlib

from xit.paper.inputs import Inputs
from xit.paper.render import Table


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A row a data set; test sets of all languages together."""
    tasks = list(dict.fromkeys(row["task"] for row in inputs.audit))
    table = Table(
        name="audit",
        title=f"Data audit ({inputs.label})",
        caption=(
            "Examples; training and validation are English, but for the validation sentences of retrieval, which every "
            "language has. Repaired and dropped count records over all splits. The "
            "hash is the beginning of the SHA-256 over the hashes of the splits, which results/audit.csv has in "
            "full. Made by `xit paper` from results/audit.csv."
        ),
        columns=("data set", "training", "validation", "test, a language", "languages", "repaired", "dropped", "hash"),
        rows=tuple(_row(inputs, task) for task in tasks),
    )
    return (table,)


def _row(inputs: Inputs, task: str) -> tuple[str, ...]:
    rows = [row for row in inputs.audit if row["task"] == task]
    counts = {
        split: sorted(int(row["examples"]) for row in rows if row["split"] == split)
        for split in ("train", "validation", "test")
    }
    hashes = sorted(f"{row['split']} {row['language']} {row['sha256']}" for row in rows)
    return (
        task,
        *(_range(counts[split]) for split in ("train", "validation", "test")),
        str(len({row["language"] for row in rows if row["split"] == "test"}) or "–"),
        *(f"{sum(int(row[column]) for row in rows):,}" for column in ("repaired", "dropped")),
        hashlib.sha256("\n".join(hashes).encode()).hexdigest()[:12],
    )


def _range(counts: list[int]) -> str:
    if not counts:
        return "–"
    return f"{counts[0]:,}" if counts[0] == counts[-1] else f"{counts[0]:,} to {counts[-1]:,}"
