"""Scaling: laws are recovered from what they generated, verdicts are right, and the table says what was fitted."""

import csv
import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fabricated import PAPER, make_paper, parameters, scores, study_of, write_inputs
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core.errors import DataError
from xit.core.scores import Score
from xit.paper.inputs import Inputs, read
from xit.paper.observations import of_scaling as sentences
from xit.paper.render import Figure, Table
from xit.statistics.gains import Estimate
from xit.statistics.laws import LAWS, Fit, Floats, Points, best_of, fit, scaling
from xit.statistics.scaling import Sizes, entries
from xit.statistics.scaling import sizes_of as sizes_in
from xit.tables.scaling import build

SIZES = np.array([10.0, 50, 200, 1000, 3500])
TRUE: dict[str, Callable[[Floats], Floats]] = {
    "flat": lambda n: np.full_like(n, 50.0),
    "log-linear": lambda n: 30 + 3 * np.log(n),
    "log law": lambda n: 100 * (0.02 + 0.04 * np.log(n)) ** 0.5,
    "power law": lambda n: 70 - 60 * n**-0.4,
    "quadratic": lambda n: 60 - 2 * (np.log(n) - np.log(200)) ** 2,
}


def generated(truth: Callable[[Floats], Floats], draw: int, seeds: int = 3, noise: float = 0.02) -> Points:
    """Scores of a truth: a deviate shared by the runs of a seed, and one of each run."""
    rng = np.random.default_rng(draw)
    level = np.exp(rng.normal(0, noise, (seeds, 1)))
    run = np.exp(rng.normal(0, noise, (seeds, len(SIZES))))
    return Points(SIZES, np.minimum(truth(SIZES) * level * run, 100), 30 * level[:, 0])


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_a_law_predicts_what_its_own_kind_generated(law: object) -> None:
    truth = TRUE[law.name]  # type: ignore[attr-defined]
    points = generated(truth, draw=1, noise=0.005)

    found = fit(law, points.sizes, points.scores)  # type: ignore[arg-type]

    np.testing.assert_allclose(found.predict(SIZES), truth(SIZES), rtol=0.015)
    if law.name != "quadratic":  # type: ignore[attr-defined]
        np.testing.assert_allclose(found.predict(10 * SIZES[-1:]), truth(10 * SIZES[-1:]), rtol=0.03)
    assert found.held_out < 0.05


def test_without_noise_the_parameters_themselves_come_back() -> None:
    exact = {law.name: fit(law, SIZES, TRUE[law.name](SIZES)[np.newaxis].repeat(2, axis=0)) for law in LAWS}

    np.testing.assert_allclose(exact["flat"].parameters, [0.5], rtol=1e-3)
    np.testing.assert_allclose(exact["log-linear"].parameters, [0.3, 0.03], rtol=1e-3)
    np.testing.assert_allclose(exact["log law"].parameters, [0.02, 0.04, 0.5], rtol=0.02)
    np.testing.assert_allclose(exact["power law"].parameters, [0.7, np.log(0.6), 0.4], rtol=0.02)


def test_an_outlier_moves_the_fit_less_than_least_squares() -> None:
    rows = np.tile(TRUE["log-linear"](SIZES), (3, 1))
    rows[0, 2] = 5.0

    found = fit(LAWS[1], SIZES, rows)

    assert abs(found.predict(SIZES[2:3])[0] - TRUE["log-linear"](SIZES[2:3])[0]) < 1.5
    assert abs(rows[:, 2].mean() - TRUE["log-linear"](SIZES[2:3])[0]) > 13


VERDICTS = {"flat": "flat", "log-linear": "aligned", "power law": "aligned", "quadratic": "misaligned"}


def misjudged(truth: Callable[[Floats], Floats], verdict: str, draws: range) -> float:
    """In which share of experiments the verdict is another."""
    found = Counter(scaling(generated(truth, draw)).verdict for draw in draws)
    assert found.total() == len(draws)
    return 1 - found[verdict] / len(draws)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "verdict"), VERDICTS.items())
def test_few_verdicts_are_wrong(name: str, verdict: str) -> None:
    assert misjudged(TRUE[name], verdict, range(100, 112)) <= 0.2


def test_a_score_that_falls_with_more_examples_is_misaligned() -> None:
    found = scaling(generated(lambda n: 70 - 3 * np.log(n), draw=1))

    assert found.verdict == "misaligned"
    assert found.spearman == pytest.approx(-1)


