"""Gains, families and corrections, against numbers worked out by hand (intervals: test_anova.py)."""

import dataclasses
import itertools

import numpy as np
import pytest
from fabricated import ANALYSIS, scores, study_of

from xit.core.errors import DataError
from xit.core.scores import Score
from xit.core.settings import AnalysisSettings
from xit.statistics.gains import (
    Estimate,
    difference_analysis,
    encoder_differences,
    gain,
    gain_analysis,
    holm,
    is_equal,
    language_means,
    main_gains,
    primary_analyses,
    primary_gains,
)
from xit.statistics.paired import example_gain
from xit.statistics.study import Study, seed_std, transfer_gap, weights


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


def test_the_same_scores_give_the_same_interval() -> None:
    first, second = (gain(study_of(scores()), "lstm", ["mnli"]) for _ in range(2))

    assert first == second


def test_a_difference_of_encoders_is_the_first_minus_the_second_and_has_the_errors_of_both() -> None:
    rows = [
        dataclasses.replace(row, value=row.value + 4 * (row.encoder == "transformer" and row.condition == "mnli"))
        for row in scores(noise=1.0)
    ]
    of = study_of(rows)

    both = difference_analysis(of, "transformer", "lstm", ["mnli"])
    alone = [gain_analysis(of, encoder, ["mnli"]) for encoder in ("transformer", "lstm")]

    assert both is not None
    assert both.value == pytest.approx(4.0, abs=0.6)
    assert both.seeds.variance == pytest.approx(sum(one.seeds.variance for one in alone if one))


def test_holm_corrects_for_the_size_of_the_family() -> None:
    estimates = [Estimate(1.0, 0.1, 2.0, p, 3, 3, 3) for p in (0.01, 0.04, 0.03)]

    marks = [one.is_significant for one in holm(study_of(scores()), dict(enumerate(estimates))).values() if one]

    assert marks == [True, False, False]  # 0.01 < 0.05 / 3, but 0.03 > 0.05 / 2


def test_the_correction_is_the_closed_test_of_all_subsets() -> None:
    """Holm 1979: one is significant where each subset that holds it has a p below 0.05 over the subset's size."""
    rng, of = np.random.default_rng(0), study_of(scores())
    subsets = [subset for size in range(1, 7) for subset in itertools.combinations(range(6), size)]
    found = set()
    for _ in range(50):
        p = rng.uniform(0, 0.05, 6)
        family = {i: Estimate(1.0, 0.1, 2.0, float(one), 3, 3, 3) for i, one in enumerate(p)}
        marks = [one.is_significant for one in holm(of, family).values() if one]
        rejected = {subset: min(p[list(subset)]) <= 0.05 / len(subset) for subset in subsets}
        assert marks == [all(rejected[subset] for subset in subsets if i in subset) for i in range(6)]
        found.add(sum(marks))
    assert found >= {0, 1, 2, 3}


def test_an_estimate_without_interval_is_never_tested() -> None:
    bare = Estimate(9.0, None, None, None, 3, 3, 1)
    family = {"bare": bare, "other": Estimate(1.0, 0.1, 2.0, 0.001, 3, 3, 3)}

    assert holm(study_of(scores()), family)["bare"] == bare


def test_with_fewer_seeds_than_declared_nothing_is_tested() -> None:
    of = study_of(scores(), dataclasses.replace(ANALYSIS, fewest_seeds=4))

    families = (primary_gains(of), main_gains(of), encoder_differences(of))
    found = [one for family in families for one in family.values() if one]

    assert {one.is_significant for one in found} == {None}
    assert all(one.low is not None for one in found)
    assert not of.has_verdicts


