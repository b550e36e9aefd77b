"""The encoder of LASER2: a stack of bidirectional LSTMs, whose sentence vector is the maximum over tokens.

Heffernan et al. 2022, arXiv 2205.12654; facebookresearch/LASER:laser_encoders/models.py (BSD licence). As released it
has 5 layers of 512 cells a direction over embeddings of 320; `xit import laser2` makes a checkpoint of it. Here
`size.dimension` is the width of both directions together, and `size.inner` that of the embedding.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xit.core.errors import ConfigError
from xit.core.settings import EncoderSize
from xit.modeling.encoder import OwnEncoder, reorder, reversal
from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="LASER2 BiLSTM",
    architecture="recurrent",
    direction="bidirectional",
    padding="both directions read it last",
    citation="Heffernan et al. 2022, arXiv 2205.12654; Artetxe and Schwenk 2019, arXiv 1812.10464",
)

_FILES = "https://dl.fbaipublicfiles.com/nllb/laser/laser2"
RELEASED = Released(
    f"{_FILES}.pt {_FILES}.spm {_FILES}.cvocab",
    licence="BSD",
    languages=93,
    training="translation, parallel sentences",
    millions=(45, 16),
    without_masked_lm="it was trained to translate, and has none",
)
SIZE = EncoderSize(dimension=1024, layers=5, inner=320, heads=0)
PIECES = 50_004
"""As released, with the size."""


class Encoder(OwnEncoder):
    """Layers of two LSTMs side by side, without residuals or norms."""

    pooling = "max"

    def __init__(self, size: EncoderSize, vocabulary_size: int, padding_id: int = 0) -> None:
        super().__init__(size, vocabulary_size, padding_id)
        if size.heads != 0 or size.dimension % 2 or size.inner > size.dimension:
            raise ConfigError(
                f"encoders.laser2.size: dimension {size.dimension}, inner {size.inner}, heads {size.heads}: the first "
                "must be even, inner (the width of the embedding) no larger, and heads 0."
            )
        self.embedding = nn.Embedding(vocabulary_size, size.inner, padding_idx=padding_id)
        widths = [size.inner] + [size.dimension] * (size.layers - 1)
        self.ahead = nn.ModuleList(nn.LSTM(width, size.dimension // 2, batch_first=True) for width in widths)
        self.behind = nn.ModuleList(nn.LSTM(width, size.dimension // 2, batch_first=True) for width in widths)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Hidden states, as `xit.modeling.encoder.Encoder` says; the embedding's are filled up with zeros."""
        backwards = reversal(attention_mask)
        stream = self.embedding(input_ids)
        states = [F.pad(stream, (0, self.dimension - stream.shape[-1]))]
        for ahead, behind in zip(self.ahead, self.behind, strict=True):
            stream = self.run_block(_both, ahead, behind, stream, backwards)
            states.append(stream)
        return tuple(states)


def _both(ahead: nn.Module, behind: nn.Module, stream: Tensor, backwards: Tensor) -> Tensor:
    """The states of a layer: its two directions side by side."""
    first, _ = ahead(stream)
    second, _ = behind(reorder(stream, backwards))
    return torch.cat((first, reorder(second, backwards)), dim=-1)
