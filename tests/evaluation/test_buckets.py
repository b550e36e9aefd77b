"""Buckets of predictions: what they hold, what they score, and the facts of languages behind them."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from babel import Locale
from babel.core import get_global
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core import registry
from xit.core.errors import ConfigError, DataError
from xit.core.languages import LANGUAGES, facts
from xit.core.settings import MicroSettings
from xit.core.task import Task, task_of
from xit.evaluation import buckets
from xit.formats import format_of
from xit.scoring import predictions
from xit.sources.micro import MicroSource

ROOT = Path(__file__).parents[2]
SETTINGS = MicroSettings(20, 10, 24, 10, 10, 10, 0.5, 1, ("en", "de", "zh"))
TASKS = {  # one of each format, and both kinds of retrieval
    "xnli": 24,
    "xcopa": 24,
    "udpos": 24,
    "xquad": 24,
    "tatoeba": 24,
    "lareqa": 24,
}


def perfect(task: Task, members: Sequence[Any]) -> Any:
    """The right answers of one language, in the shape of predictions."""
    gold = format_of(task).gold(members)
    if task.format == "span":
        return {name: answers[0] for name, answers in gold}
    return dict(gold) if format_of(task).extension == "json" else gold


def write_perfect(folder: Path, task_id: str) -> list[Any]:
    """Right predictions of the micro test set; returns its examples."""
    task = task_of(task_id)
    codes = MicroSource(SETTINGS).languages(task)
    examples = [row for code in codes for row in MicroSource(SETTINGS).examples(task, "test", code)]
    asked = format_of(task).named(examples)
    for code in codes:
        members = [row for row in asked if row["language"] == code]
        predictions.write(folder, task, code, perfect(task, members))
    return examples


@pytest.mark.parametrize("task_id", TASKS)
def test_right_predictions_score_100_in_every_bucket_and_every_example_is_in_one(task_id: str, tmp_path: Path) -> None:
    examples = write_perfect(tmp_path, task_id)

    analysed = buckets.analyse(tmp_path, task_id, examples, ("en", "de"))

    assert {bucket.value for bucket in analysed} == {100.0}
    attributes = {"script", "family", "pretraining", "length", *(["answer length"] if task_id == "xquad" else [])}
    assert {bucket.attribute for bucket in analysed} == attributes
    for code in {bucket.language for bucket in analysed}:
        for attribute in attributes:
            sizes = [b.examples for b in analysed if (b.language, b.attribute) == (code, attribute)]
            assert sum(sizes) == TASKS[task_id]


def pairs(code: str, count: int) -> list[dict[str, Any]]:
    """XNLI examples of growing length, in no order; the label is always entailment."""
    order = [number * 5 % count for number in range(count)]
    row = {"language": code, "text_b": "b", "label": "entailment"}
    return [{**row, "id": str(number), "text_a": "a" * (number + 1)} for number in order]


def test_quarters_are_of_the_lengths_of_a_language(tmp_path: Path) -> None:
    english, swahili = pairs("en", 8), pairs("sw", 4)
    for rows, limit in ((english, 4), (swahili, 1)):  # longer texts are answered wrongly
        labels = ["entailment" if len(row["text_a"]) <= limit else "neutral" for row in rows]
        predictions.write(tmp_path, task_of("xnli"), rows[0]["language"], labels)

    analysed = buckets.analyse(tmp_path, "xnli", [*english, *swahili], ("en",))

    found = {(b.language, b.name): (b.examples, b.value, b.bounds) for b in analysed if b.attribute == "length"}
    assert found == {
        ("en", "shortest quarter"): (2, 100.0, (2, 3)),
        ("en", "second quarter"): (2, 100.0, (4, 5)),
        ("en", "third quarter"): (2, 0.0, (6, 7)),
        ("en", "longest quarter"): (2, 0.0, (8, 9)),
        ("sw", "shortest quarter"): (1, 100.0, (2, 2)),
        ("sw", "second quarter"): (1, 0.0, (3, 3)),
        ("sw", "third quarter"): (1, 0.0, (4, 4)),
        ("sw", "longest quarter"): (1, 0.0, (5, 5)),
    }
    means = {row["bucket"]: row for row in buckets.means(analysed)}
    assert means["second quarter"]["value"] == 50.0
    assert (means["Latin"]["languages"], means["Latin"]["examples"]) == (["en", "sw"], 12)
    assert means["Latin"]["value"] == (50.0 + 25.0) / 2
    assert (means["seen"]["value"], means["not seen"]["value"]) == (50.0, 25.0)
    assert {"Germanic", "Atlantic-Congo"} <= set(means)
    assert list(means)[-4:] == list(buckets.QUARTERS)


def test_equal_lengths_are_in_one_bucket(tmp_path: Path) -> None:
    rows = [{**row, "text_a": "a"} for row in pairs("en", 8)]
    predictions.write(tmp_path, task_of("xnli"), "en", ["entailment"] * 8)

    analysed = buckets.analyse(tmp_path, "xnli", rows, ())

    assert [(b.name, b.examples) for b in analysed if b.attribute == "length"] == [("longest quarter", 8)]


def test_predictions_that_do_not_fit_the_examples_are_a_fault(tmp_path: Path) -> None:
    predictions.write(tmp_path, task_of("xnli"), "en", ["entailment"] * 7)
    with pytest.raises(DataError, match=r"xnli in en: 7 lines; the gold has 8\. .* --most\."):
        buckets.analyse(tmp_path, "xnli", pairs("en", 8), ())

    examples = write_perfect(tmp_path, "tatoeba")
    predictions.write(tmp_path, task_of("tatoeba"), "de", [1000] * 24)
    with pytest.raises(DataError, match=r"in de: line 1: row 1000 is none of the 1,000 candidates \(and 23 more\)\."):
        buckets.analyse(tmp_path, "tatoeba", examples, ())


# The command


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for name in ("train", "validation", "test", "territories", "units", "documents_per_language"):
        value = getattr(SETTINGS, name)
        text = "\n".join(f"  {name}: {value}" if line.startswith(f"  {name}:") else line for line in text.split("\n"))
    text = text.replace("anchor_fraction: 0.65", f"anchor_fraction: {SETTINGS.anchor_fraction}")
    (tmp_path / "params.yaml").write_text(text.replace("ja, sw, tr, fi]", "ja, tr, fi]"))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["analyse", *arguments])


def test_the_command_writes_means_and_every_language(tmp_path: Path, run: Any) -> None:
    write_perfect(tmp_path / "said", "xquad")

    done = run("said", "--task", "xquad", "--json", "report.json", "--csv", "buckets.csv")

    assert done.exit_code == 0, done.output
    assert "answer length" in done.output
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {(row["attribute"], row["bucket"]) for row in report["means"]} >= {("script", "Han"), ("family", "Germanic")}
    rows = list(csv.DictReader((tmp_path / "buckets.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len(report["buckets"])
    assert {row["language"] for row in rows} == {"en", "de", "zh"}
    assert {row["value"] for row in rows} == {"100.0"}


def test_the_command_says_what_predictions_there_are(tmp_path: Path, run: Any) -> None:
    write_perfect(tmp_path / "said", "xquad")

    missing = run("said", "--task", "xnli")
    assert isinstance(missing.exception, DataError)
    assert "xnli: has predictions (test-<language>.*) in no language, and the data are in en, " in str(
        missing.exception
    )

    unknown = run("said", "--task", "xquad", "--language", "fi")
    assert isinstance(unknown.exception, ConfigError)
    assert str(unknown.exception) == "--language: fi: no predictions. There are: en, de, zh."


def test_mined_pairs_have_no_buckets(run: Any) -> None:
    done = run("said", "--task", "bucc2018")

    assert isinstance(done.exception, ConfigError)
    assert str(done.exception).startswith("bucc2018: its predictions are pairs")


# The facts of languages


def test_the_fifty_languages_have_the_names_and_scripts_of_cldr() -> None:
    english, likely = Locale("en"), get_global("likely_subtags")

    assert len(LANGUAGES) == 50
    for code, language in LANGUAGES.items():
        (script,) = [part for part in likely[code].split("_") if len(part) == 4]
        assert language.name == english.languages[code]
        assert language.script == {"Hans": "Han"}.get(script, english.scripts[script])


def test_the_languages_are_those_of_the_tasks() -> None:
    codes = {code for name in registry.names("tasks") for code in task_of(name).languages}

    assert codes == set(LANGUAGES)
    assert len({language.family for language in LANGUAGES.values()}) == 22
    assert facts("xx").family == "unknown"
