"""The training loop: one readable function for every encoder, format and phase, on accelerate.

Batches are a pure function of the step, so that a run killed at any step and started again ends in the same bits: its
state (weights, optimizer, best weights so far, log) is saved whole, and nothing else is remembered. Random numbers
inside a forward pass (dropout of released encoders) are seeded by (seed, step) for the same reason.

Several processes (`xit.core.distributed`) share the forward passes of a step and nothing else: all of them know its
examples, so that a loss has the weight of its labels among all of the step's, whoever computes it.
"""

import contextlib
import copy
import dataclasses
import functools
import itertools
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.utils import DistributedType
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from xit.core import distributed
from xit.core.batches import IGNORED, Batch
from xit.core.errors import CheckpointError, ConfigError, TrainingError
from xit.core.files import atomic, write_json
from xit.core.plan import Plan
from xit.core.progress import Report, unheard
from xit.training.device import Ahead, Look, Looks, looks_every
from xit.training.muon import Float32Muon
from xit.training.nonfinite import explained


@dataclasses.dataclass(frozen=True)
class Step:
    """The data of one optimizer step: its forward passes, and the ids of its examples for messages."""

    micro_batches: Sequence[Batch]
    ids: Sequence[str]
    objective: str = ""
    """What the step learns, for the log; empty where all steps learn the same."""


