"""Retrieval: aligned sentences, answers, entities. Vectors, cosine, exact search over the whole pool.

Training pairs a query with its right candidate against the other candidates of the batch (in-batch negatives, one
direction, learned scale; google-research/xtreme:third_party/run_retrieval.py). Without training, the encoder's own
states are pooled at a layer that is a parameter (XTREME: hidden state 8 of 12, 14 of 24), as they are, and beside that
less the mean of their language.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xit.core import registry
from xit.core.examples import Example, asked
from xit.core.settings import RetrievalSettings
from xit.core.task import Task
from xit.heads import Batch, EncodedExample, EncodingOptions, Row, text_rows
from xit.heads._layers import HeadKind, States, pool
from xit.heads._mining import Margins, first_occurrences, mine, threshold
from xit.heads._search import nearest
from xit.heads._vectors import LARGE, NormalizedVectors, Vectors, encoded, fingerprint, means_of

Rankings = dict[str, list[str]]
"""The ids of the nearest candidates of each query, nearest first, by query id."""

Pairs = list[tuple[str, str]]
"""Ids of a query and its candidate, where not every query has one (`Task.is_mined`)."""

RELEASED = None
RANKED = 20  # XTREME-R scores the first 20 (LAReQA, Mewsli-X)


def _split(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    return asked(examples), [e for e in examples if e["role"] == "candidate"]


def encode(examples: Sequence[Example], options: EncodingOptions) -> list[EncodedExample]:
    """Two rows a query, itself and its first right candidate; the label is the candidate's number."""
    queries, candidates = _split(examples)
    number = {e["id"]: index for index, e in enumerate(candidates)}
    golds = [next(number[name] for name in e["gold"] if name in number) for e in queries]
    query_rows = text_rows(options, [e["text"] for e in queries], "longest_first")
    candidate_rows = text_rows(options, [e["text"] for e in candidates], "longest_first")
    return [
        EncodedExample(e["id"], (row, candidate_rows[gold]), gold)
        for e, row, gold in zip(queries, query_rows, golds, strict=True)
    ]


def labels(encoded: Sequence[EncodedExample], length: int) -> Batch:
    """`labels` <int64>[examples]: the candidate's number, so that equal candidates are no negatives of each other."""
    return {"labels": torch.tensor([f.label for f in encoded])}


class Head(nn.Module):
    """Vectors of length one, <float>[rows, hidden]."""

    def __init__(self, kind: HeadKind, dimension: int, layers: int) -> None:
        super().__init__()
        self.states = States(kind, dimension, layers)
        self.projection = nn.Linear(dimension, dimension, bias=False)
        nn.init.eye_(self.projection.weight)
        self.log_scale = nn.Parameter(torch.tensor(math.log(20.0)))

    def forward(self, hidden_states: tuple[Tensor, ...], batch: Batch) -> Tensor:
        vectors = pool(self.states(hidden_states), batch["pooling_mask"], "mean")
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


def predict(model: Any, examples: Sequence[Example], options: EncodingOptions) -> Rankings:
    """The ids of the 20 nearest candidates of each query, nearest first, by query id.

    Queries are ranked against the candidates of their own language, or of all (`Task.pool`).
    """
    return _ranked(NormalizedVectors(_vectors(model, model.logits, examples, options)), examples, options)


@dataclasses.dataclass(frozen=True)
class BarePool:
    """Sentences of a pool as an encoder that was not trained on the task sees them.

    Attributes:
        examples: Those that are asked about.
        validation: Of the same languages: means are theirs where vectors are centred, and so is the margin from which a
            mined pair counts. There may be none.
        vectors: Those of the examples by layer, <float>[examples, hidden].
        known: Those of the validation examples.
    """

    examples: Sequence[Example]
    validation: Sequence[Example]
    vectors: Mapping[int, Vectors]
    known: Mapping[int, Vectors]


def bare_pool(
    encoder: Any,
    examples: Sequence[Example],
    validation: Sequence[Example],
    options: EncodingOptions,
    settings: RetrievalSettings,
) -> BarePool:
    """The vectors of a bare encoder (`xit.modeling.task_model.EncoderModel`) in every layer; of a pool so large that
    they are kept in a file, in the layer of the settings alone."""
    is_large = max(len(examples), len(validation)) > LARGE
    layers = [encoder.layer(settings)] if is_large else encoder.layers
    folder = None if options.working is None else options.working / "validation"
    apart = dataclasses.replace(options, working=folder)
    known = _bare_vectors(encoder, validation, apart, settings, layers) if validation else {}
    return BarePool(examples, validation, _bare_vectors(encoder, examples, options, settings, layers), known)


