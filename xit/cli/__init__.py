"""The command line: reads arguments, calls a stage, prints what it made. Only this file prints or exits."""

import contextlib
import dataclasses
import functools
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from xit.core.errors import ConfigError, XitError
from xit.pipeline import paths

if TYPE_CHECKING:
    from xit.core.settings import VocabularySettings
    from xit.core.task import Task
    from xit.pipeline.config import Config
    from xit.pipeline.runner import Event
    from xit.training.loop import Report

app = typer.Typer(
    help="Does English intermediate-task training help zero-shot cross-lingual transfer? A command per stage of the "
    "experiment, in the folder of params.yaml; and `xit eval` for a single checkpoint.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

STAGES = "Stages (dvc.yaml runs them; `dvc repro` or `xit reproduce` for all)"
LOOKING = "Looking and scoring"
ANSWERS = "Answers, from the scores"

importing = typer.Typer(help="Encoders of others → a checkpoint folder like ours.", no_args_is_help=True)
app.add_typer(importing, name="import", rich_help_panel=LOOKING)
planning = typer.Typer(help="The whole experiment, before it runs.", no_args_is_help=True)
app.add_typer(planning, name="grid", rich_help_panel=STAGES)

Encoder = Annotated[str, typer.Argument(help="An encoder's id, as `xit encoders` lists them.")]
Condition = Annotated[
    str, typer.Argument(help="none, untrained, an intermediate task's id, or a recipe: multitask, mnli+mlm, …")
]
Target = Annotated[str, typer.Argument(help="A target task's id, as `xit tasks` lists them.")]
Json = Annotated[
    Path | None, typer.Option("--json", dir_okay=False, help="Also write it as JSON to this file; - for the terminal.")
]


def _has_told(found: Any, as_json: Path | None) -> bool:
    """Write what `--json` asks for; whether it went to the terminal, and tables should not."""
    from xit.core.files import write_json

    if str(as_json) == "-":
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return True
    if as_json is not None:
        write_json(as_json, found)
    return False


def _project() -> Path:
    if not Path("dvc.yaml").is_file():
        raise ConfigError("dvc.yaml: no such file. Run xit in the project's folder, where it is.")
    return Path()


def _new(folder: Path) -> Path:
    from xit.evaluation.submit import is_taken

    if is_taken(folder):
        raise ConfigError(f"--out: {folder}: is there already. Name a new folder, or delete it first.")
    return folder


Most = Annotated[
    int | None,
    typer.Option(min=1, help="Take the first so many test examples of a task and language (files, hub); else all."),
]
NewFolder = Annotated[Path, typer.Option(help="The folder to make.", callback=_new)]


def main() -> None:
    """Run the command line; errors that a user can cause are a message and an exit code, without a traceback."""
    if "torch" not in sys.modules:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        code = app(prog_name="xit", standalone_mode=False)  # 130 after Ctrl-C: Typer catches it
        if code == 130:
            raise KeyboardInterrupt
        sys.exit(code if isinstance(code, int) else 0)
    except XitError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("stopped. What was finished is kept; run the same command again to go on where it stopped.", 130)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        way = (
            "" if isinstance(error, FileNotFoundError) else " Nothing was half-written; free the way and run it again."
        )
        _fail(f"{place}{error.strerror or error}.{way}", 1)
    except typer.Abort:
        _fail("stopped.", 130)
    except Exception as error:
        if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "alloc" in str(error)):  # of torch
            said = f" ({str(error).splitlines()[0]})" if str(error) else ""
            _fail(f"out of memory{said}. Less at once: JOBS=1, more micro_batches, a smaller max_length_tokens.", 1)
        show = getattr(error, "show", None)  # a wrong argument: click's own message, with the usage
        if show is None:
            raise
        show()
        sys.exit(getattr(error, "exit_code", 2))


def _fail(message: str, code: int) -> None:
    speaker = "xit" if _is_main() else f"xit (process {os.environ['RANK']})"
    for line in message.splitlines():
        typer.secho(f"{speaker}: {line}", fg=typer.colors.RED, err=True)
    sys.exit(code)


def _config() -> "Config":
    from xit.pipeline import config

    return config.load(paths.PARAMS)


def _source(config: "Config", languages: tuple[str, ...]) -> Any:
    if config.source == "micro":
        return dataclasses.replace(config.micro, languages=languages)
    return config.hub if config.source == "hub" else config.files


def _print(lines: list[str]) -> None:
    if _is_main():
        for line in lines:
            typer.echo(line)


def _is_main() -> bool:
    """Whether this is the only process, or the first of those that a launcher has started."""
    return os.environ.get("RANK", "0") == "0"


@contextlib.contextmanager
def _training() -> "Iterator[Callable[[str], Report]]":
    """Progress of a command that trains, in as many processes as accelerate has started.

    Where XIT_ACCELERATE names a configuration of accelerate (`launch/`), the command starts again under its launcher.
    """
    wanted = int(os.environ.get("WORLD_SIZE", "1"))
    if path := os.environ.get("XIT_ACCELERATE"):
        wanted = _configured_processes(Path(path))
        if "XIT_LAUNCHED" not in os.environ:
            launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", path]
            os.execve(sys.executable, [*launcher, *sys.argv], {**os.environ, "XIT_LAUNCHED": "1"})
    from xit.core import distributed

    if wanted > 1 and distributed.count() != wanted:
        raise ConfigError(
            f"{path or 'WORLD_SIZE'}: {wanted} processes are asked for, and this is one of {distributed.count()}. "
            "Set num_processes to the number of GPUs; to use CPUs instead, set ACCELERATE_USE_CPU=true."
        )
    with _progress() as report:
        yield report
    distributed.end()