@pytest.mark.parametrize(
    ("baseline", "verdict"), [(80.0, "no gain"), (54.0, "no gain"), (20.0, "aligned"), (np.nan, "aligned")]
)
def test_a_way_back_from_damage_is_no_alignment(baseline: float, verdict: str) -> None:
    points = generated(lambda n: 30 + 3 * np.log(n), draw=1)  # up to 54.5 at the largest size

    found = scaling(dataclasses.replace(points, baseline=np.full(3, baseline)))

    assert found.verdict == verdict


def test_of_one_seed_the_sign_tells_whether_there_is_a_gain() -> None:
    sizes = np.array([*SIZES, 9000.0])
    rows = TRUE["log-linear"](sizes)[np.newaxis]

    assert scaling(Points(sizes, rows, np.array([90.0]))).verdict == "no gain"
    assert scaling(Points(sizes, rows, np.array([10.0]))).verdict == "aligned"


def test_the_quadratic_is_best_only_where_it_turns_and_no_other_law_is_supported() -> None:
    risen, turned = (
        [fit(law, SIZES, generated(TRUE[name], 1).scores) for law in LAWS] for name in ("log law", "quadratic")
    )

    def best(fits: list[Fit], ahead: float) -> str:
        """With the AICc of the quadratic below that of all others, which are farther from the size held out."""
        lowest = min(one.aicc for one in fits)
        changed = [dataclasses.replace(one, aicc=lowest, held_out=1.0) for one in fits[:-1]]
        return best_of([*changed, dataclasses.replace(fits[-1], aicc=lowest - ahead, held_out=0.0)], SIZES).law.name

    assert fits_turn(turned)
    assert not fits_turn(risen)
    assert (best(risen, 9), best(turned, 1), best(turned, 9)) == ("flat", "flat", "quadratic")


def fits_turn(fits: list[Fit]) -> bool:
    """Whether the parabola has its top between the sizes."""
    _, b, c = fits[-1].parameters
    return bool(np.log(SIZES[0]) < -b / (2 * c) < np.log(SIZES[-1]))


def test_below_four_sizes_or_six_points_there_is_no_verdict() -> None:
    whole = generated(TRUE["log-linear"], draw=1)
    three = dataclasses.replace(whole, sizes=SIZES[:3], scores=whole.scores[:, :3])
    five = dataclasses.replace(whole, scores=whole.scores[:1], baseline=whole.baseline[:1])

    assert scaling(three).verdict == scaling(five).verdict == "too few sizes"
    assert scaling(three).best is None


def test_scores_of_zero_and_of_a_hundred_can_be_fitted() -> None:
    rows = np.array([[0.0, 0, 50, 100, 100], [0, 0, 60, 100, 100]])

    found = scaling(Points(SIZES, rows, np.zeros(2)))

    value, low, high = found.gains(SIZES)
    assert np.isfinite([value, low, high]).all()
    assert value.max() <= 100


def test_the_interval_is_wide_with_two_seeds_and_missing_with_one() -> None:
    def width(seeds: int) -> float:
        _, low, high = scaling(generated(TRUE["log-linear"], draw=1, seeds=seeds)).gains(np.array([35_000.0]))
        return float(high[0] - low[0])

    assert width(2) > width(3) > 0
    sizes = np.array([*SIZES, 9000.0])
    alone = scaling(Points(sizes, TRUE["log-linear"](sizes)[np.newaxis], np.array([30.0])))
    assert alone.verdict == "aligned"
    assert np.isnan(alone.gains(sizes)[1:]).all()


@pytest.mark.slow
def test_intervals_of_predictions_hold_the_truth() -> None:
    later = np.array([35_000.0])
    ends = []
    for draw in range(20):
        points = generated(TRUE["log-linear"], draw)
        found = scaling(dataclasses.replace(points, baseline=np.full(3, 30.0)))
        ends.append([float(end[0]) for end in found.gains(later)[1:]] if found.verdict == "aligned" else [0.0, 100.0])

    truth = float(TRUE["log-linear"](later)[0]) - 30
    assert np.mean([low <= truth <= high for low, high in ends]) >= 0.85


EFFECTS = {
    "none": 0.0,
    "mnli": 9.91,
    "mnli-30": 1.91,
    "mnli-100": 4.0,
    "mnli-300": 5.91,
    "mnli-1000": 8.0,
    "squad": 1.0,
}
"""Of mnli, with 3000 examples: four points for ten times as many."""


