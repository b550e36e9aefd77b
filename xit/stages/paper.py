"""Scores → tables, figures, verdicts, sentences and the PDF. Nothing here trains or imports torch."""

import csv
import importlib.metadata
import json
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
from xit.paper import sentences
from xit.paper.render import (
    SOURCES,
    Figure,
    Inputs,
    Row,
    Table,
    as_markdown,
    renderable,
    shown,
    signed,
    terminal_grid,
    write,
)
from xit.pipeline import presets
from xit.statistics.study import (
    ENGLISH,
    MEAN,
    POWER,
    Estimate,
    ExampleGain,
    Spread,
    Study,
    minimum_detectable_gain,
    scatter,
    spread,
    study,
)
from xit.tables import ledger
from xit.tables.scaling import AHEAD, entries, sizes_of

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
    tasks = {name: registry.load("tasks", name).task for name in sorted({score.target for score in scores})}
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


def scaling_table(found: Sequence[Mapping[str, Any]]) -> Any:
    """The pairs for the terminal."""
    caption = "Gains in points over no intermediate training, zero-shot, with 95 % intervals over seeds."
    table = terminal_grid("Whether a gain grows with the examples of the intermediate task", caption)
    for head in ("after", "encoder", "target", "verdict", "law"):
        table.add_column(head)
    for head in ("examples", "gain", f"at {AHEAD} times"):
        table.add_column(head, justify="right")
    for one in found:
        later = Estimate(**one["predicted"]) if one["predicted"] else None
        cells = (one["intermediate"], one["encoder"], one["target"], one["verdict"], one["law"] or "–")
        gain = "–" if one["gain"] is None else signed(one["gain"])
        table.add_row(*cells, f"{one['examples'][-1]:,.0f}", gain, " ".join(shown(later)).strip())
    return table


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


def summary(generated: Path, pdf: Path) -> list[Any]:
    """What `make reproduce` ends with, as rich renderables: the main table, the verdicts, and where everything lies."""
    main = json.loads((generated / "tables/architectures.json").read_text(encoding="utf-8"))
    places = f"\npaper    {pdf}\ntables   {generated / 'tables'}\nfigures  {generated / 'figures'}"
    return [renderable(main), "", _verdicts(generated), places]


def example_table(title: str, found: Mapping[tuple[str, int], ExampleGain]) -> Any:
    """Gains over examples for the terminal, a row a language and seed."""
    from rich.text import Text

    caption = "Points, with 95 % intervals over examples; p is of McNemar's exact test, not corrected for their number."
    table = terminal_grid(title, caption, gap=2)
    table.add_column("language")
    for head in ("seed", "gain", "interval", "better", "worse", "p"):
        table.add_column(head, justify="right", no_wrap=True)
    for (language, seed), one in found.items():
        interval = Text(f"[{signed(one.low)}, {signed(one.high)}]")
        table.add_row(language, str(seed), signed(one.value), interval, str(one.better), str(one.worse), f"{one.p:.3f}")
    return table


PLANS = (2, 3, 5, 10)
"""Numbers of seeds, beside that of params.yaml, for which `power` gives the gain."""


def power(scores: Path, parameters: Mapping[str, Any], sd_seeds: float | None, sd_languages: float | None) -> Any:
    """The smallest gain of one intermediate task that an experiment would find, for the terminal.

    Args:
        scores: Of an earlier run, which shows how gains scatter; need not be there if both are assumed.
        parameters: params.yaml, run or not.
        sd_seeds: Assumed standard deviation of a gain between seeds, in points; else as observed.
        sd_languages: Between languages.

    Raises:
        DataError: nothing was observed of what is not assumed.
    """
    grid, planned = parameters["grid"], len(parameters["seeds"])
    cells = len(grid["encoders"]) * len(grid["intermediates"])
    targets = [*grid["targets"], *grid["bare_targets"]]
    of = study_of(read_scores(scores), parameters) if sd_seeds is None or sd_languages is None else None
    plans = sorted({planned, *PLANS})
    table = terminal_grid(
        f"The gain that is found in {POWER:.0%} of experiments, in points",
        f"For one intermediate task and encoder, zero-shot; {cells} gains share their spread over seeds. Standard "
        f"deviations are of a gain, {'assumed' if of is None else f'observed in {scores}, where not assumed'}. "
        f"params.yaml has {planned} seed{'s' * (planned > 1)}. Not corrected for the size of a table.",
    )
    table.add_column("target")
    for head in ("languages", "sd seeds", "sd languages", *(f"{n} seed{'s' * (n > 1)}" for n in plans)):
        table.add_column(head, justify="right")
    for target in (*targets, MEAN):
        one = _spread(of, target, sd_seeds, sd_languages, scores)
        languages = _planned_languages(targets if target == MEAN else [target], parameters)
        found = [minimum_detectable_gain(n, languages, cells, one) if one else None for n in plans]
        deviations = (one.seeds, one.languages) if one else (None, None)
        table.add_row(target, str(languages), *(shown(cell)[0] for cell in (*deviations, *found)))
    return table


