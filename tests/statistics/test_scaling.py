"""Scaling: verdicts are right as often as they say, laws start at the origin, and the table says what was found."""

import csv
import json
import re
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
from xit.pipeline import config
from xit.statistics.gains import Estimate
from xit.statistics.laws import LAWS, Floats, growth
from xit.statistics.scaling import Sizes, entries
from xit.statistics.scaling import sizes_of as sizes_in
from xit.tables.scaling import build

SIZES = np.array([100.0, 300, 1000, 3500])
TRUE: dict[str, Callable[[Floats], Floats]] = {
    "no gain": lambda n: np.zeros_like(n),
    "flat": lambda n: np.full_like(n, 4.0),
    "grows": lambda n: 4 * np.log10(n / 50),
    "falls": lambda n: np.array([3.0, 9, 7, 3]),
}
"""In points; what the micro reference has is of this size."""


def generated(truth: Callable[[Floats], Floats], draw: int, seeds: int = 5, noise: float = 1.0) -> Floats:
    """Gains of a truth: a deviate of the baseline, which all gains of a seed share, and one of each run, in points."""
    rng = np.random.default_rng(draw)
    return np.asarray(truth(SIZES) + rng.normal(0, noise, (seeds, 1)) + rng.normal(0, noise, (seeds, len(SIZES))))


def verdicts(name: str, draws: int) -> Counter[str]:
    return Counter(growth(SIZES, generated(TRUE[name], draw)).verdict for draw in range(draws))


@pytest.mark.parametrize(("name", "least"), [("no gain", 0.92), ("flat", 0.85), ("grows", 0.97), ("falls", 0.97)])
def test_the_verdict_is_that_of_the_truth(name: str, least: float) -> None:
    found = verdicts(name, 400)

    assert found[name] / found.total() >= least, found


def test_without_any_gain_one_is_seen_in_five_of_a_hundred() -> None:
    found = verdicts("no gain", 2000)

    assert 0.04 <= 1 - found["no gain"] / found.total() <= 0.065


def test_a_flat_gain_is_seldom_said_to_fall() -> None:
    found = verdicts("flat", 2000)

    assert found["falls"] / found.total() <= 0.06


def test_a_way_back_from_damage_is_no_gain() -> None:
    assert growth(SIZES, generated(lambda n: 4 * np.log10(n / 3500) - 1, draw=1)).verdict == "no gain"


def test_a_gain_that_is_lost_again_falls() -> None:
    assert growth(SIZES, generated(lambda n: np.array([3.0, 6, 4, 0]), draw=1)).verdict == "falls"


def test_runs_that_have_seen_equally_many_examples_are_one_size() -> None:
    gains = np.array([[1, 3, 5, 7.01, 6.9], [1.1, 3, 5.1, 7.01, 6.9], [1, 3.1, 5, 7.02, 6.9]])

    found = growth(np.array([30.0, 100, 300, 500, 500]), gains)

    assert found.verdict == "grows"
    np.testing.assert_allclose(found.most, [6.955, 6.955, 6.96])


@pytest.mark.parametrize("means", [(-8.9, -5.9, -3.1, 1.5), (3.0, 9, 7, 3), (4.0, 4, 4, 4)])
def test_nothing_is_predicted_where_no_law_through_the_origin_can_hold(means: tuple[float, ...]) -> None:
    assert growth(SIZES, generated(lambda n: np.array(means), draw=1, noise=0.2)).range_at(10) is None


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_a_law_comes_back_and_starts_at_the_origin(law: Any) -> None:
    gains = (6 * law.shape(SIZES / 400))[np.newaxis].repeat(3, axis=0)

    found = {fit.law.name: fit for fit in growth(SIZES, gains).fits}[law.name]

    assert found.height == pytest.approx(6, rel=0.02)
    assert found.scale == pytest.approx(400, rel=0.02)
    assert found.missed < 0.05
    assert found.predict(np.zeros(1)) == 0
    np.testing.assert_allclose(found.predict(10 * SIZES), 6 * law.shape(10 * SIZES / 400), rtol=0.02)


def test_the_range_ahead_holds_the_truth_of_either_law() -> None:
    for law in LAWS:
        truth = 6 * law.shape(SIZES / 400)
        low, high = growth(SIZES, truth[np.newaxis].repeat(3, axis=0)).range_at(10) or (np.nan, np.nan)
        assert low - 0.1 <= 6 * float(law.shape(10 * SIZES[-1:] / 400)[0]) <= high + 0.1


def test_the_slope_is_for_ten_times_the_examples() -> None:
    np.testing.assert_allclose(growth(SIZES, generated(TRUE["grows"], 1, noise=0)).slopes, 4.0)


def test_below_four_sizes_or_the_declared_seeds_there_is_no_verdict() -> None:
    gains = generated(TRUE["grows"], draw=1)
    untested = growth(SIZES, gains, is_tested=False)

    assert growth(SIZES[1:], gains[:, 1:]).verdict == untested.verdict == "too few"
    assert (untested.fits, untested.range_at(10)) == ((), None)


def test_gains_without_any_spread_are_judged_by_their_sign() -> None:
    assert growth(SIZES, np.full((3, 4), 2.0)).verdict == "flat"
    assert growth(SIZES, np.full((3, 4), -2.0)).verdict == "no gain"


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
    assert (row["verdict"], row["languages"]) == ("grows", "2 · 0 · 0 · 0")
    gain, slope = row["gain"], row["per tenfold"]
    assert isinstance(gain, Estimate)
    assert isinstance(slope, Estimate)
    assert slope.value == pytest.approx(4, abs=0.3)
    assert (row["same format"], row["same labels"]) == ("yes", "yes")
    assert gain.value == pytest.approx(10, abs=0.5)
    assert gain.low is not None
    assert row["at 10 n"] == "+14.3"  # by the logarithm alone; the law that saturates is far from what was measured
    assert languages.rows == (("mnli", "lstm", "xnli", "g", "g"),)
    assert figure.draw().get_size_inches()[0] <= 6.95
    text = " ".join(sentences(of.study, sizes_of(of)))
    assert "Of 1 pair of an intermediate task and a target with the lstm encoder, the gain grows in 1." in text
    assert "at 3,000 examples of mnli (grows), and by laws that come near it +14" in text


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
    (tmp_path / "params.yaml").write_text(config.written(parameters(few())), encoding="utf-8")

    done = CliRunner().invoke(app, ["scaling", str(tmp_path / "scores.csv"), "--json", "-"], catch_exceptions=False)

    first, mean = json.loads(done.output)
    assert (first["intermediate"], first["target"], first["verdict"]) == ("mnli", "xnli", "grows")
    assert first["examples"] == [30, 100, 300, 1000, 3000]
    assert len(first["fits"]) == len(LAWS)
    assert mean["target"] == "mean"
    shown = CliRunner().invoke(app, ["scaling", str(tmp_path / "scores.csv")], catch_exceptions=False).output
    row = next(line for line in shown.splitlines() if "xnli" in line)
    assert re.search(r"mnli +lstm +xnli +grows +3,000 +\+\d+\.\d .*\[.*\].* \+14\.\d", row), shown


@pytest.mark.slow
def test_the_paper_is_typeset_with_scaling(tmp_path: Path) -> None:
    make_paper(tmp_path, few(targets=("xnli", "udpos")))

    values = json.loads((tmp_path / "generated/values.json").read_text(encoding="utf-8"))
    assert {"scaling", "scaling-languages"} <= set(values["tables"])
    assert "scaling-mnli" in values["figures"]
    assert not [sentence for sentence in values["sentences"]["scaling"] if "nan" in sentence or "None" in sentence]
