"""What an experiment can find, against the formula and against simulated experiments."""

import numpy as np
import pytest
from fabricated import scores, study_of

from xit.statistics.anova import analyse
from xit.statistics.power import (
    Spread,
    assumed_spreads,
    detectable,
    minimum_detectable,
    primary_spreads,
    seeds_needed,
    spread_of,
)


def test_the_minimum_detectable_difference_is_that_of_the_formula() -> None:
    found = minimum_detectable(Spread(2.0, 0.0, 2, 12), 4, 0.95)

    assert found == pytest.approx((2.4469 + 0.9057) * 2 / 4**0.5, abs=1e-3)  # t at 6 degrees of freedom: 0.975 and 0.8
    strict = minimum_detectable(Spread(2.0, 0.0, 2, 12), 4, 0.95, tests=3)
    assert strict == pytest.approx((3.2875 + 0.9057) * 2 / 4**0.5, abs=1e-3)  # 1 - 0.025 / 3
    assert minimum_detectable(Spread(2.0, 1.0, 2, 12), 1, 0.95) is None
    assert minimum_detectable(Spread(2.0, 1.0, 2, 1), 4, 0.95) is None


def test_more_seeds_find_less_until_languages_are_what_varies() -> None:
    spread = Spread(2.0, 3.0, 2, 12)
    by_seeds = [minimum_detectable(spread, seeds, 0.95) or 0 for seeds in (2, 3, 10, 10_000)]

    assert by_seeds == sorted(by_seeds, reverse=True)
    assert by_seeds[-1] == pytest.approx((2.201 + 0.876) * 3 / 12**0.5, abs=0.01)  # 11 degrees of freedom
    assert seeds_needed(spread, 2.0, 0.95) is None


def test_the_seeds_that_a_margin_needs_are_the_fewest_that_find_it() -> None:
    spread = Spread(1.2, 0.5, 2, 12)

    needed = seeds_needed(spread, 2.0, 0.95, tests=3)

    assert needed is not None
    assert (
        (minimum_detectable(spread, needed, 0.95, 3) or 9)
        <= 2.0
        < (minimum_detectable(spread, needed - 1, 0.95, 3) or 9)
    )
    assert needed > (seeds_needed(spread, 2.0, 0.95) or 0)


def test_a_run_shows_how_its_contrasts_scatter() -> None:
    rows = np.array([[1.0, 3, 8], [3, 7, 8]])[:, :, np.newaxis]  # as in test_anova.py
    one = analyse([rows], np.ones(1))
    assert one is not None

    found = spread_of(one)

    assert found is not None
    assert (found.seeds, found.groups, found.count) == (pytest.approx(2**0.5), 1, 3)
    assert found.languages == pytest.approx((3 * (3 - 1 / 3)) ** 0.5)
    assert primary_spreads(study_of(scores(seeds=1)))[("lstm",)] is None


def test_every_contrast_of_the_family_has_its_own() -> None:
    of = study_of(scores(noise=3.0))

    found = detectable(of)

    assert list(found) == [("transformer",), ("lstm",), ("transformer", "lstm")]
    for one in found.values():
        assert one is not None
        assert 0 < one[0] < one[1]
    assert detectable(study_of(scores(seeds=1)))[("lstm",)] is None


def test_a_difference_is_assumed_to_scatter_as_two_gains() -> None:
    found = assumed_spreads(("transformer", "lstm"), 1.5, 2.0, 12)

    assert found[("lstm",)] == Spread(1.5, 2.0, 1, 12)
    assert found["transformer", "lstm"] == Spread(pytest.approx(1.5 * 2**0.5), pytest.approx(2 * 2**0.5), 2, 12)


@pytest.mark.parametrize("seeds", [3, 10])
def test_a_difference_of_the_minimum_detectable_size_is_found_in_four_of_five_experiments(seeds: int) -> None:
    rng = np.random.default_rng(0)
    size = minimum_detectable(Spread(2.0**0.5, 1.5, 2, 12), seeds, 0.95)
    assert size is not None
    detected = 0
    for _ in range(300):
        languages = rng.normal(0, 1.5, (1, 12, 1))
        first = size + languages + rng.normal(0, 1, (seeds, 1, 1))
        one = analyse([np.asarray(first), np.broadcast_to(rng.normal(0, 1, (seeds, 1, 1)), (seeds, 12, 1))], np.ones(1))
        assert one is not None
        detected += (one.p() or 1) < 0.05

    assert 215 <= detected <= 262  # 240 are expected; three standard deviations are 21
