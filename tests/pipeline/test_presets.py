"""Presets: the papers' recipes over params.yaml, whole and valid, and what training makes of them."""

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import pytest
import tiny
from typer.testing import CliRunner

from xit import benchmarks
from xit.cli.app import app
from xit.core.errors import ConfigError
from xit.core.plan import Places
from xit.core.task import task_of
from xit.pipeline import config, overlay, plans, presets
from xit.stages.finetune import finetune
from xit.tables.hyperparameters import preset_table

ROOT = Path(__file__).parents[2]
NAMES = presets.names(ROOT / "presets")
INTERMEDIATES = {"anli_plus", "mnli", "qqp", "squad2", "squad", "hellaswag", "ccg", "cosmosqa", "commonsenseqa"}


@functools.cache
def over_params(name: str, profile: str | None = None) -> config.Config:
    """What `xit reproduce --preset NAME` would run."""
    return config.check(overlay.parameters(ROOT, profile or "default", preset=name), name)


def test_the_presets_are_those_that_are_promised() -> None:
    assert NAMES == ("phang-jiant", "xtreme-official", "xtreme-official-large")


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_valid_and_has_every_task_of_the_benchmark_and_of_the_paper(name: str) -> None:
    merged = over_params(name)

    values = presets.load(ROOT / "presets", name).values
    targets = {task for task in benchmarks.load("xtreme-r").tasks if task_of(task).is_trained}
    assert len(targets) == 9
    assert targets <= set(values["targets"])
    assert set(values["intermediate"]) == INTERMEDIATES
    assert (merged.training.head, merged.retrieval.is_centered) == ("linear", False)


@pytest.mark.parametrize("name", NAMES)
def test_every_value_of_a_preset_has_a_source(name: str) -> None:
    preset = presets.load(ROOT / "presets", name)

    places = [f"{s}.{key}" for s, entries in preset.values.items() for key in entries]

    assert len(places) > 20
    assert [place for place in places if not preset.source(place)] == []


def test_presets_say_what_the_sources_say() -> None:
    """Numbers of train_xnli.sh, train_qa.sh and train_mewslix.sh, and of jiant's guide to XTREME."""
    official, large, phang = (over_params(f"{name}") for name in ("xtreme-official", NAMES[2], "phang-jiant"))

    xnli = official.targets["xnli"]
    assert (xnli.epochs, xnli.learning_rate, xnli.batch_size, xnli.max_length_tokens) == (5, 2e-5, 32, 128)
    assert (large.targets["xnli"].learning_rate, large.targets["udpos"].learning_rate) == (3e-5, 2e-5)
    xquad = official.targets["xquad"]
    assert (xquad.warmup_steps, xquad.weight_decay, xquad.validate_every) == (500, 1e-4, 0)
    assert large.targets["mewslix"].batch_size == 32
    mlqa = phang.targets["mlqa"]
    assert (mlqa.epochs, mlqa.learning_rate, mlqa.batch_size, mlqa.patience) == (2, 1e-5, 16, 30)


def test_the_values_of_a_profile_lie_over_those_of_a_preset() -> None:
    merged = over_params("phang-jiant", "tiny")

    xnli = merged.targets["xnli"]
    assert (xnli.steps, xnli.validate_every) == (20, 10)  # of profiles/tiny.yaml
    assert (xnli.epochs, xnli.learning_rate) == (2, 1e-5)  # of the preset
    assert merged.pretraining.block_tokens == 48  # of params.yaml


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"b: no such preset\. Presets: a\.$"),
        ({"b": "preset: aa\n"}, r"b.yaml: aa: no such preset\. Did you mean a\? Presets: a, b"),
        ({"b": "preset: c\n", "c": "preset: b\n"}, r"b.yaml: preset: comes back to itself: b over c over b"),
        ({"b": "- 1\n"}, r"b.yaml: holds no sections of params.yaml"),
    ],
)
def test_a_preset_that_cannot_be_is_explained(files: dict[str, str], message: str, tmp_path: Path) -> None:
    for name, text in {"a": "training: {}\n", **files}.items():
        (tmp_path / f"{name}.yaml").write_text(text)

    with pytest.raises(ConfigError, match=message):
        presets.load(tmp_path, "b")


