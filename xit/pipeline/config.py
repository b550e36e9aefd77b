"""params.yaml as frozen values, checked whole: every fault is reported at once, with the nearest known name.

What one value may be stands in xit/core/values.py, as types; what values must be to one another in
xit/pipeline/rules.py.
"""

import contextlib
import copy
import dataclasses
import functools
import io
import json
import re
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.tag import Tag

from xit.core import settings
from xit.core.errors import ConfigError, near, raise_all
from xit.core.values import EncoderId, Seeds, TrainedTask
from xit.pipeline import rules


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
    seeds: Seeds
    """The experiment is run once with each of these seeds, whole numbers from 0 to 2**32 - 1."""
    grid: settings.GridSettings
    """This section says what is compared."""
    analysis: settings.AnalysisSettings
    """This section declares what is tested."""
    upper_bound: settings.UpperBoundSettings
    """This section is about training in the language of the test."""
    translation: settings.TranslationSettings
    """This section is about the translation of training examples."""
    tokenizer: settings.TokenizerSettings | None
    """This section is about the tokenizer of encoders from scratch; null where every encoder brings its own."""
    encoders: dict[EncoderId, settings.EncoderSettings]
    """This section has an entry for each encoder."""
    pretraining: settings.PretrainingSettings
    """This section is about the pretraining of encoders from scratch."""
    training: settings.TrainingSettings
    """This section is about what intermediate training and fine-tuning share."""
    compute: settings.ComputeSettings
    """This section is about how the machine computes, in every stage that uses torch."""
    intermediate: dict[TrainedTask, settings.TaskSettings]
    """This section has an entry for each intermediate task."""
    recipes: settings.RecipeSettings
    """This section is about conditions that are made of intermediate tasks."""
    targets: dict[TrainedTask, settings.TaskSettings]
    """This section has an entry for each target task that is trained."""
    retrieval: settings.RetrievalSettings
    """This section says how sentences become vectors."""
    tuning: settings.TuningSettings
    """This section is about the trials of learning rates."""
    resources: Annotated[dict[settings.Stage, settings.ResourceSettings], AfterValidator(_with_default)]
    """This section says what the grid's workers must offer: an entry `default`, and one for each stage that needs other
    resources."""

    @property
    def reads_pairs(self) -> bool:
        """Whether an objective of pretraining reads pairs of languages."""
        return self.pretraining.objectives.masked_lm < 1


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
    lines: list[str] = []
    try:
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        values = copy.deepcopy(_loaded(text))
        json.dumps(values, default=str)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file. Run xit in the project's folder, where params.yaml is.") from None
    except YAMLError as error:
        raise ConfigError(f"{path}{_problem(error, lines)}") from None
    except (ValueError, RecursionError) as error:  # of UTF-8, or of a section that holds itself
        raise ConfigError(f"{path}: not YAML that can be read: {error}. Restore the file, or write it anew.") from None
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path}: holds no sections of params.yaml, found {json.dumps(values, default=str)}. Write them as "
            "`section:` with its parameters below, as params.yaml of the package does."
        )
    return values


@functools.lru_cache(maxsize=64)  # params.yaml and all profiles
def _loaded(text: str) -> Any:
    """The values of a YAML text; reading one takes a tenth of a second, and a command reads the same one often."""
    return _yaml().load(text)


def _problem(error: YAMLError, lines: Sequence[str]) -> str:
    """The line, what is wrong with it, what was found there, and what to try."""
    merge = next((number for number, line in enumerate(lines) if re.match(r"<{7}|={7}$|>{7}", line)), None)
    if merge is not None:
        return (
            f", line {merge + 1}: not YAML: two versions were merged and not settled; found {lines[merge]!r}. Keep one "
            "of the versions, and remove the lines of marks."
        )
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return f": not YAML: {problem}. Remove it."
    found = repr(lines[mark.line].strip()[:60]) if mark.line < len(lines) else "the end of the file"
    if twice := re.match(r"found duplicate key \"(.*?)\"", problem):
        return f", line {mark.line + 1}: not YAML: {twice[1]} is there twice; found {found}. Keep one of the two."
    return (
        f", line {mark.line + 1}: not YAML: {problem}; found {found}. Write the line as its neighbours are: indented "
        "with blanks, with every bracket and quote closed."
    )


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


