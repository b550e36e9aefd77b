"""Repositories of the Hub: their cards, their layouts, and what is wrong with them."""

import dataclasses
import gzip
from pathlib import Path
from typing import Any

import hub_fixtures
import pytest
from hub_reading import broken, of, uncounted_task
from hub_server import HubServer

from xit.core.errors import DataError
from xit.core.hub import chosen
from xit.sources.hub import HubSource


def test_a_repository_that_was_renamed_is_followed(
    server: HubServer, repositories: hub_fixtures.Repositories, tmp_path: Path
) -> None:
    server.renamed["owner/old-name"] = "facebook/xnli"
    (place,) = uncounted_task("xnli").hub["train"]
    moved = dataclasses.replace(place, repository=place.repository.replace("facebook/xnli", "owner/old-name"))
    task = dataclasses.replace(uncounted_task("xnli"), hub={"train": (moved,)})

    found = list(HubSource(of(tmp_path)).examples(task, "train", "en"))
    server.renamed.clear()

    assert len(found) == 3


def test_a_part_that_is_missing_in_the_repository_is_named(
    server: HubServer, repositories: hub_fixtures.Repositories, tmp_path: Path
) -> None:
    content = hub_fixtures.parquet([{"premise": "A", "hypothesis": "B", "label": 0}], hub_fixtures.PAIR)
    task = broken({f"data/train-0000{n}-of-00003.parquet": content for n in (0, 2)}, repositories)

    with pytest.raises(DataError) as caught:
        HubSource(of(tmp_path)).examples(task, "train", "en")
    assert str(caught.value) == (
        "owner/broken@main: 1 of the files of plain_text, train are missing in the repository: "
        "data/train-00001-of-00003.parquet. It has 2. Take another commit of it, or tell its owner."
    )


OTHER = hub_fixtures.parquet([{"sentence1": "A", "label": 0}], hub_fixtures.Features({"sentence1": hub_fixtures.TEXT}))
BROKEN = [
    ({"data/train-0.parquet": OTHER}, "plain_text/train: no column premise, hypothesis, label. It has: sentence1. xit"),
    ({"data/train-0.parquet": OTHER[:-20]}, "plain_text/train, train-0.parquet: cannot be read: "),
    ({"train.jsonl": b'{"premise": "A"'}, "plain_text/train, train.jsonl: cannot be read: Expecting ',' delimiter"),
    ({"train.jsonl": b"[1]\n"}, "plain_text/train, train.jsonl: not JSON lines: each line should be an object."),
    ({"train.jsonl": b"\xff\n"}, "plain_text/train, train.jsonl: cannot be read: 'utf-8' codec can't decode byte 0xff"),
    ({"train.jsonl.gz": b"\x1f\x8b\x08"}, "plain_text/train, train.jsonl.gz: cannot be read: "),
    ({"train.jsonl.gz": gzip.compress(b"{}" * 99)[:-20]}, "plain_text/train, train.jsonl.gz: cannot be read: "),
    ({"train.jsonl": b"\n"}, "plain_text/train: no rows."),
]


@pytest.mark.parametrize(("files", "message"), BROKEN, ids=range(len(BROKEN)))
def test_a_published_file_with_a_fault_is_named(
    files: dict[str, bytes],
    message: str,
    server: HubServer,
    repositories: hub_fixtures.Repositories,
    tmp_path: Path,
) -> None:
    task = broken(files, repositories)

    with pytest.raises(DataError) as caught:
        HubSource(of(tmp_path)).examples(task, "train", "en")
    assert str(caught.value).startswith(f"owner/broken, {message}")


@pytest.mark.parametrize(
    "header", [b"---\nconfigs: [\n---\n", b"---\nconfigs: 3\n---\n", b"---\nconfigs: [{a: b}]\n---\n"]
)
def test_a_card_that_cannot_be_understood_is_told(
    header: bytes, server: HubServer, repositories: hub_fixtures.Repositories, tmp_path: Path
) -> None:
    task = broken({"README.md": header, "data/train-0.parquet": OTHER}, repositories)

    with pytest.raises(DataError, match=r"README.md: its header says in no known way which files make which split: "):
        HubSource(of(tmp_path)).examples(task, "train", "en")


def test_a_repository_with_a_script_only_is_told(
    server: HubServer, repositories: hub_fixtures.Repositories, tmp_path: Path
) -> None:
    task = broken(hub_fixtures.SCRIPT, repositories)

    with pytest.raises(DataError) as caught:
        HubSource(of(tmp_path)).examples(task, "train", "en")
    assert str(caught.value).splitlines() == [
        "owner/broken@main: no Parquet or JSON files of plain_text, train. Data lies in: none; a script loads it.",
        "owner/broken@refs/convert/parquet: there is no such revision or file.",
    ]


CARD = {"a": {"train": ["a/train-*"]}, "b": {"train": ["b/*.jsonl"], "test": ["b/test.csv"]}}


@pytest.mark.parametrize(
    ("paths", "configs", "config", "split", "expected"),
    [
        (["a/train-0.parquet", "a/train-1.parquet", "b/train.jsonl"], CARD, "a", "train", ("0", "1")),
        (["b/x.jsonl"], CARD, "b", "train", ("x",)),
        (["b/x.jsonl", "c/train-0.parquet"], CARD, "c", "train", ()),
        (["b/test.csv"], CARD, "b", "test", ()),
        (["data/train-0.parquet", "data/test-0.parquet"], {}, "plain_text", "train", ("0",)),
        (["mlqa.de/test/0000.parquet", "mlqa.en/test/0000.parquet"], {}, "mlqa.en", "test", ("0000",)),
        (["default/train/0000.parquet"], {}, "plain_text", "train", ("0000",)),
        (["only/train-0.parquet"], {"only": {"train": ["only/train-*"]}}, "plain_text", "train", ("0",)),
        (["train.py", "train.txt"], {}, "plain_text", "train", ()),
    ],
)
def test_the_files_of_a_split_are_those_of_the_card_or_of_the_usual_layouts(
    paths: list[str], configs: Any, config: str, split: str, expected: tuple[str, ...]
) -> None:
    found = chosen(paths, configs, config, split)

    assert tuple(Path(path).name.split(".")[0].removeprefix("train-") for path in found) == expected