def _configured_processes(path: Path) -> int:
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))["num_processes"]
    except FileNotFoundError:
        raise ConfigError(f"XIT_ACCELERATE: {path}: no such file. Configurations are in launch/.") from None
    except (yaml.YAMLError, KeyError, TypeError):
        raise ConfigError(
            f"XIT_ACCELERATE: {path}: no configuration of accelerate: it does not say num_processes. See launch/."
        ) from None
    return int(found)


@contextlib.contextmanager
def _progress() -> "Iterator[Callable[[str], Report]]":
    """Progress bars with rate and time left, on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty() or not _is_main():
        yield lambda name: lambda done, total, figures: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[figures]}"), console=Console(stderr=True)) as bars:

        def report(name: str) -> "Report":
            bar = bars.add_task(name, total=None, figures="")

            def update(done: int, total: int, figures: Mapping[str, float]) -> None:
                shown = "  ".join(f"{key} {value:.3g}" for key, value in figures.items())
                bars.update(bar, completed=done, total=total, figures=shown)

            return update

        yield report


@app.command(rich_help_panel=STAGES)
def data(task: Annotated[str, typer.Argument(help="A task's id, or `text`: the text for pretraining.")]) -> None:
    """A source → Parquet: the examples of a task with one schema per format, or the text for pretraining."""
    from xit.stages import data as stage

    config = _config()
    if task == "text":
        languages = config.languages.pretraining
        _print(stage.text(config.source, _source(config, languages), languages, paths.TEXT))
    else:
        languages = config.languages.evaluation
        _print(stage.data(task, config.source, _source(config, languages), languages, paths.data(task)))


@app.command(rich_help_panel=STAGES)
def translate(
    condition: Annotated[str, typer.Argument(help="A task and a language, as in mnli+de.", metavar="TASK+LANGUAGE")],
) -> None:
    """Training examples in another language: rendered by the micro source itself, or translated by a model."""
    from xit.core import conditions
    from xit.stages import translate as stage

    config = _config()
    found = conditions.parse(condition)
    if found.task is None or found.language == "en" or condition != f"{found.task}+{found.language}":
        raise ConfigError(f"{condition}: should be a task, + and a language other than English, as in mnli+de.")
    with _progress() as report:
        lines = stage.translate(
            found.task,
            found.language,
            config.source,
            dataclasses.replace(config.micro, languages=(found.language,)),
            config.translation,
            config.hub.cache,
            config.hub.is_offline,
            config.training.threads,
            paths.data(found.task) / "train.parquet",
            paths.TRANSLATIONS,
            paths.translated(found.task, found.language),
            report(condition),
        )
    _print(lines)


@app.command(rich_help_panel=STAGES)
def tokenizer() -> None:
    """Text → one tokenizer, shared by every encoder from scratch."""
    from xit.stages import tokenizer as stage

    config = _config()
    _print(stage.tokenizer(config.languages.pretraining, paths.TEXT, paths.TOKENIZER, config.tokenizer))


@app.command(rich_help_panel=STAGES)
def pretrain(encoder: Encoder) -> None:
    """Text → encoders: masked language modelling in every language, a checkpoint a seed.

    A released encoder is fetched instead, once for all seeds.
    """
    config = _config()
    settings = _section(config.encoders, encoder, "encoders")
    place = (config.hub.cache, config.hub.is_offline)
    if settings.weights != "random":
        from xit.modeling import convert

        _print(convert.pretrained(encoder, config.seeds, settings.weights, paths.pretrained(encoder), *place))
        return
    from xit.stages import pretrain as stage

    with _training() as report, _vocabulary(settings.vocabulary, *place) as tokenizer_folder:
        lines = stage.pretrain(
            encoder,
            config.seeds,
            config.languages.pretraining,
            paths.TEXT,
            tokenizer_folder,
            paths.pretrained(encoder),
            settings.size,
            config.pretraining,
            settings.pretraining_learning_rate,
            config.training.threads,
            config.training.precision,
            config.training.save_every,
            config.training.gradient_checkpointing,
            config.training.compile,
            report,
        )
    _print(lines)


@contextlib.contextmanager
def _vocabulary(settings: "VocabularySettings | None", cache: str, is_offline: bool) -> Iterator[Path]:
    """The folder of the tokenizer that an encoder from scratch is pretrained with."""
    if settings is None:
        yield paths.TOKENIZER
        return
    import tempfile

    from xit.modeling import convert

    with tempfile.TemporaryDirectory() as folder:
        yield convert.vocabulary(settings, Path(folder), cache, is_offline)


@app.command(rich_help_panel=STAGES)
def tune(
    encoder: Encoder,
    task: Annotated[list[str] | None, typer.Argument(help="Target tasks that decide; else tuning.tasks.")] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            help="Put the trials into this table too: paper/tuning.csv, which the paper shows.", dir_okay=False
        ),
    ] = None,
) -> None:
    """Learning rates of an encoder, tried on English validation alone, as many for each: tuning/ENCODER/trials.csv.

    `dvc repro` does it for the encoders of tuning.encoders. By hand, the text, the tokenizer and the tasks come first:
    `xit data text`, `xit tokenizer`, `xit data TASK`.
    """
    from xit.stages import tune as stage

    config = _config()
    own = _section(config.encoders, encoder, "encoders")
    if own.weights != "random":
        raise ConfigError(
            f"{paths.PARAMS}: encoders.{encoder}.weights: {own.weights}, which are released; trials begin with random "
            "ones. Set its learning_rate."
        )
    settings = {name: _section(config.targets, name, "targets") for name in task or config.tuning.tasks}
    place = (config.hub.cache, config.hub.is_offline)
    with _progress() as report, _vocabulary(own.vocabulary, *place) as tokenizer_folder:
        lines = stage.tune(
            encoder,
            config.languages.pretraining,
            config.source,
            paths.TEXT,
            tokenizer_folder,
            paths.DATA,
            paths.tuned(encoder),
            own.size,
            config.tuning,
            config.pretraining,
            settings,
            config.training,
            report,
        )
    if record is not None:
        lines.append(stage.record(paths.tuned(encoder) / "trials.csv", record))
    _print(lines)


@app.command(rich_help_panel=STAGES)
def intermediate(encoder: Encoder, condition: Condition) -> None:
    """Pretrained encoders → encoders to fine-tune: trained on an intermediate task in English.

    Or by a recipe (several tasks, masked LM, translations, subsets), or a control.
    """
    from xit.core.conditions import CONTROLS, parse

    config = _config()
    pretrained, out = paths.pretrained(encoder), paths.intermediate(encoder, condition)
    if condition in CONTROLS:
        from xit.stages import control

        _print(control.control(encoder, condition, config.seeds, pretrained, out))
        return
    if parse(condition).kind != "task":
        _recipe(config, encoder, condition)
        return
    from xit.stages import intermediate as stage

    settings = _section(config.intermediate, condition, "intermediate")
    rate = settings.learning_rate or _section(config.encoders, encoder, "encoders").learning_rate
    with _training() as report:
        lines = stage.intermediate(
            encoder,
            condition,
            config.seeds,
            pretrained,
            paths.data(condition),
            out,
            settings,
            config.training,
            rate,
            report,
        )
    _print(lines)


def _recipe(config: "Config", encoder: str, condition: str) -> None:
    from xit.core.conditions import parse
    from xit.stages import recipe as stage

    own = config.intermediate.get(parse(condition).task or "")
    rate = (own and own.learning_rate) or _section(config.encoders, encoder, "encoders").learning_rate
    with _training() as report:
        lines = stage.recipe(
            encoder,
            condition,
            config.seeds,
            config.languages.pretraining,
            paths.pretrained(encoder),
            paths.DATA,
            paths.intermediate(encoder, condition),
            config.intermediate,
            config.recipes,
            config.pretraining,
            config.training,
            rate,
            report,
        )
    _print(lines)


@app.command(rich_help_panel=STAGES)
def finetune(encoder: Encoder, target: Target) -> None:
    """Encoders → target-task models: fine-tuned on the target task in English, with a new head."""
    from xit.stages import finetune as stage

    config = _config()
    settings = _section(config.targets, target, "targets")
    rate = settings.learning_rate or _section(config.encoders, encoder, "encoders").learning_rate
    with _training() as report:
        lines = stage.finetune(
            encoder,
            target,
            config.grid.conditions,
            config.seeds,
            paths.intermediate(encoder, ""),
            paths.data(target),
            paths.finetuned(encoder, target),
            settings,
            config.training,
            rate,
            report,
        )
    _print(lines)


@app.command(rich_help_panel=STAGES)
def evaluate(encoder: Encoder, target: Target) -> None:
    """Models → scores and predictions: every condition and seed of an encoder on a target, in every language."""
    from xit.core import registry
    from xit.stages import evaluate as stage

    config = _config()
    is_trained = registry.load("tasks", target).task.is_trained
    models = paths.finetuned(encoder, target) if is_trained else paths.intermediate(encoder, "")
    with _progress() as report:
        lines = stage.evaluate(
            encoder,
            target,
            config.grid.conditions,
            config.seeds,
            models,
            paths.data(target),
            paths.evaluated(encoder, target),
            config.languages.evaluation,
            config.source,
            config.retrieval,
            config.training.threads,
            report(f"{encoder} {target}"),
        )
    _print(lines)


@app.command(rich_help_panel=STAGES)
def collect() -> None:
    """Everything measured → the tables' inputs: scores, and what made them, as CSV."""
    from xit.stages import collect as stage

    config = _config()
    grid = config.grid
    cells = (grid.encoders, grid.conditions, grid.targets, grid.bare_targets, grid.tasks, config.seeds)
    rates = {name: settings.learning_rate for name, settings in config.encoders.items()}
    _print(stage.collect(*cells, rates, Path(), paths.RESULTS))


