"""Muon whose orthogonalization computes in float32.

torch's own computes in bfloat16, as GPUs do fast; a processor without instructions for bfloat16 takes 13 to 20 times as
long for it as for float32 (matrices of 64 to 608 rows, one thread).
"""

from typing import Any

import torch
from torch import Tensor


class Float32Muon(torch.optim.Muon):
    """torch's Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/): its settings, its state."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Move each matrix along its orthogonalized momentum, by the rate that gives updates as large as AdamW's."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for weights in group["params"]:
                if weights.grad is None:
                    continue
                state = self.state[weights]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(weights.grad)
                momentum = state["momentum_buffer"].lerp_(weights.grad, 1 - group["momentum"])
                update = orthogonalized(weights.grad.lerp(momentum, group["momentum"]), group)
                weights.mul_(1 - group["lr"] * group["weight_decay"])
                weights.add_(update, alpha=-group["lr"] * 0.2 * max(weights.shape) ** 0.5)
        return loss


def orthogonalized(matrix: Tensor, group: dict[str, Any]) -> Tensor:
    """A matrix of the same directions, its singular values near 1, by the quintic iteration of Newton and Schulz.

    Args:
        matrix: `<float>[rows, columns]`
        group: The settings of torch.optim.Muon: `ns_coefficients`, `ns_steps` and `eps`.
    """
    a, b, c = group["ns_coefficients"]
    is_tall = matrix.size(0) > matrix.size(1)
    found = (matrix.T if is_tall else matrix).float()
    found = found / found.norm().clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = found @ found.T
        found = torch.addmm(found, torch.addmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return found.T if is_tall else found
