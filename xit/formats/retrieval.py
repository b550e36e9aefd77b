"""Retrieval: aligned sentences, answers, entities. Vectors, cosine, exact search over the whole pool.

Training pairs a query with its right candidate against the other candidates of the batch (in-batch negatives, one
direction, learned scale; google-research/xtreme:third_party/run_retrieval.py). Without training, the encoder's own
states are pooled at a layer that is a parameter (XTREME: hidden state 8 of 12, 14 of 24).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xit import metrics
from xit.examples import Example
from xit.formats import Batch, Features, Reading, text_rows
from xit.formats._heads import HeadKind, States, pool
from xit.settings import RetrievalSettings
from xit.tasks import Task

Rankings = dict[str, list[str]]
"""The ids of the nearest candidates of each query, nearest first, by query id."""

Pairs = list[tuple[str, str]]
"""Ids of a query and its candidate, where not every query has one (`Task.is_mined`)."""

RANKED = 20  # XTREME-R scores the first 20 (LAReQA, Mewsli-X)


def _split(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    return [e for e in examples if e["role"] == "query"], [e for e in examples if e["role"] == "candidate"]


def features(examples: Sequence[Example], reading: Reading) -> list[Features]:
    """Two rows a query, itself and its first right candidate; the label is the candidate's number."""
    queries, candidates = _split(examples)
    number = {e["id"]: index for index, e in enumerate(candidates)}
    golds = [next(number[name] for name in e["gold"] if name in number) for e in queries]
    query_rows = text_rows(reading, [e["text"] for e in queries], "longest_first")
    candidate_rows = text_rows(reading, [e["text"] for e in candidates], "longest_first")
    return [
        Features(e["id"], (row, candidate_rows[gold]), gold)
        for e, row, gold in zip(queries, query_rows, golds, strict=True)
    ]


def labels(features: Sequence[Features], length: int) -> Batch:
    """`labels` <int64>[examples]: the candidate's number, so that equal candidates are no negatives of each other."""
    return {"labels": torch.tensor([f.label for f in features])}


class Head(nn.Module):
    """Unit vectors <float>[rows, hidden]."""

    def __init__(self, kind: HeadKind, dimension: int, layers: int) -> None:
        super().__init__()
        self.states = States(kind, dimension, layers)
        self.projection = nn.Linear(dimension, dimension, bias=False)
        nn.init.eye_(self.projection.weight)
        self.log_scale = nn.Parameter(torch.tensor(math.log(20.0)))

    def forward(self, hidden_states: tuple[Tensor, ...], batch: Batch) -> Tensor:
        vectors = pool(self.states(hidden_states), batch["summary"], "mean")
        return F.normalize(self.projection(vectors), dim=-1)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        queries, candidates = logits[0::2], logits[1::2]
        similarity = self.log_scale.exp() * queries @ candidates.T  # [examples, examples]
        same = batch["labels"][:, None] == batch["labels"][None]
        same.fill_diagonal_(False)
        targets = torch.arange(len(queries), device=logits.device)
        return F.cross_entropy(similarity.masked_fill(same, -1e4), targets)


def head(kind: HeadKind, dimension: int, layers: int, task: Task) -> Head:
    """A projection that starts as the identity."""
    return Head(kind, dimension, layers)


def predict(model: Any, examples: Sequence[Example], reading: Reading) -> Rankings:
    """The ids of the 20 nearest candidates of each query, nearest first, by query id.

    Queries are ranked against the candidates of their own language, or of all (`Task.pool`).
    """
    vectors = torch.stack(model.logits(text_rows(reading, [e["text"] for e in examples], "longest_first")))
    return rank(_unit(vectors, examples, reading), examples, reading.task)


def bare(encoder: Any, examples: Sequence[Example], reading: Reading, settings: RetrievalSettings) -> Rankings:
    """As `predict`, with the states of an encoder that was not trained on the task (`xit.models.EncoderModel`)."""
    vectors = torch.stack(encoder.vectors(text_rows(reading, [e["text"] for e in examples], "longest_first"), settings))
    return rank(_unit(vectors, examples, reading), examples, reading.task)


def _unit(vectors: Tensor, examples: Sequence[Example], reading: Reading) -> Tensor:
    """Vectors of length one, so that the dot product is the cosine; first centred by language and role, if asked."""
    if reading.is_centered:
        vectors = vectors.clone()
        groups = [(e["language"], e["role"]) for e in examples]
        for group in set(groups):
            members = torch.tensor([g == group for g in groups])
            vectors[members] -= vectors[members].mean(0)
    return F.normalize(vectors, dim=-1)


def rank(vectors: Tensor, examples: Sequence[Example], task: Task) -> Rankings:
    """The nearest candidates of each query by dot product, exactly; of equals the one that comes first."""
    ranked = {}
    pools = [""] if task.pool == "all" else sorted({e["language"] for e in examples})
    for language in pools:
        members = [i for i, e in enumerate(examples) if language in ("", e["language"])]
        queries = [i for i in members if examples[i]["role"] == "query"]
        candidates = [i for i in members if examples[i]["role"] == "candidate"]
        similarity = vectors[queries] @ vectors[candidates].T
        best = similarity.sort(dim=1, descending=True, stable=True).indices[:, :RANKED].tolist()
        for query, row in zip(queries, best, strict=True):
            ranked[examples[query]["id"]] = [examples[candidates[column]]["id"] for column in row]
    return ranked


def aligned(predictions: Rankings, examples: Sequence[Example]) -> list[int]:
    """The row of the nearest candidate of each query, both in the order of the examples, as Tatoeba is submitted."""
    queries, candidates = _split(examples)
    row = {e["id"]: index for index, e in enumerate(candidates)}
    return [row[predictions[e["id"]][0]] for e in queries]


def score(predictions: Rankings | Pairs, examples: Sequence[Example], task: Task, language: str) -> dict[str, float]:
    """The task's metric: F1 of pairs, accuracy of the first, reciprocal rank, average precision over the first 20."""
    if isinstance(predictions, list):
        pairs = [(e["id"], name) for e in examples if e["role"] == "query" for name in e["gold"]]
        return metrics.overlap(predictions, pairs)._asdict()
    gold = {e["id"]: list(e["gold"]) for e in examples if e["role"] == "query"}
    measures: dict[str, Callable[[Rankings, Rankings], float]] = {
        "accuracy": metrics.retrieval_accuracy,
        "mrr_at_20": metrics.reciprocal_rank,
        "map_at_20": metrics.average_precision,
    }
    return {task.metric: measures[task.metric](predictions, gold)}


def count(examples: Sequence[Example]) -> int:
    """Every query."""
    return sum(e["role"] == "query" for e in examples)
