"""Masked LM of a released encoder starts from the head that was released with it."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import transformers
from encoder_fixtures import MODELS
from safetensors.torch import load_file, save_file
from torch import nn

from xit.core.errors import CheckpointError, ConfigError
from xit.modeling import convert, encoders, tokenization
from xit.modeling.checkpoints import MASKED_LM_HEAD
from xit.modeling.released_masked_lm import PARTS
from xit.training.masked_lm import MaskedLanguageModel
from xit.training.streams import text_stream


def write(kind: str, folder: Path, **changes: Any) -> Any:
    """A model with its masked-LM head, all of whose weights matter, and a tokenizer."""
    backend = tiny.tokenizer().backend
    config = MODELS[kind](backend.get_vocab_size())
    for key, value in changes.items():
        setattr(config, key, value)
    torch.manual_seed(0)
    model = transformers.AutoModelForMaskedLM.from_config(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    model.save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **tokenization.ROLES).save_pretrained(folder)
    return model


def read(folder: Path) -> MaskedLanguageModel:
    model = MaskedLanguageModel(encoders.load(folder)).eval()
    assert model.load_head(folder)
    return model


IDS = torch.tensor([[5, 6, 7, 8, 9], [10, 11, 12, 13, 14]])
CASES = [*((kind, {}) for kind in PARTS), ("xlm-roberta", {"tie_word_embeddings": False})]
CASES += [("bert", {"layer_norm_eps": 0.5})]


@pytest.mark.parametrize(("kind", "changes"), CASES)
@torch.no_grad()
def test_scores_of_pieces_are_those_of_the_released_head(kind: str, changes: dict[str, Any], tmp_path: Path) -> None:
    theirs = write(kind, tmp_path / "source", **changes)

    convert.released(str(tmp_path / "source"), None, tmp_path / "made")

    model, mask = read(tmp_path / "made"), torch.ones_like(IDS)
    expected = theirs(input_ids=IDS, attention_mask=mask).logits
    torch.testing.assert_close(model.logits(model.encoder(IDS, mask)[-1]), expected, atol=1e-4, rtol=1e-4)
    is_tied = theirs.get_output_embeddings().weight is theirs.get_input_embeddings().weight
    assert ("decoder.weight" in load_file(tmp_path / "made" / MASKED_LM_HEAD)) != is_tied
    assert is_tied == (kind != "eurobert" and changes.get("tie_word_embeddings") is not False)


def test_every_weight_of_a_head_that_is_not_tied_is_trained_and_saved(tmp_path: Path) -> None:
    write("eurobert", tmp_path / "source")
    convert.released(str(tmp_path / "source"), None, tmp_path / "made")
    model = read(tmp_path / "made")

    model({"input_ids": IDS, "attention_mask": torch.ones_like(IDS), "labels": IDS}).backward()
    model.save_head(tmp_path)

    assert isinstance(model.decoder, nn.Embedding)
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []
    assert set(load_file(tmp_path / MASKED_LM_HEAD)) == {"decoder.weight", "bias"}


def text(folder: Path) -> Path:
    (folder / "text").mkdir()
    (folder / "text/en.txt").write_text("\n".join(tiny.texts()), encoding="utf-8")
    return folder


def test_masked_lm_after_pretraining_begins_with_it(tmp_path: Path) -> None:
    write("xlm-roberta", tmp_path / "source")
    convert.released(str(tmp_path / "source"), None, tmp_path / "made")
    plan = dataclasses.replace(tiny.PLAN, text=tiny.TEXT)
    tokenizer, encoder = tokenization.load(tmp_path / "made"), encoders.load(tmp_path / "made")

    stream = text_stream(plan, text(tmp_path), encoder, tokenizer, tmp_path / "made", seed=1)

    model: Any = stream.model
    assert torch.equal(model.transform.weight, load_file(tmp_path / "made" / MASKED_LM_HEAD)["transform.weight"])


@pytest.mark.parametrize("kind", ["bert", "mt5"])
def test_an_encoder_without_one_is_refused_for_masked_lm(kind: str, tmp_path: Path) -> None:
    """Of BERT the encoder alone, as of sentence encoders; mT5 never has one."""
    backend = tiny.tokenizer().backend
    transformers.AutoModel.from_config(MODELS[kind](backend.get_vocab_size())).save_pretrained(tmp_path / "source")
    roles = tokenization.ROLES
    transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **roles).save_pretrained(tmp_path / "source")
    convert.released(str(tmp_path / "source"), None, tmp_path / "made")
    plan = dataclasses.replace(tiny.PLAN, text=tiny.TEXT)
    tokenizer, encoder = tokenization.load(tmp_path / "made"), encoders.load(tmp_path / "made")

    assert not (tmp_path / "made" / MASKED_LM_HEAD).exists()
    with pytest.raises(ConfigError, match=rf"made: a {kind} encoder, whose files have no masked-LM head; found no"):
        text_stream(plan, text(tmp_path), encoder, tokenizer, tmp_path / "made", seed=1)


def test_the_head_of_a_checkpoint_made_here_comes_with_it(tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path / "own", "lstm")
    MaskedLanguageModel(encoders.load(tmp_path / "own")).save_head(tmp_path / "own")

    convert.pretrained(tiny.cells("lstm", seeds=(1, 2)), str(tmp_path / "own"), tmp_path / "made")

    head = (tmp_path / "own" / MASKED_LM_HEAD).read_bytes()
    assert [(tmp_path / "made" / seed / MASKED_LM_HEAD).read_bytes() == head for seed in "12"] == [True, True]


@pytest.mark.parametrize("lacking", ["transform.bias", "norm.weight", "bias"])
def test_a_head_that_lacks_a_part_is_named(lacking: str, tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path, "lstm")
    model = MaskedLanguageModel(encoders.load(tmp_path))
    model.save_head(tmp_path)
    tensors = load_file(tmp_path / MASKED_LM_HEAD)
    del tensors[lacking]
    save_file(tensors, tmp_path / MASKED_LM_HEAD)

    with pytest.raises(
        CheckpointError, match=rf"{MASKED_LM_HEAD}: does not fit, .* it lacks {lacking}. Pretrain again"
    ):
        model.load_head(tmp_path)
