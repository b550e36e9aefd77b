"""The audit: what it counts on small files whose faults are known, how it fails, and the published files."""

import json
import os
from pathlib import Path
from typing import Any

import published_folder
import pytest
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core import registry
from xit.core.errors import DataError
from xit.core.settings import FilesSettings, MicroSettings
from xit.core.task import task_of
from xit.sources import audit
from xit.sources.files import FilesSource
from xit.sources.micro import MicroSource

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("XIT_TEST_DATA") or ROOT.parent / "shared" / "data")
TYDIQA = "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json"


uncounted = published_folder.uncounted


def write(folder: Path, name: str, content: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content, encoding="utf-8", newline="")


def settings_of(folder: Path, misplaced_answers: Any = "error") -> FilesSettings:
    return FilesSettings(str(folder), "", 1, misplaced_answers, "released")


def splits_of(folder: Path, task: str, **changes: Any) -> dict[tuple[str, str], dict[str, Any]]:
    found = audit.audit([task], FilesSource(settings_of(folder, **changes)))["tasks"][task]
    assert found["errors"] == []
    return {(row["split"], row["language"]): row for row in found["splits"]}


def pairs(*rows: str) -> str:
    return "".join(f"{row.replace('|', chr(9))}\r\n" for row in rows)


# Of 10 parallel rows the first 6 train, the next validates and the last 3 test
ENGLISH = [f"Ida {n}.|Bo {n}.|1" for n in range(7)] + ["Ida 0.|Bo 0.|0", "Ida 1.|Leo.|1", "Mia.|Leo.|1"]
GERMAN = [f"Ida {n}.|Der Bo {n}.|1" for n in range(7)] + ["NS|NS|0", "NS|NS|0", "Mia.|Leo.|1"]


def test_rows_that_splits_and_languages_share_are_counted(tmp_path: Path) -> None:
    write(tmp_path, "pawsx/dev-en.tsv", pairs(*ENGLISH))
    write(tmp_path, "pawsx/dev-de.tsv", pairs(*GERMAN))

    splits = splits_of(tmp_path, "pawsx")

    english, german = splits["test", "en"], splits["test", "de"]
    assert (english["examples"], english["published"]) == (3, 2000)  # all, whatever files.most_test
    assert english["shared_with_earlier_splits"] == 1  # Ida 0, Bo 0
    assert english["parts_shared_with_earlier_splits"] == 2  # and Ida 1
    assert english["shared_between_languages"] == german["shared_between_languages"] == 1  # Mia, Leo
    assert (german["duplicates"], german["placeholders"]) == (1, 2)
    assert (english["duplicates"], english["placeholders"]) == (0, 0)
    assert splits["train", "en"]["published"] == 49401


def test_languages_that_are_missing_are_those_of_the_benchmark(tmp_path: Path) -> None:
    write(tmp_path, "pawsx/dev-en.tsv", pairs(*ENGLISH))

    found = audit.audit(["pawsx"], FilesSource(settings_of(tmp_path)))

    assert found["tasks"]["pawsx"]["missing_languages"] == ["de", "es", "fr", "ja", "ko", "zh"]


def test_the_validation_pairs_of_mining_are_audited_in_their_language(tmp_path: Path) -> None:
    for split, count in (("sample", 1), ("training", 2)):
        file = f"bucc2018/de-en/de-en.{split}"
        for code in ("de", "en"):
            write(tmp_path, f"{file}.{code}", "".join(f"{code}-{n}\t{split} {n}\n" for n in range(count)))
        write(tmp_path, f"{file}.gold", "de-0\ten-0\n")

    splits = splits_of(tmp_path, "bucc2018")

    assert {cell: row["examples"] for cell, row in splits.items()} == {("validation", "de"): 1, ("test", "de"): 2}


def test_a_task_that_is_named_but_not_there_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "pawsx/dev-en.tsv", pairs(*ENGLISH))

    found = audit.audit(["ccg", "pawsx"], FilesSource(settings_of(tmp_path)))

    assert found["absent"] == ["ccg"]
    assert list(found["tasks"]) == ["pawsx"]
    with pytest.raises(DataError, match=r"nowhere: no such data folder"):
        audit.audit(["ccg"], FilesSource(settings_of(tmp_path / "nowhere")))


def squad(*answers: tuple[str, int]) -> str:
    qas = [
        {"id": str(n), "question": "Which?", "answers": [{"text": text, "answer_start": start}]}
        for n, (text, start) in enumerate(answers)
    ]
    paragraphs = [{"context": f"{'a ' * n}green lamp", "qas": [question]} for n, question in enumerate(qas)]
    return json.dumps({"data": [{"paragraphs": paragraphs}]})


