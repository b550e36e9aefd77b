"""The formats of tasks as tensors: what an example looks like, with which head, and how its output is decoded.

A file has the name of its format, of which `xit.formats` says what needs no tensor, and the face of `FormatHead`. It
does not know which encoder reads the tokens, nor which task the examples come from. All formats share rows of tokens
(`Row`), padded on the right (`collate`), and heads over token states (`xit.heads._layers`).
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from xit.core import registry
from xit.core.batches import IGNORED as IGNORED
from xit.core.batches import Batch as Batch
from xit.core.errors import ConfigError
from xit.core.examples import Example
from xit.core.task import Task

if TYPE_CHECKING:
    import numpy
    from torch import Tensor, nn

    from xit.heads._layers import HeadKind
    from xit.modeling.tokenization import Tokenizer

PREDICTION_TOKENS = 8192
"""Padded tokens of a forward pass without gradients; changes speed and memory, and last digits only."""

SPECIAL, FIRST, SECOND = 0, 1, 2
"""Segments of a row: special tokens and padding; the first text; the second text."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One sequence for the encoder: `input_ids` and `segments`, each <int64>[length], without padding.

    Attributes:
        token_types: The tokenizer's own segments, which heads of transformers were fine-tuned with.
    """

    input_ids: "numpy.ndarray[Any, Any]"
    segments: "numpy.ndarray[Any, Any]"
    token_types: "numpy.ndarray[Any, Any] | None" = None


@dataclasses.dataclass(frozen=True)
class EncodedExample:
    """One training example: its id, its rows (one, or one a choice or side) and its label in the format's own terms."""

    id: str
    rows: tuple[Row, ...]
    label: Any

    @property
    def length(self) -> int:
        """Tokens of the longest row."""
        return max(len(row.input_ids) for row in self.rows)


@dataclasses.dataclass(frozen=True)
class EncodingOptions:
    """How examples are read: the tokenizer, the task's facts and the longest row in tokens.

    Attributes:
        working: Retrieval: a folder for the vectors of a large pool while they are made; None keeps them in memory.
        report: Retrieval: called while a large pool is worked on, with what is done, how much of it and of how much.
    """

    tokenizer: "Tokenizer"
    task: Task
    max_length_tokens: int
    working: Path | None = None
    report: Callable[[str, int, int], None] = lambda what, done, total: None

    def max_text_tokens(self, texts: int) -> int:
        """Tokens of the longest row that are left for one text, or for a pair, beside special tokens.

        Raises:
            ConfigError: there are not two for each text, whose first may be but the blank before it.
        """
        special = self.tokenizer.backend.num_special_tokens_to_add(texts == 2)
        least = special + 2 * texts
        if self.max_length_tokens < least:
            raise ConfigError(
                f"max_length_tokens: {self.max_length_tokens}: too few for {self.task.title}, of which a row has "
                f"{special} special tokens, and {2 * texts} of text at least. Give {least} or more."
            )
        return self.max_length_tokens - special


class Head(Protocol):
    """The layers on top of an encoder. Modules; `forward` gives logits from hidden states and the batch."""

    def __call__(self, hidden_states: "tuple[Tensor, ...]", batch: Batch) -> "Tensor":
        """Logits, in the format's own shape."""

    def loss(self, logits: "Tensor", batch: Batch) -> "Tensor":
        """The mean loss over the batch, a scalar."""


def _logits(model: Any, inputs: Batch) -> "Tensor":
    logits: Tensor = model(**inputs).logits
    return logits


@dataclasses.dataclass(frozen=True)
class Released:
    """The head of transformers that answers a format.

    Attributes:
        kind: The end of the architecture's name there.
        logits: From the model and its inputs what the format's own head gives; labels in the order of the model.
        max_length_tokens: Of a row, where the model has positions for it.
    """

    kind: str
    logits: "Callable[[Any, Batch], Tensor]" = _logits
    max_length_tokens: int = 512


