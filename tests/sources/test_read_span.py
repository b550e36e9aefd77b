"""What is said of an answer that is not in its context: where it is, and whether a rule would help."""

import collections
import unicodedata
from pathlib import Path

import published_folder
import pytest
from published_folder import LAMP, TOWER, TYDIQA, question, read, settings_of, squad, write

from xit.core.errors import DataError
from xit.core.task import Split, task_of
from xit.sources.files import FilesSource

uncounted = published_folder.uncounted
FILES: dict[Split, str] = {"train": TYDIQA, "test": "xquad/xquad.en.json"}


def fault_of(folder: Path, split: Split, context: str, answer: str, rule: str = "error") -> str:
    """The one fault of a question whose answer is not where it should be."""
    paragraph = {"context": context, "qas": [question("0", "Which?", answer, 1)]}
    others = [LAMP] * 19 if split == "train" else []
    write(folder, "xquad", {FILES[split]: squad(paragraph, *others).encode()})
    with pytest.raises(DataError) as raised:
        read(folder, "xquad", split, "en", misplaced_answers=rule)
    (fault,) = raised.value.faults
    return fault.partition("is not in its context at 1. ")[2]


@pytest.mark.parametrize("split", FILES)
@pytest.mark.parametrize(("form", "other"), [("NFC", "NFD"), ("NFD", "NFC")])
@pytest.mark.parametrize("word", ["grün", "Việt Nam", "кий", "が"])
def test_an_answer_in_another_unicode_form_is_told_as_that(
    tmp_path: Path, split: Split, form: str, other: str, word: str
) -> None:
    answer, context = unicodedata.normalize(form, word), unicodedata.normalize(other, f"So {word} here.")  # type: ignore[arg-type]

    assert fault_of(tmp_path, split, context, answer) == (
        "It is there in another Unicode form (composed, NFC, or decomposed, NFD). Bring the file into one form."
    )


@pytest.mark.parametrize(
    ("split", "rule", "context", "advice"),
    [
        ("test", "error", "A lamp.", "It is nowhere in it."),
        ("test", "repair", "A lamp.", "It is nowhere in it."),
        ("train", "error", "A lamp.", "It is nowhere in it. misplaced_answers: repair would leave the question out."),
        ("test", "error", "So green.", "Its nearest place is 3. misplaced_answers: repair would take it."),
        ("train", "error", "So green.", "Its nearest place is 3. misplaced_answers: repair would take it."),
    ],
)
def test_repair_is_advised_where_it_would_help(
    tmp_path: Path, split: Split, rule: str, context: str, advice: str
) -> None:
    assert fault_of(tmp_path, split, context, "green", rule) == advice


def test_span_questions_on_equal_contexts_stay_in_one_split(tmp_path: Path) -> None:
    others = [LAMP | {"context": f"It is late. The lamp is green {n}."} for n in range(8)]
    write(tmp_path, "xquad", {TYDIQA: squad(LAMP, *others, TOWER, TOWER, LAMP).encode()})

    train, test = (read(tmp_path, "tydiqa", split, "en") for split in ("train", "test"))

    assert [row["id"] for row in train] == ["0", "11", "1", "2", "3", "4", "5", "6", "7"]  # 8 of 10 contexts
    assert [row["id"] for row in test] == ["8", "9", "10"]


def test_xquad_rows_hold_answers_and_their_offsets(tmp_path: Path) -> None:
    write(tmp_path, "xquad")

    (row,) = read(tmp_path, "xquad", "test", "en")

    assert row == {
        "id": "0",
        "language": "en",
        "question": "Which colour?",
        "context": "It is late. The lamp is green.",
        "answers": ["green"],
        "starts": [24],
    }


def test_squad_2_has_questions_without_an_answer(tmp_path: Path) -> None:
    write(tmp_path, "squad2")

    rows = read(tmp_path, "squad2", "train", "en")

    assert [(row["id"], row["answers"], row["starts"]) for row in rows] == [("0", ["green"], [24]), ("1", [], [])]


def test_a_misplaced_answer_moves_to_its_nearest_occurrence(tmp_path: Path) -> None:
    paragraph = {"context": "red, green, red, red", "qas": [question("0", "Which?", "red", 13)]}
    write(tmp_path, "xquad", {"xquad/xquad.en.json": squad(paragraph).encode()})
    notes: collections.Counter[str] = collections.Counter()
    values = settings_of(tmp_path, misplaced_answers="repair")

    (row,) = FilesSource(values).examples(task_of("xquad"), "test", "en", notes)

    assert row["starts"] == [12]
    assert dict(notes) == {"answers moved to their nearest occurrence": 1}


def test_a_training_question_without_its_answer_is_left_out_and_counted(tmp_path: Path) -> None:
    wrong = {"context": "It is late. It is dark.", "qas": [question("0", "Which colour?", "green", 3)]}
    write(tmp_path, "xquad", {TYDIQA: squad(LAMP, wrong).encode()})
    notes: collections.Counter[str] = collections.Counter()
    values = settings_of(tmp_path, misplaced_answers="repair")

    rows = list(FilesSource(values).examples(task_of("xquad"), "train", "en", notes))

    assert [row["context"] for row in rows] == [LAMP["context"]]
    assert dict(notes) == {"questions left out of training: their answer is not in the context": 1}


def test_a_test_question_without_its_answer_is_a_fault_even_where_answers_are_repaired(tmp_path: Path) -> None:
    wrong = {"context": "It is late.", "qas": [question("0", "Which colour?", "green", 3)]}
    write(tmp_path, "xquad", {"xquad/xquad.en.json": squad(wrong).encode()})

    with pytest.raises(DataError, match=r"answer 'green' is not in its context at 3. It is nowhere in it\.$"):
        read(tmp_path, "xquad", "test", "en", misplaced_answers="repair")
