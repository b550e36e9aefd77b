"""Mining: which sentences of two sets are translations of each other, by margins between vectors (BUCC 2018).

Artetxe and Schwenk 2019, arXiv 1811.01136, section 3, as google-research/xtreme: third_party/utils_retrieve.py has it:
the cosine of a pair over the mean cosine of both to their 4 nearest neighbours (`ratio`); the best pair of each
sentence, from both sides; then the best pairs first, each sentence once (`max`).

Differs from google-research/xtreme:third_party/evaluate_retrieval.py, which cannot run as released (its threshold has
no value where it is used, an id file is opened by a wrong name): the threshold of the validation pairs is what the test
pairs are cut by, and pairs of equal score are taken together or not at all.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt
import torch

from xit.heads._search import Found, nearest

NEIGHBOURS = 4

Margins = dict[tuple[str, str], float]
"""Pairs of ids, of a query and a candidate, with their margins."""


def mine(
    queries: "npt.NDArray[np.float32]",
    candidates: "npt.NDArray[np.float32]",
    report: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> tuple["npt.NDArray[np.int64]", "npt.NDArray[np.float64]"]:
    """Pairs of rows, <int64>[pairs, 2], and their margins, the highest first; no row is in two of them.

    Of equal margins the first query's pair comes first, then the first candidate's. A pair whose neighbours have a mean
    cosine of zero or less has no ratio, and is left out.

    Args:
        queries: Of length one, <float32>[queries, hidden].
        candidates: Of length one, <float32>[candidates, hidden].
        report: Called with the side that is searched, how much of it is done and how much there is.
    """

    def neighbours(of: "npt.NDArray[np.float32]", among: "npt.NDArray[np.float32]", name: str) -> Found:
        def read(start: int, stop: int) -> "npt.NDArray[np.float32]":
            return among[start:stop]

        return nearest(
            torch.from_numpy(of), read, len(among), NEIGHBOURS, lambda done, total: report(name, done, total)
        )

    forward, to_candidate = neighbours(queries, candidates, "search candidates")
    backward, to_query = neighbours(candidates, queries, "search queries")
    of_query, of_candidate = forward.mean(axis=1), backward.mean(axis=1)
    best_candidate, candidate_margin = _best(forward, to_candidate, of_query, of_candidate)
    best_query, query_margin = _best(backward, to_query, of_candidate, of_query)
    pairs = np.concatenate(
        [
            np.stack([np.arange(len(queries)), best_candidate], axis=1),
            np.stack([best_query, np.arange(len(candidates))], axis=1),
        ]
    )
    margins = np.concatenate([candidate_margin, query_margin])
    kept, seen_queries, seen_candidates = [], set(), set()
    for index in np.argsort(-margins, kind="stable").tolist():
        query, candidate = pairs[index].tolist()
        if margins[index] > 0 and query not in seen_queries and candidate not in seen_candidates:
            kept.append(index)
            seen_queries.add(query)
            seen_candidates.add(candidate)
    return pairs[kept], margins[kept]


def _best(
    similarity: "npt.NDArray[np.float64]",
    neighbours: "npt.NDArray[np.int64]",
    own: "npt.NDArray[np.float64]",
    others: "npt.NDArray[np.float64]",
) -> tuple["npt.NDArray[np.int64]", "npt.NDArray[np.float64]"]:
    """The neighbour of each row with the highest margin, and that margin."""
    mean = (own[:, None] + others[neighbours]) / 2
    margins = np.divide(similarity, mean, out=np.full_like(similarity, -np.inf), where=mean > 0)
    best = margins.argmax(axis=1, keepdims=True)
    return np.take_along_axis(neighbours, best, 1)[:, 0], np.take_along_axis(margins, best, 1)[:, 0]


def threshold(scored: Margins, gold: Collection[tuple[str, str]]) -> float:
    """The margin from which pairs have the best F1 against gold pairs: halfway down to the next lower one.

    Of equally good ones the highest; the lowest margin itself where all pairs are best; 0 where none is right.
    """
    levels = sorted(set(scored.values()), reverse=True)
    taken = dict.fromkeys(levels, 0)
    right = dict(taken)
    for pair, margin in scored.items():
        taken[margin] += 1
        right[margin] += pair in gold
    best, found = 0.0, 0.0
    so_far = hits = 0
    for level, below in zip(levels, [*levels[1:], *levels[-1:]], strict=True):
        so_far, hits = so_far + taken[level], hits + right[level]
        f1 = 2 * hits / (so_far + len(gold))
        if f1 > best:
            best, found = f1, (level + below) / 2
    return found


def first_occurrences(texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """The rows where a text comes for the first time, since equal sentences take part in mining once; and those of them
    that come again, which no pair is made of, since it is unknown which one is meant."""
    row: dict[str, int] = {}
    again = []
    for index, text in enumerate(texts):
        if row.setdefault(text, index) != index:
            again.append(row[text])
    return list(row.values()), again
