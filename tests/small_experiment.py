"""A smaller experiment than the profile `tiny`, which tests of DVC, of its executors and of its remotes really run."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[1]
PIPELINE = ("dvc.yaml", "params.yaml", "xit", "profiles", "paper/*.typ", "paper/inputs", "paper/*.bib")


def copy_pipeline(root: Path) -> Path:
    for source in [path for pattern in PIPELINE for path in PROJECT.glob(pattern)]:
        target = root / source.relative_to(PROJECT)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    return root


def set_parameter(root: Path, key: str, value: Any) -> None:
    """Change one parameter of params.yaml, `targets.xnli.steps` for one, to a value or to what a function gives."""
    parameters = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    section = parameters
    *outer, last = key.split(".")
    for name in outer:
        section = section[name]
    section[last] = value(section[last]) if callable(value) else value
    (root / "params.yaml").write_text(yaml.safe_dump(parameters, sort_keys=False), encoding="utf-8")


def small(root: Path, encoders: Sequence[str]) -> Path:
    """A project whose profile `tiny` is smaller yet."""
    copy_pipeline(root)
    values = yaml.safe_load((root / "profiles/tiny.yaml").read_text(encoding="utf-8"))
    values["grid"] |= {"encoders": list(encoders), "targets": ["udpos"], "tasks": ["mnli", "udpos", "tatoeba"]}
    values["micro"] |= {"documents_per_language": 100}
    (root / "profiles/tiny.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return root


def without_paper(root: Path) -> Path:
    """The folder, where dvc.yaml has no `paper` any more: that takes as long as all other stages together."""
    pipeline = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))
    del pipeline["stages"]["paper"]
    (root / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
    return root


def bits(root: Path) -> dict[str, list[tuple[str, str]]]:
    """The outputs of each instance with their hashes."""
    stages = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {name: [(out["path"], out["md5"]) for out in facts["outs"]] for name, facts in stages.items()}
