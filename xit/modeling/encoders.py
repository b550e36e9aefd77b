"""The encoders compared, one a file: token ids in, hidden states out.

An architecture of ours has a class `Encoder` in its file; a released encoder says in `RELEASED` where its weights are.

A checkpoint is a folder as Hugging Face has them, `config.json` and `model.safetensors`; ours are read and written here
without transformers, others through it. Importing this package imports no torch.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from xit.core import hub
from xit.core.errors import CheckpointError, ConfigError, raise_all
from xit.core.files import atomic, is_broken_link, stand_in, visible, write_json
from xit.core.registry import load as load_module
from xit.core.settings import EncoderSize

if TYPE_CHECKING:
    from xit.modeling.encoder import Encoder

MODEL_TYPE = "xit"
"""The `model_type` of our config.json; its `encoder` is the id of the architecture."""
IMPORTED = "rwkv7"
"""The `model_type` of released files that are made an encoder of ours (`xit.modeling.convert_rwkv7`)."""
DIRECTIONS = ("causal", "echo", "two-way")
"""How a released causal model can be read (`xit.modeling.released.ReleasedEncoder.forward`)."""
_PREFIX = "encoder."
"""Of tensor names: the place of an encoder in the model that transformers sees (`xit.modeling.auto_model`)."""


@dataclasses.dataclass(frozen=True)
class EncoderInfo:
    """What `xit encoders` and the paper say of an architecture; the `INFO` of its file.

    Attributes:
        title: Its name in running text.
        architecture: The side of the comparison that it is on.
        direction: What a token's state can depend on.
        padding: How padding is kept out of the states of real tokens.
        citation: Papers and arXiv numbers.
    """

    title: str
    architecture: Literal["transformer", "recurrent"]
    direction: Literal["bidirectional", "causal"]
    padding: str
    citation: str


@dataclasses.dataclass(frozen=True)
class Released:
    """Where the weights of a released encoder are, and what is said of it; the `RELEASED` of its file.

    Attributes:
        repository: `owner/name@commit` of the Hub; without `@commit` the branch main as it is on arrival, told as not
            pinned. Or addresses of published files, with blanks between (LASER2).
        licence: Of the weights.
        languages: How many it was pretrained in.
        model_type: Its architecture in transformers, with which what arrives is compared; empty for one of ours.
        overflows: Precisions in which it is known to give values that are not finite.
        direction: How a causal one is read, of `DIRECTIONS`.
        max_positions: The tokens of the longest row that it has positions for; None where any length will do.
        training: What it was trained on before.
        millions: Of parameters: all, and those of the embedding; without an LM head of its own weights.
        without_masked_lm: Why its masked LM cannot go on, where there is no masked-LM head in its files.
        unverified: Of these facts those that are as model cards are quoted in public pages, and no more.
    """

    repository: str
    licence: str
    languages: int
    model_type: str = ""
    overflows: tuple[str, ...] = ()
    direction: str | None = None
    max_positions: int | None = None
    training: str = ""
    millions: tuple[int, int] = (0, 0)
    without_masked_lm: str = ""
    unverified: tuple[str, ...] = ()


class Parameters(NamedTuple):
    """Numbers of parameters: all, those of the embedding, which grow with the vocabulary, and those not trained."""

    total: int
    embedding: int
    frozen: int = 0

    @property
    def body(self) -> int:
        """All but the embedding: what an encoder computes with."""
        return self.total - self.embedding


def info(name: str) -> EncoderInfo:
    """The facts of an architecture; imports torch, as its file does."""
    found: EncoderInfo = load_module("encoders", name).INFO
    return found


def build(name: str, size: EncoderSize, vocabulary_size: int, padding_id: int = 0) -> Encoder:
    """A new encoder with random weights, drawn from torch's global generator."""
    encoder: Encoder = load_module("encoders", name).Encoder(size, vocabulary_size, padding_id)
    return encoder


def untrained(encoder: Encoder) -> Encoder:
    """A new encoder of the same architecture with random weights; of its embedding where that is never trained."""
    if encoder.size is None:
        released: Any = encoder
        made: Encoder = released.untrained()
        return made
    table = encoder.embedding
    made = build(encoder.name, encoder.size, table.num_embeddings, table.padding_idx or 0)
    if not table.weight.requires_grad:
        made.freeze_table(table.weight)
    return made


def parameters(encoder: Encoder) -> Parameters:
    """How many parameters an encoder has."""
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in encoder.parameters()]
    total, trained = (sum(count for count, is_trained in counts if is_trained or every) for every in (True, False))
    return Parameters(total, encoder.embedding.weight.numel(), total - trained)


