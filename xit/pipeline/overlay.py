"""Profiles: other experiments as differences from params.yaml; and workspaces, in which they run.

A file of profiles/ holds sections of params.yaml, only what differs. It may begin with `extends:`, the name of another
profile that it differs from, and may say where its values are from (`sources:`) and what training here does otherwise
than there (`differs:`): so the hyper-parameters of published experiments are written down, and the paper has a table of
them.

The default profile runs in the project's folder. Any other runs in `workspaces/<profile>/`: the code, dvc.yaml and the
paper's text as they are now, params.yaml with the profile laid over it, and a DVC repository of its own, so that one
experiment never overwrites another. A new workspace begins with the models of the default experiment, where it has the
same world and text: those of the lineage that its own would have are kept (`xit.modeling.checkpoints.run_once`), so
that nothing is trained twice.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from xit.core import registry
from xit.core.conditions import parse
from xit.core.errors import ConfigError, near, raise_all
from xit.core.files import atomic, visible
from xit.core.settings import FilesSettings
from xit.core.task import task_of
from xit.pipeline import config, rules

CONFIG = """[core]
    analytics = false
    check_update = false
"""
COPIED = ("xit", "dvc.yaml", "profiles", "paper/*.typ", "paper/inputs", "paper/*.bib", "paper/reference")

MADE = ("models", "evaluations")
SAME = ("source", "micro", "languages", "tokenizer", "pretraining")
"""Sections of params.yaml without which no model would be the same."""


MARKS = {"[ours]": "the source has none", "[mem]": "from memory, not looked up again"}
"""What the text of a source may begin with, to be shown with the value, and what it means."""


@dataclasses.dataclass(frozen=True)
class Profile:
    """One profile, with all that it takes from the one that it extends."""

    name: str
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Sections of params.yaml."""
    sources: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Dotted place of a section, an entry or a value → where it is from."""
    differs: tuple[str, ...] = ()
    """What training here does otherwise than the source."""
    extends: str | None = None
    """The profile that it differs from; None where that is params.yaml."""
    has_sources: bool = False
    """Whether its own file says where values are from."""

    def source(self, place: str) -> str:
        """Where a value is from: of the places that hold it, the most exact one says."""
        held = [other for other in self.sources if f"{place}.".startswith(f"{other}.")]
        return self.sources[max(held, key=len)] if held else ""

    def mark(self, place: str) -> str:
        """One of MARKS, or nothing."""
        return next((mark for mark in MARKS if self.source(place).startswith(mark)), "")


def names(folder: Path) -> tuple[str, ...]:
    """The profiles of a folder, without `default`."""
    return tuple(sorted(path.stem for path in visible(folder, "*.yaml")))


def with_sources(folder: Path) -> tuple[Profile, ...]:
    """The profiles of a folder that say where their values are from."""
    return tuple(profile for name in names(folder) if (profile := load(folder, name)).has_sources)


def load(folder: Path, name: str) -> Profile:
    """A profile by its name; `default` has no values of its own.

    Raises:
        ConfigError: there is none of that name, its own keys are not what they should be, or it comes back to itself.
    """
    return Profile(name) if name == "default" else _load(folder, name, ())


def _load(folder: Path, name: str, above: tuple[str, ...]) -> Profile:
    path, known = folder / f"{name}.yaml", names(folder)
    if name not in known:
        where = f"{folder / above[-1]}.yaml: extends: " if above else ""
        if not folder.is_dir():
            raise ConfigError(f"{name}: no such profile; {folder}/ is not here. Run xit in the project's folder.")
        known = known if above else ("default", *known)
        raise ConfigError(f"{where}{name}: no such profile.{near(name, known)} Profiles: {', '.join(known)}.")
    if name in above:
        raise ConfigError(
            f"{path}: extends: comes back to itself: {' over '.join([*above, name])}. Let one of them extend no other."
        )
    own = config.read(path)
    below, sources, differs = own.pop("extends", None), own.pop("sources", None), own.pop("differs", [])
    raise_all(
        ConfigError,
        [
            f"{path}: {key}: should be {wanted}; found {json.dumps(found, default=str)}. Write {how}."
            for key, found, is_right, wanted, how in (
                ("extends", below, below is None or isinstance(below, str), "the name of a profile", "one name"),
                ("sources", sources, _are_texts(dict, sources), "a text for each place", "`place: text` lines"),
                ("differs", differs, _are_texts(list, differs), "a list of sentences", "`- sentence` lines"),
            )
            if not is_right
        ]
        + ([f"{path}: preset: no such key. Write `extends: {own['preset']}`."] if "preset" in own else []),
    )
    base = _load(folder, below, (*above, name)) if below else Profile(name)
    return Profile(
        name,
        config.laid_over(base.values, own),
        {**base.sources, **(sources or {})},
        (*base.differs, *differs),
        below,
        sources is not None,
    )


def _are_texts(kind: type, found: Any) -> bool:
    texts = found.values() if isinstance(found, dict) else found or ()
    return found is None or (isinstance(found, kind) and all(isinstance(text, str) for text in texts))


def prepare(project: Path, profile: str, data: Path | None, tell: Callable[[str], None] = lambda message: None) -> Path:
    """The workspace of a profile, up to date; files that did not change are left alone.

    Args:
        project: The folder of params.yaml and profiles/.
        profile: `default`, or a file of profiles/.
        data: The folder of the files source, where the profile wants one.
        tell: Takes a line for each task that the profile names and its source cannot have.

    Raises:
        ConfigError: no such profile, it needs a data folder, or all that is wrong with its values.
    """
    values = parameters(project, profile, data, tell)
    check(values, profile)
    if profile == "default":
        _initialise(project)
        return project
    root = project / "workspaces" / profile
    for source in [path for pattern in COPIED for path in project.glob(pattern)]:
        _mirror(source, root / source.relative_to(project))
    _update(root / "params.yaml", config.written(_seen_from(root, project, values)).encode())
    _initialise(root)
    _take_over(project, root)
    return root


def _seen_from(root: Path, project: Path, values: dict[str, Any]) -> dict[str, Any]:
    """The values of a workspace, in which a folder of the project that weights or a model are taken from is named as
    the workspace sees it."""

    def seen(place: str) -> str:
        is_folder = place not in ("", "random", "released") and not Path(place).is_absolute()
        return os.path.relpath(project / place, root) if is_folder and (project / place).is_dir() else place

    encoders = {
        name: {
            "weights": seen(encoder["weights"]),
            **({"vocabulary": {"source": seen(encoder["vocabulary"]["source"])}} if encoder["vocabulary"] else {}),
        }
        for name, encoder in values["encoders"].items()
    }
    model = seen(values["translation"]["model"])
    return config.laid_over(values, {"encoders": encoders, "translation": {"model": model}})


def _without_idle(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a profile without the text and the tokenizer of the one below, where nobody reads them."""
    found = config.valid_part(values)
    with contextlib.suppress(AttributeError):  # of a part that is not valid, of which `check` tells
        if not rules.readers_of_text(found):
            values = config.laid_over(values, {"languages": {"pretraining": []}})
        if not rules.users_of_tokenizer(found):
            values = config.laid_over(values, {"tokenizer": None})
    return values