def test_answers_away_from_their_offset_are_counted_as_repaired_or_dropped(tmp_path: Path) -> None:
    rows = [("green", 2 * n) for n in range(20)]
    write(tmp_path, TYDIQA, squad(("green", 3), ("red", 2), *rows[2:]))
    write(tmp_path, "xquad/xquad.en.json", squad(("lamp", 0)))

    splits = splits_of(tmp_path, "xquad", misplaced_answers="repair")

    assert (splits["train", "en"]["repaired"], splits["train", "en"]["dropped"]) == (1, 1)
    assert splits["test", "en"]["repaired"] == 1


def test_a_faulty_file_gives_its_messages_and_the_rest_is_still_audited(tmp_path: Path) -> None:
    write(tmp_path, "pawsx/dev-en.tsv", pairs(*ENGLISH))
    write(tmp_path, "pawsx/dev-de.tsv", pairs(*GERMAN).replace("Der Bo 2.", " "))

    found = audit.audit(["pawsx"], FilesSource(settings_of(tmp_path)))["tasks"]["pawsx"]

    assert found["errors"] == [
        f"{tmp_path}/pawsx/dev-de.tsv, line 3: second sentence is empty.",
    ]
    by_cell = {(row["split"], row["language"]): row for row in found["splits"]}
    assert by_cell["test", "en"]["examples"] == 3
    german = by_cell["test", "de"]
    assert (german["examples"], german["faults"], german["empty_fields"]) == (0, 1, 1)


def test_every_fault_is_counted_even_where_a_message_lists_the_first_twenty(tmp_path: Path) -> None:
    write(tmp_path, "pawsx/dev-en.tsv", pairs(*(f"Ida {n}.| |1" for n in range(30))))

    found = audit.audit(["pawsx"], FilesSource(settings_of(tmp_path)))["tasks"]["pawsx"]

    assert len(found["errors"]) == 30
    assert {row["empty_fields"] for row in found["splits"]} == {30}


def test_xcopa_is_audited_in_both_variants(tmp_path: Path) -> None:
    record = {"premise": "Rain fell.", "choice1": "It got wet.", "choice2": "It got dry.", "label": 0}
    write(tmp_path, "siqa/socialIQa_v1.4_dev.jsonl", "")
    for language, questions in {"et": ["cause", "effect"], "tr": ["effect", "effect"]}.items():
        lines = [json.dumps(record | {"question": question, "idx": n}) for n, question in enumerate(questions)]
        write(tmp_path, f"xcopa/data/{language}/test.{language}.jsonl", "\n".join(lines) + "\n")

    variants = audit.audit(["xcopa"], FilesSource(settings_of(tmp_path)))["tasks"]["xcopa"]["variants"]

    changed = {name: {code: entry["questions_changed"] for code, entry in v.items()} for name, v in variants.items()}
    assert changed == {"released": {"et": 0, "tr": 0}, "repaired": {"et": 0, "tr": 1}}
    assert variants["released"]["et"]["sha256"] == variants["repaired"]["et"]["sha256"]
    assert variants["released"]["tr"]["sha256"] != variants["repaired"]["tr"]["sha256"]


def test_the_micro_source_is_not_compared_with_published_counts() -> None:
    settings = MicroSettings(20, 10, 10, 10, 10, 10, 0.5, 1, ("en", "de"))

    found = audit.audit(["mnli", "tatoeba"], MicroSource(settings))["tasks"]

    rows = [row for facts in found.values() for row in facts["splits"]]
    assert [(row["split"], row["language"], row["examples"]) for row in rows] == [
        ("train", "en", 20),
        ("validation", "en", 10),
        ("test", "en", 10),
        ("test", "de", 10),
        ("test", "de", 10),  # of Tatoeba, which has no English
    ]
    assert {row["published"] for row in rows} == {None}
    assert [facts["known_faults"] for facts in found.values()] == [[], []]