def _spread(
    of: Study | None, target: str, sd_seeds: float | None, sd_languages: float | None, scores: Path
) -> Spread | None:
    """As assumed, else as observed; None for a target that was not run."""
    if of is None:
        return Spread(sd_seeds or 0.0, sd_languages or 0.0)
    if target not in (*of.targets, MEAN):
        return None
    seen = spread(of, () if target == MEAN else (target,))
    if seen is None:
        raise DataError(
            f"{scores}: {target}: one seed or one language shows no spread. Assume it: --sd-seeds and --sd-languages."
        )
    return Spread(
        seen.seeds if sd_seeds is None else sd_seeds, seen.languages if sd_languages is None else sd_languages
    )


def _planned_languages(names: Sequence[str], parameters: Mapping[str, Any]) -> int:
    """In how many languages but English any of these targets is to be evaluated."""
    evaluated = set(parameters["languages"]["evaluation"]) - {ENGLISH}
    if parameters["source"] == "micro":  # has every task in every language
        return len(evaluated)
    return len(evaluated & {code for name in names for code in registry.load("tasks", name).task.languages})


STYLES = {"reproduced": "green", "contradicted": "red", "inconclusive": "yellow", "not run": "dim"}


def _verdicts(generated: Path) -> Any:
    """The claims down, the encoders across, in each cell the verdict and the difference that decided it."""
    from rich.text import Text

    entries = json.loads((generated / "claims.json").read_text(encoding="utf-8"))
    ledger = json.loads((generated / "tables/ledger.json").read_text(encoding="utf-8"))
    encoders = [name for name, _ in ledger["groups"] if name]
    grid = terminal_grid(ledger["title"], "The differences with their intervals are in tables/ledger.md.", gap=2)
    grid.add_column("claim")
    for name in encoders:
        grid.add_column(name, no_wrap=True)
    for one in entries:
        found = one["by_encoder"]
        grid.add_row(
            one["statement"],
            *(
                Text.assemble(_verdict(found[name]), f" {_signed(found[name])}".rstrip()) if name in found else "–"
                for name in encoders
            ),
        )
    return grid


def verdict_tables(label: str, entries: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The ledger for the terminal, as a rich renderable for each encoder: claims down, with all that decided them."""
    from rich.text import Text

    grids = []
    for encoder in dict.fromkeys(name for one in entries for name in one["by_encoder"]):
        grid = terminal_grid(f"{encoder} ({label})", "", gap=2)
        grid.add_column("claim")
        for name in ("published", "estimate", "interval"):
            grid.add_column(name, justify="right", no_wrap=name != "published")
        grid.add_column("verdict", no_wrap=True)
        for one in entries:
            if encoder in one["by_encoder"]:
                found = one["by_encoder"][encoder]
                interval = "[{}, {}]".format(*map(signed, found["interval"])) if found["interval"] else "–"
                cells = (one["published"] or "–", _signed(found) or "–", Text(interval))
                grid.add_row(one["statement"], *cells, _verdict(found))
        grids.append(grid)
    return grids


def _signed(found: Mapping[str, Any]) -> str:
    return "" if found["estimate"] is None else signed(found["estimate"])


def _verdict(found: Mapping[str, Any]) -> Any:
    from rich.text import Text

    return Text(found["verdict"], STYLES[found["verdict"]])
