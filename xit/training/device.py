"""What keeps a device busy: losses that are looked at late, and batches that are made beside the computing.

On a CPU nothing is late: each step is looked at before its update, and its batch made where it is needed.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from xit.core import distributed

if TYPE_CHECKING:
    from xit.training.loop import Step

LOOK_EVERY = {"cpu": 1, "cuda": 16}
"""Steps of a device between two looks at the losses and norms of its steps; each look waits for it."""


def looks_every(device: torch.device) -> int:
    """Steps between two looks."""
    return LOOK_EVERY.get(device.type, 1)


class Look(NamedTuple):
    """What one step has come to."""

    step: int
    rate: float
    loss: float
    norm: float
    objective: str
    """What the step has learnt; empty where all steps learn the same."""

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.loss) and math.isfinite(self.norm)


class Looks:
    """Losses and norms of the steps since the last look: on a CPU the step that is under way, on a device several, so
    that it is not waited for in every step.

    From the first step that is not finite on, nothing moves the weights (`found_inf` of fused AdamW; of Muon, which has
    none, the gradients are put to zero), so that a look that comes late finds them as they were in that step.
    """

    def __init__(self, optimizers: Sequence[Any], device: torch.device) -> None:
        self.every, self.optimizers = looks_every(device), optimizers
        self.pending: list[tuple[int, float, list[Tensor], Tensor, str]] = []
        self.is_broken = torch.zeros((), device=device)
        self.last: dict[str, float] = {}

    def note(self, step: int, rate: float, shares: list[Tensor], norm: Tensor, objective: str) -> None:
        """Take what the forward passes of a step have lost, each a share of its loss, and the norm of its gradient."""
        self.pending.append((step, rate, shares, norm, objective))
        if self.every == 1:
            return
        self.is_broken = torch.maximum(self.is_broken, (~torch.isfinite(norm)).float())  # equal in all processes
        for optimizer in self.optimizers:
            inner = getattr(optimizer, "optimizer", optimizer)
            if isinstance(inner, torch.optim.AdamW):
                inner.grad_scale, inner.found_inf = None, self.is_broken.reshape(())  # type: ignore[attr-defined]
            else:
                for parameter in (p for group in inner.param_groups for p in group["params"] if p.grad is not None):
                    parameter.grad = torch.where(self.is_broken.bool(), 0.0, parameter.grad)

    @property
    def is_due(self) -> bool:
        """Whether it is time for a look."""
        return len(self.pending) >= self.every

    def taken(self) -> tuple[list[dict[str, Any]], Look | None]:
        """The records of the steps since the last look, and the first step that is not finite, if one is not."""
        found = [
            Look(step, rate, distributed.mean(sum((float(share) for share in shares), 0.0)), float(norm), objective)
            for step, rate, shares, norm, objective in self.pending
        ]
        self.pending = []
        self.last = {"loss": found[-1].loss}
        records = [
            {"step": look.step + 1, "loss": look.loss, "learning_rate": look.rate, "gradient_norm": look.norm}
            | ({"objective": look.objective} if look.objective else {})
            for look in found
        ]
        return records, next((look for look in found if not look.is_finite), None)


class Ahead:
    """The data of steps: on a device those of the next step are made and pinned beside the computing of this one."""

    def __init__(self, step_at: "Callable[[int], Step]", steps: int, device: torch.device) -> None:
        self.step_at, self.steps = step_at, steps
        self.pool = ThreadPoolExecutor(1) if looks_every(device) > 1 else None
        self.next: tuple[int, Future[Step]] | None = None

    def of(self, step: int) -> "Step":
        """The data of a step, after which come those of the next one."""
        if self.pool is None:
            return self.step_at(step)
        made = self.next[1] if self.next and self.next[0] == step else self.pool.submit(self._pinned, step)
        data = made.result()
        self.next = (step + 1, self.pool.submit(self._pinned, step + 1)) if step + 1 < self.steps else None
        return data

    def _pinned(self, step: int) -> "Step":
        data = self.step_at(step)
        if not torch.cuda.is_available():
            return data
        pinned = [{name: value.pin_memory() for name, value in batch.items()} for batch in data.micro_batches]
        return dataclasses.replace(data, micro_batches=pinned)

    def close(self) -> None:
        """Make no more."""
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
