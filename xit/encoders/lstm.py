"""A bidirectional LSTM encoder: residual layers with a LayerNorm after each, no dropout, no longest input."""

from torch import nn

from xit.core.settings import EncoderSize
from xit.modeling.encoder import RecurrentEncoder
from xit.modeling.encoders import EncoderInfo

INFO = EncoderInfo(
    title="BiLSTM",
    architecture="recurrent",
    direction="bidirectional",
    padding="both directions read it last",
    citation="Hochreiter and Schmidhuber 1997, doi 10.1162/neco.1997.9.8.1735; "
    "Graves and Schmidhuber 2005, doi 10.1016/j.neunet.2005.06.042",
)


class Encoder(RecurrentEncoder):
    """Layers of two LSTMs."""

    def __init__(self, size: EncoderSize, vocabulary_size: int, padding_id: int = 0) -> None:
        super().__init__(
            size, vocabulary_size, padding_id, lambda: nn.LSTM(size.dimension, size.inner, batch_first=True)
        )
