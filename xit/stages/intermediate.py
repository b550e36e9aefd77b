"""Pretrained encoders → encoders to fine-tune: trained on intermediate tasks, or as the condition says.

A condition (`xit.core.conditions`) is one task or several, with masked LM between their batches, translated, a subset,
with shuffled labels; masked LM alone; or no training at all.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from xit.core.plan import Cell, Places, Plan
from xit.core.progress import Report
from xit.modeling import checkpoints, encoders
from xit.modeling.checkpoints import Run
from xit.training.mixtures import train_cells


def intermediate(cells: Mapping[str, Cell], places: Places, plan: Plan | None, report: Report) -> list[str]:
    """Train the pretrained encoder of each seed as the condition says; without a plan, write it as it is or random."""
    if plan is not None:
        return train_cells("intermediate", cells, places, plan, report)
    return checkpoints.each(cells, places, _lineage_without_training, _without_training)


def _lineage_without_training(cell: Cell, parent: Path) -> dict[str, Any]:
    code = ("xit.stages.intermediate", f"xit.encoders.{cell.encoder}")
    return checkpoints.lineage("intermediate", code, checkpoints.encoder_files(parent), **dataclasses.asdict(cell))


def _without_training(run: Run) -> str:
    """Write the encoder of `none`, the pretrained one; or of `untrained`, its architecture with random weights."""
    encoder = encoders.load(run.parent)
    if run.cell.condition == "untrained":
        torch.manual_seed(run.cell.seed)
        encoder = encoders.untrained(encoder)
    checkpoints.save(run.folder, encoder, run.parent)
    return "the pretrained encoder as it is" if run.cell.condition == "none" else "random weights"
