"""Scores as CSV and as JSON: what was written is read, under the old names too, and what is no score is refused."""

import csv
from pathlib import Path

import pytest
from fabricated import scores, write_inputs

from xit.core.errors import DataError
from xit.core.scores import FIELDS, Score, read_scores, write_scores
from xit.paper.inputs import COLUMNS, read_rows


def with_old_names(path: Path) -> Path:
    """The file with the header of version 0.1."""
    head, rest = path.read_text(encoding="utf-8").split("\n", 1)
    assert ",condition," in head
    path.write_text(f"{head.replace('condition', 'intermediate')}\n{rest}", encoding="utf-8")
    return path


def test_tables_with_the_column_intermediate_are_read(tmp_path: Path) -> None:
    write_inputs(tmp_path, scores())
    names = ("curves", "training")
    before = (
        read_scores(tmp_path / "scores.csv"),
        *(read_rows(tmp_path / f"{n}.csv", COLUMNS[n]) for n in names),
    )

    after = (
        read_scores(with_old_names(tmp_path / "scores.csv")),
        *(read_rows(with_old_names(tmp_path / f"{n}.csv"), COLUMNS[n]) for n in names),
    )

    assert after == before


def test_a_score_with_the_key_intermediate_is_read() -> None:
    score = scores()[0]
    values = score.as_dict()
    old = {"intermediate" if name == "condition" else name: value for name, value in values.items()}

    assert "condition" not in old
    assert Score.from_dict(old) == Score.from_dict(values) == score


def test_scores_are_written_under_their_new_name(tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.csv", scores())

    with (tmp_path / "scores.csv").open(encoding="utf-8") as file:
        assert "condition" in next(csv.reader(file))


ROW = "lstm,none,xnli,de,test,micro,accuracy,1,{},100"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW.format("inf"), "line 2: a score is a number from 0 to 100; found inf"),
        (ROW.format("nan"), "line 2: a score is a number from 0 to 100; found nan"),
        (ROW.format("much"), "line 2: not a score"),
        ("lstm,none,xnli", "line 2: has 3 fields, not 10"),
        ('"' + "x" * 200_000, "not a table of scores in UTF-8: field larger than|line 2: has 1 fields"),
        ("\udcff", "not a table of scores in UTF-8: 'utf-8' codec"),
    ],
)
def test_a_table_of_scores_that_holds_none_is_told_with_its_line(row: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(f"{','.join(FIELDS)}\n{row}\n", errors="surrogateescape")

    with pytest.raises(DataError, match=message):
        read_scores(path)
