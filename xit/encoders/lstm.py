"""A bidirectional LSTM encoder: residual layers with a LayerNorm after each, no dropout, no longest input."""

import torch
from torch import Tensor, nn

from xit.encoders import Facts
from xit.encoders._encoder import OwnEncoder
from xit.errors import ConfigError
from xit.settings import EncoderSize

FACTS = Facts(
    title="BiLSTM",
    architecture="recurrent",
    direction="bidirectional",
    padding="both directions read it last",
    citation="Hochreiter and Schmidhuber 1997, doi 10.1162/neco.1997.9.8.1735; "
    "Graves and Schmidhuber 2005, doi 10.1016/j.neunet.2005.06.042",
)


class Encoder(OwnEncoder):
    """Layers that read the sentence in both directions and add what they found."""

    def __init__(self, size: EncoderSize, vocabulary_size: int, padding_id: int = 0) -> None:
        super().__init__(size, vocabulary_size, padding_id)
        if size.heads != 0:
            raise ConfigError(f"encoders.lstm.heads: must be 0, a recurrence has none; found {size.heads}.")
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.norm = nn.LayerNorm(size.dimension)
        self.blocks = nn.ModuleList(Layer(size) for _ in range(size.layers))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Hidden states, as `xit.encoders._encoder.Encoder` says."""
        backwards = reversal(attention_mask)
        states = [self.norm(self.embedding(input_ids))]
        for layer in self.blocks:
            states.append(layer(states[-1], backwards))
        return tuple(states)


class Layer(nn.Module):
    """Two one-directional runs, joined and added to what they read.

    The backward run is a forward run over the sentence reversed inside its own length, so that padding comes last in
    both and no state of a real token has seen it. This is exact, and keeps the fused kernels that packed sequences
    lose.
    """

    def __init__(self, size: EncoderSize) -> None:
        super().__init__()
        self.forward_run = nn.LSTM(size.dimension, size.inner, batch_first=True)
        self.backward_run = nn.LSTM(size.dimension, size.inner, batch_first=True)
        self.join = nn.Linear(2 * size.inner, size.dimension)
        self.norm = nn.LayerNorm(size.dimension)

    def forward(self, states: Tensor, backwards: Tensor) -> Tensor:
        """The states after this layer, `<float>[batch, length, dimension]`."""
        ahead, _ = self.forward_run(states)  # [batch, length, inner]
        behind, _ = self.backward_run(reorder(states, backwards))
        found = self.join(torch.cat((ahead, reorder(behind, backwards)), dim=-1))
        joined: Tensor = self.norm(states + found)
        return joined


def reversal(attention_mask: Tensor) -> Tensor:
    """Positions in the order that reverses the real tokens of each row and leaves padding in place; its own inverse.

    Returns:
        `<int64>[batch, length]`

    Examples:
        >>> reversal(torch.tensor([[1, 1, 1, 0]]))
        tensor([[2, 1, 0, 3]])
    """
    is_real = attention_mask.bool()
    position = torch.arange(is_real.shape[1], device=is_real.device)
    return torch.where(is_real, is_real.sum(dim=1, keepdim=True) - 1 - position, position)


def reorder(states: Tensor, order: Tensor) -> Tensor:
    """`<float>[batch, length, width]` with its positions in another order, `<int64>[batch, length]`."""
    return states.gather(1, order[:, :, None].expand_as(states))
