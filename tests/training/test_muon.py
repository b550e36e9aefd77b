"""Muon in float32 learns what torch's Muon does in bfloat16."""

import copy

import pytest
import torch
from torch import nn

from xit.training.muon import Float32Muon, orthogonalized

SETTINGS = torch.optim.Muon([nn.Parameter(torch.ones(2, 2))]).param_groups[0]


@pytest.mark.parametrize("shape", [(4, 4), (48, 16), (16, 48), (1, 8)])
def test_singular_values_come_near_one_and_directions_stay(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))

    found = orthogonalized(matrix, SETTINGS)

    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    assert found.dtype == torch.float32
    of_directions = (left.T @ found @ right.T).diagonal()  # the singular value that each direction has come to
    well_above_zero = values / values.norm() > 0.05  # five iterations bring these near 1
    assert ((of_directions > 0.6) & (of_directions < 1.3))[well_above_zero].all()
    torch.testing.assert_close(left @ torch.diag(of_directions) @ right, found, rtol=0, atol=1e-4)


def test_steps_are_those_of_torchs_muon_but_for_bfloat16s_rounding_and_the_state_serves_both() -> None:
    torch.manual_seed(0)
    plain = nn.Linear(24, 16, bias=False)
    ours = copy.deepcopy(plain)
    arguments = {"lr": 0.01, "weight_decay": 0.1, "adjust_lr_fn": "match_rms_adamw"}
    theirs = torch.optim.Muon(plain.parameters(), **arguments)
    own = Float32Muon(ours.parameters(), **arguments)
    before = plain.weight.detach().clone()

    for step in range(6):
        for model, optimizer in ((plain, theirs), (ours, own)):
            x = torch.randn(8, 24, generator=torch.Generator().manual_seed(step))
            optimizer.zero_grad()
            (model(x) - x[:, :16]).pow(2).mean().backward()
            optimizer.step()
        if step == 3:
            own.load_state_dict(theirs.state_dict())
            ours.load_state_dict(plain.state_dict())

    moved = (plain.weight - before).norm()
    assert (ours.weight - plain.weight).norm() < 0.1 * moved
    assert not torch.equal(ours.weight, plain.weight)
    assert own.state_dict()["param_groups"] == theirs.state_dict()["param_groups"]
