"""Texts that are packed: to the same bytes, read as if they were not, and told of where they are damaged."""

import gzip
from collections.abc import Callable
from pathlib import Path

import fabricated
import pytest

from xit.core.errors import DataError
from xit.core.scores import read_scores, write_scores
from xit.core.texts import read_text, stored, write_text
from xit.paper.inputs import COLUMNS, read_rows, rows_if_there, training_beside

TEXT = "naïve,读\r\n" * 300


def test_a_text_is_packed_to_the_same_bytes_that_gzip_reads(tmp_path: Path) -> None:
    for name in ("one.csv.gz", "other.csv.gz", "plain.csv"):
        write_text(tmp_path / name, TEXT)

    packed = (tmp_path / "one.csv.gz").read_bytes()
    assert packed == (tmp_path / "other.csv.gz").read_bytes()
    assert packed[4:8] == bytes(4)  # no time is in it
    assert gzip.decompress(packed) == (tmp_path / "plain.csv").read_bytes() == TEXT.encode()
    assert read_text(tmp_path / "one.csv.gz") == read_text(tmp_path / "plain.csv") == TEXT
    assert len(packed) < len(TEXT) / 10


def test_a_file_is_read_before_its_packed_form(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    assert stored(path) == path
    write_text(tmp_path / "a.csv.gz", "packed")
    assert stored(path) == tmp_path / "a.csv.gz"
    assert stored(tmp_path / "a.csv.gz") == tmp_path / "a.csv.gz"
    write_text(path, "plain")
    assert stored(path) == path


def test_tables_are_read_the_same_packed_or_not(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    fabricated.write_inputs(plain, fabricated.scores())
    for file in plain.iterdir():
        write_text(packed / f"{file.name}.gz", file.read_text(encoding="utf-8"))
    write_scores(tmp_path / "own.csv.gz", fabricated.scores())

    assert read_scores(packed / "scores.csv") == read_scores(packed / "scores.csv.gz")
    assert read_scores(packed / "scores.csv") == read_scores(plain / "scores.csv") == read_scores(tmp_path / "own.csv")
    assert training_beside(packed / "scores.csv") == training_beside(plain / "scores.csv") != ()
    for name in ("audit", "curves", "encoders", "training"):
        found = [read(folder / f"{name}.csv", COLUMNS[name]) for folder in (plain, packed) for read in READERS]
        assert found[0]
        assert found == found[:1] * 4


READERS: tuple[Callable[..., object], ...] = (read_rows, rows_if_there)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-9],
        lambda content: content[:9],
        lambda content: b"text",
        lambda content: content + b"x",
    ],
    ids=["cut", "cut in its head", "not packed", "longer"],
)
def test_a_damaged_file_is_told_with_what_to_try(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    for name in ("scores.csv.gz", "audit.csv.gz"):
        write_text(tmp_path / name, TEXT)
        (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))

    for read in (read_scores, lambda path: read_rows(path.with_name("audit.csv"), COLUMNS["audit"])):
        with pytest.raises(DataError, match=r"\w+\.csv\.gz: cannot be unpacked: .*\. Fetch it again"):
            read(tmp_path / "scores.csv")


def test_what_is_no_text_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "audit.csv").write_bytes(b"task,\xff\n")
    (tmp_path / "curves.csv.gz").write_bytes(gzip.compress(b"stage,\xff\n"))

    for name in ("audit", "curves"):
        with pytest.raises(DataError, match=rf"{name}\.csv(\.gz)?: not a table in UTF-8: 'utf-8' codec"):
            read_rows(tmp_path / f"{name}.csv", COLUMNS[name])
