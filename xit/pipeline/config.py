"""params.yaml as frozen values, checked whole: every fault is reported at once, with the nearest known name.

What one value may be stands in xit/core/settings.py, as its type; what values must be to one another stands here.
"""

import contextlib
import dataclasses
import functools
import io
import json
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.tag import Tag

from xit.core import registry, settings
from xit.core.conditions import FORM, MULTITASK, parse
from xit.core.errors import ConfigError, near, raise_all
from xit.core.task import Task, task_of


def _with_default(resources: Mapping[str, Any]) -> Mapping[str, Any]:
    if "default" not in resources:
        raise ValueError("default is missing; it holds for the stages that have no entry of their own", "Add default.")
    return resources


@dataclasses.dataclass(frozen=True)
class Config:
    """The sections of params.yaml."""

    source: Literal["micro", "files", "hub"]
    """Data come from here: `micro` makes them of Unicode CLDR, `files` reads published files in a folder, `hub` the
    Hugging Face Hub."""
    micro: settings.MicroSettings
    """This section is about the micro source."""
    files: settings.FilesSettings
    """This section is about the files source."""
    hub: settings.HubSettings
    """This section is about the Hugging Face Hub."""
    languages: settings.LanguageSettings
    """This section names the languages."""
    seeds: settings.Seeds
    """The experiment is run once with each of these seeds, whole numbers from 0 to 2**32 - 1."""
    grid: settings.GridSettings
    """This section says what is compared."""
    translation: settings.TranslationSettings
    """This section is about the translation of training examples."""
    tokenizer: settings.TokenizerSettings
    """This section is about the tokenizer of encoders from scratch."""
    encoders: dict[settings.EncoderId, settings.EncoderSettings]
    """This section has an entry for each encoder."""
    pretraining: settings.PretrainingSettings
    """This section is about the pretraining of encoders from scratch."""
    training: settings.TrainingSettings
    """This section is about what intermediate training and fine-tuning share."""
    compute: settings.ComputeSettings
    """This section is about how the machine computes, in every stage that uses torch."""
    intermediate: dict[settings.TrainedTask, settings.TaskSettings]
    """This section has an entry for each intermediate task."""
    recipes: settings.RecipeSettings
    """This section is about conditions that are made of intermediate tasks."""
    targets: dict[settings.TrainedTask, settings.TaskSettings]
    """This section has an entry for each target task that is trained."""
    retrieval: settings.RetrievalSettings
    """This section says how sentences become vectors."""
    tuning: settings.TuningSettings
    """This section is about the trials of learning rates."""
    resources: Annotated[dict[settings.Stage, settings.ResourceSettings], AfterValidator(_with_default)]
    """This section says what the grid's workers must offer: an entry `default`, and one for each stage that needs other
    resources."""


_SECTIONS: tuple[Any, ...] = (
    Config,
    *(kind for kind in vars(settings).values() if isinstance(kind, type) and kind.__module__ == settings.__name__),
)


def _configure(has_texts: bool) -> None:
    """Say how pydantic reads the sections; their texts cost a quarter of a second, since it parses their source."""
    for section in _SECTIONS:
        section.__pydantic_config__ = {
            "extra": "forbid",
            "allow_inf_nan": False,
            "use_attribute_docstrings": has_texts,
        }


_configure(has_texts=False)


# Files


