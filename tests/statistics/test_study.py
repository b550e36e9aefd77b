"""Gains, intervals and corrections, against numbers worked out by hand and against simulated experiments."""

import dataclasses

import numpy as np
import pytest
from fabricated import scores, study_of

from xit.core.errors import DataError
from xit.core.scores import Score
from xit.statistics.gains import Estimate, difference, estimate, gain, holm, main_gains
from xit.statistics.paired import example_gain
from xit.statistics.power import VarianceComponents, minimum_detectable_gain, variance_components
from xit.statistics.study import seed_std, transfer_gap, weights

ONE = np.ones(1)


def by_hand(
    values: dict[tuple[str, str, str, int], float], encoder: str = "lstm", metric: str = "accuracy"
) -> list[Score]:
    """Scores from (condition, target, language, seed)."""
    return [
        Score(encoder, condition, target, language, "test", "micro", metric, seed, value, 10)
        for (condition, target, language, seed), value in values.items()
    ]


def xnli(none: list[list[float]], mnli: list[list[float]], languages: tuple[str, ...]) -> list[Score]:
    """Scores of one target; rows are seeds, columns languages."""
    return by_hand(
        {
            (condition, "xnli", language, seed): value
            for condition, rows in (("none", none), ("mnli", mnli))
            for seed, row in enumerate(rows)
            for language, value in zip(languages, row, strict=True)
        }
    )


def test_a_gain_is_the_mean_over_seeds_and_languages_but_english() -> None:
    of = study_of(xnli([[90, 50, 40], [90, 52, 44]], [[99, 53, 41], [99, 53, 41]], ("en", "de", "es")))

    one = gain(of, "lstm", ["mnli"])

    assert one is not None
    assert one.value == pytest.approx(0.5)  # de: 3 and 1; es: 1 and -3
    assert (one.improved, one.languages, one.seeds) == (1, 2, 2)


def test_every_target_weighs_the_same_however_many_languages_it_has() -> None:
    cells = {("none", "xnli", name, 1): 50.0 for name in ("de", "es", "ru")} | {("none", "xcopa", "tr", 1): 50.0}
    better = {("mnli", "xnli", name, 1): 51.0 for name in ("de", "es", "ru")} | {("mnli", "xcopa", "tr", 1): 59.0}

    one = gain(study_of(by_hand(cells | better)), "lstm", ["mnli"])

    assert one is not None
    assert one.value == pytest.approx(5.0)  # (1 + 9) / 2


def test_what_a_seed_does_to_both_conditions_cancels() -> None:
    of = study_of(xnli([[10, 20], [80, 90]], [[12, 22], [82, 92]], ("de", "es")))

    one = gain(of, "lstm", ["mnli"])

    assert one is not None
    assert one.value == one.low == one.high == pytest.approx(2.0)


def test_a_seed_without_the_baseline_is_left_out() -> None:
    rows = xnli([[50, 50]], [[51, 51], [90, 90]], ("de", "es"))

    one = gain(study_of(rows), "lstm", ["mnli"])

    assert one is not None
    assert (one.value, one.seeds) == (1.0, 1)


def test_one_seed_gives_no_interval() -> None:
    one = gain(study_of(scores(seeds=1)), "lstm", ["mnli"])

    assert one is not None
    assert (one.low, one.high, one.p) == (None, None, None)


def test_one_language_gives_no_interval() -> None:
    one = gain(study_of(scores(languages=("en", "de"))), "lstm", ["mnli"])

    assert one is not None
    assert (one.low, one.high, one.p) == (None, None, None)


def test_seeds_that_disagree_widen_the_interval() -> None:
    def width(gap: float) -> float:
        cube = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])[:, :, np.newaxis]
        cube[0] += gap
        one = estimate(cube, ONE, [cube])
        assert one is not None
        assert one.low is not None
        assert one.high is not None
        return one.high - one.low

    assert width(0) < width(1) < width(4)


def test_two_seeds_of_one_sign_are_not_enough_for_a_significant_difference() -> None:
    cube = np.array([[0.5] * 12, [2.5] * 12])[:, :, np.newaxis]

    one = estimate(cube, ONE, [cube])  # a bootstrap over seeds would give [0.5, 2.5]

    assert one is not None
    assert one.low is not None
    assert one.low < 0


def test_intervals_hold_the_truth_in_about_nineteen_of_twenty_experiments() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(100):
        cubes = [rng.normal(0, 2, (2, 1, 1)) + rng.normal(0, 1, (2, 12, 1)) for _ in range(6)]
        one = estimate(cubes[0], ONE, cubes)
        assert one is not None
        assert one.low is not None
        assert one.high is not None
        held += one.low <= 0 <= one.high

    assert 90 <= held <= 99


