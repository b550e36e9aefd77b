"""Our encoders as models of transformers, which imports this file when AutoModel is first used."""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutput
from transformers.modeling_utils import PreTrainedModel

from xit.core.settings import EncoderSize
from xit.modeling.auto_config import XitConfig
from xit.modeling.encoders import build


class XitModel(PreTrainedModel):  # type: ignore[misc]
    """An encoder of ours; its tensors are named as `xit.modeling.encoders.save` names them."""

    config_class = XitConfig

    def __init__(self, config: XitConfig) -> None:
        super().__init__(config)
        size = EncoderSize(
            config.hidden_size, config.num_hidden_layers, config.intermediate_size, config.num_attention_heads
        )
        self.encoder = build(config.encoder, size, config.vocab_size, config.pad_token_id)
        if config.frozen_table_width:
            self.encoder.freeze_table(torch.empty(config.vocab_size, config.frozen_table_width))
        self.post_init()

    def _init_weights(self, module: torch.nn.Module) -> None:
        """An encoder draws its own weights when it is made."""

    def get_input_embeddings(self) -> torch.nn.Embedding:
        """The embedding of the pieces."""
        return self.encoder.embedding

    def set_input_embeddings(self, value: torch.nn.Embedding) -> None:
        """Replace the embedding of the pieces."""
        self.encoder.embedding = value

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        **_: Any,
    ) -> BaseModelOutput | tuple[Tensor, ...]:
        """The last hidden state, and all of them where asked for.

        Raises:
            ValueError: padding on the left, which a recurrence would read first.
        """
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        if (attention_mask[:, 1:] > attention_mask[:, :-1]).any():
            raise ValueError("attention_mask: these encoders need their padding on the right.")
        states = self.encoder(input_ids, attention_mask)
        wants_all = self.config.output_hidden_states if output_hidden_states is None else output_hidden_states
        output = BaseModelOutput(last_hidden_state=states[-1], hidden_states=states if wants_all else None)
        wants_names = self.config.return_dict if return_dict is None else return_dict
        return output if wants_names else output.to_tuple()


def register(modeling_auto: ModuleType) -> None:
    """Let AutoModel know our model."""
    modeling_auto.AutoModel.register(XitConfig, XitModel)
