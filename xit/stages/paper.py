"""Scores → tables, figures, verdicts, sentences and the PDF. Nothing here trains or imports torch."""

import hashlib
import importlib.metadata
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core import registry
from xit.core.errors import XitError
from xit.core.files import atomic, write_json
from xit.core.texts import read_text, stored
from xit.paper import observations, sentences
from xit.paper.inputs import COLUMNS, Inputs, Row, read, read_rows
from xit.paper.render import (
    Figure,
    Table,
    write,
)
from xit.statistics import claims
from xit.statistics import scaling as pairs
from xit.statistics.gains import primary_gains
from xit.statistics.study import seed_std


def paper(scores: Path, results: Path, parameters: Mapping[str, Any], out: Path, main: Path, pdf: Path) -> list[str]:
    """Write every table, figure, number and sentence of the paper below `out`, and typeset `main` with them.

    Args:
        scores: What `collect` wrote; `results` is the folder of its other tables.
        parameters: params.yaml as plain values.
        out: Replaced as a whole, together with the PDF, once all of it has been made.
        main: The document; the folder `inputs` lies beside it.

    Returns:
        Lines that say what was read, written and found.
    """
    inputs = read(scores, results, parameters, main.parent / "inputs")
    with atomic(out) as folder:
        made = _make(inputs, folder)
        entries = claims.entries(inputs.study, inputs.published)
        write_json(folder / "claims.json", entries)
        coverage = read_rows(main.parent / "inputs/coverage.csv", COLUMNS["coverage"])
        write_json(folder / "values.json", values(inputs, results, scores, made, coverage))
        (folder / "answer.md").write_text(sentences.answer_page(inputs.study, made), encoding="utf-8")
        with atomic(pdf) as temporary:
            temporary.write_bytes(typeset(main, folder))
    tables = sum(isinstance(one, Table) for one in made)
    counts = Counter(found["verdict"] for one in entries for found in one["by_encoder"].values())
    return [
        f"read {scores}: {inputs.study.source} source, {(inputs.study.values == inputs.study.values).sum():,} scores",
        f"wrote {out}: {tables} tables, {len(made) - tables} figures",
        f"wrote {pdf}",
        f"claims: {', '.join(f'{count} {word}' for word, count in counts.items())}",
    ]


def _make(inputs: Inputs, folder: Path) -> list[Table | Figure]:
    made: list[Table | Figure] = []
    for name in registry.names("tables"):
        made += registry.load("tables", name).build(inputs)
    (folder / "figures").mkdir(parents=True)
    for one in made:
        if isinstance(one, Table):
            write(one, folder / "tables")
        else:
            figure = one.draw()
            figure.draw_without_rendering()
            figure.set_layout_engine("none")  # laid out once, for both formats
            figure.savefig(folder / "figures" / f"{one.name}.pdf", metadata={"CreationDate": None})
            figure.savefig(folder / "figures" / f"{one.name}.png", dpi=200, metadata={"Software": None})
            write_json(folder / "figures" / f"{one.name}.json", {"title": one.title, "caption": one.caption})
    return made


def values(
    inputs: Inputs, results: Path, scores: Path, made: Sequence[Table | Figure], coverage: Sequence[Row]
) -> dict[str, Any]:
    """Every number, list and sentence that the text of the paper takes up."""
    study = inputs.study
    sizes = [int(row["parameters"]) for row in inputs.encoders]
    files = [scores, *(results / f"{name}.csv" for name in COLUMNS)]
    packages = (
        "torch",
        "accelerate",
        "tokenizers",
        "babel",
        "dvc",
        "numpy",
        "scipy",
        "matplotlib",
        "typst",
    )
    return {
        "source": study.source,
        "label": inputs.label,
        "encoders": list(study.encoders),
        "intermediates": list(study.intermediates),
        "targets": [
            {
                "id": name,
                "format": task.format,
                "metric": task.metric,
                "is_trained": task.is_trained,
                "citation": task.citation,
            }
            for name, task in study.tasks.items()
        ],
        "languages": list(study.languages),
        "others": len(study.others),
        "seeds": len(study.seeds),
        "averaged": len(study.averaged),
        "has_verdicts": study.has_verdicts,
        "has_untrained": "untrained" in study.conditions,
        "names": sentences.names(study),
        "scores": f"{(study.values == study.values).sum():,}",
        "seed_std": seed_std(study),
        "sentences": {
            **sentences.sentences_of(study),
            "curves": observations.of_curves(inputs),
            "failures": observations.of_failures(inputs),
            "forgetting": observations.of_forgetting(inputs),
            "upper_bounds": observations.of_upper_bounds(inputs),
            "vectors": observations.of_vectors(inputs),
            "scaling": observations.of_scaling(study, pairs.sizes_of(study, inputs.audit, inputs.parameters)),
        },
        "has_trials": any(
            (row["source"], row["encoder"]) in {(study.source, name) for name in study.encoders}
            for row in inputs.tuning
        ),
        "size_difference": _percent(max(sizes) / min(sizes) - 1) if sizes else None,
        "coverage": sorted(round(float(row["held"])) for row in coverage),
        "primary": len(primary_gains(study)),
        "parameters": inputs.parameters,
        "published": [dict(row) for row in inputs.published if row["key"]],
        "tables": [one.name for one in made if isinstance(one, Table)],
        "figures": [one.name for one in made if isinstance(one, Figure)],
        "hashes": {
            path.name: hashlib.sha256(read_text(stored(path)).encode()).hexdigest()
            for path in files
            if stored(path).is_file()
        },
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }


def _percent(share: float) -> str:
    return "less than 0.1 %" if share < 0.0005 else f"{share:.1%}".replace("%", " %")


def typeset(main: Path, generated: Path) -> bytes:
    """The PDF, the same bytes from the same inputs: a fixed date, and only the fonts that come with typst."""
    import typst

    root = Path(os.path.commonpath([main.parent.resolve(), generated.resolve()]))
    place = "/" + generated.resolve().relative_to(root).as_posix()
    try:
        return typst.compile(
            str(main),
            root=str(root),
            ignore_system_fonts=True,
            format="pdf",
            sys_inputs={"generated": place},
            timestamp=0,
        )
    except typst.TypstError as error:
        raise XitError(f"{main} cannot be typeset.\n{error.diagnostic.strip()}") from error
