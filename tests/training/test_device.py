"""Looks that come late and batches that are made ahead, as on a device: the same bits, and the words of a fault."""

import dataclasses
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
import tiny
import torch
from torch import Tensor, nn

from xit.core.errors import TrainingError
from xit.core.plan import Places
from xit.core.progress import unheard
from xit.stages.finetune import finetune
from xit.training import device
from xit.training.loop import Step, Validation, train

PLAN = dataclasses.replace(tiny.PLAN, steps=11, validate_every=4, patience=0, seed=1)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU is treated as a device: looked at every five steps, with batches made beside."""
    monkeypatch.setitem(device.LOOK_EVERY, "cpu", 5)


class Line(nn.Module):
    """y = w x, with squared error."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        nn.init.ones_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        return ((self.layer(batch["x"]) - batch["labels"]) ** 2).mean()


def step_at(step: int, broken_at: int = -1) -> Step:
    x = torch.full((1, 2), float("nan") if step == broken_at else 1.0 + step % 3)
    return Step([{"x": x, "labels": torch.ones(1, 2)}], [f"e{step}"])


def test_the_bits_of_weights_and_log_are_those_of_looks_in_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.write_checkpoint(tmp_path / "parent/none/1")
    tiny.write_data(tmp_path / "data/xnli", "xnli")
    cells, plan = tiny.cells("transformer", "none", "xnli"), tiny.plan("xnli", steps=11, validate_every=4, patience=0)
    for every in (1, 5):
        monkeypatch.setitem(device.LOOK_EVERY, "cpu", every)
        places = Places(tmp_path / "parent", tmp_path / "data", tmp_path / f"of{every}/xnli")
        finetune(cells, places, plan, unheard)

    one, five = (tmp_path / f"of{every}/xnli/none/1" for every in (1, 5))
    for name in ("model.safetensors", "head.safetensors", "log.jsonl", "outcome.json"):
        assert (one / name).read_bytes() == (five / name).read_bytes(), name


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "muon_float32"])
@pytest.mark.parametrize("broken_at", [0, 2, 3, 10])
def test_a_late_look_names_the_step_its_examples_and_the_module_and_nothing_was_learnt_since(
    optimizer: str, broken_at: int, tmp_path: Path, late: None
) -> None:
    model, plan = Line(), dataclasses.replace(PLAN, optimizer=optimizer)

    with pytest.raises(
        TrainingError, match=rf"^step {broken_at}: the loss is nan.*examples e{broken_at};.*of layer \("
    ):
        train(model, lambda step: step_at(step, broken_at), plan, tmp_path, {})

    assert all(weight.isfinite().all() for weight in model.parameters())
    if optimizer == "adamw":
        expected = Line()
        if broken_at:
            short = dataclasses.replace(PLAN, validate_every=broken_at, patience=1)
            train(expected, step_at, short, tmp_path / "until", {}, lambda: Validation(1.0, 0.0))
        assert all(map(torch.equal, model.parameters(), expected.parameters()))


def test_batches_are_made_beside_in_their_order_and_no_longer_than_needed(late: None, tmp_path: Path) -> None:
    asked: list[tuple[int, bool]] = []

    def noted(step: int) -> Step:
        asked.append((step, threading.current_thread() is threading.main_thread()))
        return step_at(step)

    before = threading.active_count()

    train(Line(), noted, PLAN, tmp_path, {})

    assert [step for step, _ in asked] == list(range(11))
    assert not any(is_main for _, is_main in asked)
    assert threading.active_count() == before


def test_a_fault_of_the_data_is_told_as_it_is(late: None, tmp_path: Path) -> None:
    def faulty(step: int) -> Step:
        if step == 3:
            raise ValueError("no such row")
        return step_at(step)

    with pytest.raises(ValueError, match="no such row"):
        train(Line(), faulty, PLAN, tmp_path, {})


def test_weights_of_a_transformer_keep_their_bits_when_angles_are_kept(tmp_path: Path) -> None:
    from xit.encoders import transformer

    for length in (1, 7, 64, 7):
        made = transformer._angles(length, 8, torch.device("cpu"))
        with torch.inference_mode():
            kept_angles = transformer.angles(length, 8, torch.device("cpu"))
        assert all(map(torch.equal, made, kept_angles))
        assert not kept_angles[0].is_inference()