@pytest.mark.slow
def test_false_alarms_are_as_rare_as_they_should_be_in_a_cell_and_in_a_table() -> None:
    rng = np.random.default_rng(0)
    cells, tables = 0, 0
    for _ in range(30):
        cubes = [rng.normal(0, 1, (2, 1, 1)) + rng.normal(0, 1, (2, 12, 1)) for _ in range(6)]
        found = [one for cube in cubes if (one := estimate(cube, ONE, cubes)) is not None]
        cells += sum(one.p is not None and one.p < 0.05 for one in found)
        tables += any(one.is_significant for one in holm(dict(enumerate(found))).values() if one)
        assert len(found) == 6

    assert 2 <= cells <= 18  # of 180, in which 9 are expected
    assert tables <= 4  # of 30, in which at most 1.5 are expected


def test_the_interval_and_the_p_value_agree() -> None:
    rng = np.random.default_rng(1)
    for shift in (0.0, 0.5, 1.0, 1.5, 3.0):
        cubes = [shift + rng.normal(0, 1, (2, 8, 1)) for _ in range(4)]
        one = estimate(cubes[0], ONE, cubes)

        assert one is not None
        assert one.low is not None
        assert one.p is not None
        assert (one.low > 0) == (one.p < 0.05), shift


def test_the_same_scores_give_the_same_interval() -> None:
    first, second = (gain(study_of(scores()), "lstm", ["mnli"]) for _ in range(2))

    assert first == second


def test_a_difference_of_encoders_is_the_first_minus_the_second_and_less_sure() -> None:
    rows = [
        dataclasses.replace(row, value=row.value + 4 * (row.encoder == "transformer" and row.condition == "mnli"))
        for row in scores(noise=1.0)
    ]
    of = study_of(rows)

    one, alone = difference(of, "transformer", "lstm", ["mnli"]), gain(of, "lstm", ["mnli"])

    assert one is not None
    assert alone is not None
    assert one.value == pytest.approx(4.0, abs=0.6)
    assert one.low is not None
    assert alone.low is not None
    assert one.value - one.low > alone.value - alone.low


def test_two_independent_variances_add_up() -> None:
    cube = np.array([[1.0] * 3, [2.0] * 3])[:, :, np.newaxis]  # languages agree: only seeds vary

    single, both = (estimate(cube, ONE, [cube, cube], independent) for independent in (1, 2))

    assert single is not None
    assert both is not None
    assert single.low is not None
    assert both.low is not None
    assert both.value - both.low == pytest.approx(2**0.5 * (single.value - single.low))


def test_holm_corrects_for_the_size_of_the_table() -> None:
    estimates = [Estimate(1.0, 0.1, 2.0, p, 3, 3, 2) for p in (0.01, 0.04, 0.03)]

    marks = [one.is_significant for one in holm(dict(enumerate(estimates))).values() if one]

    assert marks == [True, False, False]  # 0.01 < 0.05 / 3, but 0.03 > 0.05 / 2


def test_an_estimate_without_interval_is_never_significant() -> None:
    bare = Estimate(9.0, None, None, None, 3, 3, 1)

    assert holm({"bare": bare, "other": Estimate(1.0, 0.1, 2.0, 0.001, 3, 3, 2)})["bare"] == bare


def test_main_gains_recover_the_effects_that_were_put_in() -> None:
    found = main_gains(study_of(scores({"mnli": 3.0, "squad": -2.0})))

    for encoder in ("transformer", "lstm"):
        for condition, effect in (("mnli", 3.0), ("squad", -2.0), ("untrained", -20.0)):
            one = found[condition, encoder, "mean"]
            assert one is not None
            assert one.value == pytest.approx(effect, abs=0.2)
            assert one.is_significant


def test_weights_of_a_selection_sum_to_one() -> None:
    of = study_of(scores())

    assert weights(of, ["xnli", "tatoeba"]).tolist() == [0.5, 0.0, 0.5]


def test_the_transfer_gap_leaves_out_targets_without_english() -> None:
    rows = xnli([[90, 50, 40]], [[90, 60, 60]], ("en", "de", "es"))
    rows += by_hand({(condition, "tatoeba", "de", 0): 10.0 for condition in ("none", "mnli")})

    of = study_of(rows)

    assert transfer_gap(of, "lstm", "none") == pytest.approx(45.0)
    assert transfer_gap(of, "lstm", "mnli") == pytest.approx(30.0)


