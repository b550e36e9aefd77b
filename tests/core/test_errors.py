"""Messages: many lines of a file with the same fault are told once, and none is lost."""

import pytest

from xit.core.errors import DataError, raise_all


def lines(message: str, *numbers: int, file: str = "a folder/a.tsv") -> list[str]:
    return [f"{file}, line {number}: {message}" for number in numbers]


SAME = lines("1 column; 2 are needed.", *range(1, 101))


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        (SAME, [f"{SAME[0]} The same is true of 99 further lines."]),
        (SAME[:3], SAME[:3]),
        (SAME[:4], [f"{SAME[0]} The same is true of 3 further lines."]),
        (
            [SAME[0], "b.tsv: is empty.", *SAME[1:], *lines("has a tab.\nAnd more.", 7)],
            [
                f"{SAME[0]} The same is true of 99 further lines.",
                "b.tsv: is empty.",
                *lines("has a tab.\nAnd more.", 7),
            ],
        ),
        ([*SAME[:3], *lines("1 column; 2 are needed.", 1, 2, 3, file="b.tsv")], None),
        ([f"b.tsv, line {number}: id {number} is twice." for number in range(20)], None),
        (["b.tsv: is empty."] * 5, None),
    ],
)
def test_what_many_lines_share_is_told_once(faults: list[str], told: list[str] | None) -> None:
    with pytest.raises(DataError) as raised:
        raise_all(DataError, faults)

    assert str(raised.value) == "\n".join(faults if told is None else told)
    assert raised.value.faults == tuple(faults)


def test_a_message_lists_the_first_twenty_kinds() -> None:
    with pytest.raises(DataError, match=r"\n… and 2 more of this kind\.$"):
        raise_all(DataError, [*SAME, *(f"c.tsv, line {number}: id {number} is twice." for number in range(21))])