def check(values: Mapping[str, Any], where: str, further: Sequence[rules.Rule] = ()) -> Config:
    """As `load`, for values that were read already.

    Args:
        values: The sections.
        where: Names them in messages.
        further: Rules beside those of `xit.pipeline.rules`, told in the same round.
    """
    faults: list[str] = []
    invalid: set[str] = set()
    config: Config
    try:
        config = _validated(Config, values)
    except ValidationError as error:
        faults = [_fault(one) for one in error.errors(include_url=False)]
        invalid = {str(one["loc"][0]) for one in error.errors()}
        config = valid_part(values)
    for rule in (*rules.RULES, *further):
        if invalid & rules.WHOLE_LISTS.get(rule, set()):
            continue
        with contextlib.suppress(AttributeError) if invalid else contextlib.nullcontext():
            for fault in rule(config):  # one by one: a rule may end at a part that is not valid
                faults.append(fault)
    raise_all(ConfigError, [f"{where}: {fault}" for fault in dict.fromkeys(faults)])
    return config


_adapter = functools.cache(TypeAdapter)


def _validated(kind: Any, values: Any) -> Any:
    return _adapter(kind).validate_json(json.dumps(values, default=str), strict=True)


def completed(section: str, values: Any) -> Any:
    """The values of a section with the defaults of those that it lacks; as they are, where they are not valid."""
    try:
        return _validated(typing.get_type_hints(Config, include_extras=True)[section], values)
    except ValidationError:
        return values


def valid_part(values: Mapping[str, Any]) -> Config:
    """What is valid of some sections: a parameter that is not has no attribute."""
    part: Config = _valid_part(Config, values)
    return part


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


def _fault(error: Mapping[str, Any]) -> str:
    """Where, what is wrong, what was found, what would do, what to try."""
    place = [part for part in error["loc"] if not str(part).startswith(("function", "nullable", "[key]"))]
    name, kind, found = ".".join(map(str, place)), error["type"], json.dumps(error["input"], ensure_ascii=False)
    meaning = _schema_at(place).get("description", "")
    meaning = f" {' '.join(meaning.split())}" if meaning else ""
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        known = tuple(_schema_at(place[:-1]).get("properties", {}))
        advice = near(str(place[-1]), known) or _elsewhere(str(place[-1])) or " Remove it."
        return f"{name}: no such parameter.{advice} Known here: {', '.join(known)}."
    if kind in ("missing", "missing_argument"):
        parameters = ", ".join(_schema_at(place).get("properties", {}))
        return f"{name}: missing.{meaning} Add it{f', with {parameters}' if parameters else ''}."
    if kind == "value_error":
        what, advice = error["ctx"]["error"].args
        return f"{name}: {what}; found {found}.{meaning} {advice}"
    what = f"{error['msg'][0].lower()}{error['msg'][1:]}"
    return f"{name}: {what}; found {found}.{meaning} {_advice(kind, error)}"


def _elsewhere(name: str) -> str:
    """Which sections have a parameter of that name, or nothing."""
    sections = {section: _schema_at([section]).get("properties", {}) for section in schema()["properties"]}
    having = [f"{section}.{name}" for section, parameters in sections.items() if name in parameters]
    return f" There is {' and '.join(having)}." if having else ""


def _advice(kind: str, error: Mapping[str, Any]) -> str:
    found = error["input"]
    if kind == "literal_error":
        expected = re.findall(r"'(.*?)'", error["ctx"]["expected"])
        return near(str(found), expected).strip() or "Write one of these."
    if kind in ("int_type", "float_type") and isinstance(found, str) and found.isascii():
        with contextlib.suppress(ValueError):
            float(found)
            return "Write it without quotes."
    advice = {
        "int_type": "Write a whole number in digits, such as 100.",
        "float_type": "Write a number in digits, with a point and without a unit, such as 0.001.",
        "bool_type": "Write true or false.",
        "string_type": "Write it as text, in quotes if it would read as a number, true, false or null.",
        "tuple_type": "Write a list, for instance [1, 2].",
        "dict_type": "Write its entries below it, each on a line of its own.",
        "dataclass_type": "Write its parameters below it, each on a line of its own.",
    }
    return advice.get(kind, "Write a number in this range.")


@functools.cache
def schema() -> dict[str, Any]:
    """The JSON schema of params.yaml, with the sentence of every parameter as its description."""
    _configure(has_texts=True)
    try:
        return TypeAdapter(Config).json_schema()
    finally:
        _configure(has_texts=False)


def _schema_at(place: list[Any]) -> dict[str, Any]:
    """The JSON schema of what may stand at a place of params.yaml: its properties, its description."""
    here = schema()
    for part in place:
        inner = here.get("properties", {}).get(part) or here.get("additionalProperties")
        if not isinstance(inner, dict):  # a place in a list means what the list means
            continue
        options = [option for option in (inner, *inner.get("anyOf", ())) if "$ref" in option]
        section = schema()["$defs"][options[0]["$ref"].rpartition("/")[2]] if options else {}
        here = {**section, **inner} if "description" in inner else {**section, "description": ""}
    return here