def inputs(folder: Path, rows: list[Score], examples: int = 3000, **sections: object) -> Inputs:
    write_inputs(folder, rows)
    with (folder / "audit.csv").open("a", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerow(("mnli", "train", "en", "micro", examples, "hash", 0, 0))
    return read(folder / "scores.csv", folder, {**parameters(rows), **sections}, PAPER / "inputs")


def sizes_of(of: Inputs) -> Sizes:
    return sizes_in(of.study, of.audit, of.parameters)


def few(**options: object) -> list[Score]:
    chosen: dict[str, Any] = {"encoders": ("lstm",), "languages": ("en", "de"), "targets": ("xnli",), **options}
    return scores(EFFECTS, **chosen)


@pytest.mark.slow
def test_the_table_has_a_row_a_pair_with_verdict_proxies_and_prediction(tmp_path: Path) -> None:
    of = inputs(tmp_path, few())

    table, languages, figure = build(of)

    assert isinstance(table, Table)
    assert isinstance(languages, Table)
    assert isinstance(figure, Figure)
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert (row["after"], row["encoder"], row["target"], row["n"]) == ("mnli", "lstm", "xnli", "30–3,000")
    assert (row["verdict"], row["languages"]) == ("aligned", "2 · 0 · 0 · 0")
    assert row["law"] in ("log-linear", "log law")
    assert row["per tenfold"] == pytest.approx(4, abs=0.3)
    assert (row["same format"], row["same labels"]) == ("yes", "yes")
    assert row["gain"] == pytest.approx(10, abs=0.5)
    later = row["gain at 10 n"]
    assert isinstance(later, Estimate)
    assert later.value == pytest.approx(14, abs=1)
    assert later.low is not None
    assert languages.rows == (("mnli", "lstm", "xnli", "a", "a"),)
    assert figure.draw().get_size_inches()[0] <= 6.95
    text = " ".join(sentences(of.study, sizes_of(of)))
    assert "Of pairs of an intermediate task and a target, the lstm encoder has 1 aligned." in text
    assert "points at 3,000 examples of mnli, and +1" in text


def test_n_is_what_training_has_seen(tmp_path: Path) -> None:
    rows, settings = few(), {"mnli": {"steps": 50, "batch_size": 10}}

    def counts(**sections: object) -> list[int]:
        ((task, found),) = sizes_of(inputs(tmp_path, rows, **sections))
        assert task == "mnli"
        return [count for _, count in found]

    assert counts() == [30, 100, 300, 1000, 3000]
    assert counts(intermediate=settings) == [30, 100, 300, 500, 500]
    epochs = {"intermediate": settings, "recipes": {"subset_budget": "epochs"}}
    assert counts(**epochs) == [5, 16, 50, 166, 500]


def test_tasks_of_fewer_than_four_sizes_are_left_out(tmp_path: Path) -> None:
    rows = [row for row in few() if row.condition not in ("mnli-30", "mnli-100")]

    assert build(inputs(tmp_path, rows)) == ()
    assert sentences(study_of(rows), ()) == []
    with pytest.raises(
        DataError, match=r"no task was run in 4 sizes, .*; found none, untrained, mnli, mnli-300, mnli-1000, squad"
    ):
        entries(study_of(rows), (), parameters(rows))


@pytest.mark.slow
def test_the_command_fits_a_table_of_scores(tmp_path: Path) -> None:
    inputs(tmp_path, few())

    done = CliRunner().invoke(app, ["scaling", str(tmp_path / "scores.csv"), "--json", "-"], catch_exceptions=False)

    first, mean = json.loads(done.output)
    assert (first["intermediate"], first["target"], first["verdict"]) == ("mnli", "xnli", "aligned")
    assert first["examples"] == [30, 100, 300, 1000, 3000]
    assert len(first["fits"]) == len(LAWS)
    assert mean["target"] == "mean"


@pytest.mark.slow
def test_the_paper_is_typeset_with_scaling(tmp_path: Path) -> None:
    make_paper(tmp_path, few(targets=("xnli", "udpos")))

    values = json.loads((tmp_path / "generated/values.json").read_text(encoding="utf-8"))
    assert {"scaling", "scaling-languages"} <= set(values["tables"])
    assert "scaling-mnli" in values["figures"]
    assert not [sentence for sentence in values["sentences"]["scaling"] if "nan" in sentence or "None" in sentence]
