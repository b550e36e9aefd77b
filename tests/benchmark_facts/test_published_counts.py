"""The published files themselves, where they are: as many examples as stated, and what is known of them."""

import collections
import os
from pathlib import Path
from typing import Any

import published_folder
import pytest
from fast_cases import fast
from published_folder import read, settings_of

from xit.core import registry
from xit.core.task import Split, task_of
from xit.formats import format_of
from xit.sources import files, pretraining
from xit.sources.files import FilesSource

uncounted = published_folder.uncounted

DATA = Path(os.environ.get("XIT_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"no published files at {DATA}; XIT_TEST_DATA names their folder")
ISO = {  # languages by the number of test examples
    "chromium 1000": "af ar de el es fa id it mr pt sw ta te tl tr zh",
    "panx 1000": "af az bn hi kk ml mr ms sw ta te tl ur",
    "panx 100": "gu jv my pa qu yo",
    "tatoeba 1000": "af ar az bn de el es et eu fa fi fr he hi id ja ko mr nl pl pt ro ru tl tr uk ur vi zh",
    "xcopa 500": "et id it qu sw ta tr zh",
    "xquad 1190": "ar de en es tr zh",
}
TEST_COUNTS = {  # examples, of retrieval queries; from the table of the files' README
    "xnli": {"en": 747, "sw": 747, "zh": 747},  # 30 % of 2490
    "pawsx": {"en": 600, "de": 600},  # 30 % of 2000
    "xcopa": dict.fromkeys(ISO["xcopa 500"].split(), 500),
    "udpos": {"en": 153, "af": 425, "id": 1000, "lt": 55, "mr": 47, "ta": 120, "te": 146, "tl": 128, "tr": 1000}
    | {"vi": 800, "wo": 470, "yo": 318, "zh": 1000},
    "panx": {"en": 10000} | dict.fromkeys(ISO["panx 1000"].split(), 1000) | dict.fromkeys(ISO["panx 100"].split(), 100),
    "xquad": dict.fromkeys(ISO["xquad 1190"].split(), 1190),
    "mlqa": {"de": 512, "en": 1148},
    "tydiqa": {"en": 523},  # the last 15 % of 3429 contexts
    "tatoeba": {"jv": 205, "ka": 746, "ml": 687, "sw": 390, "ta": 307, "th": 548}
    | dict.fromkeys(ISO["tatoeba 1000"].split(), 1000),
    "lareqa": {"de": 1190, "en": 1190, "zh": 1190},
    "chromium": dict.fromkeys(ISO["chromium 1000"].split(), 1000)
    | {"bg": 999, "fr": 999, "he": 999, "hi": 997, "ja": 994, "ko": 999, "nl": 998, "ru": 991, "uk": 995, "vi": 999},
}
TRAINING_COUNTS = {  # train and validation together
    "sick": 4500 + 500,
    "anli_plus": 1000,
    "cosmosqa": 2985,
    "commonsenseqa": 1221,
    "hellaswag": 1000,
    "siqa": 1954,
    "copa": 400 + 100,
    "xnli": 1743,  # 70 % of 2490
    "pawsx": 1400,
    "xcopa": 1954 + 400 + 100,
    "udpos": 1781 + 156,
    "panx": 20000,
    "xquad": 3696,
    "mlqa": 3696,
    "tydiqa": 3696 - 523,
    "lareqa": 3696,
}


def is_small(task_id: str) -> bool:
    """Whether all its files are read within a second."""
    return task_id not in ("udpos", "panx", "lareqa")


def count(rows: list[dict[str, Any]]) -> int:
    return sum(row.get("role") != "candidate" for row in rows)


@real
@pytest.mark.parametrize("task_id", fast(is_small, TEST_COUNTS))
def test_the_published_files_hold_as_many_test_examples_as_stated(task_id: str) -> None:
    task = task_of(task_id)

    languages = FilesSource(settings_of(DATA)).languages(task)

    found = {language: count(read(DATA, task_id, "test", language)) for language in languages}
    assert found == TEST_COUNTS[task_id]


@real
@pytest.mark.parametrize("task_id", fast(is_small, TRAINING_COUNTS))
def test_the_published_files_hold_as_many_training_examples_as_stated(task_id: str) -> None:
    found = sum(count(read(DATA, task_id, split, "en")) for split in ("train", "validation"))

    assert found == TRAINING_COUNTS[task_id]


@real
def test_these_tests_read_every_task_that_has_files_but_those_that_are_not_here() -> None:
    with_files = {task_id for task_id in registry.names("tasks") if task_of(task_id).files}

    assert with_files - {"squad", "squad2", "mnli", "qqp", "ccg", "bucc2018", "mewslix"} == set(TEST_COUNTS) | set(
        TRAINING_COUNTS
    )


@real
@pytest.mark.parametrize("task_id", ["xnli", "pawsx", "tydiqa"])
def test_splits_of_one_published_file_share_no_row(task_id: str) -> None:
    splits: tuple[Split, ...] = ("train", "validation", "test")
    ids = [row["id"] for split in splits for row in read(DATA, task_id, split, "en")]

    assert len(ids) == len(set(ids)) >= 2000


@real
def test_xnli_shares_no_premise_between_training_and_test() -> None:
    train, test = ({row["text_a"] for row in read(DATA, "xnli", split, "en")} for split in ("train", "test"))

    assert len(train) > 400
    assert not train & test


@real
@pytest.mark.parametrize("task_id", TEST_COUNTS)
def test_every_published_example_fits_its_format(task_id: str) -> None:
    task = task_of(task_id)
    language = FilesSource(settings_of(DATA)).languages(task)[-1]

    faults = [fault for row in read(DATA, task_id, "test", language) for fault in format_of(task).faults(row)]

    assert faults == []


@real
@pytest.mark.parametrize(("language", "count"), [("tr", 51), ("sw", 37), ("id", 4), ("it", 4), ("qu", 0), ("zh", 0)])
def test_xcopa_has_as_many_wrong_questions_as_known(language: str, count: int) -> None:
    notes: collections.Counter[str] = collections.Counter()
    values = settings_of(DATA, xcopa_questions="repaired")

    list(FilesSource(values).examples(task_of("xcopa"), "test", language, notes))

    assert notes["XCOPA questions repaired"] == count


@pytest.mark.slow
@real
def test_text_leaves_out_the_known_overlap_with_evaluation_files() -> None:
    codes = ["en", "sw", "yo", "zh"]
    lines = {
        code: [
            line
            for folder in files.TEXT_FOLDERS
            if (DATA / folder / f"{code}.txt").exists()
            for line in (DATA / folder / f"{code}.txt").read_text(encoding="utf-8").split("\n")
            if line.strip()
        ]
        for code in codes
    }

    notes = {code: collections.Counter[str]() for code in codes}
    kept = {code: list(pretraining.documents(FilesSource(settings_of(DATA)), code, notes[code])) for code in codes}

    assert {code: len(lines[code]) - len(kept[code]) for code in codes} == {"en": 12, "sw": 1, "yo": 3, "zh": 0}
    assert {code: notes[code].total() for code in codes} == {"en": 12, "sw": 1, "yo": 3, "zh": 0}
