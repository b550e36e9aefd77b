"""Pretrained encoders → encoders to fine-tune: trained on an intermediate task in English."""

from collections.abc import Callable, Sequence
from pathlib import Path

from xit.core.settings import TaskSettings, TrainingSettings
from xit.training.loop import Report
from xit.training.task_training import train_seeds


def intermediate(
    encoder: str,
    task_id: str,
    seeds: Sequence[int],
    pretrained: Path,
    data: Path,
    out: Path,
    settings: TaskSettings,
    training: TrainingSettings,
    learning_rate: float,
    report: Callable[[str], Report],
) -> list[str]:
    """Train each seed's pretrained encoder on an English intermediate task."""
    places = (pretrained, data, out)
    return train_seeds(
        "intermediate", encoder, task_id, task_id, seeds, *places, settings, training, learning_rate, report
    )
