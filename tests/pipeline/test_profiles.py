"""Profiles that say where their values are from: whole, valid, shown with their sources; and what training makes of
them."""

import dataclasses
import functools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
from typer.testing import CliRunner

from xit.cli.app import app
from xit.cli.options import profile_of
from xit.core.errors import ConfigError
from xit.core.plan import Places
from xit.core.progress import unheard
from xit.core.task import task_of
from xit.pipeline import config, overlay, plans
from xit.scoring.benchmarks import XTREME_R
from xit.stages.finetune import finetune
from xit.tables.hyperparameters import preset_table

ROOT = Path(__file__).parents[2]
PUBLISHED = overlay.with_sources(ROOT / "profiles")
NAMES = tuple(profile.name for profile in PUBLISHED)
INTERMEDIATES = {"anli_plus", "mnli", "qqp", "squad2", "squad", "hellaswag", "ccg", "cosmosqa", "commonsenseqa"}


@functools.cache
def over_params(name: str) -> config.Config:
    """What `xit reproduce --profile NAME` would run."""
    return config.check(overlay.parameters(ROOT, name), name)


def test_the_profiles_with_sources_are_those_that_are_promised() -> None:
    assert NAMES == ("phang-jiant", "xtreme-official", "xtreme-official-large")


def test_a_hidden_file_is_no_profile(tmp_path: Path) -> None:
    for name in ("own.yaml", "._own.yaml", ".own.yaml.swp", "notes.txt"):
        (tmp_path / name).write_text("seeds: [1]\n", encoding="utf-8")

    assert overlay.names(tmp_path) == ("own",)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_valid_and_has_every_task_of_the_benchmark_and_of_the_paper(name: str) -> None:
    merged = over_params(name)

    values = overlay.load(ROOT / "profiles", name).values
    targets = {task for task in XTREME_R.tasks if task_of(task).is_trained}
    assert len(targets) == 9
    assert targets <= set(values["targets"])
    assert set(values["intermediate"]) == INTERMEDIATES
    assert (merged.training.head, merged.retrieval.pooling) == ("linear", "mean")


@pytest.mark.parametrize("profile", PUBLISHED, ids=NAMES)
def test_every_value_has_a_source_and_every_source_a_value(profile: overlay.Profile) -> None:
    places = [f"{s}.{key}" for s, entries in profile.values.items() for key in entries]
    exact = [
        f"{s}.{key}.{part}" for s in ("intermediate", "targets") for key, e in profile.values[s].items() for part in e
    ]

    assert len(places) > 20
    assert [place for place in places if not profile.source(place)] == []
    assert set(profile.sources) <= {*profile.values, *places, *exact}


def test_they_say_what_the_sources_say() -> None:
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


def test_the_values_of_a_profile_lie_over_those_of_the_one_that_it_extends(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    (tmp_path / "profiles/both.yaml").write_text(
        "extends: phang-jiant\n" + (ROOT / "profiles/tiny.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )

    merged = config.check(overlay.parameters(tmp_path, "both"), "both")

    xnli = merged.targets["xnli"]
    assert (xnli.steps, xnli.validate_every) == (20, 10)  # of profiles/tiny.yaml
    assert (xnli.epochs, xnli.learning_rate) == (2, 1e-5)  # of phang-jiant
    assert merged.pretraining.block_tokens == 48  # of params.yaml


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"b: no such profile\. Profiles: default, a\.$"),
        ({"b": "extends: aa\n"}, r"b.yaml: extends: aa: no such profile\. Did you mean a\? Profiles: a, b"),
        (
            {"b": "extends: c\n", "c": "extends: b\n"},
            r"b.yaml: extends: comes back to itself: b over c over b\. Let one",
        ),
        ({"b": "- 1\n"}, r"b.yaml: holds no sections of params.yaml"),
        ({"b": "preset: a\n"}, r"b.yaml: preset: no such key\. Write `extends: a`"),
        (
            {"b": "extends: [a]\nsources: [1]\ndiffers: {a: b}\n"},
            (
                r"b.yaml: extends: should be the name of a profile; found \[\"a\"\]\. Write one name\.\n"
                r".*b.yaml: sources: should be a text for each place; found \[1\]\. .*\n"
                r".*b.yaml: differs: should be a list of sentences; found {\"a\": \"b\"}\. "
            ),
        ),
    ],
)
def test_a_profile_that_cannot_be_is_explained(files: dict[str, str], message: str, tmp_path: Path) -> None:
    for name, text in {"a": "training: {}\n", **files}.items():
        (tmp_path / f"{name}.yaml").write_text(text)

    with pytest.raises(ConfigError, match=message):
        overlay.load(tmp_path, "b")


