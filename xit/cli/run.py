"""The whole experiment at once: `xit reproduce`, and what it would cost."""

import functools
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from xit.cli import terminal
from xit.cli.options import STAGES, FormerPreset, Json, in_project, profile_of
from xit.core.errors import ConfigError
from xit.pipeline import paths

app = typer.Typer()
planning = typer.Typer(help="The whole experiment, before it runs.", no_args_is_help=True)
app.add_typer(planning, name="grid", rich_help_panel=STAGES)


@app.command(rich_help_panel=STAGES)
def reproduce(
    profile: Annotated[str, typer.Option(help="`default`, or a file of profiles/.")] = "default",
    data: Annotated[
        Path | None, typer.Option(help="The folder of published files, for profiles that read them.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Stage instances side by side, one thread each.")] = 2,
    preset: FormerPreset = None,
    executor: Annotated[
        Literal["local", "dask"], typer.Option(help="Processes of this command; or workers of dask.distributed.")
    ] = "local",
    scheduler: Annotated[
        str | None, typer.Option(help="Of dask: its address, tcp://host:8786; else workers on this machine.")
    ] = None,
) -> None:
    """Run whatever is stale, from data to paper, independent instances side by side; then show the results."""
    from xit.cli import tables
    from xit.pipeline import config, overlay, runner

    if scheduler is not None and executor != "dask":
        raise ConfigError("--scheduler: only dask has one. Add --executor dask.")
    root = overlay.prepare(in_project(), profile_of(profile, preset), data, terminal.note)
    where: Any = runner.local
    if executor == "dask":
        from xit.pipeline import dask_workers

        where = functools.partial(dask_workers.opened, scheduler, config.load(root / paths.PARAMS).resources)
    with terminal.progress_of_stages() as report:
        ran = runner.run(root, jobs, report, where, terminal.note)
    terminal.note(f"{ran} stage instances ran." if ran else "Nothing is stale; nothing was run.")
    if root == Path() and Path("README.md").is_file():
        from xit.stages.paper import put_answer

        put_answer(Path("README.md"), paths.GENERATED / "answer.md")
    terminal.show(tables.results(root / paths.GENERATED, root / paths.PDF))


@planning.command("plan")
def grid_plan(
    profile: Annotated[str, typer.Option(help="`default`, or a file of profiles/.")] = "default",
    data: Annotated[
        Path | None, typer.Option(help="The folder of published files, for profiles that read them.")
    ] = None,
    preset: FormerPreset = None,
    workers: Annotated[int, typer.Option(min=1, help="Stage instances that would run at once.")] = 2,
    as_json: Json = None,
) -> None:
    """What `xit reproduce` would run and what it would cost: instances, trainings, CPU and GPU hours, disk."""
    from xit.cli import tables
    from xit.pipeline import config, overlay, runner
    from xit.pipeline.estimate import estimate

    root = overlay.prepare(in_project(), profile_of(profile, preset), data, terminal.note)
    found = estimate(config.load(root / paths.PARAMS), runner.plan(root))
    hours = sum(found["sums"][key] for key in ("cpu_hours", "gpu_hours"))
    found["hours"] = {"workers": workers, "hours": max(hours / workers, found["at_least_hours"])}
    if not terminal.print_json(found, as_json):
        terminal.show(tables.plan(found, profile))
