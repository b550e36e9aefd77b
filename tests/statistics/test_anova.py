"""The analysis of variance: by hand, against statsmodels' mixed models, and in simulated experiments."""

import itertools
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from xit.paper.inputs import COLUMNS, read_rows
from xit.statistics.anova import Analysis, analyse, shrunken, sign_flip
from xit.statistics.study import Floats

ONE = np.ones(1)


def found(cubes: list[Floats], weight: Floats = ONE) -> Analysis:
    one = analyse(cubes, weight)
    assert one is not None
    return one


def table(rows: list[list[float]]) -> Floats:
    """One target; rows are seeds, columns languages."""
    return np.array(rows, dtype=np.float64)[:, :, np.newaxis]


def test_the_parts_of_the_variance_are_those_worked_out_by_hand() -> None:
    one = found([table([[1, 3, 8], [3, 7, 8]])])

    # Seeds' means 4 and 6; languages' 2, 5 and 8; residuals 0, -1, 1 and their opposites: 4 / (1 * 2) = 2 a cell.
    assert one.value == 5
    assert one.seed_means == ((4, 6),)
    assert one.seeds.variance == pytest.approx(2 / 2)
    assert one.languages.variance == pytest.approx(9 / 3 - 2 / 6)
    assert one.error**2 == pytest.approx(1 + 9 / 3 - 2 / 6)
    freedom = (1 + 3 - 1 / 3) ** 2 / (1 / 1 + 3**2 / 2 + (1 / 3) ** 2 / 2)
    assert one.freedom == pytest.approx(freedom)
    width = stats.t.ppf(0.975, freedom) * one.error
    assert one.interval(0.95) == pytest.approx((5 - width, 5 + width))
    assert one.p() == pytest.approx(2 * stats.t.sf(5 / one.error, freedom))


def test_languages_that_vary_less_than_their_noise_add_nothing() -> None:
    one = found([table([[1, 9], [9, 1]])])

    assert one.languages.variance == 0
    assert (one.seeds.variance, one.freedom) == (0, 1)


def test_a_seed_or_a_language_alone_shows_no_variance() -> None:
    for rows in ([[1.0, 2.0]], [[1.0], [2.0]]):
        one = found([table(rows)])
        assert (one.interval(0.95), one.p()) == (None, None)


def test_a_mean_over_no_target_is_none() -> None:
    assert analyse([table([[1, 2], [3, 4]])], np.zeros(1)) is None
    assert analyse([table([[np.nan, np.nan]])], ONE) is None


def test_two_encoders_add_their_seeds_and_pair_their_languages() -> None:
    first, second = table([[1, 2, 3], [3, 4, 5]]), table([[1, 2, 3], [5, 6, 7]])

    one = found([first, -second])

    assert one.seeds.variance == pytest.approx(2 / 2 + 8 / 2)
    assert one.seeds.freedom == pytest.approx((1 + 4) ** 2 / (1**2 / 1 + 4**2 / 1))  # Welch
    assert one.languages.variance == 0  # the same in both


def test_seeds_of_one_encoder_alone_may_be_fewer() -> None:
    one = found([table([[1, 2], [3, 4], [5, 6]]), -table([[0, 0], [2, 2]])])

    assert one.value == pytest.approx(3.5 - 1)
    assert one.seeds.variance == pytest.approx(4 / 3 + 2 / 2)
    assert sign_flip(one) is None


def test_without_missing_cells_influences_are_those_of_the_balanced_analysis() -> None:
    rng = np.random.default_rng(0)
    cube = rng.normal(size=(4, 9, 5))

    several, averaged = found([cube], np.ones(5) / 5), found([cube.mean(axis=2, keepdims=True)])

    assert several.value == pytest.approx(averaged.value)
    assert several.error == pytest.approx(averaged.error)
    assert several.freedom == pytest.approx(averaged.freedom)


def test_a_language_that_few_targets_have_counts_by_its_influence() -> None:
    rng = np.random.default_rng(1)
    cube = rng.normal(size=(3, 6, 2))
    cube[:, 2:, 1] = np.nan

    one = found([cube], np.array([0.5, 0.5]))

    assert one.count == 6
    assert one.value == pytest.approx((cube[:, :, 0].mean() + cube[:, :2, 1].mean()) / 2)
    whole = np.random.default_rng(1).normal(size=(3, 6, 2))
    assert one.languages.freedom < found([whole], np.array([0.5, 0.5])).languages.freedom


def test_permuting_languages_seeds_or_targets_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    cube = rng.normal(size=(4, 7, 3))
    cube[:, 5:, 0] = np.nan
    weight = np.ones(3) / 3
    one = found([cube], weight)

    for axis, length in enumerate(cube.shape):
        for _ in range(5):
            again = found([np.take(cube, rng.permutation(length), axis=axis)], weight)
            assert again.p() == pytest.approx(one.p(), rel=1e-9)
            assert again.interval(0.95) == pytest.approx(one.interval(0.95), rel=1e-9)


# Against mixed models


def mixed(values: Floats, groups: dict[str, str]) -> tuple[float, float]:
    """Mean and standard error by REML of statsmodels, with crossed random effects."""
    import pandas
    from statsmodels.regression.mixed_linear_model import MixedLM

    index = list(itertools.product(*map(range, values.shape)))
    frame = pandas.DataFrame(index, columns=["seed", "language"]).assign(y=values.ravel(), everything=1)
    model = MixedLM.from_formula("y ~ 1", frame, groups="everything", re_formula="0", vc_formula=groups)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = model.fit(reml=True, method=["powell", "lbfgs"])
    return float(fit.fe_params.iloc[0]), float(fit.bse_fe.iloc[0])


