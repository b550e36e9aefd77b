"""`xit show`: its sub-commands, and the spellings from before there were any."""

import pytest

from xit.cli.show import today


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("xquad", "task xquad"),
        ("xquad --language de --count 2", "task xquad --language de --count 2"),
        ("--language de xquad", "task --language de xquad"),
        ("--profile tiny", "profile tiny"),
        ("--profile=tiny --data folder", "profile tiny --data folder"),
        ("--preset phang-jiant --profile tiny", "profile tiny --preset phang-jiant"),
        ("--preset phang-jiant", "profile phang-jiant"),
        ("--data folder --profile text", "profile text --data folder"),
        ("--power", "power"),
        ("--sd-seeds 2 --power --sd-languages 3", "power --sd-seeds 2 --sd-languages 3"),
        ("--memory --rows 64", "memory --rows 64"),
    ],
)
def test_spellings_of_before_mean_what_they_meant(before: str, now: str) -> None:
    assert " ".join(today(before.split())) == now


@pytest.mark.parametrize("spelling", ["", "--help", "task xquad --count 2", "profile tiny", "power"])
def test_spellings_of_today_stay(spelling: str) -> None:
    assert " ".join(today(spelling.split())) == spelling
