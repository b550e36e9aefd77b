"""Any encoder that transformers loads, behind the face of ours."""

import contextlib
import inspect
import json
import math
import pickle
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers.utils import logging

from xit.core.errors import CheckpointError, ConfigError, XitError, near, raise_all
from xit.core.files import visible
from xit.modeling.encoder import Encoder, refuse_not_finite, reorder, reversal
from xit.modeling.encoders import DIRECTIONS

RECURRENT = frozenset({"falcon_mamba", "mamba", "mamba2", "recurrent_gemma", "rwkv", "xlstm"})
"""Model types that read from left to right, and so never see padding on the right; other causal ones tell themselves
from what they do (`_is_causal`)."""
_WRAPPERS = {"_orig_mod": " (torch.compile)", "module": " (DataParallel)", "base_model": " (peft)"}
"""How the names of weights begin that another library has wrapped."""
_POSITIONS = re.compile(r"(^|\.)(\w*position_embeddings?|embed_positions|wpe)$")
"""Of a module's name: a table with a row for each position."""


class ReleasedEncoder(Encoder):
    """A model of transformers; its config.json keeps, as `xit_direction`, how a causal one is to be read."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.embedding = model.get_input_embeddings()
        self.direction = direction_of(model.config)
        self.dimension = model.config.hidden_size * (2 if self.direction == "two-way" else 1)
        self.max_positions = _max_positions(model, readings=2 if self.direction == "echo" else 1)
        self.layers = getattr(model.config, "num_blocks", model.config.num_hidden_layers)  # xlstm has its own word

    @property
    def name(self) -> str:
        """Its architecture in transformers, for instance `xlm-roberta`."""
        return str(self.model.config.model_type)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Hidden states, as `xit.modeling.encoder.Encoder` says.

        A causal model reads the text once (`causal`); twice, and the states of the second reading count (`echo`,
        Springer et al. 2024, arXiv 2402.15449); or ahead and reversed, and both states count, side by side (`two-way`).
        """
        if input_ids.shape[1] > self.max_positions:
            raise CheckpointError(
                f"{self.name}: a row of {input_ids.shape[1]} tokens, but it has positions for {self.max_positions} "
                "only. Lower max_length_tokens of the task."
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
            raise ConfigError(f"compute.gradient_checkpointing: a {self.name} encoder cannot: {error}") from error

    def write(self, folder: Path) -> None:
        """Write config.json and model.safetensors as transformers does, without its progress bar."""
        with quiet():
            self.model.save_pretrained(folder)

    def _states(self, input_ids: Tensor, **options: Any) -> tuple[Tensor, ...]:
        output = self.model(input_ids=input_ids, output_hidden_states=True, **options)
        # Some models norm only their output, not the last of the hidden states (ModernBERT).
        return (*output.hidden_states[: self.layers], output.last_hidden_state)


def _max_positions(model: Any, readings: int = 1) -> float:
    """The tokens of the longest row that a model has positions for; those of its padding do not count (RoBERTa), nor
    rows of its table that it never reads (Nyströmformer)."""
    tables = [m for name, m in model.named_modules() if _POSITIONS.search(name) and isinstance(m, nn.Embedding)]
    counts = [t.num_embeddings - (t.padding_idx + 1 if t.padding_idx is not None else 0) for t in tables]
    said = getattr(model.config, "max_position_embeddings", math.inf)
    return min([*counts, said]) // readings if counts else math.inf


def direction_of(config: Any) -> str:
    """How a model is read: `bidirectional`, or a causal one as its config says, of `DIRECTIONS`.

    Raises:
        ConfigError: there is no such direction.
    """
    default = "causal" if config.model_type in RECURRENT else "bidirectional"
    found = str(getattr(config, "xit_direction", default))
    if found not in (default, *DIRECTIONS):
        raise ConfigError(f"{found}: no such direction.{near(found, DIRECTIONS)} Directions: {', '.join(DIRECTIONS)}.")
    return found


def read_direction(source: str, revision: str | None = None) -> str:
    """The direction of a model of a folder or of the Hub, which is loaded where only that can tell."""
    config = read_config(source, revision)
    kinds = transformers.MODEL_FOR_CAUSAL_LM_MAPPING, transformers.MODEL_FOR_MASKED_LM_MAPPING
    may_be_causal = getattr(config, "is_decoder", False) or (type(config) in kinds[0] and type(config) not in kinds[1])
    if config.model_type in RECURRENT or hasattr(config, "xit_direction") or not may_be_causal:
        return direction_of(config)
    return load_released(source, revision).direction


def read_config(source: str, revision: str | None) -> Any:
    try:
        return transformers.AutoConfig.from_pretrained(source, revision=revision, trust_remote_code=False)
    except Exception as error:  # a stranger's file: each type of model fails on it in its own way
        raise _unloadable(source, _reason(error)) from error


def _unloadable(source: str, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{source}: transformers cannot load it as an encoder from safetensors, without code of its own: {reason}"
    )


def _reason(error: Exception) -> str:
    """What transformers said, in at most so many characters and without its advice to run a stranger's code."""
    if "trust_remote_code" in str(error):
        return (
            "its config.json names code (auto_map), which is never run. Take a model of a type that transformers has; "
            "of RWKV-7, `xit import released` makes a checkpoint."
        )
    said = " ".join(str(error).split())
    said = said if len(said) <= 300 else f"{said[:300]}…"
    return (
        said if said and isinstance(error, OSError | ValueError | RuntimeError) else f"{type(error).__name__}: {said}"
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
        CheckpointError: transformers cannot load it, its weights are not those of its config.json, or its states are
            not those of tokens that read one another and no padding.
        ConfigError: the direction does not exist, or the model reads in both already.
    """
    if direction is not None and direction not in DIRECTIONS:
        known = ", ".join(DIRECTIONS)
        raise ConfigError(f"{direction}: no such direction.{near(direction, DIRECTIONS)} Directions: {known}.")
    model = load_model(source, revision, None, is_safetensors)
    _set_direction(source, model.config, refuse_unfit(source, _without_pooler(model)), direction)
    return ReleasedEncoder(model)


def load_model(source: str, revision: str | None = None, auto: Any = None, is_safetensors: bool = True) -> Any:
    """A model of transformers whose weights are those that its config.json asks for, in float32 and evaluation mode.

    Args:
        source: The folder or the name.
        revision: On the Hub.
        auto: The Auto class that makes it; None for the encoder.
        is_safetensors: As `load_released`.
    """
    config = read_config(source, revision)
    _refuse_files(Path(source), is_safetensors)
    if config.model_type == "rwkv":
        config.rescale_every = 0  # else evaluation changes the weights in place, and they would be saved so
    if auto is None:
        has_encoder_class = type(config) in transformers.MODEL_FOR_TEXT_ENCODING_MAPPING
        auto = transformers.AutoModelForTextEncoding if has_encoder_class else transformers.AutoModel
    options = {"revision": revision, "use_safetensors": is_safetensors, "output_loading_info": True}
    try:
        with quiet():
            model, found = auto.from_pretrained(
                source,
                config=config,
                dtype=torch.float32,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,  # they are refused below, with their names
                **options,
            )
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{source}: there is more in its weights than tensors; nothing of it was run.") from error
    except MemoryError:
        raise
    except Exception as error:  # a stranger's files: each type of model fails on them in its own way
        raise _unloadable(source, _reason(error)) from error
    _refuse_weights(source, model, found)
    return model.eval()


def refuse_unfit(source: str, model: Any) -> bool:
    """Whether an encoder of transformers is causal; one that cannot be read as an encoder is refused.

    Raises:
        CheckpointError: it takes no token ids, gives no states, or states that depend on padding or on no other token.
    """
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad(), quiet():
            return _is_causal(source, ReleasedEncoder(model))
    except (XitError, MemoryError):
        raise
    except Exception as error:  # of a model that does not take token ids, or gives back no states of them
        raise CheckpointError(
            f"{source}: a {model.config.model_type} model, which cannot be read as an encoder, token ids in and a "
            f"state of each out: {_reason(error).rstrip('.')}. Types that can be are, among others, bert, xlm-roberta "
            "and mamba."
        ) from error


def _without_pooler(model: Any) -> Any:
    if getattr(model, "pooler", None) is not None:
        model.pooler = nn.Identity()  # some call it without looking (SqueezeBERT)
    return model.eval()


def _refuse_files(folder: Path, is_safetensors: bool) -> None:
    """Weights that cannot be read, or that lie elsewhere.

    An index of weights in several files, which transformers follows wherever it points, may name its neighbours.
    """
    if not folder.is_dir():
        return
    for index in visible(folder, "*.index.json"):
        try:
            described = json.loads(index.read_text(encoding="utf-8"))
            names, _ = set(described["weight_map"].values()), dict(described["metadata"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{index}: not an index of weights, or cut short: {_reason(error)}.") from None
        for name in sorted(map(str, names)):
            if name != Path(name).name or not (folder / name).is_file():
                raise CheckpointError(f"{index}: names {name}, which is not in its folder.")
    pickles = [path.name for path in visible(folder, "pytorch_model*.bin")]
    paths = visible(folder, "*.safetensors")
    if is_safetensors and not paths:
        advice = f"`xit import released {folder} --out FOLDER` makes a folder of safetensors of it."
        missing = f"its weights are in {pickles[0]}. {advice}" if pickles else "there is no model.safetensors in it."
        raise _unloadable(str(folder), missing)
    for path in paths if is_safetensors else ():
        try:
            with safe_open(path, "pt") as file:
                kinds = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 - no mapping
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path}: cannot be read as safetensors, perhaps cut short: {error}.") from None
        wrong = [f"{name} is {kind}" for name, kind in kinds.items() if name.endswith("weight") and "F" not in kind]
        if wrong:
            raise CheckpointError(
                f"{path}: weights are floating-point numbers; {len(wrong)} are not, {wrong[0]} first."
            )


def _refuse_weights(source: str, model: Any, found: Mapping[str, Any]) -> None:
    """Weights other than config.json says: what is lacking would be random, and what is left over is layers lost."""
    kind = model.config.model_type
    faults = [
        f"{source}: {name}: is {_shape(stored)} in its weights; by config.json a {kind} model has {_shape(wanted)}."
        for name, stored, wanted in sorted(found["mismatched_keys"])
    ]
    lacking = sorted(name for name in found["missing_keys"] if not name.startswith("pooler."))
    if lacking and (wrapper := _wrapper(lacking, found["unexpected_keys"])):
        raise CheckpointError(
            f"{source}: its weights are named {wrapper}{lacking[0]}, and so on; {lacking[0]} is looked for. They were "
            f"saved from what wraps the model{_WRAPPERS.get(wrapper.split('.')[0], '')}. Save the model inside, by its "
            "own save_pretrained, or take that beginning off the names."
        )
    if lacking:
        faults.append(f"{source}: its weights lack {len(lacking)} that a {kind} encoder has, {lacking[0]} first.")
    layers = {_unnumbered(name) for name in model.state_dict() if _unnumbered(name) != name}
    spare = sorted(
        name for name in found["unexpected_keys"] if any(f".{_unnumbered(name)}".endswith(f".{x}") for x in layers)
    )
    if spare:
        faults.append(
            f"{source}: its weights have {len(spare)} of layers that its config.json does not count, {spare[0]} first. "
            "Give the number of layers that the weights have."
        )
    raise_all(CheckpointError, faults)
    refuse_not_finite(source, model)


def _wrapper(lacking: Sequence[str], spare: Iterable[str]) -> str:
    """What all of the weights that are looked for have before their names in a file, or nothing."""
    spare = set(spare)
    starts = [name.removesuffix(lacking[0]) for name in sorted(spare, key=len) if name.endswith(f".{lacking[0]}")]
    return next((start for start in starts if all(start + name in spare for name in lacking)), "")


def _unnumbered(name: str) -> str:
    """The name of a weight whatever its layer."""
    return re.sub(r"\.\d+\.", ".#.", name)


def _shape(shape: Any) -> str:
    return " x ".join(map(str, shape))


def _is_causal(source: str, encoder: ReleasedEncoder) -> bool:
    """Whether states depend on no later token, by a look at some: the word of a config is not always true.

    Raises:
        CheckpointError: they depend on padding, or on no other token at all.
    """
    config, rows, short = encoder.model.config, encoder.embedding.num_embeddings, 5
    where = f"{source}: a {config.model_type} model"
    length = int(min(16, _max_positions(encoder.model)))
    if length <= short or encoder.layers < 1:
        raise CheckpointError(f"{where} of {encoder.layers} layers and {length} positions, which reads nothing.")
    padding = getattr(config, "pad_token_id", None) or 0
    every = torch.arange(rows)[torch.arange(rows) != padding].roll(rows // 2)
    text, other = every.repeat(2 * length)[: 2 * length].view(2, length)
    ahead, behind, padded = (text.clone() for _ in range(3))
    ahead[short:], behind[0], padded[short:] = other[short:], other[0], padding
    input_ids = torch.stack([text, ahead, behind, padded])
    attention_mask = torch.ones_like(input_ids)
    attention_mask[3, short:] = 0
    takes = inspect.signature(encoder.model.forward).parameters
    options = {"use_cache": False} if "use_cache" in takes else {}
    together = encoder._states(input_ids, attention_mask=attention_mask, **options)
    alone = encoder._states(text[None, :short], attention_mask=attention_mask[:1, :short], **options)
    if any(state.shape != (4, length, config.hidden_size) for state in together):
        raise ValueError(f"{length} tokens have states of the shapes {', '.join(_shape(s.shape) for s in together)}.")

    def differ(one: Tensor, two: Tensor, by: float) -> bool:
        return bool((one - two).abs().max() > by * together[-1].abs().max())

    last = together[-1]
    if differ(last[3, :short], alone[-1][0], 1e-4):
        raise CheckpointError(f"{where}, whose states change with the padding of a row, so that scores would too.")
    if not differ(last[0, short:], last[2, short:], 0.0) and not differ(last[0, :short], last[1, :short], 0.0):
        raise CheckpointError(f"{where}, in which no token reads another, here at least; it may need another device.")
    return not differ(last[0, :short], last[1, :short], 1e-6)


def _set_direction(source: str, config: Any, is_causal: bool, direction: str | None) -> None:
    """Put into the config of a causal model how it is read, where its type alone does not say it."""
    default = "causal" if is_causal and config.model_type not in RECURRENT else None
    chosen = direction or getattr(config, "xit_direction", default)
    if chosen is None:
        return
    if not is_causal:
        raise ConfigError(
            f"--direction {chosen}: {source} is a {config.model_type} model, which has no direction to choose: it "
            "reads in both. Causal ones have."
        )
    config.xit_direction = chosen


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the report on weights that other heads of the model would use, and without a progress bar."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        logging.enable_progress_bar()
