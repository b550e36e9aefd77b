"""Looking: at tasks, encoders, data, an experiment before it is run, predictions, and this machine."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xit.cli import environment, terminal
from xit.cli.options import (
    LOOKING,
    DataFolder,
    Json,
    Language,
    Most,
    SourceName,
    chosen_source,
    configure_hub,
    in_a_folder,
    load_config_or_defaults,
)
from xit.core.errors import ConfigError
from xit.core.task import task_of

if TYPE_CHECKING:
    from xit.core.task import Task

app = typer.Typer()


@app.command(rich_help_panel=LOOKING)
def tasks(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, all facts.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As docs/tasks.md has them, all facts.")] = False,
) -> None:
    """List the tasks: their format, main metric, languages and sources.

    Example: `xit tasks --json`.
    """
    if as_markdown:
        from xit.cli.tasks_page import markdown

        terminal.print_text(markdown())
        return
    from xit.core import registry

    found: dict[str, Task] = {name: task_of(name) for name in registry.names("tasks")}
    if as_json:
        terminal.print_json({name: dataclasses.asdict(task) for name, task in found.items()})
        return
    from xit.cli import tables

    terminal.show(tables.tasks(found))


@app.command(rich_help_panel=LOOKING)
def encoders(as_json: Annotated[bool, typer.Option("--json", help="As JSON, all facts.")] = False) -> None:
    """List the encoders: their architecture, direction, and the size or released weights that they start from.

    Example: `xit encoders`.
    """
    from xit.core import registry
    from xit.modeling import encoders as modeling

    names = registry.names("encoders")
    sizes = load_config_or_defaults().encoders
    facts = {name: dataclasses.asdict(modeling.info(name)) for name in names}
    for name in names:
        shape = sizes[name].size if name in sizes else None
        module = registry.load("encoders", name)
        facts[name]["size"] = dataclasses.asdict(shape) if shape else None
        facts[name]["released"] = dataclasses.asdict(module.RELEASED) if hasattr(module, "RELEASED") else None
    if as_json:
        terminal.print_json(facts)
        return
    from xit.cli import tables

    terminal.show(tables.encoders(facts))


@app.command(rich_help_panel=LOOKING)
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Open no socket: do not ask the Hub.")] = False,
    cache: Annotated[bool, typer.Option("--cache", help="Also read every object of DVC's cache.")] = False,
    as_json: Json = None,
) -> None:
    """Examine this machine: what the experiment needs of it, and what to do where that is missing.

    It exits with 1 on a fault. `pip check`, `accelerate env` and `dvc doctor` tell more.

    Example: `xit doctor --offline`.
    """
    from xit.pipeline.doctor import examine

    found = []
    for finding in examine(Path(), offline, cache):
        found.append(dataclasses.asdict(finding))
        if str(as_json) != "-":
            terminal.print_finding(finding.status, finding.name, finding.found, finding.advice)
    terminal.print_json(found, as_json)
    if any(finding["status"] == "fault" for finding in found):
        raise typer.Exit(1)


@app.command(rich_help_panel=LOOKING)
def audit(
    task: Annotated[
        list[str] | None, typer.Option(help="A task, or `parallel`, the pairs for pretraining; again for more.")
    ] = None,
    source: SourceName = None,
    data: DataFolder = None,
    as_json: Json = None,
) -> None:
    """Check data: counts against published ones, hashes, duplicates, what splits share, known and new faults.

    It takes the tasks that are named, else those of the grid; of a source that is not that of params.yaml, all that it
    has. The pairs for pretraining are read where they are named, or where an objective of params.yaml reads them. Of
    the Hub it also reads every place that a task names, those too that are asked only where another has nothing, and
    one table says which hold.

    Example: `xit audit --data folder --task xquad`.
    """
    from xit.cli import tables
    from xit.core.errors import DataError, raise_all
    from xit.sources.audit import PAIRS, audit

    config = load_config_or_defaults()
    chosen = chosen_source(config, source, data, None)
    is_own = chosen.name == config.source and data is None
    with terminal.progress() as report:
        wanted = task or (config.grid.tasks if is_own else None)
        ids = None if wanted is None else [name for name in wanted if name != PAIRS]
        has_pairs = PAIRS in task if task else is_own and config.reads_pairs
        found = audit(ids, chosen, report, config.languages.pretraining if has_pairs else ())
    if not terminal.print_json(found, as_json):
        terminal.show(tables.audit(found))
    errors = [error for facts in found["tasks"].values() for error in facts["errors"]]
    errors += [fault for place in found["places"] for fault in place["faults"]]
    errors += found["parallel"]["faults"] if found["parallel"] else []
    raise_all(DataError, list(dict.fromkeys(errors)), most=100)


@app.command(rich_help_panel=LOOKING)
def fetch(
    task: Annotated[list[str], typer.Argument(help="Tasks whose published files are taken.")],
    to: Annotated[Path, typer.Option(help="The data folder, as --data reads it.")],
) -> None:
    """Take published files from their publishers into a data folder, and say which have to be had by hand.

    Each file is compared with its known SHA-256; of one that has none it is recorded in the folder's SHA256SUMS. What
    is there is not fetched again.

    Example: `xit fetch xquad tatoeba --to data-folder`.
    """
    from xit.core.errors import DataError, raise_all
    from xit.sources.fetch import fetch as fetch_files

    configure_hub()
    with terminal.progress() as report:
        found = fetch_files([task_of(name) for name in task], to, report)
    terminal.print_text(f"{to}: {len(found.arrived)} files fetched, {len(found.present)} were there\n")
    for name, missing in found.by_hand.items():
        what = f"{len(missing)} files have to be had by hand, as no address is known. Licence: {task_of(name).licence}."
        terminal.print_text(f"{name}: {what} They are read as: {', '.join(missing)}\n")
    raise_all(DataError, found.faults)


@app.command(rich_help_panel=LOOKING)
def analyse(
    predictions: Annotated[Path, typer.Argument(help="A folder that `xit eval --predictions` wrote.")],
    task: Annotated[str, typer.Option(help="The task.")],
    language: Language = None,
    source: SourceName = None,
    data: DataFolder = None,
    most: Most = None,
    as_json: Json = None,
    csv: Annotated[
        Path | None,
        typer.Option(help="Write the buckets of every language to this file.", dir_okay=False, callback=in_a_folder),
    ] = None,
) -> None:
    """Score predictions by kinds of examples: text and answer length, script, family, languages seen in pretraining.

    Means are over languages; --json and --csv have each language by itself. Seen are languages.pretraining.

    Example: `xit analyse out/ --task xquad`.
    """
    from xit.cli import tables
    from xit.core.files import write_csv
    from xit.evaluation.buckets import report_of

    config = load_config_or_defaults()
    chosen = chosen_source(config, source, data, None, most)
    found = report_of(predictions, task, language, chosen, config.languages.pretraining)
    if csv is not None:
        write_csv(csv, [{**row, "bounds": "–".join(map(str, row["bounds"] or ()))} for row in found["buckets"]])
    if not terminal.print_json(found, as_json):
        terminal.show(tables.buckets(found, f"{task} ({chosen.name} source)"))


@app.command(rich_help_panel=LOOKING)
def checklist(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint folder, fine-tuned on question answering.")],
    templates: Annotated[
        Path | None, typer.Option(help="MultiCheckList's checklist_templates.tsv; else own templates of micro.")
    ] = None,
    language: Language = None,
    samples: Annotated[int, typer.Option(min=1, help="Cases of a test and language.")] = 200,
    as_json: Json = None,
) -> None:
    """Ask a checkpoint small questions that a competent reader answers, and count the cases that fail.

    A case is all questions on one filling of a test's templates; it fails where any answer is wrong. The
    default experiment trains no such checkpoint; profile `reference` does.

    Example: `xit checklist models/finetuned/lstm/xquad/none/1`.
    """
    config = environment.computing(load_config_or_defaults(), [checkpoint])
    from xit.cli import tables
    from xit.evaluation import checklist_templates
    from xit.evaluation.checklist import ask

    if templates is not None:
        suite = checklist_templates.of_templates(templates, language, samples)
    else:
        from xit.core.errors import raise_all
        from xit.sources.micro import MicroSource, check_languages

        micro = chosen_source(config, "micro", None, language)
        assert isinstance(micro, MicroSource)
        settings = micro.settings
        raise_all(ConfigError, check_languages(settings.languages))
        suite = checklist_templates.of_micro(settings, settings.languages, samples)
    with terminal.progress() as report:
        tests = ask(checkpoint, suite, report)
    found = {"checkpoint": str(checkpoint), "templates": str(templates or "micro"), "tests": tests}
    if not terminal.print_json(found, as_json):
        terminal.show(tables.checklist(found))
