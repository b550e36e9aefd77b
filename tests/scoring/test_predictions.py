"""Predictions of each format as files and back."""

from pathlib import Path
from typing import Any

import pytest
import tiny

from xit.core import registry
from xit.core.errors import DataError
from xit.core.task import Task
from xit.scoring import predictions

TASKS = registry.names("tasks")


def task(kind: str, metric: str = "accuracy") -> Task:
    facts = {"title": "", "languages": (), "micro": "", "citation": "", "licence": "", "record": {}}
    return Task(id="x", format=kind, metric=metric, **facts)


LAYOUT: list[tuple[Task, Any, str, str]] = [
    (task("classification"), ["neutral", "entailment"], "tsv", "neutral\nentailment\n"),
    (task("tagging", "f1"), [["DET", "NOUN"], ["X"]], "tsv", "DET\nNOUN\n\nX\n\n"),
    (task("multiple_choice"), [1, 0], "jsonl", '{"label": 1}\n{"label": 0}\n'),
    (task("span", "em_f1"), {"q1": "größer", "q2": ""}, "json", '{"q1": "größer", "q2": ""}\n'),
    (task("retrieval"), [12, 3], "tsv", "12\n3\n"),
    (task("retrieval", "map_at_20"), {"q1": ["Q5", "Q7"]}, "json", '{"q1": ["Q5", "Q7"]}\n'),
    (task("retrieval", "f1"), [("de-1", "en-7"), ("de-2", "en-3")], "tsv", "de-1\ten-7\nde-2\ten-3\n"),
]


@pytest.mark.parametrize(("kind", "values", "extension", "text"), LAYOUT)
def test_predictions_are_written_in_the_layout_of_the_benchmark_and_read_back(
    kind: Task, values: Any, extension: str, text: str, tmp_path: Path
) -> None:
    path = predictions.write(tmp_path, kind, "de", values)

    assert path == tmp_path / "x" / f"test-de.{extension}"
    assert path.read_text(encoding="utf-8") == text
    assert predictions.read(tmp_path, kind, "de") == values


def test_a_missing_prediction_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"test-de\.tsv: no such file"):
        predictions.read(tmp_path, task("classification"), "de")


def test_predictions_of_another_kind_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="predictions of span do not come as a list"):
        predictions.write(tmp_path, task("span"), "de", ["answer"])


def test_stored_predictions_that_are_not_of_the_examples_are_a_fault(tmp_path: Path) -> None:
    predictions.write(tmp_path, tiny.task_of("xnli"), "de", ["neutral"])
    predictions.write(tmp_path, tiny.task_of("xquad"), "de", {"q7": "Bonn"})

    for name, gold, message in (
        ("xnli", ["neutral"] * 2, r"xnli in de: 1 line; the gold has 2\. Evaluate again"),
        ("xquad", [("q1", ["Bonn"])], r"xquad in de: q7: no such id in the gold\. Evaluate again"),
    ):
        with pytest.raises(DataError, match=rf"test-de\.\w+: does not fit the test examples of {message}"):
            predictions.read_for(tmp_path, tiny.task_of(name), "de", gold)
