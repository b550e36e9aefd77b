"""RWKV-7 World, 191 M: a recurrence that reads from left to right. Its state is a matrix a head, and all times train at
once.

Peng et al. 2025, arXiv 2503.14456 ("Goose"); BlinkDL/RWKV-LM:RWKV-v7/train_temp/src/model.py has the same symbols. The
released weights, which transformers loads only with code of their own, become a checkpoint by `xit import released
rwkv7_world`; other sizes start from random ones. The number of languages is that of the model card as it is quoted in
public pages ("100+"), unverified.

Each head keeps a state S, `<float>[head_dim, head_dim]`, from keys to values, which a step decays, takes a key out of,
and adds a pair to:

    S_t = (diag(w_t) - b_t kk_t') S_(t-1) + k_t v_t'        b_t = kk_t * a_t,  |kk_t| = 1,  0 < w_t, a_t < 1
    y_t = S_t' r_t
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xit.core.errors import ConfigError
from xit.core.settings import EncoderSize
from xit.modeling.encoder import OwnEncoder
from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="RWKV-7 World",
    architecture="recurrent",
    direction="causal",
    padding="read last",
    citation="Peng et al. 2025, arXiv 2503.14456; the chunks: Yang et al. 2024, arXiv 2406.06484",
)
RELEASED = Released(
    "RWKV/RWKV7-Goose-World2.8-0.1B-HF@d81965cb4e1a9f96696b4f70b84212b8f2e43216",
    licence="Apache 2.0",
    languages=100,
    training="next token",
    millions=(141, 50),
    without_masked_lm="it was trained to predict the next token",
    unverified=("languages",),
)
SIZE = EncoderSize(dimension=768, layers=12, inner=3072, heads=12)
PIECES = 65_536
"""As released, with the size."""

STRONGEST = math.exp(-0.5)
"""The most that a step decays by, as a logarithm."""
CHUNK = 32
"""Steps that are computed at once. Inside a chunk keys are divided by all decays before them; each of these is at least
exp(-STRONGEST), so that no factor is above exp(32 * STRONGEST) = 2.7e8, and float32 keeps its six digits."""


class Encoder(OwnEncoder):
    """Blocks on a residual stream that is normed where it begins and where it ends."""

    direction = "causal"

    def __init__(self, size: EncoderSize, vocabulary_size: int, padding_id: int = 0) -> None:
        super().__init__(size, vocabulary_size, padding_id)
        if size.heads == 0 or size.dimension % size.heads or size.dimension == size.heads:
            raise ConfigError(
                f"encoders.{self.name}.heads: {size.heads} does not divide the dimension {size.dimension} into heads "
                "of two numbers or more. Give a divisor of it; the released one has heads of 64."
            )
        self.entry_norm = nn.LayerNorm(size.dimension)
        self.blocks = nn.ModuleList(Block(size, layer) for layer in range(size.layers))
        self.exit_norm = nn.LayerNorm(size.dimension)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Hidden states, as `xit.modeling.encoder.Encoder` says; padding comes after all that counts, and is read."""
        states, first_value = [self.entry_norm(self.embedding(input_ids))], None
        for block in self.blocks:
            stream, first_value = self.run_block(block, states[-1], first_value)
            states.append(stream)
        return (*states[:-1], self.exit_norm(states[-1]))


class Block(nn.Module):
    """What reads earlier tokens, then what computes in each, both added to the stream."""

    def __init__(self, size: EncoderSize, layer: int) -> None:
        super().__init__()
        self.time_norm = nn.LayerNorm(size.dimension)
        self.time_mix = TimeMix(size, layer)
        self.channel_norm = nn.LayerNorm(size.dimension)
        self.channel_mix = ChannelMix(size, layer)

    def forward(self, stream: Tensor, first_value: Tensor | None) -> tuple[Tensor, Tensor]:
        """The stream after this block, `<float>[batch, length, dimension]`, and the values of the first block."""
        mixed, first_value = self.time_mix(self.time_norm(stream), first_value)
        stream = stream + mixed
        return stream + self.channel_mix(self.channel_norm(stream)), first_value


