"""What is carried over of an example that a model translates: labels, answers in their places, or nothing."""

import collections
from typing import Any

import pytest

from xit.core import registry
from xit.core.errors import DataError
from xit.core.task import Task, task_of
from xit.formats import format_of
from xit.sources import translation

TASKS: dict[str, Task] = {name: task_of(name) for name in registry.names("tasks")}
WORDS = {
    "What colour is the boat?": "Welche Farbe hat das Boot?",
    "Where is it?": "Wo ist es?",
    "Ida has a boat.": "Ida hat ein Boot.",
    "It is [green].": "Es ist [grün].",
    "It is green.": "Es ist grün.",
    "It lies in Oslo.": "Es liegt in Oslo.",
    "It lies in [Oslo].": "Es liegt in 【 Oslo 】.",
    "Yes.": "Ja.",
    "No.": "Nein.",
}


PASSAGE = "Ida has a boat. It is green. It lies in Oslo."


def german(sentences: list[str]) -> list[str | None]:
    return [WORDS[sentence] for sentence in sentences]


def carried(
    name: str, row: dict[str, Any], language: str = "de", say: Any = german
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    notes: collections.Counter[str] = collections.Counter()
    found = translation.carried_over([{"id": "7", "language": "en", **row}], TASKS[name], language, say, notes)
    assert [format_of(TASKS[name]).faults(each) for each in found] == [[]] * len(found)
    return [dict(each) for each in found], dict(notes)


def question(text: str, answer: str, context: str = PASSAGE) -> dict[str, Any]:
    return {"question": text, "context": context, "answers": [answer], "starts": [context.index(answer)]}


def test_a_pair_and_choices_keep_their_labels() -> None:
    pair = {"text_a": "Ida has a boat. It is green.", "text_b": "Yes.", "label": "neutral"}
    choices = {"prompt": "Where is it?", "choices": ["No.", "Yes.", "It is green.", "It lies in Oslo."], "label": 3}

    assert carried("mnli", pair)[0] == [
        {"id": "7", "language": "de", "text_a": "Ida hat ein Boot. Es ist grün.", "text_b": "Ja.", "label": "neutral"}
    ]
    assert carried("hellaswag", choices)[0] == [
        {
            "id": "7",
            "language": "de",
            "prompt": "Wo ist es?",
            "choices": ["Nein.", "Ja.", "Es ist grün.", "Es liegt in Oslo."],
            "label": 3,
        }
    ]


@pytest.mark.parametrize(
    ("asked", "answer", "translated", "start"),
    [("What colour is the boat?", "green", "grün", 25), ("Where is it?", "Oslo", "Oslo", 43)],
)
def test_an_answer_is_what_is_between_the_brackets_that_come_back(
    asked: str, answer: str, translated: str, start: int
) -> None:
    ((row,), notes) = carried("squad", question(asked, answer))

    assert row["context"] == "Ida hat ein Boot. Es ist grün. Es liegt in Oslo."
    assert (row["question"], row["answers"], row["starts"]) == (WORDS[asked], [translated], [start])
    assert notes == {}


def test_a_question_without_an_answer_stays_one() -> None:
    ((row,), _) = carried("squad2", {"question": "Where is it?", "context": PASSAGE, "answers": [], "starts": []})

    assert (row["context"], row["answers"]) == ("Ida hat ein Boot. Es ist grün. Es liegt in Oslo.", [])


def test_an_answer_of_two_sentences_is_not_cut() -> None:
    asked: list[str] = []

    ((row,), _) = carried(
        "squad",
        question("Yes.", "green. It lies"),
        say=lambda texts: asked.extend(texts) or [text.upper() for text in texts],
    )

    assert asked == ["Yes.", "It is [green. It lies] in Oslo.", "Ida has a boat."]
    assert (row["context"], row["answers"], row["starts"]) == (PASSAGE.upper(), ["GREEN. IT LIES"], [22])


def test_chinese_sentences_follow_without_a_blank() -> None:
    chinese = {"It is green.": "它是绿色的。", "It lies in [Oslo].": "它在［奥斯陆］。", "Where is it?": "它在哪里?"}

    ((row,), _) = carried(
        "squad",
        question("Where is it?", "Oslo", "It is green. It lies in Oslo."),
        "zh",
        lambda texts: [chinese[text] for text in texts],
    )

    assert (row["context"], row["answers"], row["starts"]) == ("它是绿色的。它在奥斯陆。", ["奥斯陆"], [8])


def test_a_sentence_is_asked_for_once() -> None:
    asked: list[list[str]] = []
    rows = [
        {"id": str(n), "language": "en", **question("Where is it?", answer)}
        for n, answer in enumerate(["green", "Oslo"])
    ]

    found = translation.carried_over(
        rows, TASKS["squad"], "de", lambda texts: asked.append(texts) or german(texts), collections.Counter()
    )

    assert [row["id"] for row in found] == ["0", "1"]
    assert asked == [
        ["Where is it?", "It is [green].", "Ida has a boat.", "It lies in Oslo.", "It lies in [Oslo].", "It is green."]
    ]


LOST: list[tuple[dict[str, str | None], str]] = [
    ({"It is [green].": "Es ist grün."}, "an answer whose marks did not come back left out"),
    ({"It is [green].": "Es ist [grün."}, "an answer whose marks did not come back left out"),
    ({"It is [green].": "[Es] ist [grün]."}, "an answer whose marks did not come back left out"),
    ({"It is [green].": "Es ist [ ] grün."}, "an answer whose marks did not come back left out"),
    ({"It is [green].": None}, "a sentence that is too long, or whose translation is left out"),
    ({"Where is it?": " "}, "a sentence that came back empty left out"),
]


@pytest.mark.parametrize(("changes", "note"), LOST)
def test_what_does_not_come_through_is_left_out_and_counted(changes: dict[str, str | None], note: str) -> None:
    words = WORDS | changes

    found, notes = carried(
        "squad", question("Where is it?", "green"), say=lambda texts: [words[text] for text in texts]
    )

    assert found == []
    assert notes == {note: 1}


def test_choices_that_become_equal_and_answers_beside_brackets_are_left_out() -> None:
    choices = {"prompt": "Where is it?", "choices": ["Yes.", "No.", "It is green.", "It lies in Oslo."], "label": 0}

    assert carried("hellaswag", choices, say=lambda texts: ["Ja."] * len(texts)) == (
        [],
        {"choices that became equal left out": 1},
    )
    assert carried("squad", question("Yes.", "green", "It [the boat] is green."), say=lambda texts: texts) == (
        [],
        {"an answer in a sentence that has square brackets of its own left out": 1},
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ccg", "^ccg: tagging cannot be translated by a model: its labels are of words, and a translation has other"),
        (
            "lareqa",
            "^lareqa: retrieval cannot be translated by a model: a query names its candidates, so that none may",
        ),
    ],
)
def test_formats_whose_labels_cannot_travel_are_refused(name: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason + ".* Formats that can: classification, multiple choice, span; the mic"):
        translation.check(name, TASKS[name])
