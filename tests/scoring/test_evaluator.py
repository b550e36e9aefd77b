"""`xit score`: perfect predictions score 100, whatever the gold, and no order changes a score."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import tiny
from benchmark_languages import LANGUAGES
from hypothesis import given, settings
from hypothesis import strategies as st

from xit.core.task import Task
from xit.formats import format_of
from xit.scoring import benchmarks, evaluator, predictions

CELLS = [(name, task) for name, tasks in LANGUAGES.items() for task in tasks]
IDS = st.from_regex(r"[a-z]{2}-[0-9]{1,4}", fullmatch=True)
WORDS = st.text(max_size=12).map(lambda text: f"{text} 7")
"""Answers of which something is left without articles and punctuation: if nothing is, F1 is 0 (evaluate_squad.py)."""


def examples(task: Task) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Examples of a language, as far as gold is made of them."""
    names = st.lists(IDS, min_size=2, max_size=5, unique=True)
    match task.format:
        case "classification":
            return st.lists(st.fixed_dictionaries({"label": st.sampled_from(task.labels)}), min_size=2, max_size=5)
        case "multiple_choice":
            return st.lists(st.fixed_dictionaries({"label": st.sampled_from([0, 1])}), min_size=2, max_size=5)
        case "tagging":
            # A sentence without an entity has no span, and F1 over none at all is 0.
            some = st.lists(st.sampled_from(task.labels), min_size=1, max_size=4).map(lambda t: [*t, task.labels[1]])
            return st.lists(st.fixed_dictionaries({"tags": some}), min_size=2, max_size=5)
        case "span":
            row = st.tuples(st.text(max_size=5), st.lists(WORDS, min_size=1, max_size=2))
            return st.lists(row, min_size=2, max_size=5, unique_by=lambda row: row[0]).map(
                lambda rows: [
                    {"id": name, "question": "", "context": "", "answers": said, "starts": [0] * len(said)}
                    for name, said in rows
                ]
            )
        case _:
            return names.map(
                lambda found: [
                    *({"id": name, "role": "query", "gold": [found[number - 1]]} for number, name in enumerate(found)),
                    *({"id": name, "role": "candidate", "gold": []} for name in found),
                ]
            )


def perfect(task: Task, rows: list[dict[str, Any]]) -> Any:
    """Predictions that are all right."""
    gold = format_of(task).gold(rows)
    if task.format == "span":
        return {name: answers[0] for name, answers in gold}
    return dict(gold) if format_of(task).extension == "json" else gold


def scored(
    name: str,
    task_id: str,
    rows: Sequence[Any],
    predicted: Any,
    order: Callable[[Sequence[str]], Sequence[str]] = tuple,
) -> dict[str, Any]:
    """The scores of a task that has these examples and predictions in every language."""
    task = tiny.task_of(task_id)
    with TemporaryDirectory() as folder:
        out, gold = Path(folder, "out"), Path(folder, "gold")
        for code in order(benchmarks.load(name).languages(task_id)):
            predictions.write(out, task, code, predicted)
            predictions.write_gold(gold, task, code, rows)
        return evaluator.score(out, gold, name, is_partial=True)


@pytest.mark.parametrize(("name", "task_id"), CELLS)
@settings(max_examples=3)
@given(data=st.data())
def test_perfect_predictions_score_100_in_every_task_and_language(name: str, task_id: str, data: st.DataObject) -> None:
    task = tiny.task_of(task_id)
    rows = data.draw(examples(task))

    found = scored(name, task_id, rows, perfect(task, rows))

    assert found["tasks"][task_id]["score"] == pytest.approx(100)
    languages = found["tasks"][task_id]["languages"]
    assert set(languages) == set(LANGUAGES[name][task_id].split())
    assert {value for values in languages.values() for value in values.values()} == {100.0}


