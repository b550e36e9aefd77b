"""What stands in a file of tags beside words, and words that cannot be seen."""

import collections
from pathlib import Path

import published_folder
import pytest
from published_folder import CONLLU, read, settings_of, write

from xit.core.errors import DataError
from xit.core.task import task_of
from xit.sources import hub_rows
from xit.sources.files import FilesSource
from xit.sources.reader_context import ReaderContext, Table

uncounted = published_folder.uncounted
FILE = "panx/dev-sw.tsv"


@pytest.mark.parametrize("prefix", ["en", "sw", "zh-min-nan", "zh-classical"])
def test_the_prefixes_of_raw_wikiann_are_one_fault(tmp_path: Path, prefix: str) -> None:
    content = f"{prefix}:Ida\tB-PER\n{prefix}:aliondoka\tO\n\n{prefix}:Turin\tB-LOC\n"
    write(tmp_path, "panx", {FILE: content.encode()})

    with pytest.raises(DataError) as raised:
        read(tmp_path, "panx", "test", "sw")

    (fault,) = raised.value.faults
    assert fault.startswith(f"{tmp_path}/{FILE}: 3 of 3 words begin with {prefix}: as in the raw WikiANN. XTREME's")
    assert fault.endswith(f"so does `sed 's/^{prefix}://'`.")


def test_a_word_with_a_colon_is_a_word(tmp_path: Path) -> None:
    write(tmp_path, "panx", {FILE: b"re:publica\tB-ORG\nilianza\tO\nBerlin\tB-LOC\n"})

    assert read(tmp_path, "panx", "test", "sw")[0]["words"][0] == "re:publica"


@pytest.mark.parametrize("line", ["-DOCSTART-\tO", "-DOCSTART- -X- -X- O"])
def test_marks_of_documents_are_one_fault(tmp_path: Path, line: str) -> None:
    write(tmp_path, "panx", {FILE: f"{line}\n\nIda\tB-PER\naliondoka\tO\n\n{line}\n\nTurin\tB-LOC\n".encode()})

    with pytest.raises(DataError) as raised:
        read(tmp_path, "panx", "test", "sw")

    assert raised.value.faults == (
        f"{tmp_path}/{FILE}: 2 words are -DOCSTART-, which marks where a document begins. Delete such sentences.",
    )


@pytest.mark.parametrize("word", ["\u3000", "\xa0", " ", "\u200b", "\u200e\u200f", "\ufeff"])
def test_a_word_that_cannot_be_seen_stays_and_is_counted(tmp_path: Path, word: str) -> None:
    write(tmp_path, "panx", {FILE: f"Ida\tB-PER\n{word}\tO\naliondoka\tO\n".encode()})
    notes: collections.Counter[str] = collections.Counter()

    (row,) = FilesSource(settings_of(tmp_path)).examples(task_of("panx"), "test", "sw", notes)

    assert row["words"] == ["Ida", word, "aliondoka"]
    assert notes == {"words of blanks only, read as the unknown token": 1}


@pytest.mark.parametrize("word", ["\u3000", "\u200c"])
def test_a_word_of_a_treebank_that_cannot_be_seen_stays_too(tmp_path: Path, word: str) -> None:
    lines = (f"{n}\t{form}\t_\tX\t_\t_\t{n - 1}\tdep\t_\t_\n" for n, form in ((1, "Haus"), (2, word), (3, "da")))
    content = f"# sent_id = a\n# text = Haus{word}da\n{''.join(lines)}\n"
    write(tmp_path, "udpos", {"ud/UD_German-X/de_x-ud-test.conllu": content.encode()})
    notes: collections.Counter[str] = collections.Counter()

    (row,) = FilesSource(settings_of(tmp_path)).examples(task_of("udpos"), "test", "de", notes)

    assert row["words"] == ["Haus", word, "da"]
    assert notes == {"words of blanks only, read as the unknown token": 1}


