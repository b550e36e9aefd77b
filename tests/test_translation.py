"""Training examples in another language: micro's own renderings, what is carried over, and a model that translates."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from xit import cli, discover
from xit.errors import ConfigError, DataError
from xit.examples import faults, read_examples
from xit.settings import MicroSettings
from xit.sources import micro
from xit.sources.micro import rendering
from xit.sources.micro.content import Name, Unit
from xit.sources.micro.world import world
from xit.tasks import Task

PROJECT = Path(__file__).parent.parent
TASKS: dict[str, Task] = {name: discover.load("tasks", name).task for name in discover.names("tasks")}
TRAINED = [name for name, task in TASKS.items() if task.is_trained]
MICRO = MicroSettings(60, 30, 40, 40, 14, 1500, 0.35, 0, ("en", "de"))


def training(name: str, language: str) -> list[dict[str, Any]]:
    return list(micro.examples(name, TASKS[name], "train", language, MICRO))


# --- the micro source ---

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
    ("squad2", 2): {  # Kenya: grams? / Kenya: 19 days and Monday; France: Saturday and 50 Argentine pesos.
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

    assert {TASKS[name].format for name, _ in GERMAN} == set(discover.names("formats"))
    assert {key: value for key, value in row.items() if key != "id"} == {"language": "de", **GERMAN[name, number]}


def test_a_rendering_has_the_labels_ids_and_order_of_the_english_examples_and_no_fault() -> None:
    for name in TRAINED:
        english = training(name, "en")
        for language in ("de", "zh", "ar"):
            rows = training(name, language)
            assert [faults(row, TASKS[name]) for row in rows] == [[]] * len(english)
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


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default parameters, with a smaller micro source."""
    values = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    values["micro"] |= {"train": 30, "validation": 10, "test": 10}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def xit(*arguments: str) -> str:
    result = CliRunner().invoke(cli.app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_translate_writes_a_task_in_another_language_and_its_audit(project: Path) -> None:
    printed = xit("translate", "squad+sw")

    rows = read_examples(project / "data/squad+sw/train.parquet")
    audit = json.loads((project / "data/squad+sw/audit.json").read_text(encoding="utf-8"))["splits"]
    assert printed == "data/squad+sw: 30 train\n"
    assert rows == list(micro.examples("squad", TASKS["squad"], "train", "sw", micro_settings(project)))
    assert [row["id"] for row in rows] == [f"{number:04d}" for number in range(30)]
    assert {key: audit[0][key] for key in ("task", "split", "language", "source", "examples", "dropped")} == {
        "task": "squad",
        "split": "train",
        "language": "sw",
        "source": "micro",
        "examples": 30,
        "dropped": 0,
    }


def micro_settings(project: Path) -> MicroSettings:
    return MicroSettings(**yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))["micro"])


@pytest.mark.parametrize(
    ("condition", "error", "message"),
    [
        ("nmli+de", ConfigError, r"nmli: no such task. Did you mean xnli\? Tasks: anli_plus"),
        ("mnli+ht", ConfigError, r"^ht: CLDR has too little of it .* Leave it out."),
        ("mnli+xx", ConfigError, r"^xx: CLDR has no such language."),
        ("mnli+en", ConfigError, r"^mnli\+en: should be a task, \+ and a language other than English, as in mnli\+de"),
        ("mnli-30+de", ConfigError, r"^mnli-30\+de: should be a task, \+ and a language"),
        ("mnli+de+mlm", ConfigError, r"^mnli\+de\+mlm: should be a task, \+ and a language"),
        ("none", ConfigError, r"^none: should be a task, \+ and a language"),
        ("mnli de", ConfigError, r"^mnli de: not a condition."),
        ("tatoeba+de", DataError, r"^tatoeba: it is not trained, so there is nothing to translate. `xit tasks` lists"),
    ],
)
def test_what_cannot_be_translated_is_refused(
    condition: str, error: type[Exception], message: str, project: Path
) -> None:
    with pytest.raises(error, match=message):
        xit("translate", condition)
    assert not list(project.glob("data/*"))


GRIDS: list[tuple[dict[str, Any], str]] = [
    ({"translated_tasks": ["mnli"]}, r"\[mnli\], \[\]: each task is translated into each language, so both are empty"),
    (
        {"translated_tasks": ["xnli"], "translation_languages": ["de"]},
        r"translated_tasks: xnli: no intermediate task or",
    ),
    ({"translated_tasks": ["mnli"], "translation_languages": ["de", "de"]}, r"translation_languages: de is there twi"),
    ({"translated_tasks": ["mnli"], "translation_languages": ["en"]}, r"translation_languages: en: training examples"),
    (
        {"recipes": ["mnli+de"]},
        r"recipes: mnli\+de: nothing makes its examples. Put mnli into grid.translated_tasks and",
    ),
]


@pytest.mark.parametrize(("changes", "message"), GRIDS)
def test_a_grid_of_translations_is_checked(changes: dict[str, Any], message: str) -> None:
    from xit import config

    values = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    values["grid"] |= changes

    with pytest.raises(ConfigError, match=message):
        config.check(values, "params.yaml")


def test_a_grid_of_translations_needs_a_model_where_the_source_is_not_micro() -> None:
    from xit import config

    values = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    values["grid"] |= {"translated_tasks": ["mnli"], "translation_languages": ["de"]}
    config.check(values, "params.yaml")

    with pytest.raises(ConfigError, match=r"translation.model: empty, but grid.translated_tasks names mnli. Give a"):
        config.check({**values, "source": "files"}, "params.yaml")
