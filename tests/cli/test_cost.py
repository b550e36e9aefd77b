"""`xit grid plan`: its estimate of a run, beside numbers worked out by hand from params.yaml."""

import dataclasses
from pathlib import Path

import huggingface_hub.constants
import pytest

from xit.cli.cost import Row, estimate
from xit.core.settings import ResourceSettings
from xit.pipeline import config, overlay
from xit.pipeline.config import Config

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def parameters() -> Config:
    """With two seeds, however many there are."""
    return dataclasses.replace(config.load(PROJECT / "params.yaml"), seeds=(1, 2))


def rows(parameters: Config, *names: str) -> dict[str, Row]:
    found = estimate(parameters, names, workers=2)
    return {row["stage"]: Row(**row) for row in found["stages"]}


def test_pretraining_is_counted_as_worked_out_by_hand(parameters: Config) -> None:
    row = rows(parameters, "pretrain@lstm")["pretrain"]

    # 150,016 parameters and 0.3 x 128,000 of the output layer, 6 operations each, 600 steps of 64 x 48 tokens, 2 seeds:
    # 4.168e12 operations at 23e9 a second, 1,200 updates of 278,016 parameters, and 1.3 seconds beside them
    assert row.cpu_hours == pytest.approx((4.168e12 / 23e9 + 1200 * 278_016 * 2e-9 + 1.3) / 3600, rel=1e-3)
    assert (row.instances, row.models, row.gpu_hours) == (1, 2, 0)
    assert row.disk_gib == pytest.approx(2 * 2 * 278_016 * 4 / 2**30)


def test_a_stage_that_asks_for_a_gpu_is_counted_in_gpu_hours_at_the_rate_of_its_architecture(
    parameters: Config,
) -> None:
    resources = {**parameters.resources, "pretrain": ResourceSettings(cpus=4, gpus=1, memory_gib=16)}
    on_gpu = dataclasses.replace(parameters, resources=resources)

    row = rows(on_gpu, "pretrain@lstm")["pretrain"]

    assert row.gpu_hours == pytest.approx((4.168e12 / 15.6e12 + 1200 * 278_016 * 4e-11 + 1.3) / 3600, rel=1e-3)
    assert row.cpu_hours == 0


def test_a_recipe_is_counted_by_the_tasks_that_it_is_made_of(parameters: Config) -> None:
    alone = rows(parameters, "intermediate@lstm-mnli")["intermediate"]

    mixed = rows(parameters, "recipe@lstm-mnli+mlm")["recipe"]

    assert mixed.cpu_hours == pytest.approx((alone.cpu_hours * 3600 - 1.3) / 0.5 / 3600 + 1.3 / 3600)


def test_laser2_is_counted_by_the_size_that_its_file_says(parameters: Config) -> None:
    released = dataclasses.replace(parameters.encoders["lstm"], weights="released", size=None)
    grid = dataclasses.replace(parameters.grid, encoders=("laser2",))
    changed = dataclasses.replace(parameters, grid=grid, encoders={"laser2": released})

    row = rows(changed, "control@laser2-none")["control"]

    # embeddings of 320; a direction of a layer: four gates of 512 with two biases, over 320 or 1,024 and over 512
    count = 50_004 * 320 + 2 * 4 * 512 * ((320 + 512 + 2) + 4 * (1024 + 512 + 2))
    assert row.disk_gib == pytest.approx(2 * 2 * count * 4 / 2**30)


@pytest.mark.parametrize(("name", "millions"), [("xlmr_base", 278), ("minilm", 118), ("rwkv4_world", 142)])
def test_released_encoders_are_counted_by_what_their_files_say_and_the_hub_is_not_asked(
    name: str, millions: int, parameters: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:1")
    grid = dataclasses.replace(parameters.grid, encoders=(name,))

    row = rows(dataclasses.replace(parameters, grid=grid), f"control@{name}-none")["control"]

    assert row.disk_gib == pytest.approx(2 * 2 * millions * 1e6 * 4 / 2**30)


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Config:
    """Profile real, where the Hub cannot be reached."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:1")
    return overlay.check(overlay.parameters(PROJECT, "real"), "real")


def test_a_target_of_equal_training_costs_nothing_but_its_evaluation(real: Config) -> None:
    both = rows(real, "finetune@minilm-xquad", "finetune@minilm-mlqa")["finetune"]
    one = rows(real, "finetune@minilm-xquad")["finetune"]

    assert both.gpu_hours == pytest.approx(one.gpu_hours + 1.3 / 3600)
    assert both.disk_gib == one.disk_gib > 0


def test_trials_and_capped_data_of_published_tasks_are_counted_as_worked_out_by_hand(real: Config) -> None:
    found = rows(real, "tune@minilm", "intermediate@minilm-mnli", "retrieve@minilm-tatoeba", "pretrain@minilm")

    # 22 million parameters meet 45 tokens of each example: 40,000 trained, 5 looks at 500; 1,250 updates of 118 million
    work, rate = 22e6 * 45 * (6 * 40_000 + 2 * 5 * 500), 0.3 * 71e12
    one = work / rate + 1250 * 118e6 * 4e-11
    assert found["intermediate"].gpu_hours == pytest.approx((3 * one + 1.3) / 3600)
    # 11 tasks, since MLQA's trials are XQuAD's, at three rates
    assert found["tune"].models == 33
    assert found["tune"].gpu_hours > 3 * one / 3600
    assert found["pretrain"].models == found["pretrain"].gpu_hours == 0
    assert found["retrieve"].gpu_hours > 0


@pytest.mark.parametrize(("profile", "kind"), [("real", "gpu"), ("xtreme-r", "gpu"), ("real-cpu", "cpu")])
def test_profiles_of_released_encoders_are_counted_in_hours_of_what_they_ask_for(
    profile: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:1")
    found = overlay.check(overlay.parameters(PROJECT, profile), profile)
    encoder = found.grid.encoders[0]

    sums = estimate(found, [f"finetune@{encoder}-xnli", f"evaluate@{encoder}-xnli"], workers=2)["sums"]

    assert sums[f"{kind}_hours"] > 0
    assert sum(value > 0 for key, value in sums.items() if "hours" in key) == 1
