"""A file's name is the id of what it holds: the modules of a folder, by name."""

import ast
import functools
import hashlib
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from xit.core.errors import ConfigError, near


@functools.cache
def names(folder: str) -> tuple[str, ...]:
    """The ids in a folder of the package, sorted: `names("tasks")` begins with `anli_plus`. It is listed once."""
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


def imports(modules: Iterable[str], has_declarations: bool = True) -> frozenset[str]:
    """The modules of the package that these import when they run, themselves included, to any depth.

    Imports inside functions count; those for type checkers only do not. Read from the source, nothing is executed.
    Without declarations, modules that only declare are left out, and what they alone import.
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found and _path(name) is not None and (has_declarations or _read(name)[1]):
            found.add(name)
            waiting += imported(name)
    return frozenset(found)


def imported(module: str) -> tuple[str, ...]:
    """The modules of the package that a module itself imports when it runs."""
    return _read(module)[0]


DECLARATIONS = ("xit.core.plan", "xit.core.settings", "xit.core.task", "xit.core.values", "xit.tasks.")
"""Modules that declare what a run may be given, and rules for it; what it was given stands in its lineage."""
MESSAGES = ("raise_all", "warn")
"""Functions whose texts are for the reader only, as those of `raise` and `assert` are."""


def fingerprint(modules: Iterable[str]) -> str:
    """The SHA-256 of what the code of `imports(modules)` does; the same for every version of Python.

    Comments, docstrings, type hints of functions, and the texts of errors and warnings do not count. Of `DECLARATIONS`
    only methods count; of an encoder all but its `INFO`, which the paper prints. What downloads does not count: what
    arrives is an input, with a hash of its own. Nor does `xit` itself, which has the package's version only.
    """
    digest = hashlib.sha256()
    for name in sorted(imports(modules, has_declarations=False) - {"xit", "xit.core.hub"}):
        digest.update(f"{name} {_read(name)[1]}\n".encode())
    return digest.hexdigest()


def _path(module: str) -> Path | None:
    place = Path(__file__).parents[1].joinpath(*module.split(".")[1:])
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if module.split(".")[0] == "xit" and path.is_file():
            return path
    return None


@functools.cache
def _read(module: str) -> tuple[tuple[str, ...], str]:
    """What a module imports of the package when it runs, and what it does, as text."""
    path = _path(module)
    assert path is not None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(_running(tree))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    names += [".".join(name.split(".")[:depth]) for name in names for depth in range(2, name.count(".") + 1)]
    counted: list[ast.AST] = [tree]
    if module.startswith(DECLARATIONS):
        classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
        counted = [node for each in classes for node in each.body if isinstance(node, ast.FunctionDef)]
    elif module.startswith("xit.encoders."):
        counted = [node for node in tree.body if "INFO" not in _assigned(node)]
    meaning = "\n".join(_meaning(node) for node in counted)
    return tuple(sorted({name for name in names if _path(name) is not None})), meaning


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """A tree's nodes that run, without what is for type checkers only."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if not _is_idle(node):
            yield node
            waiting += ast.iter_child_nodes(node)


def _is_idle(node: object) -> bool:
    """Whether a statement does nothing: a docstring, `pass`, or imports for type checkers."""
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" and not node.orelse
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and _is_text(node.value))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _meaning(node: object, is_message: bool = False) -> str:
    """What a piece of code does, as text: its syntax tree, without what changes no result."""
    if isinstance(node, list):
        return f"[{' '.join(_meaning(each, is_message) for each in node if not _is_idle(each))}]"
    if not isinstance(node, ast.AST):
        return ascii(node)
    if isinstance(node, ast.arg):
        return node.arg  # without its type
    if is_message and _is_text(node):
        return "text"
    is_message = is_message or isinstance(node, ast.Raise | ast.Assert)
    if isinstance(node, ast.Call):
        is_message = is_message or getattr(node.func, "id", getattr(node.func, "attr", "")) in MESSAGES
    parts = []
    for name in node._fields:
        inner = getattr(node, name, None)
        if name not in ("ctx", "kind", "returns", "type_comment") and inner is not None and inner != []:
            parts.append(f"{name}={_meaning(inner, is_message)}")
    return f"{type(node).__name__}({' '.join(parts)})"
