"""Fine-tuning: targets that train on the same data by the same plan share one model; all others have their own."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import tiny

from xit.core.plan import Cell, Places
from xit.core.progress import unheard
from xit.core.settings import MicroSettings
from xit.core.task import task_of
from xit.modeling import checkpoints
from xit.pipeline import config, plans
from xit.sources.micro import MicroSource
from xit.stages.data import data
from xit.stages.finetune import finetune

PROJECT = Path(__file__).parents[2]
MICRO = MicroSettings(
    train=24, validation=8, test=8, territories=12, units=10, documents_per_language=10, anchor_fraction=0.5, seed=1
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An encoder after two conditions, and data of the micro source."""
    for condition in ("none", "mnli"):
        tiny.write_checkpoint(tmp_path / "intermediate" / condition / "1", seed=len(condition))
    source = MicroSource(dataclasses.replace(MICRO, languages=("en", "de")))
    for name in ("xquad", "mlqa", "tydiqa", "lareqa"):
        data(name, source, ("en", "de"), tmp_path / "data" / name)
    return tmp_path


def finetuned(root: Path, target: str, **changes: Any) -> list[str]:
    cells = {f"{name}/1": Cell("transformer", name, target, 1) for name in ("none", "mnli")}
    places = Places(root / "intermediate", root / "data", root / "finetuned" / target)
    return finetune(cells, places, tiny.plan(target, **changes), unheard)


def test_a_target_of_equal_training_has_the_model_of_the_other_under_its_own_name(root: Path) -> None:
    alone = finetuned(root, "mlqa")
    first, second = (root / "finetuned/mlqa" / name / "1" for name in ("none", "mnli"))
    files = {path.name: path.read_bytes() for path in first.iterdir()}
    checkpoints.keep_only(root / "finetuned", ())
    finetuned(root, "xquad")

    lines = finetuned(root, "mlqa")

    assert all("the model of" in line and "xquad" in line for line in lines)
    assert not any("the model of" in line for line in alone)
    assert {path.name: path.read_bytes() for path in first.iterdir()} == files
    assert (second / "model.safetensors").samefile(root / "finetuned/xquad/mnli/1/model.safetensors")
    assert checkpoints.head_config(first).task == "mlqa"  # type: ignore[union-attr]
    assert checkpoints.head_config(root / "finetuned/xquad/none/1").task == "xquad"  # type: ignore[union-attr]
    assert json.loads((first / "outcome.json").read_text())["shares"] == {"mlqa": 1.0}
    assert all("already made" in line for line in finetuned(root, "mlqa"))


@pytest.mark.parametrize("target", ["tydiqa", "lareqa"])
def test_another_format_or_other_data_are_trained_on_their_own(root: Path, target: str) -> None:
    finetuned(root, "xquad")

    assert not any("the model of" in line for line in finetuned(root, target))


def test_another_plan_is_trained_on_its_own(root: Path) -> None:
    finetuned(root, "xquad")

    assert not any("the model of" in line for line in finetuned(root, "mlqa", learning_rate=0.02))
    assert all("the model of" in line for line in finetuned(root, "mlqa"))


def test_a_damaged_model_is_not_copied(root: Path) -> None:
    finetuned(root, "xquad")
    damaged = root / "finetuned/xquad/none/1/head.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-4])

    lines = finetuned(root, "mlqa")

    assert ["the model of" in line for line in lines] == [False, True]


def test_only_targets_of_equal_training_wait_for_one_another() -> None:
    values = config.read(PROJECT / "params.yaml")
    rates = {"xquad": 0.004, "mlqa": 0.004, "lareqa": 0.004}
    grid = {"targets": ["xnli", "xquad", "lareqa", "mlqa"], "encoders": ["lstm"]}
    changes = {"grid": grid, "encoders": {"lstm": {"learning_rates": rates}}}
    changes["targets"] = {"mlqa": values["targets"]["xquad"]}

    def waiting(changes: dict[str, Any]) -> dict[str, str]:
        laid = config.laid_over(values, changes)
        laid["grid"]["tasks"] = [*laid["grid"]["intermediates"], *laid["grid"]["targets"], "tatoeba"]
        return plans.shared_trainings(config.check(laid, "test"))

    assert waiting({}) == {}
    assert waiting(changes) == {"finetune@lstm-mlqa": "finetune@lstm-xquad"}
    changes["encoders"] = {"lstm": {"learning_rates": {**rates, "mlqa": 0.002}}}
    assert waiting(changes) == {}
    assert task_of("mlqa").answer_rules == "mlqa"
