"""Workspaces: a profile's own copy of the pipeline, so that one experiment never overwrites another.

The default profile runs in the project's folder. Any other runs in `workspaces/<profile>/`: the code, dvc.yaml and the
paper's text as they are now, params.yaml with the profile's differences laid over it, and a DVC repository of its own.
A preset (`xit.pipeline.presets`) lies between the two: that of the command line, in `workspaces/<profile>-<preset>/`,
else that of the profile's line `preset:`.

A new workspace begins with the models of the default experiment, where it has the same world and text: those of the
lineage that its own would have are kept (`xit.modeling.checkpoints.run_once`), so that nothing is trained twice.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from xit.core import registry
from xit.core.conditions import parse
from xit.core.errors import ConfigError, near
from xit.core.files import atomic, sha256
from xit.core.settings import FilesSettings
from xit.core.task import task_of
from xit.pipeline import config, presets

CONFIG = """[core]
    analytics = false
    check_update = false
"""
COPIED = ("xit", "dvc.yaml", "presets", "paper/*.typ", "paper/*.csv", "paper/*.bib", "paper/reference")

MADE = ("models", "evaluations")
SAME = ("source", "micro", "languages", "tokenizer", "pretraining")
"""Sections of params.yaml without which no model would be the same."""


def prepare(
    project: Path,
    profile: str,
    data: Path | None,
    tell: Callable[[str], None] = lambda message: None,
    preset: str | None = None,
) -> Path:
    """The workspace of a profile, up to date; files that did not change are left alone.

    Args:
        project: The folder of params.yaml, profiles/ and presets/.
        profile: `default`, or a file of profiles/.
        data: The folder of the files source, where the profile wants one.
        tell: Takes a line for each task that the profile names and its source cannot have.
        preset: A file of presets/, in place of the profile's own.

    Raises:
        ConfigError: no such profile or preset, or it needs a data folder.
    """
    if profile == "default" and not preset:
        _initialise(project)
        return project
    merged = config.written(parameters(project, profile, data, tell, preset)).encode()
    root = project / "workspaces" / "-".join(name for name in (profile, preset) if name and name != "default")
    for source in [path for pattern in COPIED for path in project.glob(pattern)]:
        _mirror(source, root / source.relative_to(project))
    _update(root / "params.yaml", merged)
    _initialise(root)
    _take_over(project, root)
    return root


def _take_over(project: Path, root: Path) -> None:
    """Copy what the default experiment has made into a workspace that has nothing yet."""
    ours, theirs = (config.read(folder / "params.yaml") for folder in (root, project))
    if any(ours.get(key) != theirs.get(key) for key in SAME):
        return
    for name in MADE:
        if (project / name).is_dir() and not (root / name).exists():
            with atomic(root / name) as temporary:
                shutil.copytree(project / name, temporary, ignore=shutil.ignore_patterns("*.partial", ".*"))


def parameters(
    project: Path,
    profile: str = "default",
    data: Path | None = None,
    tell: Callable[[str], None] = lambda message: None,
    preset: str | None = None,
) -> dict[str, Any]:
    """params.yaml as it is, or with preset and profile laid over it; arguments and errors as of `prepare`."""
    known = ["default", *sorted(path.stem for path in (project / "profiles").glob("*.yaml"))]
    if profile not in known:
        raise ConfigError(f"{profile}: no such profile.{near(profile, known)} Profiles: {', '.join(known)}.")
    values = config.read(project / "params.yaml")
    if profile == "default" and preset is None:
        return values
    path = project / "profiles" / f"{profile}.yaml"
    own = config.read(path) if profile != "default" else {}
    below = own.pop("preset", None)
    if name := preset or below:
        values = config.laid_over(values, presets.load(project / "presets", name).values)
    values = config.laid_over(values, own)
    if values.get("source") == "files":
        if data is None:
            raise ConfigError(f"{path}: reads published files. Say where they are: DATA=folder, or --data folder.")
        if not data.is_dir():
            raise ConfigError(f"{data}: no such data folder.")
        values = config.laid_over(values, {"files": {"folder": str(data.resolve()), "sha256": sha256(data)}})
    for name in _not_to_be_had(values):
        tell(
            f"{name}: passed over; the {values['source']} source has nothing of it. `xit data {name}` says which have."
        )
        values = _without(name, values)
    return values


def _without(task: str, values: dict[str, Any]) -> dict[str, Any]:
    """The values without a task: in the grid, in conditions that are made of it, and in multitask training."""
    grid = {
        key: [other for other in ids if other != task and parse(other).task != task]
        for key, ids in values["grid"].items()
    }
    changes: dict[str, Any] = {"grid": grid}
    if "recipes" in values:
        kept = [other for other in values["recipes"]["multitask"]["tasks"] if other != task]
        changes["recipes"] = {"multitask": {"tasks": kept}}
    return config.laid_over(values, changes)


def _not_to_be_had(values: Mapping[str, Any]) -> list[str]:
    """The tasks of the grid that the source has not and nobody can just fetch: licensed (CCG), or not on the Hub.

    A task that could be fetched is not among them: that it is missing from the data folder is an error.
    """
    if values.get("source") not in ("files", "hub") or "grid" not in values:
        return []
    tasks = [task for task in map(task_of, values["grid"]["tasks"]) if not task.hub]
    if values["source"] == "files":
        source = registry.load("sources", "files").FilesSource(FilesSettings(**values["files"]))
        tasks = [task for task in tasks if not source.has(task)]
    return [task.id for task in tasks]


def _mirror(source: Path, copy: Path) -> None:
    """Make a copy of a file, or of a folder's files, equal to the source."""
    if source.is_file():
        _update(copy, source.read_bytes())
        return
    wanted = {path.relative_to(source) for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    for path in wanted:
        _update(copy / path, (source / path).read_bytes())
    for path in [p for p in copy.rglob("*") if p.is_file() and p.suffix != ".pyc"]:
        if path.relative_to(copy) not in wanted:
            path.unlink()


def _update(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:
        with atomic(path) as temporary:
            temporary.write_bytes(content)


def _initialise(root: Path) -> None:
    """Make the folder a DVC repository; where there is no git, tell DVC so, in a file that is not committed."""
    config, local = root / ".dvc" / "config", root / ".dvc" / "config.local"
    if not config.is_file():
        _update(config, CONFIG.encode())
    told = "".join(path.read_text(encoding="utf-8") for path in (config, local) if path.is_file())
    if not (root / ".git").exists() and "no_scm" not in told:
        command = ["config", "--local", "core.no_scm", "true"]
        subprocess.run([sys.executable, "-m", "dvc", *command], cwd=root, check=True)
