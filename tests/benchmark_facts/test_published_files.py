"""The published files: as many records as a task states, LAReQA as its own loader has it, and a file that lost rows."""

import collections
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from fast_cases import fast

from xit.core import registry
from xit.core.errors import DataError
from xit.core.settings import FilesSettings
from xit.core.task import Files, Task, task_of
from xit.sources.files import FilesSource

DATA = Path(os.environ.get("XIT_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"no published files at {DATA}; XIT_TEST_DATA names their folder")


def source_of(folder: Path) -> FilesSource:
    return FilesSource(FilesSettings(str(folder), "", 0, "error", "released"))


def counted() -> dict[str, Files]:
    """The files of which a number of records is stated, each once, with the first language of its task."""
    tasks = [task_of(name) for name in registry.names("tasks")]
    return {
        file.path: file for task in tasks for files in task.files.values() for file in files if file.count is not None
    }


def lines(count: int, line: str) -> str:
    return "".join(f"{line.format(n)}\n" for n in range(count))


SHORT = {  # task, language, a file that lost rows at the end, with nothing beside it
    "xnli": ("de", "xnli/dev-de.tsv", lines(150, "Premise {}.\tHypothesis.\tneutral"), "150 records, but 2,490"),
    "pawsx": ("fr", "pawsx/dev-fr.tsv", lines(1_999, "Ida {}.\tBo.\t1"), "1,999 records, but 2,000"),
    "panx": ("yo", "panx/dev-yo.tsv", lines(99, "Ida{}\tB-PER\n"), "99 records, but 100"),
    "xcopa": (
        "et",
        "xcopa/data/et/test.et.jsonl",
        lines(300, '{{"premise":"A.","choice1":"b","choice2":"c","question":"cause","label":0,"idx":{}}}'),
        "300 records, but 500",
    ),
}


@pytest.mark.parametrize("task_id", SHORT)
def test_a_file_that_lost_rows_is_a_fault_with_nothing_beside_it(tmp_path: Path, task_id: str) -> None:
    language, name, content, message = SHORT[task_id]
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(content)

    with pytest.raises(DataError, match=rf"{name}: {message} are published\. Was it cut off\? Fetch it again\."):
        source_of(tmp_path).examples(task_of(task_id), "test", language)


def test_a_file_with_rows_too_many_is_a_fault_too(tmp_path: Path) -> None:
    (tmp_path / "pawsx").mkdir()
    (tmp_path / "pawsx/dev-en.tsv").write_text(lines(2_001, "Ida {}.\tBo.\t1"))

    with pytest.raises(DataError, match=r"2,001 records, but 2,000 are published"):
        source_of(tmp_path).examples(task_of("pawsx"), "train", "en")


@real
@pytest.mark.parametrize("path", fast(lambda path: not path.startswith("panx"), counted()))
def test_the_published_files_have_as_many_records_as_stated(tmp_path: Path, path: str) -> None:
    task: Task = next(task for name in registry.names("tasks") if path in paths(task := task_of(name)))
    split = next(split for split, files in reversed(task.files.items()) if any(file.path == path for file in files))
    here = [code for code in (*task.languages, "en") if (DATA / path.format(language=code)).is_file()]
    assert here

    for code in dict.fromkeys(here):
        assert list(source_of(DATA).examples(task, split, code))

    name = path.format(language=here[0])
    (tmp_path / name).parent.mkdir(parents=True)
    kept = (DATA / name).read_bytes().rstrip().split(b"\n\n" if name.startswith("panx") else b"\n")[:-1]
    beside = [DATA / file.path.format(language="en") for file in task.files[split] if task.is_aligned]
    for other in [
        *(file.path.format(language=here[0]) for file in task.files[split]),
        *(str(path.relative_to(DATA)) for path in beside if path.is_file()),
    ]:
        (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DATA / other, tmp_path / other)
    (tmp_path / name).write_bytes((b"\n\n" if name.startswith("panx") else b"\n").join(kept) + b"\n")
    with pytest.raises(DataError, match=r"(records|lines), but "):
        source_of(tmp_path).examples(task, split, here[0])


def paths(task: Task) -> list[str]:
    return [file.path for files in task.files.values() for file in files]


CANDIDATES = {"ar": 1_222, "de": 1_276, "el": 1_234, "en": 1_180, "es": 1_215, "hi": 1_244, "ru": 1_219, "th": 852} | {
    "tr": 1_167,
    "vi": 1_209,
    "zh": 1_196,
}
"""Sentences of XQuAD-R, 13,014 in all."""


def as_the_loader_has_it(codes: list[str]) -> tuple[dict[str, str], dict[str, tuple[str, set[str]]]]:
    """Candidates, and questions with their right ones: sentences between the breaks, found by the answer's start."""
    candidates: dict[str, str] = {}
    questions: dict[str, tuple[str, set[str]]] = {}
    right: dict[str, set[str]] = collections.defaultdict(set)
    for code in codes:
        articles: Any = json.loads((DATA / f"lareqa/xquad-r/{code}.json").read_text(encoding="utf-8"))["data"]
        number = 0
        for article in articles:
            for paragraph in article["paragraphs"]:
                context = paragraph["context"]
                for index, (first, last) in enumerate(paragraph["sentence_breaks"]):
                    candidates[f"{code}-{number}-{index}"] = context[first:last] + context
                    for qa in paragraph["qas"]:
                        questions[f"{code} {qa['id']}"] = (qa["question"], right[qa["id"]])
                        if first <= qa["answers"][0]["answer_start"] < last:
                            right[qa["id"]].add(f"{code}-{number}-{index}")
                number += 1
    return {name: text.replace("\n", "") for name, text in candidates.items()}, questions


@real
def test_lareqa_has_the_questions_and_candidates_of_its_own_loader() -> None:
    task = task_of("lareqa")
    codes = list(source_of(DATA).languages(task))
    expected, questions = as_the_loader_has_it(codes)

    rows = [row for code in codes for row in source_of(DATA).examples(task, "test", code)]

    found = {row["id"]: row["text"] for row in rows if row["role"] == "candidate"}
    asked = {f"{r['language']} {r['id']}": (r["text"], set(r["gold"])) for r in rows if r["role"] == "query"}
    assert len(codes) >= 3
    assert len(found) == sum(CANDIDATES[code] for code in codes)
    assert len(asked) == 1_190 * len(codes)
    assert (found, asked) == (expected, questions)
    assert sum(CANDIDATES.values()) == 13_014