def test_the_primary_family_is_each_gain_and_the_differences_over_the_declared_tasks() -> None:
    rows = scores({"mnli": 3.0, "squad": 1.0, "ccg": 90.0}, encoders=("transformer", "lstm", "gru"))
    of = study_of(rows, dataclasses.replace(ANALYSIS, intermediates=("mnli", "squad")))

    found = primary_gains(of)

    assert list(found) == [("transformer",), ("lstm",), ("gru",), ("transformer", "lstm"), ("transformer", "gru")]
    assert [round(one.value) for one in found.values() if one] == [2, 2, 2, 0, 0]
    assert [one.is_significant for one in found.values() if one] == [True, True, True, False, False]
    assert list(primary_gains(study_of(scores(encoders=("lstm",))))) == [("lstm",)]


def test_equality_needs_both_one_sided_tests() -> None:
    def of(margin: float, noise: float = 0.2, fewest_seeds: int = 3) -> bool:
        analysis = AnalysisSettings((), margin, 0.95, fewest_seeds)
        study = study_of(scores(noise=noise), analysis)
        one = primary_analyses(study)["transformer", "lstm"]
        assert one is not None
        low, high = one.interval(0.9) or (0.0, 0.0)
        assert is_equal(study, one) == (fewest_seeds == 3 and -margin < low and high < margin)
        return is_equal(study, one)

    assert of(1.0)
    assert not of(0.01)
    assert not of(1.0, noise=20.0)
    assert not of(1.0, fewest_seeds=4)


def test_single_targets_are_drawn_towards_their_mean_and_never_tested() -> None:
    targets = ("xnli", "udpos", "panx", "xquad", "tatoeba")
    rows = scores({"mnli": 3.0}, targets=targets, noise=6.0)
    of = study_of(rows)

    found = {target: main_gains(of)["mnli", "lstm", target] for target in (*targets, "mean")}

    means = [one.value for target in targets if (one := found[target])]
    raw = [one.value for target in targets if (one := gain(of, "lstm", ["mnli"], (target,)))]
    assert np.std(means) < 0.8 * np.std(raw)
    assert np.mean(means) == pytest.approx(np.mean(raw))
    assert {found[target].is_significant for target in targets} == {None}  # type: ignore[union-attr]
    assert found["mean"].is_significant is not None  # type: ignore[union-attr]


def test_a_target_that_is_not_learnt_is_shown_and_not_averaged() -> None:
    rows = [
        dataclasses.replace(row, value=row.value + 30 * (row.condition == "mnli" and row.target == "xnli"))
        for row in scores()
    ]

    whole, part = study_of(rows), study_of(rows, unlearnt={"xnli": "lstm fails", "panx": "not run here"})

    def mean(of: Study) -> float:
        one = main_gains(of)["mnli", "lstm", "mean"]
        assert one is not None
        return one.value

    assert mean(whole) == pytest.approx(13, abs=0.2)
    assert mean(part) == pytest.approx(3, abs=0.2)
    assert main_gains(part)["mnli", "lstm", "xnli"].value == pytest.approx(33, abs=0.3)  # type: ignore[union-attr]
    assert (part.averaged, part.unlearnt) == (("udpos", "tatoeba"), {"xnli": "lstm fails"})


def test_languages_are_drawn_towards_their_mean_and_english_is_left_alone() -> None:
    of = study_of(scores({"mnli": 3.0}, noise=6.0))
    raw = {name: one for name in of.others if (one := language_mean(of, name)) is not None}

    means = language_means(of, "lstm", "mnli")

    pulled = {name: means[name] for name in of.others}
    assert np.std(list(pulled.values())) < 0.8 * np.std(list(raw.values()))
    assert np.mean(list(pulled.values())) == pytest.approx(np.mean(list(raw.values())))
    assert means["en"] == pytest.approx(language_mean(of, "en"))


def language_mean(of: Study, language: str) -> float | None:
    """The plain mean of a gain over seeds and targets."""
    none, mnli = (of.values[of.encoders.index("lstm"), of.conditions.index(name)] for name in ("none", "mnli"))
    return float(np.nanmean((mnli - none)[:, :, of.languages.index(language)]))


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
