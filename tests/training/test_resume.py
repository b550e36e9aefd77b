"""Commands killed at random moments, many times, and started again: they end in the bits of an undisturbed run."""

import contextlib
import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import test_loop
import together
import yaml

from xit import cli
from xit.cli import terminal
from xit.pipeline import overlay

ROOT = Path(__file__).parents[2]
KILLS = 20
"""At least so many of each command."""
MADE = {
    ("pretrain", "lstm"): "models/pretrained/lstm",
    ("intermediate", "lstm", "mnli"): "models/intermediate/lstm/mnli",
    ("intermediate", "lstm", "multitask"): "models/intermediate/lstm/multitask",
    ("intermediate", "lstm", "mnli+mlm"): "models/intermediate/lstm/mnli+mlm",
    ("finetune", "lstm", "xnli"): "models/finetuned/lstm/xnli",
}
"""Commands that train, and their outputs."""
BEFORE = (
    *(("data", name) for name in ("text", "mnli", "squad", "xnli")),
    ("tokenizer",),
    ("intermediate", "lstm", "none"),
    ("intermediate", "lstm", "squad"),
)
"""What they need beside one another; controls and tasks come after pretraining."""


def parameters() -> dict[str, Any]:
    """The tiny profile with recipes, with steps enough to be killed in."""
    values = overlay.parameters(ROOT, "tiny")
    values["grid"] |= {"encoders": ["lstm"], "intermediates": ["mnli", "squad"], "recipes": ["multitask", "mnli+mlm"]}
    values["grid"] |= {"conditions": ["none", "mnli", "squad", "multitask", "mnli+mlm"]}
    values["grid"] |= {"targets": ["xnli"], "bare_targets": [], "tasks": ["mnli", "squad", "xnli"]}
    values["micro"] |= {"train": 32, "validation": 8, "test": 6, "documents_per_language": 40}
    values["pretraining"] |= {"steps": 110, "batch_size": 8}
    values["compute"]["save_every"] = 3
    values["training"]["restarts"] = 1  # so that second attempts are killed too
    for task in (values["intermediate"]["mnli"], values["targets"]["xnli"], values["recipes"]["multitask"]):
        task |= {"steps": 110, "validate_every": 50, "patience": 9}
    values["intermediate"]["squad"]["steps"] = 3
    values["targets"]["xnli"] |= {"steps": 22, "validate_every": 11, "batch_size": 8, "micro_batches": 2}
    values["recipes"]["multitask"]["tasks"] = ["mnli", "squad"]
    values["recipes"]["mlm"] |= {"batch_size": 8}
    return dict(values)


def command(root: Path, arguments: tuple[str, ...], dies_at: tuple[int, float] | None) -> None:
    """The command line; killed so many steps after its start, and so many seconds after that step."""
    os.chdir(root)
    sys.argv = ["xit", *arguments]
    done = 0

    def told(*_: Any) -> None:
        nonlocal done
        done += 1
        if dies_at is not None and done == dies_at[0]:
            threading.Timer(dies_at[1], os.kill, (os.getpid(), signal.SIGKILL)).start()

    @contextlib.contextmanager
    def progress() -> Iterator[Callable[..., None]]:
        yield told

    terminal.progress = progress
    cli.main()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every command has run."""
    root = tmp_path_factory.mktemp("undisturbed")
    (root / "params.yaml").write_text(yaml.safe_dump(parameters()))
    commands = [*BEFORE[:5], ("pretrain", "lstm"), *BEFORE[5:], *list(MADE)[1:]]
    for arguments in commands:
        assert together.run(1, command, root, arguments, None) == [0], arguments
    return root


@pytest.mark.torture
@pytest.mark.parametrize("arguments", MADE, ids="-".join)
def test_a_command_killed_many_times_ends_in_the_same_bits(
    arguments: tuple[str, ...], undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = tmp_path / "root", MADE[arguments]
    shutil.copytree(undisturbed, root)
    shutil.rmtree(root / out)
    draw = random.Random("-".join(arguments))

    kills = 0
    while (codes := together.run(1, command, root, arguments, (draw.randint(1, 9), draw.uniform(0, 0.02)))) != [0]:
        assert codes == [-signal.SIGKILL]
        kills += 1
        assert kills < 500

    with capsys.disabled():
        sys.stdout.write(f"\n{' '.join(arguments)}: {kills} kills survived\n")
    assert kills >= KILLS
    expected = test_loop.files(undisturbed / out)
    assert any(name.endswith("model.safetensors") for name in expected)
    assert test_loop.files(root / out) == expected


@pytest.mark.torture
def test_two_processes_of_which_one_is_killed_many_times_end_in_the_same_bits(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of one process too, since a step of two micro-batches is a forward pass of each."""
    arguments = ("finetune", "lstm", "xnli")
    root, out = tmp_path / "root", MADE[arguments]
    shutil.copytree(undisturbed, root)
    shutil.rmtree(root / out)
    draw = random.Random(0)

    kills = 0
    while (codes := together.run(2, killed_first, root, arguments, (draw.randint(1, 9), 0.0))) != [0, 0]:
        assert codes[0] == -signal.SIGKILL
        assert codes[1] != 0
        kills += 1
        assert kills < 500

    with capsys.disabled():
        sys.stdout.write(f"\n{' '.join(arguments)} in two processes: {kills} kills of the first survived\n")
    assert kills >= KILLS
    found, expected = (test_loop.files(folder / out) for folder in (root, undisturbed))
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name] and "lineage" not in name] == []


def killed_first(root: Path, arguments: tuple[str, ...], dies_at: tuple[int, float]) -> None:
    """The command in one of two processes, of which the first is killed; the second finds it gone."""
    command(root, arguments, dies_at if os.environ["RANK"] == "0" else None)