class Validation(NamedTuple):
    """What a look at English validation examples finds."""

    score: float
    """Higher is better."""
    loss: float
    """The mean over labels; it decides between equal scores."""

    def is_better_than(self, other: "Validation | None") -> bool:
        """By score, and by loss where the score cannot tell."""
        return other is None or (self.score, -self.loss) > (other.score, -other.loss)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended. `best_step` is where validation was best (the weights kept), or the last step."""

    steps: int
    best_step: int
    best_score: float | None
    loss: float
    tokens: int = 0
    """Seen in training, without padding; again in every epoch."""


def train(
    model: nn.Module,
    step_at: Callable[[int], Step],
    plan: Plan,
    folder: Path,
    run: Mapping[str, Any],
    validate: Callable[[], Validation] | None = None,
    report: Report = unheard,
) -> Outcome:
    """Train a model whose `forward(batch)` is its mean loss; it ends with the best weights, or the last.

    Args:
        model: Trained in place, by all processes alike. Where accelerate shards it (FSDP), a copy is, which takes turns
            with it: the model itself stays whole, for validation and for who saves it. One of which steps leave
            parameters without a gradient, as the heads of other tasks, says so by an attribute `has_idle_parameters`.
        step_at: The data of step 0, 1, …: a pure function.
        plan: The numbers; its `steps` say how many.
        folder: Where the resumable state and the log are kept until the caller removes it.
        run: What identifies this run (data, parents, parameters, code); a state of another run is not resumed.
        validate: A look at English validation; the best weights and early stopping go by nothing else.
        report: Told after each step.

    Raises:
        ConfigError: the model cannot be compiled here, or not be sharded.
        TrainingError: the loss or the gradient is not finite.
    """
    assert plan.steps is not None
    accelerator = accelerator_for(plan.compute.precision, bool(getattr(model, "has_idle_parameters", False)))
    model.train()
    is_sharded = accelerator.distributed_type == DistributedType.FSDP
    trained = _copy_to_shard(model, accelerator) if is_sharded else model
    wrapped, *optimizers = accelerator.prepare(trained, *_optimizers(trained, plan))
    if plan.compute.compile:
        _check_compiler()
        wrapped.compile(dynamic=True)
    state = _State.resumed(folder, run, trained, optimizers)
    looks = Looks(optimizers, accelerator.device)
    started = time.monotonic()
    first = state.step
    with contextlib.closing(Ahead(step_at, plan.steps, accelerator.device)) as batches:
        while state.step < plan.steps and not state.is_over(plan):
            step, rate = state.step, plan.learning_rate * rate_factor(state.step, plan)
            torch.manual_seed(_mix(plan.seed, step) + accelerator.process_index)
            data = batches.of(step)
            state.tokens += sum(int(b["attention_mask"].sum()) for b in data.micro_batches if "attention_mask" in b)
            shares = []
            own = _own_passes(data.micro_batches, accelerator)
            for number, (batch, weight) in enumerate(own, start=1):
                with contextlib.nullcontext() if number == len(own) else accelerator.no_sync(wrapped):
                    share = wrapped(_to(batch, accelerator.device)) * weight
                    accelerator.backward(share)
                shares.append(share.detach())
            norm = accelerator.clip_grad_norm_(wrapped.parameters(), plan.gradient_clip)
            looks.note(step, rate, shares, _full(norm), data.objective)
            is_due = plan.validate_every and (step + 1) % plan.validate_every == 0
            is_saved = (step + 1) % plan.compute.save_every == 0 and step + 1 < plan.steps
            if looks.is_due or (validate and is_due) or is_saved or step + 1 == plan.steps:
                records, fault = looks.taken()
                state.log += records
                if fault is not None:
                    if is_sharded:
                        _put(model, _whole(trained))
                    why = _explained(model, wrapped, step_at, fault, plan, accelerator)
                    ids = step_at(fault.step).ids
                    raise TrainingError(_not_finite(fault, ids, state.saved_step, folder) + why)
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = rate
                optimizer.step()
                optimizer.zero_grad()
            state.step += 1
            if validate and (is_due or state.step == plan.steps):
                if is_sharded:
                    _put(model, _whole(trained))
                found = distributed.same(validate())
                state.log[-1] |= {"validation_score": found.score, "validation_loss": found.loss}
                state.note_validation(found, trained)
            if is_saved:
                state.save(folder, run, trained, optimizers)
            speed = (state.step - first) / max(time.monotonic() - started, 1e-9)
            report("steps", state.step, plan.steps, {**looks.last, "steps/s": speed})
    if state.best is not None or is_sharded:
        _put(model, _whole(trained) if state.best is None else state.best)
    if distributed.is_main():
        write_log(folder / "log.jsonl", state.log)
    recent = [r["loss"] for r in state.log[-50:]]
    best_step = state.best_step if state.best is not None else state.step
    best_score = None if state.best_validation is None else state.best_validation.score
    return Outcome(state.step, best_step, best_score, sum(recent) / len(recent), state.tokens)


def _explained(
    model: nn.Module,
    wrapped: nn.Module,
    step_at: Callable[[int], Step],
    fault: Look,
    plan: Plan,
    accelerator: Accelerator,
) -> str:
    """Where a step that was not finite began to be so; on a device, whose gradients are of a later step, it is done
    again, in one process."""
    torch.manual_seed(_mix(plan.seed, fault.step))
    data = step_at(fault.step)
    if looks_every(accelerator.device) > 1 and accelerator.num_processes == 1:
        wrapped.zero_grad()
        for batch, weight in _own_passes(data.micro_batches, accelerator):
            accelerator.backward(wrapped(_to(batch, accelerator.device)) * weight)
        torch.manual_seed(_mix(plan.seed, fault.step))
    return explained(model, (_to(batch, accelerator.device) for batch in data.micro_batches))


def accelerator_for(precision: Literal["float32", "bfloat16"], has_idle_parameters: bool = False) -> Accelerator:
    """The accelerator of this process: the GPU where there is one; bfloat16 where asked for and the device has it."""
    has_bfloat16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return Accelerator(
        mixed_precision="bf16" if precision == "bfloat16" and has_bfloat16 else "no",
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=has_idle_parameters)],
    )


def _own_passes(batches: Sequence[Batch], accelerator: Accelerator) -> list[tuple[Batch, float]]:
    """The forward passes of this process in a step, every so many of all, each with the weight of its loss.

    A loss is the mean over its labels, so it weighs what they are of all the step's labels; times the processes, since
    the mean of their gradients is taken. Where passes run out, the first one is done again and weighs nothing, for all
    processes have to take equally many.
    """
    counts = [int((batch["labels"] != IGNORED).sum()) for batch in batches]
    together, total = accelerator.num_processes, max(sum(counts), 1)
    weighed = [(batch, count * together / total) for batch, count in zip(batches, counts, strict=True)]
    weighed += [(batches[0], 0.0)] * (-len(batches) % together)
    return weighed[accelerator.process_index :: together]


def _copy_to_shard(model: nn.Module, accelerator: Accelerator) -> nn.Module:
    """A copy for FSDP, after a look at what it cannot do; the model goes to the device, where validation is."""
    if not accelerator.is_fsdp2:
        raise ConfigError("FSDP: version 1 found; this needs fsdp_version: 2 in accelerate's configuration.")
    scalars = [name for name, parameter in model.named_parameters() if parameter.ndim == 0]
    if scalars:
        raise ConfigError(
            f"FSDP: it cannot shard single numbers, and this model learns some: {', '.join(scalars)}. Train without "
            "FSDP (launch/several-gpus.yaml), or with training.head: linear on a task without retrieval."
        )
    copied = copy.deepcopy(model)
    model.to(accelerator.device)
    return copied


def _check_compiler() -> None:
    """Torch compiles through C++ (CPU) or C (GPU), with a compiler that it looks for on the PATH."""
    wanted = ("g++", "clang++") if not torch.cuda.is_available() else ("gcc", "cc", "clang")
    if not any(map(shutil.which, wanted)):
        raise ConfigError(
            f"compute.compile: torch.compile needs a compiler, and none of {', '.join(wanted)} is on the PATH. "
            "Install one (Debian and Ubuntu: sudo apt-get install g++), or set compute.compile: false."
        )


def rate_factor(step: int, plan: Plan) -> float:
    """The learning rate of a step as a fraction of the peak: linear warm-up, then linear decay to `final_fraction`."""
    assert plan.steps is not None
    warmup = round(plan.warmup_fraction * plan.steps)
    if step < warmup:
        return (step + 1) / warmup
    rest = (plan.steps - step) / max(plan.steps - warmup, 1)
    return plan.final_fraction + (1 - plan.final_fraction) * rest


def batch_indices(lengths: tuple[int, ...], batch_size: int, seed: int, step: int) -> list[int]:
    """The examples of a step: a pure function of (seed, step), bucketed by length, an epoch before any comes again.

    Each epoch shuffles the examples, sorts stretches of 16 batches by length, cuts them into batches and shuffles
    those, so that examples of like length share a batch and little is padded. What fills no batch is left out, other
    examples in every epoch; but data smaller than a batch are drawn whole in every step.
    """
    per_epoch = len(lengths) // batch_size
    if per_epoch == 0:
        return list(range(len(lengths)))
    epoch, place = divmod(step, per_epoch)
    return _epoch(lengths, batch_size, _mix(seed, epoch))[place]


@functools.lru_cache(maxsize=2)
def _epoch(lengths: tuple[int, ...], batch_size: int, seed: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(lengths), generator=generator).tolist()
    order = order[: len(order) // batch_size * batch_size]  # before sorting, or it would always miss the longest
    stretch = 16 * batch_size
    batches = []
    for begin in range(0, len(order), stretch):
        members = sorted(order[begin : begin + stretch], key=lambda index: (lengths[index], index))
        batches += [members[i : i + batch_size] for i in range(0, len(members), batch_size)]
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]


class _State:
    """Everything that a run is in the middle of."""

    def __init__(self) -> None:
        self.step = 0
        self.saved_step = 0
        self.tokens = 0
        self.best: dict[str, Tensor] | None = None
        self.best_validation: Validation | None = None
        self.best_step = 0
        self.validations_without_gain = 0
        self.log: list[dict[str, Any]] = []

    def note_validation(self, found: Validation, model: nn.Module) -> None:
        """Note a look at validation; keep the weights if it is the best so far."""
        is_gain = found.is_better_than(self.best_validation)
        self.validations_without_gain = 0 if is_gain else self.validations_without_gain + 1
        if is_gain:
            self.best_validation, self.best_step = found, self.step
            self.best = {name: tensor.cpu().clone() for name, tensor in _whole(model).items()}

    def is_over(self, plan: Plan) -> bool:
        return bool(plan.patience) and self.validations_without_gain >= plan.patience

    def save(self, folder: Path, run: Mapping[str, Any], model: nn.Module, optimizers: Sequence[Any]) -> None:
        self.saved_step = self.step
        own = {name: value for name, value in vars(self).items() if name != "best"}
        state = {
            "run": json.dumps(run, sort_keys=True),
            "own": {**own, "best_validation": self.best_validation and tuple(self.best_validation)},
            "best": self.best,
            "model": _whole(model),
            "optimizers": [_whole_optimizer(optimizer) for optimizer in optimizers],
        }
        if not distributed.is_main():
            return
        with atomic(folder / "state.pt") as temporary, temporary.open("wb") as file:
            torch.save(state, file)

    @classmethod
    def resumed(cls, folder: Path, run: Mapping[str, Any], model: nn.Module, optimizers: Sequence[Any]) -> "_State":
        """The state saved in the folder where it is of the same run, put into model and optimizers; else a new one."""
        state = cls()
        path = folder / "state.pt"
        if not path.is_file():
            return state
        try:
            saved = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            is_code = "weights_only" in str(error)  # torch's own message advises to run it
            reason = "there is more in it than tensors and values" if is_code else error
            raise CheckpointError(f"{path}: cannot be read ({reason}). Delete it to start this run over.") from error
        if saved["run"] != json.dumps(run, sort_keys=True):
            return state
        own = saved["own"]
        vars(state).update(own)
        state.best_validation = own["best_validation"] and Validation(*own["best_validation"])
        state.best = saved["best"]
        _put(model, saved["model"])
        for optimizer, optimizer_state in zip(optimizers, saved["optimizers"], strict=True):
            _put_optimizer(optimizer, optimizer_state)
        return state


# Whole states are put together by hand: torch.distributed.checkpoint.state_dict has an encoder that several heads share
# once for each head, and refuses a state in which a head was not trained yet.


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, each once, by the first of its names: parts of a model may share an encoder."""
    return dict(itertools.chain(model.named_parameters(), model.named_buffers()))


