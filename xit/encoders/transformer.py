"""A transformer encoder: pre-LN blocks, rotary positions, no dropout, no longest input."""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xit.core.errors import ConfigError
from xit.core.settings import EncoderSize
from xit.modeling.encoder import OwnEncoder
from xit.modeling.encoders import EncoderInfo

INFO = EncoderInfo(
    title="Transformer",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Vaswani et al. 2017, arXiv 1706.03762; pre-LN: Xiong et al. 2020, arXiv 2002.04745; "
    "rotary positions: Su et al. 2021, arXiv 2104.09864",
)


class Encoder(OwnEncoder):
    """Blocks on a residual stream, read through a LayerNorm without parameters after the embedding and every block."""

    def __init__(self, size: EncoderSize, vocabulary_size: int, padding_id: int = 0) -> None:
        super().__init__(size, vocabulary_size, padding_id)
        if size.heads == 0 or size.dimension % (2 * size.heads) != 0:
            raise ConfigError(
                f"encoders.transformer.heads: {size.heads} does not divide the dimension {size.dimension} into heads "
                "of an even width, which rotary positions need."
            )
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.layers))
        self._initialise()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Hidden states, as `xit.modeling.encoder.Encoder` says."""
        is_real = attention_mask.bool()
        is_whole = is_real.is_cpu and bool(is_real.all())  # a device would be waited for
        visible = None if is_whole else is_real[:, None, None, :]  # [batch, heads, query, key], broadcast
        stream = self.embedding(input_ids)
        assert self.size is not None
        rotation = angles(input_ids.shape[1], self.dimension // self.size.heads, stream.device)
        states = [stream]
        for block in self.blocks:
            stream = self.run_block(block, stream, visible, rotation)
            states.append(stream)
        return tuple(F.layer_norm(state, (self.dimension,)) for state in states)

    def _initialise(self) -> None:
        """Radford et al. 2019, section 2.3: what is added to the stream starts smaller, the more layers there are."""
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                adds = name.endswith(("mix.weight", "contract.weight"))
                nn.init.normal_(parameter, std=0.02 / (2 * self.layers) ** 0.5 if adds else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)


class Block(nn.Module):
    """Self-attention, then a feed-forward layer, each added to the stream."""

    def __init__(self, size: EncoderSize) -> None:
        super().__init__()
        self.heads = size.heads
        self.attention_norm = nn.LayerNorm(size.dimension)
        self.attend = nn.Linear(size.dimension, 3 * size.dimension)
        self.mix = nn.Linear(size.dimension, size.dimension)
        self.inner_norm = nn.LayerNorm(size.dimension)
        self.expand = nn.Linear(size.dimension, size.inner)
        self.contract = nn.Linear(size.inner, size.dimension)

    def forward(self, stream: Tensor, visible: Tensor | None, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """The stream after this block, `<float>[batch, length, dimension]`."""
        batch, length, _ = stream.shape
        projected = self.attend(self.attention_norm(stream)).view(batch, length, 3, self.heads, -1)
        query, key, value = projected.permute(2, 0, 3, 1, 4)  # each [batch, heads, length, head_dim]
        mixed = F.scaled_dot_product_attention(rotate(query, rotation), rotate(key, rotation), value, attn_mask=visible)
        stream = stream + self.mix(mixed.transpose(1, 2).reshape(batch, length, -1))
        update: Tensor = self.contract(F.gelu(self.expand(self.inner_norm(stream))))
        return stream + update


def angles(length: int, head_dim: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine and sine of position times frequency, each `<float32>[length, head_dim / 2]`; made once for a length."""
    if torch.compiler.is_compiling():  # which makes them part of its kernels
        return _angles(length, head_dim, device)
    with torch.inference_mode(mode=False):  # so that training may read what evaluation has made
        return _kept_angles(length, head_dim, device)


def _angles(length: int, head_dim: int, device: torch.device) -> tuple[Tensor, Tensor]:
    frequency = 10_000 ** -(torch.arange(0, head_dim, 2, device=device, dtype=torch.float32) / head_dim)
    angle = torch.outer(torch.arange(length, device=device, dtype=torch.float32), frequency)
    return angle.cos(), angle.sin()


_kept_angles = functools.lru_cache(maxsize=128)(_angles)


def rotate(states: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Turn each pair of coordinates by its position's angle, so that products depend on distance only."""
    cosine, sine = rotation
    first, second = states.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, first * sine + second * cosine), dim=-1).type_as(states)
