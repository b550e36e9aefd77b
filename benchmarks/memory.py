"""How much memory of a GPU a training step takes at its peak: an estimate, and what a forward pass keeps, measured.

    python benchmarks/memory.py                          # XLM-R Large: 32 rows of 384 tokens
    python benchmarks/memory.py --encoder lstm --rows 64

What a transformer keeps for the gradient is counted as in Korthikanti et al. 2022, arXiv 2205.05198, section 4.1, but
fused attention keeps its input, its output and a number a head and token, in place of the matrices of scores (their
5 a s / h), and autocast keeps what it casts. Rajbhandari et al. 2020, arXiv 1910.02054, section 3.1, has the 16 bytes a
parameter of weights, gradients and AdamW.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any, Literal

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from xit.cli.show_profile import vocabulary_size
from xit.core.settings import EncoderSize
from xit.modeling import encoders
from xit.modeling.encoder import Encoder
from xit.pipeline import config

GPU_BYTES = 80e9
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


def show(terms: list[Term], title: str, rows: int) -> None:
    """The terms as a table, and whether they fit on a GPU."""
    table = Table("term", "formula", title=title, title_justify="left")
    for column in ("MB", "with checkpointing"):
        table.add_column(column, justify="right")
    for term in terms:
        table.add_row(term.name, term.formula, f"{term.plain / 1e6:,.1f}", f"{term.checkpointed / 1e6:,.1f}")
    totals = (sum(term.plain for term in terms), sum(term.checkpointed for term in terms))
    table.add_section()
    table.add_row("sum", "", *(f"{total / 1e6:,.1f}" for total in totals))
    console = Console(width=None if Console().is_terminal else 160)
    console.print(table)
    fits = ["fits" if total <= GPU_BYTES else "does not fit" for total in totals]
    most = most_rows(terms, rows)
    console.print(
        f"It {fits[0]} on one {GPU_BYTES / 1e9:.0f} GB GPU, and {fits[1]} with gradient checkpointing; at most "
        f"{most[0]:,} rows at once do, and {most[1]:,} with it. Gradients are made while activations are freed, so "
        "that the sum is more than the peak; CUDA and its allocator, about 1 GB, come on top.",
        highlight=False,
    )


def main() -> None:
    """Print the estimate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", help="an encoder from scratch of params.yaml (default: XLM-R Large)")
    parser.add_argument("--rows", type=int, default=32, help="of a forward pass (default 32)")
    parser.add_argument("--length", type=int, default=384, help="tokens of a row (default 384)")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), help="of XLM-R Large (default: of params.yaml)")
    chosen = parser.parse_args()
    rows, length = chosen.rows, chosen.length
    parameters = config.load(Path("params.yaml"))
    precision, masked = chosen.precision or parameters.compute.precision, parameters.pretraining.masked_fraction
    if chosen.encoder is None:
        terms = of_transformer(LARGE, rows, length, precision, masked)
    else:
        precision, settings = "float32", parameters.encoders.get(chosen.encoder)
        if settings is None or settings.size is None:
            known = ", ".join(name for name, one in parameters.encoders.items() if one.size)
            parser.error(f"--encoder {chosen.encoder}: params.yaml says no size of it. It says those of {known}.")
        pieces = vocabulary_size(parameters, chosen.encoder)
        terms = of_encoder(chosen.encoder, settings.size, pieces, rows, length, masked)
    name = chosen.encoder or "XLM-R Large"
    show(terms, f"A training step of {name} at its peak: {rows} rows of {length} tokens at once, {precision}", rows)


if __name__ == "__main__":
    main()
