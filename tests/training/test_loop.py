"""The training loop: which examples a step sees, at what rate, and that a killed run ends as an undisturbed one."""

import dataclasses
import itertools
import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from xit import heads
from xit.core.errors import CheckpointError, ConfigError, TrainingError
from xit.core.plan import Places, Plan, TaskBatches
from xit.heads import EncodingOptions
from xit.modeling.task_model import TaskModel, load_encoder
from xit.stages.finetune import finetune
from xit.stages.pretrain import pretrain
from xit.training.loop import Outcome, Step, Validation, batch_indices, rate_factor, train
from xit.training.streams import task_steps

PLAN = dataclasses.replace(tiny.PLAN, steps=10, warmup_fraction=0.2, validate_every=0, patience=0, seed=1)
TASK = dataclasses.replace(tiny.PLAN, learning_rate=0.02, steps=60, validate_every=5, patience=2)
MICRO_BATCHES = 2


# Which examples, at what rate


def lengths(count: int) -> tuple[int, ...]:
    return tuple(random.Random(0).choices(range(3, 60), k=count))


def test_the_batch_of_a_step_does_not_depend_on_the_steps_before() -> None:
    in_order = [batch_indices(lengths(50), 8, seed=3, step=step) for step in range(20)]
    backwards = [batch_indices(lengths(50), 8, seed=3, step=step) for step in reversed(range(20))]

    assert in_order == backwards[::-1]


def test_another_seed_draws_other_batches() -> None:
    first, second = ([batch_indices(lengths(50), 8, seed, step) for step in range(6)] for seed in (0, 1))

    assert first != second


@pytest.mark.parametrize(("count", "per_epoch"), [(48, 6), (50, 6), (301, 37)])
def test_no_example_comes_again_before_the_epoch_is_over(count: int, per_epoch: int) -> None:
    for epoch in range(3):
        steps = range(epoch * per_epoch, (epoch + 1) * per_epoch)
        drawn = [index for step in steps for index in batch_indices(lengths(count), 8, seed=3, step=step)]

        assert len(set(drawn)) == len(drawn) == per_epoch * 8


def test_every_example_is_drawn_sooner_or_later_the_longest_too() -> None:
    drawn = {index for step in range(6 * 30) for index in batch_indices(tuple(range(50)), 8, seed=3, step=step)}

    assert drawn == set(range(50))


def test_batches_hold_examples_of_like_length() -> None:
    sizes = lengths(1280)

    batches = [batch_indices(sizes, 8, seed=3, step=step) for step in range(160)]

    spread = [max(sizes[i] for i in batch) - min(sizes[i] for i in batch) for batch in batches]
    assert sum(spread) / len(spread) < 5  # 57 lengths over the 16 batches of a stretch; without buckets about 44


def test_epochs_do_not_go_from_short_to_long() -> None:
    firsts = [lengths(1280)[batch_indices(lengths(1280), 8, seed=3, step=step)[0]] for step in range(160)]

    assert firsts[:16] != sorted(firsts[:16])


def test_data_smaller_than_a_batch_are_drawn_whole() -> None:
    assert batch_indices((5, 3, 4), 8, seed=0, step=7) == [0, 1, 2]


def test_the_rate_warms_up_and_decays_linearly() -> None:
    plan = dataclasses.replace(PLAN, steps=10, warmup_fraction=0.2, final_fraction=0.0)

    factors = [rate_factor(step, plan) for step in range(10)]

    assert factors == pytest.approx([0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125])


def test_the_rate_decays_to_its_final_fraction() -> None:
    plan = dataclasses.replace(PLAN, steps=4, warmup_fraction=0.0, final_fraction=0.2)

    assert [rate_factor(step, plan) for step in range(5)] == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2])


# Steps


