"""`xit reproduce` and `xit grid plan`: what a run would train and evaluate, counted, and what it ends with."""

import dataclasses
from pathlib import Path

import pytest

from xit.cli import run, tables
from xit.core.files import write_csv, write_json
from xit.paper import render
from xit.paper.verify import Agreement
from xit.pipeline import config, overlay
from xit.statistics.gains import Estimate

PARAMETERS = Path(__file__).parents[2] / "params.yaml"


def test_instances_are_counted_by_stage_with_a_model_for_each_seed_and_condition() -> None:
    settings = config.load(PARAMETERS)
    assert (len(settings.seeds), len(settings.grid.conditions)) == (3, 4)
    instances = [
        "data@xnli",
        "pretrain@lstm",
        "intermediate@lstm-mnli",
        "finetune@lstm-xnli",
        "finetune@transformer-xnli",
    ]

    found = run._counts(settings, [*instances, "evaluate@lstm-xnli"])

    assert [tuple(row.values()) for row in found["stages"]] == [
        ("data", 1, 0),
        ("pretrain", 1, 3),
        ("intermediate", 1, 3),
        ("finetune", 2, 24),
        ("evaluate", 1, 12),
    ]
    assert found["trainings"] == 30  # evaluations are none


def test_a_run_ends_with_its_answer_beside_that_of_the_reference(tmp_path: Path) -> None:
    gain = Estimate(1.04, low=-0.5, high=2.6, p=None, improved=2, languages=3, seeds=3)
    rows = (("mean of 1", gain, None), ("mnli", gain, gain))
    answer = render.Table("answer", "Average gain", "A caption.", ("intermediate", "lstm", "gru"), rows)
    write_json(
        tmp_path / "values.json", {"sentences": {"answer": ["One sentence.", "Another."]}, "seeds": 3, "averaged": 7}
    )
    (tmp_path / "tables").mkdir()
    render.write(answer, tmp_path / "tables")
    gain_there = {"lstm": "-1.26", "lstm_low": "-2", "lstm_high": "-0.5", "lstm_significant": "True"}
    of_reference = [{"intermediate": name, **gain_there} for name in ("mean of 1", "of the reference alone")]
    found = Agreement("All scores are equal.", 10, 6, of_reference)

    first, second, _, grid, *rest = tables.results(tmp_path, Path("paper/main.pdf"), found)

    assert (first, second) == ("One sentence.", "Another.")
    cells = [[str(cell) for cell in column.cells] for column in grid.columns]
    assert cells == [
        ["this run, 3 seeds", "  mean of 1", "  mnli", "reference, 10 seeds", "  mean of 1"],
        ["over 7 targets", "+1.0 [−0.5,+2.6]", "+1.0 [−0.5,+2.6]", "over 6 targets", "−1.3* [−2.0,−0.5]"],
        ["", "–", "+1.0 [−0.5,+2.6]", "", "–"],
    ]
    assert "paper/main.pdf" in "".join(rest)
    assert "in no mean" in str(grid.caption)
    assert rest[-1] == "All scores are equal."


def test_a_target_of_equal_training_is_counted_once() -> None:
    real = overlay.check(overlay.parameters(PARAMETERS.parent, "real"), "real")

    found = run._counts(real, ["finetune@minilm-xquad", "finetune@minilm-mlqa", "evaluate@minilm-mlqa"])

    assert found["trainings"] == 15
    assert [row["models"] for row in found["stages"]] == [15, 15]


def test_the_rates_that_trials_have_chosen_are_put_into_the_workspace_and_not_into_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = config.laid_over(config.read(PARAMETERS), {"tuning": {"encoders": ["lstm"]}})
    rows = [
        {"source": "micro", "encoder": "lstm", "phase": "tasks", "task": task, "seed": seed, "metric": "accuracy"}
        | {"learning_rate": rate, "validation_score": score + seed}
        for task, scores in (("xnli", {0.002: 50, 0.008: 70}), ("udpos", {0.002: 90, 0.008: 20}))
        for rate, score in scores.items()
        for seed in (1, 2)
    ]
    workspace = tmp_path / "workspaces/some"
    for folder in (tmp_path, workspace):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "params.yaml").write_text(config.written(values))
        write_csv(folder / "tuning/lstm/trials.csv", rows)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    monkeypatch.chdir(tmp_path)
    before = (tmp_path / "params.yaml").read_bytes()

    in_workspace = run._with_tuned_rates(Path("workspaces/some"), config.load(workspace / "params.yaml"))
    in_project = run._with_tuned_rates(Path(), config.load(tmp_path / "params.yaml"))

    rates = in_workspace.encoders["lstm"].learning_rates or {}
    assert (rates["xnli"], rates["udpos"]) == (0.008, 0.002)
    assert rates["panx"] == (in_project.encoders["lstm"].learning_rates or {})["panx"]  # not tried
    assert config.load(workspace / "params.yaml") == in_workspace
    assert (tmp_path / "params.yaml").read_bytes() == before


def test_a_released_encoder_is_fetched_and_not_trained() -> None:
    settings = config.load(PARAMETERS)
    released = dataclasses.replace(settings.encoders["lstm"], weights="released", size=None)
    changed = dataclasses.replace(settings, encoders={**settings.encoders, "xlmr_base": released})

    found = run._counts(changed, ["pretrain@xlmr_base", "pretrain@lstm"])

    assert found == {"stages": [{"stage": "pretrain", "instances": 2, "models": 3}], "trainings": 3}
