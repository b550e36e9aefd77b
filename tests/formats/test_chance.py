"""What the best answer that ignores the input scores."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
import tiny

from xit.core.task import task_of
from xit.formats import format_of


def of(name: str, key: str, values: Sequence[Any]) -> float:
    task = task_of(name)
    rows = [{**row, key: value} for row, value in zip(tiny.examples(task.format, len(values)), values, strict=True)]
    return format_of(task).chance(rows)


def test_of_labels_and_of_places_it_is_the_largest_share() -> None:
    assert of("xnli", "label", ["neutral", "entailment", "neutral", "contradiction"]) == 50
    assert of("xcopa", "label", [0, 1, 1, 1]) == 75


def test_of_tags_it_is_the_commonest_one_for_every_word() -> None:
    tags = [["NOUN"] * 6, ["NOUN", "DET", "VERB", "NOUN", "NOUN", "DET"]]

    assert of("udpos", "tags", tags) == 25  # neighbours of one tag are one span: 1 of 2 is right, of 1 + 5
    assert of("panx", "tags", [["O", "B-PER", "O", "O", "O", "O"], ["B-PER", "O", "O", "O", "O", "B-LOC"]]) == 0


def test_of_spans_it_is_the_whole_passage_or_that_there_is_no_answer() -> None:
    words = [["Oslo"], ["Bo painted"]]  # 1 of the passage's 5 words without the article, and 2: F1 2/6 and 4/7

    assert of("xquad", "answers", words) == pytest.approx(100 * (2 / 6 + 4 / 7) / 2 / 2)  # exact match 0
    assert of("squad2", "answers", [[], [], ["Oslo"]]) == pytest.approx(200 / 3)


@pytest.mark.parametrize(("name", "right"), [("mewslix", 1), ("lareqa", 1), ("lareqa", 2), ("lareqa", 3)])
def test_of_rankings_it_is_the_mean_over_all_orders(name: str, right: int) -> None:
    task = task_of(name)
    candidates = [{"id": f"c{n}", "language": "en", "role": "candidate", "text": "", "gold": []} for n in range(5)]
    queries = [{"id": "q", "language": "en", "role": "query", "text": "", "gold": [f"c{n}" for n in range(right)]}]
    kind = format_of(task)
    gold = kind.gold(queries)
    orders = [list(order) for order in itertools.permutations(one["id"] for one in candidates)]

    scores = [kind.score({"q": order}, gold, "en")[task.metric] for order in orders]

    assert format_of(task).chance([*queries, *candidates]) == pytest.approx(sum(scores) / len(scores))


def test_of_a_large_pool_only_the_first_twenty_places_count() -> None:
    task = task_of("lareqa")
    rows = tiny.examples("retrieval", 200)

    assert format_of(task).chance(rows) == pytest.approx(100 * sum(1 / rank for rank in range(1, 21)) / 200)


@pytest.mark.parametrize("name", sorted({*tiny.TASKS.values(), "ccg", "mewslix", "squad2", "qqp"}))
def test_every_trained_format_has_one_below_a_right_answer(name: str) -> None:
    task = task_of(name)
    rows = tiny.examples(task.format, 24)
    if name == "qqp":
        rows = [{**row, "label": task.labels[number % 2]} for number, row in enumerate(rows)]

    assert 0 <= format_of(task).chance(rows) < 90