class _Resolver(VersionedResolver):
    """YAML 1.2 as DVC reads it, and with the one notation of a number that its library takes for text: .5e3."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is ScalarNode and implicit[0] and re.fullmatch(r"[-+]?\.[0-9]+[eE][0-9]+", value):
            return Tag(suffix="tag:yaml.org,2002:float")
        return super().resolve(kind, value, implicit)


def _yaml() -> YAML:
    library = YAML(typ="safe", pure=True)
    library.Resolver = _Resolver
    library.default_flow_style = False
    library.allow_unicode = True
    library.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    return library


def read(path: Path) -> dict[str, Any]:
    """The sections of params.yaml or of a profile, as plain values.

    Raises:
        ConfigError: it is missing, not YAML in UTF-8, says a key twice, or holds no sections.
    """
    try:
        values = _yaml().load(path.read_text(encoding="utf-8"))
        json.dumps(values, default=str)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file. Run xit in the project's folder, where params.yaml is.") from None
    except YAMLError as error:
        raise ConfigError(f"{path}{_line(error)}: not YAML: {_problem(error)}. Correct it there.") from None
    except (ValueError, RecursionError) as error:  # of UTF-8, or of a section that holds itself
        raise ConfigError(f"{path}: not YAML that can be read: {error}. Restore the file, or write it anew.") from None
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path}: holds no sections of params.yaml, found {json.dumps(values, default=str)}. Write them as "
            "`section:` with its parameters below, as params.yaml of the package does."
        )
    return values


def _line(error: YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark else ""


def _problem(error: YAMLError) -> str:
    problem = str(getattr(error, "problem", None) or error)
    twice = re.match(r"found duplicate key \"(.*?)\"", problem)
    return f"{twice[1]} is there twice" if twice else problem


def written(values: Mapping[str, Any]) -> str:
    """Sections as the text of a YAML file, from which `read` gets the same values."""
    stream = io.StringIO()
    _yaml().dump(dict(values), stream)
    return stream.getvalue()


def laid_over(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Values with changes: sections are merged, lists and numbers replaced."""
    merged = dict(values)
    for key, change in changes.items():
        below = values.get(key)
        is_section = isinstance(below, Mapping) and isinstance(change, Mapping)
        merged[key] = laid_over(below, change) if is_section else change  # type: ignore[arg-type]
    return merged


def load(path: Path) -> Config:
    """Read and check params.yaml.

    Raises:
        ConfigError: with a line for every key that is unknown, missing, ill-typed or out of range, and for every id
            that does not exist or has no section of its own.
    """
    return check(read(path), str(path))


Rule = Callable[[Config], Iterable[str]]
"""Gives the faults of values beside one another, as `place: what is wrong; what was found. What to try.`"""


def check(values: Mapping[str, Any], where: str, further: Sequence[Rule] = ()) -> Config:
    """As `load`, for values that were read already.

    Args:
        values: The sections.
        where: Names them in messages.
        further: Rules beside those of this file, told in the same round.
    """
    faults: list[str] = []
    invalid: set[str] = set()
    config: Config
    try:
        config = _validated(Config, values)
    except ValidationError as error:
        faults = [_fault(values, one) for one in error.errors(include_url=False)]
        invalid = {str(one["loc"][0]) for one in error.errors()}
        config = _valid_part(Config, values)
    for rule in (*RULES, *further):
        if rule in WHOLE_LISTS and invalid & {"grid", "recipes"}:
            continue
        with contextlib.suppress(AttributeError) if invalid else contextlib.nullcontext():
            for fault in rule(config):  # one by one: a rule may end at a part that is not valid
                faults.append(fault)
    raise_all(ConfigError, [f"{where}: {fault}" for fault in dict.fromkeys(faults)])
    return config


_adapter = functools.cache(TypeAdapter)


def _validated(kind: Any, values: Any) -> Any:
    return _adapter(kind).validate_json(json.dumps(values, default=str), strict=True)


def _valid_part(kind: Any, values: Any) -> Any:
    """What is valid of a section: a field that is not has no attribute, an entry of a list that is not is left out."""
    with contextlib.suppress(ValidationError):
        return _validated(kind, values)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated and typing.get_origin(arguments[0]) is not None:  # the rules of a whole list
        return _valid_part(arguments[0], values)
    if origin is types.UnionType:  # a section, or null
        return _valid_part(arguments[0], values)
    if origin is tuple and isinstance(values, list):
        parts = [_valid_part(arguments[0], value) for value in values]
        return tuple(part for part in parts if part is not None)
    if origin is dict:
        return {
            key: _valid_part(arguments[1], value) for key, value in (values if isinstance(values, dict) else {}).items()
        }
    if not dataclasses.is_dataclass(kind):
        return None
    part = object.__new__(kind)  # type: ignore[arg-type]
    for field in dataclasses.fields(kind):
        if isinstance(values, dict) and field.name in values:
            valid = _valid_part(field.type, values[field.name])
            if valid is not None or values[field.name] is None:
                object.__setattr__(part, field.name, valid)
        elif field.default is not dataclasses.MISSING:
            object.__setattr__(part, field.name, field.default)
    return part


# Messages


