"""Multiple choice: each choice is read with the prompt and gets one number; softmax over the choices.

As nyu-mll/jiant:jiant/tasks/lib/templates/multiple_choice.py.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xit.core.examples import Example
from xit.core.task import Task
from xit.heads import Batch, EncodedExample, EncodingOptions, Released, Row, text_rows
from xit.heads._layers import HeadKind, PairVector
from xit.heads._texts import shortened


def _released_logits(model: Any, inputs: Batch) -> Tensor:
    """transformers takes the choices of an example together; here each is an example of one."""
    logits: Tensor = model(**{key: value[:, None] for key, value in inputs.items()}).logits
    return logits.squeeze(-1)


RELEASED = Released("MultipleChoice", _released_logits)


def _rows(examples: Sequence[Example], options: EncodingOptions) -> list[tuple[Row, ...]]:
    """The rows of each example: the prompt gives way from its start, a choice only beyond three quarters of a row."""
    most = min(options.max_length_tokens * 3 // 4, options.max_text_tokens(2) - 2)  # the prompt keeps two
    choices = shortened([c for e in examples for c in e["choices"]], most, options)
    prompts = [e["prompt"] for e in examples for _ in e["choices"]]
    rows = iter(text_rows(options, list(zip(prompts, choices, strict=True)), "only_first"))
    return [tuple(next(rows) for _ in e["choices"]) for e in examples]


def encode(examples: Sequence[Example], options: EncodingOptions) -> list[EncodedExample]:
    """A row a choice, the prompt cut from its start; the label is the index of the right choice."""
    return [
        EncodedExample(e["id"], rows, e["label"]) for rows, e in zip(_rows(examples, options), examples, strict=True)
    ]


def labels(encoded: Sequence[EncodedExample], length: int) -> Batch:
    """`labels` <int64>[examples], and `counts` <int64>[examples]: the choices of each."""
    return {
        "labels": torch.tensor([f.label for f in encoded]),
        "counts": torch.tensor([len(f.rows) for f in encoded]),
    }


class Head(nn.Module):
    """Logits <float>[rows], a number a choice."""

    def __init__(self, kind: HeadKind, dimension: int, layers: int) -> None:
        super().__init__()
        self.vector = PairVector(kind, dimension, layers)
        self.output = nn.Linear(self.vector.size, 1)

    def forward(self, hidden_states: tuple[Tensor, ...], batch: Batch) -> Tensor:
        logits: Tensor = self.output(self.vector(hidden_states, batch)).squeeze(-1)
        return logits

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        groups = torch.split(logits, batch["counts"].tolist())
        padded = nn.utils.rnn.pad_sequence(list(groups), batch_first=True, padding_value=-1e4)
        return F.cross_entropy(padded, batch["labels"])


def head(kind: HeadKind, dimension: int, layers: int, task: Task) -> Head:
    """A head with one output, whatever the number of choices."""
    return Head(kind, dimension, layers)


def predict(model: Any, examples: Sequence[Example], options: EncodingOptions) -> list[int]:
    """The index of the choice with the highest number, the first of equals."""
    grouped = _rows(examples, options)
    logits = iter(model.logits([row for rows in grouped for row in rows]))
    return [int(torch.stack([next(logits) for _ in rows]).argmax()) for rows in grouped]