@app.command(rich_help_panel=STAGES)
def paper() -> None:
    """Scores → tables, figures, verdicts, sentences and the PDF."""
    from xit.stages import paper as stage

    _print(stage.paper(paths.SCORES, paths.RESULTS, _parameters(), paths.GENERATED, paths.MAIN, paths.PDF))


def _parameters() -> dict[str, Any]:
    """params.yaml as plain values, after they have been checked; not what the grid asks of its workers."""
    import yaml

    _config()
    found: dict[str, Any] = yaml.safe_load(paths.PARAMS.read_text(encoding="utf-8"))
    del found["resources"]
    return found


def _section(sections: Mapping[str, Any], name: str, where: str) -> Any:
    from xit.core.errors import near

    if name not in sections:
        known = ", ".join(sections)
        raise ConfigError(f"{paths.PARAMS}: {where}.{name}: missing.{near(name, sections)} There is: {known}.")
    return sections[name]


@app.command(rich_help_panel=STAGES)
def reproduce(
    profile: Annotated[str, typer.Option(help="`default`, or a file of profiles/.")] = "default",
    data: Annotated[
        Path | None, typer.Option(help="The folder of published files, for profiles that read them.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Stage instances side by side, one thread each.")] = 2,
    preset: Annotated[
        str | None, typer.Option(help="A file of presets/, under the profile's own values; else the profile's.")
    ] = None,
    executor: Annotated[
        Literal["local", "dask"], typer.Option(help="Processes of this command; or workers of dask.distributed.")
    ] = "local",
    scheduler: Annotated[
        str | None, typer.Option(help="Of dask: its address, tcp://host:8786; else workers on this machine.")
    ] = None,
) -> None:
    """Run whatever is stale, from data to paper, independent instances side by side; then show the results."""
    from xit.pipeline import config, overlay, runner

    if scheduler is not None and executor != "dask":
        raise ConfigError("--scheduler: only dask has one. Add --executor dask.")
    root = overlay.prepare(_project(), profile, data, lambda message: typer.echo(message, err=True), preset)
    where: Any = runner.local
    if executor == "dask":
        from xit.pipeline import dask_workers

        where = functools.partial(dask_workers.opened, scheduler, config.load(root / paths.PARAMS).resources)
    with _grid_progress() as report:
        ran = runner.run(root, jobs, report, where, lambda message: typer.echo(message, err=True))
    typer.echo(f"{ran} stage instances ran." if ran else "Nothing is stale; nothing was run.", err=True)
    if root == Path() and Path("README.md").is_file():
        from xit.stages.paper import put_answer

        put_answer(Path("README.md"), paths.GENERATED / "answer.md")
    _show_results(root)


