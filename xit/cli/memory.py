"""How much memory of a GPU a training step takes at its peak: an estimate, and what a forward pass keeps, measured.

What a transformer keeps for the gradient is counted as in Korthikanti et al. 2022, arXiv 2205.05198, section 4.1, but
fused attention keeps its input, its output and a number a head and token, in place of the matrices of scores (their
5 a s / h), and autocast keeps what it casts. Rajbhandari et al. 2020, arXiv 1910.02054, section 3.1, has the 16 bytes a
parameter of weights, gradients and AdamW.
"""

import dataclasses
from typing import Any, Literal

import torch
from torch import Tensor

from xit.core.settings import EncoderSize
from xit.modeling import encoders
from xit.modeling.encoder import Encoder

GPU_BYTES = 80e9
XLM_R_LARGE = "xlm-r-large"
FLOAT32, BFLOAT16, BOOL = 4, 2, 1
"""Bytes of a number."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """A transformer as BERT and XLM-R are: LayerNorm after each half of a layer, dropout before it."""

    vocabulary: int
    hidden: int
    layers: int
    inner: int
    heads: int
    positions: int


LARGE = Shape(vocabulary=250_002, hidden=1024, layers=24, inner=4096, heads=16, positions=514)
"""XLM-R Large (Conneau et al. 2020, arXiv 1911.02116, table 6)."""


@dataclasses.dataclass(frozen=True)
class Term:
    """A part of the peak, in bytes: as it is, and where gradients are checkpointed.

    Attributes:
        grows: Whether it is in proportion to the tokens; else it does not depend on them.
    """

    name: str
    formula: str
    plain: float
    checkpointed: float
    grows: bool = True


def parameters(shape: Shape) -> tuple[int, int]:
    """Numbers of parameters: all, without a pooler; and those of matrices that tokens are multiplied with."""
    h = shape.hidden
    matrices = shape.layers * (4 * h * h + 2 * h * shape.inner)
    vectors = shape.layers * (4 * h + shape.inner + h + 4 * h)  # biases; two LayerNorms
    return (shape.vocabulary + shape.positions + 1) * h + 2 * h + matrices + vectors, matrices


def kept(shape: Shape, precision: Literal["float32", "bfloat16"], has_dropout: bool = True) -> dict[str, int]:
    """What a layer keeps for the gradient, bytes a token. A LayerNorm's are float32 under autocast too."""
    h, a = shape.hidden, FLOAT32 if precision == "float32" else BFLOAT16
    casts = {"query, key, value and inner cast their input": 4 * a * h} if precision == "bfloat16" else {}
    return {
        "input, and input of the second half": 2 * FLOAT32 * h,
        "inputs of two LayerNorms": 2 * (FLOAT32 * h + 2 * FLOAT32),
        "query, key, value": 3 * a * h,
        "output of attention": a * h + FLOAT32 * shape.heads,
        "before and after GELU": 2 * a * shape.inner,
        **casts,
        **({"two dropout masks": 2 * BOOL * h} if has_dropout else {}),
    }


def of_transformer(
    shape: Shape, rows: int, length: int, precision: Literal["float32", "bfloat16"], masked_fraction: float
) -> list[Term]:
    """The terms of a step on `rows` rows of `length` tokens at once, that trains masked language modelling too."""
    count, matrices = parameters(shape)
    a = FLOAT32 if precision == "float32" else BFLOAT16
    tokens, layer = rows * length, sum(kept(shape, precision).values())
    states = FLOAT32 * shape.hidden
    logits = masked_fraction * tokens * shape.vocabulary
    terms = of_parameters(count)
    if precision == "bfloat16":
        copies = f"2 bytes x {matrices / 1e6:,.1f} M in matrices"
        terms.append(same("weights in bfloat16", copies, BFLOAT16 * matrices, grows=False))
    return [
        *terms,
        Term(
            "activations",
            f"{shape.layers} layers x {tokens:,} tokens x {layer:,} bytes; or {states:,}, and one layer whole",
            float(shape.layers * tokens * layer),
            float(tokens * (shape.layers * states + layer)),
        ),
        same("embedding", f"{tokens:,} tokens x ({states:,} + 8) bytes: input of its LayerNorm", tokens * (states + 8)),
        same(
            "logits of masked tokens",
            f"{masked_fraction:g} x {tokens:,} tokens x {shape.vocabulary:,} pieces x ({a} + 2 x 4) bytes",
            logits * (a + 2 * FLOAT32),
        ),
        same("gradients of a layer's activations", "as much as it keeps", tokens * layer),
    ]


def of_encoder(name: str, size: EncoderSize, vocabulary: int, rows: int, length: int, masked: float) -> list[Term]:
    """The terms of an encoder from scratch, in float32; what it keeps is measured on the CPU.

    A GPU's kernels keep the same, but for recurrences, whose reserve is cuDNN's own.
    """
    plain, checkpointed = (encoders.build(name, size, vocabulary).train() for _ in range(2))
    checkpointed.checkpoint_gradients()
    measured, tokens = saved_bytes(plain, rows, length), rows * length
    layer = measured / size.layers
    return [
        *of_parameters(encoders.parameters(plain).total),
        Term(
            "activations",
            "measured; or inputs of layers, and one layer whole",
            float(measured),
            saved_bytes(checkpointed, rows, length) + layer,
        ),
        same(
            "logits of masked tokens",
            f"{masked:g} x {tokens:,} tokens x {vocabulary:,} pieces x 3 x 4 bytes",
            masked * tokens * vocabulary * 3 * FLOAT32,
        ),
        same("gradients of a layer's activations", "as much as it keeps", layer),
    ]


def of_parameters(count: int) -> list[Term]:
    """Weights, gradients and AdamW's two moments, all in float32."""
    millions = f"{count / 1e6:,.1f} M parameters"
    return [
        same("weights", f"4 bytes x {millions}", FLOAT32 * count, grows=False),
        same("gradients", "4 bytes each", FLOAT32 * count, grows=False),
        same("AdamW", "2 x 4 bytes each", 2 * FLOAT32 * count, grows=False),
    ]


def same(name: str, formula: str, size: float, grows: bool = True) -> Term:
    """A term that checkpointing does not change."""
    return Term(name, formula, float(size), float(size), grows)


def most_rows(terms: list[Term], rows: int) -> tuple[int, int]:
    """How many rows at once fit on `GPU_BYTES`, where these terms are of `rows`: as it is, and checkpointed."""
    fixed = sum(term.plain for term in terms if not term.grows)
    a_row = [sum(size) / rows for size in zip(*((t.plain, t.checkpointed) for t in terms if t.grows), strict=True)]
    plain, checkpointed = (max(int((GPU_BYTES - fixed) / size), 0) for size in a_row)
    return plain, checkpointed


def saved_bytes(encoder: Encoder, rows: int, length: int) -> int:
    """What a forward pass on the CPU keeps for the gradient: storages, but for those of parameters and of indices."""
    found: dict[int, int] = {}
    weights = {parameter.untyped_storage().data_ptr() for parameter in encoder.parameters()}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if tensor.dtype != torch.int64 and storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    input_ids = torch.full((rows, length), encoder.embedding.num_embeddings - 1)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        states: Any = encoder(input_ids, torch.ones_like(input_ids))  # alive, so that no storage is used twice
    del states
    return sum(found.values())