# The command


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    write(tmp_path, "params.yaml", (ROOT / "params.yaml").read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return lambda *arguments: CliRunner().invoke(app, ["audit", *arguments])


def test_the_command_shows_what_there_is_and_fails_on_faulty_files(tmp_path: Path, run: Any) -> None:
    write(tmp_path, "files/pawsx/dev-en.tsv", pairs(*ENGLISH))
    write(tmp_path, "files/sick/SICK_train.txt", "no table\n")

    done = run("--data", "files", "--json", "report.json")

    assert isinstance(done.exception, DataError)
    assert done.exception.exit_code == 1
    assert "sick/SICK_train.txt, line 1: the header is" in str(done.exception)
    assert "SICK_trial.txt" not in str(done.exception)
    assert "PAWS-X (files source)" in done.output
    assert "the files source has nothing of anli_plus, " in done.output
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert list(report["tasks"]) == ["pawsx", "sick"]
    assert {"mnli", "xcopa"} <= set(report["absent"])


def test_the_command_audits_the_tasks_that_are_named(run: Any) -> None:
    done = run("--task", "copa", "--json", "-")

    assert list(json.loads(done.output)["tasks"]) == ["copa"]
    assert done.exit_code == 0


def test_the_command_counts_pairs_by_language_and_by_source_with_its_licence(tmp_path: Path, run: Any) -> None:
    write(tmp_path, "files/text-mine/pairs/en-de.tsv", "A lamp.\tEine Lampe.\twesnoth\n\tBoote\nA boat.\tEin Boot.\n")

    shown = run("--data", "files", "--task", "parallel")
    printed = json.loads(run("--data", "files", "--task", "parallel", "--json", "-").output)

    assert shown.exit_code == 0
    assert "Pairs with English (files source)" in shown.output
    assert "wesnoth: 1 pair; licence: GPL-2+" in shown.output
    assert "text-mine: 1 pair; licence: unknown" in shown.output
    assert "no pairs: es ru el hi ar fa zh ja sw tr fi" in shown.output
    assert (printed["tasks"], printed["absent"]) == ({}, [])
    (german,) = printed["parallel"]["languages"]
    assert (german["language"], german["pairs"], german["left_out"]) == ("de", 2, {"a side is empty": 1})


def test_the_command_reads_no_pairs_that_nobody_asks_for_and_fails_on_faulty_ones(tmp_path: Path, run: Any) -> None:
    write(tmp_path, "files/text-mine/pairs/en-de.tsv", "A lamp.\n")
    write(tmp_path, "files/pawsx/dev-en.tsv", pairs(*ENGLISH))

    assert json.loads(run("--data", "files", "--json", "-").stdout.partition("\nxit:")[0])["parallel"] is None
    with pytest.raises(DataError, match=r"en-de\.tsv, line 1: 1 column, 'A lamp\.'; 2 or 3 are needed"):
        raise run("--data", "files", "--task", "parallel").exception


# The facts in the task files


@pytest.mark.parametrize("task_id", registry.names("tasks"))
def test_published_counts_are_of_splits_and_languages_of_the_task(task_id: str) -> None:
    task = task_of(task_id)

    for counts in task.published.values():
        assert isinstance(counts, int) or set(counts) <= {*task.languages, "en"}
    assert all(fault.endswith(".") for fault in task.faults)


# The published files


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no published files at {DATA}; XIT_TEST_DATA names their folder")
def test_the_published_files_have_the_faults_that_are_known() -> None:
    found = audit.audit(["xcopa", "pawsx", "xquad"], FilesSource(settings_of(DATA)))["tasks"]

    assert [error for facts in found.values() for error in facts["errors"]] == []
    wrong = found["xcopa"]["variants"]["repaired"]
    known = {"et": 0, "id": 4, "it": 4, "qu": 0, "sw": 37, "ta": 0, "tr": 51, "zh": 0}
    assert {code: entry["questions_changed"] for code, entry in wrong.items()} == known
    placeholders = {row["language"]: row["placeholders"] for row in found["pawsx"]["splits"] if row["split"] == "test"}
    assert placeholders == {"en": 0, "de": 21}
    tests = [row for row in found["xquad"]["splits"] if row["split"] == "test"]
    assert len(tests) == 6
    assert all(row["examples"] == row["published"] == 1190 for row in tests)


def test_a_folder_of_test_files_alone_has_no_fault(tmp_path: Path) -> None:
    write(tmp_path, "xquad/xquad.en.json", squad(("green", 0)))

    found = audit.audit(["xquad"], FilesSource(settings_of(tmp_path)))["tasks"]["xquad"]

    assert (found["errors"], found["missing_splits"]) == ([], ["train", "validation"])
    assert [(row["split"], row["examples"]) for row in found["splits"]] == [("test", 1)]


def test_a_split_is_missing_where_its_english_file_is_though_other_languages_have_one(tmp_path: Path) -> None:
    write(tmp_path, "pawsx/dev-de.tsv", pairs(*GERMAN))

    found = audit.audit(["pawsx"], FilesSource(settings_of(tmp_path)))["tasks"]["pawsx"]

    assert (found["errors"], found["missing_splits"]) == ([], ["train", "validation"])
    assert [row["language"] for row in found["splits"]] == ["de"]
