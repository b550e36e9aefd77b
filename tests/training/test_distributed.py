"""Several processes that train as one: the losses of one process, also after all of them were killed."""

import contextlib
import dataclasses
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_loop
import tiny
import together
import torch
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from xit.core import distributed
from xit.core.errors import ConfigError
from xit.modeling import encoders, tokenization
from xit.training import loop, objectives
from xit.training.loop import Step, Validation, train
from xit.training.masked_lm import MaskedLanguageModel, from_scratch, masked_lm_steps


def run_stage(root: Path, which: tuple[str, str], micro_batches: int, dies_at: int | None) -> None:
    def told(done: int) -> None:
        if done == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    test_loop.MICRO_BATCHES = micro_batches
    test_loop.stage(which)(root, (1,), told)


def made(root: Path) -> dict[str, bytes]:
    """What a stage wrote, but for the lineage, which has the number of processes."""
    return {name: data for name, data in test_loop.files(root / "out").items() if "lineage" not in name}


def log(root: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (root / "out/none/1/log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_take_the_steps_of_two_micro_batches_bit_for_bit(tmp_path: Path) -> None:
    """The same two gradients are added, and halves and doubles are exact."""
    which = ("lareqa", "transformer")
    for root in (tmp_path / "one", tmp_path / "two"):
        test_loop.write_inputs(root, which)

    assert together.run(1, run_stage, tmp_path / "one", which, 2, None) == [0]
    assert together.run(2, run_stage, tmp_path / "two", which, 2, None) == [0, 0]

    assert made(tmp_path / "two") == made(tmp_path / "one")
    lineages = [json.loads((tmp_path / name / "out/none/1/lineage.json").read_text()) for name in ("one", "two")]
    assert [lineage["processes"] for lineage in lineages] == [1, 2]


RUNS = [
    ("text", "lstm"),
    ("xquad", "mingru"),
    *(pytest.param(one, marks=pytest.mark.torture) for one in [("panx", "lstm"), ("parallel", "transformer")]),
]
KILLED = [
    ("xnli", "lstm"),
    *(pytest.param(one, marks=pytest.mark.torture) for one in [("text", "transformer"), ("parallel", "lstm")]),
]


@pytest.mark.slow
@pytest.mark.parametrize("which", RUNS, ids="-".join)
def test_two_processes_take_the_steps_of_one_batch(which: tuple[str, str], tmp_path: Path) -> None:
    """Not bit for bit: what one process adds up in a sum of all examples, two add up in two."""
    for root in (tmp_path / "one", tmp_path / "two"):
        test_loop.write_inputs(root, which)

    assert together.run(1, run_stage, tmp_path / "one", which, 1, None) == [0]
    assert together.run(2, run_stage, tmp_path / "two", which, 1, None) == [0, 0]

    alone, shared = log(tmp_path / "one"), log(tmp_path / "two")
    assert len(alone) == len(shared) > 10
    apart = 1e-2 if which[0] == "parallel" else 1e-3  # ranking is sharp: small differences grow
    for figure in ("loss", "gradient_norm"):
        assert [r[figure] for r in shared] == pytest.approx([r[figure] for r in alone], rel=apart)
        assert shared[0][figure] == pytest.approx(alone[0][figure], rel=1e-6)


def take_a_step(root: Path, objective: str) -> None:
    """A step of an objective of pretraining, of which the gradient is kept."""
    folder = root / str(distributed.count())
    folder.mkdir(exist_ok=True)
    tokenizer = tokenization.load(root / "tokenizer")
    text = dataclasses.replace(tiny.ALL_OBJECTIVES, objectives={objective: 1.0})
    plan = dataclasses.replace(tiny.PRETRAINING, steps=1, size=tiny.SIZES["lstm"], text=text)
    torch.manual_seed(0)
    model = from_scratch("lstm", plan, tokenizer, root)
    steps = objectives.pretraining_steps(objectives.read(text, root, tokenizer), text, 1, tokenizer, 0)
    gradients = {}

    def keep(*_: Any) -> None:
        gradients.update({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})

    register_optimizer_step_pre_hook(keep)
    train(model, steps, plan, folder, {})
    torch.save(gradients, folder / f"{distributed.is_main():d}.pt")


@pytest.mark.slow
@pytest.mark.parametrize("objective", tiny.ALL_OBJECTIVES.objectives)
def test_two_processes_have_the_gradient_of_one_in_every_objective(objective: str, tmp_path: Path) -> None:
    """That of ranking with the same negatives."""
    tiny.write_text(tmp_path)

    assert together.run(1, take_a_step, tmp_path, objective) == [0]
    assert together.run(2, take_a_step, tmp_path, objective) == [0, 0]

    alone, main, other = (torch.load(tmp_path / name, weights_only=True) for name in ("1/1.pt", "2/1.pt", "2/0.pt"))
    assert len(alone) > 10
    for name, gradient in alone.items():
        assert torch.equal(main[name], other[name])
        torch.testing.assert_close(main[name], gradient, rtol=1e-4, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("which", KILLED, ids="-".join)
def test_two_killed_processes_go_on_to_the_same_bits(which: tuple[str, str], tmp_path: Path) -> None:
    for root in (tmp_path / "undisturbed", tmp_path / "killed"):
        test_loop.write_inputs(root, which)

    assert together.run(2, run_stage, tmp_path / "undisturbed", which, 2, None) == [0, 0]
    for step in (3, 9):  # before any state; after one
        assert together.run(2, run_stage, tmp_path / "killed", which, 2, step) == [-signal.SIGKILL] * 2
        assert not (tmp_path / "killed/out/none/1").exists()
    assert together.run(2, run_stage, tmp_path / "killed", which, 2, None) == [0, 0]

    assert test_loop.files(tmp_path / "killed/out") == test_loop.files(tmp_path / "undisturbed/out")


class TwoHeads(nn.Module):
    """Two tasks' models over one encoder, as modules that share it; a batch says whose it is."""

    has_idle_parameters = True

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        encoder = nn.Linear(3, 4)
        self.parts = nn.ModuleList(nn.ModuleDict({"encoder": encoder, "head": nn.Linear(4, 1)}) for _ in range(3))

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        part = self.parts[int(batch["task"])]
        return ((part["head"](part["encoder"](batch["x"]))[:, 0] - batch["labels"]) ** 2).mean()


def three_batches(step: int) -> Step:
    """Three forward passes of two tasks; the third task has none, and its head learns nothing."""
    draw = torch.Generator().manual_seed(step)
    batches = [
        {"x": torch.randn(n, 3, generator=draw), "labels": torch.randn(n, generator=draw), "task": torch.tensor(task)}
        for n, task in ((2, step % 2), (3, 1), (4, 0))
    ]
    return Step(batches, ["e"])


def train_two_heads(folder: Path) -> None:
    model = TwoHeads()
    plan = dataclasses.replace(test_loop.PLAN, validate_every=2, patience=9)
    train(model, three_batches, plan, folder, {}, lambda: Validation(1.0, 1.0))
    torch.save(dict(model.named_parameters()), folder / f"weights-{distributed.is_main():d}.pt")


@pytest.mark.slow
def test_two_processes_share_three_passes_and_leave_idle_heads_alone(tmp_path: Path) -> None:
    assert together.run(1, train_two_heads, tmp_path / "one") == [0]
    assert together.run(2, train_two_heads, tmp_path / "two") == [0, 0]

    alone, main, other = (
        torch.load(tmp_path / n, weights_only=True)
        for n in ("one/weights-1.pt", "two/weights-1.pt", "two/weights-0.pt")
    )
    assert len(alone) == 8  # the shared encoder once
    for name, weights in alone.items():
        assert torch.equal(main[name], other[name])
        torch.testing.assert_close(main[name], weights, rtol=1e-5, atol=1e-6)
    assert torch.equal(main["parts.2.head.weight"], TwoHeads().parts[2]["head"].weight)
    assert not torch.equal(main["parts.1.head.weight"], TwoHeads().parts[1]["head"].weight)


def test_retrieval_is_not_cut_smaller(tmp_path: Path) -> None:
    """The other examples of a forward pass are an example's negatives."""
    which = ("lareqa", "lstm")
    test_loop.write_inputs(tmp_path, which)

    assert together.run(2, refused, tmp_path, which) == [0, 0]


def refused(root: Path, which: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"lareqa: micro_batches is 1, and there are 2 processes, .*in one process"):
        run_stage(root, which, 1, None)


# Sharded (FSDP 2)


def train_masked(folder: Path, optimizer: Any, is_sharded: bool, stops_at: int | None) -> None:
    """Ten steps of masked language modelling, of which the third looks best."""
    torch.manual_seed(0)
    pieces = tiny.tokenizer()
    encoder = encoders.build("transformer", tiny.SIZES["transformer"], pieces.vocabulary_size, pieces.padding_id)
    model = MaskedLanguageModel(encoder)
    blocks = np.random.default_rng(0).integers(5, pieces.vocabulary_size, (64, 16)).astype(np.int32)
    steps = masked_lm_steps({"en": blocks}, tiny.TEXT, pieces, 0)
    plan = dataclasses.replace(test_loop.PLAN, optimizer=optimizer, validate_every=3, patience=9)

    def report(what: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        if done == stops_at:
            raise KeyboardInterrupt

    def forced(*arguments: Any) -> Any:
        """Accelerate leaves CPUs alone, though torch shards on them: it is told that they are GPUs."""
        accelerator = plainly(*arguments)
        accelerator.state.distributed_type = DistributedType.FSDP
        accelerator.state.fsdp_plugin = FullyShardedDataParallelPlugin()
        return accelerator

    def looked_at() -> Validation:
        return Validation(float(model.bias.detach().sum()), 1.0)

    plainly = loop.accelerator_for
    if is_sharded:
        wrap = {"AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP", "TRANSFORMER_CLS_TO_WRAP": "Block", "VERSION": "2"}
        os.environ |= {"ACCELERATE_USE_FSDP": "true", **{f"FSDP_{name}": value for name, value in wrap.items()}}
        loop.accelerator_for = forced
    with contextlib.suppress(KeyboardInterrupt):
        outcome = train(model, steps, plan, folder, {}, looked_at, report)
        assert outcome.best_step == 3
        if distributed.is_main():
            torch.save(model.state_dict(), folder / "weights.pt")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "apart"),
    [
        ("adamw", 1e-5),
        *(pytest.param(*one, marks=pytest.mark.torture) for one in [("muon", 1e-2), ("muon_float32", 1e-4)]),
    ],
)
def test_two_sharded_processes_learn_what_one_does_also_after_a_stop(
    optimizer: str, apart: float, tmp_path: Path
) -> None:
    assert together.run(1, train_masked, tmp_path / "one", optimizer, False, None) == [0]
    assert together.run(2, train_masked, tmp_path / "two", optimizer, True, None) == [0, 0]
    for stops_at in (5, None):
        assert together.run(2, train_masked, tmp_path / "stopped", optimizer, True, stops_at) == [0, 0]

    folders = [tmp_path / name for name in ("one", "two", "stopped")]
    one, two, stopped = (torch.load(folder / "weights.pt", weights_only=True) for folder in folders)
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, rtol=0, atol=apart)
        assert torch.equal(stopped[name], two[name])
    logs = [[json.loads(line) for line in (f / "log.jsonl").read_text().splitlines()] for f in folders]
    assert [r["loss"] for r in logs[1]] == pytest.approx([r["loss"] for r in logs[0]], rel=1e-3)


def test_single_numbers_are_not_sharded() -> None:
    class Accelerator:
        is_fsdp2 = True

    model = nn.ParameterDict({"scale": nn.Parameter(torch.ones(())), "matrix": nn.Parameter(torch.ones(2, 2))})

    with pytest.raises(ConfigError, match=r"FSDP: it cannot shard single numbers, .*: scale. Train without FSDP"):
        loop._copy_to_shard(model, Accelerator())
