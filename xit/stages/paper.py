"""Scores → tables, figures, verdicts, sentences and the PDF. Nothing here trains or imports torch."""

import csv
import importlib.metadata
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core import registry
from xit.core.errors import DataError, XitError
from xit.core.files import atomic, sha256, write_json
from xit.core.scores import Score, read_scores
from xit.core.task import task_of
from xit.paper import sentences
from xit.paper.render import (
    SOURCES,
    Figure,
    Inputs,
    Row,
    Table,
    as_markdown,
    write,
)
from xit.pipeline import presets
from xit.statistics.study import (
    Study,
    scatter,
    study,
)
from xit.tables import ledger
from xit.tables.scaling import entries, sizes_of

COLUMNS = {
    "audit": ("task", "split", "language", "source", "examples", "sha256", "repaired", "dropped"),
    "curves": ("stage", "encoder", "intermediate", "target", "seed", "step", "loss", "validation_score"),
    "encoders": (
        "encoder",
        "parameters",
        "embedding_parameters",
        "pretraining_tokens",
        "pretraining_steps",
        "pretraining_loss",
        "pretraining_learning_rate",
        "learning_rate",
    ),
    "training": (
        "stage",
        "encoder",
        "intermediate",
        "target",
        "seed",
        "steps",
        "best_step",
        "validation_score",
        "learning_rate",
        "shares",
    ),
    "tuning": ("source", "encoder", "phase", "learning_rate", "task", "seed", "metric", "validation_score"),
    "coverage": ("seeds", "sd_runs", "sd_languages", "sd_both", "experiments", "ours", "plain_bootstrap"),
    "published": (
        "key",
        "system",
        "target",
        "metric",
        "languages",
        "value",
        "split",
        "sources",
        "source",
        "certainty",
    ),
}
BEGIN, END = "<!-- answer:begin -->", "<!-- answer:end -->"


def paper(scores: Path, results: Path, parameters: Mapping[str, Any], out: Path, main: Path, pdf: Path) -> list[str]:
    """Write every table, figure, number and sentence of the paper below `out`, and typeset `main` with them.

    Args:
        scores: What `collect` wrote; `results` is the folder of its other tables.
        parameters: params.yaml as plain values.
        out: Replaced as a whole, together with the PDF, once all of it has been made.
        main: The document; published.csv and tuning.csv lie beside it.

    Returns:
        Lines that say what was read, written and found.
    """
    inputs = read(scores, results, parameters, main.parent / "published.csv")
    with atomic(out) as folder:
        made = _make(inputs, folder)
        entries = ledger.entries(inputs.study, inputs.published)
        write_json(folder / "claims.json", entries)
        coverage = _rows(main.parent / "coverage.csv", COLUMNS["coverage"])
        write_json(folder / "values.json", values(inputs, results, scores, made, coverage))
        (folder / "answer.md").write_text(_answer(inputs, made), encoding="utf-8")
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


def read(scores: Path, results: Path, parameters: Mapping[str, Any], published: Path) -> Inputs:
    """Everything that tables are made of; tuning.csv lies beside published.csv, presets/ beside their folder."""
    folder = published.parent.parent / "presets"
    return Inputs(
        study=study_of(read_scores(scores), parameters),
        audit=_rows(results / "audit.csv", COLUMNS["audit"]),
        curves=_rows(results / "curves.csv", COLUMNS["curves"]),
        encoders=_rows(results / "encoders.csv", COLUMNS["encoders"]),
        training=_rows(results / "training.csv", COLUMNS["training"]),
        published=_rows(published, COLUMNS["published"]),
        tuning=_rows(published.parent / "tuning.csv", COLUMNS["tuning"]),
        parameters=parameters,
        presets=[presets.load(folder, name) for name in presets.names(folder)],
    )


def study_of(scores: Sequence[Score], parameters: Mapping[str, Any]) -> Study:
    """The scores as tables take them, in the order of params.yaml."""
    tasks = {name: task_of(name) for name in sorted({score.target for score in scores})}
    order = [name for names in (*parameters["grid"].values(), parameters["languages"]["evaluation"]) for name in names]
    return study(scores, tasks, order)


