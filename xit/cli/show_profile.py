"""What an experiment of params.yaml or a profile is, before it is run: grid, ids, commits, numbers; or all faults."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.table import Column, Table

from xit.core import registry
from xit.core.errors import ConfigError, raise_all
from xit.core.settings import TaskSettings
from xit.core.task import task_of
from xit.modeling import encoders
from xit.pipeline import overlay
from xit.pipeline.config import Config

XLM_R_PIECES = 250_002
"""The vocabulary of XLM-R, which is taken for one that has not arrived yet."""
MATCHED = 1.05
"""The largest ratio of parameters between encoders from scratch that still counts as equal."""
REST = ("languages", "tokenizer", "pretraining", "training", "compute", "recipes", "retrieval")
"""Sections that no table of its own shows."""


def preview(project: Path, profile: str, data: Path | None) -> list[Table | str]:
    """Tables and lines of a profile, or of params.yaml (`default`).

    Raises:
        ConfigError: all that is wrong with it.
    """
    notes: list[str] = []
    values = overlay.parameters(project, profile, data, notes.append)
    found = overlay.check(values, profile)
    sizes = parameters(found, profile)
    if sizes and max(sizes.values()) > MATCHED * min(sizes.values()):
        counts = ", ".join(f"{name} {count:,}" for name, count in sizes.items())
        notes.append(f"The sizes of encoders from scratch differ by more than 5 % of their parameters: {counts}.")
    notes += [f"{name}: its commit is not pinned; the one that arrives is recorded." for name in _unpinned(found)]
    return [_grid(found, profile), _encoders(found, sizes), _tasks(found), _rest(values), *notes]


def parameters(found: Config, where: str) -> dict[str, int]:
    """How many parameters each encoder of the grid has that starts from random weights.

    Raises:
        ConfigError: with a line for every size that an architecture cannot have.
    """
    sizes, faults = {}, []
    for name in found.grid.encoders:
        if (size := found.encoders[name].size) is not None:
            try:
                sizes[name] = _parameters(name, size, vocabulary_size(found, name))
            except ConfigError as error:
                faults.append(f"{where}: {error}")
    raise_all(ConfigError, faults)
    return sizes


def vocabulary_size(settings: Config, encoder: str) -> int:
    """Of an encoder from scratch; where it takes a released vocabulary, that of XLM-R is assumed."""
    own = settings.tokenizer if settings.encoders[encoder].vocabulary is None else None
    return own.vocabulary if own else XLM_R_PIECES


def _parameters(name: str, size: Any, vocabulary: int) -> int:
    """The parameters of an encoder from scratch, of which no memory is taken."""
    import torch

    with torch.device("meta"):
        return encoders.parameters(encoders.build(name, size, vocabulary)).total


def _grid(found: Config, profile: str) -> Table:
    grid, seeds = found.grid, len(found.seeds)
    trained = len(grid.intermediates + grid.recipes)
    scratch = sum(found.encoders[name].weights == "random" for name in grid.encoders)
    targets, rows = len(grid.targets), len(grid.encoders) * len(grid.conditions) * seeds
    table = Table("", "", "", title=f"{profile}: {found.source} source", title_justify="left", box=None)
    table.columns[1].justify = "right"
    for name, ids in (
        ("encoders", grid.encoders),
        ("controls", grid.controls),
        ("intermediates", grid.intermediates),
        ("recipes", grid.recipes),
        ("targets", grid.targets + grid.bare_targets),
        ("languages scored", found.languages.evaluation),
        ("seeds", found.seeds),
    ):
        table.add_row(name, str(len(ids)), " ".join(map(str, ids)))
    for name, count, why in (
        ("pretrainings", scratch * seeds, "encoders from scratch × seeds"),
        (
            "intermediate trainings",
            len(grid.encoders) * trained * seeds,
            "encoders × (intermediates + recipes) × seeds",
        ),
        ("fine-tunings", rows * targets, "encoders × conditions × trained targets × seeds, at most"),
        ("evaluations", rows * (targets + len(grid.bare_targets)), "encoders × conditions × targets × seeds"),
    ):
        table.add_row(name, f"{count:,}", why)
    return table


def _encoders(found: Config, sizes: Mapping[str, int]) -> Table:
    start = Column("starts from", overflow="fold")
    table = Table("encoder", start, "commit", "licence", "parameters", "rate", "pretraining", title="encoders")
    for name in found.grid.encoders:
        settings = found.encoders[name]
        place, facts = settings.weights, None
        if registry.defines("encoders", name, "RELEASED") and place != "random":
            facts = registry.load("encoders", name).RELEASED
            place = facts.repository.split()[0] if place == "released" else place
        if settings.vocabulary:
            place += f", vocabulary of {settings.vocabulary.source}"
        address, _, commit = place.partition("@")
        count = f"{sizes[name]:,}" if name in sizes else "–"
        of_tasks = [f"{task} {rate:g}" for task, rate in (settings.learning_rates or {}).items()]
        rate = "; ".join([f"{settings.learning_rate:g}", *of_tasks])
        pretraining = f"{settings.pretraining_learning_rate:g}" if settings.pretraining_learning_rate else "–"
        table.add_row(name, address, commit or "–", facts.licence if facts else "–", count, rate, pretraining)
    return table


def _unpinned(found: Config) -> Iterator[str]:
    """The encoders and tasks of which no commit is named."""
    for name in found.grid.encoders:
        if found.encoders[name].weights == "released":
            facts = registry.load("encoders", name).RELEASED
            if "@" not in facts.repository and "://" not in facts.repository:
                yield f"{name} ({facts.repository})"
    if found.source == "hub":
        source = registry.load("sources", "hub").HubSource(found.hub)
        for name in found.grid.tasks:
            revision = source.revision(task_of(name))
            yield from (f"{name} ({one.partition('@')[0]})" for one in revision.split(", ") if "not pinned" in one)


def _tasks(found: Config) -> Table:
    columns = (
        "task",
        "as",
        Column("from", overflow="fold"),
        "steps",
        "batch",
        "tokens",
        "rate",
        "validations",
        "languages",
    )
    table = Table(*columns, title="tasks")
    source = registry.load("sources", "hub").HubSource(found.hub) if found.source == "hub" else None
    sections: tuple[tuple[str, tuple[str, ...], Mapping[str, TaskSettings]], ...] = (
        ("intermediate", tuple(n for n in found.grid.tasks if n in found.intermediate), found.intermediate),
        ("target", found.grid.targets, found.targets),
        ("zero-shot", found.grid.bare_targets, {}),
    )
    for role, names, settings in sections:
        for name in names:
            task = task_of(name)
            place = source.revision(task) if source else found.source
            one = settings.get(name)
            numbers = ("–",) * 5
            if one:
                rate = f"{one.learning_rate:g}" if one.learning_rate else "encoder's"
                batch = f"{one.batch_size}" + (f" ({one.micro_batches} parts)" if one.micro_batches > 1 else "")
                looks = f"{one.validate_every} × {one.patience}"
                length = f"{one.epochs} epochs" if one.steps is None else f"{one.steps:,}"
                numbers = (length, batch, str(one.max_length_tokens), rate, looks)
            asked = len([code for code in task.languages if code in found.languages.evaluation])
            table.add_row(name, role, place, *numbers, str(asked) if role != "intermediate" else "–")
    return table


def _rest(values: Mapping[str, Any]) -> Table:
    table = Table("parameter", "value", title="other parameters")
    for section in REST:
        for key, value in values[section].items() if isinstance(values[section], Mapping) else ():
            shown = " ".join(value) if isinstance(value, list) else json.dumps(value, ensure_ascii=False)
            table.add_row(f"{section}.{key}", shown)
    return table
