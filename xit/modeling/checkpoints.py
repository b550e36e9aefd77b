"""Checkpoints: Hugging Face folders with the encoder, the tokenizer, and the head in files of its own.

    config.json, model.safetensors     the encoder (`xit.modeling.encoders`)
    tokenizer.json, tokenizer_config.json
    head.json, head.safetensors        the head and what it answers; only of trained tasks
    masked_language_model.safetensors  the masked-LM head, after pretraining
    lineage.json                       what made it: parameters, inputs, code, versions; and the other files' hashes
    log.jsonl                          a line a step, without times

An intermediate head can never travel to a target: whoever starts from a checkpoint loads the encoder only
(`xit.modeling.task_model` loads both).
"""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from xit.core import distributed, instructions, registry
from xit.core.errors import CheckpointError
from xit.core.files import atomic, remove, sha256, write_json
from xit.core.plan import Cell, Places
from xit.core.task import READ_BY_MODELS, task_of
from xit.core.values import Positive

if TYPE_CHECKING:
    from torch import nn

MASKED_LM_HEAD = "masked_language_model.safetensors"
"""Of a pretrained checkpoint: what is not the encoder's, so that the same training can go on."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


@dataclasses.dataclass(frozen=True)
class HeadConfig:
    """What a head answers, and how it is to be read."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    task: str
    format: str
    kind: Literal["linear", "matching"]
    labels: tuple[str, ...]
    max_length_tokens: Positive


class Section(dict[str, Any]):
    """Settings in a lineage: the fields of a dataclass, by name."""


WITHOUT_EFFECT = ("save_every",)
"""Settings that change no bit of a result, and stand in no lineage."""


def lineage(stage: str, modules: Iterable[str], inputs: Mapping[str, Path], **parameters: Any) -> dict[str, Any]:
    """What identifies a run: two runs of equal lineage end in equal bits on the same kind of processor,
    and on every one that has the lineage's instructions where these are not `native`.

    Args:
        stage: Its name.
        modules: The modules that the run starts from; the code of all that they import counts. Of a task, its values
            that training and evaluation read count in place of its file; code for released encoders counts where one of
            the inputs is of such an encoder.
        inputs: Files and folders read; lineage files and logs inside do not count.
        parameters: All numbers and choices, settings as their dataclasses.

    How many processes train counts too: they add up gradients in another order than one does. So do the threads,
    and the instructions that the processor computes with.
    """
    import torch

    from xit.modeling import encoders

    code = set(modules)
    tasks = sorted(name.rpartition(".")[2] for name in code if name.startswith("xit.tasks."))
    config = inputs.get("config.json")
    if config and encoders.read_config(config.parent).get("model_type") != encoders.MODEL_TYPE:
        code.add("xit.modeling.released")
    return {
        "stage": stage,
        "code": registry.fingerprint(code),
        "inputs": {name: sha256(path) for name, path in inputs.items()},
        "parameters": _as_json(parameters),
        "tasks": {name: _as_json({key: getattr(task_of(name), key) for key in READ_BY_MODELS}) for name in tasks},
        "processes": distributed.count(),
        "threads": torch.get_num_threads(),
        "instructions": instructions.applied(),
        "versions": {"torch": torch.__version__.partition("+")[0]},
    }


