"""What is said of a loss that is not finite: the module that it comes from, at the precision that it had."""

import dataclasses
from pathlib import Path

import pytest
import tiny
import torch
from torch import Tensor, nn

from xit import heads
from xit.core.errors import TrainingError
from xit.core.plan import Plan
from xit.modeling import encoders
from xit.modeling.task_model import TaskModel
from xit.training.loop import Step, train
from xit.training.nonfinite import explained

PLAN = Plan(0.01, 2, 0.0, 0.0, 1.0, tiny.COMPUTE)
BATCH = {"input_ids": torch.tensor([[5, 6, 7]]), "attention_mask": torch.ones(1, 3).long(), "labels": torch.tensor([1])}
BATCH["segment"] = torch.zeros(1, 3).long()


def model() -> TaskModel:
    torch.manual_seed(0)
    encoder = encoders.build("transformer", dataclasses.replace(tiny.SIZES["transformer"], layers=2), 20)
    return TaskModel(encoder, heads.load("classification").head("linear", 16, 2, tiny.task_of("xnli")), 0)


def test_the_module_that_overflows_in_half_precision_is_named_with_what_to_do() -> None:
    broken = model()
    weight = broken.encoder.blocks[1].expand.weight  # type: ignore[index, union-attr]
    weight.data *= 1e6

    assert explained(broken, [BATCH]) == ""
    assert explained(broken.half(), [BATCH]) == (
        " Not finite first: the output of encoder.blocks.1.expand (Linear, float16). float16 ends at 65,504: take "
        "bfloat16 or float32."
    )
    weight.data *= 1e6
    assert explained(broken, [BATCH]) == (
        " The weights are not finite before the step, encoder.blocks.1.expand.weight first: start from another "
        "checkpoint."
    )


def test_training_says_it_in_its_error_and_looks_before_no_step_that_is_finite(tmp_path: Path) -> None:
    class Growing(nn.Module):
        """Finite at first, then the logarithm of what is below zero."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))
            self.logarithm = Logarithm()
            self.calls = 0

        def forward(self, batch: dict[str, Tensor]) -> Tensor:
            self.calls += 1
            result: Tensor = self.logarithm(self.weight * batch["labels"]).sum()
            return result

    class Logarithm(nn.Module):
        def forward(self, value: Tensor) -> Tensor:
            return value.log()

    growing = Growing()

    def step_at(step: int) -> Step:
        return Step([{"labels": torch.tensor([1.0 if step == 0 else -1.0])}], ["one"])

    with pytest.raises(
        TrainingError, match=r"step 1: the loss is nan.* Not finite first: the output of logarithm \(Lo"
    ):
        train(growing, step_at, PLAN, tmp_path, {})
    assert growing.calls == 3


def test_a_gradient_that_is_not_finite_where_outputs_are_is_named() -> None:
    layer = nn.Linear(1, 1)
    layer.weight.grad = torch.tensor([[float("inf")]])

    assert explained(layer, [torch.ones(1, 1)]) == " All outputs are finite; not the gradient of weight (float32)."  # type: ignore[list-item]
