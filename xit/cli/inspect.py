"""Looking: at tasks, encoders, data, an experiment before it is run, predictions, and this machine."""

import dataclasses
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from xit.cli import terminal
from xit.cli.options import LOOKING, FormerPreset, Json, Most, chosen_source, load_config, parameters, profile_of
from xit.core.errors import ConfigError
from xit.core.task import task_of
from xit.pipeline import paths, plans

if TYPE_CHECKING:
    from xit.core.task import Split, Task

app = typer.Typer()


@app.command(rich_help_panel=LOOKING)
def tasks(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, all facts.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As docs/tasks.md has them, all facts.")] = False,
) -> None:
    """The tasks: format, main metric, languages, sources."""
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
    """The encoders: architecture, direction, and where they start: a size in params.yaml, or released weights."""
    from xit.core import registry
    from xit.modeling import encoders as modeling

    names = registry.names("encoders")
    sizes = load_config().encoders if paths.PARAMS.is_file() else {}
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
def show(
    task: Annotated[str | None, typer.Argument(help="A task's id, as `xit tasks` lists them.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="A language; again for more. Else English.")] = None,
    split: Annotated[str, typer.Option(help="train, validation (both English) or test.")] = "test",
    count: Annotated[int, typer.Option(min=1, help="How many examples.")] = 5,
    source: Annotated[str | None, typer.Option(help="micro, files or hub; else that of params.yaml.")] = None,
    data: Annotated[Path | None, typer.Option(help="The folder of published files.")] = None,
    profile: Annotated[
        str | None, typer.Option(help="Instead, all of an experiment: default, or a file of profiles/.")
    ] = None,
    power: Annotated[
        bool, typer.Option("--power", help="Instead, the gains that params.yaml is able to find.")
    ] = False,
    preset: FormerPreset = None,
    sd_seeds: Annotated[
        float | None, typer.Option(min=0, help="With --power: of a gain between seeds, in points; else as observed.")
    ] = None,
    sd_languages: Annotated[
        float | None, typer.Option(min=0, help="With --power: of a gain between languages; else as observed.")
    ] = None,
    memory: Annotated[
        bool, typer.Option("--memory", help="Instead, an estimate of the GPU memory of a training step.")
    ] = False,
    encoder: Annotated[
        str | None, typer.Option(help="With --memory: an encoder of params.yaml; else XLM-R Large.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="With --memory: rows of a forward pass.")] = 32,
    length: Annotated[int, typer.Option(min=1, help="With --memory: tokens of a row.")] = 384,
    precision: Annotated[
        Literal["float32", "bfloat16"] | None, typer.Option(help="With --memory, for XLM-R Large; else as params.yaml.")
    ] = None,
) -> None:
    """Some examples of a task, as models see them; or all, power or GPU memory of an experiment."""
    if memory:
        _show_memory(encoder, rows, length, precision)
        return
    if power:
        _show_power(sd_seeds, sd_languages)
        return
    if profile is not None or preset is not None:
        _show_profile(profile_of(profile or "default", preset), data)
        return
    if task is None:
        names = "--power, --memory or --profile NAME"
        raise typer.BadParameter(f"say which task, as `xit tasks` lists them, or {names}.")
    from xit.cli import tables

    if split not in ("train", "validation", "test"):
        raise ConfigError(f"--split: {split}: no such split. Splits: train, validation, test.")
    facts = task_of(task)
    chosen = chosen_source(load_config(), source, data, language)
    available = chosen.languages(facts)
    codes = language or (["en"] if "en" in available or (split != "test" and facts.is_trained) else list(available[:1]))
    for code in codes:
        title = f"{facts.title}, {chosen.name} source, {split}, {code}"
        examples = itertools.islice(chosen.examples(facts, cast("Split", split), code), count)
        terminal.show(tables.example(example, title) for example in examples)


def _show_profile(profile: str, data: Path | None) -> None:
    from xit.cli.tables import of_paper
    from xit.paper.render import printed
    from xit.pipeline import overlay
    from xit.pipeline.show_profile import preview
    from xit.tables.hyperparameters import preset_table

    parts: list[Any] = [*preview(Path(), profile, data)]
    if (chosen := overlay.load(paths.PROFILES, profile)).has_sources:
        parts.append(of_paper(printed(preset_table([chosen]))))
    terminal.show(parts, least_width=160)  # commits are not cut


def _show_power(sd_seeds: float | None, sd_languages: float | None) -> None:
    from xit.cli import tables
    from xit.cli.power import power

    terminal.show(tables.power(**power(paths.SCORES, parameters(), sd_seeds, sd_languages)))


def _show_memory(encoder: str | None, rows: int, length: int, precision: Literal["float32", "bfloat16"] | None) -> None:
    from xit.cli import memory, tables
    from xit.pipeline.estimate import pieces

    config = load_config()
    numbers, masked = precision or config.compute.precision, config.pretraining.masked_fraction
    if encoder is None or encoder == memory.XLM_R_LARGE:
        name, terms = "XLM-R Large", memory.of_transformer(memory.LARGE, rows, length, numbers, masked)
    else:
        size = plans.section(config.encoders, encoder, "encoders").size
        if size is None:
            raise ConfigError(
                f"--encoder {encoder}: it starts from released weights, so that params.yaml does not say its size. "
                "The estimate is for encoders from scratch, and for XLM-R Large (without --encoder)."
            )
        name, numbers = encoder, "float32"
        terms = memory.of_encoder(encoder, size, pieces(config, encoder), rows, length, masked)
    terminal.show(
        tables.memory(
            terms, f"A training step of {name} at its peak: {rows} rows of {length} tokens at once, {numbers}"
        )
    )
    totals = (sum(term.plain for term in terms), sum(term.checkpointed for term in terms))
    fits = ["fits" if total <= memory.GPU_BYTES else "does not fit" for total in totals]
    most = memory.most_rows(terms, rows)
    line = (
        f"It {fits[0]} on one {memory.GPU_BYTES / 1e9:.0f} GB GPU, and {fits[1]} with compute.gradient_checkpointing; "
        f"at most {most[0]:,} rows at once do, and {most[1]:,} with it. Gradients are made while activations are "
        "freed, so that the sum is more than the peak; CUDA and its allocator, about 1 GB, come on top."
    )
    terminal.print_lines([line])


@app.command(rich_help_panel=LOOKING)
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Open no socket: do not ask the Hub.")] = False,
    cache: Annotated[bool, typer.Option("--cache", help="Also read every object of DVC's cache.")] = False,
    as_json: Json = None,
) -> None:
    """What this machine has that the experiment needs, and what to do where it has not. Exits with 1 on a fault."""
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
    task: Annotated[list[str] | None, typer.Option(help="A task; again for more.")] = None,
    source: Annotated[str | None, typer.Option(help="micro, files or hub; else that of params.yaml.")] = None,
    data: Annotated[Path | None, typer.Option(help="The folder of published files.")] = None,
    as_json: Json = None,
) -> None:
    """What the data are: counts against published ones, hashes, duplicates, what splits share, known and new faults.

    Of the tasks named; else of runner.tasks; of another source than that of params.yaml, of all that it has.
    """
    from xit.cli import tables
    from xit.core.errors import DataError, raise_all
    from xit.sources.audit import audit

    config = load_config()
    chosen = chosen_source(config, source, data, None)
    is_own = chosen.name == config.source and data is None
    found = audit(task or (config.grid.tasks if is_own else None), chosen)
    if not terminal.print_json(found, as_json):
        terminal.show(tables.audit(found))
    raise_all(DataError, [error for facts in found["tasks"].values() for error in facts["errors"]], most=100)


@app.command(rich_help_panel=LOOKING)
def analyse(
    predictions: Annotated[Path, typer.Argument(help="A folder that `xit eval --predictions` wrote.")],
    task: Annotated[str, typer.Option(help="The task.")],
    language: Annotated[list[str] | None, typer.Option(help="A language; again for more. Else all.")] = None,
    source: Annotated[str | None, typer.Option(help="micro, files or hub; else that of params.yaml.")] = None,
    data: Annotated[Path | None, typer.Option(help="The folder of published files.")] = None,
    most: Most = None,
    as_json: Json = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write the buckets of every language to this file.", dir_okay=False)
    ] = None,
) -> None:
    """Where predictions are right: by text and answer length, script, family, and whether pretraining saw the language.

    Means are over languages; --json and --csv have each language by itself. Seen are languages.pretraining.
    """
    from xit.cli import tables
    from xit.core.files import write_csv
    from xit.evaluation.buckets import report_of

    config = load_config()
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
    language: Annotated[list[str] | None, typer.Option(help="A language; again for more. Else all.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Cases of a test and language.")] = 200,
    as_json: Json = None,
) -> None:
    """Ask small questions that a competent reader answers: how many cases fail, by test and language.

    A case is all questions on one filling of a test's templates; it fails where any answer is wrong.
    """
    from xit.cli import tables
    from xit.evaluation import checklist_templates
    from xit.evaluation.checklist import ask

    if templates is not None:
        suite = checklist_templates.of_templates(templates, language, samples)
    else:
        from xit.core.errors import raise_all
        from xit.sources.micro import MicroSource, check_languages

        micro = chosen_source(load_config(), "micro", None, language)
        assert isinstance(micro, MicroSource)
        settings = micro.settings
        raise_all(ConfigError, check_languages(settings.languages))
        suite = checklist_templates.of_micro(settings, settings.languages, samples)
    with terminal.progress() as report:
        tests = ask(checkpoint, suite, report("checklist"))
    found = {"checkpoint": str(checkpoint), "templates": str(templates or "micro"), "tests": tests}
    if not terminal.print_json(found, as_json):
        terminal.show(tables.checklist(found))