def bare_answers(pool: BarePool, layer: int, is_centered: bool, options: EncodingOptions) -> Rankings | Pairs | None:
    """What a layer answers: the nearest candidates as of `predict`, or mined pairs; None where it cannot be centred.

    Centred, the mean vector of a language and role is taken away: that of the validation examples, never that of the
    pool which is searched.

    Mined are the pairs of a query and a candidate, of one language, whose margin is best on the validation examples.
    Sentences are compared without white space around them; one that occurs twice takes part once, and is in no pair
    (google-research/xtreme: third_party/utils_retrieve.py). `xit.heads._mining` has the rest of the rules.
    """
    groups, known_groups = ([(e["language"], e["role"]) for e in rows] for rows in (pool.examples, pool.validation))
    means = None
    if is_centered:
        if not set(groups) <= set(known_groups):
            return None
        means = means_of(pool.known[layer], known_groups)
    vectors = NormalizedVectors(pool.vectors[layer], groups, means)
    if not options.task.is_mined:
        return _ranked(vectors, pool.examples, options)
    known = _margins(NormalizedVectors(pool.known[layer], known_groups, means), pool.validation)
    gold = {(e["id"], name) for e in pool.validation if e["role"] == "query" for name in e["gold"]}
    least = threshold(known, gold)
    report = options.report if len(pool.examples) > LARGE else lambda what, done, total: None
    return [pair for pair, margin in _margins(vectors, pool.examples, report).items() if margin >= least]


def _margins(
    vectors: NormalizedVectors,
    examples: Sequence[Example],
    report: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Margins:
    """All pairs that mining finds, the best first, with their margins."""
    rows, again = {}, {}
    for role in ("query", "candidate"):
        members = np.array([i for i, e in enumerate(examples) if e["role"] == role])
        first, repeated = first_occurrences([examples[i]["text"].strip() for i in members])
        rows[role], again[role] = members[first], set(members[repeated].tolist())
    pairs, margins = mine(vectors[rows["query"]], vectors[rows["candidate"]], report)
    found = zip(
        rows["query"][pairs[:, 0]].tolist(), rows["candidate"][pairs[:, 1]].tolist(), margins.tolist(), strict=True
    )
    return {
        (examples[query]["id"], examples[candidate]["id"]): margin
        for query, candidate, margin in found
        if query not in again["query"] and candidate not in again["candidate"]
    }


def _bare_vectors(
    encoder: Any,
    examples: Sequence[Example],
    options: EncodingOptions,
    settings: RetrievalSettings,
    layers: Sequence[int],
) -> dict[int, Vectors]:
    own = getattr(encoder, "own_pooling", "")
    choices = {"layers": list(layers), "pooling": settings.pooling} | ({"own": own} if own else {})

    def encode(rows: list[Row]) -> list[Tensor]:
        return [vectors.flatten() for vectors in encoder.vectors(rows, settings, layers)]

    found = _vectors(encoder, encode, examples, options, choices)
    return dict(zip(layers, np.split(found, len(layers), axis=1), strict=True))


def _vectors(
    model: Any,
    encode: Callable[[list[Row]], list[Tensor]],
    examples: Sequence[Example],
    options: EncodingOptions,
    choices: Mapping[str, Any] | None = None,
) -> Vectors:
    """The vectors of examples, <float>[examples, hidden]; of a large pool in a file."""
    texts = [e["text"] for e in examples]
    is_large = len(texts) > LARGE
    place, made_of = None, None
    if is_large and options.working is not None:
        place = options.working / ("all" if options.task.pool == "all" else examples[0]["language"])
        modules = {type(module).__module__ for module in model.modules()}
        made_of = {
            "checkpoint": fingerprint(model, options.tokenizer.to_str()),
            "texts": fingerprint(nn.Module(), *texts),
            "code": registry.fingerprint({__name__, type(model).__module__, *modules}),
            "choices": {"max_length_tokens": options.max_length_tokens, **(choices or {})},
        }
    return encoded(
        lambda start, stop: torch.stack(encode(text_rows(options, texts[start:stop], "longest_first"))),
        len(texts),
        place,
        made_of,
        lambda done, total: options.report("encode", done, total) if is_large else None,
    )


def _ranked(vectors: NormalizedVectors, examples: Sequence[Example], options: EncodingOptions) -> Rankings:
    is_large = len(examples) > LARGE
    return rank(
        vectors,
        examples,
        options.task,
        lambda done, total: options.report("search", done, total) if is_large else None,
    )


class Rows(Protocol):
    """Vectors that are read by their rows: a tensor, an array, a memory map, or `NormalizedVectors`."""

    def __getitem__(self, rows: Any, /) -> Any:
        """<float>[rows, hidden]."""


def rank(
    vectors: Rows,
    examples: Sequence[Example],
    task: Task,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Rankings:
    """The nearest candidates of each query by dot product, exactly; of equals the one that comes first."""
    ranked = {}
    pools = [""] if task.pool == "all" else sorted({e["language"] for e in examples})
    for language in pools:
        members = [i for i, e in enumerate(examples) if language in ("", e["language"])]
        queries = np.array([i for i in members if examples[i]["role"] == "query"], dtype=np.int64)
        candidates = np.array([i for i in members if examples[i]["role"] == "candidate"], dtype=np.int64)
        _, best = nearest(
            torch.as_tensor(vectors[queries]),
            lambda start, stop, rows=candidates: vectors[rows[start:stop]],  # type: ignore[misc]
            len(candidates),
            RANKED,
            report,
        )
        for query, row in zip(queries.tolist(), best.tolist(), strict=True):
            ranked[examples[query]["id"]] = [examples[candidates[column]]["id"] for column in row]
    return ranked
