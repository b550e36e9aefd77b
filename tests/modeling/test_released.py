"""Encoders that transformers loads, in both directions or causal, at tiny random size, as transformers writes them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
import tokenizers
import torch
import transformers
from encoder_fixtures import MODELS
from fast_cases import fast
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core.errors import CheckpointError, ConfigError
from xit.core.plan import Cell, Places
from xit.core.progress import unheard
from xit.core.settings import RetrievalSettings
from xit.evaluation.evaluate import EvaluationOptions, evaluate
from xit.modeling import convert, encoders, tokenization
from xit.modeling.task_model import load_encoder
from xit.training.mixtures import train_cells

CAUSAL = ("rwkv", "mamba", "mamba2", "falcon_mamba", "xlstm", "recurrent_gemma")
RETRIEVAL = RetrievalSettings(1.0, "mean")


def test_these_tests_run_over_fourteen_architectures_six_of_them_causal_and_recurrent() -> None:
    from xit.modeling.released import RECURRENT

    assert len(MODELS) == 14
    assert set(CAUSAL) == set(RECURRENT) < set(MODELS)


SLOW = ("deberta-v2", "distilbert", "rembert")
KINDS = fast(lambda kind: kind not in SLOW, MODELS)
CASES = [
    *fast(lambda case: case[0] not in SLOW, [(kind, None) for kind in MODELS]),
    *((kind, d) for kind in CAUSAL for d in ("echo", "two-way")),
]


@pytest.mark.parametrize(("kind", "direction"), CASES)
@torch.no_grad()
def test_neither_padding_nor_the_rest_of_the_batch_changes_hidden_states(
    kind: str, direction: str | None, folders: dict[str, Path]
) -> None:
    encoder = encoders.load(folders[kind], direction)
    input_ids, attention_mask = tiny.three_sentences()

    together = encoder(input_ids, attention_mask)
    filled = encoder(torch.where(attention_mask.bool(), input_ids, 19), attention_mask)

    assert len(together) == 1 + encoder.layers
    assert {state.shape for state in together} == {(3, 7, encoder.dimension)}
    for row, length in enumerate((7, 4, 1)):
        alone = encoder(input_ids[row : row + 1, :length], attention_mask[row : row + 1, :length])
        for state, other, expected in zip(together, filled, alone, strict=True):
            torch.testing.assert_close(state[row, :length], expected[0], atol=1e-5, rtol=0)
            torch.testing.assert_close(other[row, :length], expected[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_what_a_first_token_knows_of_the_last_is_what_the_direction_says(kind: str, folders: dict[str, Path]) -> None:
    input_ids = torch.tensor([[5, 6, 7, 8], [5, 6, 7, 9]])
    directions = ("causal", "echo", "two-way") if kind in CAUSAL else (None,)

    for direction in directions:
        encoder = encoders.load(folders[kind], direction)
        first, second = encoder(input_ids, torch.ones_like(input_ids))[-1]
        assert torch.equal(first[0], second[0]) == (direction == "causal")
        assert encoder.direction == (direction or "bidirectional")


@torch.no_grad()
def test_echo_is_the_second_reading_and_two_way_the_reversed_one_beside_the_first(folders: dict[str, Path]) -> None:
    once, echo, both = (encoders.load(folders["rwkv"], direction) for direction in encoders.DIRECTIONS)
    ids, twice, back = (torch.tensor([some]) for some in ([5, 6, 7], [5, 6, 7, 5, 6, 7], [7, 6, 5]))
    ahead, again, behind = (once(some, torch.ones_like(some))[-1] for some in (ids, twice, back))

    torch.testing.assert_close(echo(ids, torch.ones_like(ids))[-1], again[:, 3:])
    torch.testing.assert_close(both(ids, torch.ones_like(ids))[-1], torch.cat([ahead, behind.flip(1)], dim=-1))
    assert (once.dimension, echo.dimension, both.dimension) == (16, 16, 32)


def test_a_causal_encoder_is_pooled_at_its_last_real_token(folders: dict[str, Path]) -> None:
    _, attention_mask = tiny.three_sentences()
    last = [[False] * 6 + [True], [False] * 3 + [True] + [False] * 3, [True] + [False] * 6]

    causal, echo = (encoders.load(folders["rwkv"], direction) for direction in (None, "echo"))

    assert causal.pooling_mask(attention_mask).tolist() == last
    assert torch.equal(echo.pooling_mask(attention_mask), attention_mask.bool())


@torch.no_grad()
def test_vectors_of_a_causal_encoder_are_its_last_states(folders: dict[str, Path]) -> None:
    from xit.heads import EncodingOptions, text_rows

    model, tokenizer = load_encoder(folders["mamba"])
    texts = ["Ida painted", "Ida painted the boat in Oslo"]
    rows = text_rows(EncodingOptions(tokenizer, tiny.task_of("tatoeba"), 64), texts, "longest_first")

    vectors = [vectors[0] for vectors in model.vectors(rows, RETRIEVAL, [model.layer(RETRIEVAL)])]

    for row, vector in zip(rows, vectors, strict=True):
        input_ids = torch.from_numpy(row.input_ids)[None]
        torch.testing.assert_close(vector, model.encoder(input_ids, torch.ones_like(input_ids))[-1][0, -1])


def fine_tune(root: Path) -> None:
    """A few steps on XNLI, of the encoder in parent/1."""
    tiny.write_data(root / "data/xnli", "xnli")
    places = Places(root / "parent", root / "data", root / "model")
    train_cells("finetune", {"1": Cell("xlmr_base", "none", "xnli", 1)}, places, tiny.plan("xnli", steps=4), unheard)


@pytest.mark.parametrize("kind", fast(lambda kind: kind in ("xlm-roberta", "xlstm"), MODELS))
def test_a_released_encoder_is_fine_tuned_and_scored(kind: str, folders: dict[str, Path], tmp_path: Path) -> None:
    """Through every stage that a checkpoint of ours goes through; a causal one in one of its directions."""
    direction = encoders.DIRECTIONS[CAUSAL.index(kind) % 3] if kind in CAUSAL else None
    convert.released(str(folders[kind]), direction, tmp_path / "parent/1")
    fine_tune(tmp_path)
    found = evaluate(
        tmp_path / "model/1", "xnli", tiny.examples("classification", 24), EvaluationOptions(RETRIEVAL)
    ).scores

    assert found["en"][1] == 24
    assert 0 <= found["en"][0]["accuracy"] <= 100
    assert encoders.direction(tmp_path / "model/1") == (direction or "bidirectional")
    moved = [encoders.load(tmp_path / name).state_dict() for name in ("parent/1", "model/1")]
    assert any(not torch.equal(moved[0][key], moved[1][key]) for key in moved[0])


@pytest.mark.parametrize(
    "before", [tokenizers.processors.Sequence([]), tokenizers.processors.ByteLevel()], ids=["nothing", "byte level"]
)
def test_a_tokenizer_that_marks_no_texts_ends_each_with_its_end_token(
    before: Any, folders: dict[str, Path], tmp_path: Path
) -> None:
    source = shutil.copytree(folders["mamba"], tmp_path / "source")
    backend = tiny.tokenizer().backend
    backend.post_processor = before
    transformers.PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>").save_pretrained(source)
    assert tokenization.load(source).special_suffix == ()

    convert.released(str(source), None, tmp_path / "made")

    tokenizer = tokenization.load(tmp_path / "made")
    plain = [tokenization.load(source).backend.encode(text).ids for text in ("Ida", "Bo")]
    assert tokenizer.backend.encode("Ida", "Bo").ids == [*plain[0], 2, *plain[1], 2]
    assert (tokenizer.special_prefix, tokenizer.special_suffix) == ((), (2,))
    assert tokenizer.backend.encode("").ids == [2]


def test_a_tokenizer_without_an_end_token_says_what_to_do(folders: dict[str, Path], tmp_path: Path) -> None:
    source = shutil.copytree(folders["mamba"], tmp_path / "source")
    backend = tiny.tokenizer().backend
    backend.post_processor = tokenizers.processors.Sequence([])
    transformers.PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>").save_pretrained(source)

    with pytest.raises(CheckpointError, match=r"names no end token, .* Name an eos_token in its tokenizer_config.json"):
        convert.released(str(source), None, tmp_path / "made")


def test_saving_an_rwkv_in_evaluation_keeps_its_weights(folders: dict[str, Path], tmp_path: Path) -> None:
    """transformers halves them in place, more the deeper the layer, and would save them so."""
    encoder = encoders.load(folders["rwkv"])
    before = {name: value.clone() for name, value in encoder.state_dict().items()}

    with torch.no_grad():
        encoder(*tiny.three_sentences())
    encoders.save(encoder, tmp_path)

    assert all(torch.equal(value, before[name]) for name, value in encoders.load(tmp_path).state_dict().items())


def test_a_direction_that_does_not_exist_or_does_not_apply_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"eco: no such direction. Did you mean echo\? Directions: causal, echo, two"):
        encoders.load(folders["rwkv"], "eco")
    with pytest.raises(
        ConfigError, match=r"--direction echo: .* is a bert model, which has no direction to choose: it reads"
    ):
        encoders.load(folders["bert"], "echo")
    tiny.write_checkpoint(tmp_path)
    with pytest.raises(ConfigError, match=r"--direction echo: .* an encoder of ours, which has one way"):
        encoders.load(tmp_path, "echo")


@pytest.mark.slow
def test_the_command_line_imports_and_scores_and_names_the_direction(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).parents[2]
    shutil.copyfile(root / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)

    made = CliRunner().invoke(
        app, ["import", "released", str(folders["rwkv"]), "--direction", "echo", "--out", "parrot"]
    )
    scored = CliRunner().invoke(app, ["eval", "parrot", "--language", "de", "--json", "scores.json"])

    assert (made.exit_code, scored.exit_code) == (0, 0), (made.output, scored.output)
    assert made.output.startswith("parrot: rwkv, echo, ")
    assert scored.output.startswith("parrot (echo)\n")
    found = json.loads(Path("scores.json").read_text())
    assert (found["direction"], found["scores"][0]["encoder"]) == ("echo", "parrot (echo)")


# What cannot be read as an encoder


CAUSAL_TRANSFORMERS = (
    transformers.GPT2Config(vocab_size=60, n_embd=16, n_layer=2, n_head=2, n_positions=40),
    transformers.BertConfig(vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, is_decoder=True),
)


@pytest.mark.parametrize("config", CAUSAL_TRANSFORMERS, ids=lambda config: config.model_type)
@torch.no_grad()
def test_a_causal_transformer_is_found_to_be_one_and_may_be_read_twice(config: Any, tmp_path: Path) -> None:
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path)
    input_ids, attention_mask = tiny.three_sentences()
    before = torch.random.get_rng_state()

    causal, echo = (encoders.load(tmp_path, direction) for direction in (None, "echo"))

    assert torch.equal(torch.random.get_rng_state(), before)
    assert (causal.direction, encoders.direction(tmp_path), echo.direction) == ("causal", "causal", "echo")
    assert echo.max_positions == causal.max_positions / 2 == config.max_position_embeddings / 2
    alone = echo(input_ids[1:2, :4], attention_mask[1:2, :4])[-1][0]
    torch.testing.assert_close(echo(input_ids, attention_mask)[-1][1, :4], alone, atol=1e-5, rtol=0)
    encoders.save(echo, tmp_path / "again")
    assert encoders.direction(tmp_path / "again") == "echo"


UNFIT = (
    (transformers.FNetConfig(vocab_size=60, hidden_size=16, num_hidden_layers=2), "fnet model, whose states change wi"),
    (transformers.NystromformerConfig(vocab_size=60, num_hidden_layers=1, hidden_size=16, num_attention_heads=2),
     "nystromformer model, whose states change with the padding"),
    (transformers.BartConfig(vocab_size=60, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
     decoder_attention_heads=2), "a bart model, which cannot be read as an encoder"),
)  # fmt: skip


@pytest.mark.parametrize(("config", "message"), UNFIT)
def test_a_model_that_cannot_be_read_as_an_encoder_is_refused_as_it_is_loaded(
    config: Any, message: str, tmp_path: Path
) -> None:
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path)

    with pytest.raises(CheckpointError, match=message):
        encoders.load(tmp_path)


def test_a_model_of_few_positions_scores_bare_and_is_not_fine_tuned_on_longer_rows(tmp_path: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=tiny.tokenizer().vocabulary_size,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=8,
    )
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path / "parent/1")
    tokenization.save(tiny.tokenizer(), tmp_path / "parent/1")

    found = evaluate(
        tmp_path / "parent/1", "tatoeba", tiny.examples("retrieval", 8), EvaluationOptions(RETRIEVAL)
    ).scores

    assert all(count for _, count in found.values())
    with pytest.raises(ConfigError, match=r"xnli: max_length_tokens is 64, .* of this size has positions for 8. Lower"):
        fine_tune(tmp_path)


def set_config(**values: Any) -> Any:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


def set_weight(change: Any) -> Any:
    from safetensors.torch import load_file, save_file

    def damage(folder: Path) -> None:
        path = folder / "model.safetensors"
        tensors, name = load_file(path), "embeddings.LayerNorm.weight"
        save_file({**tensors, name: change(tensors[name])}, path, metadata={"format": "pt"})

    return damage


def index(folder: Path) -> None:
    described = {"metadata": {}, "weight_map": {"a": "absent.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(described))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (set_config(num_hidden_layers=1), "16 of layers that its config.json does not count, encoder.layer.1.att"),
        (set_config(num_hidden_layers=0), "a bert model of 0 layers"),
        (set_config(hidden_act="nope"), "transformers cannot load it .* KeyError: 'nope'"),
        (set_config(model_type=["bert"]), "transformers cannot load it .* TypeError"),
        (set_config(pad_token_id=99999), "transformers cannot load it .* Padding_idx"),
        (set_config(xit_direction="echo"), "--direction echo: .* is a bert model, which has no direction"),
        (set_config(model_type="own", auto_map={"AutoConfig": "code.Own"}), r"code \(auto_map\), which is never run"),
        (set_weight(lambda weight: weight[1:].clone()), "LayerNorm.weight: is 15 in its weights; .* model has 16"),
        (set_weight(lambda weight: weight.int()), "1 are not, embeddings.LayerNorm.weight is I32 first"),
        (set_weight(lambda weight: weight / 0), "1 of its weights are not finite, embeddings.LayerNorm.weight first"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), "model.safetensors: cannot be read as safete"),
        (index, "index.json: names absent.safetensors, which is not in its folder"),
    ],
    ids=range(12),
)  # fmt: skip
def test_a_damaged_folder_of_transformers_is_named_with_its_fault(
    damage: Any, message: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(folders["bert"], tmp_path / "bert")
    damage(folder)

    with pytest.raises((CheckpointError, ConfigError), match=message):
        encoders.load(folder)


def test_a_pickle_is_made_safetensors_by_import(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(folders["bert"], tmp_path / "bert")
    (folder / "model.safetensors").unlink()
    torch.save(transformers.AutoModel.from_pretrained(folders["bert"]).state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"in pytorch_model.bin. `xit import released .* makes a folder of safe"):
        encoders.load(folder)

    convert.released(str(folder), None, tmp_path / "made")

    found, wanted = (encoders.load(path).state_dict() for path in (tmp_path / "made", folders["bert"]))
    assert all(torch.equal(found[name], value) for name, value in wanted.items())
    with pytest.raises(CheckpointError, match=r"no such checkpoint folder. `xit import released` makes one of an id"):
        encoders.load("xlmr_base")


def test_weights_of_ones_own_keep_their_direction_and_are_of_the_type_that_the_id_says(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    convert.released(str(folders["rwkv"]), "echo", tmp_path / "echo")

    convert.pretrained(tiny.cells("rwkv4_world"), str(tmp_path / "echo"), tmp_path / "made")

    assert encoders.direction(tmp_path / "made/1") == "echo"
    with pytest.raises(CheckpointError, match=r"a model of type bert; gru was expected"):
        convert.pretrained(tiny.cells("gru"), str(folders["bert"]), tmp_path / "gru")


def test_a_row_longer_than_the_positions_of_a_model_is_refused(folders: dict[str, Path]) -> None:
    encoder = encoders.load(folders["xlm-roberta"])
    row = torch.full((1, 512), 5)

    with pytest.raises(
        CheckpointError, match=r"xlm-roberta: a row of 512 tokens, but it has positions for 511 only. L"
    ):
        encoder(row, torch.ones_like(row))
    assert encoder(row[:, :511], torch.ones(1, 511))[-1].shape == (1, 511, 16)
    assert encoders.load(folders["mt5"])(row, torch.ones_like(row))[-1].isfinite().all()
