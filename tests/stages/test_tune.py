"""`xit tune`: the same trials for every encoder, on English validation alone, each made once."""

import csv
import dataclasses
import doctest
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import tiny

from xit.core.errors import ConfigError, TrainingError
from xit.core.plan import Places
from xit.core.progress import unheard
from xit.core.settings import TuningSettings
from xit.pipeline import config, paths, plans
from xit.stages.tune import Trials, record, tune
from xit.statistics import rates as statistics_of_rates
from xit.statistics.rates import best

ROOT = Path(__file__).parents[2]
TUNING = TuningSettings(
    encoders=(),
    pretraining_learning_rates=(1e-5, 0.01),
    pretraining_steps=6,
    learning_rates=(0.002, 0.02),
    tasks=("panx",),
    seeds=(1, 2),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Text, a tokenizer and two tasks without test data."""
    (tmp_path / "data/text").mkdir(parents=True)
    (tmp_path / "data/text/en.txt").write_text("".join(line + "\n" for line in tiny.texts()))
    tiny.tokenization.save(tiny.tokenizer(), tmp_path / "tokenizer")
    for name in ("panx", "mnli"):
        tiny.write_data(tmp_path / "data" / name, name)
        (tmp_path / "data" / name / "test.parquet").unlink()
    return tmp_path


def run(root: Path, languages: tuple[str, ...] = ("en",), tuning: TuningSettings = TUNING) -> list[str]:
    text = dataclasses.replace(tiny.TEXT, languages=languages)
    pretraining = dataclasses.replace(tiny.PRETRAINING, steps=6, size=tiny.SIZES["lstm"], text=text)
    tasks = {name: tiny.plan(name, steps=2, validate_every=0) for name in ("panx", "mnli")}
    places = Places(root / "tokenizer", root / "data", root / "out")
    return tune(Trials("lstm", "micro", "random", tuning, {"pretraining": pretraining, **tasks}), places, unheard)


def test_trials_need_no_test_data_are_made_once_and_end_in_the_lines_of_params_yaml(root: Path) -> None:
    first = run(root)
    trials = (root / "out/trials.csv").read_text()
    again = run(root)

    rows = list(csv.DictReader(trials.splitlines()))
    assert [(row["phase"], row["learning_rate"], row["task"], row["metric"], row["seed"]) for row in rows] == [
        (*one, seed)
        for one in (
            ("pretraining", "1e-05", "", "loss"),
            ("pretraining", "0.01", "", "loss"),
            ("tasks", "0.002", "panx", "f1"),
            ("tasks", "0.02", "panx", "f1"),
            ("tasks", "0.002", "mnli", "accuracy"),
            ("tasks", "0.02", "mnli", "accuracy"),
        )
        for seed in ("1", "2")
    ]
    assert {(row["source"], row["encoder"]) for row in rows} == {("micro", "lstm")}
    losses = [float(row["validation_score"]) for row in rows[:4]]
    assert min(losses[:2]) > max(losses[2:]) > 1  # a rate of 1e-5 learns nothing in six steps
    best, *yaml = first[-6], *first[-4:]
    assert yaml[:3] == ["encoders:", "  lstm:", "    pretraining_learning_rate: 0.01"]
    rates = {task: rate(rows, task) for task in ("panx", "mnli")}
    assert yaml[3] == f"    learning_rates: {{panx: {rates['panx']}, mnli: {rates['mnli']}}}"
    assert f"lstm, mnli: {rates['mnli']} is best of 0.002: " in best
    assert "(English validation, median and worst seed)" in best
    assert "0.01 is best of 1e-05: " in first[-8]
    assert "At the edge: try rates beyond 0.01." in first[-8]
    assert sum("already made" in line for line in again) == 12
    assert again[-8:] == first[-8:]
    assert (root / "out/trials.csv").read_text() == trials


def rate(rows: Sequence[Mapping[str, str]], task: str) -> str:
    """The lower of two rates, unless its mean or its worse seed is below those of the other by a standard error.

    Of two seeds the median is the mean, and the median absolute deviation half of their distance.
    """
    scores = {
        tried: sorted(float(row["validation_score"]) for row in rows if (row["task"], row["learning_rate"]) == place)
        for tried in ("0.002", "0.02")
        for place in [(task, tried)]
    }
    (low, high), (other_low, other_high) = scores["0.002"], scores["0.02"]
    error = 1.4826 * (other_high - other_low) / 2 / 2**0.5
    is_lower = low + high >= other_low + other_high - 2 * error and low >= other_low - error
    return "0.002" if is_lower or (low + high, low) > (other_low + other_high, other_low) else "0.02"


@pytest.mark.parametrize(("rates", "used"), [((), 0.01), ((0.005,), 0.005)])
def test_a_given_rate_of_pretraining_is_used_and_not_searched(
    rates: tuple[float, ...], used: float, root: Path
) -> None:
    lines = run(root, tuning=dataclasses.replace(TUNING, pretraining_learning_rates=rates))

    assert [path.name for path in (root / "out/pretraining").iterdir()] == [f"{used:g}"]
    rows = list(csv.DictReader((root / "out/trials.csv").read_text().splitlines()))
    assert {row["phase"] for row in rows} == {"tasks"}
    assert not any("pretraining_learning_rate" in line for line in lines)
    lineage = json.loads((root / "out/panx/0.02/1/lineage.json").read_text())
    parent = json.loads((root / f"out/pretraining/{used:g}/1/lineage.json").read_text())
    assert lineage["inputs"]["model.safetensors"] == parent["files"]["model.safetensors"]


def test_the_best_rate_is_the_lowest_of_those_with_the_best_median_and_worst_seed() -> None:
    assert doctest.testmod(statistics_of_rates) == (0, 2)
    assert best({0.1: [90, 20, 91], 0.2: [89, 89, 100]}) == 0.1  # means would say 0.2
    assert best({0.1: [90, 20, 90], 0.2: [95, 90, 80]}) == 0.2
    assert best({0.1: [5, 5], 0.2: [5, 5]}) == 0.1
    assert best({0.1: [88, 70, 90], 0.2: [90, 80, 95]}) == 0.2  # within a standard error by the median alone


def test_trials_are_those_of_the_whole_grid_from_the_whole_pretraining_without_restarts() -> None:
    loaded = config.load(ROOT / paths.PARAMS)

    found = plans.trials(loaded, "lstm", ())

    assert list(found) == ["pretraining", *loaded.grid.targets, *loaded.grid.intermediates]
    assert found["pretraining"] == plans.pretraining(loaded, "lstm")
    assert {plan.restarts for name, plan in found.items() if name != "pretraining"} == {0}
    assert loaded.training.restarts == 3
    assert list(plans.trials(loaded, "lstm", ["mnli"])) == ["pretraining", "mnli"]
    with pytest.raises(ConfigError, match=r"targets.xnly: missing. Did you mean xnli\?"):
        plans.trials(loaded, "lstm", ["xnly"])


def test_without_english_text_nothing_is_tuned(root: Path) -> None:
    with pytest.raises(TrainingError, match=r"languages.pretraining: en is missing; lstm is tuned on its text"):
        run(root, ("de",))


def test_recorded_trials_replace_those_of_the_same_encoder_source_and_phase_only(tmp_path: Path) -> None:
    head = "source,encoder,phase,learning_rate,task,seed,metric,validation_score\n"
    (tmp_path / "trials.csv").write_text(f"{head}micro,lstm,tasks,0.1,xnli,1,accuracy,70\n")
    others = "micro,gru,tasks,0.1,xnli,1,accuracy,50\nfiles,lstm,tasks,0.1,xnli,1,accuracy,60\n"
    others += "micro,lstm,pretraining,0.1,,1,loss,3\n"
    (tmp_path / "tuning.csv").write_text(f"{head}micro,lstm,tasks,0.2,xnli,1,accuracy,10\n{others}")

    record(tmp_path / "trials.csv", tmp_path / "tuning.csv")

    assert (tmp_path / "tuning.csv").read_text() == f"{head}{others}micro,lstm,tasks,0.1,xnli,1,accuracy,70\n"


def test_the_encoders_that_are_compared_have_equally_many_trials_and_the_rates_that_were_best() -> None:
    loaded = config.load(ROOT / paths.PARAMS)
    scores: dict[tuple[str, str], dict[float, list[float]]] = {}
    with (ROOT / "paper/inputs/tuning.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sign = -1 if row["metric"] == "loss" else 1
            values = scores.setdefault((row["encoder"], row["task"]), {})
            values.setdefault(float(row["learning_rate"]), []).append(sign * float(row["validation_score"]))

    trials = {name: {task: one for (of, task), one in scores.items() if of == name} for name in loaded.grid.encoders}
    shapes = [{task: {r: len(v) for r, v in one.items()} for task, one in of.items()} for of in trials.values()]
    assert len(shapes) > 1
    assert shapes == [shapes[0]] * len(shapes)
    for name, of in trials.items():
        settings = loaded.encoders[name]
        assert best(of[""]) == settings.pretraining_learning_rate, name
        rates = settings.learning_rates or {}
        tried = {**{task: task for task in of if task}, "mnli": "xnli", "squad": "xquad"}  # these share training data
        assert {task: rates.get(task, settings.learning_rate) for task in tried} == {
            task: best(of[other]) for task, other in tried.items()
        }, name
        assert set(rates) <= set(tried)
