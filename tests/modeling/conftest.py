"""Checkpoints to read and to damage, ours and of transformers."""

import shutil
from pathlib import Path

import pytest
import tiny
import torch
import transformers
from encoder_fixtures import MODELS

from xit.modeling import tokenization


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


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of each kind with random weights and a tokenizer, both written by transformers."""
    backend = tiny.tokenizer().backend
    made = {}
    for kind, config in MODELS.items():
        made[kind] = tmp_path_factory.mktemp(kind)
        torch.manual_seed(0)
        transformers.AutoModel.from_config(config(backend.get_vocab_size())).save_pretrained(made[kind])
        tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **tokenization.ROLES)
        tokenizer.save_pretrained(made[kind])
    return made
