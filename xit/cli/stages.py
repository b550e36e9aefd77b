"""The stages of dvc.yaml: a command each, which hands its part of params.yaml to the stage."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xit.cli import environment, terminal
from xit.cli.options import STAGES, Condition, Encoder, Target, in_a_folder, load_config, parameters
from xit.core.conditions import BASELINE
from xit.core.errors import ConfigError
from xit.core.plan import Cell, Places
from xit.core.progress import about
from xit.core.task import task_of
from xit.pipeline import paths, plans

if TYPE_CHECKING:
    from xit.core.progress import Report
    from xit.core.settings import VocabularySettings
    from xit.pipeline.config import Config

app = typer.Typer()


@app.command(rich_help_panel=STAGES)
def data(
    task: Annotated[
        str, typer.Argument(help="A task's id; or `text`, the text for pretraining, or `parallel`, its pairs.")
    ],
) -> None:
    """Write the examples of a task as Parquet, in the schema of its format; or what is for pretraining.

    That is text in every language, and pairs of English and each other language, which objectives of translation read:
    where none of them has a share (pretraining.objectives), no pair is written.

    Example: `xit data xnli`.
    """
    from xit.sources import open_source
    from xit.stages import data as stage

    config = load_config()
    if task == "text":
        languages = config.languages.pretraining
        terminal.print_lines(stage.text(open_source(config, languages=languages), languages, paths.TEXT))
    elif task == "parallel":
        languages = config.languages.pretraining
        source = open_source(config, languages=languages)
        read = languages if config.reads_pairs else ()
        terminal.print_lines(stage.parallel(source, read, paths.PARALLEL))
    else:
        languages = config.languages.evaluation
        terminal.print_lines(stage.data(task, open_source(config, languages=languages), languages, paths.data(task)))


@app.command(rich_help_panel=STAGES)
def translate(
    condition: Annotated[str, typer.Argument(help="A task and a language, as in mnli+de.", metavar="TASK+LANGUAGE")],
) -> None:
    """Write the training examples of a task in another language.

    The micro source renders them itself; for the others translation.model of params.yaml translates them.

    Example: `xit translate mnli+de`.
    """
    from xit.core import conditions
    from xit.stages import translate as stage

    config = load_config()
    found = conditions.parse(condition)
    if found.task is None or found.language == "en" or condition != f"{found.task}+{found.language}":
        raise ConfigError(f"{condition}: should be a task, + and a language other than English, as in mnli+de.")
    if config.source == "micro":
        settings: Any = dataclasses.replace(config.micro, languages=(found.language,))
    else:
        settings = _computing(config).translation
    places = Places(paths.TRANSLATIONS, paths.DATA, paths.translated(found.task, found.language))
    with terminal.progress() as report:
        lines = stage.translate(found.task, found.language, config.source, settings, places, about(condition, report))
    terminal.print_lines(lines)


@app.command(rich_help_panel=STAGES)
def tokenizer() -> None:
    """Train the tokenizer that all encoders from scratch share, on what `xit data text` and `xit data parallel` wrote.

    Example: `xit tokenizer`.
    """
    from xit.stages import tokenizer as stage

    config = load_config()
    terminal.print_lines(stage.tokenizer(config.languages.pretraining, paths.DATA, paths.TOKENIZER, config.tokenizer))


@app.command(rich_help_panel=STAGES)
def pretrain(encoder: Encoder) -> None:
    """Pretrain an encoder on text in every language by the objectives of params.yaml, once for each seed.

    A released encoder is fetched instead, once for all seeds.

    Example: `xit pretrain lstm`.
    """
    config = _computing(load_config())
    settings = plans.section(config.encoders, encoder, "encoders")
    cells = {str(seed): Cell(encoder, seed=seed) for seed in config.seeds}
    if settings.weights != "random":
        from xit.modeling import convert

        terminal.print_lines(convert.pretrained(cells, settings.weights, paths.pretrained(encoder)))
        return
    from xit.stages import pretrain as stage

    plan = plans.pretraining(config, encoder)
    with _training() as report, _vocabulary(settings.vocabulary) as tokenizer_folder:
        lines = stage.pretrain(cells, Places(tokenizer_folder, paths.DATA, paths.pretrained(encoder)), plan, report)
    terminal.print_lines(lines)


@contextlib.contextmanager
def _vocabulary(settings: "VocabularySettings | None") -> Iterator[Path]:
    """The folder of the tokenizer that an encoder from scratch is pretrained with."""
    if settings is None:
        yield paths.TOKENIZER
        return
    import tempfile

    from xit.modeling import convert

    with tempfile.TemporaryDirectory() as folder:
        yield convert.vocabulary(settings, Path(folder))


@app.command(rich_help_panel=STAGES)
def tune(
    encoder: Encoder,
    task: Annotated[list[str] | None, typer.Argument(help="Tasks to find a rate for; else tuning.tasks.")] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            help="Put the trials into this table too: paper/inputs/tuning.csv, which the paper shows.",
            dir_okay=False,
            callback=in_a_folder,
        ),
    ] = None,
) -> None:
    """Try learning rates of an encoder on each task, and score them on English validation data alone.

    The trials are in tuning/ENCODER/trials.csv; every encoder has equally many. `dvc repro` does this for the encoders
    of tuning.encoders. By hand, run `xit data text`, `xit tokenizer` and `xit data TASK` before.

    Example: `xit tune lstm xnli`.
    """
    config = _computing(load_config())
    from xit.stages import tune as stage

    own, tuning = plans.section(config.encoders, encoder, "encoders"), config.tuning
    own_plans = plans.trials(config, encoder, task or tuning.tasks)
    trials = stage.Trials(encoder, config.source, own.weights, tuning, own_plans)
    with terminal.progress() as report, _vocabulary(own.vocabulary) as tokenizer_folder:
        places = Places(tokenizer_folder, paths.DATA, paths.tuned(encoder))
        lines = stage.tune(trials, places, report)
    if record is not None:
        lines.append(stage.record(paths.tuned(encoder) / "trials.csv", record))
    terminal.print_lines(lines)


@app.command(rich_help_panel=STAGES)
def intermediate(encoder: Encoder, condition: Condition) -> None:
    """Train the pretrained encoders on an intermediate task in English, or as another condition says.

    A condition is a task, a recipe (several tasks, masked LM, translations, subsets), or a control.

    Example: `xit intermediate lstm mnli`.
    """
    config = _computing(load_config())
    from xit.stages import intermediate as stage

    cells = {str(seed): Cell(encoder, condition, seed=seed) for seed in config.seeds}
    places = Places(paths.pretrained(encoder), paths.DATA, paths.intermediate(encoder, condition))
    plan = plans.intermediate(config, condition, encoder)
    with _training() as report:
        lines = stage.intermediate(cells, places, plan, report)
    terminal.print_lines(lines)


@app.command(rich_help_panel=STAGES)
def finetune(encoder: Encoder, target: Target) -> None:
    """Fine-tune an encoder on a target task in English, with a new head, after every condition.

    Example: `xit finetune lstm xnli`.
    """
    config = _computing(load_config())
    from xit.stages import finetune as stage

    cells = _cells(config, encoder, target)
    places = Places(paths.intermediate(encoder, ""), paths.DATA, paths.finetuned(encoder, target))
    plan = plans.target(config, target, encoder)
    with _training() as report:
        lines = stage.finetune(cells, places, plan, report)
    terminal.print_lines(lines)


@app.command(rich_help_panel=STAGES)
def evaluate(encoder: Encoder, target: Target) -> None:
    """Score an encoder on a target task in every language, for every condition and seed.

    Scores and predictions are in evaluations/.

    Example: `xit evaluate lstm xnli`.
    """
    config = _computing(load_config())
    from xit.stages import evaluate as stage

    is_trained = task_of(target).is_trained
    models = paths.finetuned(encoder, target) if is_trained else paths.intermediate(encoder, "")
    cells, places = _cells(config, encoder, target), Places(models, paths.DATA, paths.evaluated(encoder, target))
    languages, source, retrieval = config.languages.evaluation, config.source, config.retrieval
    with terminal.progress() as report:
        lines = stage.evaluate(cells, places, languages, source, retrieval, report)
    terminal.print_lines(lines)


@app.command("upper-bound", rich_help_panel=STAGES)
def upper_bound(
    encoder: Encoder,
    target: Target,
    language: Annotated[str, typer.Argument(help="The language of training and test, not English.")],
) -> None:
    """Fine-tune an encoder on a target in another language, and score it there: what would be without transfer.

    Example: `xit upper-bound lstm xnli sw`.
    """
    config = _computing(load_config())
    from xit.stages import upper_bound as stage

    cells = {str(seed): Cell(encoder, BASELINE, target, seed) for seed in config.upper_bound.seeds}
    places = Places(paths.intermediate(encoder, BASELINE), paths.DATA, paths.upper_bound(encoder, target, language))
    plan = plans.target(config, target, encoder)
    with terminal.progress() as report:
        lines = stage.upper_bound(cells, language, config.micro, places, plan, report)
    terminal.print_lines(lines)


@app.command(rich_help_panel=STAGES)
def forgetting(encoder: Encoder, target: Target) -> None:
    """Measure masked LM in every language after every condition, by the head of pretraining.

    The text is the sentences of a target with parallel ones; the losses are in evaluations/.

    Example: `xit forgetting lstm tatoeba`.
    """
    config = _computing(load_config())
    from xit.stages import forgetting as stage

    places = Places(paths.intermediate(encoder, ""), paths.DATA, paths.forgetting(encoder, target))
    settings, heads = config.pretraining, paths.pretrained(encoder)
    with terminal.progress() as report:
        cells = _cells(config, encoder, target)
        lines = stage.forgetting(cells, places, heads, settings.block_tokens, settings.masked_fraction, report)
    terminal.print_lines(lines)


def _cells(config: "Config", encoder: str, target: str) -> dict[str, Cell]:
    """The cells of every condition and seed, by the folder of each."""
    pairs = [(condition, seed) for condition in config.grid.conditions for seed in config.seeds]
    return {f"{condition}/{seed}": Cell(encoder, condition, target, seed) for condition, seed in pairs}


@app.command(rich_help_panel=STAGES)
def collect() -> None:
    """Gather all scores, and what made them, into the CSV files of results/.

    Example: `xit collect`.
    """
    from xit.stages import collect as stage

    config = load_config()
    rates = {name: settings.learning_rate for name, settings in config.encoders.items()}
    lines = stage.collect(config.grid, config.seeds, config.upper_bound, rates, Path(), paths.RESULTS)
    terminal.print_lines(lines)


@app.command(rich_help_panel=STAGES)
def paper() -> None:
    """Make the tables, figures, verdicts, sentences and the PDF of the paper from results/.

    Example: `xit paper`.
    """
    from xit.stages import paper as stage

    terminal.print_lines(stage.paper(paths.SCORES, paths.RESULTS, parameters(), paths.GENERATED, paths.MAIN, paths.PDF))


def _computing(config: "Config") -> "Config":
    """The parameters, for a command that computes with torch as they say: with which instructions and threads."""
    environment.computing(config)
    import torch

    torch.set_num_threads(config.compute.threads)
    return config


@contextlib.contextmanager
def _training() -> "Iterator[Report]":
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
    with terminal.progress() as report:
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