def _whole(model: nn.Module) -> dict[str, Tensor]:
    """Its tensors, put together where they are sharded; all processes have to ask."""
    return {name: _full(tensor.detach()) for name, tensor in _tensors(model).items()}


def _put(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put the values of `_whole` into a model, each process its shard."""
    with torch.no_grad():
        for name, tensor in _tensors(model).items():
            tensor.copy_(_like(tensor, tensors[name]))


def _whole_optimizer(optimizer: Any) -> dict[str, Any]:
    saved = optimizer.state_dict()
    state = {i: {key: _full(value) for key, value in values.items()} for i, values in saved["state"].items()}
    return {**saved, "state": state}


def _put_optimizer(optimizer: Any, saved: Mapping[str, Any]) -> None:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state = {
        i: {key: _like(parameters[i], value) if key != "step" else value for key, value in values.items()}
        for i, values in saved["state"].items()
    }
    optimizer.load_state_dict({**saved, "state": state})


def _full(value: Any) -> Any:
    return value.full_tensor() if isinstance(value, DTensor) else value


def _like(pattern: Tensor, value: Tensor) -> Tensor:
    """The value, sharded as the pattern is."""
    if not isinstance(pattern, DTensor):
        return value
    return distribute_tensor(value.to(pattern.device), pattern.device_mesh, pattern.placements)


def _optimizers(model: nn.Module, plan: Plan) -> list[torch.optim.Optimizer]:
    """AdamW, weight decay on matrices only; or Muon on matrices beside AdamW on embeddings and vectors."""
    embeddings = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    parameters = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in parameters if p.ndim == 2 and id(p) not in embeddings]
    tables = [p for p in parameters if p.ndim >= 2 and id(p) in embeddings]
    others = [p for p in parameters if p.ndim != 2]
    rate, decay = plan.learning_rate, plan.weight_decay
    groups = [{"params": tables, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    if plan.optimizer != "adamw":
        muon = torch.optim.Muon if plan.optimizer == "muon" else Float32Muon
        return [
            muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True),
        ]
    groups.append({"params": matrices, "weight_decay": decay})
    return [torch.optim.AdamW([g for g in groups if g["params"]], lr=rate, betas=(0.9, 0.999), fused=True)]


def write_log(path: Path, log: Sequence[Mapping[str, Any]]) -> None:
    """A JSON line a step, without times, so that equal runs write equal files."""
    with atomic(path) as temporary:
        temporary.write_text("".join(json.dumps(record) + "\n" for record in log), encoding="utf-8")


def _to(batch: Batch, device: torch.device) -> Batch:
    return {name: value.to(device, non_blocking=True) for name, value in batch.items()}


def _mix(*numbers: int) -> int:
    """One seed from several numbers (multiplicative hashing, so that neighbours share no stream)."""
    value = 0
    for number in numbers:
        value = (value * 6364136223846793005 + number * 1442695040888963407 + 1) % 2**63
    return value


def _not_finite(fault: Look, ids: Sequence[str], saved_step: int, folder: Path) -> str:
    step, rate, loss, norm, _ = fault
    shown = ", ".join(ids[:8]) + (f", … ({len(ids)} in all)" if len(ids) > 8 else "")
    state = f"the last good state is of step {saved_step}, in {folder}" if saved_step else "no state was saved before"
    record = {"step": step, "loss": str(loss), "gradient_norm": str(norm), "ids": list(ids)}
    if distributed.is_main():
        write_json(folder / "not_finite.json", record)
    return (
        f"step {step}: the loss is {loss}, the gradient norm {norm}, at learning rate {rate:.3g}; examples {shown}; "
        f"{state}. Try a lower learning rate, a longer warm-up, or precision float32."
    )
