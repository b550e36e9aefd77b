"""The files source: which tasks, languages and splits a folder has, and text for pretraining."""

import gzip
import lzma
from pathlib import Path

import published_folder
import pytest
from published_folder import FOLDER, READ, read, settings_of, write

from xit.core.errors import DataError
from xit.core.settings import RetrievalSettings
from xit.core.task import Split, task_of
from xit.evaluation.evaluate import EvaluationOptions, report_of
from xit.sources import audit
from xit.sources.files import FilesSource
from xit.stages import data

uncounted = published_folder.uncounted


def test_a_task_that_has_no_file_says_which_files_and_sources_would_do(tmp_path: Path) -> None:
    message = (
        rf"^ccg: the files source has nothing of it in {tmp_path}\. Its licence: LDC User Agreement\. Take it from "
        r"another source, or out of the grid\. Sources: micro \(an invented counterpart\); "
        r"files \(reads ccg/ccg\.train, ccg/ccg\.dev, ccg/ccg\.test\)\.$"
    )

    with pytest.raises(DataError, match=message):
        data.data("ccg", FilesSource(settings_of(tmp_path)), ["en"], tmp_path / "out")


@pytest.mark.parametrize("given", ["whole/tatoeba", "", "whole/tatoeba/inner"])
def test_a_folder_too_high_or_too_deep_is_told_with_the_one_that_has_the_files(tmp_path: Path, given: str) -> None:
    write(tmp_path / "whole", "tatoeba")
    (tmp_path / given).mkdir(exist_ok=True)
    source = FilesSource(settings_of(tmp_path / given))
    message = rf"nothing of it in {tmp_path / given}\. Did you mean --data {tmp_path / 'whole'}, which has some\? Its"

    with pytest.raises(DataError, match=message):
        data.data("tatoeba", source, ["de"], tmp_path / "out")
    with pytest.raises(DataError, match=message):
        audit.audit(["tatoeba"], source)
    with pytest.raises(DataError, match=message):
        report_of("no checkpoint", ["tatoeba"], None, source, EvaluationOptions(RetrievalSettings(0.5, "mean")))


@pytest.mark.parametrize(("task_id", "split", "language", "name"), READ)
def test_a_byte_order_mark_and_either_line_end_change_nothing(
    tmp_path: Path, task_id: str, split: Split, language: str, name: str
) -> None:
    write(tmp_path, task_id)
    plain = read(tmp_path, task_id, split, language)
    raw = FOLDER[task_id][name].replace("\r\n", "\n").encode()

    write(tmp_path, task_id, {name: b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n")})

    assert read(tmp_path, task_id, split, language) == plain


def test_most_test_takes_the_first_queries_and_every_candidate(tmp_path: Path) -> None:
    write(tmp_path, "tatoeba")

    rows = read(tmp_path, "tatoeba", "test", "de", most_test=1)

    assert [(row["role"], row["id"]) for row in rows] == [("query", "0"), ("candidate", "0"), ("candidate", "1")]


def test_only_languages_with_a_file_are_listed(tmp_path: Path) -> None:
    write(tmp_path, "xnli")

    assert FilesSource(settings_of(tmp_path)).languages(task_of("xnli")) == ("en", "sw")
    assert FilesSource(settings_of(tmp_path)).languages(task_of("mnli")) == ()


def test_text_joins_the_folders_and_opens_what_is_packed(tmp_path: Path) -> None:
    contents = {"mine": b"Ende\n", "udhr": b"\nAlle Menschen\r\n", "lingua": b"\xef\xbb\xbfGuten Tag.\xc2\x85Ja.\n"}
    names = {"mine": "de.txt", "udhr": "de.txt.xz", "lingua": "de.txt.gz"}
    for name, pack in {"mine": bytes, "udhr": lzma.compress, "lingua": gzip.compress}.items():
        (tmp_path / f"text-{name}").mkdir()
        (tmp_path / f"text-{name}" / names[name]).write_bytes(pack(contents[name]))

    lines = list(FilesSource(settings_of(tmp_path)).text("de"))

    assert lines == ["Guten Tag.\x85Ja.", "Alle Menschen", "Ende"]


def test_a_language_without_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text-mine").mkdir()

    with pytest.raises(
        DataError, match=r"no text in xx\. Looked for xx.txt, xx.txt.gz and .* there are: text-mine\. Put"
    ):
        list(FilesSource(settings_of(tmp_path)).text("xx"))


def test_a_segment_that_a_language_lacks_is_not_asked_for(tmp_path: Path) -> None:
    write(tmp_path, "chromium", {"text-parallel/heldout/de.txt": "-\nNeue Lampe öffnen\n".encode()})

    rows = read(tmp_path, "chromium", "test", "de")

    assert [(row["role"], row["id"], row["text"], row["gold"]) for row in rows] == [
        ("query", "1", "Open a new lamp", ["1"]),
        ("candidate", "1", "Neue Lampe öffnen", []),
    ]
