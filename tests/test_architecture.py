"""The import graph is the bill: who may import whom; each stage of dvc.yaml names what it imports and reads."""

import ast
import dataclasses
import itertools
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core import registry
from xit.core.plan import Cell, Places
from xit.core.settings import STAGES
from xit.core.task import task_of
from xit.pipeline import config, paths, plans

ROOT = Path(__file__).parent.parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "xit").rglob("*.py"))
}
LAYERS = """
cli
stages report
tables
evaluation training
paper
encoders
modeling
heads
statistics sources
scoring micro
pipeline
tasks formats
core
"""
"""The packages, from top to bottom; a module imports what stands below it, and its own package."""
TIES: set[str] = set()
"""Imports that still point up, and are to be cut."""
RANK = {name: rank for rank, line in enumerate(LAYERS.strip().splitlines()) for name in line.split()}
HEAVY = {"torch", "transformers", "accelerate", "safetensors", "datasets"}


def top(module: str) -> str:
    """`xit.stages.data` is in `stages`."""
    return module.split(".")[1]


def closure(*modules: str) -> frozenset[str]:
    """All modules that these import, to any depth; not the package's own `__init__`, which every process imports."""
    return registry.imports(modules) - {"xit"}


def syntax(module: str) -> Iterator[ast.AST]:
    """The nodes of a module that run, without what is for type checkers only."""
    waiting: list[ast.AST] = [ast.parse(MODULES[module].read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def third_party(module: str) -> set[str]:
    """The packages of others that a module imports, inside functions too."""
    found = {alias.name for node in syntax(module) if isinstance(node, ast.Import) for alias in node.names}
    found |= {str(node.module) for node in syntax(module) if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in found} - {"xit"} - sys.stdlib_module_names


# Who may import whom


def test_every_module_has_its_layer() -> None:
    assert {top(module) for module in MODULES if module != "xit"} == set(RANK)
    assert len(MODULES) > 80


def test_imports_point_down() -> None:
    up = {
        f"{top(name)} → {top(other)}"
        for name in MODULES
        if name != "xit"
        for other in registry.imported(name)
        if other != "xit" and top(other) != top(name) and RANK[top(other)] <= RANK[top(name)]
    }

    assert up == TIES


def test_stages_do_not_import_one_another() -> None:
    stages = {name for name in MODULES if name.startswith("xit.stages.")}

    assert {module: closure(module) & stages for module in stages} == {module: {module} for module in stages}


def test_encoders_know_neither_tasks_nor_formats_nor_training() -> None:
    reached = closure(*(name for name in MODULES if name.startswith("xit.encoders")))

    assert "xit.encoders.lstm" in reached
    assert {top(name) for name in reached} == {"core", "encoders", "modeling"}


def test_an_encoder_does_not_know_the_others() -> None:
    for name in registry.names("encoders"):
        own = {module for module in closure(f"xit.encoders.{name}") if module.startswith("xit.encoders.")}
        assert own == {f"xit.encoders.{name}"}
        assert registry.defines("encoders", name, "Encoder") or registry.defines("encoders", name, "RELEASED")


def test_training_knows_no_task_no_format_and_no_encoder_by_name() -> None:
    reached = closure(
        "xit.training.loop",
        "xit.training.streams",
        "xit.training.mixtures",
        "xit.training.masked_lm",
        "xit.modeling.task_model",
    )

    for folder in ("tasks", "formats", "heads", "encoders"):
        named = {f"xit.{folder}.{name}" for name in registry.names(folder)}
        assert len(named) > 1
        assert reached.isdisjoint(named)


def test_tasks_and_formats_know_no_encoder() -> None:
    reached = closure(*(name for name in MODULES if top(f"{name}.x") in ("tasks", "formats", "heads")))

    assert {"xit.tasks.xnli", "xit.formats.span", "xit.heads.span"} < reached
    assert not [name for name in reached if top(name) == "encoders"]


def test_the_half_that_makes_tables_never_imports_torch() -> None:
    reached = closure(
        "xit.stages.collect",
        "xit.stages.paper",
        "xit.report",
        *(f"xit.tables.{name}" for name in registry.names("tables")),
    )

    assert {"xit.statistics.study", "xit.statistics.claims", "xit.paper.sentences", "xit.tables.gains"} <= reached
    assert {name: third_party(name) & HEAVY for name in reached if third_party(name) & HEAVY} == {}
    assert "matplotlib" in third_party("xit.paper.drawing")  # what is looked for can be found
    assert "torch" in third_party("xit.training.loop")


def test_light_commands_import_no_torch() -> None:
    light = "xit.cli, xit.pipeline.config, xit.stages.data, xit.sources.files, xit.sources.hub, xit.sources.micro"
    light += ", xit.stages.tokenizer, xit.stages.collect, xit.stages.paper, xit.pipeline.runner, xit.pipeline.overlay"
    light += ", xit.scoring.predictions, xit.formats.retrieval"
    light += ", xit.scoring.evaluator, xit.tasks.xnli, xit.report"
    code = f"import sys, {light}; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "xit.stages.paper" in done.stdout.split()
    assert HEAVY.isdisjoint(done.stdout.split())


OWN_TO_THE_COMMAND_LINE = re.compile(
    r"(print|input|exit|quit|SystemExit|sys\.(exit|argv|stdout|stderr)|os\.(environ|getenv))"
)
EXCEPTIONS = {  # it stands in the place of the command lines that it runs
    "xit.pipeline.stage_process": {"os.environ", "sys.argv", "sys.exit", "sys.stdout", "sys.stderr", "SystemExit"}
}


def test_only_the_command_line_prints_reads_the_environment_or_exits() -> None:
    found = {}
    for module in MODULES:
        words = {ast.unparse(node) for node in syntax(module) if isinstance(node, ast.Name | ast.Attribute)}
        found[module] = {word for word in words if OWN_TO_THE_COMMAND_LINE.fullmatch(word)}
    of_commands = {module: found.pop(module) for module in MODULES if top(f"{module}.x") == "cli"}

    assert {module: words for module, words in found.items() if words} == EXCEPTIONS
    assert [name for name, words in of_commands.items() if words & {"print", "input", "sys.stdout"}] == [
        "xit.cli.terminal"
    ]


LINES = 500


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    files = [path for folder in ("xit", "tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]

    longer = {path.relative_to(ROOT).as_posix() for path in files if len(path.read_text("utf-8").splitlines()) > LINES}

    assert {path.relative_to(ROOT).parts[0] for path in files} == {"xit", "tests", "benchmarks"}
    assert longer == set()


def test_no_two_files_of_tests_have_the_same_name() -> None:
    """pytest would import the one for the other."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]

    assert len(names) > 150
    assert sorted(names) == sorted(set(names))


# What the stages of dvc.yaml name


@dataclasses.dataclass(frozen=True)
class Instance:
    """One stage instance of dvc.yaml, with the values of its matrix filled in."""

    stage: str
    item: Mapping[str, str]
    command: tuple[str, ...]
    deps: frozenset[str]
    params: frozenset[str]
    outs: frozenset[str]

    def __str__(self) -> str:
        return "-".join([self.stage, *self.item.values()])


ABSENT = {"recipes": ["multitask+mlm"], "translated_tasks": ["mnli", "squad"], "translation_languages": ["de"]}
"""Of the stages that the default grid has no instance of."""


def instances() -> list[Instance]:
    parameters = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for key, ids in ABSENT.items():
        assert parameters["grid"][key] == []
        parameters["grid"][key] = ids
    parameters["tuning"]["encoders"] = ["gru"]  # stages that are off by default
    parameters["upper_bound"]["languages"] = ["sw"]
    found = []
    for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"].items():
        matrix = {key: looked_up(parameters, source) for key, source in stage.get("matrix", {}).items()}
        for values in itertools.product(*matrix.values()):
            item = dict(zip(matrix, values, strict=True))

            def filled(text: str, item: Mapping[str, str] = item) -> str:
                return re.sub(r"\$\{item\.(\w+)\}", lambda match: item[match[1]], text)

            def paths(key: str, stage: Any = stage) -> frozenset[str]:
                entries = [entry if isinstance(entry, str) else next(iter(entry)) for entry in stage.get(key, [])]
                return frozenset(map(filled, entries))

            command = tuple(filled(stage["cmd"]).split())
            found.append(Instance(name, item, command, paths("deps"), paths("params"), paths("outs")))
    return found


def looked_up(parameters: Any, source: str) -> list[str]:
    """The list of params.yaml that `${grid.tasks}` stands for."""
    for key in source.removeprefix("${").removesuffix("}").split("."):
        parameters = parameters[key]
    return list(parameters)


INSTANCES = instances()
FIRST = [next(group) for _, group in itertools.groupby(INSTANCES, key=lambda instance: instance.stage)]
"""An instance of each stage."""
STAGE_FILES = {
    "text": "data",
    "parallel": "data",
    "retrieve": "evaluate",
    "control": "intermediate",
    "recipe": "intermediate",
}
"""Stages that another stage's file serves."""
BY_ID = {
    "text": ("sources", "tasks"),
    "parallel": ("sources", "tasks"),
    "data": ("sources",),
    "recipe": ("tasks", "heads"),
    "collect": ("tasks",),
    "paper": ("tasks", "tables"),
    "tune": ("tasks", "heads"),
    "upper_bound": ("sources",),
}
"""Folders of which a stage loads every module by its name."""


def imported(instance: Instance) -> frozenset[str]:
    """The modules that an instance can import: its stage's file, those of its ids, and what these import."""
    stage = STAGE_FILES.get(instance.stage, instance.stage)
    modules = [f"xit.stages.{stage}"]
    modules += [f"xit.{folder}.{name}" for folder in BY_ID.get(instance.stage, ()) for name in registry.names(folder)]
    if "xit.core.examples" in closure(*modules):  # whose files say of which format they are by their columns
        modules += [f"xit.formats.{name}" for name in registry.names("formats")]
    for kind, name in instance.item.items():
        if kind == "encoder":
            modules.append(f"xit.encoders.{name}")
        elif kind not in ("control", "language", "recipe"):
            task = task_of(name)
            modules.append(f"xit.tasks.{name}")
            if "xit.heads" in closure(f"xit.stages.{stage}"):
                modules.append(f"xit.heads.{task.format}")
    return closure(*modules)


def covers(dependency: str, module: str) -> bool:
    return MODULES[module].relative_to(ROOT).is_relative_to(dependency)


def test_dvc_yaml_has_the_stages_and_cells_that_are_promised() -> None:
    stages = [instance.stage for instance in FIRST]

    assert sorted(stages) == sorted(STAGES)
    assert {STAGE_FILES.get(stage, stage) for stage in stages} == set(registry.names("stages"))
    assert len(INSTANCES) > 30


def test_a_stage_names_the_modules_that_it_imports_and_no_others() -> None:
    missing, idle = [], []
    for instance in INSTANCES:
        modules, named = imported(instance), [dep for dep in instance.deps if dep.startswith("xit")]
        missing += [f"{instance}: {name}" for name in modules if not any(covers(dep, name) for dep in named)]
        idle += [f"{instance}: {dep}" for dep in named if not any(covers(dep, name) for name in modules)]

    assert (missing, idle) == ([], [])


def test_what_a_stage_reads_is_a_file_of_the_project_or_made_by_another_stage() -> None:
    from_nowhere = [
        f"{instance}: {dependency}"
        for instance in INSTANCES
        for dependency in instance.deps
        if not (dependency.startswith(("xit/", "paper/", "profiles")) and (ROOT / dependency).exists())
        and not any(is_near(dependency, out) for other in INSTANCES if other != instance for out in other.outs)
    ]

    assert from_nowhere == []


def is_near(path: str | Path, other: str | Path) -> bool:
    """Whether one is the other, or in it."""
    return Path(path).is_relative_to(other) or Path(other).is_relative_to(path)


# What the commands read


@dataclasses.dataclass
class Reads:
    """The parameters that a command has read itself or hands to its stage as whole sections, and the paths it hands."""

    parameters: set[str]
    paths: set[Path]


def recording(value: Any, place: str, seen: set[str]) -> Any:
    """The value, of a class derived from its own, which notes where a parameter is read."""
    if isinstance(value, dict):
        return {key: recording(inner, f"{place}.{key}", seen) for key, inner in value.items()}
    if not dataclasses.is_dataclass(value):
        return value
    kind = type(value)
    start = f"{place}." if place else ""
    inner = {f.name: recording(getattr(value, f.name), start + f.name, seen) for f in dataclasses.fields(kind)}

    def read(self: Any, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if name in inner and not isinstance(found, dict) and not dataclasses.is_dataclass(found):
            seen.add(start + name)
        return found

    made = object.__new__(type(kind.__name__, (kind,), {"__getattribute__": read}))
    for name, found in {**inner, "place": place}.items():
        object.__setattr__(made, name, found)
    return made


def reads(instance: Instance, source: str, monkeypatch: pytest.MonkeyPatch) -> Reads:
    """Run the command of an instance up to its stage."""
    found = Reads(set(), set())
    monkeypatch.chdir(ROOT)
    loaded = config.load(paths.PARAMS)
    values = dataclasses.replace(loaded, source=source, files=dataclasses.replace(loaded.files, folder="published"))
    parameters = yaml.safe_load(paths.PARAMS.read_text(encoding="utf-8"))
    del parameters["resources"]  # what is asked of workers, which no stage may read

    def stage(*arguments: Any) -> list[str]:
        for value in held(arguments):
            if isinstance(value, Path):
                found.paths.add(value)
            elif hasattr(value, "place"):
                found.parameters.add(value.place)
            elif value == parameters:
                found.parameters |= set(parameters)
        return ["the stage was reached"]

    name = STAGE_FILES.get(instance.stage, instance.stage)
    module = registry.load("stages", name)
    monkeypatch.setattr(module, instance.stage if instance.stage in ("text", "parallel") else name, stage)
    monkeypatch.setattr(config, "load", lambda path: recording(values, "", found.parameters))
    result = CliRunner().invoke(app, instance.command[1:], catch_exceptions=False)
    assert "the stage was reached" in result.output
    return found


def held(value: Any) -> Iterator[Any]:
    """A value and, wherever they stand in it, all that it holds; of a section of the parameters, the section only."""
    yield value
    if hasattr(value, "place"):
        return
    inner = value if isinstance(value, tuple | list) else value.values() if isinstance(value, dict) else ()
    if hasattr(value, "settings"):  # a source
        inner = [value.settings]
    elif dataclasses.is_dataclass(value):
        inner = [getattr(value, field.name) for field in dataclasses.fields(value)]
    for each in inner:
        yield from held(each)


@pytest.mark.parametrize("instance", FIRST, ids=str)
def test_a_stage_names_the_parameters_that_its_command_reads_and_no_others(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {place for source in ("micro", "files", "hub") for place in reads(instance, source, monkeypatch).parameters}
    read -= FOR_EVERY_COMMAND

    assert [place for place in read if not any(is_in(place, named) for named in instance.params)] == []
    assert [named for named in instance.params if not any(is_in(place, named) for place in read)] == []


FOR_EVERY_COMMAND = {"hub.cache", "hub.is_offline"}
"""Where the Hub's files lie, and whether it may be asked: set once, by the command line; it changes no result."""


def is_in(place: str, section: str) -> bool:
    return f"{place}.".startswith(f"{section}.")


@pytest.mark.parametrize("instance", INSTANCES, ids=str)
def test_a_command_reads_and_writes_where_dvc_yaml_says(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    touched = reads(instance, "micro", monkeypatch).paths - {paths.TRANSLATIONS}  # a cache changes no output
    touched -= {paths.DATA} if instance.stage == "control" else set()  # what is not trained reads no data

    assert touched
    for path in touched:
        assert any(is_near(path, named) for named in instance.deps | instance.outs), path
    for out in instance.outs:
        assert any(is_near(path, out) for path in touched), out


def test_what_is_held_is_found_wherever_it_stands() -> None:
    seen: set[str] = set()
    recorder = recording(config.load(ROOT / "params.yaml"), "", seen)
    plan = plans.target(recorder, "xnli", "lstm")

    values = list(held(({"1": Cell("lstm")}, Places(Path("a"), Path("b"), Path("c")), plan, None)))

    assert {value for value in values if isinstance(value, Path)} == {Path("a"), Path("b"), Path("c")}
    assert [value.place for value in values if hasattr(value, "place")] == ["compute"]
    assert {"targets.xnli.learning_rate", "encoders.lstm.learning_rate", "training.head"} < seen


def test_recording_sees_what_is_read() -> None:
    """Otherwise the tests above would pass on commands that read nothing."""
    seen: set[str] = set()
    recorder = recording(config.load(ROOT / "params.yaml"), "", seen)

    assert recorder.encoders["lstm"].size.layers == 2
    dataclasses.replace(recorder.retrieval, layer=0.5)

    assert seen == {"encoders.lstm.size.layers", "retrieval.pooling"}
