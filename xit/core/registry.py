"""A file's name is the id of what it holds: the modules of a folder, by name."""

import ast
import functools
import hashlib
import importlib
import pkgutil
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from xit.core.errors import ConfigError, near


def names(folder: str) -> tuple[str, ...]:
    """The ids in a folder of the package, sorted: `names("tasks")` begins with `anli_plus`."""
    package = importlib.import_module(f"xit.{folder}")
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")))


def load(folder: str, name: str) -> ModuleType:
    """The module of an id.

    Raises:
        ConfigError: no such id; the message lists those that exist and the nearest one.
    """
    known = names(folder)
    if name not in known:
        raise ConfigError(
            f"{name}: no such {_one(folder)}.{near(name, known)} {folder.capitalize()}: {', '.join(known)}."
        )
    return importlib.import_module(f"xit.{folder}.{name}")


def defines(folder: str, name: str, word: str) -> bool:
    """Whether the module of an id defines a name at its top; read from the source, nothing is executed."""
    path = _path(f"xit.{folder}.{name}")
    assert path is not None
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    return any(word in (getattr(node, "name", None), *_assigned(node)) for node in nodes)


def _assigned(node: ast.stmt) -> list[str]:
    return (
        [target.id for target in node.targets if isinstance(target, ast.Name)] if isinstance(node, ast.Assign) else []
    )


def _one(folder: str) -> str:
    return folder.removesuffix("s")


def imports(modules: Iterable[str]) -> frozenset[str]:
    """The modules of the package that these import when they run, themselves included, to any depth.

    Imports inside functions count; those for type checkers only do not. Read from the source, nothing is executed.
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found or _path(name) is None:
            continue
        found.add(name)
        waiting += imported(name)
    return frozenset(found)


def fingerprint(modules: Iterable[str]) -> str:
    """The SHA-256 of the source of `imports(modules)`."""
    digest = hashlib.sha256()
    for name in sorted(imports(modules)):
        path = _path(name)
        assert path is not None
        digest.update(f"{name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _path(module: str) -> Path | None:
    place = Path(__file__).parents[1].joinpath(*module.split(".")[1:])
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if module.split(".")[0] == "xit" and path.is_file():
            return path
    return None


@functools.cache
def imported(module: str) -> tuple[str, ...]:
    """The modules of the package that a module itself imports when it runs."""
    path = _path(module)
    assert path is not None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names = []
    for node in ast.walk(tree):
        if id(node) in for_types_only:
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    names += [".".join(name.split(".")[:depth]) for name in names for depth in range(2, name.count(".") + 1)]
    return tuple(sorted({name for name in names if _path(name) is not None}))
