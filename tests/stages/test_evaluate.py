"""`xit evaluate`: the scores of every cell, and the line that says how each came out."""

import json
from pathlib import Path

import pytest
import tiny

from xit.core.examples import write_examples
from xit.core.plan import Places
from xit.core.progress import unheard
from xit.core.settings import RetrievalSettings
from xit.core.task import task_of
from xit.stages.evaluate import evaluate

RETRIEVAL = RetrievalSettings(1.0, "mean")


@pytest.mark.parametrize(
    ("languages", "end"),
    [
        (("en",), " in English, the only language"),
        (("en", "de"), ", mean of 1 languages but English"),
        (("de", "sw"), ", mean of 2 languages but English"),
    ],
)
def test_the_languages_that_are_scored_are_told_english_alone_too(
    languages: tuple[str, ...], end: str, tmp_path: Path
) -> None:
    tiny.write_checkpoint(tmp_path / "models/none/1")
    tiny.write_head(tmp_path / "models/none/1", "xnli")
    rows = [{**example, "language": code} for code in languages for example in tiny.examples("classification")]
    write_examples(tmp_path / "data/xnli/test.parquet", task_of("xnli"), rows)
    places = Places(tmp_path / "models", tmp_path / "data", tmp_path / "out")

    [line] = evaluate(tiny.cells("transformer", "none", "xnli"), places, languages, "micro", RETRIEVAL, unheard)

    scores = json.loads((tmp_path / "out/none/1/scores.json").read_text())
    assert {score["language"] for score in scores} == set(languages)
    assert line.startswith(f"{tmp_path / 'out/none/1'}: accuracy ")
    assert line.endswith(end)
