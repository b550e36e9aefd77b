"""Encoders → target-task models: fine-tuned on the target task in English, with a new head."""

from collections.abc import Mapping

from xit.core.files import visible
from xit.core.plan import Cell, Places, Plan
from xit.core.progress import Report
from xit.training.mixtures import train_cells


def finetune(cells: Mapping[str, Cell], places: Places, plan: Plan, report: Report) -> list[str]:
    """Fine-tune the encoder of every condition and seed on a target task in English.

    A model whose parent, data, plan and code are what they were is kept, so that a new condition or seed costs its own
    models only. One that another target has from an equal training is copied: XQuAD and MLQA both train on SQuAD.
    """
    others = [folder for folder in visible(places.out.parent, "*") if folder.is_dir() and folder != places.out]
    return train_cells("finetune", cells, places, plan, report, others)
