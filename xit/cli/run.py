"""The whole experiment at once: `xit reproduce`, and what it would cost."""

import contextlib
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from xit.cli import environment, terminal
from xit.cli.options import STAGES, DataFolder, FormerPreset, Json, Profile, in_project, profile_of
from xit.core.errors import ConfigError
from xit.core.files import atomic
from xit.pipeline import paths

if TYPE_CHECKING:
    from xit.pipeline.config import Config

app = typer.Typer()
planning = typer.Typer(help="Show the whole experiment before it runs.", no_args_is_help=True)
app.add_typer(planning, name="grid", rich_help_panel=STAGES)


@app.command(rich_help_panel=STAGES)
def reproduce(
    profile: Profile = "default",
    data: DataFolder = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Stage instances side by side, one thread each. Else as cores and memory allow."),
    ] = None,
    preset: FormerPreset = None,
    executor: Annotated[
        Literal["local", "dask"], typer.Option(help="Processes of this command; or workers of dask.distributed.")
    ] = "local",
    scheduler: Annotated[
        str | None, typer.Option(help="Of dask: its address, tcp://host:8786; else workers on this machine.")
    ] = None,
) -> None:
    """Run what is stale, from data to paper, with independent stages side by side; then show the results.

    It ends by saying whether the scores are those of the committed reference, to the bit, with the answers of both.

    Example: `xit reproduce --profile tiny --jobs 4`.
    """
    from xit.cli import tables
    from xit.pipeline import config, machine, plans, runner

    if scheduler is not None and executor != "dask":
        raise ConfigError("--scheduler: only dask has one. Add --executor dask.")
    root = _prepared(profile_of(profile, preset), data)
    settings = environment.pin(config.load(root / paths.PARAMS))
    where: Any = runner.local
    if executor == "dask":
        from xit.pipeline import dask_workers

        where = functools.partial(dask_workers.opened, scheduler, settings.resources)
    at_once = jobs or machine.jobs(settings.resources["default"])
    ran = 0
    with terminal.progress_of_stages() as report:
        if settings.tuning.encoders:
            ran = runner.run(root, at_once, report, where, terminal.note, only="tune")
            settings = _with_tuned_rates(root, settings)
        after = plans.shared_trainings(settings)
        ran += runner.run(root, at_once, report, where, terminal.note, after)
    terminal.note(f"{ran} stage instances ran." if ran else "Nothing is stale; nothing was run.")
    from xit.paper.verify import agreement

    found = agreement(root, config.read(root / paths.PARAMS))
    terminal.show(tables.results(root / paths.GENERATED, root / paths.PDF, found))


@planning.command("plan")
def grid_plan(
    profile: Profile = "default",
    data: DataFolder = None,
    preset: FormerPreset = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Stage instances side by side. Else as cores and memory allow.")
    ] = None,
    as_json: Json = None,
) -> None:
    """Count what `xit reproduce` would run: stale stage instances, the models that they train or evaluate; and estimate
    hours and disk.

    Of a profile it makes the folder `workspaces/PROFILE`, and copies the default experiment's models into it, where
    there are none yet.

    Example: `xit grid plan --profile scaling`.
    """
    from xit.cli import cost, tables
    from xit.pipeline import config, machine, runner

    root = _prepared(profile_of(profile, preset), data)
    todo, settings = runner.plan(root), config.load(root / paths.PARAMS)
    found = {"instances": {"stale": len(todo.instances), "total": todo.total}}
    found |= _counts(settings, todo.instances)
    with contextlib.chdir(root):  # relative folders are seen from there
        found["cost"] = cost.estimate(settings, todo.instances, workers or machine.jobs(settings.resources["default"]))
    if not terminal.print_json(found, as_json):
        terminal.show(tables.plan(found, profile))


def _with_tuned_rates(root: Path, settings: "Config") -> "Config":
    """The parameters of a workspace with the rates that its own trials have chosen, put into its params.yaml, so that
    what is trained is stale where they change. The project's own params.yaml is its author's to write."""
    from xit.pipeline import config
    from xit.statistics import rates

    chosen = {}
    for encoder in settings.tuning.encoders if root != in_project() else ():
        if (trials := root / paths.tuned(encoder) / "trials.csv").is_file():
            best = rates.chosen(trials, settings.source, encoder)
            chosen[encoder] = {"learning_rates": {**(settings.encoders[encoder].learning_rates or {}), **best}}
    if not chosen:
        return settings
    values = config.laid_over(config.read(root / paths.PARAMS), {"encoders": chosen})
    with atomic(root / paths.PARAMS) as temporary:
        temporary.write_text(config.written(values), encoding="utf-8")
    return config.load(root / paths.PARAMS)


def _prepared(profile: str, data: Path | None) -> Path:
    """The workspace of a profile, with all told that can be known before anything runs.

    Whether an architecture can have its size is known to its own code, which is loaded where an encoder is to be made.
    """
    from xit.pipeline import config, overlay

    root = overlay.prepare(in_project(), profile, data, terminal.note)
    settings = _with_tuned_rates(root, config.load(root / paths.PARAMS))
    if any(
        settings.encoders[name].size and not (root / paths.pretrained(name)).exists() for name in settings.grid.encoders
    ):
        from xit.cli.show_profile import parameters

        parameters(settings, profile)
    return root


def _counts(settings: "Config", instances: Sequence[str]) -> dict[str, Any]:
    """How many instances there are of each stage, and how many models they train or evaluate; and the trainings in all.

    An instance has a model a seed, and those that follow intermediate training one for each condition too.
    """
    from xit.core.settings import STAGES
    from xit.pipeline import plans

    models = dict.fromkeys(("pretrain", "control", "intermediate", "recipe"), len(settings.seeds))
    models |= dict.fromkeys(("finetune", "evaluate", "retrieve"), len(settings.seeds) * len(settings.grid.conditions))
    rows, copied = [], plans.shared_trainings(settings)
    for stage in STAGES:
        names = [name for name in instances if name.partition("@")[0] == stage]
        idle = [name for name in names if (stage == "pretrain" and _is_released(name, settings)) or name in copied]
        if names:
            made = models.get(stage, 0) * (len(names) - len(idle))
            rows.append({"stage": stage, "instances": len(names), "models": made})
    trained = ("pretrain", "intermediate", "recipe", "finetune")
    return {"stages": rows, "trainings": sum(row["models"] for row in rows if row["stage"] in trained)}


def _is_released(instance: str, settings: "Config") -> bool:
    """Whether this instance of pretrain fetches its encoder and trains nothing."""
    return settings.encoders[instance.partition("@")[2]].weights != "random"
