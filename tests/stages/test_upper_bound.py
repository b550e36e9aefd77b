"""`xit upper-bound`: targets fine-tuned in the language of the test, from data of the micro source."""

import dataclasses
import json
from pathlib import Path

import pytest
import tiny

from xit.core.examples import read_examples, write_examples
from xit.core.plan import Places
from xit.core.progress import unheard
from xit.core.settings import MicroSettings
from xit.core.task import task_of
from xit.sources.micro import MicroSource
from xit.stages.upper_bound import render, upper_bound

MICRO = MicroSettings(
    train=48,
    validation=16,
    test=8,
    territories=40,
    units=14,
    documents_per_language=10,
    anchor_fraction=0.5,
    seed=0,
    languages=("en", "de", "sw"),
)


@pytest.mark.parametrize("target", ["xnli", "lareqa"])
def test_a_target_is_trained_validated_and_scored_in_the_language(target: str, tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path / "none/1")
    task = task_of(target)
    test = [row for code in MICRO.languages for row in MicroSource(MICRO).examples(task, "test", code)]
    write_examples(tmp_path / f"data/{target}/test.parquet", task, test)
    places = Places(tmp_path / "none", tmp_path / "data", tmp_path / "out")
    plan = dataclasses.replace(tiny.PLAN, steps=4, validate_every=2, tasks={target: tiny.BATCHES})
    cells = {"1": tiny.cells("transformer", "none", target)["none/1"]}

    [line] = upper_bound(cells, "sw", MICRO, places, plan, unheard)
    [again] = upper_bound(cells, "sw", MICRO, places, plan, unheard)

    rows = json.loads((places.out / "1/scores.json").read_text(encoding="utf-8"))
    assert {row["language"] for row in rows} == {"sw"}
    assert task.metric in {row["metric"] for row in rows}
    assert all(0 <= row["value"] <= 100 for row in rows)
    outcome = json.loads((places.out / "1/outcome.json").read_text(encoding="utf-8"))
    assert outcome["best_score"] is not None
    assert f"{task.metric} " in line
    assert " in sw; validation " in line
    assert again.endswith("already made, of the same lineage")
    [other] = upper_bound(cells, "de", MICRO, places, plan, unheard)
    assert " in de; " in other


def test_what_training_reads_is_the_language_under_the_name_that_it_looks_for(tmp_path: Path) -> None:
    render("xquad", "sw", MICRO, tmp_path)

    task, source = task_of("xquad"), MicroSource(MICRO)
    for split, count in (("train", MICRO.train), ("validation", MICRO.validation)):
        found = read_examples(tmp_path / f"xquad/{split}.parquet", "en")
        own = list(source.examples(task, split, "sw"))  # type: ignore[arg-type]
        assert len(found) == count
        assert [{**row, "language": "sw"} for row in found] == [{**dict.fromkeys(found[0]), **row} for row in own]
