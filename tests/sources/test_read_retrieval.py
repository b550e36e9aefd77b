"""LAReQA's sentences are the parts of the context between the breaks, whatever the `sentences` field says."""

import collections
import json
from pathlib import Path
from typing import Any

import pytest
import test_files_source
from test_files_source import FOLDER, read, settings_of, write

from xit.core.errors import DataError
from xit.core.task import task_of
from xit.sources.files import FilesSource

uncounted = test_files_source.uncounted
GERMAN = "lareqa/xquad-r/de.json"


def changed(**fields: Any) -> dict[str, bytes]:
    """The German file with other fields in its paragraph."""
    content = json.loads(FOLDER["lareqa"][GERMAN])
    content["data"][0]["paragraphs"][0] |= fields
    return {GERMAN: json.dumps(content).encode()}


@pytest.mark.parametrize("sentences", [["Die Lampe ist gr.", "Es ist spät."], ["Die"], [], ["a", "b", "c"]])
def test_sentences_unlike_their_breaks_are_a_note_and_refuse_no_language(tmp_path: Path, sentences: list[str]) -> None:
    write(tmp_path, "lareqa")
    plain = {code: read(tmp_path, "lareqa", "test", code) for code in ("en", "de")}

    write(tmp_path, "lareqa", changed(sentences=sentences))

    counts = {}
    for code, rows in plain.items():
        notes: collections.Counter[str] = collections.Counter()
        assert list(FilesSource(settings_of(tmp_path)).examples(task_of("lareqa"), "test", code, notes)) == rows
        counts[code] = notes["paragraphs whose sentences differ from their breaks, which count"]
    assert counts == {"en": 0, "de": 1}


@pytest.mark.parametrize(
    ("breaks", "message"),
    [
        ([[0, 20], [20, 33]], r"de.json, paragraph 0: the break 20 to 33 leaves the context of 32 characters\."),
        ([[-1, 20], [20, 32]], r"de.json, paragraph 0: the break -1 to 20 leaves the context of 32 characters\."),
        ([[0, 14], [15, 32]], r"de.json, record 0: its answer at 14 is in none of the sentences\."),
        ([], r"de.json, record 0: its answer at 14 is in none of the sentences\."),
    ],
)
def test_breaks_that_leave_the_context_or_an_answer_are_a_fault_of_every_language(
    tmp_path: Path, breaks: list[list[int]], message: str
) -> None:
    write(tmp_path, "lareqa", changed(sentence_breaks=breaks))

    for code in ("en", "de"):
        with pytest.raises(DataError, match=message):
            read(tmp_path, "lareqa", "test", code)


def test_a_file_of_no_language_of_the_task_is_no_parallel_file(tmp_path: Path) -> None:
    write(tmp_path, "lareqa", {"lareqa/xquad-r/fr.json": b"no JSON", "lareqa/xquad-r/notes.json": b"{}"})

    assert read(tmp_path, "lareqa", "test", "de")[-1]["gold"] == ["de-0-0", "en-0-1"]
