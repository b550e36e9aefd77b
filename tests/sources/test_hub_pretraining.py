"""Text and pairs of the Hub for pretraining."""

import collections
import json
from pathlib import Path

import hub_fixtures
import pytest
from hub_reading import ON_HUB, of, uncounted_task
from hub_server import HubServer

from xit.core import registry
from xit.core.errors import DataError
from xit.core.hub import AbsentError
from xit.sources import NoPairsError, hub, pretraining
from xit.sources.hub import HubSource
from xit.stages import data


def test_text_is_that_of_the_first_file_of_a_language(server: HubServer, cache: Path) -> None:
    lines = list(HubSource(of(cache)).text("sw"))

    assert (len(lines), lines[0]) == (200, "The lamp 0\n\nis a lamp in sw.")
    with pytest.raises(DataError, match=r"no Parquet or JSON files of 20231101.xx, train"):
        list(HubSource(of(cache)).text("xx"))


def test_articles_are_cleaned_of_evaluated_sentences(
    server: HubServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ON_HUB:
        monkeypatch.setattr(registry.load("tasks", name), "task", uncounted_task(name))
    notes: collections.Counter[str] = collections.Counter()

    found = list(pretraining.documents(HubSource(of(cache)), "de", notes))

    assert len(found) == 200
    assert found[:2] == ["Intro.\nA lamp. ", "The lamp 1\nis a lamp in de."]
    assert notes == {"in an evaluation set": 4}


def test_pairs_are_those_of_opus_100_whichever_language_comes_first(server: HubServer, cache: Path) -> None:
    source = HubSource(of(cache))

    assert [pair[:2] for pair in source.parallel("af")] == [(f"The lamp {n}\tis on.", f"{n} af") for n in range(3)]
    assert [pair.target for pair in source.parallel("zh")] == ["0 灯", "1 灯", "2 灯"]
    assert {pair.origin for pair in source.parallel("zh")} == {hub.OPUS100}
    for code in hub_fixtures.NO_PAIRS:
        with pytest.raises(
            NoPairsError, match=rf"no pairs of English and {code}\. OPUS-100 has none of ht, jv, qu, sw, tl a"
        ):
            next(source.parallel(code))


def test_pairs_that_cannot_be_had_are_another_matter_than_none(server: HubServer, tmp_path: Path) -> None:
    with pytest.raises(AbsentError, match=r"not whole in the cache, and hub\.is_offline is true"):
        next(HubSource(of(tmp_path, is_offline=True)).parallel("de"))


def test_the_stage_writes_the_pairs_of_the_hub_and_says_which_languages_have_none(
    server: HubServer, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ON_HUB:
        monkeypatch.setattr(registry.load("tasks", name), "task", uncounted_task(name))

    lines = data.parallel(HubSource(of(cache)), ["en", "el", "sw", "zh"], tmp_path / "out")

    audit = json.loads((tmp_path / "out/audit.json").read_text(encoding="utf-8"))
    assert (tmp_path / "out/zh.tsv").read_text(encoding="utf-8") == "".join(
        f"The lamp {n} is on.\t{n} 灯\n" for n in range(3)
    )
    assert (tmp_path / "out/sw.tsv").read_bytes() == b""
    assert list(audit["missing"]) == ["sw"]
    assert [(row["language"], row["pairs"]) for row in audit["languages"]] == [("el", 3), ("zh", 3)]
    assert audit["languages"][0]["sources"] == [{"source": hub.OPUS100, "pairs": 3, "licence": "unknown"}]
    assert len(lines) == 2
    assert "no pairs of English and sw" in lines[1]
