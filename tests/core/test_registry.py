"""What the code of a run does, as a hash: what counts in it, and what does not."""

import ast
import importlib.util
import pkgutil
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

import pytest

from xit.core import registry

PACKAGE = Path(registry.__file__).parents[1]
CELL = ("xit.encoders.lstm", "xit.tasks.xnli", "xit.formats.classification", "xit.heads.classification")
Change = tuple[str, str, str]
"""A file, what stands in it, and what is put in its place."""


def registry_at(package: Path) -> Any:
    """The registry of a package that lies elsewhere, of which nothing else is imported."""
    spec = importlib.util.spec_from_file_location("registry_elsewhere", package / "core/registry.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return shutil.copytree(PACKAGE, tmp_path / "xit", ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture
def fingerprint(tmp_path: Path) -> Callable[[str], str]:
    """The fingerprint of a module `xit.some` with a source."""
    (tmp_path / "xit/core").mkdir(parents=True)
    shutil.copyfile(PACKAGE / "core/registry.py", tmp_path / "xit/core/registry.py")

    def of(source: str) -> str:
        (tmp_path / "xit/some.py").write_text(source, encoding="utf-8")
        found: str = registry_at(tmp_path / "xit").fingerprint(["xit.some"])
        return found

    return of


SAME = {
    "a comment": ("x = 1", "x = 1  # one"),
    "the form": ("x = [1, 2]", "x = [\n    1,\n    2,\n]"),
    "a module's docstring": ("x = 1", '"""What it holds."""\nx = 1'),
    "a docstring": ("def f():\n    return 1", 'def f():\n    """One."""\n    return 1'),
    "the docstring of an empty class": ("class A(Exception):\n    pass", 'class A(Exception):\n    """A."""'),
    "a line under a field": ("class A:\n    x: int = 1", 'class A:\n    x: int = 1\n    """Of steps."""'),
    "the text of an error": ("raise ValueError('a')", "raise ValueError('b')"),
    "a value in the text of an error": ("raise ValueError(f'a {x}')", "raise ValueError(f'a {x} of {len(y)}')"),
    "the text of a chained error": ("raise ValueError('a' + near(x)) from e", "raise ValueError('b' + near(x)) from e"),
    "an error's text of several parts": ("raise A('\\n'.join(x))", "raise A(' '.join(x))"),
    "the text of an assertion": ("assert x, 'a'", "assert x, 'b'"),
    "texts of several faults": ("raise_all(A, [f'a {x}' for x in y])", "raise_all(A, [f'b: {x}' for x in y])"),
    "the text of a warning": ("warnings.warn('a', stacklevel=2)", "warnings.warn('b', stacklevel=2)"),
    "a function's types": ("def f(x): return x", "def f(x: int) -> int: return x"),
    "what is imported for type checkers": ("x = 1", "if TYPE_CHECKING:\n    from a import b\nx = 1"),
}
OTHER = {
    "a number": ("x = 1", "x = 2"),
    "a number's type": ("x = 1", "x = 1.0"),
    "a truth": ("x = 1", "x = True"),
    "an operator": ("x = a + b", "x = a - b"),
    "an order": ("f()\ng()", "g()\nf()"),
    "a nesting": ("if a:\n    f()\n    g()", "if a:\n    f()\ng()"),
    "a branch": ("if a:\n    f()\nelse:\n    g()", "if a:\n    f()\n    g()"),
    "an empty branch": (
        "if a:\n    pass\nelse:\n    f()",
        "if a:\n    f()",
    ),
    "a name": ("f(a)", "f(b)"),
    "an argument's name": ("f(a=1)", "f(b=1)"),
    "a starred argument": ("f(a)", "f(*a)"),
    "a default": ("def f(x=1): return x", "def f(x=2): return x"),
    "an argument given by its name only": ("def f(x, y): return x", "def f(x, *, y): return x"),
    "a decorator": ("def f(): return 1", "@g\ndef f(): return 1"),
    "a text": ("f('a')", "f('b')"),
    "a text and a name": ("f('a')", "f(a)"),
    "bytes and a text": ("f('a')", "f(b'a')"),
    "a text with a value": ("f(f'a {x}')", "f(f'b {x}')"),
    "how a value is written": ("f(f'{x:.1f}')", "f(f'{x:.2f}')"),
    "a text beside an error": ("f('a')\nraise A('a')", "f('b')\nraise A('a')"),
    "the kind of an error": ("raise ValueError('a')", "raise KeyError('a')"),
    "a value that an error carries": ("raise StopIteration(1)", "raise StopIteration(2)"),
    "what is asserted": ("assert x, 'a'", "assert y, 'a'"),
    "when a warning is given": ("if x: warnings.warn('a')", "if y: warnings.warn('a')"),
    "a field's type": ("class A:\n    x: int = 1", "class A:\n    x: float = 1"),
    "an import": ("from a import b", "from a import c as b"),
    "how far up it is imported from": ("from .a import b", "from ..a import b"),
}


@pytest.mark.parametrize(("before", "after"), SAME.values(), ids=SAME)
def test_what_cannot_change_a_result_does_not_count(before: str, after: str, fingerprint: Callable[[str], str]) -> None:
    assert fingerprint(before) == fingerprint(after)


@pytest.mark.parametrize(("before", "after"), OTHER.values(), ids=OTHER)
def test_what_can_change_a_result_counts(before: str, after: str, fingerprint: Callable[[str], str]) -> None:
    assert fingerprint(before) != fingerprint(after)


@pytest.mark.slow
def test_no_comment_and_no_form_of_the_whole_package_counts(package: Path) -> None:
    modules = [".".join(path.relative_to(package.parent).with_suffix("").parts) for path in package.rglob("[!_]*.py")]
    before = registry.fingerprint(modules)

    for path in package.rglob("*.py"):
        path.write_text(ast.unparse(ast.parse(path.read_text(encoding="utf-8"))), encoding="utf-8")

    assert len(modules) > 80
    assert registry_at(package).fingerprint(modules) == before


CHANGES: dict[str, tuple[Change, str]] = {
    "a field of the settings": (
        (
            "core/settings.py",
            "    steps: Positive | None\n",
            "    steps: Positive | None\n    label_smoothing: float = 0.1\n",
        ),
        "",
    ),
    "a range of the settings": (("core/values.py", "Rate = Annotated[float, Gt(0), Lt(1)]", "Rate = float"), ""),
    "a rule of the settings": (("core/values.py", "def known(", "def f() -> None: ...\n\n\ndef known("), ""),
    "a rule of conditions": (("core/conditions.py", "def parse(", "def f() -> None: ...\n\n\ndef parse("), ""),
    "a task's citation": (("tasks/xnli.py", "Conneau et al. 2018", "Conneau et al. 2019"), ""),
    "a task's pinned commit": (("tasks/xnli.py", "facebook/xnli@b8dd5d7af5", "facebook/xnli@0000000000"), ""),
    "a published count": (("tasks/xnli.py", "392_702", "392_703"), ""),
    "a fact of every task": (("core/task.py", "    citation: str\n", "    citation: str\n    year: int = 2018\n"), ""),
    "a commit that tasks share": (("core/task.py", "rajpurkar/squad@7b6d24c4", "rajpurkar/squad@00000000"), ""),
    "an encoder's citation": (("encoders/lstm.py", "Hochreiter and Schmidhuber 1997", "Hochreiter 1991"), ""),
    "code for released encoders": (("modeling/released.py", "import torch\n", "import torch\n\nX = 1\n"), ""),
    "the package's version": (("__init__.py", '"0.1.0"', '"0.2.0"'), ""),
    "another encoder": (("encoders/gru.py", "nn.GRU", "nn.LSTM"), ""),
    "another format": (("heads/tagging.py", "import torch\n", "import torch\n\nX = 1\n"), ""),
    "a table": (("tables/heatmap.py", "\nfrom ", "\nX = 1\nfrom "), ""),
    "a sentence of the paper": (("paper/sentences.py", "\nfrom ", "\nX = 1\nfrom "), ""),
    "the encoder": (
        ("encoders/lstm.py", "batch_first=True", "batch_first=True, bias=False"),
        "pretrain finetune evaluate",
    ),
    "the loop": (("training/loop.py", "clip_grad_norm_(", "clip_grad_value_("), "pretrain finetune"),
    "masked LM": (("training/masked_lm.py", "0.8", "0.9"), "pretrain finetune"),
    "the format's head": (("heads/_layers.py", "nn.Linear(", "nn.Bilinear("), "finetune evaluate"),
    "a metric": (("formats/_metrics.py", "100.0 * sum", "101.0 * sum"), "finetune evaluate"),
    "evaluation": (("evaluation/evaluate.py", "\nfrom ", "\nX = 1\nfrom "), "evaluate"),
}
"""Changes, and the stages whose runs they change."""
RUNS = {
    "pretrain": ("xit.stages.pretrain", "xit.encoders.lstm"),
    "finetune": ("xit.stages.finetune", *CELL),
    "evaluate": ("xit.stages.evaluate", *CELL),
}


def change(package: Path, file: str, before: str, after: str) -> None:
    text = (package / file).read_text(encoding="utf-8")
    assert before in text, f"{file} has no {before!r} any more"
    (package / file).write_text(text.replace(before, after, 1), encoding="utf-8")


def counted(package: Path) -> set[str]:
    """The stages whose runs a changed package changes."""
    elsewhere = registry_at(package)
    return {name for name, run in RUNS.items() if elsewhere.fingerprint(run) != registry.fingerprint(run)}


TOLD = {name: case for name, case in CHANGES.items() if case[1]}


@pytest.mark.parametrize(("changed", "stages"), TOLD.values(), ids=TOLD)
def test_a_change_counts_in_the_runs_that_it_can_change(changed: Change, stages: str, package: Path) -> None:
    change(package, *changed)

    assert counted(package) == set(stages.split())


def test_changes_that_no_run_can_tell_count_in_none(package: Path) -> None:
    idle = [changed for changed, stages in CHANGES.values() if not stages]
    for changed in idle:
        change(package, *changed)

    assert len(idle) > 12
    assert counted(package) == set()


def test_a_method_in_a_module_of_declarations_counts(package: Path) -> None:
    change(package, "core/task.py", 'self.metric == "f1"', 'self.metric == "f2"')

    assert registry_at(package).fingerprint(RUNS["evaluate"]) != registry.fingerprint(RUNS["evaluate"])


def test_code_for_released_encoders_counts_where_it_is_named(package: Path) -> None:
    modules = (*RUNS["finetune"], "xit.modeling.released")
    change(package, *CHANGES["code for released encoders"][0])

    assert registry_at(package).fingerprint(modules) != registry.fingerprint(modules)


def test_runs_take_nothing_of_a_declaration_that_would_have_to_count() -> None:
    """Types, whose values stand in the lineage and whose methods count; no constant and no rule for values."""
    free = {"READ_BY_MODELS", "task_of"}  # a lineage is made with them
    taken = {
        f"{node.module}.{alias.name}"
        for module in registry.imports(RUNS["finetune"] + RUNS["evaluate"] + RUNS["pretrain"])
        for node in ast.walk(ast.parse(source(module)))
        if not module.startswith(registry.DECLARATIONS) and isinstance(node, ast.ImportFrom)
        for alias in node.names
        if str(node.module).startswith(registry.DECLARATIONS) or f"{node.module}.{alias.name}" in registry.DECLARATIONS
    }
    values = {name: pkgutil.resolve_name(name) for name in taken}

    assert {"xit.core.plan.Plan", "xit.core.settings.RetrievalSettings", "xit.core.task.Task"} <= taken
    assert {name.rpartition(".")[2] for name, value in values.items() if not is_type(value)} <= free


def is_type(value: object) -> bool:
    return isinstance(value, type) or get_origin(value) in (Annotated, Literal)


def source(module: str) -> str:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")
