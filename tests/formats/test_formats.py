"""Formats: the gold of examples beside predictions, the score of some examples, and both as text."""

from typing import Any

import pytest
import tiny

from xit.core import registry
from xit.core.examples import asked
from xit.core.task import Task
from xit.formats import format_of

TASKS = registry.names("tasks")


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
        right = format_of(task).gold(rows)
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
    task, form = tiny.task_of(task_id), format_of(tiny.task_of(task_id))
    rows = examples_of(task)
    right, wrong = answers_of(task, rows)
    gold = form.gold(rows)

    assert form.check(right, gold, "en") == []
    assert form.score(right, gold, "en")[task.metric] == 100.0
    assert form.score(wrong, gold, "en")[task.metric] == 0.0
    assert set(form.reported) <= set(form.score(right, gold, "en"))
    assert task.metric in form.reported


@pytest.mark.parametrize("task_id", TASKS)
def test_the_score_is_the_mean_over_examples_where_it_has_scores_of_examples(task_id: str) -> None:
    task, form = tiny.task_of(task_id), format_of(tiny.task_of(task_id))
    rows = examples_of(task)
    right, wrong = answers_of(task, rows)
    gold = form.gold(rows)
    if not form.has_example_scores:
        assert task.format == "tagging" or task.is_mined
        return
    mixed = {**wrong, "second": right["second"]} if isinstance(right, dict) else [wrong[0], right[1]]

    assert form.example_scores(mixed, gold, "en") == [0.0, 100.0]
    assert form.score(mixed, gold, "en")[task.metric] == 50.0
    assert form.score(*form.part(mixed, gold, [1]), "en")[task.metric] == 100.0


@pytest.mark.parametrize("task_id", sorted(tiny.TASKS.values()))
def test_examples_are_asked_and_candidates_are_not(task_id: str) -> None:
    assert len(asked(tiny.examples(tiny.task_of(task_id).format, 8))) == 8


def test_queries_of_one_pool_are_named_with_their_language_and_have_only_gold_that_can_be_found() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "q", "language": "de", "role": "query", "text": "Wo?", "gold": ["de-1", "sw-1"]},
        {"id": "de-1", "language": "de", "role": "candidate", "text": "In Bonn.", "gold": []},
    ]

    named = format_of(tiny.task_of("lareqa")).named(rows)

    assert named == [{**rows[0], "id": "q_de", "gold": ["de-1"]}, rows[1]]
    assert format_of(tiny.task_of("tatoeba")).named(rows) is rows


# As text


@pytest.mark.parametrize("task_id", TASKS)
def test_right_answers_and_gold_are_the_same_text(task_id: str) -> None:
    task, form = tiny.task_of(task_id), format_of(tiny.task_of(task_id))
    rows = examples_of(task)
    texts = {row["id"]: row["text"] for row in rows if row.get("role") == "candidate"}

    shown = form.as_texts(answers_of(task, rows)[0], asked(rows), texts)

    assert len(shown) == 2
    assert [text for text in shown if text] == [form.gold_as_texts(row, texts)[0] for row in asked(rows) if shown[0]]
