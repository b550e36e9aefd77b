"""The micro source in other languages: the same labels and ids, in the words of each; tests on items of their own."""

import dataclasses
import json
import re
from typing import Any

import pytest
from fast_cases import fast
from micro_examples import LANGUAGES, SETTINGS, TASKS, made, rows, texts

from xit.core import registry
from xit.core.errors import ConfigError
from xit.core.settings import MicroSettings
from xit.core.task import task_of
from xit.formats import format_of
from xit.micro import rendering
from xit.micro.content import Name, Unit
from xit.micro.world import world
from xit.sources.micro import MicroSource

TRAINED = [name for name, task in TASKS.items() if task.is_trained]
ONE_TASK = {task.format: name for name, task in TASKS.items()}.values()
ONE_OF_EACH_FORMAT = fast(lambda name: name in ONE_TASK, TASKS)
"""All tasks; of each format one is among the fast tests."""
MICRO = MicroSettings(24, 30, 40, 40, 14, 1500, 0.35, 0, ("en", "de"))


def training(name: str, language: str) -> list[dict[str, Any]]:
    return list(MicroSource(MICRO).examples(TASKS[name], "train", language))


# By task and number; after each, what is English
GERMAN: dict[tuple[str, int], dict[str, Any]] = {
    ("mnli", 5): {  # Italy: Friday, 47 years, and 47 Nepalese rupees. / Italy: 50 years.
        "text_a": "Italien: Freitag, 47 Jahre und 47 Nepalesische Rupien.",
        "text_b": "Italien: 50 Jahre.",
        "label": "contradiction",
    },
    ("hellaswag", 3): {  # January, February, and March: / July and October / …
        "prompt": "Januar, Februar und März:",
        "choices": ["Juli und Oktober", "Juni und Januar", "Juli und November", "April und Mai"],
        "label": 3,
    },
    ("squad", 5): {  # Germany: hours? / Iceland: 73 hours and 43 kilometers; Türkiye: … Saturday and 15 hours.
        "question": "Deutschland: Stunden?",
        "context": "Island: 73 Stunden und 43 Kilometer; Türkei: 47 Wochen und Samstag; Deutschland: Samstag und "
        "15 Stunden.",
        "answers": ["15 Stunden"],
        "starts": [93],
    },
    ("squad2", 7): {  # Kenya: grams? / Kenya: 19 days and Monday; France: Saturday and 50 Argentine pesos.
        "question": "Kenia: Gramm?",
        "context": "Kenia: 19 Tage und Montag; Frankreich: Samstag und 50 Argentinische Pesos.",
        "answers": [],
        "starts": [],
    },
    ("panx", 6): {  # Morocco and 30 hours : Mexican Peso .
        "words": ["Marokko", "und", "30", "Stunden", ":", "Mexikanischer", "Peso", "."],
        "tags": ["B-LOC", "O", "O", "O", "O", "B-ORG", "I-ORG", "O"],
    },
    ("ccg", 6): {  # Ethiopian Birr : Chinese Yuan , French , or Mexico .
        "words": ["Äthiopischer", "Birr", ":", "Renminbi", "Yuan", ",", "Französisch", "oder", "Mexiko", "."],
        "tags": ["N/N", "N", ":", "N/N", "N", ",", "N", "conj", "N", "."],
    },
    ("lareqa", 2): {  # Chile: United States, Euro, and Italian?
        "role": "query",
        "text": "Chile: Vereinigte Staaten, Euro und Italienisch?",
        "gold": ["de-0001"],
    },
}


@pytest.mark.parametrize(("name", "number"), GERMAN)
def test_micro_says_it_in_german(name: str, number: int) -> None:
    row = training(name, "de")[number]

    assert {TASKS[name].format for name, _ in GERMAN} == set(registry.names("heads"))
    assert {key: value for key, value in row.items() if key != "id"} == {"language": "de", **GERMAN[name, number]}


def test_a_rendering_has_the_labels_ids_and_order_of_the_english_examples_and_no_fault() -> None:
    for name in TRAINED:
        english = training(name, "en")
        for language in ("de", "zh"):
            rows = training(name, language)
            assert [format_of(TASKS[name]).faults(row) for row in rows] == [[]] * len(english)
            assert [row.get("label") for row in rows] == [row.get("label") for row in english]
            own = [row["id"].replace(f"{language}-", "en-") for row in rows]
            assert own == [row["id"] for row in english]
    assert len(TRAINED) > 15


