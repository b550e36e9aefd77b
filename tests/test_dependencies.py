"""pyproject.toml declares what the package imports, and nothing else; all of it is locked."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOR_OTHERS = {"protobuf"}
"""sentencepiece's own module of its model format imports it, and does not declare it."""


def names(lines: list[str]) -> set[str]:
    return {re.sub(r"[._]", "-", re.split(r"[\[<>=! ;]", line)[0].lower()) for line in lines}


def imported() -> Iterator[str]:
    """The top packages that the files of xit/ import."""
    for path in (ROOT / "xit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    declared = names(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"])
    owners = importlib.metadata.packages_distributions()
    used = names([min(owners[name], key=len) for name in set(imported()) - sys.stdlib_module_names - {"xit"}])

    assert len(used) > 20
    assert declared == used | FOR_OTHERS


def test_everything_that_is_declared_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = names([*project["dependencies"], *project["optional-dependencies"]["dev"]])
    locks = "".join((ROOT / "requirements" / name).read_text(encoding="utf-8") for name in ("base.lock", "cuda.lock"))

    assert wanted - names(re.findall(r"^[a-z0-9].*==", locks, re.MULTILINE)) == set()
