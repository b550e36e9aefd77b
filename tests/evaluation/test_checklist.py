"""Probes: what templates are filled to, which words pass, and what a checkpoint is asked."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import tiny
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core.errors import CheckpointError, DataError
from xit.core.settings import MicroSettings
from xit.evaluation import checklist_templates
from xit.evaluation.checklist import ask, clean
from xit.evaluation.checklist_templates import Question

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("XIT_TEST_DATA") or ROOT.parent / "shared" / "data")
SETTINGS = MicroSettings(20, 10, 24, 10, 10, 10, 0.5, 1, ("en", "de"))

# An invented table in the published layout. German has texts by property, one of them with the wrong variable, and has
# no answer for an animal; Finnish has a form of its own for a duck.
TABLE = [
    [cell.strip() for cell in f"{line}{' |' * 9}".split("|")[:10]]
    for line in """\
Field    | en | de | de-placeholders | de | de-placeholders | fi | fi-placeholders | fi | fi-placeholders
Name     | size, shape, age, color
Context  | A {obj[0]}. {obj[1]} is {p.v1} and {p.v2}. | {obj[0]}. {obj[1]} ist {p.v1}, {p.v2}.
Question | What {p.p1} is it? | Welche {p.p1}? | color | Welches {p.p1}? | age
Answer   | {p.v1} | {p.v1}
Question | What {p.p2} is it? | Welche {p.p2}? | color | Welches {p.p1}? | age
Answer   | {p.v2} | {p.v2}
obj      | lamp, the lamp | Lampe, die Lampe
color    | green | grün
age      | old | alt
property | color | Farbe
property | age | Alter

Name     | Animal vs Vehicle
Context  | {first_name} has {animal}. | {first_name} hat {animal}. |||| {animal}. | cat | {animal}ka. | a duck
Question | What does {first_name} have? | Was hat {first_name}? |||| Mitä?
Answer   | {animal} ||||| {animal}
animal   | a duck | eine Ente |||| ankka

