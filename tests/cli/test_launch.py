"""Several processes, by the configurations of launch/."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ROOT, Xit, assert_one_line

from xit.cli import stages


def test_a_configuration_of_accelerate_that_is_none_is_named(xit: Xit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIT_ACCELERATE", "two.yaml")
    assert_one_line(
        xit("pretrain", "lstm"), 2, r"XIT_ACCELERATE: two.yaml: no such file. Configurations are in launch/"
    )

    Path("two.yaml").write_text("distributed_type: MULTI_GPU")
    assert_one_line(xit("pretrain", "lstm"), 2, r"XIT_ACCELERATE: two.yaml: .* it does not say num_processes")


def test_one_process_where_two_are_asked_for_is_an_error(xit: Xit, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `accelerate launch --num_processes 2 --cpu`, which silently starts one."""
    monkeypatch.setenv("XIT_ACCELERATE", "two.yaml")
    monkeypatch.setenv("XIT_LAUNCHED", "1")
    Path("two.yaml").write_text("num_processes: 2")

    done = xit("finetune", "lstm", "xnli")

    assert_one_line(done, 2, r"two.yaml: 2 processes are asked for, and this is one of 1. Set num_processes to the")


def test_the_shipped_configurations_say_how_many_processes() -> None:
    found = {path.stem: stages._configured_processes(path) for path in (ROOT / "launch").glob("*.yaml")}

    assert found == {"one-gpu": 1, "several-gpus": 8, "several-nodes-fsdp": 16}


@pytest.mark.slow
def test_the_command_line_trains_in_two_processes(xit: Xit) -> None:
    """As a user starts it, on CPUs, by torchrun or by a configuration; how many there were stands in the lineage."""
    for arguments in (("data", "text"), ("data", "mnli"), ("tokenizer",)):
        assert xit(*arguments).code == 0
    script = str(Path(sys.executable).parent / "xit")
    torchrun = (str(Path(script).with_name("torchrun")), "--standalone", "--nproc_per_node", "2", "--no-python")
    text = (ROOT / "launch/several-gpus.yaml").read_text().replace("num_processes: 8", "num_processes: 2")
    Path("two.yaml").write_text(text)
    on_cpu = {**os.environ, "ACCELERATE_USE_CPU": "true"}

    for command, environment in (
        ((*torchrun, script, "pretrain", "lstm"), on_cpu),
        ((script, "intermediate", "lstm", "mnli"), {**on_cpu, "XIT_ACCELERATE": "two.yaml"}),
    ):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("models/") == 1  # the main process speaks, alone

    for lineage in Path("models").rglob("lineage.json"):
        assert json.loads(lineage.read_text())["processes"] == 2
    assert len(list(Path("models").rglob("lineage.json"))) == 2
