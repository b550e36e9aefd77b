"""What is said of an answer that is not in its context: where it is, and whether a rule would help."""

import unicodedata
from pathlib import Path

import pytest
import test_files_source
from test_files_source import LAMP, TYDIQA, question, read, squad, write

from xit.core.errors import DataError
from xit.core.task import Split

uncounted = test_files_source.uncounted
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