def shuffled(task: Task, rows: list[dict[str, Any]], predicted: Any, seed: int) -> tuple[list[dict[str, Any]], Any]:
    """Examples in another order, and their predictions."""
    chance = random.Random(seed)
    if isinstance(predicted, dict) or task.is_mined:
        pairs = list(predicted.items() if isinstance(predicted, dict) else predicted)
        chance.shuffle(pairs)
        return chance.sample(rows, len(rows)), dict(pairs) if isinstance(predicted, dict) else pairs
    asked = [row for row in rows if row.get("role") != "candidate"]
    order = chance.sample(range(len(asked)), len(asked))
    others = [row for row in rows if row.get("role") == "candidate"]  # rows are numbered in their order
    return [asked[number] for number in order] + others, [predicted[number] for number in order]


def worse(predicted: Any, seed: int) -> Any:
    """Some predictions exchanged for those of others, and of sentences some tags."""
    chance = random.Random(seed)
    values = list(predicted.values()) if isinstance(predicted, dict) else list(predicted)
    mixed = [chance.choice(values) if chance.random() < 0.5 else value for value in values]
    if isinstance(values[0], list) and not isinstance(predicted, dict):
        tags = [tag for sentence in values for tag in sentence]
        mixed = [[chance.choice(tags) if chance.random() < 0.5 else tag for tag in sentence] for sentence in values]
    return dict(zip(predicted, mixed, strict=True)) if isinstance(predicted, dict) else mixed


@pytest.mark.parametrize(("name", "task_id"), CELLS)
@settings(max_examples=5)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_order_of_examples_and_files_never_changes_a_score(
    name: str, task_id: str, data: st.DataObject, seed: int
) -> None:
    task = tiny.task_of(task_id)
    rows = data.draw(examples(task))
    predicted = worse(perfect(task, rows), seed)

    once = scored(name, task_id, rows, predicted, lambda codes: codes[:3])
    again = scored(name, task_id, *shuffled(task, rows, predicted, seed), lambda codes: codes[2::-1])

    assert again["tasks"][task_id]["score"] == pytest.approx(once["tasks"][task_id]["score"], abs=1e-9)
    for code, values in once["tasks"][task_id]["languages"].items():
        assert again["tasks"][task_id]["languages"][code] == pytest.approx(values, abs=1e-9)


def test_perfect_predictions_score_100_overall() -> None:
    rows: dict[str, list[dict[str, Any]]] = {form: tiny.examples(form, 3) for form in tiny.TASKS}
    for name in benchmarks.BENCHMARKS:
        with TemporaryDirectory() as folder:
            for task_id in benchmarks.load(name).tasks:
                task = tiny.task_of(task_id)
                own = rows[task.format]
                if task.format in ("classification", "tagging"):
                    own = [{**row, "label": task.labels[0], "tags": [task.labels[1]]} for row in own]
                for code in benchmarks.load(name).languages(task_id):
                    predictions.write(Path(folder, "out"), task, code, perfect(task, own))
                    predictions.write_gold(Path(folder, "gold"), task, code, own)

            found = evaluator.score(Path(folder, "out"), Path(folder, "gold"), name)

        assert found["overall"] == 100
        assert set(found["groups"].values()) == {100.0}
        assert (found["missing"], found["notes"]) == ({}, [])


def test_lareqa_is_scored_over_all_questions_and_the_others_over_languages(tmp_path: Path) -> None:
    for task_id in ("lareqa", "mewslix"):
        task = tiny.task_of(task_id)
        for code, right in (("en", 3), ("de", 0)):  # 3 of 3 questions, 0 of 1
            gold = {f"{code}{number}": ["a"] for number in range(max(right, 1))}
            predictions.write(tmp_path / "gold", task, code, gold)
            predictions.write(tmp_path / "out", task, code, dict.fromkeys(gold, ["a"] if right else ["b"]))

    found = evaluator.score(tmp_path / "out", tmp_path / "gold", "xtreme-r", is_partial=True)["tasks"]

    assert found["lareqa"]["score"] == 75
    assert found["mewslix"]["score"] == 50