def test_the_seed_std_is_the_standard_deviation_over_seeds_of_the_mean_over_languages() -> None:
    of = study_of(xnli([[49, 51], [51, 53]], [[50, 50], [50, 50]], ("de", "es")))

    assert seed_std(of) == pytest.approx(1.0)  # variances 2 and 0
    assert seed_std(study_of(scores(seeds=1))) is None


def test_ids_stand_in_the_order_of_the_grid() -> None:
    of = study_of(scores())

    assert of.encoders == ("transformer", "lstm")
    assert of.conditions == ("none", "untrained", "mnli", "squad")
    assert of.intermediates == ("mnli", "squad")
    assert of.languages[:3] == ("en", "de", "es")


def test_other_metrics_and_splits_are_left_out() -> None:
    rows = xnli([[50, 50]], [[51, 51]], ("de", "es"))
    extra = [dataclasses.replace(row, metric="f1", value=0.0) for row in rows]
    extra += [dataclasses.replace(row, split="validation", value=0.0) for row in rows]

    one = gain(study_of(rows + extra), "lstm", ["mnli"])

    assert one is not None
    assert one.value == 1.0


def test_two_sources_are_refused() -> None:
    rows = scores() + scores(source="files", encoders=("other",))

    with pytest.raises(DataError, match=r"no table mixes sources; found files, micro\."):
        study_of(rows)


def test_two_values_for_one_cell_are_refused() -> None:
    rows = scores()

    with pytest.raises(DataError, match=r"two values for transformer\.none\.xnli\.1\.en"):
        study_of([*rows, rows[0]])


def test_a_run_that_lacks_a_language_is_named() -> None:
    rows = [row for row in scores() if (row.encoder, row.target, row.language, row.seed) != ("lstm", "xnli", "sw", 2)]

    with pytest.raises(DataError, match=r"scores: lstm\.none\.xnli\.2\.sw is missing"):
        study_of(rows)


def test_scores_without_an_intermediate_task_are_refused() -> None:
    with pytest.raises(DataError, match=r"a gain needs none and an intermediate task; found none, untrained\."):
        study_of(scores({}))


# Examples


def test_a_gain_over_examples_is_paired() -> None:
    before = [0.0, 100.0] * 40
    after = [*before[:70], *([100.0] * 10)]  # 5 wrong answers are put right, and nothing else moves

    one = example_gain(before, after)

    assert (one.value, one.better, one.worse) == (pytest.approx(6.25), 5, 0)
    assert 1.0 < one.low < one.value < one.high < 13.0
    assert one.p == pytest.approx(2 / 2**5)


def test_models_that_agree_on_every_example_have_no_gain() -> None:
    one = example_gain([0.0, 50.0, 100.0], [0.0, 50.0, 100.0])

    assert (one.value, one.low, one.high, one.p, one.better, one.worse) == (0.0, 0.0, 0.0, 1.0, 0, 0)


def test_examples_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shorter"):
        example_gain([0.0, 100.0], [0.0])


# Power


def test_the_spread_of_gains_is_pooled_over_seeds_and_over_languages() -> None:
    of = study_of(xnli([[50, 50], [50, 50]], [[51, 55], [53, 57]], ("de", "es")))

    found = variance_components(of)

    assert found is not None
    assert found.seeds == pytest.approx(2**0.5)  # means over languages: 3 and 5
    assert found.languages == pytest.approx(8**0.5)  # means over seeds: 2 and 6
    assert variance_components(study_of(scores(seeds=1))) is None
    assert variance_components(study_of(scores(languages=("en", "de")))) is None


def test_the_minimum_detectable_gain_is_that_of_the_formula() -> None:
    found = minimum_detectable_gain(4, 9, 20, VarianceComponents(2.0, 3.0))

    assert found == pytest.approx((2.0003 + 0.8477) * 2**0.5, abs=1e-3)  # t at 60 degrees of freedom: 0.975 and 0.8
    assert minimum_detectable_gain(1, 9, 20, VarianceComponents(2.0, 3.0)) is None
    assert minimum_detectable_gain(2, 1, 20, VarianceComponents(2.0, 3.0)) is None


def test_a_gain_of_the_minimum_detectable_size_is_detected_in_four_of_five_experiments() -> None:
    rng = np.random.default_rng(0)
    size = minimum_detectable_gain(3, 12, 6, VarianceComponents(1.0, 1.5))
    assert size is not None
    detected = 0
    for _ in range(60):
        languages = rng.normal(0, 1.5, (1, 12, 1))
        cubes = [size + languages + rng.normal(0, 1, (3, 1, 1)) for _ in range(6)]
        one = estimate(cubes[0], ONE, cubes)
        assert one is not None
        assert one.low is not None
        detected += one.low > 0

    assert 39 <= detected <= 56  # 48 are expected; three standard deviations are 9
