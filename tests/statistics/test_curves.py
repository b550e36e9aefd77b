"""Learning curves, from the logs of trainings to the paper; and the distance of languages from English."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fabricated import PAPER, parameters, scores, study_of, write_inputs

from xit.core.errors import DataError
from xit.paper import sentences
from xit.paper.inputs import Inputs, read
from xit.stages.collect import Run, curves, points
from xit.statistics.curves import AFTER, PLAIN
from xit.statistics.curves import curves as means
from xit.statistics.distance import distance


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

    (sentence,) = sentences.of_curves(inputs(tmp_path, *rows))

    assert (
        "is 60.0 at the first validation and 80.0 at the last; after intermediate training, 75.0 at the first"
        in sentence
    )


def test_distance_grows_with_how_unlike_english_words_are() -> None:
    near, middle, far, other = (distance(code) or 0.0 for code in ("nl", "de", "fi", "ru"))

    assert 0.2 < near < middle < far < other == 1.0
    assert distance("en") == 0.0
    assert distance("ht") is None  # CLDR has no Haitian, and another language must not stand in
    assert distance("xx") is None


def test_a_sentence_compares_languages_of_latin_and_of_other_scripts() -> None:
    rows = [
        dataclasses.replace(row, value=row.value + 4.0)
        if row.condition == "mnli" and row.language in ("ru", "hi", "ar", "zh")
        else row
        for row in scores({"none": 0.0, "mnli": 1.0}, encoders=("lstm",), noise=0.0)
    ]

    (sentence,) = sentences.of_distance(study_of(rows))

    assert "is +1.0 points in the 5 languages of Latin script and +5.0 in the 4 of others" in sentence
    assert "rank correlation with the distance of their words from the English ones is +0." in sentence


def test_where_all_gains_are_equal_no_correlation_is_told() -> None:
    (sentence,) = sentences.of_distance(study_of(scores({"none": 0.0, "mnli": 0.0}, encoders=("lstm",), noise=0.0)))

    assert sentence.endswith("languages of Latin script and +0.0 in the 4 of others.")


@pytest.mark.parametrize("first", ["ja", "zh", "de", "root"])
def test_distances_do_not_hang_on_the_locale_that_was_loaded_first(first: str) -> None:
    program = f"import babel; babel.Locale.parse({first!r}).months['stand-alone']; "
    program += "from xit.statistics.distance import distance; print(*map(distance, ('de', 'fr', 'es', 'fi', 'sw')))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [str(distance(code)) for code in ("de", "fr", "es", "fi", "sw")]
    assert 0 < distance("de") < 0.6
