"""Any encoder that transformers loads, behind the face of ours."""

import contextlib
import json
import math
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor
from transformers.utils import logging

from xit.encoders import DIRECTIONS
from xit.encoders._encoder import Encoder, reorder, reversal
from xit.errors import CheckpointError, ConfigError, near

RECURRENT = frozenset({"falcon_mamba", "mamba", "mamba2", "recurrent_gemma", "rwkv", "xlstm"})
"""Model types that read from left to right, and so never see padding on the right."""


class ReleasedEncoder(Encoder):
    """A model of transformers; its config.json keeps, as `xit_direction`, how a causal one is to be read."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.embedding = model.get_input_embeddings()
        self.direction = direction_of(model.config)
        self.dimension = model.config.hidden_size * (2 if self.direction == "two-way" else 1)
        self.longest = _longest(model)
        self.layers = getattr(model.config, "num_blocks", model.config.num_hidden_layers)  # xlstm has its own word

    @property
    def name(self) -> str:
        """Its architecture in transformers, for instance `xlm-roberta`."""
        return str(self.model.config.model_type)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Hidden states, as `xit.encoders._encoder.Encoder` says.

        A causal model reads the text once (`causal`); twice, and the states of the second reading count (`echo`,
        Springer et al. 2024, arXiv 2402.15449); or ahead and reversed, and both states count, side by side (`two-way`).
        """
        if input_ids.shape[1] > self.longest:
            raise CheckpointError(
                f"{self.name}: a row of {input_ids.shape[1]} tokens, but it has positions for {self.longest} only. "
                "Lower max_length_tokens of the task."
            )
        if self.direction == "bidirectional":
            return self._states(input_ids, attention_mask=attention_mask)
        if self.direction == "causal":
            return self._states(input_ids, use_cache=False)
        if self.direction == "echo":
            length = attention_mask.bool().sum(dim=1, keepdim=True)
            position = torch.arange(2 * input_ids.shape[1], device=input_ids.device)
            second = length + position[: input_ids.shape[1]]
            again = self._states(input_ids.gather(1, position % length), use_cache=False)
            return tuple(reorder(state, second) for state in again)
        backwards = reversal(attention_mask)
        ahead = self._states(input_ids, use_cache=False)
        behind = self._states(input_ids.gather(1, backwards), use_cache=False)
        return tuple(
            torch.cat((one, reorder(other, backwards)), dim=-1) for one, other in zip(ahead, behind, strict=True)
        )

    def untrained(self) -> "ReleasedEncoder":
        """The same architecture with random weights, of torch's global generator."""
        return ReleasedEncoder(_without_pooler(type(self.model)._from_config(self.model.config)))

    def checkpoint_gradients(self) -> None:
        """As `Encoder` says, by transformers' own method; what dropout draws is drawn again."""
        try:
            self.model.activation_checkpointing_enable()
        except ValueError as error:
            raise ConfigError(f"training.gradient_checkpointing: a {self.name} encoder cannot: {error}") from error

    def write(self, folder: Path) -> None:
        """Write config.json and model.safetensors as transformers does, without its progress bar."""
        with _quiet():
            self.model.save_pretrained(folder)

    def _states(self, input_ids: Tensor, **options: Any) -> tuple[Tensor, ...]:
        output = self.model(input_ids=input_ids, output_hidden_states=True, **options)
        # Some models norm only their output, not the last of the hidden states (ModernBERT).
        return (*output.hidden_states[: self.layers], output.last_hidden_state)


def _longest(model: Any) -> float:
    """The tokens of the longest row that a model has positions for; those of its padding do not count (RoBERTa)."""
    tables = [m for name, m in model.named_modules() if name.endswith("position_embeddings")]
    counts = [
        t.num_embeddings - (t.padding_idx + 1 if t.padding_idx is not None else 0) for t in tables if t is not None
    ]
    return min(counts, default=math.inf)


