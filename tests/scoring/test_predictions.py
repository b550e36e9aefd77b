"""Predictions of each kind: as files and back, the gold of examples, the score of some examples, and as text."""

from pathlib import Path
from typing import Any

import pytest
import tiny

from xit.core import registry
from xit.core.errors import DataError
from xit.core.task import Format, Task
from xit.scoring import predictions
from xit.scoring.predictions import kind_of, with_pooled_ids

TASKS = registry.names("tasks")


def task(kind: Format, metric: str = "accuracy") -> Task:
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


# Beside the gold


def examples_of(task: Task) -> list[dict[str, Any]]:
    """The record of the task twice; of retrieval with the right candidate, and with another before it."""
    rows = [{**task.record, "id": name} for name in ("first", "second")]
    if task.format == "retrieval":
        names = ("another", "right")
        candidates = [{"id": name, "role": "candidate", "text": f"text of {name}", "gold": []} for name in names]
        rows = [*({**row, "role": "query", "gold": ["right"]} for row in rows), *candidates]
    return [{**row, "language": "en"} for row in rows]


def answers_of(task: Task, rows: list[dict[str, Any]]) -> tuple[Any, Any]:
    """Predictions that are right, and that are wrong, of `examples_of`."""
    if task.format == "span":
        return {row["id"]: next(iter(row["answers"]), "") for row in rows}, dict.fromkeys(["first", "second"], "no")
    if task.format != "retrieval":
        right = kind_of(task).gold(rows)
        wrong = {
            "classification": "none of them",
            "multiple_choice": 9,
            "tagging": ["none"] * len(rows[0].get("tags", "")),
        }
        return right, [wrong[task.format]] * 2
    if task.is_aligned:
        return [1, 1], [0, 0]
    if task.is_mined:
        return [("first", "right"), ("second", "right")], [("first", "another")]
    return {"first": ["right"], "second": ["right", "another"]}, {"first": ["another"], "second": []}


@pytest.mark.parametrize("task_id", TASKS)
def test_the_right_answers_score_100_and_wrong_ones_0(task_id: str) -> None:
    task, kind = tiny.task_of(task_id), kind_of(tiny.task_of(task_id))
    rows = examples_of(task)
    right, wrong = answers_of(task, rows)
    gold = kind.gold(rows)

    assert kind.check(right, gold, "en") == []
    assert kind.score(right, gold, "en")[task.metric] == 100.0
    assert kind.score(wrong, gold, "en")[task.metric] == 0.0
    assert set(kind.reported) <= set(kind.score(right, gold, "en"))
    assert task.metric in kind.reported


@pytest.mark.parametrize("task_id", TASKS)
def test_the_score_is_the_mean_over_examples_where_it_has_scores_of_examples(task_id: str) -> None:
    task, kind = tiny.task_of(task_id), kind_of(tiny.task_of(task_id))
    rows = examples_of(task)
    right, wrong = answers_of(task, rows)
    gold = kind.gold(rows)
    if not kind.has_example_scores:
        assert task.format == "tagging" or task.is_mined
        return
    mixed = {**wrong, "second": right["second"]} if isinstance(right, dict) else [wrong[0], right[1]]

    assert kind.example_scores(mixed, gold, "en") == [0.0, 100.0]
    assert kind.score(mixed, gold, "en")[task.metric] == 50.0
    assert kind.score(*kind.part(mixed, gold, [1]), "en")[task.metric] == 100.0


@pytest.mark.parametrize("task_id", sorted(tiny.TASKS.values()))
def test_examples_are_asked_and_candidates_are_not(task_id: str) -> None:
    assert len(predictions.asked(tiny.examples(tiny.task_of(task_id).format, 8))) == 8


def test_queries_of_one_pool_are_named_with_their_language_and_have_only_gold_that_can_be_found() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "q", "language": "de", "role": "query", "text": "Wo?", "gold": ["de-1", "sw-1"]},
        {"id": "de-1", "language": "de", "role": "candidate", "text": "In Bonn.", "gold": []},
    ]

    named = with_pooled_ids(tiny.task_of("lareqa"), rows)

    assert named == [{**rows[0], "id": "q_de", "gold": ["de-1"]}, rows[1]]
    assert with_pooled_ids(tiny.task_of("tatoeba"), rows) is rows


# As text


@pytest.mark.parametrize("task_id", TASKS)
def test_right_answers_and_gold_are_the_same_text(task_id: str) -> None:
    task, kind = tiny.task_of(task_id), kind_of(tiny.task_of(task_id))
    rows = examples_of(task)
    asked = predictions.asked(rows)
    texts = {row["id"]: row["text"] for row in rows if row.get("role") == "candidate"}

    shown = kind.as_texts(answers_of(task, rows)[0], asked, texts)

    assert len(shown) == 2
    assert [text for text in shown if text] == [kind.gold_as_texts(row, texts)[0] for row in asked if shown[0]]
