"""The released files of RWKV-7 World, of which transformers has no class → an encoder of ours."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from xit.core.errors import CheckpointError, ConfigError, raise_all
from xit.core.files import visible
from xit.core.settings import EncoderSize
from xit.modeling import encoders, tokenization
from xit.modeling.convert_rwkv_world import WORLD_BYTES, world_tokenizer
from xit.modeling.encoder import Encoder, refuse_not_finite
from xit.modeling.tokenization import Tokenizer

NAMES = (
    ("embedding.", "model.embeddings."),
    ("entry_norm.", "model.layers.0.pre_norm."),
    ("exit_norm.", "model.norm."),
    ("blocks.", "model.layers."),
    (".time_norm.", ".attn_norm."),
    (".time_mix.", ".attn."),
    (".channel_norm.", ".ffn_norm."),
    (".channel_mix.", ".ffn."),
    (".attn.receptance.", ".attn.r_proj."),
    (".attn.key.", ".attn.k_proj."),
    (".attn.value.", ".attn.v_proj."),
    (".attn.output.", ".attn.o_proj."),
    (".attn.norm.", ".attn.g_norm."),
    ("_low_rank.down.", "_lora.lora.0."),
    ("_low_rank.up.", "_lora.lora.2."),
)
"""Parts of our names of weights, and what stands in the files for them, in the order in which they are replaced."""
UNUSED = ("lm_head.", "model.layers.0.attn.v_lora.")
"""Weights that may be there: of the language model, and values of a block before the first, which there is not."""


def rwkv7(folder: Path, config: Mapping[str, Any]) -> tuple[Encoder, Tokenizer]:
    """Encoder, in float32, and tokenizer of a folder in the layout of RWKV/RWKV7-Goose-World2.8-0.1B-HF.

    Args:
        folder: With safetensors and the file of pieces.
        config: Its config.json.

    Raises:
        CheckpointError: sizes are missing, or weights are not those of these sizes, with all that is wrong.
    """
    where = folder / "config.json"
    size, rows = _sizes(where, config)
    if not (folder / WORLD_BYTES).is_file():
        raise CheckpointError(
            f"{folder}: there is no {WORLD_BYTES}, its pieces. Copy it from where the weights are from."
        )
    tokenizer = world_tokenizer(folder / WORLD_BYTES)
    tokenization.refuse_unlike(folder, tokenizer, rows)
    try:
        with torch.device("meta"):
            encoder = encoders.build("rwkv7_world", size, rows, tokenizer.padding_id)
    except ConfigError as error:
        raise CheckpointError(f"{where}: {error}") from None
    shapes = {name_in_files(name): (name, tensor.shape) for name, tensor in encoder.state_dict().items()}
    tensors, faults = {}, []
    for path in visible(folder, "*.safetensors"):
        try:
            with safe_open(path, "pt") as file:
                for theirs in file.keys():  # noqa: SIM118 - no mapping
                    if theirs.startswith(UNUSED):
                        continue
                    name, shape = shapes.pop(theirs, ("", None))
                    tensor = file.get_tensor(theirs)
                    if shape is None:
                        faults.append(f"{path}: {theirs}: RWKV-7 of {size.layers} layers has no such weight.")
                    elif not tensor.is_floating_point() or _without_ones(tensor.shape) != _without_ones(
                        (size.heads, size.dimension // size.heads) if theirs.endswith(".r_k") else shape
                    ):
                        faults.append(_misfit(path, theirs, tensor, shape))
                    else:
                        tensors[name] = tensor.float().view(shape)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path}: cannot be read as safetensors, perhaps cut short: {error}.") from None
    faults += [f"{folder}: its weights lack {theirs}." for theirs in shapes]
    raise_all(CheckpointError, faults)
    encoder.load_state_dict(tensors, assign=True)
    refuse_not_finite(folder, encoder)
    return encoder.requires_grad_().eval(), tokenizer


def name_in_files(name: str) -> str:
    """What a weight of ours is called in the released files."""
    for ours, theirs in NAMES:
        name = name.replace(ours, theirs)
    return name


def _without_ones(shape: Iterable[int]) -> tuple[int, ...]:
    """A shape without dimensions of one, of which vectors have two in the files."""
    return tuple(length for length in shape if length != 1)


def _misfit(path: Path, name: str, tensor: torch.Tensor, shape: torch.Size) -> str:
    return (
        f"{path}: {name}: floating-point numbers of shape {' x '.join(map(str, shape))} are needed by config.json; "
        f"found {tensor.dtype} of {' x '.join(map(str, tensor.shape))}. Ranks are those of the authors' code."
    )


def _sizes(where: Path, config: Mapping[str, Any]) -> tuple[EncoderSize, int]:
    """The size that a config.json says, and the number of pieces."""
    found = dict(config)
    if type(found.get("hidden_size")) is int and type(found.get("head_dim")) is int and found["head_dim"] > 0:
        found["num_heads"] = found["hidden_size"] // found["head_dim"]
    keys = ("hidden_size", "num_hidden_layers", "intermediate_size", "num_heads", "vocab_size")
    faults = [
        f"{where}: {key}: a whole number from 1 is needed; found {found.get(key)!r}. Copy the file again from where it "
        "is from."
        for key in keys
        if not (type(found.get(key)) is int and found[key] > 0)
    ]
    if found.get("attn") or found.get("hidden_act", "sqrelu") != "sqrelu" or found.get("norm_first") is False:
        faults.append(
            f"{where}: a variant with attention, another activation or without its first norm, which is not read."
        )
    raise_all(CheckpointError, faults)
    return EncoderSize(*(found[key] for key in keys[:4])), found["vocab_size"]
