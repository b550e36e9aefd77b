"""A bidirectional GRU encoder: residual layers with a LayerNorm after each, no dropout, no longest input."""

from torch import nn

from xit.core.settings import EncoderSize
from xit.modeling.encoder import RecurrentEncoder
from xit.modeling.encoders import EncoderInfo

INFO = EncoderInfo(
    title="BiGRU",
    architecture="recurrent",
    direction="bidirectional",
    padding="both directions read it last",
    citation="Cho et al. 2014, arXiv 1406.1078; both directions: Bahdanau et al. 2015, arXiv 1409.0473",
)


class Encoder(RecurrentEncoder):
    """Layers of two GRUs."""

    def __init__(self, size: EncoderSize, vocabulary_size: int, padding_id: int = 0) -> None:
        super().__init__(
            size, vocabulary_size, padding_id, lambda: nn.GRU(size.dimension, size.inner, batch_first=True)
        )