class TimeMix(nn.Module):
    """The recurrence; `x_…` say how much of the token before is read, `…_low_rank` move what each token does."""

    def __init__(self, size: EncoderSize, layer: int) -> None:
        super().__init__()
        width, self.heads = size.dimension, size.heads
        place = torch.arange(width) / width
        late = 1 - layer / size.layers
        for name, exponent in {"r": 0.2, "w": 0.9, "k": 0.7, "v": 0.7, "a": 0.9, "g": 0.2}.items():
            self.register_parameter(f"x_{name}", nn.Parameter(1 - place ** (exponent * late)))
        slope, ratio = torch.linspace(0, 1, width), layer / max(size.layers - 1, 1)
        self.k_k, self.k_a = nn.Parameter(0.76 - 0.1 * slope), nn.Parameter(torch.ones(width))
        self.r_k = nn.Parameter(torch.full((width,), -0.04))
        self.receptance, self.key, self.value, self.output = (nn.Linear(width, width, bias=False) for _ in range(4))
        roots = width**0.5
        self.w_low_rank = LowRank(width, _rank(1.8 * roots), -5.5 + 6 * slope ** (1 + ratio**0.3))
        self.a_low_rank = LowRank(width, _rank(1.8 * roots), 0.4 * slope - 0.4)
        self.v_low_rank = LowRank(width, _rank(1.3 * roots), 0.93 - 0.4 * slope) if layer else None
        self.g_low_rank = LowRank(width, _rank(0.6 * width**0.8), None)
        self.norm = nn.GroupNorm(size.heads, width, eps=1e-5 * width / size.heads)
        for linear, gain in ((self.receptance, 1.0), (self.key, 0.1), (self.value, 1.0)):
            nn.init.orthogonal_(linear.weight, gain)
        nn.init.normal_(self.output.weight, std=0.02 / (2 * size.layers) ** 0.5)

    def forward(self, states: Tensor, first_value: Tensor | None) -> tuple[Tensor, Tensor]:
        """What is added to the stream, and the values of the first block, `<float>[batch, length, dimension]`."""
        change = earlier(states) - states
        parameters: Any = self
        for_r, for_w, for_k, for_v, for_a, for_g = (
            states + change * getattr(parameters, f"x_{name}") for name in "rwkvag"
        )
        receptance, key, value = self.receptance(for_r), self.key(for_k), self.value(for_v)
        decay = -STRONGEST * self.w_low_rank(for_w, torch.tanh).float().sigmoid()
        rate = self.a_low_rank(for_a).sigmoid()
        gate = self.g_low_rank(for_g, torch.sigmoid)
        if self.v_low_rank is None or first_value is None:
            first_value = value
        else:
            value = torch.lerp(value, first_value, self.v_low_rank(for_v).sigmoid())
        erased = F.normalize(self._by_head((key * self.k_k).float()), dim=-1)
        key = key * (1 + (rate - 1) * self.k_a)
        r, w, k, v, a = (self._by_head(each.float()) for each in (receptance, decay, key, value, rate))
        read = recurrence(r, w, k, v, a, erased).type_as(states)
        found = self.norm(read.transpose(1, 2).reshape(-1, states.shape[-1])).view_as(states)
        bonus = self._by_head(receptance * key * self.r_k).sum(-1, keepdim=True) * self._by_head(value)
        mixed: Tensor = self.output((found + bonus.transpose(1, 2).flatten(2)) * gate)
        return mixed, first_value

    def _by_head(self, states: Tensor) -> Tensor:
        """`<float>[batch, heads, length, head_dim]`"""
        batch, length, _ = states.shape
        return states.view(batch, length, self.heads, -1).transpose(1, 2)


class ChannelMix(nn.Module):
    """A feed-forward layer, with squares, that reads the token before too."""

    def __init__(self, size: EncoderSize, layer: int) -> None:
        super().__init__()
        place = torch.arange(size.dimension) / size.dimension
        self.x_k = nn.Parameter(1 - place ** (1 - layer / size.layers) ** 4)
        self.key = nn.Linear(size.dimension, size.inner, bias=False)
        self.value = nn.Linear(size.inner, size.dimension, bias=False)
        nn.init.orthogonal_(self.key.weight)
        nn.init.normal_(self.value.weight, std=0.02 / (2 * size.layers) ** 0.5)

    def forward(self, states: Tensor) -> Tensor:
        """What is added to the stream, `<float>[batch, length, dimension]`."""
        inner = F.relu(self.key(states + (earlier(states) - states) * self.x_k)).square()
        output: Tensor = self.value(inner)
        return output