def check(values: Mapping[str, Any], profile: str) -> config.Config:
    """The values of a profile, with all that is wrong with them, and with what their source would not have.

    Raises:
        ConfigError: with a line for every fault.
    """
    where = "params.yaml" if profile == "default" else f"profiles/{profile}.yaml over params.yaml"
    return config.check(values, where, (_micro_languages, _absent_files))


def _micro_languages(found: config.Config) -> Iterator[str]:
    """Each language has enough in CLDR, where the micro source is to write it."""
    if found.source == "micro":
        for key, codes in (
            ("languages.pretraining", found.languages.pretraining),
            ("languages.evaluation", found.languages.evaluation),
            ("grid.translation_languages", found.grid.translation_languages),
        ):
            for fault in registry.load("sources", "micro").check_languages(codes):
                yield f"{key}: {fault}"


def _absent_files(found: config.Config) -> Iterator[str]:
    """Each task of the grid has a file in the data folder, where published files are read."""
    if found.source == "files":
        source = registry.load("sources", "files").FilesSource(found.files)
        for task in map(task_of, found.grid.tasks):
            if not source.has(task):
                paths = dict.fromkeys(files.path for split in task.files.values() for files in split)
                yield (
                    f"grid.tasks: {task.id}: none of its files is in {found.files.folder}; it reads "
                    f"{', '.join(paths)}. Put them there, or take the task from the grid."
                )


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
) -> dict[str, Any]:
    """params.yaml as it is, or with a profile laid over it; arguments and errors as of `prepare`."""
    own = load(project / "profiles", profile).values
    values = config.read(project / "params.yaml")
    if profile == "default":
        return values
    values = config.laid_over(values, own)
    if values.get("source") == "files":
        where = f"profiles/{profile}.yaml"
        if data is None:
            raise ConfigError(f"{where}: reads published files. Say where they are: DATA=folder, or --data folder.")
        if not data.is_dir():
            raise ConfigError(f"{where}: --data {data}: no such folder. Give the folder of the published files.")
        fingerprint = registry.load("sources", "files").fingerprint
        values = config.laid_over(values, {"files": {"folder": str(data.resolve()), "sha256": fingerprint(data)}})
    for name in _not_to_be_had(values):
        tell(
            f"{name}: passed over; the {values['source']} source has nothing of it. `xit tasks` lists the sources of "
            "each task."
        )
        values = _without(name, values)
    return _without_idle(values)


def _without(task: str, values: dict[str, Any]) -> dict[str, Any]:
    """The values without a task: in the grid, in conditions that are made of it, in multitask training, and in
    what is declared."""
    grid = {
        key: [other for other in ids if other != task and parse(other).task != task]
        for key, ids in values["grid"].items()
    }
    changes: dict[str, Any] = {"grid": grid}
    if "recipes" in values:
        kept = [other for other in values["recipes"]["multitask"]["tasks"] if other != task]
        changes["recipes"] = {"multitask": {"tasks": kept}}
    if "analysis" in values:
        declared = {name: values["analysis"].get(name, []) for name in ("intermediates", "not_averaged")}
        changes["analysis"] = {name: [other for other in of if other != task] for name, of in declared.items()}
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