@pytest.mark.parametrize(
    ("words", "fault"),
    [(["en:Ida", "en:left"], "2 of 2 words begin with en:"), (["-DOCSTART-", "Ida"], "1 word is -DOCSTART-")],
)
def test_rows_of_the_hub_are_looked_at_alike(words: list[str], fault: str) -> None:
    reader = ReaderContext("test", labels={"O": "O"})
    table = Table("owner/name", [{"words": words, "tags": ["O", "O"]}], lambda language: table)

    assert list(hub_rows.tagged(table, reader)) == []
    assert [message.startswith(f"owner/name: {fault}") for message in reader.faults] == [True]


@pytest.mark.parametrize(
    ("task_id", "language", "name", "content"),
    [
        ("panx", "sw", FILE, "Ida\tB-PER\n\nBo\tB-PER\n\nIda\tB-PER\n"),
        ("xnli", "en", "xnli/dev-en.tsv", "A.\tB.\tneutral\n" * 2 + "A.\tB.\tentailment\n" * 8),
    ],
)
def test_rows_that_repeat_an_earlier_one_with_its_label_are_counted(
    tmp_path: Path, task_id: str, language: str, name: str, content: str
) -> None:
    write(tmp_path, task_id, {name: content.encode()})
    notes: collections.Counter[str] = collections.Counter()

    rows = list(FilesSource(settings_of(tmp_path)).examples(task_of(task_id), "test", language, notes))

    assert len(rows) == 3
    assert notes["rows that repeat an earlier one"] == {"panx": 1, "xnli": 2}[task_id]


def test_xtreme_tags_need_no_blank_line_at_the_end(tmp_path: Path) -> None:
    write(tmp_path, "panx")

    rows = read(tmp_path, "panx", "test", "sw")

    assert [(row["id"], row["words"], row["tags"]) for row in rows] == [
        ("0", ["Ida", "aliondoka"], ["B-PER", "O"]),
        ("1", ["Turin"], ["B-LOC"]),
    ]


def test_ccg_has_a_supertag_a_word_and_labels_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "ccg")

    rows = read(tmp_path, "ccg", "train", "en")

    assert len(rows) == 20
    assert rows[4] == {
        "id": "4",
        "language": "en",
        "words": ["Lamps", "slept", "in", "Turin", "."],
        "tags": ["N", "S[dcl]\\NP", "((S\\NP)\\(S\\NP))/NP", "N", "."],
    }
    assert len({tag for row in rows for tag in row["tags"]}) == 7


def test_ccg_is_read_in_the_pipe_format_too(tmp_path: Path) -> None:
    write(tmp_path, "ccg")

    (row,) = read(tmp_path, "ccg", "validation", "en")

    assert (row["words"], row["tags"]) == (["Lamps", "flicker", "."], ["N", "S[dcl]\\NP", "."])


def test_multiword_tokens_keep_their_surface_and_the_tag_of_their_highest_part(tmp_path: Path) -> None:
    write(tmp_path, "udpos")
    notes: collections.Counter[str] = collections.Counter()

    rows = list(FilesSource(settings_of(tmp_path)).examples(task_of("udpos"), "test", "de", notes))

    assert [(row["id"], row["words"], row["tags"]) for row in rows] == [
        ("a", ["Im", "Haus"], ["ADP", "NOUN"]),  # both parts are as near to the root; ADP has precedence over DET
        ("b", ["conchim"], ["NOUN"]),
    ]
    assert dict(notes) == {
        "multiword tokens kept as surface words": 1,
        "sentences left out: their words are not released": 1,
    }


def test_treebanks_of_a_language_are_joined_in_sorted_order(tmp_path: Path) -> None:
    write(tmp_path, "udpos", {"ud/UD_German-A/de_a-ud-test.conllu": CONLLU.encode()})

    rows = read(tmp_path, "udpos", "test", "de")

    assert [row["id"] for row in rows] == ["de_a-ud-test-a", "de_a-ud-test-b", "de_x-ud-test-a", "de_x-ud-test-b"]
