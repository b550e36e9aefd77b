"""`xit tune`: the same trials for every encoder, on English validation alone, each made once."""

import csv
import dataclasses
from pathlib import Path

import pytest
import tiny

from xit.core.errors import TrainingError
from xit.core.plan import Places
from xit.core.progress import unheard
from xit.core.settings import TuningSettings
from xit.pipeline import config, paths
from xit.stages.tune import record, tune

ROOT = Path(__file__).parents[2]
TUNING = TuningSettings(
    encoders=(),
    pretraining_learning_rates=(1e-5, 0.01),
    pretraining_steps=6,
    learning_rates=(0.002, 0.02),
    tasks=("panx",),
    seeds=(1,),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Text, a tokenizer and a task without test data."""
    (tmp_path / "data/text").mkdir(parents=True)
    (tmp_path / "data/text/en.txt").write_text("".join(line + "\n" for line in tiny.texts()))
    tiny.tokenization.save(tiny.tokenizer(), tmp_path / "tokenizer")
    tiny.write_data(tmp_path / "data/panx", "panx")
    (tmp_path / "data/panx/test.parquet").unlink()
    return tmp_path


def run(root: Path, languages: tuple[str, ...] = ("en",)) -> list[str]:
    text = dataclasses.replace(tiny.TEXT, languages=languages)
    pretraining = dataclasses.replace(tiny.PRETRAINING, steps=900, size=tiny.SIZES["lstm"], text=text)
    plans = {"pretraining": pretraining, "panx": tiny.plan("panx", steps=2, validate_every=0)}
    return tune("lstm", "micro", TUNING, Places(root / "tokenizer", root / "data", root / "out"), plans, unheard)


def test_trials_need_no_test_data_are_made_once_and_end_in_the_lines_of_params_yaml(root: Path) -> None:
    first = run(root)
    trials = (root / "out/trials.csv").read_text()
    again = run(root)

    rows = list(csv.DictReader(trials.splitlines()))
    assert [(row["phase"], row["learning_rate"], row["task"], row["metric"]) for row in rows] == [
        ("pretraining", "1e-05", "", "loss"),
        ("pretraining", "0.01", "", "loss"),
        ("tasks", "0.002", "panx", "f1"),
        ("tasks", "0.02", "panx", "f1"),
    ]
    assert {(row["source"], row["encoder"], row["seed"]) for row in rows} == {("micro", "lstm", "1")}
    losses = [float(row["validation_score"]) for row in rows[:2]]
    assert losses[0] > losses[1] > 1  # a rate of 1e-5 learns nothing in six steps
    assert first[-4:-1] == ["encoders:", "  lstm:", "    pretraining_learning_rate: 0.01"]
    assert "0.01 is best of 1e-05: " in first[-7]
    assert "At the edge: try rates beyond 0.01." in first[-7]
    assert sum("already made" in line for line in again) == 4
    assert again[-7:] == first[-7:]
    assert (root / "out/trials.csv").read_text() == trials


def test_without_english_text_nothing_is_tuned(root: Path) -> None:
    with pytest.raises(TrainingError, match=r"languages.pretraining: en is missing; lstm is tuned on its text"):
        run(root, ("de",))


def test_recorded_trials_replace_those_of_the_same_encoder_and_source_only(tmp_path: Path) -> None:
    head = "source,encoder,phase,learning_rate,task,seed,metric,validation_score\n"
    (tmp_path / "trials.csv").write_text(f"{head}micro,lstm,tasks,0.1,xnli,1,accuracy,70\n")
    others = "micro,gru,tasks,0.1,xnli,1,accuracy,50\nfiles,lstm,tasks,0.1,xnli,1,accuracy,60\n"
    (tmp_path / "tuning.csv").write_text(f"{head}micro,lstm,tasks,0.2,xnli,1,accuracy,10\n{others}")

    record(tmp_path / "trials.csv", tmp_path / "tuning.csv")

    assert (tmp_path / "tuning.csv").read_text() == f"{head}{others}micro,lstm,tasks,0.1,xnli,1,accuracy,70\n"


def test_each_encoder_from_scratch_has_equally_many_trials_on_record_and_the_rates_that_were_best() -> None:
    loaded = config.load(ROOT / paths.PARAMS)
    means: dict[tuple[str, str], dict[float, float]] = {}
    trials: dict[str, int] = {}
    with (ROOT / "paper/inputs/tuning.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sign = -1 if row["metric"] == "loss" else 1
            rates = means.setdefault((row["encoder"], row["phase"]), {})
            rate, score = float(row["learning_rate"]), sign * float(row["validation_score"])
            rates[rate] = rates.get(rate, 0.0) + score
            trials[row["encoder"]] = trials.get(row["encoder"], 0) + 1

    ours = {name: one for name, one in loaded.encoders.items() if one.size}
    tuning = loaded.tuning
    each = len(tuning.pretraining_learning_rates) + len(tuning.learning_rates) * len(tuning.tasks)
    assert trials == dict.fromkeys(ours, each * len(tuning.seeds))
    for name, one in ours.items():
        best = [max(means[name, phase], key=means[name, phase].__getitem__) for phase in ("pretraining", "tasks")]
        assert best == [one.pretraining_learning_rate, one.learning_rate], name
