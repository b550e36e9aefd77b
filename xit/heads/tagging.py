"""Tagging of words: a sentence in a row or several, and an output a tag at a token of each word.

The first token of a word carries its label, the rest is ignored; a sentence longer than the limit is cut between words
and its predictions are joined again; a word without tokens is read as the unknown token
(google-research/xtreme:utils_preprocess.py and third_party/utils_tag.py).

Differs from the benchmark: a tokenizer whose pieces carry the blank before a word, and which adds none to a word alone,
reads the sentence rather than its words; else words would run together. The first token with a character of the word
carries its label then.
"""

import bisect
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xit.core.examples import Example
from xit.core.task import Task
from xit.heads import FIRST, IGNORED, SPECIAL, Batch, EncodedExample, EncodingOptions, Released, Row
from xit.heads._layers import HeadKind, States

if TYPE_CHECKING:
    from xit.modeling.tokenization import Tokenizer

RELEASED = Released("TokenClassification")


def _pieces(words: Sequence[str], options: EncodingOptions) -> Iterator[tuple[Row, list[int]]]:
    """Rows that together hold every word once, and for each word in its row the position of the labelled token."""
    tokenizer = options.tokenizer
    tokens_of_words = (_in_sentence if tokenizer.carries_blanks else _one_by_one)(words, tokenizer)
    before, after = tokenizer.special_prefix, tokenizer.special_suffix
    limit = options.max_text_tokens(1)
    row: list[int] = []
    starts: list[int] = []
    for tokens, blanks in tokens_of_words:
        if blanks == len(tokens):
            tokens, blanks = [tokenizer.unknown_id], 0
        dropped = max(0, blanks + 1 - limit)
        piece = tokens[dropped : dropped + limit]
        if row and len(row) + len(piece) > limit:
            yield _row(before, row, after), starts
            row, starts = [], []
        starts.append(len(before) + len(row) + blanks - dropped)
        row += piece
    yield _row(before, row, after), starts


def _one_by_one(words: Sequence[str], tokenizer: "Tokenizer") -> list[tuple[list[int], int]]:
    """The tokens of each word alone, and 0: the first one is labelled."""
    encoding = tokenizer.backend.encode(list(words), is_pretokenized=True, add_special_tokens=False)
    found: list[tuple[list[int], int]] = [([], 0) for _ in words]
    for token, word in zip(encoding.ids, encoding.word_ids, strict=True):
        if word is not None:
            found[word][0].append(token)
    return found


def _in_sentence(words: Sequence[str], tokenizer: "Tokenizer") -> list[tuple[list[int], int]]:
    """The tokens of each word in the sentence, and how many of them come first and hold nothing but the blank before
    it. A token that reaches into the next word belongs to the word that it begins in."""
    ends = list(itertools.accumulate(len(word) + 1 for word in words))  # each with the blank behind it
    encoding = tokenizer.backend.encode(" ".join(words), add_special_tokens=False)
    found: list[tuple[list[int], int]] = [([], 0) for _ in words]
    for token, (first, last) in zip(encoding.ids, encoding.offsets, strict=True):
        word = min(bisect.bisect_right(ends, first + 1), len(words) - 1)
        tokens, blanks = found[word]
        is_blank = last <= ends[word] - 1 - len(words[word]) and blanks == len(tokens)
        found[word] = ([*tokens, token], blanks + is_blank)
    return found


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
