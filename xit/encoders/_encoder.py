"""The face that every encoder shows to heads, formats and training."""

from torch import Tensor, nn

from xit.settings import EncoderSize


class Encoder(nn.Module):
    """Token ids in, hidden states out.

    Attributes:
        embedding: Of the pieces; the masked language model ties its output to it.
        dimension: Width of a hidden state.
        layers: How many there are after that of the embedding.
        size: Of an architecture of ours; None for a released encoder.
    """

    embedding: nn.Embedding
    dimension: int
    layers: int
    size: EncoderSize | None = None

    @property
    def name(self) -> str:
        """The id of its architecture: the name of its file."""
        return type(self).__module__.rpartition(".")[2]

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Hidden states: the embedding's, then each layer's; the last is the output.

        Args:
            input_ids: `<int64>[batch, length]`, padded on the right.
            attention_mask: `<int64 or bool>[batch, length]`, 1 for a real token. Every row begins with one.

        Returns:
            `1 + layers` of `<float>[batch, length, dimension]`. The states of a sentence depend neither on its padding
            nor on the rest of the batch; those of padding are finite and mean nothing.
        """
        raise NotImplementedError


class OwnEncoder(Encoder):
    """An architecture of ours, from scratch: knows its size, starts with an embedding."""

    def __init__(self, size: EncoderSize, vocabulary_size: int, padding_id: int) -> None:
        super().__init__()
        self.size = size
        self.dimension = size.dimension
        self.layers = size.layers
        self.embedding = nn.Embedding(vocabulary_size, size.dimension, padding_idx=padding_id)
