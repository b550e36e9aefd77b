"""params.yaml as frozen values, checked whole: every fault is reported at once, with the nearest known name."""

import dataclasses
import json
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from xit.core import registry, settings
from xit.core.conditions import CONTROLS, FORM, MULTITASK, parse
from xit.core.errors import ConfigError, near, raise_all
from xit.core.task import task_of


@dataclasses.dataclass(frozen=True)
class Config:
    """The sections of params.yaml."""

    source: Literal["micro", "files", "hub"]
    micro: settings.MicroSettings
    files: settings.FilesSettings
    hub: settings.HubSettings
    languages: settings.LanguageSettings
    seeds: tuple[int, ...]
    grid: settings.GridSettings
    translation: settings.TranslationSettings
    tokenizer: settings.TokenizerSettings
    encoders: dict[str, settings.EncoderSettings]
    pretraining: settings.PretrainingSettings
    training: settings.TrainingSettings
    intermediate: dict[str, settings.TaskSettings]
    recipes: settings.RecipeSettings
    targets: dict[str, settings.TaskSettings]
    retrieval: settings.RetrievalSettings
    tuning: settings.TuningSettings
    resources: dict[str, settings.ResourceSettings]


for _class in (Config, *vars(settings).values()):
    if dataclasses.is_dataclass(_class):
        _class.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[union-attr]


def load(path: Path) -> Config:
    """Read and check params.yaml.

    Raises:
        ConfigError: with a line for every key that is unknown, missing, ill-typed or out of range, and for every id
            that does not exist or has no section of its own.
    """
    try:
        values = _OnceLoader(path.read_text(encoding="utf-8")).get_single_data()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file. Run xit in the project's folder, where params.yaml is.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not YAML: {error}") from None
    return check(values, str(path))


class _OnceLoader(yaml.SafeLoader):
    """Safe, and refuses a key that is there twice, of which PyYAML takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for (key, _), name in zip(node.value, keys, strict=True):
            if keys.count(name) > 1:
                raise yaml.MarkedYAMLError(problem=f"{name} is there twice", problem_mark=key.start_mark)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def check(values: Any, where: str) -> Config:
    """As `load`, for values that were read already; `where` names them in messages."""
    try:
        text = json.dumps(values, default=str)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: a section that holds itself: {error}") from None
    try:
        config: Config = TypeAdapter(Config).validate_json(text, strict=True)
    except ValidationError as error:
        found = [_fault(where, values, e) for e in error.errors()]
        raise_all(ConfigError, found)
        raise
    raise_all(ConfigError, [f"{where}: {fault}" for fault in _contradictions(config)])
    return config


def _fault(where: str, values: Any, error: Mapping[str, Any]) -> str:
    place = [part for part in error["loc"] if not str(part).startswith(("function", "nullable"))]
    start = ": ".join([where, *filter(None, [".".join(map(str, place))])])
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        known = _known(place[:-1])
        return f"{start}: no such parameter.{near(str(place[-1]), known)} Known here: {', '.join(known)}."
    if error["type"] in ("missing", "missing_argument"):
        return f"{start}: missing.{_meaning(place)}"
    found = json.dumps(error["input"], ensure_ascii=False, default=str)
    return f"{start}: {error['msg'][0].lower()}{error['msg'][1:]}; found {found}.{_meaning(place)}"


def _class_at(place: Iterable[Any]) -> type | None:
    """The dataclass of a section, following field names; a mapping's own key passes through."""
    current: Any = Config
    for part in place:
        if isinstance(current, type) and dataclasses.is_dataclass(current):
            current = {f.name: f.type for f in dataclasses.fields(current)}.get(str(part))
        elif getattr(current, "__origin__", None) is dict:
            current = current.__args__[1]
        if isinstance(current, types.UnionType):  # a section, or null
            current = next(kind for kind in current.__args__ if kind is not None)
    if getattr(current, "__origin__", None) is dict:
        return None
    return current if isinstance(current, type) and dataclasses.is_dataclass(current) else None


def _known(place: list[Any]) -> tuple[str, ...]:
    section = _class_at(place)
    return tuple(f.name for f in dataclasses.fields(section)) if section else ()


