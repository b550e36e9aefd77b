"""What no format lets pass: packed content, marks inside a text, keys given twice, links that lead nowhere."""

import bz2
import collections
import gzip
import io
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pytest
import test_files_source
from test_files_source import FOLDER, READ, read, settings_of, write

from xit.core.errors import DataError
from xit.core.task import Split, task_of
from xit.sources.files import FilesSource, fingerprint

uncounted = test_files_source.uncounted


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", content)
    return file.getvalue()


@pytest.mark.parametrize(("pack", "kind"), [(gzip.compress, "gzip"), (lzma.compress, "xz"), (bz2.compress, "bzip2")])
@pytest.mark.parametrize(("task_id", "split", "language", "name"), READ)
def test_packed_content_under_a_plain_name_is_told_by_its_kind(
    tmp_path: Path, task_id: str, split: Split, language: str, name: str, pack: Any, kind: str
) -> None:
    write(tmp_path, task_id, {name: pack(FOLDER[task_id][name].encode())})

    with pytest.raises(DataError, match=rf"{name}: is packed by {kind} \(.*which its name does not say\."):
        read(tmp_path, task_id, split, language)


STAND_INS = {
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n",
    "git-annex": b"/annex/objects/SHA256E-s12345--00.json\n",
    "a web page": b"\n<!DOCTYPE html>\n<html><body>404: not found</body></html>\n",
}


@pytest.mark.parametrize("kind", STAND_INS)
@pytest.mark.parametrize(("task_id", "split", "language", "name"), READ)
def test_what_was_fetched_in_place_of_a_file_is_told_as_that(
    tmp_path: Path, task_id: str, split: Split, language: str, name: str, kind: str
) -> None:
    write(tmp_path, task_id, {name: STAND_INS[kind]})

    with pytest.raises(DataError, match=rf"{name}: is .*{kind}.*, not the file itself\. .*etch"):
        read(tmp_path, task_id, split, language)


def test_an_archive_under_a_plain_name_is_told_too(tmp_path: Path) -> None:
    write(tmp_path, "xquad", {"xquad/xquad.en.json": zipped(b"{}")})

    with pytest.raises(DataError, match=r"xquad.en.json: is packed by zip \(unzip\)"):
        read(tmp_path, "xquad", "test", "en")


@pytest.mark.parametrize(("task_id", "split", "language", "name"), READ)
def test_further_byte_order_marks_are_skipped_and_counted(
    tmp_path: Path, task_id: str, split: Split, language: str, name: str
) -> None:
    write(tmp_path, task_id)
    plain = read(tmp_path, task_id, split, language)

    write(tmp_path, task_id, {name: b"\xef\xbb\xbf" * 3 + FOLDER[task_id][name].encode()})

    notes: collections.Counter[str] = collections.Counter()
    rows = list(FilesSource(settings_of(tmp_path)).examples(task_of(task_id), split, language, notes))
    assert rows == plain
    assert notes["further byte order marks skipped"] == 2


NUL_PLACES = [
    ("xcopa", "test", "tr", "xcopa/data/tr/test.tr.jsonl", "fell"),
    ("xquad", "test", "en", "xquad/xquad.en.json", "lamp"),
    ("anli_plus", "train", "en", "anli/anli_v1.0/R1/dev.jsonl", "A."),
]


@pytest.mark.parametrize(("task_id", "split", "language", "name", "word"), NUL_PLACES)
def test_a_nul_that_json_hides_is_a_fault_and_a_backslash_before_u0000_is_not(
    tmp_path: Path, task_id: str, split: Split, language: str, name: str, word: str
) -> None:
    content = FOLDER[task_id][name]
    write(tmp_path, task_id, {name: content.replace(word, f"\\u0000{word}", 1).encode()})
    with pytest.raises(DataError, match=r"has a NUL \(\\u0000\) inside a text\. Fetch it again\."):
        read(tmp_path, task_id, split, language)

    if task_id == "anli_plus":  # no offset that would move
        write(tmp_path, task_id, {name: content.replace(word, f"\\\\u0000{word}", 1).encode()})
        assert read(tmp_path, task_id, split, language)[0]["text_a"] == f"\\u0000{word}"


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("tr", '"label": 0', '"label": true', r"line 1: label is True: Input should be a valid integer\."),
        ("tr", '"label": 0', '"label": 0.0', r"line 1: label is 0\.0: Input should be a valid integer\."),
        ("tr", '"label": 0', '"label": 1, "label": 0', r"line 1: label is given more than once\. Which one counts\?"),
        ("tr", '"idx": 0', '"idx": false', r"line 1: idx is False: Input should be a valid integer\."),
    ],
)
def test_a_label_is_one_whole_number(tmp_path: Path, name: str, old: str, new: str, message: str) -> None:
    file = f"xcopa/data/{name}/test.{name}.jsonl"
    content = FOLDER["xcopa"][file]
    assert old in content
    write(tmp_path, "xcopa", {file: content.replace(old, new, 1).encode()})

    with pytest.raises(DataError, match=message):
        read(tmp_path, "xcopa", "test", name)


