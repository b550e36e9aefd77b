"""Fewer examples than are published: the first that test, a sample that trains, a pool of fewer candidates."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

Row = Mapping[str, Any]
R = TypeVar("R", bound=Row)
SEED = 0
"""Samples are drawn from this seed, the same in every experiment."""


def first(rows: Sequence[R], most: int) -> list[R]:
    """The first examples, all where `most` is 0; of retrieval the first queries, and every candidate, so that the task
    stays as hard."""
    if not _has_candidates(rows):
        return list(rows[:most] if most else rows)
    kept = {row["id"] for row in [row for row in rows if row["role"] == "query"][: most or None]}
    return [row for row in rows if row["role"] == "candidate" or row["id"] in kept]


def sample(rows: Sequence[R], most: int) -> list[R]:
    """So many examples in their order, all where `most` is 0 or none are left out; of retrieval queries, and with each
    its first right candidate, for training pairs these.

    Examples:
        >>> len(sample([{"id": str(n)} for n in range(9)], 3)), len(sample([{"id": "0"}], 3))
        (3, 1)
    """
    has_candidates = _has_candidates(rows)
    places = [i for i, row in enumerate(rows) if not has_candidates or row["role"] == "query"]
    if not most or len(places) <= most:
        return list(rows)
    kept = {places[i] for i in np.random.default_rng(SEED).permutation(len(places))[:most].tolist()}
    if has_candidates:
        there = {row["id"] for row in rows if row["role"] == "candidate"}
        right = {next(name for name in rows[i]["gold"] if name in there) for i in kept}
        kept |= {i for i, row in enumerate(rows) if row["role"] == "candidate" and row["id"] in right}
    return [rows[i] for i in sorted(kept)]


def fewer_candidates(by_language: Mapping[str, Sequence[R]], most: int) -> dict[str, list[R]]:
    """Of a pool the candidates that some query asks for, in whatever language, and so many others; all where `most` is
    0."""
    rows = [row for found in by_language.values() for row in found]
    right = {name for row in rows for name in row.get("gold", ())}
    others = [row["id"] for row in rows if row.get("role") == "candidate" and row["id"] not in right]
    if not most or len(others) <= most:
        return {language: list(found) for language, found in by_language.items()}
    chosen = right | {others[i] for i in np.random.default_rng(SEED).permutation(len(others))[:most].tolist()}
    return {
        language: [row for row in found if row["role"] == "query" or row["id"] in chosen]
        for language, found in by_language.items()
    }


def _has_candidates(rows: Sequence[Row]) -> bool:
    return any(row.get("role") == "candidate" for row in rows)
