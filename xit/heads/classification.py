"""Classification: a pair of texts in a row, pooled into a vector, of which a layer makes an output a label."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xit.core.examples import Example
from xit.core.task import Task
from xit.heads import Batch, EncodedExample, EncodingOptions, Released, text_rows
from xit.heads._layers import HeadKind, PairVector

RELEASED = Released("SequenceClassification")


def encode(examples: Sequence[Example], options: EncodingOptions) -> list[EncodedExample]:
    """One row a pair, the longer text cut first; the label is its index."""
    rows = text_rows(options, [(e["text_a"], e["text_b"]) for e in examples], "longest_first")
    index = {label: number for number, label in enumerate(options.task.labels)}
    return [EncodedExample(e["id"], (row,), index[e["label"]]) for row, e in zip(rows, examples, strict=True)]


def labels(encoded: Sequence[EncodedExample], length: int) -> Batch:
    """`labels` <int64>[rows]."""
    return {"labels": torch.tensor([f.label for f in encoded])}


class Head(nn.Module):
    """Logits <float>[rows, labels]."""

    def __init__(self, kind: HeadKind, dimension: int, layers: int, labels: int) -> None:
        super().__init__()
        self.vector = PairVector(kind, dimension, layers)
        self.output = nn.Linear(self.vector.size, labels)

    def forward(self, hidden_states: tuple[Tensor, ...], batch: Batch) -> Tensor:
        logits: Tensor = self.output(self.vector(hidden_states, batch))
        return logits

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return F.cross_entropy(logits, batch["labels"])


def head(kind: HeadKind, dimension: int, layers: int, task: Task) -> Head:
    """A head with an output a label."""
    return Head(kind, dimension, layers, len(task.labels))


def predict(model: Any, examples: Sequence[Example], options: EncodingOptions) -> list[str]:
    """The most probable label of each example."""
    rows = text_rows(options, [(e["text_a"], e["text_b"]) for e in examples], "longest_first")
    return [options.task.labels[int(logits.argmax())] for logits in model.logits(rows)]
