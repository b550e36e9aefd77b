"""Commands that train, on processors that offer different instructions: pinned they end in the same bits."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import together
import yaml

from xit import cli
from xit.core import instructions
from xit.core.files import sha256
from xit.pipeline import overlay, paths

ROOT = Path(__file__).parents[2]
OTHERS: tuple[dict[str, str], ...] = (
    {"ATEN_CPU_CAPABILITY": "default"},
    {"MKL_CBWR": "AVX2"},
    {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
)
"""Stand in for other processors: what a user or the system has set, from which the libraries take it."""

pytestmark = pytest.mark.skipif(bool(instructions.lack()), reason=f"nothing can be pinned: {instructions.lack()}")


def parameters(name: str) -> dict[str, Any]:
    """The tiny profile, of four steps, with these instructions."""
    values = overlay.parameters(ROOT, "tiny")
    values["micro"] |= {"train": 32, "validation": 8, "test": 6, "documents_per_language": 40}
    values["pretraining"] |= {"steps": 4, "batch_size": 8}
    values["compute"]["instructions"] = name
    values["seeds"] = [1]
    return dict(values)


def run(root: Path, *arguments: str, **variables: str) -> str:
    """Run `xit` in a process that has computed nothing yet, with these variables and no others; what it told."""
    told = root / "told"
    assert together.run(1, command, root, told, arguments, variables) == [0], told.read_text()
    return told.read_text()


def command(root: Path, told: Path, arguments: tuple[str, ...], variables: dict[str, str]) -> None:
    for key in {key for known in instructions.SETS.values() for key in known}:
        os.environ.pop(key, None)
    os.environ |= variables
    os.chdir(root)
    with told.open("w") as err, Path(os.devnull).open("w") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
    sys.argv = ["xit", *arguments]
    cli.main()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with text and a tokenizer."""
    root = tmp_path_factory.mktemp("instructions")
    (root / "params.yaml").write_text(yaml.safe_dump(parameters("compatible")))
    run(root, "data", "text")
    run(root, "tokenizer")
    return root


def pretrained(root: Path, encoder: str, name: str, **variables: str) -> tuple[str, str]:
    """The hash of an encoder after its steps, and what the command told."""
    (root / "params.yaml").write_text(yaml.safe_dump(parameters(name)))
    shutil.rmtree(root / paths.pretrained(encoder), ignore_errors=True)
    told = run(root, "pretrain", encoder, **variables)
    return sha256(root / paths.pretrained(encoder) / "1/model.safetensors"), told


@pytest.mark.parametrize("encoder", ["transformer", pytest.param("lstm", marks=pytest.mark.slow)])
def test_pinned_training_ends_in_the_same_bits_on_other_processors(encoder: str, root: Path) -> None:
    """Without the pin every one of them ends in bits of its own, so the pin is what makes them equal."""
    bits, told = pretrained(root, encoder, "compatible")

    assert told == ""
    for other in OTHERS:
        assert pretrained(root, encoder, "native", **other)[0] != bits, other
        again, told = pretrained(root, encoder, "compatible", **other)
        assert again == bits, other
        assert [line.partition(":")[0] for line in told.splitlines()] == list(other), told


@pytest.mark.slow
def test_the_faster_set_has_bits_of_its_own_wherever_it_is_taken(root: Path) -> None:
    bits, _ = pretrained(root, "lstm", "avx2")

    assert bits != pretrained(root, "lstm", "compatible")[0]
    assert bits == pretrained(root, "lstm", "avx2", ATEN_CPU_CAPABILITY="default", MKL_CBWR="COMPATIBLE")[0]
