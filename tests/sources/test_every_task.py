"""Every task, from the micro source: its data are written, an encoder is trained on it, and it is scored."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import tiny
from fast_cases import fast

from xit.core import registry
from xit.core.plan import Cell, Places
from xit.core.progress import unheard
from xit.evaluation import evaluate
from xit.pipeline import config, overlay
from xit.sources.micro import MicroSource
from xit.stages.data import data
from xit.training.mixtures import train_cells

ROOT = Path(__file__).parents[2]
LANGUAGES = ("en", "de", "zh")
IDS = [name for name in registry.names("tasks") if tiny.task_of(name).is_trained or name in evaluate.bare_tasks()]


@pytest.fixture(scope="module")
def parameters() -> Any:
    """The tiny profile, smaller still."""
    merged = overlay.parameters(ROOT, "tiny")
    merged["languages"] = {"pretraining": list(LANGUAGES), "evaluation": list(LANGUAGES)}
    merged["micro"] |= {"train": 12, "validation": 6, "test": 6}
    return config.check(merged, "")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "1"
    tiny.write_checkpoint(folder, "lstm")
    return folder


def test_there_are_tasks_to_range_over() -> None:
    assert len(IDS) >= 23
    assert {tiny.task_of(name).format for name in IDS} == set(registry.names("heads"))


ONE_OF_EACH_FORMAT = {tiny.task_of(name).format: name for name in IDS}.values()


@pytest.mark.parametrize("task_id", fast(lambda name: name in ONE_OF_EACH_FORMAT, IDS))
def test_a_task_trains_and_is_scored_on_the_micro_source(
    task_id: str, parameters: Any, encoder: Path, tmp_path: Path
) -> None:
    task = tiny.task_of(task_id)
    source = MicroSource(dataclasses.replace(parameters.micro, languages=LANGUAGES))
    data(task_id, source, LANGUAGES, tmp_path / task_id)
    assert (tmp_path / task_id / "train.parquet").exists() == task.is_trained
    model = encoder
    if task.is_trained:
        model = tmp_path / "model/1"
        plan = tiny.plan(task_id, steps=3, batch_size=4, max_length_tokens=128, validate_every=2)
        places = Places(encoder.parent, tmp_path, model.parent)
        train_cells("finetune", {"1": Cell("lstm", "none", task_id, 1)}, places, plan, unheard)
        assert json.loads((model / "outcome.json").read_text())["steps"] == 3

    options = evaluate.EvaluationOptions(parameters.retrieval, predictions=tmp_path / "predictions")
    found = evaluate.report_of(str(model), [task_id], None, source, options)

    languages = found["tasks"][task_id]["languages"]
    assert set(languages) == set(LANGUAGES) - ({"en"} if task.micro in ("aligned", "mined") else set())
    assert all(0 <= value <= 100 for value in languages.values())
    assert len(list((tmp_path / "predictions" / task_id).iterdir())) == len(languages)