def save(encoder: Encoder, folder: Path) -> None:
    """Write `config.json` and `model.safetensors` into a folder; equal weights give equal bytes."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    if encoder.size is None:  # one of transformers, whose import costs a process a second
        released: Any = encoder
        released.write(folder)
        return
    tensors = {_PREFIX + name: tensor.detach().cpu().contiguous() for name, tensor in encoder.state_dict().items()}
    with atomic(folder / "model.safetensors") as temporary:
        save_file(tensors, temporary, metadata={"format": "pt"})
    write_json(folder / "config.json", _config(encoder))


def load(source: Path | str, direction: str | None = None) -> Encoder:
    """The encoder of a checkpoint folder, or of the Hub (`owner/name` or `owner/name@revision`), on the CPU.

    Ours are read directly, all others by transformers: safetensors only, and no code that comes with the weights.

    Args:
        source: The folder or the name.
        direction: How a released causal model is to be read; it is saved with it. None keeps what was saved.

    Raises:
        CheckpointError: no such folder, or it is incomplete or contradicts itself.
        ConfigError: a direction that the encoder does not have.
    """
    folder = Path(source)
    if not folder.is_dir():
        return _load_released(*hub.repository(str(source)), direction)
    config = read_config(folder)
    if config.get("model_type") == IMPORTED:
        raise CheckpointError(
            f"{folder}: the released files of RWKV-7, which need code of their own in transformers. "
            f"`xit import released {folder} --out FOLDER` makes a checkpoint of them."
        )
    if config.get("model_type") != MODEL_TYPE:
        return _load_released(str(folder), None, direction)
    encoder = _load_own(folder, config)
    refuse_direction(source, encoder.name, direction)
    return encoder


def refuse_direction(source: object, name: str, direction: str | None) -> None:
    """Raise where another way to read is asked for than the one that an architecture of ours has."""
    own = info(name).direction
    if direction not in (None, own):
        raise ConfigError(
            f"--direction {direction}: {source} is an encoder of ours, which has one way to read: {own}. Leave it out."
        )


def _load_released(source: str, revision: str | None, direction: str | None) -> Encoder:
    encoder: Encoder = _released().load_released(source, revision, direction)
    return encoder


def _released() -> Any:
    """The module of released encoders, by name: its code is no part of a run without one (`checkpoints.lineage`)."""
    return load_module("modeling", "released")


def direction(source: Path | str) -> str:
    """What a state of a checkpoint's encoder depends on: `bidirectional`, or for a causal one of `DIRECTIONS`."""
    folder = Path(source)
    if folder.is_dir() and (config := read_config(folder)).get("model_type") == MODEL_TYPE:
        _check_own(folder / "config.json", config)
        return info(config["encoder"]).direction
    place = (str(folder),) if folder.is_dir() else hub.repository(str(source))
    found: str = _released().read_direction(*place)
    return found


