"""Stored predictions give the scores of their evaluation again, and gains over examples."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny

from xit.core.errors import ConfigError
from xit.core.examples import write_examples
from xit.core.scores import Score
from xit.core.settings import RetrievalSettings
from xit.evaluation.evaluate import EvaluationOptions, evaluate
from xit.scoring import predictions
from xit.scoring.rescore import example_scores, scores_from_predictions
from xit.statistics.paired import example_gain

LANGUAGES = ("en", "de", "zh")
LABELS = ("contradiction", "entailment", "neutral")


@pytest.mark.parametrize("target", [*sorted(tiny.TASKS.values()), "tatoeba", "mlqa"])
def test_predictions_give_the_scores_of_their_evaluation_again(target: str, tmp_path: Path) -> None:
    task = tiny.task_of(target)
    examples = [{**row, "language": code} for code in LANGUAGES for row in tiny.examples(task.format)]
    if task.format == "retrieval":
        codes = {"query": "{}", "candidate": "{}-{}"}
        for row in examples:
            row["id"] = codes[row["role"]].format(row["id"], row["language"])
            row["gold"] = [f"{name}-{row['language']}" for name in row["gold"]]
    write_examples(tmp_path / "data" / target / "test.parquet", task, examples)
    tiny.write_checkpoint(tmp_path / "checkpoint")
    if task.is_trained:
        tiny.write_head(tmp_path / "checkpoint", target)
    folder = tmp_path / "evaluations/lstm" / target / "none/1/predictions"
    centered = folder.with_name("predictions-centered")
    options = EvaluationOptions(RetrievalSettings(1.0, "mean"), predictions=folder, centered=centered)
    found = evaluate(tmp_path / "checkpoint", target, examples, options, examples[::-1]).scores
    scores = [
        Score("lstm", "none", target, language, "test", "micro", metric, 1, value, count)
        for language, (values, count) in found.items()
        for metric, value in values.items()
    ]
    forgotten = [dataclasses.replace(score, value=-1.0, examples=0) for score in scores]

    again = scores_from_predictions(forgotten, tmp_path / "evaluations", tmp_path / "data")

    assert sorted(again) == sorted(scores)
    assert len(scores) >= 3
    assert ("accuracy_centered" in {score.metric for score in scores}) == (not task.is_trained)


def write_predictions(root: Path, target: str, condition: str, examples: Sequence[Any], answers: Any) -> None:
    task = tiny.task_of(target)
    write_examples(root / "data" / target / "test.parquet", task, examples)
    predictions.write(root / f"evaluations/lstm/{target}/{condition}/1/predictions", task, "en", answers)


def gains_of(root: Path, target: str) -> Any:
    task = tiny.task_of(target)
    scores = [Score("lstm", c, target, "en", "test", "micro", task.metric, 1, 0.0, 8) for c in ("none", "mnli")]
    (pair,) = example_scores(scores, "lstm", "mnli", target, root / "evaluations", root / "data").values()
    return example_gain(*pair)


def test_gains_over_examples_are_those_of_the_stored_predictions(tmp_path: Path) -> None:
    pairs, questions = tiny.examples("classification", 8), tiny.examples("span", 8)
    labels = [row["label"] for row in pairs]
    wrong = [LABELS[(LABELS.index(label) + 1) % 3] for label in labels]
    write_predictions(tmp_path, "xnli", "none", pairs, [*labels[:4], *wrong[4:7], labels[7]])
    write_predictions(tmp_path, "xnli", "mnli", pairs, [*wrong[:1], *labels[1:]])
    right = {row["id"]: row["answers"][0] for row in questions}
    without = {name: answer for name, answer in right.items() if name != "e1"}
    write_predictions(tmp_path, "xquad", "none", questions, without | {"e2": f"{right['e2']} word"})
    write_predictions(tmp_path, "xquad", "mnli", questions, right)

    accuracy, answers = gains_of(tmp_path, "xnli"), gains_of(tmp_path, "xquad")

    assert (accuracy.value, accuracy.better, accuracy.worse) == (25.0, 3, 1)
    assert (answers.value, answers.better, answers.worse) == (
        pytest.approx((100 + 200 / 3) / 8),
        2,
        0,
    )  # exact match and half of F1


def test_gains_over_examples_are_refused_where_the_metric_is_no_mean_and_where_nothing_was_run() -> None:
    scores = [Score("lstm", "none", "xnli", "en", "test", "micro", "accuracy", 1, 0.0, 8)]

    with pytest.raises(ConfigError, match=r"panx: its F1 is of all spans at once"):
        example_scores(scores, "lstm", "mnli", "panx", Path(), Path())
    with pytest.raises(ConfigError, match=r"lstm, mnli, xnli: there are no scores of it, .* with scores: none\."):
        example_scores(scores, "lstm", "mnli", "xnli", Path(), Path())
