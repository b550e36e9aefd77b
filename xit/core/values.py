"""What one value of params.yaml may be, as types.

A rule raises ValueError(what is wrong, what to try); `xit.pipeline.config` adds the place, the value that was found and
what the field means.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AfterValidator

from xit.core import registry
from xit.core.conditions import UNTRAINED_CONDITIONS, parse
from xit.core.errors import ConfigError, near
from xit.core.task import task_of


def known(name: str, ids: Iterable[str], what: str) -> str:
    """An id that is among those that exist."""
    ids = tuple(ids)
    if name not in ids:
        raise ValueError(f"no such {what}", f"{near(name, ids).strip()} Known: {', '.join(ids)}.".strip())
    return name


def among(ids: Callable[[], Iterable[str]], what: str) -> AfterValidator:
    """A rule: an id is among those that exist."""
    return AfterValidator(lambda name: known(name, ids(), what))


def _with_training(name: str) -> str:
    if not task_of(name).is_trained:
        raise ValueError("this task has no training", "Name it in grid.bare_targets.")
    return name


def _without_training(name: str) -> str:
    if task_of(name).is_trained:
        raise ValueError("this task is trained", "Name it in grid.targets.")
    return name


def _is_recipe(name: str) -> str:
    """A condition that is neither left untrained nor an intermediate task by itself, and whose task exists."""
    try:
        condition = parse(name)
    except ConfigError as error:
        raise ValueError(str(error).partition(": ")[2].partition(".")[0], str(error).partition(". ")[2]) from None
    if name in UNTRAINED_CONDITIONS:
        raise ValueError("this condition is no recipe", "Name it in grid.controls.")
    if condition.task and condition.task != "multitask":
        known(condition.task, registry.names("tasks"), "task")
    if condition.kind == "task":
        raise ValueError("this condition is an intermediate task by itself", "Name it in grid.intermediates.")
    return name


def _once(values: Sequence[Any]) -> Sequence[Any]:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{', '.join(map(str, twice))} is there twice", "Name each once.")
    return values


def _some(values: Sequence[Any]) -> Sequence[Any]:
    if not values:
        raise ValueError("the list is empty", "Name at least one.")
    return values


def having(value: str, why: str) -> AfterValidator:
    """A rule: a list has this value, for a reason."""

    def has(values: Any) -> Any:
        if value not in values:
            raise ValueError(f"{value} is missing; {why}", f"Add {value}.")
        return values

    return AfterValidator(has)


Once, Some = AfterValidator(_once), AfterValidator(_some)
Fraction = Annotated[float, Ge(0), Le(1)]
Positive = Annotated[int, Gt(0)]
Count = Annotated[int, Ge(0)]
Rate = Annotated[float, Gt(0), Lt(1)]
Decay = Annotated[float, Ge(0)]
Seeds = Annotated[tuple[Annotated[int, Ge(0), Lt(2**32)], ...], Some, Once]
Rates = Annotated[tuple[Rate, ...], Once]
Codes = Annotated[tuple[str, ...], Once]
EncoderId = Annotated[str, among(lambda: registry.names("encoders"), "encoder")]
TaskId = Annotated[str, among(lambda: registry.names("tasks"), "task")]
TrainedTask = Annotated[TaskId, AfterValidator(_with_training)]
BareTask = Annotated[TaskId, AfterValidator(_without_training)]
Recipe = Annotated[str, AfterValidator(_is_recipe)]
Control = Annotated[str, among(lambda: UNTRAINED_CONDITIONS, "condition without training")]