def test_values_from_memory_and_our_own_are_marked_in_the_table() -> None:
    table = preset_table([presets.load(ROOT / "presets", name) for name in NAMES])

    cells = {(row[1], text) for row in table.rows for text in row}
    assert ("phang-jiant", "384 [mem]") in cells
    assert ("phang-jiant", "[ours] not in XTREME: jiant's defaults") in cells
    assert not [row for row in table.rows if row[1] == "xtreme-official" and "[mem]" in "".join(row[2:-1])]
    assert "SocialIQA and COPA are trained on together" in table.caption


def test_a_preset_is_shown_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    shown = CliRunner(env={"COLUMNS": "160"}).invoke(app, ["show", "--preset", "phang-jiant"]).output

    assert "[ours] the source has none." in " ".join(shown.split())
    assert "commonsenseqa phang-jiant" in " ".join(shown.split())


# What training makes of it

PLAN = plans.target(over_params("phang-jiant"), "xnli", "xlmr_large")


@pytest.mark.parametrize(
    ("steps", "epochs", "examples", "expected"),
    [(None, 2, 3500, 218), (None, 2, 20, 2), (20, 2, 3500, 20), (500, 2, 3500, 218), (7, None, 3500, 7)],
)
def test_steps_and_epochs_are_both_at_most(steps: Any, epochs: Any, examples: int, expected: int) -> None:
    plan = dataclasses.replace(PLAN, steps=steps, epochs=epochs)

    assert plan.steps_for(examples) == plan.scheduled(examples, examples, seed=1).steps == expected


def test_a_task_may_have_a_warm_up_that_is_longer_than_its_training() -> None:
    """As train_qa.sh has for TyDiQA: 500 steps, of which its training has fewer; the rate never reaches its peak."""
    official = over_params("xtreme-official")
    tydiqa, xnli = (plans.target(official, task, "xlmr_base") for task in ("tydiqa", "xnli"))

    found = tydiqa.scheduled(3696, 3696, seed=1)

    assert found.steps == 345
    assert round(found.warmup_fraction * 345) == 500
    assert (found.weight_decay, xnli.weight_decay, official.training.weight_decay) == (1e-4, 0.0, 0.0)
    assert xnli.scheduled(3696, 3696, seed=1).warmup_fraction == official.training.warmup_fraction == 0.0


@pytest.mark.parametrize("name", [pytest.param("phang-jiant", marks=pytest.mark.slow), "xtreme-official"])
def test_a_small_model_trains_by_a_preset(name: str, tmp_path: Path) -> None:
    plan = plans.target(over_params(name), "xquad", "lstm")
    batches = {"xquad": dataclasses.replace(plan.tasks["xquad"], batch_size=8)}
    tiny.write_data(tmp_path / "data/xquad", "xquad")
    tiny.write_checkpoint(tmp_path / "parents/none/1", "lstm")
    places = Places(tmp_path / "parents", tmp_path / "data", tmp_path / "out")

    plan = dataclasses.replace(plan, steps=3, tasks=batches)
    finetune(tiny.cells("lstm", "none", "xquad"), places, plan, tiny.unheard)

    log = [json.loads(line) for line in (tmp_path / "out/none/1/log.jsonl").read_text().splitlines()]
    outcome = json.loads((tmp_path / "out/none/1/outcome.json").read_text())
    peak = {"phang-jiant": [1e-5, 1e-5 * 2 / 3, 1e-5 / 3], "xtreme-official": [3e-5 * n / 500 for n in (1, 2, 3)]}
    assert [line["learning_rate"] for line in log] == pytest.approx(peak[name])
    assert [line["step"] for line in log if "validation_score" in line] == [3]  # the last weights, or the only look
    assert (outcome["steps"], outcome["best_step"]) == (3, 3)
    assert outcome["tokens"] > 3 * 8 * 10