def _fault(values: Any, error: Mapping[str, Any]) -> str:
    """Where, what is wrong, what was found, what would do, what to try."""
    place = [part for part in error["loc"] if not str(part).startswith(("function", "nullable", "[key]"))]
    name, kind, found = ".".join(map(str, place)), error["type"], json.dumps(error["input"], ensure_ascii=False)
    meaning = _schema_at(place).get("description", "")
    meaning = f" {' '.join(meaning.split())}" if meaning else ""
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        known = tuple(_schema_at(place[:-1]).get("properties", {}))
        return (
            f"{name}: no such parameter.{near(str(place[-1]), known) or ' Remove it.'} Known here: {', '.join(known)}."
        )
    if kind in ("missing", "missing_argument"):
        parameters = ", ".join(_schema_at(place).get("properties", {}))
        return f"{name}: missing.{meaning} Add it{f', with {parameters}' if parameters else ''}."
    if kind == "value_error":
        what, advice = error["ctx"]["error"].args
        return f"{name}: {what}; found {found}.{meaning} {advice}"
    what = f"{error['msg'][0].lower()}{error['msg'][1:]}"
    return f"{name}: {what}; found {found}.{meaning} {_advice(kind, error)}"


def _advice(kind: str, error: Mapping[str, Any]) -> str:
    found = error["input"]
    if kind == "literal_error":
        expected = re.findall(r"'(.*?)'", error["ctx"]["expected"])
        return near(str(found), expected).strip() or "Write one of these."
    if kind in ("int_type", "float_type", "bool_type"):
        wanted = {"int_type": "a whole number", "float_type": "a number", "bool_type": "true or false"}[kind]
        return f"Write {wanted}{', without quotes' if isinstance(found, str) else ''}."
    advice = {
        "string_type": "Write it as text, in quotes if it would read as a number, true, false or null.",
        "tuple_type": "Write a list, for instance [1, 2].",
        "dict_type": "Write its entries below it, each on a line of its own.",
        "dataclass_type": "Write its parameters below it, each on a line of its own.",
    }
    return advice.get(kind, "Write a number in this range.")


@functools.cache
def _schema() -> dict[str, Any]:
    _configure(has_texts=True)
    try:
        return TypeAdapter(Config).json_schema()
    finally:
        _configure(has_texts=False)


def _schema_at(place: list[Any]) -> dict[str, Any]:
    """The JSON schema of what may stand at a place of params.yaml: its properties, its description."""
    here = _schema()
    for part in place:
        inner = here.get("properties", {}).get(part) or here.get("additionalProperties")
        if not isinstance(inner, dict):  # a place in a list means what the list means
            continue
        options = [option for option in (inner, *inner.get("anyOf", ())) if "$ref" in option]
        section = _schema()["$defs"][options[0]["$ref"].rpartition("/")[2]] if options else {}
        here = {**section, **inner} if "description" in inner else {**section, "description": ""}
    return here


# What values must be to one another


def _sections(config: Config) -> Iterator[str]:
    """Every id that the grid names has a section."""
    trained = intermediate_tasks(config)
    for section, ids, has in (
        ("encoders", config.grid.encoders, config.encoders),
        ("intermediate", trained, config.intermediate),
        ("targets", config.grid.targets, config.targets),
    ):
        for name in ids:
            if name not in has:
                yield f"{section}.{name}: missing, but grid names {name}. Add it, as {', '.join(has) or 'others'} have."
    for key, ids, section, has in (
        ("encoders", config.tuning.encoders, "encoders", config.encoders),
        ("tasks", config.tuning.tasks, "targets", config.targets),
    ):
        for name in ids:
            if name not in has:
                yield f"tuning.{key}: {name} has no section. Add {section}.{name}. There is: {', '.join(has)}."


def intermediate_tasks(config: Config) -> tuple[str, ...]:
    """The tasks that intermediate training takes, those of recipes too, each once."""
    names = list(config.grid.intermediates)
    for condition in map(parse, config.grid.recipes):
        names += _tasks_of(condition.task, config)
    return tuple(dict.fromkeys(names))


def _tasks_of(task: str | None, config: Config) -> tuple[str, ...]:
    if task == MULTITASK:
        return config.recipes.multitask.tasks
    return (task,) if task else ()


def _conditions(config: Config) -> Iterator[str]:
    grid = config.grid
    if grid.conditions != (wanted := grid.controls + grid.intermediates + grid.recipes):
        yield (
            f"grid.conditions: should be controls, intermediates, recipes, in this order; found "
            f"[{', '.join(grid.conditions)}]. Write [{', '.join(wanted)}]."
        )