class Line(nn.Module):
    """y = w x, with squared error: a model whose every number can be followed."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        return ((self.w * batch["x"] - batch["labels"]) ** 2).mean()


def line_step(step: int, broken_at: int | None = None) -> Step:
    x = torch.tensor([1.0, float("nan") if step == broken_at else 2.0])
    return Step([{"x": x, "labels": torch.tensor([3.0, 6.0])}], [f"e{step}-0", f"e{step}-1"])


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parent")
    tiny.write_checkpoint(folder)
    return folder


def few_steps(parent: Path, form: str, micro_batches: int, folder: Path) -> list[dict[str, float]]:
    """The log of four steps on 16 examples of different sizes."""
    task = tiny.task_of(tiny.TASKS[form])
    bare, tokenizer = load_encoder(parent)
    options = EncodingOptions(tokenizer, task, 24)
    module = heads.load(form)
    examples = tiny.examples(form, 16)
    if form == "tagging":
        examples = [
            {**e, "words": e["words"][: 1 + i % 6], "tags": e["tags"][: 1 + i % 6]} for i, e in enumerate(examples)
        ]
    encoded = module.encode(examples, options)
    torch.manual_seed(0)
    model = TaskModel(bare.encoder, module.head("matching", 16, 1, task), tokenizer.padding_id)
    steps = task_steps(encoded, module, TaskBatches(16, micro_batches, 24), tokenizer.padding_id, 0)
    train(model, steps, dataclasses.replace(PLAN, steps=4), folder, {})
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("form", ["classification", "multiple_choice", "span", "tagging"])
def test_four_micro_batches_take_the_steps_of_one_batch(form: str, parent: Path, tmp_path: Path) -> None:
    """Retrieval is another matter: the other candidates of the forward pass are its negatives."""
    whole = few_steps(parent, form, 1, tmp_path / "whole")
    parts = few_steps(parent, form, 4, tmp_path / "parts")

    for figure in ("loss", "gradient_norm"):
        assert [r[figure] for r in parts] == pytest.approx([r[figure] for r in whole], rel=1e-3)


def test_a_step_says_whose_examples_it_has() -> None:
    task = tiny.task_of("xnli")
    options = EncodingOptions(tiny.tokenizer(), task, 64)
    module = heads.load("classification")
    examples = tiny.examples("classification", 4)

    step = task_steps(module.encode(examples, options), module, TaskBatches(4, 2, 64), 0, seed=0)(0)

    assert sorted(step.ids) == ["e0", "e1", "e2", "e3"]
    assert [len(batch["input_ids"]) for batch in step.micro_batches] == [2, 2]


# Validation


def early_stopping(
    scores: list[float], folder: Path, losses: Iterable[float] = itertools.repeat(1.0), **changes: Any
) -> tuple[Outcome, list[float], float]:
    """A run with these validation scores, and losses: its outcome, the weight at each look, and the one at the end."""
    model = Line()
    coming = zip(scores, losses, strict=False)
    looks: list[float] = []

    def validate() -> Validation:
        looks.append(float(model.w.detach()))
        return Validation(*next(coming))

    outcome = train(model, line_step, dataclasses.replace(PLAN, validate_every=2, **changes), folder, {}, validate)
    return outcome, looks, float(model.w.detach())


def test_early_stopping_keeps_the_best_weights(tmp_path: Path) -> None:
    outcome, looks, weight = early_stopping([50.0, 70.0, 60.0, 65.0], tmp_path, patience=2)

    assert (outcome.steps, outcome.best_step, outcome.best_score) == (8, 4, 70.0)
    assert len(set(looks)) == 4
    assert weight == looks[1]


@pytest.mark.parametrize(
    ("scores", "losses", "steps", "best_step"),
    [
        ([50.0, 70.0, 70.0, 60.0], [1.0, 1.0, 1.0, 1.0], 8, 4),  # equal in both: no gain
        ([50.0, 70.0, 70.0, 70.0, 70.0], [1.0, 0.9, 0.8, 0.85, 0.9], 10, 6),  # the lowest loss among equal scores
        ([100.0] * 5, [0.5, 0.4, 0.3, 0.2, 0.1], 10, 10),  # a saturated score never stops what still learns
        ([100.0] * 5, [0.1, 0.2, 0.3, 0.4, 0.5], 6, 2),
        ([50.0, 70.0, 60.0, 60.0], [1.0, 0.9, 0.1, 0.05], 8, 4),  # a lower loss is no gain where the score is lower
        ([50.0, 50.5, 50.0, 50.0], [0.1, 0.9, 0.1, 0.1], 8, 4),  # nor a higher loss a fault where it is higher
    ],
)
def test_equal_scores_are_told_apart_by_loss(
    scores: list[float], losses: list[float], steps: int, best_step: int, tmp_path: Path
) -> None:
    outcome, looks, weight = early_stopping(scores, tmp_path, losses, patience=2)

    assert (outcome.steps, outcome.best_step) == (steps, best_step)
    assert outcome.best_score == scores[best_step // 2 - 1]
    assert weight == looks[best_step // 2 - 1]


def test_the_last_step_is_looked_at_too(tmp_path: Path) -> None:
    outcome, looks, weight = early_stopping([10.0, 20.0, 30.0, 40.0, 5.0, 50.0], tmp_path, patience=3, steps=11)

    assert (outcome.steps, outcome.best_step) == (11, 11)
    assert weight == looks[5]


def test_the_log_has_a_line_a_step_without_times(tmp_path: Path) -> None:
    early_stopping([50.0] * 5, tmp_path, patience=9)

    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in log] == list(range(1, 11))
    for key in ("validation_score", "validation_loss"):
        assert [record["step"] for record in log if key in record] == [2, 4, 6, 8, 10]
    assert {key for record in log for key in record} == {
        "step",
        "loss",
        "learning_rate",
        "gradient_norm",
        "validation_score",
        "validation_loss",
    }
    assert log[0]["loss"] == 22.5  # (3² + 6²) / 2
    assert log[0]["learning_rate"] == pytest.approx(0.005)


# Compiled


def compiling(plan: Plan) -> Plan:
    return dataclasses.replace(plan, compute=dataclasses.replace(plan.compute, compile=True))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch's compiler about torch
def test_a_compiled_model_takes_the_same_steps(parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = few_steps(parent, "classification", 1, tmp_path / "plain")
    monkeypatch.setattr("test_loop.PLAN", compiling(PLAN))

    compiled = few_steps(parent, "classification", 1, tmp_path / "compiled")

    assert [r["loss"] for r in compiled] == pytest.approx([r["loss"] for r in plain], rel=1e-4)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0


def test_compiling_needs_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigError, match=r"compute.compile: torch.compile needs a compiler, and none of .* Install"):
        train(Line(), line_step, compiling(PLAN), tmp_path, {})


# What stops a run


def test_a_loss_that_is_no_number_stops_with_step_ids_and_last_state(tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError,
        match=r"step 6: the loss is nan, .* examples e6-0, e6-1; the last good state is of step 4, in .*Try a lower",
    ):
        train(Line(), lambda step: line_step(step, broken_at=6), PLAN, tmp_path, {})

    record = json.loads((tmp_path / "not_finite.json").read_text())
    assert (record["step"], record["ids"]) == (6, ["e6-0", "e6-1"])


def test_a_loss_that_is_no_number_before_any_state_says_so(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"step 2: the loss is nan, .* no state was saved before"):
        train(Line(), lambda step: line_step(step, broken_at=2), PLAN, tmp_path, {})


def test_a_run_that_stopped_leaves_no_checkpoint_and_its_neighbours_finished(tmp_path: Path) -> None:
    tiny.write_data(tmp_path / "data/xnli", "xnli")
    for seed in ("1", "2"):
        tiny.write_checkpoint(tmp_path / "parents" / "none" / seed)
    weights = tmp_path / "parents/none/2/model.safetensors"
    tensors = load_file(weights)
    tensors["encoder.embedding.weight"][:] = float("inf")
    save_file(tensors, weights, metadata={"format": "pt"})

    with pytest.raises(TrainingError, match=r"step 0: the loss is nan"):
        stage(("xnli", "transformer"))(tmp_path, (1, 2), lambda done: None)

    assert [path.name for path in sorted((tmp_path / "out/none").iterdir())] == ["1", "2.partial"]


def test_a_state_of_another_run_is_not_resumed(tmp_path: Path) -> None:
    def run(folder: Path, learning_rate: float, broken_at: int | None = None) -> bytes:
        plan = dataclasses.replace(PLAN, learning_rate=learning_rate)
        train(Line(), lambda step: line_step(step, broken_at), plan, folder, {"learning_rate": learning_rate})
        return (folder / "log.jsonl").read_bytes()

    undisturbed = run(tmp_path / "one", 0.01)
    with pytest.raises(TrainingError):
        run(tmp_path / "two", 0.02, broken_at=6)

    assert (tmp_path / "two/state.pt").is_file()
    assert run(tmp_path / "two", 0.01) == undisturbed


def test_a_state_cut_short_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError):
        train(Line(), lambda step: line_step(step, broken_at=6), PLAN, tmp_path, {})
    state = tmp_path / "state.pt"
    state.write_bytes(state.read_bytes()[:500])

    with pytest.raises(CheckpointError, match=r"state.pt: cannot be read .*Delete it to start this run over"):
        train(Line(), line_step, PLAN, tmp_path, {})


def test_no_training_examples_is_an_error(tmp_path: Path) -> None:
    tiny.write_data(tmp_path / "data/xnli", "xnli", count=0)
    tiny.write_checkpoint(tmp_path / "parents/none/1")

    with pytest.raises(TrainingError, match=r"train.parquet: no English training examples of xnli"):
        stage(("xnli", "transformer"))(tmp_path, (1,), lambda done: None)


class Noisy(Line):
    """As an encoder with dropout, which draws random numbers in its forward pass."""

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        return super().forward(batch) * torch.rand(())


def test_a_stopped_run_goes_on_with_its_best_weights_and_its_random_numbers(tmp_path: Path) -> None:
    plan = dataclasses.replace(PLAN, validate_every=2, patience=9)

    def run(folder: Path, stops_at: int | None) -> tuple[Outcome, float, bytes]:
        model = Noisy()
        looks = iter([50.0, 70.0, 60.0, 60.0, 60.0] if not (folder / "state.pt").is_file() else [60.0, 60.0, 60.0])

        def report(what: str, done: int, total: int, figures: Mapping[str, float]) -> None:
            if done == stops_at:
                raise KeyboardInterrupt

        outcome = train(model, line_step, plan, folder, {}, lambda: Validation(next(looks), 1.0), report)
        return outcome, float(model.w.detach()), (folder / "log.jsonl").read_bytes()

    undisturbed = run(tmp_path / "one", None)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "two", 5)

    assert undisturbed[0].best_step == 4
    assert run(tmp_path / "two", None) == undisturbed


# Killed at any step, and started again

Stage = Callable[[Path, tuple[int, ...], Callable[[int], None]], None]


def stage(which: tuple[str, str]) -> Stage:
    """A stage on the data in a folder: fine-tuning on a task, or pretraining on text, or by all objectives
    (`parallel`); told of each step that is done."""
    task, encoder = which

    def fine_tuning(root: Path, seeds: tuple[int, ...], told: Callable[[int], None]) -> None:
        plan = dataclasses.replace(TASK, tasks=tiny.plan(task, micro_batches=MICRO_BATCHES).tasks)
        places = Places(root / "parents", root / "data", root / "out")
        finetune(tiny.cells(encoder, "none", task, seeds), places, plan, lambda what, done, *_: told(done))

    def pretraining(root: Path, seeds: tuple[int, ...], told: Callable[[int], None]) -> None:
        compute = dataclasses.replace(tiny.COMPUTE, save_every=6)
        text = tiny.ALL_OBJECTIVES if task == "parallel" else tiny.TEXT
        plan = dataclasses.replace(tiny.PRETRAINING, size=tiny.SIZES[encoder], compute=compute, text=text)
        places = Places(root / "tokenizer", root, root / "out/none")
        pretrain(tiny.cells(encoder, seeds=seeds), places, plan, lambda what, done, *_: told(done))

    return pretraining if task in ("text", "parallel") else fine_tuning


def write_inputs(root: Path, which: tuple[str, str]) -> None:
    task, encoder = which
    if task in ("text", "parallel"):
        tiny.write_text(root)
    else:
        tiny.write_data(root / "data" / task, task)
        tiny.write_checkpoint(root / "parents/none/1", encoder)


def in_a_process(root: Path, which: tuple[str, str], dies_at: int | None, seconds_per_step: float) -> None:
    def told(done: int) -> None:
        time.sleep(seconds_per_step)
        if done == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    stage(which)(root, (1,), told)


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[..., multiprocessing.Process]]:
    """Starts a process that runs a stage, forked from one that has imported torch and what its optimizers import."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch._dynamo", "xit.stages.finetune", "xit.stages.pretrain"])

    def started(root: Path, which: tuple[str, str], dies_at: int | None, seconds_per_step: float = 0) -> Any:
        process = context.Process(target=in_a_process, args=(root, which, dies_at, seconds_per_step))
        process.start()
        return process

    return started


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


