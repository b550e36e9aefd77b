"""The face that every encoder shows to heads, formats and training, and what those from scratch share."""

import math
from collections.abc import Callable
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from xit.core.errors import CheckpointError, ConfigError
from xit.core.settings import EncoderSize

Made = TypeVar("Made")


class Encoder(nn.Module):
    """Token ids in, hidden states out.

    Attributes:
        embedding: Of the pieces; the masked language model ties its output to it.
        dimension: Width of a hidden state.
        layers: How many there are after that of the embedding.
        size: Of an architecture of ours; None for a released encoder.
        max_positions: The tokens of the longest row that it has positions for.
        direction: What a state depends on: `bidirectional`, or how a causal encoder reads.
        pooling: How its states become a vector of a text, where it was made for one way; it comes before
            `retrieval.pooling`.
    """

    embedding: nn.Embedding
    dimension: int
    layers: int
    size: EncoderSize | None = None
    max_positions: float = math.inf
    direction: str = "bidirectional"
    pooling: Literal["mean", "max"] | None = None

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

    def freeze_table(self, weight: Tensor) -> None:
        """Take an embedding of another width, <float>[vocabulary, width], in place of its own, and never train it.

        Of encoders of ours only.
        """
        self.embedding = FrozenTable(weight, self.embedding.embedding_dim, self.embedding.padding_idx)

    def checkpoint_gradients(self) -> None:
        """From now on, keep the inputs of blocks only, and compute the rest again for the gradient.

        Raises:
            ConfigError: this encoder cannot.
        """
        raise NotImplementedError

    def pooling_mask(self, attention_mask: Tensor) -> Tensor:
        """`<bool>[batch, length]`: which states heads average for a vector of the whole text.

        All real tokens; of a causal encoder the last one, the only one that has read them all.
        """
        is_real = attention_mask.bool()
        if self.direction != "causal":
            return is_real
        return torch.arange(is_real.shape[1], device=is_real.device) == is_real.sum(dim=1, keepdim=True) - 1


class FrozenTable(nn.Embedding):
    """An embedding that is not trained, and a layer that is, from its width to that of the encoder."""

    def __init__(self, weight: Tensor, dimension: int, padding_id: int | None) -> None:
        rows, width = weight.shape
        super().__init__(rows, width, padding_id, _weight=weight.detach().clone(), _freeze=True)
        self.project = nn.Linear(width, dimension, bias=False)

    def forward(self, input_ids: Tensor) -> Tensor:
        """`<float>[..., dimension]`"""
        projected: Tensor = self.project(super().forward(input_ids))
        return projected


class OwnEncoder(Encoder):
    """An architecture of ours, from scratch: knows its size, starts with an embedding."""

    def __init__(self, size: EncoderSize, vocabulary_size: int, padding_id: int) -> None:
        super().__init__()
        self.size = size
        self.dimension = size.dimension
        self.layers = size.layers
        self.embedding = nn.Embedding(vocabulary_size, size.dimension, padding_idx=padding_id)
        self._computes_again = False

    def checkpoint_gradients(self) -> None:
        """As `Encoder` says, with the same bits: nothing in a block is random."""
        self._computes_again = True

    def run_block(self, block: Callable[..., Made], *inputs: object) -> Made:
        """What a block makes of its inputs; every `forward` here takes its blocks through this."""
        if not (self._computes_again and torch.is_grad_enabled()):
            return block(*inputs)
        output: Made = checkpoint(block, *inputs, use_reentrant=False)
        return output


class RecurrentEncoder(OwnEncoder):
    """Layers that read the sentence in both directions and add what they found; no dropout, no longest input."""

    def __init__(
        self, size: EncoderSize, vocabulary_size: int, padding_id: int, recurrence: Callable[[], nn.Module]
    ) -> None:
        super().__init__(size, vocabulary_size, padding_id)
        if size.heads != 0:
            raise ConfigError(f"encoders.{self.name}.heads: must be 0, a recurrence has none; found {size.heads}.")
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.norm = nn.LayerNorm(size.dimension)
        self.blocks = nn.ModuleList(RecurrentLayer(size, recurrence) for _ in range(size.layers))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Hidden states, as `Encoder` says."""
        backwards = reversal(attention_mask)
        states = [self.norm(self.embedding(input_ids))]
        for layer in self.blocks:
            states.append(self.run_block(layer, states[-1], backwards))
        return tuple(states)


class RecurrentLayer(nn.Module):
    """Two one-directional runs, joined and added to what they read.

    The backward run is a forward run over the sentence reversed inside its own length, so that padding comes last in
    both and no state of a real token has seen it. This is exact, and keeps the fused kernels that packed sequences
    lose.

    Args:
        size: Of the encoder.
        recurrence: Makes a run with the face of `nn.LSTM(dimension, inner, batch_first=True)`.
    """

    def __init__(self, size: EncoderSize, recurrence: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.forward_run = recurrence()
        self.backward_run = recurrence()
        self.join = nn.Linear(2 * size.inner, size.dimension)
        self.norm = nn.LayerNorm(size.dimension)

    def forward(self, states: Tensor, backwards: Tensor) -> Tensor:
        """The states after this layer, `<float>[batch, length, dimension]`."""
        ahead, _ = self.forward_run(states)  # [batch, length, inner]
        behind, _ = self.backward_run(reorder(states, backwards))
        found = self.join(torch.cat((ahead, reorder(behind, backwards)), dim=-1))
        joined: Tensor = self.norm(states + found)
        return joined


def refuse_not_finite(where: object, model: nn.Module) -> None:
    """Weights with a NaN or an infinity give nothing but such.

    Raises:
        CheckpointError: there are some.
    """
    suspects = [(name, weight) for name, weight in model.named_parameters() if not weight.sum().isfinite()]
    broken = [name for name, weight in suspects if not weight.isfinite().all()]  # a sum can overflow
    if broken:
        raise CheckpointError(
            f"{where}: {len(broken)} of its weights are not finite, {broken[0]} first. Take another copy of it, or an "
            "earlier checkpoint."
        )


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
    """`<float>[batch, length, width]` at other positions, `<int64>[batch, another length]`."""
    return states.gather(1, order[:, :, None].expand(-1, -1, states.shape[-1]))
