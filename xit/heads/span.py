"""Extractive question answering: the first and the last token of the answer, in windows of the context.

Long contexts are read in overlapping windows; the first token stands for "no answer" (Devlin et al. 2019, section 4.3).
Spans are characters of the context through the tokenizer's offsets, so that scripts without spaces need no rule.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xit.core.examples import Example
from xit.core.task import Task
from xit.heads import SECOND, Batch, EncodedExample, EncodingOptions, Released, batches_by_length, row_of
from xit.heads._layers import HeadKind, States, pool
from xit.heads._texts import shortened

QUESTION_TOKENS = 64  # google-research/xtreme:scripts/train_qa.sh, max_query_length
ANSWER_TOKENS = 30  # the same, max_answer_length
ENCODED_EXAMPLES = 64  # at once, to know the lengths of their windows; changes no result
STRIDE_PART = 3  # windows overlap by a third: 128 of 384 tokens (the same, doc_stride)


def _released_logits(model: Any, inputs: Batch) -> Tensor:
    output = model(**inputs)
    return torch.stack([output.start_logits, output.end_logits], dim=1)


RELEASED = Released("QuestionAnswering", _released_logits, max_length_tokens=384)
"""With the length of google-research/xtreme:scripts/train_qa.sh."""


def _windows(examples: Sequence[Example], options: EncodingOptions) -> list[list[Any]]:
    """The encodings of each example's windows, in order."""
    backend = options.tokenizer.backend
    limit, room = options.max_length_tokens, options.max_text_tokens(2)
    most = min(QUESTION_TOKENS, limit // 3, room - 2)
    questions = shortened([e["question"] for e in examples], most, options)
    stride = min(limit // STRIDE_PART, 128, room - most - 2)  # a window moves on, though a cut may add a token
    backend.enable_truncation(limit, stride=stride, strategy="only_second")
    try:
        encodings = backend.encode_batch([(q, e["context"]) for q, e in zip(questions, examples, strict=True)])
    finally:
        backend.no_truncation()
    return [[encoding, *encoding.overflowing] for encoding in encodings]


def encode(examples: Sequence[Example], options: EncodingOptions) -> list[EncodedExample]:
    """A row a window; the label is (start, end) in tokens, each inclusive, (0, 0) where the answer is not in it."""
    result = []
    for example, windows in zip(examples, _windows(examples, options), strict=True):
        for window in windows:
            span = (0, 0)
            if example["answers"]:
                start = example["starts"][0]
                span = _tokens(window, start, start + len(example["answers"][0]))
            result.append(EncodedExample(example["id"], (row_of(window),), span))
    return result


def _tokens(window: Any, start: int, end: int) -> tuple[int, int]:
    inside = [
        index
        for index, (part, (first, last)) in enumerate(zip(window.sequence_ids, window.offsets, strict=True))
        if part == 1 and first < end and last > start
    ]
    if not inside:
        return (0, 0)
    covered = window.offsets[inside[0]][0] <= start and window.offsets[inside[-1]][1] >= end
    return (inside[0], inside[-1]) if covered else (0, 0)


def labels(encoded: Sequence[EncodedExample], length: int) -> Batch:
    """`labels` <int64>[rows, 2]: first and last token of the answer."""
    return {"labels": torch.tensor([f.label for f in encoded])}


class Head(nn.Module):
    """Logits <float>[rows, 2, length] for start and end; only context tokens and the first token are open."""

    def __init__(self, kind: HeadKind, dimension: int, layers: int) -> None:
        super().__init__()
        self.states = States(kind, dimension, layers)
        self.output = nn.Linear(dimension, 2)
        self.match = nn.Linear(dimension, dimension, bias=False) if kind == "matching" else None
        if self.match is not None:
            nn.init.eye_(self.match.weight)
            self.sharpness = nn.Parameter(torch.full((2,), 5.0))

    def forward(self, hidden_states: tuple[Tensor, ...], batch: Batch) -> Tensor:
        states = self.states(hidden_states)
        logits = self.output(states)
        segments = batch["segments"]
        if self.match is not None:
            question = pool(states, segments == 1, "mean")
            cosine = F.cosine_similarity(self.match(states), self.match(question)[:, None], dim=-1)
            logits = logits + self.sharpness * cosine[..., None]
        is_open = segments == SECOND
        is_open[:, 0] = True
        masked: Tensor = logits.masked_fill(~is_open[..., None], -1e4).transpose(1, 2)
        return masked

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten())


def head(kind: HeadKind, dimension: int, layers: int, task: Task) -> Head:
    """A head with a start and an end."""
    return Head(kind, dimension, layers)


def predict(model: Any, examples: Sequence[Example], options: EncodingOptions) -> dict[str, str]:
    """The text of the best span over all windows, by question id; empty where "no answer" may be and scores higher.

    Windows are encoded twice, a few examples at a time for their lengths, and again for the batch that they are in: the
    windows of a whole language would take a megabyte a question.
    """
    windows: list[tuple[int, int, int]] = []  # of each its example, its number there, its length
    for start in range(0, len(examples), ENCODED_EXAMPLES):
        for owner, group in enumerate(_windows(examples[start : start + ENCODED_EXAMPLES], options), start):
            windows += [(owner, number, len(window.ids)) for number, window in enumerate(group)]
    spans: dict[int, list[tuple[float, float, int, int]]] = {}
    for indices in batches_by_length([length for _, _, length in windows]):
        members = sorted({windows[index][0] for index in indices})
        encoded = dict(zip(members, _windows([examples[member] for member in members], options), strict=True))
        batch = [encoded[windows[index][0]][windows[index][1]] for index in indices]
        for index, window, logits in zip(indices, batch, model.logits([row_of(w) for w in batch]), strict=True):
            spans.setdefault(windows[index][0], []).append(_best(logits, window))
    predictions = {}
    for number, example in enumerate(examples):
        score, _, start, end = max(spans[number])
        is_none = options.task.has_unanswerable and min(none for _, none, _, _ in spans[number]) > score
        predictions[example["id"]] = "" if is_none else example["context"][start:end].strip()
    return predictions


def _best(logits: Tensor, window: Any) -> tuple[float, float, int, int]:
    """(score, score of "no answer", first character, character after the last) of a window's best span."""
    length = len(window.ids)
    scores = logits[0, :length, None] + logits[1, None, :length]
    context = torch.tensor([part == 1 for part in window.sequence_ids])
    allowed = torch.ones(length, length).triu().tril(ANSWER_TOKENS - 1).bool() & context[:, None] & context[None]
    best = int(scores.masked_fill(~allowed, -torch.inf).argmax())
    first, last = divmod(best, length)
    none = float(logits[0, 0] + logits[1, 0])
    return float(scores[first, last]), none, window.offsets[first][0], window.offsets[last][1]
