"""Which module of a model first gave a value that is not finite: looked for when a loss is not, never before."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def explained(model: nn.Module, batches: Iterable[Mapping[str, Tensor]]) -> str:
    """A sentence on where a loss or gradient that is not finite comes from, and what to do about it.

    Args:
        model: As it was in the step, with the gradients of the step.
        batches: Of the step, in their order, on the model's device. Random numbers are for the caller to seed again.
    """
    if broken := [name for name, weight in model.named_parameters() if not weight.isfinite().all()]:
        return f" The weights are not finite before the step, {broken[0]} first: start from another checkpoint."
    found: list[tuple[str, str, torch.dtype]] = []

    def looking(name: str) -> Callable[..., None]:
        def look(module: nn.Module, inputs: Any, output: Any) -> None:
            wrong = [value for value in _tensors(output) if not value.isfinite().all()]
            if wrong and not found:
                found.append((name, type(module).__name__, wrong[0].dtype))

        return look

    hooks = [module.register_forward_hook(looking(name)) for name, module in model.named_modules() if name]
    try:
        with torch.no_grad():
            for batch in batches:
                model(batch)
    finally:
        for hook in hooks:
            hook.remove()
    if found:
        name, kind, dtype = found[0]
        return f" Not finite first: the output of {name} ({kind}, {_named(dtype)}).{_advice(dtype)}"
    gradients = [(n, p.grad) for n, p in model.named_parameters() if p.grad is not None]
    wrong = [(name, gradient.dtype) for name, gradient in gradients if not gradient.isfinite().all()]
    if not wrong:
        return ""
    name, dtype = wrong[-1]  # nearest to the loss, so the first on the way back
    return f" All outputs are finite; not the gradient of {name} ({_named(dtype)}).{_advice(dtype)}"


def _tensors(value: Any) -> list[Tensor]:
    """The floating-point tensors of what a module gives back."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() else []
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple | list) else ()
    return [tensor for one in inner for tensor in _tensors(one)]


def _named(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _advice(dtype: torch.dtype) -> str:
    if torch.finfo(dtype).max > 1e38:
        return ""
    return f" {_named(dtype)} ends at {torch.finfo(dtype).max:,.0f}: take bfloat16 or float32."
