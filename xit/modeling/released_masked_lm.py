"""The masked-LM heads of released encoders, in the form in which ours are kept (`xit.training.masked_lm`)."""

from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor, nn

from xit.modeling.encoder import Encoder, refuse_not_finite
from xit.modeling.released import quiet, read_config

PARTS = {
    "bert": ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.decoder"),
    "distilbert": ("vocab_transform", "vocab_layer_norm", "vocab_projector"),
    "eurobert": ("", "", "lm_head"),
    "modernbert": ("head.dense", "head.norm", "decoder"),
    "xlm-roberta": ("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder"),
}
"""By type of model the modules of its head: the layer before gelu, the norm after it, and the scores of pieces; a head
that has the last alone has no names for the others."""


def save_masked_lm_head(source: Path, encoder: Encoder, file: Path, is_safetensors: bool) -> bool:
    """Write the masked-LM head that lies beside a released encoder; whether there is one.

    Args:
        source: The folder of the released files, from which the encoder was read.
        encoder: The encoder.
        file: Where the head goes.
        is_safetensors: As of `xit.modeling.released.load_released`.

    Raises:
        CheckpointError: there is one, with weights that are not finite.
    """
    if encoder.name not in PARTS:
        return False
    with quiet():
        model, found = transformers.AutoModelForMaskedLM.from_pretrained(
            source,
            config=read_config(str(source), None),
            dtype=torch.float32,
            trust_remote_code=False,
            use_safetensors=is_safetensors,
            output_loading_info=True,
        )
    names = [name for name in PARTS[encoder.name] if name]
    if any(key.startswith(tuple(names)) for key in found["missing_keys"]):
        return False
    refuse_not_finite(source, model)
    save_file(_parts(model, PARTS[encoder.name]), file, metadata={"format": "pt", **_epsilon(model, names)})
    return True


def _parts(model: Any, names: tuple[str, str, str]) -> dict[str, Tensor]:
    """The tensors of a head by our names; what it lacks of biases is zero, and what is the embedding is left out."""
    tensors, last = {}, model.get_submodule(names[-1])
    for ours, name in zip(("transform", "norm"), names[:-1], strict=True):
        if name:
            module = model.get_submodule(name)
            tensors[f"{ours}.weight"] = module.weight
            tensors[f"{ours}.bias"] = _bias(module, len(module.weight))
    if last.weight is not model.get_input_embeddings().weight:
        tensors["decoder.weight"] = last.weight
    tensors["bias"] = _bias(last, len(last.weight))
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}


def _bias(module: Any, width: int) -> Tensor:
    return torch.zeros(width) if module.bias is None else module.bias


def _epsilon(model: Any, names: list[str]) -> dict[str, str]:
    """What the norm adds to variances, as the metadata of a file has it."""
    norms = [module for name in names if isinstance(module := model.get_submodule(name), nn.LayerNorm)]
    return {"epsilon": repr(norms[0].eps)} if norms else {}