def _tasks(config: Config) -> Iterator[str]:
    grid = config.grid
    wanted = dict.fromkeys(intermediate_tasks(config) + grid.targets + grid.bare_targets)
    if sorted(grid.tasks) != sorted(wanted):
        yield (
            "grid.tasks: should be the tasks of intermediates and recipes, targets and bare targets, each once; found "
            f"[{', '.join(grid.tasks)}]. Write [{', '.join(wanted)}]."
        )


def _translated(config: Config) -> Iterator[str]:
    """The tasks and languages of translation are those that conditions train on."""
    grid, trained = config.grid, intermediate_tasks(config)
    tasks, languages = grid.translated_tasks, grid.translation_languages
    for name in tasks:
        if name not in trained:
            yield (
                f"grid.translated_tasks: {name}: no intermediate task or recipe trains on it. Remove it; these are: "
                f"{', '.join(trained)}."
            )
    if bool(tasks) != bool(languages):
        yield (
            f"grid.translated_tasks, grid.translation_languages: [{', '.join(tasks)}], [{', '.join(languages)}]: each "
            "task is translated into each language, so both are empty or neither is. Fill in the other, or empty both."
        )
    if "en" in languages:
        yield "grid.translation_languages: en: training examples are English as they are. Leave it out."
    for recipe in filter(FORM.fullmatch, grid.recipes):
        condition = parse(recipe)
        read = _tasks_of(condition.task, config)
        if condition.language != "en" and not (set(read) <= set(tasks) and condition.language in languages):
            yield (
                f"grid.recipes: {recipe}: nothing makes its examples. Put {', '.join(read)} into "
                f"grid.translated_tasks and {condition.language} into grid.translation_languages."
            )
    if tasks and config.source != "micro" and not config.translation.model:
        yield (
            f"translation.model: empty, but grid.translated_tasks names {', '.join(tasks)}. Give a folder or a model "
            "of the Hub, for instance facebook/nllb-200-distilled-600M; only the micro source needs none."
        )


def _starts(config: Config) -> Iterator[str]:
    """Where an encoder starts: from random weights of a size, or from released ones."""
    for name, encoder in config.encoders.items():
        if name in registry.names("encoders"):
            with contextlib.suppress(AttributeError):
                for fault in _start(name, encoder):
                    yield f"encoders.{name}.{fault}"


def _start(name: str, encoder: settings.EncoderSettings) -> Iterator[str]:
    weights, keys = encoder.weights, ("size", "pretraining_learning_rate")
    if weights == "random":
        if not registry.defines("encoders", name, "Encoder"):
            yield f"weights: random: {name} is a released encoder, and cannot be made from a size. Let it be released."
            return
        for key in keys:
            if getattr(encoder, key) is None:
                yield f"{key}: null, but an encoder with random weights needs it. Give it, or name released weights."
        return
    for key in keys:
        if (found := getattr(encoder, key)) is not None:
            yield f"{key}: should be null, since weights are {weights}; found {_plain(found)}. Write null."
    if encoder.vocabulary is not None:
        yield (
            f"vocabulary: should be null, since {weights} weights come with their own; found "
            f"{_plain(encoder.vocabulary)}. Write null."
        )
    if weights == "released" and not registry.defines("encoders", name, "RELEASED"):
        yield f"weights: released: nothing is released of {name}. Name a Hub id or a folder, or let it be random."


def _plain(value: Any) -> str:
    return json.dumps(dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value)  # type: ignore[arg-type]


def _micro(config: Config) -> Iterator[str]:
    if config.micro.languages:
        yield "micro.languages: no such parameter. Remove it; the languages are those of languages.evaluation."


def _trained(config: Config) -> Iterator[tuple[str, Task, settings.TaskSettings]]:
    """The places, tasks and settings of what the grid trains on."""
    for section, ids, has in (
        ("intermediate", intermediate_tasks(config), config.intermediate),
        ("targets", config.grid.targets, config.targets),
    ):
        for name in ids:
            if name in has:
                yield f"{section}.{name}", task_of(name), has[name]


