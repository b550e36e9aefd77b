"""The estimate of the grid, beside numbers worked out by hand from params.yaml."""

import dataclasses
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core.settings import ResourceSettings
from xit.pipeline import config
from xit.pipeline.config import Config
from xit.pipeline.estimate import Row, estimate
from xit.pipeline.runner import Plan

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def parameters() -> Config:
    return config.load(PROJECT / "params.yaml")


def rows(parameters: Config, *names: str) -> dict[str, Row]:
    found = estimate(parameters, Plan(frozenset(names), names, {}, 52, {}, Path()))
    return {row["stage"]: Row(**row) for row in found["stages"]}


def test_pretraining_is_counted_as_worked_out_by_hand(parameters: Config) -> None:
    row = rows(parameters, "pretrain@lstm")["pretrain"]

    # 150,016 parameters and 0.3 x 128,000 of the output layer, 6 operations each, 600 steps of 64 x 48 tokens, 2 seeds:
    # 4.168e12 operations at 23e9 a second, and 1.3 seconds beside them
    assert row.cpu_hours == pytest.approx((4.168e12 / 23e9 + 1.3) / 3600, rel=1e-3)
    assert (row.instances, row.models, row.gpu_hours) == (1, 2, 0)
    assert row.disk_gib == pytest.approx(2 * 2 * 278_016 * 4 / 2**30)


def test_fine_tuning_has_a_model_for_each_condition_and_seed(parameters: Config) -> None:
    row = rows(parameters, "finetune@lstm-xnli", "finetune@transformer-xnli")["finetune"]

    assert (row.instances, row.models) == (2, 20)


def test_a_stage_that_asks_for_a_gpu_is_counted_in_gpu_hours_at_the_rate_of_its_architecture(
    parameters: Config,
) -> None:
    resources = {**parameters.resources, "pretrain": ResourceSettings(cpus=4, gpus=1, memory_gib=16)}
    on_gpu = dataclasses.replace(parameters, resources=resources)

    row = rows(on_gpu, "pretrain@lstm")["pretrain"]

    assert row.gpu_hours == pytest.approx((4.168e12 / 6e12 + 1.3) / 3600, rel=1e-3)
    assert row.cpu_hours == 0


def test_a_recipe_is_counted_by_the_tasks_that_it_is_made_of(parameters: Config) -> None:
    alone = rows(parameters, "intermediate@lstm-mnli")["intermediate"]

    mixed = rows(parameters, "recipe@lstm-mnli+mlm")["recipe"]

    assert mixed.cpu_hours == pytest.approx((alone.cpu_hours * 3600 - 1.3) / 0.5 / 3600 + 1.3 / 3600)


def test_a_scheduler_without_dask_is_refused() -> None:
    with pytest.raises(config.ConfigError, match=r"--scheduler: only dask has one\. Add --executor dask"):
        CliRunner().invoke(app, ["reproduce", "--scheduler", "tcp://a:1"], catch_exceptions=False)


@pytest.mark.slow
def test_a_released_encoder_is_counted_by_its_config_and_has_no_pretraining(parameters: Config, tmp_path: Path) -> None:
    from transformers import BertConfig

    BertConfig(
        vocab_size=100, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=16
    ).save_pretrained(tmp_path)
    released = dataclasses.replace(parameters.encoders["lstm"], weights=str(tmp_path), size=None)
    grid = dataclasses.replace(parameters.grid, encoders=("xlmr_base",))
    changed = dataclasses.replace(parameters, grid=grid, encoders={"xlmr_base": released})

    row = rows(changed, "control@xlmr_base-none")["control"]

    # embeddings: 100 + 512 + 2 rows of 8, and a norm of 16; attention: 4 x 72, a norm of 16; 8 x 16 + 16 up, 16 x 8 + 8
    # down, a norm of 16; the pooler 72. Four bytes each, two seeds, two copies
    assert row.disk_gib == pytest.approx(2 * 2 * (614 * 8 + 16 + 288 + 16 + 144 + 136 + 16 + 72) * 4 / 2**30)


def test_laser2_is_counted_by_the_size_that_its_file_says(parameters: Config) -> None:
    released = dataclasses.replace(parameters.encoders["lstm"], weights="released", size=None)
    grid = dataclasses.replace(parameters.grid, encoders=("laser2",))
    changed = dataclasses.replace(parameters, grid=grid, encoders={"laser2": released})

    row = rows(changed, "control@laser2-none")["control"]

    # embeddings of 320; a direction of a layer: four gates of 512 with two biases, over 320 or 1,024 and over 512
    count = 50_004 * 320 + 2 * 4 * 512 * ((320 + 512 + 2) + 4 * (1024 + 512 + 2))
    assert row.disk_gib == pytest.approx(2 * 2 * count * 4 / 2**30)


@pytest.mark.slow
def test_a_released_encoder_that_cannot_be_reached_is_told(parameters: Config, tmp_path: Path) -> None:
    released = dataclasses.replace(parameters.encoders["lstm"], weights=str(tmp_path), size=None)
    grid = dataclasses.replace(parameters.grid, encoders=("xlmr_base",))
    changed = dataclasses.replace(parameters, grid=grid, encoders={"xlmr_base": released})

    with pytest.raises(config.ConfigError, match=r"encoders\.xlmr_base: the config\.json of .* cannot be read"):
        rows(changed, "control@xlmr_base-none")
