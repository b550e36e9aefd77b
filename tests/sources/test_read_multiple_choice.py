"""Readers of multiple choice."""

import collections
from pathlib import Path

import published_folder
import pytest
from published_folder import read, settings_of, write

from xit.core.task import task_of
from xit.sources.files import FilesSource

uncounted = published_folder.uncounted


def test_xcopa_trains_on_siqa_and_copa_with_ids_by_file(tmp_path: Path) -> None:
    write(tmp_path, "xcopa")

    rows = read(tmp_path, "xcopa", "train", "en")

    assert [(row["id"], row["prompt"], row["choices"], row["label"]) for row in rows] == [
        ("socialIQa_v1.4_dev-0", "Ida ran. Why?", ["late", "bored", "ill"], 2),
        ("train-en-0", "Rain fell. What was the effect?", ["It got wet.", "It got dry."], 0),
    ]


@pytest.mark.parametrize(
    ("rule", "prompt", "count"),
    [("released", "Rain fell. What was the effect?", 0), ("repaired", "Rain fell. What was the cause?", 1)],
)
def test_xcopa_questions_are_released_or_taken_from_estonian(
    tmp_path: Path, rule: str, prompt: str, count: int
) -> None:
    write(tmp_path, "xcopa")
    notes: collections.Counter[str] = collections.Counter()

    (row,) = FilesSource(settings_of(tmp_path, xcopa_questions=rule)).examples(task_of("xcopa"), "test", "tr", notes)

    assert row["prompt"] == prompt
    assert notes["XCOPA questions repaired"] == count


def test_commonsenseqa_letters_become_the_index_of_the_choice(tmp_path: Path) -> None:
    write(tmp_path, "commonsenseqa")

    rows = read(tmp_path, "commonsenseqa", "validation", "en")

    assert rows == [{"id": "9", "prompt": "Where?", "choices": ["desk", "soup"], "label": 1, "language": "en"}]


def test_hellaswag_endings_begin_with_the_second_half_of_the_context(tmp_path: Path) -> None:
    write(tmp_path, "hellaswag")

    rows = read(tmp_path, "hellaswag", "validation", "en")

    assert rows == [{"id": "9", "prompt": "A sink.", "choices": ["she x", "she y"], "label": 1, "language": "en"}]


def test_cosmosqa_is_read_with_quotes_and_crlf(tmp_path: Path) -> None:
    write(tmp_path, "cosmosqa")

    rows = read(tmp_path, "cosmosqa", "validation", "en")

    assert [(row["id"], row["prompt"], row["choices"], row["label"]) for row in rows] == [
        ("c9", "It rained, so I ran. Why?", ["a", "b", 'c "d"', "e"], 2)
    ]