class FormatHead(Protocol):
    """The face of a module of this package."""

    RELEASED: Released | None

    def encode(self, examples: Sequence[Example], options: EncodingOptions) -> list[EncodedExample]:
        """Training examples as rows and labels."""

    def labels(self, encoded: Sequence[EncodedExample], length: int) -> Batch:
        """What the head's loss reads beside the padded rows; `length` is that of the padded rows."""

    def head(self, kind: "HeadKind", dimension: int, layers: int, task: Task) -> "nn.Module":
        """A new head (`Head`) for encoders with states of that width and depth."""

    def predict(self, model: Any, examples: Sequence[Example], options: EncodingOptions) -> Any:
        """Predictions of a model (`xit.modeling.task_model.TaskModel`), as `Format.from_model` takes them."""


def load(name: str) -> FormatHead:
    """The file of the format of that name."""
    return cast(FormatHead, registry.load("heads", name))


def collate(rows: Sequence[Row], padding_id: int) -> Batch:
    """Rows as one batch, padded on the right.

    Returns:
        `input_ids` <int64>[rows, length]; `attention_mask` <int64>[rows, length], 1 for real tokens; `segments`
        <int64>[rows, length], 0 (special) in padding.
    """
    import torch

    length = max(len(row.input_ids) for row in rows)
    input_ids = torch.full((len(rows), length), padding_id, dtype=torch.int64)
    attention_mask = torch.zeros((len(rows), length), dtype=torch.int64)
    segments = torch.zeros((len(rows), length), dtype=torch.int64)
    for index, row in enumerate(rows):
        size = len(row.input_ids)
        input_ids[index, :size] = torch.from_numpy(row.input_ids)
        segments[index, :size] = torch.from_numpy(row.segments)
        attention_mask[index, :size] = 1
    return {"input_ids": input_ids, "attention_mask": attention_mask, "segments": segments}


def passes_of(examples: Sequence[EncodedExample], most_tokens: int) -> int:
    """In how many forward passes of equally many examples their rows, padded, have at most so many tokens each.

    An example is never cut: where one alone has more, the passes have one each.
    """

    def fits(begin: int, size: int) -> bool:
        rows = [row for example in examples[begin : begin + size] for row in example.rows]
        return len(rows) * max(len(row.input_ids) for row in rows) <= most_tokens

    for passes in range(1, len(examples)):
        size = -(-len(examples) // passes)
        if all(fits(begin, size) for begin in range(0, len(examples), size)):
            return passes
    return len(examples)


def text_rows(options: EncodingOptions, texts: Sequence[str] | Sequence[tuple[str, str]], truncate: str) -> list[Row]:
    """Texts, or pairs of texts, as rows with the tokenizer's own special tokens.

    Args:
        options: The tokenizer and the longest row.
        texts: Single texts or (first, second) pairs, not mixed.
        truncate: What gives way in a row that is too long: `longest_first`, or `only_first` from its start (the end of
            a prompt is nearest to its choice).
    """
    backend = options.tokenizer.backend
    options.max_text_tokens(2 if texts and isinstance(texts[0], tuple) else 1)
    direction = "left" if truncate == "only_first" else "right"
    strategy = truncate if truncate == "longest_first" or isinstance(texts[0], tuple) else "longest_first"
    backend.enable_truncation(options.max_length_tokens, strategy=strategy, direction=direction)
    try:
        encodings = backend.encode_batch(list(texts))
    finally:
        backend.no_truncation()
    return [row_of(encoding) for encoding in encodings]


def row_of(encoding: Any) -> Row:
    """A row from an encoding of the tokenizers library."""
    import numpy

    segments = [SPECIAL if part is None else part + 1 for part in encoding.sequence_ids]
    return Row(*(numpy.array(values, dtype=numpy.int64) for values in (encoding.ids, segments, encoding.type_ids)))


def batches_by_length(lengths: Sequence[int], most_tokens: int = PREDICTION_TOKENS) -> list[list[int]]:
    """Indices grouped so that rows of like length share a batch of at most `most_tokens` padded tokens."""
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    batches: list[list[int]] = []
    for index in order:  # ascending, so the newest row is the longest of its batch
        if batches and lengths[index] * (len(batches[-1]) + 1) <= most_tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
