"""What several groups of commands share: arguments, the parameters, and the source of the data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xit.cli import terminal
from xit.core.errors import ConfigError
from xit.pipeline import paths

if TYPE_CHECKING:
    from xit.pipeline.config import Config
    from xit.sources import Source


STAGES = "Stages (dvc.yaml runs them; `dvc repro` or `xit reproduce` for all)"
LOOKING = "Looking and scoring"
ANSWERS = "Answers, from the scores"

Encoder = Annotated[str, typer.Argument(help="An encoder's id, as `xit encoders` lists them.")]
Condition = Annotated[
    str, typer.Argument(help="none, untrained, an intermediate task's id, or a recipe: multitask, mnli+mlm, …")
]
Target = Annotated[str, typer.Argument(help="A target task's id, as `xit tasks` lists them.")]


def in_a_folder(option: typer.CallbackParam, file: Path | None) -> Path | None:
    """A file to write, whose folder is there: none is made of a mistyped path."""
    if file is not None and not file.parent.is_dir():
        raise ConfigError(
            f"{option.opts[0]}: {file}: there is no folder {file.parent}. Make it first, or name another file."
        )
    return file


Json = Annotated[
    Path | None,
    typer.Option(
        "--json",
        dir_okay=False,
        callback=in_a_folder,
        help="Also write the result to this file, as JSON; - is the terminal.",
    ),
]

Benchmark = Annotated[str, typer.Option("--benchmark", help="The benchmark: xtreme-r or xtreme.")]

Profile = Annotated[str, typer.Option(help="A file of profiles/; `default` is params.yaml as it is.")]
Task = Annotated[list[str] | None, typer.Option(help="A task's id, as `xit tasks` lists them; again for more.")]
Language = Annotated[
    list[str] | None, typer.Option(help="A language; name it again for more. Without it, all are taken.")
]
SourceName = Annotated[
    str | None, typer.Option(help="The source of the data: micro, files or hub. Without it, that of params.yaml.")
]
DataFolder = Annotated[
    Path | None, typer.Option("--data", help="The folder of published files, for what is read from the files source.")
]


def in_project() -> Path:
    if not Path("dvc.yaml").is_file():
        raise ConfigError("dvc.yaml: no such file. Run xit in the project's folder, where it is.")
    return Path()


def _new(folder: Path) -> Path:
    from xit.core.files import exists_nonempty

    if exists_nonempty(folder):
        raise ConfigError(f"--out: {folder}: is there already. Name a new folder, or delete it first.")
    return folder


Most = Annotated[
    int | None,
    typer.Option(min=1, help="Take the first so many test examples of a task and language (files, hub); else all."),
]
NewFolder = Annotated[Path, typer.Option(help="The folder to make.", callback=_new)]


FormerPreset = Annotated[str | None, typer.Option(hidden=True, help="The former name of --profile, for some.")]


def profile_of(profile: str, preset: str | None) -> str:
    """The profile that the command line names; those that were presets are also known by --preset.

    Raises:
        ConfigError: both are named, which can be said in a file only.
    """
    if preset is None or preset == profile:
        return profile
    if profile != "default":
        raise ConfigError(
            f"--preset {preset}: presets are profiles now, and --profile {profile} is another. To lay that over this, "
            f"write `extends: {preset}` at the beginning of profiles/{profile}.yaml, and name that profile alone."
        )
    return preset


def load_config() -> "Config":
    """The project's parameters; from now on the Hub is asked, and its files are kept, as they say."""
    return _loaded(paths.PARAMS)


def load_config_or_defaults() -> "Config":
    """The project's parameters; outside its folder those of the package, for commands that need no project."""
    if not paths.PARAMS.exists():
        terminal.note(f"There is no {paths.PARAMS} in this folder, so the package's own settings are taken.")
        return _loaded(paths.DEFAULTS)
    return load_config()


def configure_hub() -> None:
    """Ask the Hub as the parameters say, for a command that needs nothing else of them and runs without them too."""
    if paths.PARAMS.is_file():
        load_config()


def _loaded(path: Path) -> "Config":
    from xit.core import hub
    from xit.pipeline import config

    loaded = config.load(path)
    hub.configure(loaded.hub.cache, loaded.hub.is_offline)
    return loaded


def parameters() -> dict[str, Any]:
    """params.yaml as plain values, after they have been checked; not what the grid asks of its workers."""
    from xit.pipeline import config

    values = config.read(paths.PARAMS)
    config.check(values, str(paths.PARAMS))
    del values["resources"]
    return values


def chosen_source(
    config: "Config", source: str | None, data: Path | None, languages: list[str] | None, most: int | None = None
) -> "Source":
    """The source that the command line names, else that of params.yaml.

    The limit `most_test` belongs to the grid: here all test examples are taken, or the first `most`.
    """
    from xit.core.errors import raise_all
    from xit.sources import open_source, with_settings
    from xit.sources.micro import check_languages

    found = open_source(config, source or "", data, languages or ())
    if found.name != "micro":
        return with_settings(found, most_test=most or 0)
    if most is not None:
        raise ConfigError("--most: the micro source makes as many examples as micro.test says. Leave --most out.")
    raise_all(ConfigError, [f"--language {fault}" for fault in check_languages(languages or ())])
    return found
