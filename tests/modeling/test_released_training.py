"""Training of encoders that transformers loads: dropout, stops, checkpointed gradients."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor

from benchmarks.memory import saved_bytes
from xit.core.errors import ConfigError
from xit.core.plan import Plan
from xit.modeling import encoders
from xit.training.loop import Step, Validation, train


class Loss(torch.nn.Module):
    """The sum of squares of the last states: a model for the training loop."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        states: Tensor = self.encoder(batch["input_ids"], batch["attention_mask"])[-1]
        return states.sin().square().mean()


def one_batch(step: int) -> Step:
    input_ids, attention_mask = tiny.three_sentences()
    return Step([{"input_ids": input_ids, "attention_mask": attention_mask, "labels": input_ids}], ["e"])


def run_of(folder: Path, source: Path, stops_at: int | None = None, is_checkpointed: bool = False) -> dict[str, Tensor]:
    """The weights after six steps with dropout, of which every second is saved; perhaps stopped and started again."""
    compute = dataclasses.replace(tiny.COMPUTE, save_every=2)
    plan = Plan(0.01, 6, 0.0, 0.0, 1.0, compute, validate_every=3, patience=9)
    encoder = encoders.load(source)
    if is_checkpointed:
        encoder.checkpoint_gradients()
    model = Loss(encoder)

    def validate() -> Validation:
        model.eval()  # as predicting does, and back
        model.train()
        return Validation(1.0, 1.0)

    def report(what: str, done: int, total: int, figures: Any) -> None:
        if done == stops_at:
            raise KeyboardInterrupt

    train(model, one_batch, plan, folder, {}, validate, report)
    return dict(model.named_parameters())


def test_dropout_is_there_from_the_first_step_and_after_a_stop(folders: dict[str, Path], tmp_path: Path) -> None:
    source = folders["xlm-roberta"]
    undisturbed = run_of(tmp_path / "one", source)
    with pytest.raises(KeyboardInterrupt):
        run_of(tmp_path / "two", source, stops_at=5)

    resumed = run_of(tmp_path / "two", source)

    assert encoders.load(source).model.config.hidden_dropout_prob == 0.1
    losses = [json.loads(line)["loss"] for line in (tmp_path / "one/log.jsonl").read_text().splitlines()]
    assert losses[0] != float(Loss(encoders.load(source))(one_batch(0).micro_batches[0]).detach())
    assert all(torch.equal(resumed[name], weights) for name, weights in undisturbed.items())


def test_checkpointed_gradients_draw_the_same_dropout(folders: dict[str, Path], tmp_path: Path) -> None:
    source = folders["xlm-roberta"]

    plain, checkpointed = (run_of(tmp_path / str(flag), source, None, flag) for flag in (False, True))

    for name, weights in plain.items():
        torch.testing.assert_close(checkpointed[name], weights, rtol=1e-6, atol=1e-6)
    once, again = encoders.load(source).train(), encoders.load(source).train()
    again.checkpoint_gradients()
    assert saved_bytes(again, 3, 30) < 0.5 * saved_bytes(once, 3, 30)


def test_an_encoder_that_cannot_checkpoint_gradients_says_so(folders: dict[str, Path]) -> None:
    encoder = encoders.load(folders["rwkv"])
    encoder.model.supports_gradient_checkpointing = False

    with pytest.raises(ConfigError, match=r"compute.gradient_checkpointing: a rwkv encoder cannot: "):
        encoder.checkpoint_gradients()