def _meaning(place: list[Any]) -> str:
    """The line under the field in xit/core/settings.py: unit, range, where the value is from."""
    import ast
    import inspect

    section = _class_at(place[:-1])
    if section is None or section is Config:
        return ""
    body = ast.parse(inspect.getsource(section).strip()).body[0]
    assert isinstance(body, ast.ClassDef)
    for field, line in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(line, ast.Expr)):
            continue
        if ast.unparse(field.target) == str(place[-1]):
            return f" It is: {' '.join(ast.literal_eval(line.value).split())}"
    return ""


def _contradictions(config: Config) -> list[str]:
    found: list[str] = []
    grid = config.grid
    tasks = registry.names("tasks")
    for key, ids, known in (
        ("encoders", grid.encoders, registry.names("encoders")),
        ("controls", grid.controls, CONTROLS),
        ("intermediates", grid.intermediates, tasks),
        ("targets", grid.targets, tasks),
        ("bare_targets", grid.bare_targets, tasks),
    ):
        for name in ids:
            if name not in known:
                word = key.replace("_", " ").removesuffix("s")
                found.append(f"grid.{key}: {name}: no such {word}.{near(name, known)} Known: {', '.join(known)}.")
        found += [f"grid.{key}: {name} is there twice." for name in sorted({n for n in ids if ids.count(n) > 1})]
    recipes, trained = _recipes(config, tasks)
    found += recipes
    for section, ids, has, known in (
        ("encoders", grid.encoders, config.encoders, registry.names("encoders")),
        ("intermediate", trained, config.intermediate, tasks),
        ("targets", grid.targets, config.targets, tasks),
    ):
        found += [
            f"{section}.{name}: missing, but grid names {name}." for name in ids if name in known and name not in has
        ]
        found += [
            f"{section}.{name}: no such id.{near(name, known)} Known: {', '.join(known)}."
            for name in has
            if name not in known
        ]
    for name, encoder in config.encoders.items():
        if name in registry.names("encoders"):
            found += [f"encoders.{name}.{fault}" for fault in _start(name, encoder)]
    for key, ids, is_trained in (
        ("intermediates", trained, True),
        ("targets", grid.targets, True),
        ("bare_targets", grid.bare_targets, False),
    ):
        for name in ids:
            if name in tasks and task_of(name).is_trained != is_trained:
                why = "has no training; name it in bare_targets" if is_trained else "is trained; name it in targets"
                found.append(f"grid.{key}: {name} {why}.")
    if grid.conditions != (all_of := grid.controls + grid.intermediates + grid.recipes):
        found.append(f"grid.conditions: should be controls, intermediates, recipes: [{', '.join(all_of)}].")
    named = dict.fromkeys(trained + grid.targets + grid.bare_targets)
    if sorted(grid.tasks) != sorted(named):
        found.append(
            "grid.tasks: should be the tasks of intermediates and recipes, targets and bare targets: "
            f"[{', '.join(named)}]."
        )
    found += _translations(config, trained)
    if "default" not in config.resources:
        found.append("resources.default: missing; it holds for the stages that have no entry of their own.")
    known = ("default", *settings.STAGES)
    found += [
        f"resources.{name}: no such stage.{near(name, known)} Known: {', '.join(known)}."
        for name in config.resources
        if name not in known
    ]
    if "none" not in grid.controls:
        found.append("grid.controls: none is missing; every gain is measured against it.")
    if "en" not in config.languages.evaluation:
        found.append("languages.evaluation: en is missing; English is what training is on.")
    tuning = config.tuning
    for key, ids, known in (
        ("encoders", tuning.encoders, tuple(config.encoders)),
        ("tasks", tuning.tasks, tuple(config.targets)),
    ):
        found += [
            f"tuning.{key}: {name}: has no section.{near(name, known)} There is: {', '.join(known)}."
            for name in ids
            if name not in known
        ]
    for key in ("pretraining_learning_rates", "learning_rates", "tasks", "seeds"):
        values = getattr(tuning, key)
        if not values or len(set(values)) < len(values):
            found.append(f"tuning.{key}: {list(values)}: at least one, none twice.")
    if not grid.encoders:
        found.append("grid.encoders: empty; at least one.")
    for key, codes in (("pretraining", config.languages.pretraining), ("evaluation", config.languages.evaluation)):
        if not codes or len(set(codes)) < len(codes):
            found.append(f"languages.{key}: [{', '.join(codes)}]: at least one, none twice.")
    if config.micro.languages:
        found.append("micro.languages: no such parameter. The languages are those of languages.evaluation.")
    seeds = config.seeds
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0 or max(seeds) >= 2**32:
        found.append(f"seeds: {list(seeds)}: at least one, none twice, from 0 to 2**32 - 1.")
    for section, has in (("intermediate", config.intermediate), ("targets", config.targets)):
        found += [
            f"{section}.{name}: steps and epochs are both null; one of them says how long training is."
            for name, task in has.items()
            if task.steps is None and task.epochs is None
        ]
        found += [
            f"{section}.{name}.micro_batches: {task.micro_batches} does not divide batch_size, {task.batch_size}."
            for name, task in has.items()
            if task.batch_size % task.micro_batches
        ]
    return found


