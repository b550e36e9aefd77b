"""What the tables say of trainings: failures and restarts, and the learning rates of tasks."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from fabricated import PAPER, parameters, scores, write_inputs

from xit.core import registry
from xit.paper import observations
from xit.paper.inputs import Inputs, read
from xit.paper.render import Table, as_markdown


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    """Of two encoders, four conditions, two targets and three seeds, of whose trainings nothing is said yet."""
    made = scores({"none": 0.0, "mnli": 3.0, "squad": 1.0}, targets=("xnli", "panx"), seeds=3)
    write_inputs(tmp_path, made)
    return read(tmp_path / "scores.csv", tmp_path, parameters(made), PAPER / "inputs")


def tables(name: str, inputs: Inputs) -> dict[str, Table]:
    return {one.name: one for one in registry.load("tables", name).build(inputs)}


def training(inputs: Inputs, failed: dict[tuple[str, ...], tuple[int, bool]]) -> Inputs:
    """With these attempts and ends of some trainings, by encoder, condition, target and seed; one attempt else."""
    rows = []
    for row in inputs.training:
        attempts, is_failed = failed.get((row["encoder"], row["condition"], row["target"], row["seed"]), (1, False))
        rows.append({**row, "attempts": str(attempts), "is_failed": str(is_failed)})
    return dataclasses.replace(inputs, training=rows)


FAILED = {
    ("lstm", "none", "xnli", "1"): (2, False),
    ("lstm", "none", "xnli", "2"): (4, True),
    ("lstm", "squad", "xnli", "3"): (2, False),
    ("transformer", "mnli", "panx", "1"): (3, False),
}


def test_failures_are_a_row_a_task_and_kind_of_condition(inputs: Inputs) -> None:
    (table,) = tables("failures", training(inputs, FAILED)).values()

    assert table.groups == (("", 2), ("transformer", 5), ("lstm", 5))
    assert table.columns[2:7] == ("trainings", "failed", "restarts", "failed for good", "SD")
    assert {row[:2]: row[2:] for row in table.rows} == {
        ("xnli", "none"): (3, 0, 0, 0, 0.0, 3, 2, 4, 1, 0.0),
        ("xnli", "untrained"): (3, 0, 0, 0, 0.0, 3, 0, 0, 0, 0.0),
        ("xnli", "one task"): (6, 0, 0, 0, 0.0, 6, 1, 1, 0, 0.0),
        ("panx", "none"): (3, 0, 0, 0, 0.0, 3, 0, 0, 0, 0.0),
        ("panx", "untrained"): (3, 0, 0, 0, 0.0, 3, 0, 0, 0, 0.0),
        ("panx", "one task"): (6, 1, 2, 0, 0.0, 6, 0, 0, 0, 0.0),
        ("all fine-tuning", ""): (24, 1, 2, 0, None, 24, 3, 5, 1, None),
    }
    assert "| xnli | none | 3 | 0 | 0 | 0 | 0.0 | 3 | 2 | 4 | 1 | 0.0 |" in as_markdown(table)


def test_failures_are_told_in_a_sentence_an_encoder(inputs: Inputs) -> None:
    first, second = observations.of_failures(training(inputs, FAILED))

    assert first == (
        "Of 24 fine-tunings of the transformer encoder 1 failed at first, by their English validation; after 2 "
        "restarts 0 had failed for good."
    )
    assert "24 fine-tunings of the lstm encoder 3 failed at first" in second
    assert second.endswith("after 5 restarts 1 had failed for good.")
    assert observations.of_failures(training(inputs, {}))[0] == (
        "None of 24 fine-tunings of the transformer encoder failed, by their English validation."
    )


def test_trainings_of_which_nothing_is_said_make_no_table_and_no_sentence(inputs: Inputs) -> None:
    assert tables("failures", inputs) == {}
    assert observations.of_failures(inputs) == []


def with_rates(inputs: Inputs, **trials: dict[float, list[float]]) -> Inputs:
    """The lstm has a rate of its own for xnli, and panx has one of its own; trials of the lstm by task."""
    values: dict[str, Any] = {**inputs.parameters}
    values["encoders"] = {**values["encoders"]}
    values["encoders"]["lstm"] = {**values["encoders"]["lstm"], "learning_rates": {"xnli": 0.008}}
    values["targets"] = {**values["targets"], "panx": {**values["targets"]["panx"], "learning_rate": 0.1}}
    rows = [
        {
            "source": "micro",
            "encoder": "lstm",
            "phase": "tasks" if task.strip("_") else "pretraining",
            "learning_rate": str(rate),
            "task": task.strip("_"),
            "seed": str(seed),
            "metric": "accuracy",
            "validation_score": str(score),
        }
        for task, rates in trials.items()
        for rate, reached in rates.items()
        for seed, score in enumerate(reached, 101)
    ]
    return dataclasses.replace(inputs, parameters=values, tuning=rows)


def test_the_rates_of_tasks_stand_beside_what_their_trials_reached(inputs: Inputs) -> None:
    found = tables("hyperparameters", with_rates(inputs, xnli={0.008: [70, 90, 80], 0.002: [1, 2, 3]}))
    table = found["hyperparameters-rates"]

    assert table.groups == (("", 1), ("transformer", 3), ("lstm", 3))
    assert table.rows == (
        ("xnli", "0.002", None, None, "0.008", 80.0, 70.0),
        ("panx", "0.1", None, None, "0.1", None, None),
    )
    assert not any("learning_rates" in str(row[0]) for row in found["hyperparameters-encoders"].rows)


def test_without_rates_of_tasks_there_is_no_table_of_them(inputs: Inputs) -> None:
    assert "hyperparameters-rates" not in tables("hyperparameters", inputs)


def test_the_best_rate_of_pretraining_is_that_of_the_lowest_loss(inputs: Inputs) -> None:
    trials = with_rates(inputs, _={0.01: [3.0, 3.2], 0.02: [2.0, 2.9]}, xnli={0.5: [80, 81]})
    rows = [{**row, "metric": "loss"} if not row["task"] else row for row in trials.tuning]
    (table,) = tables("encoders", dataclasses.replace(trials, tuning=rows)).values()
    of_lstm = {row[0]: row[2] for row in table.rows}

    assert of_lstm["best in trials, pretraining"] == "0.02"
    assert of_lstm["trials of learning rates"] == "4 + 2"
