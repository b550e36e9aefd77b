"""Encoders → target-task models: fine-tuned on the target task in English, with a new head."""

from collections.abc import Callable, Sequence
from pathlib import Path

from xit.core.settings import TaskSettings, TrainingSettings
from xit.modeling import checkpoints
from xit.training.loop import Report
from xit.training.task_training import train_seeds


def finetune(
    encoder: str,
    target: str,
    conditions: Sequence[str],
    seeds: Sequence[int],
    parents: Path,
    data: Path,
    out: Path,
    settings: TaskSettings,
    training: TrainingSettings,
    learning_rate: float,
    report: Callable[[str], Report],
) -> list[str]:
    """Fine-tune the encoder of every condition and seed, `parents/<condition>/<seed>`, on a target task in English.

    A model whose parent, data, parameters and code are what they were is kept, so that a new condition or seed costs
    its own models only.
    """
    lines = []
    for condition in conditions:
        places = (parents / condition, data, out / condition)
        lines += train_seeds(
            "finetune", encoder, condition, target, seeds, *places, settings, training, learning_rate, report
        )
    checkpoints.keep_only(out, conditions)
    return lines