def verdicts(scores: Path, parameters: Mapping[str, Any], published: Path) -> tuple[str, list[dict[str, Any]]]:
    """What `xit claims` shows: the label of the source, and the ledger (`xit.tables.ledger.entries`)."""
    of = study_of(read_scores(scores), parameters)
    return SOURCES[of.source], ledger.entries(of, _rows(published, COLUMNS["published"]))


def scaling(scores: Path, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What `xit scaling` shows (`xit.tables.scaling.entries`); audit.csv, beside the scores, counts all examples."""
    audit = scores.parent / "audit.csv"
    rows = _rows(audit, COLUMNS["audit"]) if audit.is_file() else ()
    return entries(Inputs(study=study_of(read_scores(scores), parameters), parameters=parameters, audit=rows))


def _rows(path: Path, columns: Sequence[str]) -> tuple[Row, ...]:
    if not path.is_file():
        raise DataError(
            f"{path}: no such file. `xit collect` writes it, but for published.csv and tuning.csv: in the project."
        )
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f"{path}: no column {', '.join(missing)}; it has {', '.join(reader.fieldnames or ())}.")
        return tuple(reader)


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
    of = inputs.study
    sizes = [int(row["parameters"]) for row in inputs.encoders]
    files = (scores, *(results / f"{name}.csv" for name in ("audit", "curves", "encoders", "training")))
    packages = (
        "torch",
        "accelerate",
        "tokenizers",
        "babel",
        "dvc",
        "numpy",
        "scipy",
        "statsmodels",
        "matplotlib",
        "typst",
    )
    return {
        "source": of.source,
        "label": inputs.label,
        "encoders": list(of.encoders),
        "intermediates": list(of.intermediates),
        "targets": [
            {
                "id": name,
                "format": task.format,
                "metric": task.metric,
                "is_trained": task.is_trained,
                "citation": task.citation,
            }
            for name, task in of.tasks.items()
        ],
        "languages": list(of.languages),
        "others": len(of.others),
        "seeds": len(of.seeds),
        "has_untrained": "untrained" in of.conditions,
        "names": sentences.names(of),
        "scores": int((of.values == of.values).sum()),
        "scatter": scatter(of),
        "findings": {
            **sentences.findings(of),
            "curves": sentences.of_curves(inputs),
            "distance": sentences.of_distance(of),
            "scaling": sentences.scaling(of, sizes_of(inputs)),
        },
        "has_trials": any(
            (row["source"], row["encoder"]) in {(of.source, name) for name in of.encoders} for row in inputs.tuning
        ),
        "size_difference": f"{100 * (max(sizes) / min(sizes) - 1):.1f}" if sizes else None,
        "coverage": {
            name: sorted(round(float(row[name])) for row in coverage if row["seeds"] == "2")
            for name in ("ours", "plain_bootstrap")
        },
        "parameters": inputs.parameters,
        "published": [dict(row) for row in inputs.published if row["key"]],
        "tables": [one.name for one in made if isinstance(one, Table)],
        "figures": [one.name for one in made if isinstance(one, Figure)],
        "hashes": {path.name: sha256(path) for path in files},
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }


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


def _answer(inputs: Inputs, made: Sequence[Table | Figure]) -> str:
    table = next(one for one in made if isinstance(one, Table) and one.name == "answer")
    return " ".join(sentences.findings(inputs.study)["answer"]) + "\n\n" + as_markdown(table)


def put_answer(readme: Path, answer: Path) -> None:
    """Replace what stands between the two marks in the README by the generated answer.

    Raises:
        DataError: the marks are not there, once each and in order.
    """
    text = readme.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in tail:
        raise DataError(f"{readme}: needs {BEGIN} and then {END}, once each, around the place of the answer.")
    with atomic(readme) as temporary:
        temporary.write_text(f"{head}{BEGIN}\n{answer.read_text(encoding='utf-8')}{END}{tail}", encoding="utf-8")
        shutil.copymode(readme, temporary)
