"""Learning curves, from the logs of trainings to the paper."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from fabricated import PAPER, parameters, scores, write_inputs

from xit.core.errors import DataError
from xit.paper import observations
from xit.paper.inputs import Inputs, read
from xit.stages.collect import Run, curves, points
from xit.statistics.curves import AFTER, PLAIN
from xit.statistics.curves import curves as means


def log(steps: int, *validated: int) -> list[dict[str, float]]:
    """Of a training whose loss is its step."""
    validations = {step: {"validation_score": 50.0 + step} for step in validated}
    return [{"step": step, "loss": float(step), **validations.get(step, {})} for step in range(1, steps + 1)]


def test_a_curve_has_twelve_parts_and_every_validation_that_is_the_last_of_its_part() -> None:
    assert points(log(24)) == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24]
    assert points(log(120, 55, 57, 120)) == [10, 20, 30, 40, 50, 57, 60, 70, 80, 90, 100, 110, 120]
    assert points(log(3)) == [1, 2, 3]


def test_a_point_has_the_mean_loss_since_the_point_before(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in log(24, 24)), encoding="utf-8")

    rows = curves([(Run("finetune", "lstm", "none", "xnli", 1), tmp_path)])

    assert [(row["step"], row["loss"]) for row in rows[:3]] == [(2, 1.5), (4, 3.5), (6, 5.5)]
    assert [row["validation_score"] for row in rows[-2:]] == [None, 74.0]
    assert {(row["stage"], row["encoder"], row["condition"], row["target"]) for row in rows} == {
        ("finetune", "lstm", "none", "xnli")
    }


def test_each_objective_of_pretraining_has_a_curve_of_its_own(tmp_path: Path) -> None:
    names = ["translation_ranking" if step % 3 == 0 else "masked_lm" for step in range(72)]
    lines = [{"step": i + 1, "loss": 7.0 if n == "masked_lm" else 3.0, "objective": n} for i, n in enumerate(names)]
    (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")

    rows = curves([(Run("pretrain", "lstm", "", "", 1), tmp_path)])

    losses = {"masked_lm": 7.0, "translation_ranking": 3.0}
    assert [(row["target"], row["loss"]) for row in rows] == [one for one in losses.items() for _ in range(12)]
    assert rows[11]["step"] == 72
    of = inputs(tmp_path)
    shown = means([{**row, "step": str(row["step"])} for row in rows], of.study, "loss")
    assert list(shown) == [("pretrain", "masked_lm"), ("pretrain", "translation_ranking")]
    assert {value for lines in shown.values() for curve in lines.values() for _, value in curve} == {7.0, 3.0}


def test_a_training_without_its_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"log\.jsonl: missing\. `dvc repro` makes it"):
        curves([(Run("pretrain", "lstm", "", "", 1), tmp_path)])


def inputs(folder: Path, *rows: tuple[Any, ...]) -> Inputs:
    """Of one encoder, with these points of fine-tuning: condition, seed, step, loss, score."""
    made = scores({"none": 0.0, "mnli": 3.0}, encoders=("lstm",), targets=("xnli",))
    write_inputs(folder, made)
    of = read(folder / "scores.csv", folder, parameters(made), PAPER / "inputs")
    names = ("stage", "encoder", "condition", "target", "seed", "step", "loss", "validation_score")
    values = [("finetune", "lstm", condition, "xnli", *map(str, rest)) for condition, *rest in rows]
    return dataclasses.replace(of, curves=[dict(zip(names, one, strict=True)) for one in values])


def test_curves_are_means_over_seeds_up_to_the_first_early_stop(tmp_path: Path) -> None:
    rows = [("none", 1, 50, 1.0, 60), ("none", 2, 50, 2.0, 70), ("none", 1, 100, 0.5, 80), ("mnli", 1, 50, 0.2, "")]

    found = means((of := inputs(tmp_path, *rows)).curves, of.study, "loss")

    assert found == {("finetune", "xnli"): {("lstm", PLAIN): [(50, 1.5)], ("lstm", AFTER): [(50, 0.2)]}}


def test_a_sentence_gives_the_first_and_the_last_validation_without_and_after(tmp_path: Path) -> None:
    rows = [("none", 1, 50, 1.0, 60), ("none", 1, 100, 1.0, 80), ("mnli", 1, 50, 1.0, 75), ("mnli", 1, 100, 1.0, 82)]

    (sentence,) = observations.of_curves(inputs(tmp_path, *rows))

    assert (
        "is 60.0 at the first validation and 80.0 at the last; after intermediate training, 75.0 at the first"
        in sentence
    )