def _recipes(config: Config, tasks: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """The faults of grid.recipes, and the tasks that intermediate training takes, in recipes too."""
    found: list[str] = []
    grid, named = config.grid, list(config.grid.intermediates)
    for name in grid.recipes:
        try:
            condition = parse(name)
        except ConfigError as error:
            found.append(f"grid.recipes: {error}")
            continue
        if name in CONTROLS or condition.kind == "task":
            found.append(
                f"grid.recipes: {name}: belongs in grid.{'controls' if name in CONTROLS else 'intermediates'}."
            )
        elif condition.task == MULTITASK:
            named += config.recipes.multitask.tasks
        elif condition.task is not None:
            named.append(condition.task)
    found += [
        f"grid.recipes: {name}: no such task.{near(name, tasks)} Known: {', '.join(tasks)}."
        for name in dict.fromkeys(named)
        if name not in tasks and name not in grid.intermediates
    ]
    twice = sorted({name for name in grid.recipes if grid.recipes.count(name) > 1})
    found += [f"grid.recipes: {name} is there twice." for name in twice]
    return found, tuple(dict.fromkeys(named))


def _translations(config: Config, trained: tuple[str, ...]) -> list[str]:
    """What is wrong with the tasks and languages of translation; `trained` are those of intermediate training."""
    grid = config.grid
    tasks, languages = grid.translated_tasks, grid.translation_languages
    found = [
        f"grid.translated_tasks: {name}: no intermediate task or recipe trains on it. These are: {', '.join(trained)}."
        for name in tasks
        if name not in trained
    ]
    for key, ids in (("translated_tasks", tasks), ("translation_languages", languages)):
        found += [f"grid.{key}: {name} is there twice." for name in sorted({n for n in ids if ids.count(n) > 1})]
    if bool(tasks) != bool(languages):
        found.append(
            f"grid.translated_tasks, grid.translation_languages: [{', '.join(tasks)}], [{', '.join(languages)}]: each "
            "task is translated into each language, so both are empty or neither is."
        )
    if "en" in languages:
        found.append("grid.translation_languages: en: training examples are English as they are. Leave it out.")
    for recipe in filter(FORM.fullmatch, grid.recipes):
        condition = parse(recipe)
        read = config.recipes.multitask.tasks if condition.task == MULTITASK else (condition.task,)
        if condition.language != "en" and not (set(read) <= set(tasks) and condition.language in languages):
            found.append(
                f"grid.recipes: {recipe}: nothing makes its examples. Put {', '.join(map(str, read))} into "
                f"grid.translated_tasks and {condition.language} into grid.translation_languages."
            )
    if tasks and config.source != "micro" and not config.translation.model:
        found.append(
            f"translation.model: empty, but grid.translated_tasks names {', '.join(tasks)}. Give a folder or a model "
            "of the Hub, for instance facebook/nllb-200-distilled-600M; only the micro source needs none."
        )
    return found


def _start(name: str, encoder: settings.EncoderSettings) -> list[str]:
    """What is wrong with where an encoder starts: from random weights of a size, or from released ones."""
    own = {key: getattr(encoder, key) for key in ("size", "pretraining_learning_rate")}
    if encoder.weights != "random":
        found = [f"{key}: should be null, since weights are {encoder.weights}." for key in own if own[key] is not None]
        if encoder.vocabulary is not None:
            found.append(f"vocabulary: should be null; {encoder.weights} weights come with their own.")
        if encoder.weights == "released" and not registry.defines("encoders", name, "RELEASED"):
            found.append(f"weights: nothing is released of {name}. Name a Hub id or a folder, or let it be random.")
        return found
    if not registry.defines("encoders", name, "Encoder"):
        return [f"weights: random: {name} is a released encoder, and cannot be made from a size. Let it be released."]
    return [f"{key}: missing, since weights are random." for key in own if own[key] is None]