def _config(encoder: Encoder) -> dict[str, Any]:
    """`config.json`, in the words of transformers."""
    assert encoder.size is not None
    table = encoder.embedding.weight
    return {
        "architectures": ["XitModel"],
        "dtype": str(encoder.embedding.weight.dtype).removeprefix("torch."),
        "encoder": encoder.name,
        **({} if table.requires_grad else {"frozen_table_width": table.shape[1]}),
        "hidden_size": encoder.size.dimension,
        "intermediate_size": encoder.size.inner,
        "model_type": MODEL_TYPE,
        "num_attention_heads": encoder.size.heads,
        "num_hidden_layers": encoder.size.layers,
        "pad_token_id": encoder.embedding.padding_idx,
        "vocab_size": encoder.embedding.num_embeddings,
    }


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of a checkpoint folder, a JSON object.

    Raises:
        CheckpointError: it is not there, or not whole; or an adapter lies in the folder, which would not be read.
    """
    path = folder / "config.json"
    if adapters := visible(folder, "adapter_config.json", "adapter_model.*"):
        weights = "beside the weights" if path.is_file() else "there are no weights here"
        raise CheckpointError(
            f"{folder}: {adapters[0].name} is of an adapter{_base_of(adapters[0])}, which changes weights and is not "
            f"read; {weights}. Merge it into its model first, and save that: "
            "`PeftModel.merge_and_unload().save_pretrained(FOLDER)` of the package peft."
        )
    read = (".bin", ".json", ".model", ".safetensors", ".txt")
    files = [file for file in visible(folder, "*") if file.suffix in read]
    if broken := [file for file in files if is_broken_link(file)]:
        raise CheckpointError(
            f"{broken[0]}: a link to {broken[0].readlink()}, which leads nowhere. Copy the folder with what its links "
            "lead to (`cp -rL`)."
        )
    spared = (".bin",) * bool(visible(folder, "*.safetensors"))
    spared += (".model", ".txt") * bool(visible(folder, "tokenizer.json"))
    asked = [file for file in files if file.suffix not in spared]  # the others are not read
    raise_all(CheckpointError, [f"{file}: {other}" for file in asked if (other := stand_in(_start(file)))])
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        inner = [place.parent for place in visible(folder, "*/config.json") if not place.parent.name.startswith(".")]
        inner.sort(key=lambda place: int(re.sub(r"\D", "", place.name) or 0))
        advice = f" Did you mean {inner[-1]}?" if inner else ""
        raise CheckpointError(f"{folder}: not a checkpoint: there is no config.json in it.{advice}") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}.") from None
    except ValueError as error:  # of JSON, or of UTF-8
        raise CheckpointError(f"{path}: not JSON: {error}.") from None
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: a JSON object is needed, found {type(config).__name__}.")
    return config


def _start(file: Path) -> bytes:
    """The first bytes of a file; none of one that cannot be read, which its reader tells."""
    try:
        with file.open("rb") as opened:
            return opened.read(200)
    except OSError:
        return b""


def _base_of(adapter: Path) -> str:
    """The model of an adapter, as its configuration names it."""
    try:
        config = json.loads(adapter.read_text(encoding="utf-8"))
        return f" of {config['base_model_name_or_path']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _load_own(folder: Path, config: dict[str, Any]) -> Encoder:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / "model.safetensors"
    _check_own(folder / "config.json", config)
    if not path.is_file():
        raise CheckpointError(f"{folder}: not a whole checkpoint: there is no model.safetensors in it.")
    try:
        tensors = {name.removeprefix(_PREFIX): tensor for name, tensor in load_file(path).items()}
    except SafetensorError as error:
        raise CheckpointError(f"{path}: cannot be read as safetensors, perhaps cut short: {error}.") from None
    wrong = [f"{name} of {tensor.dtype}" for name, tensor in tensors.items() if not tensor.is_floating_point()]
    if wrong or not tensors:
        raise CheckpointError(f"{path}: floating-point weights are needed; found {(wrong or ['none'])[0]}.")
    if config["num_hidden_layers"] > len(tensors):
        raise CheckpointError(f"{path}: fewer weights than config.json has layers, {config['num_hidden_layers']}.")
    sizes = ("hidden_size", "num_hidden_layers", "intermediate_size", "num_attention_heads")
    try:
        size = EncoderSize(*(config[key] for key in sizes))
        encoder = build(config["encoder"], size, config["vocab_size"], config["pad_token_id"])
        if width := config.get("frozen_table_width"):
            encoder.freeze_table(encoder.embedding.weight.new_empty(config["vocab_size"], width))
        encoder.to(next(iter(tensors.values())).dtype).load_state_dict(tensors)
    except (RuntimeError, OverflowError, ConfigError) as error:
        raise CheckpointError(f"{path}: does not fit the sizes in config.json: {error}") from None
    return encoder


def _check_own(path: Path, config: dict[str, Any]) -> None:
    """Refuse a config.json without the sizes of an architecture of ours, with all that is wrong in it."""
    least = {"hidden_size": 1, "num_hidden_layers": 1, "intermediate_size": 1, "num_attention_heads": 0}
    least |= {"vocab_size": 1, "pad_token_id": 0, "frozen_table_width": 0}
    found = {"frozen_table_width": 0, **config}
    faults = [f"{path}: the key {key!r} is missing." for key in ("encoder", *least) if key not in found]
    wrong = [key for key in least if key in found and not (type(found[key]) is int and found[key] >= least[key])]
    faults += [f"{path}: {key}: a whole number from {least[key]} is needed; found {found[key]!r}." for key in wrong]
    if not faults and found["pad_token_id"] >= found["vocab_size"]:
        faults.append(f"{path}: pad_token_id: {found['pad_token_id']} is none of vocab_size {found['vocab_size']}.")
    name = config.get("encoder", "lstm")
    if not isinstance(name, str):
        faults.append(f"{path}: encoder: the id of one is needed; found {name!r}.")
    elif not hasattr(load_module("encoders", name), "Encoder"):
        faults.append(f"{path}: encoder: {name} is a released one, whose config.json has its own model_type.")
    raise_all(CheckpointError, faults)