class LowRank(nn.Module):
    """Two thin matrices in place of a square one, and perhaps a bias."""

    def __init__(self, width: int, rank: int, bias: Tensor | None) -> None:
        super().__init__()
        self.down = nn.Linear(width, rank, bias=False)
        self.up = nn.Linear(rank, width, bias=bias is not None)
        nn.init.normal_(self.down.weight, std=0.02)
        nn.init.orthogonal_(self.up.weight, 0.1)
        if bias is not None:
            self.up.bias = nn.Parameter(bias.clone())

    def forward(self, states: Tensor, activation: Any = lambda inner: inner) -> Tensor:
        """`<float>[batch, length, dimension]`"""
        output: Tensor = self.up(activation(self.down(states)))
        return output


def _rank(wanted: float) -> int:
    """The next multiple of 32, at least one (train_temp/src/model.py)."""
    return max(32, round(wanted / 32) * 32)


def earlier(states: Tensor) -> Tensor:
    """The states of the token before each, zero before the first."""
    return F.pad(states[:, :-1], (0, 0, 1, 0))


def recurrence(receptance: Tensor, decay: Tensor, key: Tensor, value: Tensor, rate: Tensor, erased: Tensor) -> Tensor:
    """What each token reads from the state after it, chunk by chunk, `<float32>[batch, heads, length, head_dim]`.

    Inside a chunk let D_t be the product of the decays up to t, and u_t = S_(t-1)' kk_t what step t takes out. Then

        S_t = diag(D_t) (S_0 + sum over i <= t of  (k_i / D_i) v_i' - (b_i / D_i) u_i')

    so that the u_t of a chunk are the solution of a triangular system whose right side is linear in S_0, and S after
    the chunk is linear in S_0 too: a matrix and an offset a chunk, which is all that is done one after another.

    Args:
        receptance: r; all are of the shape of what is given back.
        decay: The logarithm of w, from -STRONGEST to 0.
        key: k.
        value: v.
        rate: a.
        erased: kk.
    """
    batch, heads, length, width = receptance.shape
    chunk = min(CHUNK, length)
    with torch.autocast(receptance.device.type, enabled=False):  # half precision would lose the sums
        inputs = (receptance, decay, key, value, rate * erased, erased)
        r, w, k, v, b, kk = (F.pad(x, (0, 0, 0, -length % chunk)).view(batch, heads, -1, chunk, width) for x in inputs)
        total = w.cumsum(-2)  # log D, [batch, heads, chunks, chunk, head_dim]
        reads, takes = r * total.exp(), kk * (total - w).exp()
        puts, drops = k * (-total).exp(), b * (-total).exp()
        # What a chunk takes out: part of it by its own keys, and `moved` of the state before it.
        right = torch.cat([(takes @ puts.mT).tril(-1) @ v, takes], dim=-1)
        solved = torch.linalg.solve_triangular((takes @ drops.mT).tril(-1), right, upper=False, unitriangular=True)
        own, moved = solved.split(width, dim=-1)
        end = total[..., -1:, :].exp().mT  # [batch, heads, chunks, head_dim, 1]
        offset = end * (puts.mT @ v - drops.mT @ own)
        matrix = end * (torch.eye(width, device=w.device) - drops.mT @ moved)
        state = torch.zeros_like(offset[:, :, 0])
        before = []
        for place in range(offset.shape[2]):
            before.append(state)
            state = matrix[:, :, place] @ state + offset[:, :, place]
        states = torch.stack(before, dim=2)
        taken = own + moved @ states
        found: Tensor = reads @ states + (reads @ puts.mT).tril() @ v - (reads @ drops.mT).tril() @ taken
    return found.flatten(2, 3)[:, :, :length]
