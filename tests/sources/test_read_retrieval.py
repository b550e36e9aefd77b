"""LAReQA's sentences are the parts of the context between the breaks, whatever the `sentences` field says."""

import collections
import json
from pathlib import Path
from typing import Any

import published_folder
import pytest
from published_folder import FOLDER, TOWER, TYDIQA, json_lines, read, settings_of, squad, write

from xit.core import examples
from xit.core.errors import DataError
from xit.core.task import task_of
from xit.sources.files import FilesSource
from xit.stages import data

uncounted = published_folder.uncounted
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


def test_bucc_asks_in_the_language_for_english_sentences_that_may_not_be_there(tmp_path: Path) -> None:
    write(tmp_path, "bucc2018")

    rows = read(tmp_path, "bucc2018", "test", "de")

    assert [(row["id"], row["role"], row["text"], row["gold"]) for row in rows] == [
        ("en-1", "candidate", "It is late.", []),
        ("en-2", "candidate", "Bo stayed.", []),
        ("de-1", "query", "Ida ging.", []),
        ("de-2", "query", "Es ist spät.", ["en-1"]),
    ]
    assert {row["language"] for row in rows} == {"de"}


def test_bucc_becomes_examples_with_a_validation_split_of_every_language(tmp_path: Path) -> None:
    write(tmp_path, "bucc2018")
    out = tmp_path / "out"

    assert data.data("bucc2018", FilesSource(settings_of(tmp_path)), ["en", "de", "fr"], out) == [
        f"{out}: 1 validation, 2 test"
    ]
    assert json.loads((out / "audit.json").read_text())["missing_languages"] == ["fr"]
    assert [row["id"] for row in examples.read_examples(out / "validation.parquet", "de")] == ["en-1", "de-1"]


def test_mewslix_trains_on_english_pairs_with_a_candidate_for_each_text(tmp_path: Path) -> None:
    name = "mewslix/wikipedia_pairs/train.jsonl"
    repeated = FOLDER["mewslix"][name] + json_lines({"mention": "A { light } fell.", "entity": "It gives light."})
    write(tmp_path, "mewslix", {name: repeated.encode()})

    rows = read(tmp_path, "mewslix", "train", "en")

    assert [(row["id"], row["role"], row["text"], row["gold"]) for row in rows] == [
        ("0", "query", "The { Lamp } is green.", ["0"]),
        ("0", "candidate", "It gives light.", []),
        ("1", "query", "{ Taa } hums.", ["1"]),
        ("1", "candidate", "A village by a river.", []),
        ("2", "query", "A { light } fell.", ["0"]),
    ]
    assert [row["text"] for row in read(tmp_path, "mewslix", "validation", "en")] == ["{ Bo } ran.", "A boat of 1902."]


def test_mewslix_has_the_candidates_of_all_languages_once_with_the_english_mentions(tmp_path: Path) -> None:
    write(tmp_path, "mewslix")
    out = tmp_path / "out"

    assert data.data("mewslix", FilesSource(settings_of(tmp_path)), ["en", "de", "tr"], out) == [
        f"{out}: 2 train, 1 validation, 3 test"
    ]

    rows = examples.read_examples(out / "test.parquet")
    assert [(row["language"], row["id"], row["role"], row["text"], row["gold"]) for row in rows] == [
        ("en", "Q1", "candidate", "It gives light.", []),
        ("en", "Q2", "candidate", "Ein Dorf am Fluss.", []),
        ("en", "0", "query", "A { Lamp } fell.", ["Q1"]),
        ("de", "0", "query", "In { Taa } ist es spät.", ["Q2"]),
        ("de", "1", "query", "Das { Haus } ist alt.", ["Q3"]),
    ]
    audit = json.loads((out / "audit.json").read_text())
    assert audit["missing_languages"] == ["tr"]
    assert [row["notes"] for row in audit["splits"]] == ["", "", "", "mentions whose entity is no candidate: 1"]


def test_tatoeba_asks_in_english_for_lines_of_the_language(tmp_path: Path) -> None:
    write(tmp_path, "tatoeba")

    rows = read(tmp_path, "tatoeba", "test", "de")

    assert rows[2:] == [
        {"id": "1", "language": "de", "role": "query", "text": "The lamp is green.", "gold": ["1"]},
        {"id": "1", "language": "de", "role": "candidate", "text": "Die Lampe ist grün.", "gold": []},
    ]


def test_lareqa_gold_is_the_sentence_of_the_answer_in_every_language(tmp_path: Path) -> None:
    write(tmp_path, "lareqa")

    rows = read(tmp_path, "lareqa", "test", "en")

    assert [(row["id"], row["role"], row["text"], row["gold"]) for row in rows] == [
        ("en-0-0", "candidate", "It is late. It is late. The lamp is green.", []),
        ("en-0-1", "candidate", "The lamp is green.It is late. The lamp is green.", []),
        ("0", "query", "Which colour?", ["de-0-0", "en-0-1"]),
    ]


def test_lareqa_trains_on_the_sentence_that_holds_the_answer(tmp_path: Path) -> None:
    write(tmp_path, "lareqa", {TYDIQA: squad(*[TOWER] * 20).encode()})

    rows = read(tmp_path, "lareqa", "train", "en")

    assert rows[0]["text"] == "It is 31 m high. It is 31 m high. It is old."
    assert [row["gold"] for row in rows[1:]] == [["0-0"]] * 20
