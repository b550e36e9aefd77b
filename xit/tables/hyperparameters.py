"""Every parameter of the run, as params.yaml has it; and published hyper-parameters, with their sources."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from xit.paper.inputs import SOURCES, Inputs
from xit.paper.render import Cell, Table
from xit.pipeline.overlay import MARKS, Profile
from xit.statistics.rates import tried

CAPTION = "From params.yaml; docs/params.md has the unit and the range of each. Made by `xit paper`."


def build(inputs: Inputs) -> tuple[Table, ...]:
    """A table for each section whose entries are sections themselves (encoders, tasks), one for all the others, one of
    the learning rates of tasks, and one of the profiles that say where their values are from, which it calls presets.

    What the grid does not name is left out, the settings of a source that was not read, and of a folder its place on
    the machine.
    """
    tables: list[Table] = []
    plain: list[tuple[str, str, str]] = []
    for section, values in inputs.parameters.items():
        if section in SOURCES and section != inputs.study.source:
            continue
        if not isinstance(values, Mapping):
            plain.append((section, "", _shown(values)))
        elif values and all(isinstance(value, Mapping) for value in values.values()):
            tables += _matrix(inputs, section, values)
        else:
            flat = _flat(values)
            plain += [(section if i == 0 else "", key, _shown(value)) for i, (key, value) in enumerate(flat.items())]
    starts = tuple(i for i, row in enumerate(plain) if row[0])
    rest = Table(
        name="hyperparameters",
        title=f"Hyper-parameters ({inputs.label})",
        caption=CAPTION,
        columns=("section", "parameter", "value"),
        rows=tuple(plain),
        sections=starts,
        texts=3,
        stretch=2,
        span="column",
    )
    return (
        rest,
        *tables,
        *_rates(inputs),
        *([preset_table(inputs.presets, f" ({inputs.label})")] if inputs.presets else []),
    )


def _matrix(inputs: Inputs, section: str, values: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """The entries of a section beside one another; nothing of a section that the grid names no entry of."""
    compared = {name for ids in inputs.parameters["grid"].values() for name in ids}
    own = ("learning_rates",)  # they have a table of their own
    rows = {
        name: _flat({key: value for key, value in inner.items() if key not in own})
        for name, inner in values.items()
        if name in compared
    }
    keys = list(dict.fromkeys(key for inner in rows.values() for key in inner))
    names = list(rows)
    if not names:
        return
    yield Table(
        name=f"hyperparameters-{section}",
        title=f"Hyper-parameters: {section} ({inputs.label})",
        caption=CAPTION,
        columns=("", *names),
        rows=tuple((key, *(_shown(rows[name].get(key, "–")) for name in names)) for key in keys),
        span="column" if len(names) <= 10 else "page",
    )


def _rates(inputs: Inputs) -> Iterator[Table]:
    """The peak learning rate of each task and encoder, and what the trials of it reached; nothing where each encoder
    has one rate."""
    encoders = {name: inputs.parameters["encoders"].get(name, {}) for name in inputs.study.encoders}
    tasks = {**inputs.parameters.get("intermediate", {}), **inputs.parameters.get("targets", {})}
    tasks = {name: own for name, own in tasks.items() if any(name in ids for ids in inputs.parameters["grid"].values())}
    if not any(settings.get("learning_rates") for settings in encoders.values()):
        return
    rows: list[tuple[Cell, ...]] = []
    for task, own in tasks.items():
        cells: list[Cell] = []
        for name, settings in encoders.items():
            of_encoder = (settings.get("learning_rates") or {}).get(task, settings["learning_rate"])
            rate = own.get("learning_rate") or of_encoder
            reached = tried(inputs.tuning, inputs.study.source, name, task).get(rate)
            cells += [f"{rate:g}", *((median(reached), min(reached)) if reached else (None, None))]
        rows.append((task, *cells))
    yield Table(
        name="hyperparameters-rates",
        title=f"Hyper-parameters: peak learning rates of tasks ({inputs.label})",
        caption=(
            "English validation in the trials of `xit tune` at the rate that is used, whose seeds are none of the "
            "experiment's: the median seed and the worst one. The rate of a task is the lowest "
            "whose median and worst seed are within a standard error of the best; – where none was tried. Made by "
            "`xit paper` from params.yaml and paper/inputs/tuning.csv."
        ),
        columns=("task", *(("rate", "median", "worst") * len(encoders))),
        rows=tuple(rows),
        groups=(("", 1), *((name, 3) for name in encoders)),
        span="column" if len(encoders) <= 2 else "page",
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _shown(value: object) -> str:
    if value is None or value in ("", [], ()):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else str(value)


PRESET_COLUMNS = (
    "task",
    "preset",
    "epochs",
    "rate",
    "batch",
    "tokens",
    "warm-up",
    "decay",
    "validated",
    "patience",
    "from",
)


def preset_table(presets: Sequence[Profile], label: str = "") -> Table:
    """The profiles beside one another, task by task; one that extends another has the rows that differ from it."""
    by_name = {preset.name: preset for preset in presets}
    rows: list[tuple[str, ...]] = []
    starts: list[int] = []
    for section in ("intermediate", "targets"):
        starts.append(len(rows))
        for task in dict.fromkeys(name for preset in presets for name in preset.values.get(section, {})):
            first = len(rows)
            if len(presets) > 1:
                starts.append(first)
            for preset in presets:
                cells, below = _preset_row(preset, section, task), by_name.get(preset.extends or "")
                if cells and (below is None or cells != _preset_row(below, section, task)):
                    rows.append((task if len(rows) == first else "", preset.name, *cells))
    starts.append(len(rows))
    blank = [""] * (len(PRESET_COLUMNS) - 3)
    rows += [("" if i else "all", preset.name, *blank, _preset_rest(preset)) for i, preset in enumerate(presets)]
    marks = " ".join(f"{mark} {meaning}." for mark, meaning in MARKS.items())
    differs = [f"{preset.name}: {' '.join(preset.differs)}" for preset in presets if preset.extends not in by_name]
    return Table(
        name="hyperparameters-presets",
        title=f"Hyper-parameters: presets and their sources{label}",
        caption=(
            "Published hyper-parameters in the form of params.yaml: `xit reproduce --profile NAME`. Batch: examples a "
            "step (forward passes). Decay: of weights. Validated: steps between validations on English; end: the last "
            f"weights are kept. {marks} A profile that extends another has the rows that differ. Differs from its "
            f"source, {' '.join(differs)} Made by `xit paper` from profiles/."
        ),
        columns=PRESET_COLUMNS,
        rows=tuple(rows),
        sections=tuple(starts),
        texts=2,
        stretch=len(PRESET_COLUMNS) - 1,
    )


def _preset_row(preset: Profile, section: str, task: str) -> tuple[str, ...]:
    """The cells of a task, or none where the preset has nothing of it."""
    values = preset.values.get(section, {}).get(task)
    if values is None:
        return ()
    training, place = preset.values["training"], f"{section}.{task}"

    def cell(key: str, text: str) -> str:
        own = f"{place}.{key}" if key in values else f"training.{key}"
        return f"{text} {preset.mark(own)}".rstrip() if own in preset.sources else text

    steps, decay = values.get("warmup_steps"), values.get("weight_decay", training["weight_decay"])
    exact = [f"{key}: {preset.sources[f'{place}.{key}']}" for key in values if f"{place}.{key}" in preset.sources]
    return (
        cell("epochs", str(values["epochs"])),
        cell("learning_rate", f"{values['learning_rate']:g}".replace("e-0", "e-")),
        cell("batch_size", f"{values['batch_size']} ({values['micro_batches']})"),
        cell("max_length_tokens", str(values["max_length_tokens"])),
        f"{steps} steps" if steps is not None else cell("warmup_fraction", f"{100 * training['warmup_fraction']:g} %"),
        cell("weight_decay", f"{decay:g}"),
        cell("validate_every", str(values["validate_every"] or "end")),
        cell("patience", str(values["patience"] or "–")),
        "; ".join([preset.source(place), *exact]),
    )


def _preset_rest(preset: Profile) -> str:
    """What holds for every task and has no column, and what has a source of its own."""
    found = []
    for section in ("training", "retrieval"):
        for key, value in preset.values.get(section, {}).items():
            place = f"{section}.{key}"
            if place in preset.sources or key not in ("warmup_fraction", "weight_decay"):
                exact = f" ({preset.sources[place]})" if place in preset.sources else ""
                found.append(f"{place} {_shown(value)}{exact}")
    return "; ".join(found)
