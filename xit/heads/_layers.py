"""Heads over token states, one code path for every encoder.

Two kinds, a parameter that is the same for every encoder of a table. `linear` is the papers' protocol: the last hidden
state, pooled where a task is about the whole text, and one linear layer. `matching` is for small encoders from scratch,
which a pooled linear head cannot teach to compare two texts: a scalar mix of all layers (Peters et al. 2018,
section 3.2), attention between the two texts by cosine, and a small layer on what was matched (decomposable attention,
Parikh et al. 2016, section 3). Nothing in either knows the architecture of the encoder.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xit.heads import FIRST, SECOND, Batch

HeadKind = Literal["linear", "matching"]


class States(nn.Module):
    """Token states <float>[rows, length, hidden]: the last layer (`linear`), or a learned mix of all (`matching`)."""

    def __init__(self, kind: HeadKind, dimension: int, layers: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(layers + 1)) if kind == "matching" else None
        self.scale = nn.Parameter(torch.ones(())) if kind == "matching" else None
        self.dimension = dimension

    def forward(self, hidden_states: tuple[Tensor, ...]) -> Tensor:
        if self.weights is None or self.scale is None:
            return hidden_states[-1]
        weights = self.weights.softmax(0)
        normal = torch.stack([F.layer_norm(states, (self.dimension,)) for states in hidden_states])
        return self.scale * torch.einsum("k,krlh->rlh", weights, normal)


class PairVector(nn.Module):
    """One vector <float>[rows, size] for a row of two texts; `size` depends on the kind."""

    def __init__(self, kind: HeadKind, dimension: int, layers: int) -> None:
        super().__init__()
        self.states = States(kind, dimension, layers)
        self.match = Match(dimension) if kind == "matching" else None
        self.size = 4 * dimension if kind == "matching" else dimension

    def forward(self, hidden_states: tuple[Tensor, ...], batch: Batch) -> Tensor:
        states = self.states(hidden_states)
        if self.match is None:
            return pool(states, batch["pooling_mask"], "mean")
        first, second = (batch["segments"] == part for part in (FIRST, SECOND))
        forward, backward = self.match(states, second, first), self.match(states, first, second)
        vector: Tensor = torch.cat([forward, backward], dim=-1)  # [rows, 4 * hidden]
        return vector


class Match(nn.Module):
    """Compares every token of one text with what it attends to in the other, and pools: <float>[rows, 2 * hidden]."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.similarity = nn.Linear(dimension, dimension, bias=False)
        nn.init.eye_(self.similarity.weight)
        self.sharpness = nn.Parameter(torch.tensor(10.0))
        self.compare = nn.Linear(4 * dimension, dimension)

    def forward(self, states: Tensor, of: Tensor, against: Tensor) -> Tensor:
        directions = F.normalize(self.similarity(states), dim=-1)
        cosine = directions @ directions.transpose(1, 2)  # [rows, length, length]
        attention = (self.sharpness * cosine).masked_fill(~against[:, None, :], -1e4).softmax(-1)
        partner = attention @ states
        compared = self.compare(torch.cat([states, partner, (states - partner).abs(), states * partner], dim=-1))
        compared = F.gelu(compared)
        return torch.cat([pool(compared, of, "mean"), pool(compared, of, "max")], dim=-1)


def pool(states: Tensor, mask: Tensor, how: Literal["mean", "max", "first"]) -> Tensor:
    """One vector a row, over the tokens where the mask is true: <float>[rows, hidden]. A row of none gives zeros.

    Args:
        states: <float>[rows, length, hidden].
        mask: <bool>[rows, length].
        how: `first` takes the first token of the row, whatever the mask.
    """
    if how == "first":
        return states[:, 0]
    if how == "mean":
        weights = mask.to(states.dtype)[..., None]
        return (states * weights).sum(1) / weights.sum(1).clamp(min=1)
    highest = states.masked_fill(~mask[..., None], torch.finfo(states.dtype).min).amax(1)
    return highest * mask.any(1, keepdim=True).to(states.dtype)