Name     | Animal vs Vehicle v2
Context  | {first_name} bought {animal}. | {first_name} kaufte {animal}. |||| {first_name} osti {animal}n.
Question | Who bought an animal? | Wer kaufte ein Tier? |||| Kuka osti eläimen?
Answer   | {first_name} | {first_name} |||| {first_name}
""".splitlines()
]


def write_table(folder: Path, rows: list[list[str]]) -> Path:
    file = folder / "templates.tsv"
    file.write_text("".join("\t".join(row) + "\r\n" for row in rows), encoding="utf-8")
    return file


def test_templates_are_filled_with_the_texts_that_are_meant_for_what_was_drawn(tmp_path: Path) -> None:
    suite = checklist_templates.of_templates(write_table(tmp_path, TABLE), ["en", "de"], 10)

    green, old = "A lamp. The lamp is green and old.", "A lamp. The lamp is old and green."
    colour, age = "What color is it?", "What age is it?"
    assert set(suite["properties"]["en"]) == {
        (Question(green, colour, "green"), Question(green, age, "old")),
        (Question(old, age, "old"), Question(old, colour, "green")),
    }
    green, old = "Lampe. Die Lampe ist grün, alt.", "Lampe. Die Lampe ist alt, grün."
    assert set(suite["properties"]["de"]) == {
        (Question(green, "Welche Farbe?", "grün"),),  # the text for an age that comes second asks for the first
        (Question(old, "Welches Alter?", "alt"), Question(old, "Welche Farbe?", "grün")),
    }
    assert {case[0].answer for case in suite["animal_vehicle"]["de"]} == {"eine Ente"}  # left out in the table


def test_a_word_has_the_text_that_is_meant_for_it_and_a_second_test_borrows_words(tmp_path: Path) -> None:
    rows = [[*row[:6], "x", *row[7:]] if row[0] in ("obj", "color", "age", "property") else row for row in TABLE]
    rows[2][6] = "{obj[0]} {p.v1} {p.v2}"
    rows[7][6] = "x, x"
    rows[3][6] = rows[5][6] = "Mikä?"

    suite = checklist_templates.of_templates(write_table(tmp_path, rows), ["fi"], 5)

    assert suite["animal_vehicle"]["fi"] == [(Question("ankkaka.", "Mitä?", "ankka"),)]
    for (case,) in suite["animal_vehicle_2"]["fi"]:
        assert case.context == f"{case.answer} osti ankkan."


def test_cases_are_the_same_in_every_run_and_as_many_as_asked(tmp_path: Path) -> None:
    file = write_table(tmp_path, TABLE)

    first, again = (checklist_templates.of_templates(file, ["en"], 7) for _ in range(2))

    assert first == again
    assert len(set(first["animal_vehicle"]["en"])) == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda rows: [row for row in rows if row[0] != "Answer"],
            r"test properties: a question is not followed",
        ),
        (lambda rows: [["Feld", *rows[0][1:]], *rows[1:]], r"tsv, line 1: its columns begin with \['Feld', 'en'\]"),
        (lambda rows: [*rows, ["Context", "x"]], r"tsv, line 24: 2 columns; the header has 10\."),
        (lambda rows: [*rows, ["Name", "Plants", *[""] * 8]], r"line 24: test 'Plants' is unknown\. Tests: A is COMP"),
        (
            lambda rows: [row for row in rows if row[0] != "obj"],
            r"properties has no complete text in",
        ),
        (lambda rows: [], r"tsv: is empty"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        checklist_templates.of_templates(write_table(tmp_path, change(TABLE)), None, 5)


def test_a_language_without_templates_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no templates in sw\. It has: en, de, fi\."):
        checklist_templates.of_templates(write_table(tmp_path, TABLE), ["sw"], 5)


def test_own_templates_hold_every_answer_and_are_parallel() -> None:
    suite = checklist_templates.of_micro(SETTINGS, ["en", "de", "zh"], 20)

    assert list(suite) == ["properties", "measure_money", "measure_money_2"]
    for by_language in suite.values():
        assert {len(cases) for cases in by_language.values()} == {20}
        for cases in by_language.values():
            assert all(each.answer in each.context for case in cases for each in case)
            assert {len(case) for case in cases} == {4}
            assert all(len({each.answer for each in case}) == 2 for case in cases)


@pytest.mark.parametrize(
    ("answer", "language", "cleaned"),
    [
        ("The lamp.", "en", "lamp"),
        ("„eine Lampe“,", "de", "lampe"),
        ("der Hund", "de", "der hund"),  # definite articles are left out of the benchmark's list
        ("الكتاب", "ar", "كتاب"),
        ("’n hond", "af", "hond"),
        ("Martin's", "fi", "martin's"),
        ("一只猫。", "zh", "一只猫"),
        (" . ", "en", ""),
    ],
)
def test_answers_are_compared_without_articles_and_punctuation(answer: str, language: str, cleaned: str) -> None:
    assert clean(answer, language) == cleaned


# Asking


def test_a_case_fails_with_any_wrong_answer(tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path)
    tiny.write_head(tmp_path, "xquad")
    right = Question("I", "What?", "I")  # the only answer there is
    wrong = Question("I", "What?", "kite")
    reports: list[tuple[str, int, int]] = []

    found = ask(
        tmp_path,
        {"first": {"en": [(right, right), (right, wrong)]}, "second": {"en": [(wrong,)]}},
        lambda what, done, total, *_: reports.append((what, done, total)),
    )

    assert found["first"]["en"] == {
        "cases": 2,
        "failed_cases": 50.0,
        "questions": 4,
        "failed_questions": 25.0,
        "not_in_context": 1,
    }
    assert found["second"]["en"]["failed_cases"] == 100.0
    assert reports == [("checklist", 1, 2), ("checklist", 2, 2)]


def test_only_a_checkpoint_for_questions_is_asked(tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path)
    with pytest.raises(
        CheckpointError,
        match=r"it has no head; the checklist takes one fine-tuned on questions: xquad",
    ):
        ask(tmp_path, {}, lambda *_: None)

    tiny.write_head(tmp_path, "xnli")
    with pytest.raises(CheckpointError, match=r"its head is of xnli; the checklist takes one"):
        ask(tmp_path, {}, lambda *_: None)


def test_the_command_shows_and_writes_both_suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tiny.write_checkpoint(tmp_path / "model")
    tiny.write_head(tmp_path / "model", "xquad")
    table = write_table(tmp_path, TABLE)

    def run(*arguments: str) -> Any:
        options = ["--language", "en", "--language", "de", "--samples", "3", "--json", "report.json"]
        done = CliRunner().invoke(app, ["checklist", "model", *options, *arguments])
        assert done.exit_code == 0, done.output
        assert "mean" in done.output
        return json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))

    own, published = run(), run("--templates", str(table))

    assert set(own["tests"]) == {"properties", "measure_money", "measure_money_2"}
    assert own["tests"]["properties"]["de"]["questions"] == 12
    assert set(published["tests"]) == {"properties", "animal_vehicle", "animal_vehicle_2"}
    assert published["templates"] == str(table)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no published files at {DATA}; XIT_TEST_DATA names their folder")
def test_the_published_templates_are_filled_in_every_language() -> None:
    file = DATA / "multichecklist" / "checklist_templates.tsv"

    suite = checklist_templates.of_templates(file, None, 5)

    assert list(suite) == list(checklist_templates.TITLES.values())
    for name, by_language in suite.items():
        assert len(by_language) == 50  # Hausa too; no Romanian
        assert {len(cases) for cases in by_language.values()} == {5}, name
        for cases in by_language.values():
            assert all("{" not in f"{each.context}{each.question}{each.answer}" for case in cases for each in case)
    sizes = {name: len(by_language["en"][0]) for name, by_language in suite.items()}
    assert sizes == {
        "comparisons": 2,
        "intensifiers": 12,
        "properties": 2,
        "profession_nationality": 8,
        "animal_vehicle": 4,
        "animal_vehicle_2": 4,
    }
