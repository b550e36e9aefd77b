"""The published files, in the layouts of the Hub, are read as they are from a folder."""

import dataclasses
import json
import os
from pathlib import Path

import hub_fixtures
import pytest
from hub_reading import of, uncounted_task
from hub_server import HubServer, Repository

from xit.core.settings import FilesSettings
from xit.core.task import Split
from xit.sources.files import FilesSource
from xit.sources.hub import HubSource

DATA = Path(os.environ.get("XIT_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"no published files at {DATA}; XIT_TEST_DATA names their folder")
UNCHECKED = FilesSettings(str(DATA), "", 0, "error", "released")


def published(name: str, language: str) -> bytes:
    """A published file as the Hub has it; written without our readers."""
    if name == "xquad":
        articles = json.loads((DATA / f"xquad/xquad.{language}.json").read_text(encoding="utf-8"))["data"]
        rows = [
            hub_fixtures.question(
                asked["id"],
                paragraph["context"].strip(),  # as in google/xtreme, its offsets as they were
                asked["question"],
                *((answer["text"], answer["answer_start"]) for answer in asked["answers"]),
            )
            for article in articles
            for paragraph in article["paragraphs"]
            for asked in paragraph["qas"]
        ]
        return hub_fixtures.parquet(rows, hub_fixtures.SQUAD)
    if name == "xcopa":
        return (DATA / f"xcopa/data/{language}/test.{language}.jsonl").read_bytes()
    if name == "commonsenseqa":
        return (DATA / "commonsenseqa/dev_rand_split.jsonl").read_bytes()
    if name == "hellaswag":
        rows = [json.loads(line) for line in (DATA / "hellaswag/hellaswag.jsonl").read_bytes().splitlines()]
        return hub_fixtures.json_lines([row | {"label": str(row["label"])} for row in rows])
    if name == "tatoeba":
        sides = [DATA / f"tatoeba/tatoeba.deu-eng.{side}" for side in ("deu", "eng")]
        lines = zip(*(side.read_text(encoding="utf-8").splitlines() for side in sides), strict=True)
        return hub_fixtures.json_lines(
            [{"sentence1": f"{foreign}\n", "sentence2": f"{english}\n"} for foreign, english in lines]
        )
    words = [
        [line.split("\t") for line in sentence.split("\n")]
        for sentence in (DATA / f"panx/dev-{language}.tsv").read_text(encoding="utf-8").strip("\n").split("\n\n")
    ]
    rows = [
        {"tokens": [w for w, _ in pairs], "ner_tags": [hub_fixtures.IOB.index(t) for _, t in pairs]} for pairs in words
    ]
    return hub_fixtures.json_lines(rows)


@real
@pytest.mark.parametrize(
    ("name", "split", "language"),
    [
        ("xquad", "test", "de"),
        ("xquad", "test", "zh"),
        ("xcopa", "test", "tr"),
        ("commonsenseqa", "train", "en"),
        ("hellaswag", "train", "en"),
        ("tatoeba", "test", "de"),
        ("panx", "test", "sw"),
    ],
)
def test_published_files_are_read_alike_from_the_hub(
    name: str,
    split: Split,
    language: str,
    server: HubServer,
    repositories: hub_fixtures.Repositories,
    tmp_path: Path,
) -> None:
    task = uncounted_task(name)
    (place,) = task.hub[split]
    path = f"data/{place.split.rpartition('/')[2]}.{'parquet' if name == 'xquad' else 'jsonl'}"
    repositories["datasets/owner/published"] = Repository({path: published(name, language)})
    task = dataclasses.replace(task, hub={split: (dataclasses.replace(place, repository="owner/published"),)})

    found = list(HubSource(of(tmp_path)).examples(task, split, language))
    expected = list(FilesSource(UNCHECKED).examples(task, split, language))

    assert len(found) >= len(expected) > 300
    for row, other in zip(found, expected, strict=split == "test"):  # from files only nine tenths train
        if name == "hellaswag":
            row["id"] = other["id"]
        if name == "xquad":  # an answer stands where it stood, less the blanks at the start
            other["context"], blanks = other["context"].strip(), other["context"].index(other["context"].strip())
            other["starts"] = [start - blanks for start in other["starts"]]
        assert row == other
