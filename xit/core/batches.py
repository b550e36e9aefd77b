"""What the training loop, the formats and masked language modelling hand to one another."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Batch = dict[str, "Tensor"]
"""Tensors by name: `input_ids`, `attention_mask`, `labels`, and what a format's head reads beside them."""

IGNORED = -100
"""The label of a token or row that has none, as in torch's cross entropy."""

VALIDATION_EXAMPLES = 500
"""The largest number of English validation examples that one validation reads (jiant's XTREME guide: 500)."""

MASKED_LM = "masked_lm"
"""Names masked language modelling among the objectives of pretraining."""
