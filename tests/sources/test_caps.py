"""Fewer examples than are published: which are kept, and that a task keeps what its examples ask for."""

import doctest
from typing import Any

import pytest

from xit.sources import caps
from xit.sources.caps import fewer_candidates, first, sample

PLAIN = [{"id": f"e{n}"} for n in range(20)]


def retrieval(queries: int, candidates: int) -> list[dict[str, Any]]:
    asked = [{"id": f"q{n}", "role": "query", "gold": [f"elsewhere{n}", f"c{2 * n}"]} for n in range(queries)]
    return [*({"id": f"c{n}", "role": "candidate", "gold": []} for n in range(candidates)), *asked]


def test_examples_of_the_module() -> None:
    assert doctest.testmod(caps) == (0, 1)


def test_of_test_the_first_are_kept_and_every_candidate() -> None:
    assert first(PLAIN, 3) == PLAIN[:3]
    assert first(PLAIN, 0) == PLAIN
    kept = first(retrieval(5, 12), 2)
    assert [row["id"] for row in kept if row["role"] == "query"] == ["q0", "q1"]
    assert sum(row["role"] == "candidate" for row in kept) == 12


def test_a_sample_is_from_all_over_the_file_in_its_order_and_the_same_again() -> None:
    kept = [int(row["id"][1:]) for row in sample(PLAIN, 8)]

    assert kept == sorted(kept)
    assert kept != list(range(8))
    assert sample(PLAIN, 8) == sample(list(PLAIN), 8)
    assert len(kept) == 8
    assert set(map(str, sample(PLAIN, 4))) <= set(map(str, sample(PLAIN, 8)))


@pytest.mark.parametrize("most", [0, 20, 30])
def test_a_sample_of_all_is_the_file_as_it_is(most: int) -> None:
    assert sample(PLAIN, most) == PLAIN
    assert sample(retrieval(5, 12), most) == retrieval(5, 12)


def test_a_sample_of_retrieval_has_of_each_query_the_candidate_that_training_pairs_it_with() -> None:
    kept = sample(retrieval(6, 12), 3)

    queries = [row for row in kept if row["role"] == "query"]
    assert len(queries) == 3
    assert {row["id"] for row in kept} - {row["id"] for row in queries} == {row["gold"][1] for row in queries}


def test_a_smaller_pool_keeps_what_any_language_asks_for() -> None:
    pool = {"en": retrieval(0, 40), "de": retrieval(3, 0), "tr": retrieval(5, 0)}

    kept = fewer_candidates(pool, 10)

    found = {row["id"] for row in kept["en"]}
    assert len(found) == 5 + 10
    assert {"c0", "c2", "c4", "c6", "c8"} <= found
    assert (kept["de"], kept["tr"]) == (pool["de"], pool["tr"])
    assert fewer_candidates(pool, 0) == fewer_candidates(pool, 35) == pool