def test_values_from_memory_and_our_own_are_marked_in_the_table() -> None:
    table = preset_table(PUBLISHED)

    cells = {(row[1], text) for row in table.rows for text in row}
    assert ("phang-jiant", "384 [mem]") in cells
    assert ("phang-jiant", "[ours] not in XTREME: jiant's defaults") in cells
    assert not [row for row in table.rows if row[1] == "xtreme-official" and "[mem]" in "".join(row[2:-1])]
    assert "SocialIQA and COPA are trained on together" in table.caption
    assert "`xit reproduce --profile NAME`" in table.caption
    assert table.caption.endswith("from profiles/.")


@pytest.mark.parametrize("option", ["--profile", "--preset"])
def test_its_values_and_sources_are_shown_under_its_former_option_too(
    option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    shown = CliRunner(env={"COLUMNS": "160"}).invoke(app, ["show", option, "phang-jiant"]).output

    assert "[ours] the source has none." in " ".join(shown.split())
    assert "commonsenseqa phang-jiant" in " ".join(shown.split())


@pytest.mark.parametrize("command", [["show"], ["reproduce"], ["grid", "plan"]])
def test_a_profile_over_a_former_preset_is_to_be_said_in_its_file(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    done = CliRunner().invoke(app, [*command, "--profile", "tiny", "--preset", "phang-jiant"])

    assert "write `extends: phang-jiant` at the beginning of profiles/tiny.yaml" in str(done.exception)


def test_the_former_option_alone_is_the_profile() -> None:
    assert [profile_of("default", "phang-jiant"), profile_of("a", "a"), profile_of("a", None)] == [
        "phang-jiant",
        "a",
        "a",
    ]


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
def test_a_small_model_trains_by_them(name: str, tmp_path: Path) -> None:
    plan = plans.target(over_params(name), "xquad", "lstm")
    batches = {"xquad": dataclasses.replace(plan.tasks["xquad"], batch_size=8)}
    tiny.write_data(tmp_path / "data/xquad", "xquad")
    tiny.write_checkpoint(tmp_path / "parents/none/1", "lstm")
    places = Places(tmp_path / "parents", tmp_path / "data", tmp_path / "out")

    plan = dataclasses.replace(plan, steps=3, tasks=batches)
    finetune(tiny.cells("lstm", "none", "xquad"), places, plan, unheard)

    log = [json.loads(line) for line in (tmp_path / "out/none/1/log.jsonl").read_text().splitlines()]
    outcome = json.loads((tmp_path / "out/none/1/outcome.json").read_text())
    peak = {"phang-jiant": [1e-5, 1e-5 * 2 / 3, 1e-5 / 3], "xtreme-official": [3e-5 * n / 500 for n in (1, 2, 3)]}
    assert [line["learning_rate"] for line in log] == pytest.approx(peak[name])
    assert [line["step"] for line in log if "validation_score" in line] == [3]  # the last weights, or the only look
    assert (outcome["steps"], outcome["best_step"]) == (3, 3)
    assert outcome["tokens"] > 3 * 8 * 10
