"""`xit translate`: a task in another language by micro or a model, stopped and started again; what it refuses."""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tiny
import yaml
from translation_models import settings, write_nllb, write_trained
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core import files, registry
from xit.core.errors import ConfigError, DataError
from xit.core.examples import read_examples, write_examples
from xit.core.settings import MicroSettings
from xit.core.task import Task, task_of
from xit.sources.micro import MicroSource

PROJECT = Path(__file__).parents[2]
TASKS: dict[str, Task] = {name: task_of(name) for name in registry.names("tasks")}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default parameters, with a smaller micro source."""
    values = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    values["micro"] |= {"train": 30, "validation": 10, "test": 10}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def xit(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_translate_writes_a_task_in_another_language_and_its_audit(project: Path) -> None:
    printed = xit("translate", "squad+sw")

    rows = read_examples(project / "data/squad+sw/train.parquet")
    audit = json.loads((project / "data/squad+sw/audit.json").read_text(encoding="utf-8"))["splits"]
    assert printed == "data/squad+sw: 30 train\n"
    assert rows == list(MicroSource(micro_settings(project)).examples(TASKS["squad"], "train", "sw"))
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
    from xit.pipeline import config

    values = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    values["grid"] |= changes

    with pytest.raises(ConfigError, match=message):
        config.check(values, "params.yaml")


def test_a_grid_of_translations_needs_a_model_where_the_source_is_not_micro() -> None:
    from xit.pipeline import config

    values = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    values["grid"] |= {"translated_tasks": ["mnli"], "translation_languages": ["de"]}
    config.check(values, "params.yaml")

    with pytest.raises(ConfigError, match=r"translation.model: empty, but grid.translated_tasks names mnli. Give a"):
        config.check({**values, "source": "files"}, "params.yaml")


@pytest.fixture(scope="module")
def nllb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nllb(tmp_path_factory.mktemp("nllb"))


def of_files(project: Path, model: Path, **changes: Any) -> None:
    """As `project`, with the examples and the model of a files experiment."""
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    values |= {"source": "files", "translation": dataclasses.asdict(settings(model, **changes))}
    (project / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")


@pytest.mark.slow
def test_translate_of_files_asks_the_model_and_counts_what_is_lost(nllb: Path, project: Path) -> None:
    of_files(project, nllb)
    tiny.write_data(project / "data/mnli", "mnli")
    tiny.write_data(project / "data/squad", "squad")

    printed = xit("translate", "mnli+de")

    rows = read_examples(project / "data/mnli+de/train.parquet")
    audit = json.loads((project / "data/mnli+de/audit.json").read_text(encoding="utf-8"))
    english = {row["id"]: row["label"] for row in read_examples(project / "data/mnli/train.parquet")}
    lost = audit["splits"][0]["dropped"]
    assert 0 < lost == 24 - len(rows) < 24
    assert printed.startswith(f"data/mnli+de: {len(rows)} train; {lost} left out (a sentence that ")
    assert audit["model"] == f"{nllb}, {files.sha256(nllb)}"
    assert [(row["label"], row["language"]) for row in rows] == [(english[row["id"]], "de") for row in rows]
    with pytest.raises(DataError, match=r"squad\+de: no example came through. .*: \d+; see translation.model"):
        xit("translate", "squad+de")


@pytest.mark.torture
def test_a_process_that_is_killed_again_and_again_ends_in_the_same_bits(
    nllb: Path, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    of_files(project, nllb, batch_size=1)
    write_examples(project / "data/mnli/train.parquet", TASKS["mnli"], tiny.examples("classification", 60))
    xit("translate", "mnli+de")
    expected = {path.name: path.read_bytes() for path in (project / "data/mnli+de").iterdir()}
    root = shutil.copytree(project, tmp_path_factory.mktemp("killed"), dirs_exist_ok=True)
    shutil.rmtree(root / "data/mnli+de")
    shutil.rmtree(root / "translations")
    command = [sys.executable, "-c", "from xit.cli import main; main()", "translate", "mnli+de"]
    kills = []

    for most in (5, 11, 30, 31, 50):
        with subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
            while running.poll() is None and (done := sentences_done(root)) < most:
                time.sleep(0.001)
            running.kill()
        kills.append((running.returncode, done))
        assert not (root / "data/mnli+de").exists()
    subprocess.run(command, cwd=root, check=True)

    assert [code for code, _ in kills] == [-signal.SIGKILL] * 5
    assert [done for _, done in kills] == sorted({done for _, done in kills})
    assert {path.name: path.read_bytes() for path in (root / "data/mnli+de").iterdir()} == expected


def sentences_done(root: Path) -> int:
    return len(list(root.glob("translations/*.json")))


GERMAN_WORDS = {"boat": "das Boot", "lamp": "die Lampe", "book": "das Buch", "cup": "die Tasse"}
GERMAN_PLACES = {"Oslo": "Oslo", "Turin": "Turin", "Rome": "Rom", "Paris": "Paris"}


@pytest.mark.slow
def test_a_model_that_has_learnt_german_carries_questions_passages_and_answers_over(
    project: Path, tmp_path: Path
) -> None:
    people = tiny.PEOPLE[:4]
    told = [(who, thing, place) for who in people for thing in GERMAN_WORDS for place in GERMAN_PLACES]
    pairs = {f"Where did {who} paint?": f"Wo malte {who}?" for who in people}
    for who, thing, place in told:
        for mark in ("{}", "[{}]"):
            german = f"In {mark.format(GERMAN_PLACES[place])} malte {who} {GERMAN_WORDS[thing]}."
            pairs[f"{who} painted the {thing} in {mark.format(place)}."] = german
    write_trained(tmp_path / "model", pairs)
    examples = []
    for number, ((who, thing, place), other) in enumerate(zip(told, told[7:] + told[:7], strict=True)):
        context = f"{other[0]} painted the {other[1]} in {other[2]}. {who} painted the {thing} in {place}."
        row = {"id": str(number), "language": "en", "question": f"Where did {who} paint?", "context": context}
        examples.append(row | {"answers": [place], "starts": [context.rindex(place)]})
    write_examples(project / "data/squad/train.parquet", TASKS["squad"], examples)
    of_files(project, tmp_path / "model", batch_size=16, max_length_tokens=32)

    xit("translate", "squad+de")

    rows = {row["id"]: row for row in read_examples(project / "data/squad+de/train.parquet")}
    right = 0
    for number, ((who, thing, place), other) in enumerate(zip(told, told[7:] + told[:7], strict=True)):
        before = f"In {GERMAN_PLACES[other[2]]} malte {other[0]} {GERMAN_WORDS[other[1]]}. "
        right += rows.get(str(number)) == {
            "id": str(number),
            "language": "de",
            "question": f"Wo malte {who}?",
            "context": f"{before}In {GERMAN_PLACES[place]} malte {who} {GERMAN_WORDS[thing]}.",
            "answers": [GERMAN_PLACES[place]],
            "starts": [len(before) + 3],
        }
    assert right >= 58  # of 64