def test_a_key_given_twice_deep_inside_a_file_is_a_fault(tmp_path: Path) -> None:
    name = "xquad/xquad.en.json"
    content = FOLDER["xquad"][name].replace('"answer_start": 24', '"answer_start": 3, "answer_start": 24')
    write(tmp_path, "xquad", {name: content.encode()})

    with pytest.raises(DataError, match=r"xquad.en.json: answer_start is given more than once\."):
        read(tmp_path, "xquad", "test", "en")


def test_repaired_questions_without_the_estonian_file_are_one_fault(tmp_path: Path) -> None:
    turkish = "xcopa/data/tr/test.tr.jsonl"
    write(tmp_path, "xcopa", {"xcopa/data/et/test.et.jsonl": None, turkish: FOLDER["xcopa"][turkish].encode() * 30})

    with pytest.raises(DataError) as raised:
        read(tmp_path, "xcopa", "test", "tr", xcopa_questions="repaired")

    missing = f"{tmp_path}/xcopa/data/et/test.et.jsonl: no such file. The rule xcopa_questions: repaired takes the"
    assert [fault.startswith(missing) for fault in raised.value.faults] == [True]


@pytest.mark.parametrize(
    ("task_id", "split", "language", "name"),
    [case for case in READ if case[0] in ("xquad", "xnli", "udpos", "tatoeba", "mewslix", "lareqa")],
)
def test_a_link_that_leads_nowhere_is_a_fault_and_not_a_language_less(
    tmp_path: Path, task_id: str, split: Split, language: str, name: str
) -> None:
    write(tmp_path, task_id, {name: None})
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).symlink_to("nowhere.json")

    with pytest.raises(DataError, match=rf"{name}: cannot be read: .* It is a link to nowhere.json, which leads"):
        read(tmp_path, task_id, split, language)
    if split == "test":
        assert language in FilesSource(settings_of(tmp_path)).languages(task_of(task_id))


def test_a_field_of_any_length_is_read(tmp_path: Path) -> None:
    long = "word " * 40_000
    content = FOLDER["cosmosqa"]["cosmosqa/valid.csv"].replace("It rained, so I ran.", long, 1)
    write(tmp_path, "cosmosqa", {"cosmosqa/valid.csv": content.encode()})

    assert read(tmp_path, "cosmosqa", "train", "en")[0]["prompt"] == f"{long} Why?"


HIDDEN = ("xquad/._xquad.en.json", "lareqa/xquad-r/._en.json", "ud/._UD_German-X/de_y-ud-test.conllu", ".DS_Store")


def test_hidden_files_and_notes_are_not_looked_at(tmp_path: Path) -> None:
    for task_id in ("xquad", "lareqa", "udpos", "tatoeba"):
        write(tmp_path, task_id)
    cases: list[tuple[str, Split, str]] = [("xquad", "test", "en"), ("lareqa", "test", "de"), ("udpos", "test", "de")]
    before = [read(tmp_path, *case) for case in cases], fingerprint(tmp_path)

    for name in (*HIDDEN, "NOTES.txt", "xquad/LICENCE.txt", "lareqa/xquad-r/xx.json", "other/data.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\x16\7")

    assert ([read(tmp_path, *case) for case in cases], fingerprint(tmp_path)) == before
    (tmp_path / "xquad/xquad.en.json").unlink()
    with pytest.raises(DataError, match=r"xquad.en.json: no such file\. Looked in"):
        read(tmp_path, "xquad", "test", "en")


@pytest.mark.parametrize("name", sorted({name for contents in FOLDER.values() for name in contents}))
def test_every_file_that_is_read_counts_in_the_fingerprint_of_the_folder(tmp_path: Path, name: str) -> None:
    for task_id in FOLDER:
        write(tmp_path, task_id)
    before = fingerprint(tmp_path)

    (tmp_path / name).write_text("another content")

    assert fingerprint(tmp_path) != before
