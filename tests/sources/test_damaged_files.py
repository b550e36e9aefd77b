"""Bytes of published files that are changed, cut off or of another encoding."""

import contextlib
import itertools
import re
from pathlib import Path
from typing import Any

import published_folder
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from published_folder import CONLLU, COSMOS, FOLDER, READ, read, write

from xit.core.errors import DataError
from xit.core.task import Split, task_of
from xit.formats import format_of
from xit.sources import files
from xit.sources.reader_context import Group, ReaderContext

uncounted = published_folder.uncounted


def groups_of(folder: Path, task_id: str, split: Split, language: str, name: str) -> tuple[list[Group], ReaderContext]:
    task = task_of(task_id)
    sources = task.files[split]
    source = next(s for s in sources if files.filled(s.path, language).split("*")[0] in name)
    reader = ReaderContext(split, labels={label: label for label in task.labels})
    return files._read(folder / name, source, reader), reader


def damaged(folder: Path, case: tuple[str, Split, str, str], content: bytes) -> list[Group] | None:
    """What a reader makes of a file with that content; None where it finds faults, each with its file and place.

    None too where it has left out and counted rows, of which none of the small files has any.
    """
    task_id, split, language, name = case
    file = folder / task_id / name
    file.write_bytes(content)
    try:
        groups, reader = groups_of(folder / task_id, *case)
        if not reader.faults:
            with contextlib.suppress(DataError):  # two equal ids, or too few rows for the split
                read(folder / task_id, task_id, split, language)
            return None if any(note.startswith("records left out") for note in reader.notes) else groups
        with pytest.raises(DataError):
            read(folder / task_id, task_id, split, language)
    finally:
        file.write_bytes(FOLDER[task_id][name].encode())
    assert [fault for fault in reader.faults if not PLACE.match(fault.removeprefix(f"{folder / task_id}/"))] == []
    return None


PLACE = re.compile(r"[\w./-]+\.\w+(, (line|record|paragraph) [^:]+)?: \S")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    for task_id in FOLDER:
        write(folder / task_id, task_id)
    return folder


def texts(groups: list[Group], *, is_derived: bool) -> list[Group]:
    """Rows to compare: not the candidates that are cut from a text, and repeat it."""
    return [[row for row in group if not is_derived or row["role"] == "query"] for group in groups]


def is_near(found: Any, expected: Any) -> bool:
    """Whether values are equal but for one place in each text and one tag, of a changed head; labels may differ."""
    if isinstance(expected, dict):
        if "tags" in expected and "tags" in found:
            pairs = zip(found["tags"], expected["tags"], strict=True)
            found = found | {"tags": expected["tags"]} if sum(one != other for one, other in pairs) <= 1 else found
        compared = expected.keys() - {"label"}
        return list(found) == list(expected) and all(is_near(found[key], expected[key]) for key in compared)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(is_near, found, expected))
    if isinstance(expected, str):
        same = shared(found, expected)
        ends = shared(found[same:][::-1], expected[same:][::-1])
        return same + ends >= max(len(found), len(expected)) - 2  # a backslash takes the next character
    return type(found) is type(expected)


def shared(one: str, other: str) -> int:
    """How many first characters are equal."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


@pytest.mark.slow
@given(case=st.sampled_from(READ), where=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
@settings(max_examples=500)
@example(case=READ[10], where=CONLLU.index("\n\n# sent_id = b") / len(CONLLU), byte=ord("#"))
@example(case=READ[8], where=COSMOS.index('"c ') / len(COSMOS), byte=1)
def test_a_changed_byte_changes_a_text_or_a_label_or_is_a_fault(
    small: Path, case: tuple[str, Split, str, str], where: float, byte: int
) -> None:
    task_id, _, _, name = case
    raw = FOLDER[task_id][name].encode()
    whole, _ = groups_of(small / task_id, *case)
    place = int(where * len(raw))
    if task_id == "panx" and raw[place - 1 : place + 1] == b"\n\n":
        return  # two sentences become one of good words and tags, which only its SHA-256 would tell

    groups = damaged(small, case, raw[:place] + bytes([byte]) + raw[place + 1 :])

    if groups is None:
        return
    task = task_of(task_id)
    assert [fault for group in groups for row in group for fault in format_of(task).faults(row)] == []
    assert is_near(*(texts(side, is_derived=task_id == "lareqa") for side in (groups, whole)))


@given(case=st.sampled_from(READ), where=st.floats(0, 1, exclude_max=True))
@settings(max_examples=300)
def test_a_truncated_file_is_a_fault_unless_it_ends_between_two_lines(
    small: Path, case: tuple[str, Split, str, str], where: float
) -> None:
    task_id, _, _, name = case
    raw = FOLDER[task_id][name].encode()
    whole, _ = groups_of(small / task_id, *case)
    cut = raw[: int(where * len(raw))]

    groups = damaged(small, case, cut)

    if groups is None:
        return
    assert FOLDER[task_id][name].split()[: len(cut.split())] == cut.decode().split()
    if name.endswith("json"):
        assert groups == whole
    same = len(groups) - (task_id == "panx")  # a sentence cut between lines cannot be told from a shorter one
    assert groups[:same] == whole[:same]


@given(case=st.sampled_from(READ), where=st.floats(0, 1))
@settings(max_examples=150)
def test_a_nul_byte_anywhere_is_a_fault(small: Path, case: tuple[str, Split, str, str], where: float) -> None:
    raw = FOLDER[case[0]][case[3]].encode()
    place = int(where * len(raw))

    assert damaged(small, case, raw[:place] + b"\0" + raw[place:]) is None


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "utf-32", "gb18030", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("case", READ, ids=lambda case: case[3])
def test_another_encoding_than_utf_8_is_a_fault(small: Path, case: tuple[str, Split, str, str], encoding: str) -> None:
    content = ACCENTS.sub("\\1é", FOLDER[case[0]][case[3]])
    assert "é" in content

    groups = damaged(small, case, content.encode(encoding))

    if encoding.startswith("utf-8"):
        assert "é" in str(groups)
    else:
        assert groups is None


ACCENTS = re.compile(r"\b(Lamp|Taa|Ida|Rain|Where|It rained|sink|boat|A(?=[.])|Haus|colour|Welche|spät)\b")