def test_a_rendering_says_nothing_that_is_held_out_of_training() -> None:
    whole = world(MICRO.territories, MICRO.units)
    held = [code for code in whole.owner if whole.owner[code] != "train"]
    kinds: Any = {code: kind for kind in ("territory", "currency", "language") for code in whole.names[kind]}
    names = [rendering.text(Unit(code) if "-" in code else Name(kinds[code], code), "de") for code in held]
    of_them = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names))

    for name in TRAINED:
        assert not [row for row in training(name, "de") if of_them.search(json.dumps(row, ensure_ascii=False))]
    assert {"validation", "test"} == {whole.owner[code] for code in held}
    assert of_them.search("Indien: Watt.")


@pytest.mark.parametrize("name", ONE_OF_EACH_FORMAT)
def test_every_language_renders_every_task_without_fault(name):
    for language in LANGUAGES:
        for row in rows(name, "test", language):
            assert row["language"] == language
            assert format_of(TASKS[name]).faults(row) == []


def content(name, split, language, monkeypatch):
    """What the queries or examples say, before any language: all words are English."""
    with monkeypatch.context() as patch:
        segments = rendering.segments
        patch.setattr(rendering, "segments", lambda phrase, code: segments(phrase, "en"))
        found = made(name, split, language)
    return [[*texts(row), *row.get("choices", ())] for row in found if row.get("role") != "candidate"]


@pytest.mark.parametrize("name", ONE_OF_EACH_FORMAT)
def test_each_language_tests_on_items_of_its_own_but_where_answers_are_of_all_languages(name, monkeypatch):
    english = content(name, "test", "en", monkeypatch)
    others = [content(name, "test", language, monkeypatch) for language in LANGUAGES[1:]]

    assert {len(found) for found in [english, *others]} == {40}
    if name == "lareqa":
        assert all(found == english for found in others)
    else:
        again = [sum(item in english for item in found) for found in others]
        assert max(again) <= 4
        assert len({json.dumps(found) for found in others}) == len(others)


@pytest.mark.parametrize("name", [name for name in TASKS if TASKS[name].is_trained])
def test_training_examples_are_the_english_ones_in_the_words_of_any_language(name, monkeypatch):
    kept = ("id", "label")
    english, german = (
        [row for row in rows(name, "train", language) if row.get("role") != "candidate"] for language in ("en", "de")
    )

    assert content(name, "train", "de", monkeypatch) == content(name, "train", "en", monkeypatch)
    assert [[row.get(key) for key in kept] for row in german] == [[row.get(key) for key in kept] for row in english]
    assert [texts(row) for row in german] != [texts(row) for row in english]


@pytest.mark.parametrize("name", ONE_OF_EACH_FORMAT)
def test_test_items_do_not_hang_on_the_other_languages_that_are_evaluated(name):
    def queries(language, languages):
        found = made(name, "test", language, dataclasses.replace(SETTINGS, languages=languages))
        return [{**row, "gold": None} for row in found if row.get("role") != "candidate"]

    for language in ("en", "sw"):
        assert queries(language, LANGUAGES) == queries(language, ("en", "sw"))


@pytest.mark.parametrize("name", [name for name in TASKS if TASKS[name].format == "multiple_choice"])
def test_choices_differ_in_every_language(name):
    for language in LANGUAGES:
        for row in rows(name, "test", language):
            assert len(set(row["choices"])) == len(TASKS[name].record["choices"])


def test_an_unknown_language_is_refused():
    with pytest.raises(ConfigError, match=r"^xx: CLDR has no such language\."):
        list(MicroSource(SETTINGS).examples(TASKS["xnli"], "test", "xx"))
    with pytest.raises(ConfigError, match=r"^languages\.evaluation: ht: CLDR has too little of it"):
        MicroSource(dataclasses.replace(SETTINGS, languages=("en", "ht"))).languages(TASKS["xnli"])
    with pytest.raises(ConfigError, match=r"^languages\.pretraining: wo: CLDR has too little of it"):
        list(MicroSource(SETTINGS).text("wo"))


def test_mlqa_is_asked_in_the_languages_that_it_has_rules_for() -> None:
    source = MicroSource(dataclasses.replace(SETTINGS, languages=("en", "sw", "de", "fi")))

    assert source.languages(task_of("mlqa")) == ("en", "de")
    assert source.languages(task_of("xquad")) == ("en", "sw", "de", "fi")