def _as_json(value: Any) -> Any:
    """Plain values, with a `Section` for each dataclass."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value) if field.name not in WITHOUT_EFFECT]
        return Section({name: _as_json(getattr(value, name)) for name in names})
    if isinstance(value, Mapping):
        return {name: _as_json(inner) for name, inner in value.items()}
    return [_as_json(inner) for inner in value] if isinstance(value, list | tuple) else value


def _agrees(recorded: Any, run: Any) -> bool:
    """Whether a value of a lineage is what it was recorded as.

    A field that one of two sections lacks does not count: it was added to the settings, or taken from them, since then,
    and so the code, which is the same, does not read it.
    """
    if isinstance(run, dict) and isinstance(recorded, dict):
        names = run.keys() & recorded.keys()
        is_same = isinstance(run, Section) or run.keys() == recorded.keys()
        return is_same and all(_agrees(recorded[name], run[name]) for name in names)
    if isinstance(run, list) and isinstance(recorded, list):
        return len(run) == len(recorded) and all(map(_agrees, recorded, run))
    return bool(recorded == run)


def encoder_files(folder: Path) -> dict[str, Path]:
    """The files of a parent checkpoint that a run starts from: not its head, its log or its own lineage.

    tokenizer_config.json is one: it names the special tokens, and says how the normaliser is looked up.
    """
    names = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(f"{folder}: not a whole checkpoint: it lacks {', '.join(missing)}. Run `dvc repro`.")
    return {name: folder / name for name in names}


def run_once(folder: Path, run: Mapping[str, Any], make: Callable[[Path, Path], str], is_shared: bool = False) -> str:
    """Make a checkpoint folder unless one of the same lineage stands there; a line that says what was done.

    Of several processes all take the same way, and none goes on before the folder is there.

    Args:
        folder: The finished folder; it appears whole or not at all.
        run: The lineage.
        make: Called with the folder to fill and a working folder for resumable state, which outlives a crash; gives
            the figure that tells whether it worked.
        is_shared: Whether all processes take part in making it, of which the main one writes; else it is alone.
    """
    if distributed.same(is_finished(folder, run)):
        return f"{folder}: already made, of the same lineage"
    working = folder.with_name(f"{folder.name}.partial")
    figure = ""
    if distributed.is_main():
        with atomic(folder) as temporary:
            temporary.mkdir(parents=True)
            figure = make(temporary, working)
            write_json(temporary / "lineage.json", {**run, "files": _files(temporary)})
        remove(working)
    elif is_shared:
        figure = make(folder, working)
    distributed.wait()
    return f"{folder}: {figure}"


def is_finished(folder: Path, run: Mapping[str, Any]) -> bool:
    """Whether the folder holds the result of exactly this run, and every file as it was written."""
    found = _recorded(folder)
    return found is not None and found.pop("files", None) == _files(folder) and _agrees(found, run)


def of_equal_training(folders: Iterable[Path], run: Mapping[str, Any]) -> Path | None:
    """The first of these checkpoints that would be trained as this run is, but for the name of the target: XQuAD and
    MLQA are both trained on SQuAD."""
    wanted = _without_target(run, run["parameters"]["target"])
    for folder in folders:
        found = _recorded(folder)
        if found is None:
            continue
        files, target = found.pop("files", None), found["parameters"].get("target")
        if target and _agrees(_without_target(found, target), wanted) and files == _files(folder):
            return folder
    return None


def _without_target(value: Any, target: str) -> Any:
    """A lineage without the name of its target, and without the rules of its answers, by which nothing is trained."""
    if isinstance(value, Mapping):
        kept = {
            " ".join("" if word == target else word for word in key.split(" ")): _without_target(inner, target)
            for key, inner in value.items()
            if key != "answer_rules"
        }
        return Section(kept) if isinstance(value, Section) else kept
    return "" if value == target else value


def copy_of_equal_training(source: Path, run: "Run") -> None:
    """Fill the folder of a run with a checkpoint of equal training, in hard links, under the name of its own target."""
    shutil.copytree(source, run.folder, copy_function=link, dirs_exist_ok=True)
    (run.folder / "lineage.json").unlink()
    for name in ("head.json", "outcome.json"):
        if (source / name).is_file():
            other = json.loads((source / "lineage.json").read_text(encoding="utf-8"))["parameters"]["target"]
            found = json.loads((source / name).read_text(encoding="utf-8"))
            write_json(run.folder / name, _with_target(found, other, run.cell.target))


def _with_target(value: Any, other: str, target: str) -> Any:
    if isinstance(value, dict):
        return {target if key == other else key: _with_target(inner, other, target) for key, inner in value.items()}
    return target if value == other else value


def link(source: str, target: str) -> None:
    """A hard link, or a copy where there cannot be one."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _recorded(folder: Path) -> dict[str, Any] | None:
    """The lineage that stands in a folder, or None where there is none that can be read."""
    try:
        found = json.loads((folder / "lineage.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _files(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file but the lineage."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lineage.json"]
    return {path.relative_to(folder).as_posix(): sha256(path) for path in paths}


@dataclasses.dataclass(frozen=True)
class Run:
    """One cell that is being made."""

    cell: Cell
    parent: Path
    """The folder that it starts from."""
    folder: Path
    """The folder to fill."""
    working: Path
    """A folder for resumable state, which outlives a crash."""
    lineage: Mapping[str, Any]


def each(
    cells: Mapping[str, Cell],
    places: Places,
    lineage_of: Callable[[Cell, Path], Mapping[str, Any]],
    make: Callable[[Run], str],
    is_shared: bool = False,
) -> list[str]:
    """Make every cell once, and remove what else lies in the folders; a line a cell that says what was done.

    Args:
        cells: The cells by name, such as `none/1`: the folder of each, in `places.parent` and in `places.out`.
        places: The folders.
        lineage_of: Gives the lineage of a cell that starts from a folder.
        make: Fills the folder of a run; gives the figure that tells whether it worked.
        is_shared: As of `run_once`.
    """

    def once(name: str, cell: Cell) -> str:
        parent = places.parent / name
        lineage = lineage_of(cell, parent)

        def filled(folder: Path, working: Path) -> str:
            return make(Run(cell, parent, folder, working, lineage))

        return run_once(places.out / name, lineage, filled, is_shared)

    lines = [once(name, cell) for name, cell in cells.items()]
    folders = {Path(name) for name in cells}
    for upper in {inner for folder in folders for inner in folder.parents}:
        keep_only(
            places.out / upper,
            {folder.relative_to(upper).parts[0] for folder in folders if folder.is_relative_to(upper)},
        )
    return lines


def keep_only(folder: Path, names: Iterable[str]) -> None:
    """Remove what a changed list of seeds or a killed run has left behind in a stage's finished output folder."""
    wanted = set(names)
    for inner in list(folder.iterdir()) if folder.is_dir() and distributed.is_main() else ():
        if inner.name not in wanted:
            remove(inner)


def save(folder: Path, encoder: "nn.Module", tokenizer: Path) -> None:
    """Write an encoder and a copy of the tokenizer files of another folder."""
    from xit.modeling import encoders

    encoders.save(encoder, folder)  # type: ignore[arg-type]
    for name in TOKENIZER_FILES:
        if (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, folder / name)


def save_head(folder: Path, head: "nn.Module", facts: HeadConfig) -> None:
    """Write a head beside its encoder."""
    from safetensors.torch import save_file

    tensors = {name: value.detach().cpu().contiguous() for name, value in head.state_dict().items()}
    save_file(tensors, folder / "head.safetensors", metadata={"format": "pt"})
    write_json(folder / "head.json", dataclasses.asdict(facts))


def head_config(folder: Path | str) -> HeadConfig | None:
    """What a checkpoint's head answers, or None for a bare encoder."""
    path = Path(folder) / "head.json"
    if not path.is_file():
        return None
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(HeadConfig).validate_json(path.read_bytes(), strict=True)
    except ValidationError as error:
        faults = "; ".join(": ".join([*map(str, fault["loc"]), fault["msg"]]) for fault in error.errors())
        raise CheckpointError(f"{path}: not the facts of a head ({faults}). Fine-tune again: `xit finetune`.") from None


def origin(checkpoint: Path | str) -> tuple[str, str, int]:
    """Encoder, condition and seed of a checkpoint made here; else its name, `unknown` and 0."""
    try:
        parameters = json.loads((Path(checkpoint) / "lineage.json").read_text(encoding="utf-8"))["parameters"]
        return parameters["encoder"], parameters.get("condition") or "none", parameters["seed"]
    except (OSError, ValueError, KeyError, TypeError):
        return str(checkpoint).rstrip("/").rpartition("/")[2], "unknown", 0
