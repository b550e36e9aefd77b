"""Workspaces: a profile's own copy of the pipeline, so that one experiment never overwrites another.

The default profile runs in the project's folder. Any other runs in `workspaces/<profile>/`: the code, dvc.yaml and the
paper's text as they are now, params.yaml with the profile's differences laid over it, and a DVC repository of its own.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from xit.errors import ConfigError, near
from xit.files import atomic, sha256

CONFIG = """[core]
    analytics = false
    check_update = false
"""
COPIED = ("xit", "dvc.yaml", "paper/*.typ", "paper/*.csv", "paper/*.bib", "paper/reference")


def prepare(project: Path, profile: str, data: Path | None) -> Path:
    """The workspace of a profile, up to date; files that did not change are left alone.

    Args:
        project: The folder of params.yaml and profiles/.
        profile: `default`, or a file of profiles/.
        data: The folder of the files source, where the profile wants one.

    Raises:
        ConfigError: no such profile, or it needs a data folder.
    """
    if profile == "default":
        _initialise(project)
        return project
    path = project / "profiles" / f"{profile}.yaml"
    if not path.is_file():
        known = ["default", *sorted(p.stem for p in (project / "profiles").glob("*.yaml"))]
        raise ConfigError(f"{profile}: no such profile.{near(profile, known)} Profiles: {', '.join(known)}.")
    root = project / "workspaces" / profile
    for source in [path for pattern in COPIED for path in project.glob(pattern)]:
        _mirror(source, root / source.relative_to(project))
    _update(root / "params.yaml", _merged(project / "params.yaml", path, data).encode())
    _initialise(root)
    return root


def _merged(parameters: Path, overlay: Path, data: Path | None) -> str:
    """params.yaml with the profile's values in place of its own: sections are merged, lists and numbers replaced."""
    from omegaconf import OmegaConf

    merged: Any = OmegaConf.merge(OmegaConf.load(parameters), OmegaConf.load(overlay))
    if merged.source == "files":
        if data is None:
            raise ConfigError(f"{overlay}: reads published files. Say where they are: DATA=folder, or --data folder.")
        if not data.is_dir():
            raise ConfigError(f"{data}: no such data folder.")
        merged.files.folder = str(data.resolve())
        merged.files.sha256 = sha256(data)
    return OmegaConf.to_yaml(merged)


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
