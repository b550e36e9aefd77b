"""`xit show`: examples of a task, and an experiment before it is run."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperGroup

from xit.cli import terminal
from xit.cli.options import (
    LOOKING,
    DataFolder,
    FormerPreset,
    SourceName,
    chosen_source,
    load_config_or_defaults,
    parameters,
    profile_of,
)
from xit.core.errors import ConfigError
from xit.pipeline import paths

if TYPE_CHECKING:
    from xit.core.task import Split

COMMANDS = ("task", "profile", "power", "memory")


def today(arguments: Sequence[str]) -> list[str]:
    """Arguments of `xit show` as they are spelt today: `xquad` is `task xquad`, and `--profile NAME` `profile NAME`."""
    given = list(arguments)
    if not given or given[0] in (*COMMANDS, "-h", "--help"):
        return given
    for option, command in (("power", "power"), ("memory", "memory"), ("profile", "profile"), ("preset", "profile")):
        for place, argument in enumerate(given):
            name, equals, value = argument.partition("=")
            if name == f"--{option}":
                values = [value] if equals else given[place + 1 : place + 2] if command == "profile" else []
                return [command, *values, *given[:place], *given[place + (1 if equals else 1 + len(values)) :]]
    return ["task", *given]


class _Group(TyperGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, today(args))


app = typer.Typer()
show = typer.Typer(
    cls=_Group,
    help="Show examples of a task, or an experiment before it is run. "
    "`xit show xquad` is short for `xit show task xquad`.",
    no_args_is_help=True,
)
app.add_typer(show, name="show", rich_help_panel=LOOKING)


@show.command()
def task(
    task: Annotated[str, typer.Argument(help="A task's id, as `xit tasks` lists them.")],
    language: Annotated[list[str] | None, typer.Option(help="A language; again for more. Else English.")] = None,
    split: Annotated[str, typer.Option(help="train, validation (both are in English) or test.")] = "test",
    count: Annotated[int, typer.Option(min=1, help="How many examples of each language.")] = 5,
    source: SourceName = None,
    data: DataFolder = None,
) -> None:
    """Show some examples of a task, as the models get to see them.

    Example: `xit show task xquad --language de --count 2`.
    """
    from xit.cli import tables
    from xit.core.task import task_of

    if split not in ("train", "validation", "test"):
        raise ConfigError(f"--split: {split}: no such split. Splits: train, validation, test.")
    facts = task_of(task)
    chosen = chosen_source(load_config_or_defaults(), source, data, language)
    available = chosen.languages(facts)
    codes = language or (["en"] if "en" in available or (split != "test" and facts.is_trained) else list(available[:1]))
    if not codes:
        raise ConfigError(
            f"{task}: the {chosen.name} source has no {split} examples of it. `xit tasks` lists the sources of each "
            "task, and docs/tasks.md the files that it reads; another --split may have some."
        )
    for code in codes:
        title = f"{facts.title}, {chosen.name} source, {split}, {code}"
        examples = itertools.islice(chosen.examples(facts, cast("Split", split), code), count)
        terminal.show(tables.example(example, title) for example in examples)


@show.command()
def profile(
    profile: Annotated[str, typer.Argument(help="A file of profiles/; `default` is params.yaml as it is.")],
    data: DataFolder = None,
    preset: FormerPreset = None,
) -> None:
    """Show a whole experiment before it is run: its grid, ids, commits and numbers, or all that is wrong with it.

    Of a profile that says where its values are from, the sources are shown too.

    Example: `xit show profile xtreme-r`.
    """
    from xit.cli.show_profile import preview
    from xit.cli.tables import of_paper
    from xit.paper.render import printed
    from xit.pipeline import overlay
    from xit.tables.hyperparameters import preset_table

    name = profile_of(profile, preset)
    parts: list[Any] = [*preview(Path(), name, data)]
    if (chosen := overlay.load(paths.PROFILES, name)).has_sources:
        parts.append(of_paper(printed(preset_table([chosen]))))
    terminal.show(parts)


@show.command()
def power(
    sd_seeds: Annotated[
        float | None,
        typer.Option(
            min=0, help="Assumed standard deviation of a mean gain between seeds, in points; else as observed."
        ),
    ] = None,
    sd_languages: Annotated[
        float | None,
        typer.Option(min=0, help="Assumed standard deviation of a mean gain between languages; goes with --sd-seeds."),
    ] = None,
) -> None:
    """Show the smallest gain, and difference between encoders, that is found in 80 % of cases, by number of seeds.

    How they scatter is observed in results/scores.csv, or assumed where both options are given.

    Example: `xit show power --sd-seeds 1.5 --sd-languages 3`.
    """
    from xit.cli import tables
    from xit.cli.power import power

    terminal.show(tables.power(**power(paths.SCORES, parameters(), sd_seeds, sd_languages)))


@show.command(hidden=True, context_settings={"ignore_unknown_options": True})
def memory(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Say where the estimate of memory is."""
    command = " ".join(["python benchmarks/memory.py", *(arguments or ())])
    raise ConfigError(f"xit show memory: this estimate is a script of the project's folder now. Run: {command}")
