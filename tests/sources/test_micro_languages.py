"""The micro source in other languages: the same labels and ids, in the words of each."""

import json
import re
from typing import Any

import pytest

from xit.core import registry
from xit.core.settings import MicroSettings
from xit.core.task import Task, task_of
from xit.formats import format_of
from xit.micro import rendering
from xit.micro.content import Name, Unit
from xit.micro.world import world
from xit.sources.micro import MicroSource

TASKS: dict[str, Task] = {name: task_of(name) for name in registry.names("tasks")}
TRAINED = [name for name, task in TASKS.items() if task.is_trained]
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
