"""`xit grid plan`: what a run would train and evaluate, counted."""

import dataclasses
from pathlib import Path

from xit.cli import run
from xit.pipeline import config

PARAMETERS = Path(__file__).parents[2] / "params.yaml"


def test_instances_are_counted_by_stage_with_a_model_for_each_seed_and_condition() -> None:
    settings = config.load(PARAMETERS)
    assert (len(settings.seeds), len(settings.grid.conditions)) == (3, 5)
    instances = [
        "data@xnli",
        "pretrain@lstm",
        "intermediate@lstm-mnli",
        "finetune@lstm-xnli",
        "finetune@transformer-xnli",
    ]

    found = run._counts(settings, [*instances, "evaluate@lstm-xnli"])

    assert [tuple(row.values()) for row in found["stages"]] == [
        ("data", 1, 0),
        ("pretrain", 1, 3),
        ("intermediate", 1, 3),
        ("finetune", 2, 30),
        ("evaluate", 1, 15),
    ]
    assert found["trainings"] == 36  # evaluations are none


def test_a_released_encoder_is_fetched_and_not_trained() -> None:
    settings = config.load(PARAMETERS)
    released = dataclasses.replace(settings.encoders["lstm"], weights="released", size=None)
    changed = dataclasses.replace(settings, encoders={**settings.encoders, "xlmr_base": released})

    found = run._counts(changed, ["pretrain@xlmr_base", "pretrain@lstm"])

    assert found == {"stages": [{"stage": "pretrain", "instances": 2, "models": 3}], "trainings": 3}
