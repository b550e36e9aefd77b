"""Any encoder that transformers loads, behind the face of ours."""

import contextlib
from collections.abc import Iterator
from typing import Any

import transformers
from torch import Tensor
from transformers.utils import logging

from xit.encoders._encoder import Encoder
from xit.errors import CheckpointError


class ReleasedEncoder(Encoder):
    """A model of transformers."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.embedding = model.get_input_embeddings()
        self.dimension = model.config.hidden_size
        self.layers = model.config.num_hidden_layers

    @property
    def name(self) -> str:
        """Its architecture in transformers, for instance `xlm-roberta`."""
        return str(self.model.config.model_type)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Hidden states, as `xit.encoders._encoder.Encoder` says."""
        output = self.model(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
        # Some models norm only their output, not the last of the hidden states (ModernBERT).
        return (*output.hidden_states[:-1], output.last_hidden_state)


def load_released(source: str, revision: str | None = None) -> ReleasedEncoder:
    """An encoder of a folder or of the Hub: the encoder half of an encoder-decoder, and no pooler, which nothing uses.

    Raises:
        CheckpointError: transformers cannot load it, it has no weights in safetensors, or lacks some of them.
    """
    options = {"revision": revision, "trust_remote_code": False}
    try:
        config = transformers.AutoConfig.from_pretrained(source, **options)
        has_encoder_class = type(config) in transformers.MODEL_FOR_TEXT_ENCODING_MAPPING
        auto = transformers.AutoModelForTextEncoding if has_encoder_class else transformers.AutoModel
        with _quiet():
            model, found = auto.from_pretrained(
                source, config=config, use_safetensors=True, output_loading_info=True, **options
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{source}: transformers cannot load it as an encoder from safetensors, without code of its own: "
            f"{str(error).strip()}"
        ) from error
    lacking = sorted(name for name in found["missing_keys"] if not name.startswith("pooler."))
    if lacking:
        raise CheckpointError(
            f"{source}: its weights lack {len(lacking)} that a {config.model_type} encoder has, {lacking[0]} first."
        )
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return ReleasedEncoder(model.eval())


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