def direction_of(config: Any) -> str:
    """How a model is read: `bidirectional`, or a causal one as its config says, of `DIRECTIONS`.

    Raises:
        ConfigError: there is no such direction.
    """
    if config.model_type not in RECURRENT:
        return "bidirectional"
    found = str(getattr(config, "xit_direction", "causal"))
    if found not in DIRECTIONS:
        raise ConfigError(f"{found}: no such direction.{near(found, DIRECTIONS)} Directions: {', '.join(DIRECTIONS)}.")
    return found


def read_direction(source: str, revision: str | None = None) -> str:
    """`direction_of` the config of a folder or of the Hub."""
    return direction_of(_read_config(source, revision))


def _read_config(source: str, revision: str | None) -> Any:
    try:
        return transformers.AutoConfig.from_pretrained(source, revision=revision, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise _unloadable(source, error) from error


def _unloadable(source: str, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{source}: transformers cannot load it as an encoder from safetensors, without code of its own: "
        f"{str(error).strip()}"
    )


def load_released(
    source: str, revision: str | None = None, direction: str | None = None, is_safetensors: bool = True
) -> ReleasedEncoder:
    """An encoder of a folder or of the Hub: the encoder half of an encoder-decoder, and no pooler, which nothing uses.

    Weights are float32 whatever they are stored in: steps of training are too small for half precision.

    Args:
        source: The folder or the name.
        revision: On the Hub.
        direction: How a causal model is to be read, of `DIRECTIONS`; else as its config says, or `causal`.
        is_safetensors: False reads `pytorch_model.bin`, which torch does with `weights_only=True`: no code is run.

    Raises:
        CheckpointError: transformers cannot load it, it has no weights in safetensors, or lacks some of them.
        ConfigError: the direction does not exist, or the model reads in both already.
    """
    config = _read_config(source, revision)
    _refuse_weights_elsewhere(Path(source))
    if direction is not None:
        _set_direction(source, config, direction)
    if config.model_type == "rwkv":
        config.rescale_every = 0  # else evaluation changes the weights in place, and they would be saved so
    has_encoder_class = type(config) in transformers.MODEL_FOR_TEXT_ENCODING_MAPPING
    auto = transformers.AutoModelForTextEncoding if has_encoder_class else transformers.AutoModel
    options = {"revision": revision, "use_safetensors": is_safetensors, "output_loading_info": True}
    try:
        with _quiet():
            model, found = auto.from_pretrained(
                source, config=config, dtype=torch.float32, trust_remote_code=False, **options
            )
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{source}: there is more in its weights than tensors; nothing of it was run.") from error
    except (OSError, ValueError, RuntimeError) as error:
        raise _unloadable(source, error) from error
    lacking = sorted(name for name in found["missing_keys"] if not name.startswith("pooler."))
    if lacking:
        raise CheckpointError(
            f"{source}: its weights lack {len(lacking)} that a {config.model_type} encoder has, {lacking[0]} first."
        )
    return ReleasedEncoder(_without_pooler(model))


def _without_pooler(model: Any) -> Any:
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model.eval()


def _refuse_weights_elsewhere(folder: Path) -> None:
    """An index of weights in several files, which transformers follows wherever it points, may name its neighbours."""
    for index in sorted(folder.glob("*.index.json")):
        try:
            names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{index}: not an index of weights, or cut short: {error}.") from None
        for name in names:
            if name != Path(str(name)).name:
                raise CheckpointError(f"{index}: names {name}, which is not in its folder.")


def _set_direction(source: str, config: Any, direction: str) -> None:
    if config.model_type not in RECURRENT:
        raise ConfigError(
            f"--direction {direction}: {source} is a {config.model_type} model, which has no direction to choose; "
            f"these have: {', '.join(sorted(RECURRENT))}."
        )
    config.xit_direction = direction
    direction_of(config)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the report on weights that other heads of the model would use, and without a progress bar."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        logging.enable_progress_bar()
