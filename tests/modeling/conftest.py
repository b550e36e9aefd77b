"""Checkpoints to read and to damage."""

import shutil
from pathlib import Path

import pytest
import tiny


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of XNLI."""
    folder = tmp_path_factory.mktemp("original")
    tiny.write_checkpoint(folder)
    tiny.write_head(folder, "xnli", "matching")
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return shutil.copytree(original, tmp_path / "checkpoint")