@pytest.mark.parametrize("draw", range(3))
def test_errors_are_those_of_a_mixed_model_of_crossed_seeds_and_languages(draw: int) -> None:
    rng = np.random.default_rng(draw)
    values = 2 + rng.normal(0, 1.5, (6, 1)) + rng.normal(0, 1, (1, 12)) + rng.normal(0, 1, (6, 12))

    mean, error = mixed(values, {"seed": "0 + C(seed)", "language": "0 + C(language)"})

    one = found([values[:, :, np.newaxis]])
    assert one.languages.variance > 0
    assert one.value == pytest.approx(mean)
    assert one.error == pytest.approx(error, rel=1e-3)


def test_the_error_over_seeds_and_targets_is_that_of_a_mixed_model_with_both() -> None:
    """Seeds and seeds by targets: averaging the targets first is the same where every seed has every target."""
    rng = np.random.default_rng(5)
    values = rng.normal(0, 2, (8, 1)) + rng.normal(0, 1, (8, 7))  # [seed, target]

    mean, error = mixed(values - values.mean(axis=0) + values.mean(), {"seed": "0 + C(seed)"})

    cube = np.repeat(values[:, np.newaxis], 3, axis=1)  # languages alike: seeds alone vary
    one = found([cube], np.ones(7) / 7)
    assert one.value == pytest.approx(mean)
    assert one.seeds.variance**0.5 == pytest.approx(error, rel=0.02)


# Coverage


def coverage(draw: Callable[[np.random.Generator], list[Floats]], weight: Floats, experiments: int = 400) -> float:
    """In how many of a hundred experiments the interval holds zero, which is true."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(experiments):
        low, high = found(draw(rng), weight).interval(0.95) or (np.inf, -np.inf)
        held += low <= 0 <= high
    return 100 * held / experiments


@pytest.mark.parametrize("seeds", [3, 10])
@pytest.mark.parametrize("baseline", [0.7, 1.4])
def test_intervals_hold_the_truth_though_the_baseline_scatters_otherwise(seeds: int, baseline: float) -> None:
    def gain(rng: np.random.Generator) -> list[Floats]:
        def scores(scale: float) -> Floats:
            return scale * (rng.normal(0, 2, (seeds, 1, 7)) + rng.normal(0, 2, (seeds, 12, 7)))

        return [scores(1) - scores(baseline) + rng.normal(0, 1, (1, 12, 1))]

    assert 92 <= coverage(gain, np.ones(7) / 7) <= 98  # 95 are expected; three standard errors are 3.3


def test_intervals_hold_the_truth_where_targets_lack_languages() -> None:
    missing = np.zeros((12, 7))
    missing[4:, 0] = missing[:6, 1] = missing[2:, 2] = np.nan

    def gain(rng: np.random.Generator) -> list[Floats]:
        noise = rng.normal(0, 2, (4, 1, 7)) + rng.normal(0, 1, (4, 12, 7))
        return [noise + rng.normal(0, 1, (1, 12, 1)) + rng.normal(0, 1, (1, 12, 7)) + missing]

    assert 92 <= coverage(gain, np.ones(7) / 7) <= 98


# Seeds alone


def test_the_sign_flip_test_counts_all_signs() -> None:
    def p(rows: list[float]) -> float | None:
        return sign_flip(found([table([[value, value] for value in rows])]))

    assert p([1, 2, 3, 4, 5, 6]) == pytest.approx(2 / 2**6)
    assert p([1, 1, 1, 1, 1, -1]) == pytest.approx(2 * (1 + 6) / 2**6)
    assert p([1, -1, 1, -1, 1, -1]) == 1
    assert p([1, 2, 3, 4, 5]) is None
    assert p(list(range(1, 18))) is None


# Partial pooling


def test_noise_is_drawn_to_its_mean_and_real_differences_stay() -> None:
    values = [0.0, 2.0, 4.0, 6.0, 8.0]

    noisy, sure = shrunken(values, [100.0] * 5), shrunken(values, [0.01] * 5)

    assert [value for value, _ in noisy] == pytest.approx([2, 3, 4, 5, 6])  # half way: 1 - (5 - 3) / (5 - 1)
    assert [value for value, _ in sure] == pytest.approx(values, abs=0.01)
    assert noisy[2][1] < 100
    assert shrunken([1.0, 9.0, 5.0], [4.0] * 3) == [(1.0, 4.0), (9.0, 4.0), (5.0, 4.0)]


def test_shrunken_values_are_nearer_to_the_truth() -> None:
    rng = np.random.default_rng(4)
    raw = pulled = held = 0.0
    for _ in range(300):
        truth = rng.normal(0, 1, 8)
        values = truth + rng.normal(0, 1.5, 8)
        means, variances = zip(*shrunken(values.tolist(), [2.25] * 8), strict=True)
        raw += ((values - truth) ** 2).sum()
        pulled += ((np.array(means) - truth) ** 2).sum()
        held += (np.abs(np.array(means) - truth) <= 1.96 * np.sqrt(variances)).mean()

    assert pulled < 0.6 * raw
    assert 0.92 <= held / 300 <= 0.99


def test_every_kind_of_row_was_found_to_hold_the_truth_in_93_to_97_of_a_hundred() -> None:
    rows = read_rows(Path(__file__).parents[2] / "paper/inputs/coverage.csv", COLUMNS["coverage"])

    assert {row["row"] for row in rows} > {"primary gain", "primary difference", "gain of a task", "gain on a target"}
    assert {row["seeds"] for row in rows} == {"3", "10"}
    assert not [row for row in rows if not 93 <= round(float(row["held"])) <= 97]
