"""How a sentence encoder makes vectors, as its modules.json says (UKPLab/sentence-transformers): pooling, and layers.

`xit eval` and `xit submit` make vectors as `retrieval` of params.yaml says, for every encoder alike; they say where a
checkpoint names another way, and follow it with --own-pooling.
"""

import json
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from xit.core import hub
from xit.core.errors import CheckpointError
from xit.core.settings import RetrievalSettings

MODES = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
"""Ways of pooling, in the order in which their vectors are joined, and their flags in a config.json."""
TITLES = {
    "cls": "CLS",
    "mean_sqrt_len_tokens": "mean over a root",
    "weightedmean": "weighted mean",
    "lasttoken": "last token",
}
ACTIVATIONS = ("GELU", "Identity", "ReLU", "Sigmoid", "Tanh")


class SentenceModules(nn.Module):
    """Pooling of the last hidden state, and the layers behind it.

    Attributes:
        modes: Ways of pooling, whose vectors are joined.
        title: All of it in words.
    """

    def __init__(self, modes: tuple[str, ...], layers: list[nn.Module]) -> None:
        super().__init__()
        self.modes = modes
        self.layers = nn.ModuleList(layers)
        behind = [type(layer).__name__ for layer in layers]
        self.title = " and ".join(TITLES.get(mode, mode) for mode in modes) + " pooling"
        self.title += f", then {', '.join(behind)}" if behind else ""

    def forward(self, states: Tensor, attention_mask: Tensor) -> Tensor:
        """Vectors <float>[rows, size] of the last hidden state <float>[rows, length, hidden]."""
        vectors = torch.cat([pooled(states, attention_mask.bool(), mode) for mode in self.modes], dim=-1)
        for layer in self.layers:
            vectors = layer(vectors)
        return vectors


class Dense(nn.Module):
    """A linear layer and an activation."""

    def __init__(self, linear: nn.Linear, activation: nn.Module) -> None:
        super().__init__()
        self.linear = linear
        self.activation = activation

    def forward(self, vectors: Tensor) -> Tensor:
        """<float>[rows, size]"""
        changed: Tensor = self.activation(self.linear(vectors))
        return changed


class Normalize(nn.Module):
    """Vectors of length one."""

    def forward(self, vectors: Tensor) -> Tensor:
        """<float>[rows, size]"""
        return nn.functional.normalize(vectors, dim=-1)


def pooled(states: Tensor, mask: Tensor, mode: str) -> Tensor:
    """One vector a row, <float>[rows, hidden], of states <float>[rows, length, hidden] where the mask is true."""
    if mode == "cls":
        return states[:, 0]
    if mode == "lasttoken":
        return states[torch.arange(len(states), device=states.device), mask.sum(1) - 1]
    if mode == "max":
        return states.masked_fill(~mask[..., None], -torch.inf).amax(1)
    weights = mask.to(states.dtype)
    if mode == "weightedmean":
        weights = weights * torch.arange(1, mask.shape[1] + 1, device=states.device)
    total = weights.sum(1, keepdim=True)
    return (states * weights[..., None]).sum(1) / (total.sqrt() if mode == "mean_sqrt_len_tokens" else total)


def read(source: Path | str) -> SentenceModules | None:
    """What a checkpoint's modules.json says, or None without one.

    Raises:
        CheckpointError: it names what is not read, or its files are not whole.
    """
    path = _file(source, "modules.json")
    if path is None:
        return None
    try:
        found = [
            (str(m["type"]).rpartition(".")[2], str(m.get("path", ""))) for m in json.loads(path.read_text("utf-8"))
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: not a list of modules with type and path: {error}.") from None
    modes: tuple[str, ...] = ()
    layers: list[nn.Module] = []
    for kind, name in found:
        if kind == "Pooling":
            modes = _modes(source, name)
        elif kind == "Dense":
            layers.append(_dense(source, name))
        elif kind == "Normalize":
            layers.append(Normalize())
        elif kind != "Transformer":
            raise CheckpointError(
                f"{path}: {kind}: no such module is read. Modules: Transformer, Pooling, Dense, Normalize."
            )
    if not modes:
        raise CheckpointError(f"{path}: names no Pooling, so that it makes no vector of a text.")
    return SentenceModules(modes, layers)


def note(source: Path | str, settings: RetrievalSettings, is_followed: bool) -> str:
    """A sentence on how a checkpoint's own vectors are made, where it says so, and how they are here; or nothing."""
    try:
        modules = read(source)
    except CheckpointError as error:
        return f"{error} Vectors are made as retrieval in params.yaml says."
    if modules is None:
        return ""
    own = f"{source}: modules.json makes vectors by {modules.title}, of the last layer"
    if is_followed:
        return f"{own}; so they are made here."
    depth = f"hidden state {settings.layer:g} of the depth"
    here = f"here they are by {settings.pooling} pooling of {depth} (retrieval in params.yaml)"
    return f"{own}; {here}. --own-pooling follows it."


def _modes(source: Path | str, name: str) -> tuple[str, ...]:
    config, path = _config(source, name)
    named = config.get("pooling_mode")
    chosen = [named] if isinstance(named, str) else list(named or [m for m, flag in MODES.items() if config.get(flag)])
    unknown = [mode for mode in chosen if mode not in MODES]
    if unknown or not chosen:
        raise CheckpointError(
            f"{path}: pooling {', '.join(map(str, unknown)) or 'none'}: not one of {', '.join(MODES)}."
        )
    return tuple(mode for mode in MODES if mode in chosen)


def _dense(source: Path | str, name: str) -> Dense:
    config, path = _config(source, name)
    activation = str(config.get("activation_function", "Identity")).rpartition(".")[2]
    if activation not in ACTIVATIONS:
        raise CheckpointError(f"{path}: activation_function {activation}: not one of {', '.join(ACTIVATIONS)}.")
    weights = _file(source, f"{name}/model.safetensors")
    pickled = None if weights else _file(source, f"{name}/pytorch_model.bin")
    try:
        tensors = load_file(weights) if weights else torch.load(str(pickled), map_location="cpu", weights_only=True)
        linear = nn.Linear(config["in_features"], config["out_features"], bias=bool(config.get("bias", True)))
        linear.load_state_dict({key.removeprefix("linear."): value.float() for key, value in tensors.items()})
    except (SafetensorError, pickle.UnpicklingError, OSError, EOFError, RuntimeError, KeyError, TypeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise CheckpointError(f"{path.parent}: the weights of its Dense layer cannot be read: {reason}") from None
    return Dense(linear, getattr(nn, activation)())


def _config(source: Path | str, name: str) -> tuple[dict[str, Any], Path]:
    path = _file(source, f"{name}/config.json")
    if path is None:
        raise CheckpointError(f"{source}: modules.json names {name}, which has no config.json. Copy the folder again.")
    try:
        return dict(json.loads(path.read_text("utf-8"))), path
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: not a JSON object: {error}.") from None


def _file(source: Path | str, name: str) -> Path | None:
    """A file of a checkpoint folder or of the Hub, if it is there."""
    if Path(source).is_dir():
        path = Path(source) / name
        return path if path.is_file() and path.resolve().is_relative_to(Path(source).resolve()) else None
    from transformers.utils.hub import cached_file

    repository, revision = hub.repository(str(source))
    quiet = {"_raise_exceptions_for_missing_entries": False, "_raise_exceptions_for_connection_errors": False}
    found = cached_file(repository, name, revision=revision, **quiet)
    return Path(found) if found else None