@planning.command("plan")
def grid_plan(
    profile: Annotated[str, typer.Option(help="`default`, or a file of profiles/.")] = "default",
    data: Annotated[
        Path | None, typer.Option(help="The folder of published files, for profiles that read them.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="A file of presets/, under the profile's own values; else the profile's.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Stage instances that would run at once.")] = 2,
    as_json: Json = None,
) -> None:
    """What `xit reproduce` would run and what it would cost: instances, trainings, CPU and GPU hours, disk."""
    from xit.pipeline import config, overlay, runner
    from xit.pipeline.estimate import estimate

    root = overlay.prepare(_project(), profile, data, lambda message: typer.echo(message, err=True), preset)
    found = estimate(config.load(root / paths.PARAMS), runner.plan(root))
    hours = sum(found["sums"][key] for key in ("cpu_hours", "gpu_hours"))
    found["hours"] = {"workers": workers, "hours": max(hours / workers, found["at_least_hours"])}
    if _has_told(found, as_json):
        return
    _print_plan(found, profile)


def _duration(hours: float) -> str:
    if hours < 1.5:
        return f"{hours * 60:.1f} min" if hours else "–"
    return f"{hours:,.0f} h"


def _print_plan(found: Mapping[str, Any], profile: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    stale, total = found["instances"]["stale"], found["instances"]["total"]
    title = f"{profile}: {stale} of {total} stage instances are stale, {found['trainings']} trainings"
    table = Table("stage", title=title, title_style="bold", title_justify="left")
    for column in ("instances", "models", "CPU time", "GPU time", "disk, GiB"):
        table.add_column(column, justify="right")

    def shown(row: Mapping[str, float]) -> tuple[str, str, str]:
        return _duration(row["cpu_hours"]), _duration(row["gpu_hours"]), f"{row['disk_gib']:,.2f}"

    for row in found["stages"]:
        table.add_row(row["stage"], str(row["instances"]), f"{row['models']:,}", *shown(row))
    table.add_section()
    table.add_row("all", str(stale), "", *shown(found["sums"]))
    console.print(table)
    hours = found["hours"]
    console.print(
        f"{_duration(hours['hours'])} with {hours['workers']} at once; at least "
        f"{_duration(found['at_least_hours'])}, the longest chain, with any number.",
        highlight=False,
    )
    assumed = Table(
        "what", "taken as", "", "from", title="Not in params.yaml", title_style="bold", title_justify="left"
    )
    for name, entry in found["assumptions"].items():
        kind = "measured" if entry["is_measured"] else "assumed"
        assumed.add_row(name, f"{entry['value']:.3g} {entry['unit']}".strip(), kind, entry["source"])
    console.print(assumed)


@contextlib.contextmanager
def _grid_progress() -> "Iterator[Callable[[Event], None]]":
    """On a terminal a bar, counts, and what runs where; elsewhere a line for each instance that ended."""
    if not sys.stderr.isatty():

        def log(event: "Event") -> None:
            if event.state != "started":
                how = "" if event.state == "done" else f"{event.state}, "
                at = "" if event.worker == "here" else f" on {event.worker}"
                line = f"[{event.done}/{event.total}] {event.instance} ({how}{event.seconds:.0f} s{at})"
                typer.echo(line, err=True)

        yield log
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("stage instances"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    counts = Progress(*columns, TextColumn("[dim]{task.fields[counts]}"))
    rows = Progress(TextColumn("  {task.fields[worker]}"), TextColumn("{task.description}"), TimeElapsedColumn())
    bar = counts.add_task("", total=None, counts="")
    running: dict[str, Any] = {}
    states = {"failed": 0, "lost": 0}
    with Live(Group(counts, rows), console=Console(stderr=True), refresh_per_second=4):

        def show(event: "Event") -> None:
            if event.state == "started":
                running[event.instance] = rows.add_task(event.instance, total=None, worker=event.worker)
            else:
                rows.remove_task(running.pop(event.instance))
            if event.state in states:
                states[event.state] += 1
            waiting = event.total - event.done - len(running) - states["failed"]
            others = [f"{number} {name}" for name, number in states.items() if number]
            text = ", ".join([f"{len(running)} running", f"{waiting} waiting", *others])
            counts.update(bar, completed=event.done, total=event.total, counts=text)

        yield show


def _show_results(root: Path) -> None:
    from rich.console import Console

    from xit.stages.paper import summary

    console = Console()
    for part in summary(root / paths.GENERATED, root / paths.PDF):
        console.print(part)


@app.command(rich_help_panel=LOOKING)
def tasks(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, all facts.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As docs/tasks.md has them, all facts.")] = False,
) -> None:
    """The tasks: format, main metric, languages, sources."""
    if as_markdown:
        from xit.cli.tasks_page import markdown

        typer.echo(markdown(), nl=False)
        return
    from xit.core import registry

    found: dict[str, Task] = {name: registry.load("tasks", name).task for name in registry.names("tasks")}
    if as_json:
        typer.echo(json.dumps({name: dataclasses.asdict(t) for name, t in found.items()}, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Column, Table

    columns = ("id", "format", "metric", Column("languages", justify="right"), "group", "sources")
    table = Table(*columns, box=None, padding=(0, 1, 0, 0), pad_edge=False)  # fits 80 columns
    for name, task in found.items():
        sources = " ".join(["micro", *(["files"] if task.files else []), *(["hub"] if task.hub else [])])
        languages = str(len(task.languages))
        table.add_row(name, task.format, task.metric, languages, task.group or "intermediate", sources)
    Console().print(table)


@app.command(rich_help_panel=LOOKING)
def encoders(as_json: Annotated[bool, typer.Option("--json", help="As JSON, all facts.")] = False) -> None:
    """The encoders: architecture, direction, and where they start: a size in params.yaml, or released weights."""
    from xit.core import registry
    from xit.modeling import encoders as modeling

    names = registry.names("encoders")
    sizes = _config().encoders if paths.PARAMS.is_file() else {}
    facts = {name: dataclasses.asdict(modeling.info(name)) for name in names}
    for name in names:
        shape = sizes[name].size if name in sizes else None
        module = registry.load("encoders", name)
        facts[name]["size"] = dataclasses.asdict(shape) if shape else None
        facts[name]["released"] = dataclasses.asdict(module.RELEASED) if hasattr(module, "RELEASED") else None
    if as_json:
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "title", "architecture", "direction", "starts from", box=None, padding=(0, 1, 0, 0))
    for name, values in facts.items():
        size = ", ".join(f"{key} {value}" for key, value in (values["size"] or {}).items())
        place = values["released"]["repository"].split()[0].partition("@")[0] if values["released"] else "–"
        table.add_row(name, values["title"], values["architecture"], values["direction"], size or place)
    Console().print(table)


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
    preset: Annotated[str | None, typer.Option(help="Instead, a file of presets/: its values and sources.")] = None,
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
    """Some examples of a task, as models see them; or all, power or GPU memory of an experiment; or a preset."""
    if memory:
        _show_memory(encoder, rows, length, precision)
        return
    if power:
        _show_power(sd_seeds, sd_languages)
        return
    if profile is not None:
        _show_profile(profile, preset, data)
        return
    if preset:
        _show_preset(preset)
        return
    if task is None:
        names = "--power, --memory, --profile or --preset NAME"
        raise typer.BadParameter(f"say which task, as `xit tasks` lists them, or {names}.")
    import itertools

    from rich.console import Console
    from rich.panel import Panel
    from rich.text import Text

    from xit.core import registry

    if split not in ("train", "validation", "test"):
        raise ConfigError(f"--split: {split}: no such split. Splits: train, validation, test.")
    facts = registry.load("tasks", task).task
    name, module, settings = _chosen_source(_config(), source, data, language)
    available = module.languages(facts, settings)
    codes = language or (["en"] if "en" in available or (split != "test" and facts.is_trained) else list(available[:1]))
    console = Console()
    for code in codes:
        for example in itertools.islice(module.examples(task, facts, split, code, settings), count):
            body = Text("\n").join(Text.assemble((f"{key}  ", "bold"), _shown(value)) for key, value in example.items())
            console.print(Panel(body, title=f"{facts.title}, {name} source, {split}, {code}", title_align="left"))


def _show_profile(profile: str, preset: str | None, data: Path | None) -> None:
    from rich.console import Console

    from xit.pipeline.show_profile import preview

    console = Console()
    console.width = max(console.width, 160)  # commits are not cut
    for part in preview(Path(), profile, data, preset):
        console.print(part, highlight=False, markup=False) if isinstance(part, str) else console.print(part)


def _show_power(sd_seeds: float | None, sd_languages: float | None) -> None:
    from rich.console import Console

    from xit.stages import paper as stage

    Console().print(stage.power(paths.SCORES, _parameters(), sd_seeds, sd_languages))


def _show_preset(name: str) -> None:
    from rich.console import Console

    from xit.paper.render import printed, renderable
    from xit.pipeline import presets
    from xit.tables.hyperparameters import preset_table

    Console().print(renderable(printed(preset_table([presets.load(paths.PRESETS, name)]))))


def _show_memory(encoder: str | None, rows: int, length: int, precision: Literal["float32", "bfloat16"] | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from xit.cli import memory
    from xit.pipeline.estimate import pieces

    config = _config()
    numbers, masked = precision or config.training.precision, config.pretraining.masked_fraction
    if encoder is None or encoder == memory.XLM_R_LARGE:
        name, terms = "XLM-R Large", memory.of_transformer(memory.LARGE, rows, length, numbers, masked)
    else:
        size = _section(config.encoders, encoder, "encoders").size
        if size is None:
            raise ConfigError(
                f"--encoder {encoder}: it starts from released weights, so that params.yaml does not say its size. "
                "The estimate is for encoders from scratch, and for XLM-R Large (without --encoder)."
            )
        name, numbers = encoder, "float32"
        terms = memory.of_encoder(encoder, size, pieces(config, encoder), rows, length, masked)
    title = f"A training step of {name} at its peak: {rows} rows of {length} tokens at once, {numbers}"
    table = Table("", "", "MB", "with checkpointing", title=title, title_style="bold", title_justify="left")
    for term in terms:
        table.add_row(term.name, term.formula, f"{term.plain / 1e6:,.1f}", f"{term.checkpointed / 1e6:,.1f}")
    totals = (sum(term.plain for term in terms), sum(term.checkpointed for term in terms))
    table.add_section()
    table.add_row("sum", "", *(f"{total / 1e6:,.1f}" for total in totals))
    for column in table.columns[2:]:
        column.justify = "right"
    console, size_of_gpu = Console(), memory.GPU_BYTES / 1e9
    console.print(table)
    fits = ["fits" if total <= memory.GPU_BYTES else "does not fit" for total in totals]
    most = memory.most_rows(terms, rows)
    console.print(
        f"It {fits[0]} on one {size_of_gpu:.0f} GB GPU, and {fits[1]} with training.gradient_checkpointing; at most "
        f"{most[0]:,} rows at once do, and {most[1]:,} with it. Gradients are made while activations are freed, so "
        "that the sum is more than the peak; CUDA and its allocator, about 1 GB, come on top.",
        soft_wrap=True,
        highlight=False,
    )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " | ".join(map(str, value)) or "(none)"
    return str(value)


def _chosen_source(
    config: "Config", source: str | None, data: Path | None, languages: list[str] | None, most: int | None = None
) -> tuple[str, Any, Any]:
    """The source's name, module and settings, with what the command line says in place of params.yaml.

    The limit `most_test` belongs to the grid: here all test examples are taken, or the first `most`.
    """
    from xit.core import registry
    from xit.core.errors import raise_all

    name = source or ("files" if data else config.source)
    if name not in ("micro", "files", "hub"):
        raise ConfigError(f"--source: {name}: no such source. Sources: micro, files, hub.")
    if name == "files" and not data and not config.files.folder:
        raise ConfigError("--source files: say where the published files are: --data FOLDER.")
    module = registry.load("sources", name)
    settings: Any
    if name == "micro":
        if most is not None:
            raise ConfigError("--most: the micro source makes as many examples as micro.test says. Leave --most out.")
        raise_all(ConfigError, [f"--language {fault}" for fault in module.check_languages(languages or ())])
        settings = dataclasses.replace(config.micro, languages=tuple(languages or config.languages.evaluation))
    elif name == "hub":
        settings = dataclasses.replace(config.hub, most_test=most or 0)
    else:
        folder = str(data) if data else config.files.folder
        settings = dataclasses.replace(config.files, folder=folder, most_test=most or 0)
    return name, module, settings


@app.command(rich_help_panel=LOOKING)
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Open no socket: do not ask the Hub.")] = False,
    cache: Annotated[bool, typer.Option("--cache", help="Also read every object of DVC's cache.")] = False,
    as_json: Json = None,
) -> None:
    """What this machine has that the experiment needs, and what to do where it has not. Exits with 1 on a fault."""
    from xit.pipeline.doctor import examine

    found = []
    colours = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "fault": typer.colors.RED}
    for finding in examine(Path(), offline, cache):
        found.append(dataclasses.asdict(finding))
        if str(as_json) != "-":
            status = typer.style(f"{finding.status:<8}", fg=colours[finding.status])
            typer.echo(f"{status} {finding.name:<12} {finding.found}")
            _print([f"{'':21} {finding.advice}"] if finding.advice else [])
    _has_told(found, as_json)
    if any(finding["status"] == "fault" for finding in found):
        raise typer.Exit(1)


@app.command(rich_help_panel=ANSWERS)
def claims(as_json: Json = None) -> None:
    """What our scores say of each published claim, for each encoder: estimate, interval, verdict."""
    from rich.console import Console

    from xit.stages.paper import verdict_tables, verdicts

    label, found = verdicts(paths.SCORES, _parameters(), paths.PUBLISHED)
    if _has_told(found, as_json):
        return
    console = Console()
    for table in verdict_tables(label, found):
        console.print(table)


@app.command(rich_help_panel=ANSWERS)
def scaling(
    scores: Annotated[
        Path | None, typer.Argument(help="A table of scores, with audit.csv beside it; else that of this experiment.")
    ] = None,
    as_json: Json = None,
) -> None:
    """Whether a gain grows with the examples of the intermediate task, pair by pair: verdict, law, prediction."""
    from rich.console import Console

    from xit.stages import paper as stage

    parameters = _parameters()
    if scores is not None:  # another experiment's: its steps are not known, and every example counts as seen
        parameters = {**parameters, "intermediate": {}}
    found = stage.scaling(scores or paths.SCORES, parameters)
    if _has_told(found, as_json):
        return
    Console().print(stage.scaling_table(found))


@app.command(rich_help_panel=ANSWERS)
def gains(encoder: Encoder, condition: Condition, target: Target) -> None:
    """The gain in each language and seed, paired over examples: these two models on more examples like these."""
    from rich.console import Console

    from xit.core.scores import read_scores
    from xit.scoring.rescore import example_gains
    from xit.stages.paper import example_table

    scores = read_scores(paths.SCORES)
    found = example_gains(scores, encoder, condition, target, paths.EVALUATIONS, paths.data(""))
    Console().print(example_table(f"{target}: the {encoder} encoder after {condition}, minus none", found))


@app.command(rich_help_panel=ANSWERS)
def report(out: Annotated[Path, typer.Option(help="The HTML file to write.", dir_okay=False)] = paths.REPORT) -> None:
    """Scores → one HTML file to explore the grid in a browser, without a network: gains, languages, predictions."""
    from xit.report import report as write

    _print(write(paths.SCORES, paths.EVALUATIONS, paths.data(""), _parameters(), out))


@app.command(rich_help_panel=ANSWERS)
def verify(
    reference: Annotated[
        Path | None, typer.Option(help="A folder with scores.csv and tables/; else paper/reference/SOURCE.")
    ] = None,
    write: Annotated[Path | None, typer.Option(help="Write these results as such a folder, if they agree.")] = None,
) -> None:
    """Compute scores from predictions and tables from scores again, and compare both with a reference.

    A number may differ by what fresh seeds would do; xit/paper/verify.py has the rule.
    """
    from xit.paper import verify

    found = verify.verify(Path(), _parameters(), reference, write)
    _print([*found.notes, *map(str, found.comparisons), *(f"  {line}" for line in found.differences), found.verdict])
    if write is not None:
        typer.echo(f"{write}: not written, since these results differ" if found.differences else f"wrote {write}")
    if found.differences:
        raise typer.Exit(1)


@app.command(name="eval", rich_help_panel=LOOKING)
def evaluate_checkpoint(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint folder, made here or by transformers; or a Hub id.")],
    task: Annotated[list[str] | None, typer.Option(help="A task; again for more. Else the checkpoint's own.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="A language; again for more. Else all.")] = None,
    source: Annotated[str | None, typer.Option(help="micro, files or hub; else that of params.yaml.")] = None,
    data: Annotated[Path | None, typer.Option(help="The folder of published files.")] = None,
    most: Most = None,
    as_json: Json = None,
    predictions: Annotated[Path | None, typer.Option(help="Write predictions here, in submission layout.")] = None,
    xcopa_questions: Annotated[
        Literal["released", "repaired"] | None, typer.Option(help="XCOPA's questions; else as in params.yaml.")
    ] = None,
) -> None:
    """Score one checkpoint, yours or ours: zero-shot, in every language of its task.

    A fine-tuned checkpoint is scored on its own task; a bare encoder on the retrieval tasks that need no training.
    """
    from xit.evaluation.evaluate import report_of

    config = _config()
    name, module, settings = _chosen_source(config, source, data, language, most)
    if xcopa_questions and name != "micro":
        settings = dataclasses.replace(settings, xcopa_questions=xcopa_questions)
    with _progress() as report:
        bars = functools.cache(report)  # a bar for each thing that is done
        found = report_of(
            checkpoint,
            task,
            language,
            name,
            module,
            settings,
            config.retrieval,
            predictions,
            paths.WORKING,
            lambda what, done, total: bars(what)(done, total, {}),
        )
    if _has_told(found, as_json):
        return
    _print_evaluation(found, name)


Benchmark = Annotated[str, typer.Option("--benchmark", help="xtreme-r or xtreme.")]


@app.command(rich_help_panel=LOOKING)
def score(
    predictions: Annotated[Path, typer.Argument(help="A folder of predictions, <task>/test-<language>.<extension>.")],
    gold: Annotated[Path, typer.Argument(help="A folder of right answers, in the same layout.")],
    benchmark: Benchmark,
    as_json: Json = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Score the tasks and languages that are there; name those that are not.")
    ] = False,
) -> None:
    """Score a submission to XTREME-R or XTREME as its evaluator does: by language, task, group, and overall."""
    from xit.scoring import evaluator

    _print_scores(evaluator.score(predictions, gold, benchmark, partial), as_json)


@app.command(rich_help_panel=LOOKING)
def submit(
    checkpoint: Annotated[list[str], typer.Argument(help="Fine-tuned checkpoints, one a task; and one bare encoder.")],
    benchmark: Benchmark,
    out: Annotated[Path, typer.Option(help="The folder to write, in submission layout.")],
    gold: Annotated[Path | None, typer.Option(help="Also write the right answers of the same examples here.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="A language; again for more. Else all.")] = None,
    source: Annotated[str | None, typer.Option(help="micro, files or hub; else that of params.yaml.")] = None,
    data: Annotated[Path | None, typer.Option(help="The folder of published files.")] = None,
    most: Most = None,
    as_json: Json = None,
) -> None:
    """Checkpoints → the folder that a benchmark asks for, scored; what it asks for beside is named."""
    from xit.evaluation.submit import submit as write

    config = _config()
    name, module, settings = _chosen_source(config, source, data, language, most)
    with _progress() as report:
        found = write(
            checkpoint,
            benchmark,
            out,
            gold,
            language,
            name,
            module,
            settings,
            config.retrieval,
            report("tasks"),
        )
    _print_scores(found, as_json)


def _print_scores(found: Mapping[str, Any], as_json: Path | None) -> None:
    from rich.console import Console

    from xit.scoring.evaluator import tables

    if _has_told(found, as_json):
        return
    console = Console()
    for part in tables(found):
        console.print(part, soft_wrap=isinstance(part, str), markup=False, highlight=False)


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
    from xit.core.errors import DataError, raise_all
    from xit.sources.audit import audit

    config = _config()
    name, _, settings = _chosen_source(config, source, data, None)
    is_own = name == config.source and data is None
    found = audit(task or (config.grid.tasks if is_own else None), name, settings)
    if not _has_told(found, as_json):
        _print_audit(found)
    raise_all(DataError, [error for facts in found["tasks"].values() for error in facts["errors"]], most=100)


AUDITED = {
    "duplicates": "twice",
    "shared_with_earlier_splits": "in an earlier split",
    "parts_shared_with_earlier_splits": "a part in an earlier split",
    "shared_between_languages": "in another language",
    "placeholders": "filler",
    "empty_fields": "empty",
    "repaired": "repaired",
    "dropped": "dropped",
    "faults": "faulty",
}
"""What the audit counts, and the heading of its column, which is shown where there is any."""


def _print_audit(found: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for name, facts in found["tasks"].items():
        title = f"{facts['title']} ({found['source']} source)" + (f", {facts['revision']}" if facts["revision"] else "")
        shown = [key for key in AUDITED if any(row[key] for row in facts["splits"])]
        table = Table("split", "", "examples", "published", title=title, title_style="bold", title_justify="left")
        for key in shown:
            table.add_column(AUDITED[key], justify="right", max_width=14)
        table.add_column("sha256", no_wrap=True)
        table.columns[2].justify = table.columns[3].justify = "right"
        for row in facts["splits"]:
            published = "–" if row["published"] is None else f"{row['published']:,}"
            counts = (f"{row[key]:,}" if row[key] else "" for key in shown)
            table.add_row(row["split"], row["language"], f"{row['examples']:,}", published, *counts, row["sha256"][:8])
        console.print(table)
        for note in _audit_notes(name, facts):
            console.print(f"  {note}", markup=False, highlight=False, soft_wrap=True)
        console.print()
    splits = [row for facts in found["tasks"].values() for row in facts["splits"]]
    total = (
        f"{sum(row['examples'] for row in splits):,} examples in {len(splits)} splits of {len(found['tasks'])} tasks"
    )
    absent = f"; the {found['source']} source has nothing of {', '.join(found['absent'])}" if found["absent"] else ""
    console.print(f"{total}{absent}.", highlight=False, soft_wrap=True)


def _audit_notes(task: str, facts: Mapping[str, Any]) -> list[str]:
    """What the table of a task does not say."""
    rules = {note.rpartition(": ")[0] for row in facts["splits"] for note in row["notes"].split("; ") if note}
    notes = [f"repaired or dropped: {rule}" for rule in sorted(rules)]
    changed = {code: entry["questions_changed"] for code, entry in facts["variants"].get("repaired", {}).items()}
    if changed:
        counts = ", ".join(f"{code} {count}" for code, count in changed.items())
        command = f"`xit eval CHECKPOINT --task {task} --xcopa-questions released` (or `repaired`)"
        notes.append(f"questions unlike the Estonian ones: {counts}. To score either variant: {command}")
    notes += [f"known: {fault}" for fault in facts["known_faults"]]
    if facts["missing_languages"]:
        notes.append(f"missing languages: {' '.join(facts['missing_languages'])}")
    zero = [heading for key, heading in AUDITED.items() if not any(row[key] for row in facts["splits"])]
    return [*notes, f"none: {', '.join(zero)}"]


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
    from xit.core.files import write_csv
    from xit.evaluation.buckets import report_of

    config = _config()
    name, module, settings = _chosen_source(config, source, data, None, most)
    found = report_of(predictions, task, language, name, module, settings, config.languages.pretraining)
    if csv is not None:
        write_csv(csv, [{**row, "bounds": "–".join(map(str, row["bounds"] or ()))} for row in found["buckets"]])
    if _has_told(found, as_json):
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("", "", "languages", "examples", found["metric"], title=f"{task} ({name} source)", title_style="bold")
    for column in table.columns[2:]:
        column.justify = "right"
    shown = ""
    for row in found["means"]:
        if row["attribute"] != shown:
            table.add_section()
        first = row["attribute"] if row["attribute"] != shown else ""
        shown = row["attribute"]
        counts = (str(len(row["languages"])), f"{row['examples']:,}", f"{row['value']:.1f}")
        table.add_row(first, row["bucket"], *counts)
    Console().print(table)


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
    from xit.evaluation import checklist_templates
    from xit.evaluation.checklist import ask

    if templates is not None:
        suite = checklist_templates.of_templates(templates, language, samples)
    else:
        config = _config()
        _, module, settings = _chosen_source(config, "micro", None, language)
        from xit.core.errors import raise_all

        raise_all(ConfigError, module.check_languages(settings.languages))
        suite = checklist_templates.of_micro(settings, settings.languages, samples)
    with _progress() as report:
        tests = ask(checkpoint, suite, report("checklist"))
    found = {"checkpoint": str(checkpoint), "templates": str(templates or "micro"), "tests": tests}
    if _has_told(found, as_json):
        return
    _print_checklist(found)


def _print_checklist(found: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    tests = found["tests"]
    title = f"failed cases in % (failed questions in %), templates: {found['templates']}"
    table = Table("", *tests, title=title, title_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    for code in next(iter(tests.values())):
        values = [by_language[code] for by_language in tests.values()]
        table.add_row(code, *(f"{v['failed_cases']:.1f} ({v['failed_questions']:.1f})" for v in values))
    table.add_section()
    means = [
        [sum(v[key] for v in by_language.values()) / len(by_language) for key in ("failed_cases", "failed_questions")]
        for by_language in tests.values()
    ]
    table.add_row("mean", *(f"{cases:.1f} ({questions:.1f})" for cases, questions in means))
    Console().print(table)


@importing.command("released")
def import_released(
    source: Annotated[str, typer.Argument(help="A folder, or owner/name or owner/name@commit of the Hub.")],
    out: NewFolder,
    direction: Annotated[
        str | None, typer.Option(help="How a causal model is read: causal, echo (twice) or two-way. Kept.")
    ] = None,
) -> None:
    """An encoder that transformers loads, and its tokenizer."""
    from xit.modeling import convert as make

    _print(make.released(source, direction, out))


@importing.command("laser2")
def import_laser2(
    weights: Annotated[Path, typer.Option(help="laser2.pt")],
    sentencepiece: Annotated[Path, typer.Option(help="laser2.spm")],
    vocabulary: Annotated[Path, typer.Option(help="laser2.cvocab")],
    out: NewFolder,
) -> None:
    """LASER2, the released BiLSTM: its three files."""
    from xit.modeling import convert as make

    _print(make.laser2(weights, sentencepiece, vocabulary, out))


def _print_evaluation(found: Mapping[str, Any], source: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"{found['checkpoint']} ({found['direction']})", soft_wrap=True, highlight=False)
    for task, values in found["tasks"].items():
        table = Table("language", values["metric"], "examples", title=f"{task} ({source} source)", title_style="bold")
        table.columns[1].justify = table.columns[2].justify = "right"
        scores = values["languages"]
        for code, value in scores.items():
            table.add_row(code, f"{value:.1f}", f"{values['examples'][code]:,}")
        table.add_section()
        table.add_row("mean", f"{values['mean']:.1f}")
        others = [value for code, value in scores.items() if code != "en"]
        if "en" in scores and others:
            table.add_row("transfer gap", f"{scores['en'] - sum(others) / len(others):.1f}")
        console.print(table)
