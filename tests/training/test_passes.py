"""Forward passes of a step: as many as memory wants, and only retrieval's hang on the preset."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tiny

from xit.core.plan import Places
from xit.core.progress import unheard
from xit.heads import EncodedExample, Row, passes_of
from xit.stages.finetune import finetune


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("passes")
    tiny.write_checkpoint(folder / "parent/none/1")
    for name in tiny.TASKS.values():
        tiny.write_data(folder / "data" / name, name)
    return folder


def trained(root: Path, task: str, out: Path, most_tokens: int, micro_batches: int) -> Path:
    compute = dataclasses.replace(tiny.COMPUTE, most_tokens=most_tokens)
    plan = tiny.plan(task, steps=4, micro_batches=micro_batches, compute=compute)
    finetune(tiny.cells("lstm", "none", task), Places(root / "parent", root / "data", out / task), plan, unheard)
    return out / task / "none/1"


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("form", ["classification", "multiple_choice", "span", "tagging"])
def test_passes_hang_on_memory_and_not_on_the_preset(form: str, root: Path, tmp_path: Path) -> None:
    task = tiny.TASKS[form]
    whole = trained(root, task, tmp_path / "whole", 4096, 1)

    preset = trained(root, task, tmp_path / "preset", 4096, 4)
    small = trained(root, task, tmp_path / "small", 40, 1)

    assert (preset / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert (small / "log.jsonl").read_bytes() != (whole / "log.jsonl").read_bytes()
    assert losses(small) == pytest.approx(losses(whole), rel=1e-4)


def test_retrieval_keeps_the_negatives_that_the_preset_says_whatever_memory_there_is(
    root: Path, tmp_path: Path
) -> None:
    task = tiny.TASKS["retrieval"]
    one = trained(root, task, tmp_path / "one", 4096, 1)

    assert losses(trained(root, task, tmp_path / "small", 40, 1)) == losses(one)
    assert losses(trained(root, task, tmp_path / "four", 4096, 4)) != pytest.approx(losses(one), rel=0.05)


def of(*lengths: int) -> EncodedExample:
    rows = [Row(np.zeros(length, np.int64), np.zeros(length, np.int64)) for length in lengths]
    return EncodedExample("e", tuple(rows), 0)


@pytest.mark.parametrize(
    ("examples", "most", "passes"),
    [
        ([of(10)] * 8, 80, 1),
        ([of(10)] * 8, 79, 2),
        ([of(10)] * 7 + [of(20)], 80, 2),  # padding counts
        ([of(10, 10)] * 4, 40, 2),  # and every row of an example
        ([of(50)] * 3, 40, 3),  # one is never cut
        ([of(50)], 40, 1),
    ],
)
def test_the_fewest_equal_parts_that_fit(examples: list[EncodedExample], most: int, passes: int) -> None:
    assert passes_of(examples, most) == passes
