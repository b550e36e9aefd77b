"""Subsets of seeds say what all seeds say, or the counts tell."""

import dataclasses

from fabricated import ANALYSIS, scores, study_of

from xit.core.scores import Score
from xit.statistics.stability import Stability, stability


def turned(rows: list[Score], seeds: tuple[int, ...], by: float) -> list[Score]:
    """The scores, with another gain of the lstm in these seeds."""
    return [
        dataclasses.replace(row, value=row.value + by)
        if row.encoder == "lstm" and row.condition == "mnli" and row.seed in seeds
        else row
        for row in rows
    ]


def test_an_effect_that_every_seed_shows_is_found_by_every_subset() -> None:
    found = stability(study_of(scores({"mnli": 3.0}, seeds=5)))

    assert found[("lstm",)] == Stability(subsets=10, opposite=0, lost=0, gained=0)
    assert list(found) == [("transformer",), ("lstm",), ("transformer", "lstm")]


def test_subsets_that_say_the_opposite_are_counted() -> None:
    rows = turned(scores({"mnli": 3.0}, seeds=10, noise=0.1), (1, 2, 3), by=-3.5)

    one = stability(study_of(rows))[("lstm",)]

    assert one.subsets == 120
    assert one.opposite == 1  # seeds 1, 2 and 3 find -0.5, all seeds find +1.95
    assert one.lost == 120 - 36  # all but that one, and those of the other seven seeds alone
    assert one.gained == 0


def test_a_word_where_all_seeds_have_none_is_gained_and_not_opposite() -> None:
    rows = turned(scores({"mnli": 1.0}, seeds=6, noise=0.1), (1, 2, 3), by=-1.5)

    one = stability(study_of(rows))[("lstm",)]

    assert (one.subsets, one.opposite, one.lost) == (20, 0, 0)
    assert one.gained == 2  # seeds 1, 2 and 3 find -0.5, seeds 4, 5 and 6 find +1


def test_a_subset_may_lose_what_all_seeds_find() -> None:
    rows = turned(scores({"mnli": 4.0}, seeds=10, noise=0.1), (1,), by=-4.0)

    one = stability(study_of(rows))[("lstm",)]

    assert (one.opposite, one.gained) == (0, 0)
    assert one.lost == 36  # of 120: those with seed 1


def test_words_of_subsets_do_not_wait_for_the_declared_number_of_seeds() -> None:
    rows = scores({"mnli": 3.0}, seeds=5)

    assert stability(study_of(rows, dataclasses.replace(ANALYSIS, fewest_seeds=5))) == stability(study_of(rows))


def test_three_seeds_have_no_subset() -> None:
    assert stability(study_of(scores(seeds=3))) == {}