RUNS = [
    ("xnli", "transformer"),
    *(
        pytest.param(one, marks=pytest.mark.torture)
        for one in [("xquad", "lstm"), ("text", "lstm"), ("parallel", "mingru")]
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("which", RUNS, ids="-".join)
def test_a_run_killed_at_several_steps_ends_in_the_same_bits(
    which: tuple[str, str], start: Any, tmp_path: Path
) -> None:
    for root in (tmp_path / "undisturbed", tmp_path / "killed"):
        write_inputs(root, which)

    undisturbed = start(tmp_path / "undisturbed", which, None)
    undisturbed.join()
    resumed_from = []
    for step in (3, 6, 13, 14):  # before any state; between states; one step later
        killed = start(tmp_path / "killed", which, step)
        killed.join()
        assert killed.exitcode == -signal.SIGKILL
        assert not (tmp_path / "killed/out/none/1").exists()
        state = tmp_path / "killed/out/none/1.partial/state.pt"
        resumed_from.append(torch.load(state, weights_only=True)["own"]["step"] if state.is_file() else 0)
    ended = start(tmp_path / "killed", which, None)
    ended.join()

    assert (undisturbed.exitcode, ended.exitcode) == (0, 0)
    is_pretraining = which[0] in ("text", "parallel")
    assert resumed_from == ([0, 6, 12, 12] if is_pretraining else [0, 4, 12, 12])
    expected = files(tmp_path / "undisturbed/out")
    assert {"none/1/model.safetensors", "none/1/log.jsonl", "none/1/outcome.json"} < set(expected)
    assert files(tmp_path / "killed/out") == expected
    outcome = json.loads(expected["none/1/outcome.json"])
    assert outcome["steps"] == (20 if is_pretraining else 60)


@pytest.mark.torture
def test_a_run_killed_at_random_times_ends_in_the_same_bits(start: Any, tmp_path: Path) -> None:
    which = ("panx", "lstm")
    for root in (tmp_path / "undisturbed", tmp_path / "killed"):
        write_inputs(root, which)
    undisturbed = start(tmp_path / "undisturbed", which, None)
    undisturbed.join()
    times = random.Random(0)

    kills = 0
    for _ in range(8):
        process = start(tmp_path / "killed", which, None, seconds_per_step=0.1)  # of 15 steps at least: 1.5 s
        process.join(times.uniform(0.1, 0.6))
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
    ended = start(tmp_path / "killed", which, None)
    ended.join()

    assert (undisturbed.exitcode, ended.exitcode) == (0, 0)
    assert kills > 0
    assert files(tmp_path / "killed/out") == files(tmp_path / "undisturbed/out")
