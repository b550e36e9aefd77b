"""The config.json of our encoders as transformers sees it, which imports this file when AutoConfig is first used."""

from types import ModuleType

from transformers.configuration_utils import PretrainedConfig

from xit.modeling.encoders import MODEL_TYPE


class XitConfig(PretrainedConfig):  # type: ignore[misc]
    """The architecture and size of an encoder, in the words of transformers."""

    model_type = MODEL_TYPE

    encoder: str = ""
    vocab_size: int = 0
    hidden_size: int = 0
    num_hidden_layers: int = 0
    intermediate_size: int = 0
    num_attention_heads: int = 0
    pad_token_id: int = 0
    frozen_table_width: int = 0


def register(configuration_auto: ModuleType) -> None:
    """Let AutoConfig know our configuration."""
    configuration_auto.AutoConfig.register(MODEL_TYPE, XitConfig)