def _tokens(config: Config) -> Iterator[str]:
    """An input has tokens enough for its texts, and no more than the encoders have positions for."""
    encoders = {name: config.encoders[name] for name in config.grid.encoders if name in config.encoders}
    has_special = any(starts_here(encoder) and encoder.vocabulary is None for encoder in encoders.values())
    for place, task, own in _trained(config):
        with contextlib.suppress(AttributeError):
            found, least = own.max_length_tokens, 2 * task.texts + (task.texts + 1 if has_special else 0)
            if found < least:
                texts = "two texts" if task.texts == 2 else "a text"
                yield (
                    f"{place}.max_length_tokens: {found} is too few for {task.title}, of which an input holds {texts} "
                    f"of two tokens at least{' and special tokens' if has_special else ''}. Give {least} or more."
                )
            for name, encoder in encoders.items():
                longest = max_positions(name, encoder)
                if longest is not None and found > longest:
                    yield (
                        f"{place}.max_length_tokens: {found}, but {name} has positions for {longest}. Give {longest} "
                        f"or less, or take {name} from grid.encoders."
                    )


def starts_here(encoder: settings.EncoderSettings) -> bool:
    """Whether an encoder is pretrained here, from random weights."""
    return encoder.weights == "random"


def max_positions(name: str, encoder: settings.EncoderSettings) -> int | None:
    """The tokens of the longest row that a released encoder has positions for, where its file says so."""
    if encoder.weights != "released" or not registry.defines("encoders", name, "RELEASED"):
        return None
    if registry.defines("encoders", name, "Encoder"):  # its own code is loaded with torch, and knows no longest row
        return None
    longest: int | None = registry.load("encoders", name).RELEASED.max_positions
    return longest


def _subsets(config: Config) -> Iterator[str]:
    """A condition takes no more training examples of a task than there can be."""
    for place, name in enumerate(config.grid.recipes):
        condition = parse(name)
        for task in _tasks_of(condition.task, config):
            published = task_of(task).published.get("train")
            known = published if isinstance(published, int | None) else published.get("en")
            there = config.micro.train if config.source == "micro" else known
            if condition.examples is not None and there is not None and condition.examples > there:
                whose = "micro.train" if config.source == "micro" else "the published data"
                yield (
                    f"grid.recipes.{place}: {name}: asks for {condition.examples} training examples of {task}; "
                    f"{whose} has {there}. Name a smaller subset."
                )


def _evaluated(config: Config) -> Iterator[str]:
    """Each target has a language that is evaluated."""
    asked = config.languages.evaluation
    for key in ("targets", "bare_targets"):
        for place, name in enumerate(getattr(config.grid, key)):
            task = task_of(name)
            if config.source == "micro":
                has = tuple(code for code in asked if code != "en" or not (task.is_aligned or task.is_mined))
            else:
                has = task.languages
            if not set(has) & set(asked):
                yield (
                    f"grid.{key}.{place}: {name}: none of its languages is evaluated; found languages.evaluation "
                    f"[{', '.join(asked)}]. Add some of {', '.join(task.languages)}, or take {name} from the grid."
                )


def _tuned(config: Config) -> Iterator[str]:
    if config.tuning.encoders and "en" not in config.languages.pretraining:
        yield (
            f"tuning.encoders: [{', '.join(config.tuning.encoders)}]: an encoder is tuned on English text, but en is "
            "not in languages.pretraining. Add it, or empty this list."
        )


def _lengths(config: Config) -> Iterator[str]:
    """How long the training on a task is, and how its batches are cut."""
    for section, entries in (("intermediate", config.intermediate), ("targets", config.targets)):
        for name, task in entries.items():
            with contextlib.suppress(AttributeError):
                if task.steps is None and task.epochs is None:
                    yield (
                        f"{section}.{name}: steps and epochs are both null, so that nothing says how long training is. "
                        "Give one of them."
                    )
            with contextlib.suppress(AttributeError):
                if task.batch_size % task.micro_batches:
                    yield (
                        f"{section}.{name}.micro_batches: {task.micro_batches} does not divide batch_size, "
                        f"{task.batch_size}. Give a divisor of it."
                    )


RULES: tuple[Rule, ...] = (
    _sections,
    _conditions,
    _tasks,
    _translated,
    _starts,
    _micro,
    _lengths,
    _tokens,
    _subsets,
    _evaluated,
    _tuned,
)
WHOLE_LISTS = (_conditions, _tasks)
"""Rules that compare whole lists, and say nothing where an entry of one is not valid."""
