"""Tagging of words: parts of speech, named entities, supertags.

The first token of a word carries its label, the rest is ignored; a sentence longer than the limit is cut between words
and its predictions are joined again; a word without tokens is read as the unknown token
(google-research/xtreme:utils_preprocess.py and third_party/utils_tag.py).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xit.core.examples import Example
from xit.core.task import Task
from xit.formats import FIRST, IGNORED, SPECIAL, Batch, EncodedExample, EncodingOptions, Row
from xit.formats._heads import HeadKind, States
from xit.scoring import metrics


def _pieces(words: Sequence[str], options: EncodingOptions) -> Iterator[tuple[Row, list[int]]]:
    """Rows that together hold every word once, and the position of each word's first token in its row."""
    tokenizer = options.tokenizer
    encoding = tokenizer.backend.encode(list(words), is_pretokenized=True, add_special_tokens=False)
    tokens: list[list[int]] = [[] for _ in words]
    for token, word in zip(encoding.ids, encoding.word_ids, strict=True):
        if word is not None:
            tokens[word].append(token)
    before, after = tokenizer.special_prefix, tokenizer.special_suffix
    room = options.max_text_tokens(1)
    row: list[int] = []
    starts: list[int] = []
    for word_tokens in tokens:
        piece = (word_tokens or [tokenizer.unknown_id])[:room]
        if row and len(row) + len(piece) > room:
            yield _row(before, row, after), starts
            row, starts = [], []
        starts.append(len(before) + len(row))
        row += piece
    yield _row(before, row, after), starts


def _row(before: Sequence[int], tokens: Sequence[int], after: Sequence[int]) -> Row:
    ids = [*before, *tokens, *after]
    segments = [SPECIAL] * len(before) + [FIRST] * len(tokens) + [SPECIAL] * len(after)
    return Row(numpy.array(ids, dtype=numpy.int64), numpy.array(segments, dtype=numpy.int64))


def encode(examples: Sequence[Example], options: EncodingOptions) -> list[EncodedExample]:
    """A row a piece of sentence; the label is a list, for each row, of (positions, tag indices)."""
    index = {tag: number for number, tag in enumerate(options.task.labels)}
    result = []
    for example in examples:
        tags = iter([index[tag] for tag in example["tags"]])
        pieces = list(_pieces(example["words"], options))
        label = [(starts, [next(tags) for _ in starts]) for _, starts in pieces]
        result.append(EncodedExample(example["id"], tuple(row for row, _ in pieces), label))
    return result


def labels(encoded: Sequence[EncodedExample], length: int) -> Batch:
    """`labels` <int64>[rows, length], -100 where a token is not the first of its word."""
    rows = [piece for f in encoded for piece in f.label]
    result = torch.full((len(rows), length), IGNORED)
    for index, (starts, tags) in enumerate(rows):
        result[index, starts] = torch.tensor(tags)
    return {"labels": result}


class Head(nn.Module):
    """Logits <float>[rows, length, labels]."""

    def __init__(self, kind: HeadKind, dimension: int, layers: int, labels: int) -> None:
        super().__init__()
        self.states = States(kind, dimension, layers)
        self.output = nn.Linear(dimension, labels)

    def forward(self, hidden_states: tuple[Tensor, ...], batch: Batch) -> Tensor:
        logits: Tensor = self.output(self.states(hidden_states))
        return logits

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten(), ignore_index=IGNORED)


def head(kind: HeadKind, dimension: int, layers: int, task: Task) -> Head:
    """A head with an output a tag."""
    return Head(kind, dimension, layers, len(task.labels))


def predict(model: Any, examples: Sequence[Example], options: EncodingOptions) -> list[list[str]]:
    """A tag for every word of every sentence."""
    pieces = [list(_pieces(e["words"], options)) for e in examples]
    logits = iter(model.logits([row for sentence in pieces for row, _ in sentence]))
    tags = options.task.labels
    return [
        [tags[int(best)] for _, starts in sentence for best in next(logits)[starts].argmax(-1)] for sentence in pieces
    ]


def score(predictions: list[list[str]], examples: Sequence[Example], task: Task, language: str) -> dict[str, float]:
    """Token accuracy and span F1, the latter by the benchmark's rule for the tag set (bare tags, or IOB2)."""
    gold = [list(e["tags"]) for e in examples]
    f1 = metrics.span_overlap(predictions, gold, metrics.spans_of(task.labels)).f1
    return {"f1": f1, "accuracy": metrics.token_accuracy(predictions, gold)}


def count(examples: Sequence[Example]) -> int:
    """Every sentence."""
    return len(examples)


def shuffled(examples: Sequence[Example], generator: numpy.random.Generator) -> list[Example]:
    """The tags of all words permuted."""
    tags = [tag for example in examples for tag in example["tags"]]
    drawn = iter(generator.permutation(len(tags)))
    return [{**example, "tags": [tags[next(drawn)] for _ in example["tags"]]} for example in examples]
