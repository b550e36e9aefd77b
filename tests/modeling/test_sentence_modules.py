"""The pooling that a sentence encoder names in modules.json: said, and followed where asked for."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor
from typer.testing import CliRunner

from xit.cli import app as cli
from xit.core.errors import CheckpointError
from xit.core.settings import RetrievalSettings
from xit.heads import EncodingOptions, text_rows
from xit.modeling import sentence_modules, tokenization
from xit.modeling.task_model import load_encoder

RETRIEVAL = RetrievalSettings(0.5, "mean")
TEXTS = ["Ida painted", "Ida painted the boat in Oslo", "Oslo"]
WEIGHT = torch.arange(80.0).view(5, 16).sin()
BIAS = torch.arange(5.0).cos()


def root(states: Tensor) -> Tensor:
    return states.sum(0) / len(states) ** 0.5


def weighted(states: Tensor) -> Tensor:
    weights = torch.arange(1.0, len(states) + 1)
    return (states * weights[:, None]).sum(0) / weights.sum()


POOLED: dict[str, Any] = {
    "pooling_mode_cls_token": lambda states: states[0],
    "pooling_mode_max_tokens": lambda states: states.amax(0),
    "pooling_mode_mean_tokens": lambda states: states.mean(0),
    "pooling_mode_mean_sqrt_len_tokens": root,
    "pooling_mode_weightedmean_tokens": weighted,
    "pooling_mode_lasttoken": lambda states: states[-1],
}


def write(folder: Path, *flags: str, has_dense: bool = False, is_pickled: bool = False, **pooling: Any) -> Any:
    """A sentence encoder as sentence-transformers saves it."""
    tokenizer = tiny.tokenizer()
    config = transformers.BertConfig(
        vocab_size=tokenizer.vocabulary_size, hidden_size=16, num_hidden_layers=2, num_attention_heads=2
    )
    torch.manual_seed(0)
    model = transformers.AutoModel.from_config(config).eval()
    model.save_pretrained(folder)
    tokenization.save(tokenizer, folder)
    kinds = [("Transformer", ""), ("Pooling", "1_Pooling"), *([("Dense", "2_Dense")] if has_dense else [])]
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (kind, path) in enumerate([*kinds, ("Normalize", "3_Normalize")])
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    chosen = {"word_embedding_dimension": 16, **{flag: flag in flags for flag in POOLED}, **pooling}
    (folder / "1_Pooling/config.json").write_text(json.dumps(chosen))
    if has_dense:
        (folder / "2_Dense").mkdir()
        dense = {
            "in_features": 16,
            "out_features": 5,
            "bias": True,
            "activation_function": "torch.nn.modules.activation.Tanh",
        }
        (folder / "2_Dense/config.json").write_text(json.dumps(dense))
        tensors = {"linear.weight": WEIGHT, "linear.bias": BIAS}
        if is_pickled:
            torch.save(tensors, folder / "2_Dense/pytorch_model.bin")
        else:
            save_file(tensors, folder / "2_Dense/model.safetensors")
    return model


@torch.no_grad()
def states_of(model: Any, tokenizer: tokenization.Tokenizer) -> list[Tensor]:
    rows = [torch.tensor([tokenizer.backend.encode(text).ids]) for text in TEXTS]
    return [model(input_ids=row).last_hidden_state[0] for row in rows]


def vectors_of(folder: Path, has_own_pooling: bool = True) -> Tensor:
    model, tokenizer = load_encoder(folder, has_own_pooling)
    options = EncodingOptions(tokenizer, tiny.task_of("tatoeba"), 64)
    return torch.stack(model.vectors(text_rows(options, TEXTS, "longest_first"), RETRIEVAL, [model.layer(RETRIEVAL)]))[
        :, 0
    ]


@pytest.mark.parametrize("flag", POOLED)
def test_vectors_are_pooled_as_modules_json_says(flag: str, tmp_path: Path) -> None:
    model = write(tmp_path, flag)

    expected = torch.stack([POOLED[flag](states) for states in states_of(model, tokenization.load(tmp_path))])

    expected = expected / expected.norm(dim=1, keepdim=True)
    torch.testing.assert_close(vectors_of(tmp_path), expected, atol=1e-5, rtol=0)
    assert (vectors_of(tmp_path, has_own_pooling=False) - expected).abs().max() > 0.01


@pytest.mark.parametrize("is_pickled", [False, True])
def test_ways_are_joined_and_a_dense_layer_follows(is_pickled: bool, tmp_path: Path) -> None:
    model = write(tmp_path / "dense", "pooling_mode_cls_token", has_dense=True, is_pickled=is_pickled)
    write(tmp_path / "two", "pooling_mode_mean_tokens", "pooling_mode_cls_token")
    write(tmp_path / "named", pooling_mode="lasttoken")
    states = states_of(model, tokenization.load(tmp_path / "dense"))

    dense = torch.stack([torch.tanh(WEIGHT @ one[0] + BIAS) for one in states])
    two = torch.stack([torch.cat([one[0], one.mean(0)]) for one in states])
    last = torch.stack([one[-1] for one in states])

    for name, expected in (("dense", dense), ("two", two), ("named", last)):
        unit = expected / expected.norm(dim=1, keepdim=True)
        torch.testing.assert_close(vectors_of(tmp_path / name), unit, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_the_command_says_it_and_follows_it_where_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = (Path(__file__).parents[2] / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(re.sub(r"(?m)^  test: \d+", "  test: 12", parameters, count=1))
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "model", "pooling_mode_cls_token", has_dense=True)
    write(tmp_path / "plain", "pooling_mode_mean_tokens")
    (tmp_path / "plain/modules.json").unlink()
    common = ("--source", "micro", "--language", "de")

    plain, followed, without = (
        CliRunner().invoke(cli.app, [*command, *common])
        for command in (["eval", "model"], ["eval", "model", "--own-pooling"], ["eval", "plain", "--own-pooling"])
    )
    sent = CliRunner().invoke(cli.app, ["submit", "model", "--benchmark", "xtreme_r", "--out", "sent", *common])

    said = "modules.json makes vectors by CLS pooling, then Dense, Normalize, of the last layer"
    for told in (plain, sent):
        assert f"{said}; here they are by mean pooling of hidden state" in " ".join(told.output.split())
        assert "--own-pooling follows it." in told.output
    assert f"{said}; so they are made here." in " ".join(followed.output.split())
    assert "plain: --own-pooling: it has no modules.json" in str(without.exception)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("modules.json", "[1]", r"modules.json: not a list of modules with type and path"),
        ("modules.json", '[{"type": "x.LSTM", "path": "1"}]', r"LSTM: no such module is read. Modules: Transformer, P"),
        ("modules.json", '[{"type": "x.Transformer", "path": ""}]', r"names no Pooling"),
        ("1_Pooling/config.json", "{}", r"pooling none: not one of cls, max, mean"),
        ("1_Pooling/config.json", '{"pooling_mode": "attention"}', r"pooling attention: not one of cls, max, mean"),
        ("2_Dense/config.json", '{"activation_function": "my.Code"}', r"activation_function Code: not one of GELU, I"),
        ("2_Dense/config.json", '{"in_features": 3, "out_features": 5}', r"weights of its Dense layer cannot be read"),
        ("2_Dense/model.safetensors", "", r"the weights of its Dense layer cannot be read"),
    ],
)
def test_modules_that_are_not_read_are_named(file: str, content: str, message: str, tmp_path: Path) -> None:
    write(tmp_path, "pooling_mode_cls_token", has_dense=True)
    (tmp_path / file).write_text(content)

    with pytest.raises(CheckpointError, match=message):
        load_encoder(tmp_path, has_own_pooling=True)
    assert sentence_modules.note(tmp_path, RETRIEVAL, is_followed=False).endswith("as retrieval in params.yaml says.")
    assert load_encoder(tmp_path)[0].own_pooling == ""
