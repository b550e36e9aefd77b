"""What every encoder keeps to, tested once over all of them; and checkpoints, ours and those of transformers."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor, nn

from benchmarks.memory import saved_bytes
from xit.core.errors import CheckpointError, ConfigError
from xit.core.settings import EncoderSize
from xit.encoders.mingru import MinGRU, Recurrence, scan
from xit.modeling import encoders
from xit.modeling.encoder import Encoder, RecurrentLayer, reversal
from xit.pipeline import config

NAMES = tiny.OWN_ENCODERS
VOCABULARY = 20
SIZES = {name: tiny.size_of(name, 8, 2) for name in NAMES}

LOAD = """
import sys
from pathlib import Path
{imports}
folder = Path({folder!r})
from transformers import AutoConfig, AutoModel
model = AutoModel.from_pretrained(folder)
print(type(model).__name__, AutoConfig.from_pretrained(folder).encoder, file=sys.stderr)
"""


def build(name: str, seed: int = 0) -> Encoder:
    torch.manual_seed(seed)
    return encoders.build(name, SIZES[name], VOCABULARY)


def test_the_tests_below_run_over_both_sides_of_the_comparison() -> None:
    assert {encoders.info(name).architecture for name in NAMES} == {"transformer", "recurrent"}


@pytest.mark.parametrize("name", NAMES)
def test_hidden_states_are_those_of_the_embedding_and_of_each_layer(name: str) -> None:
    encoder = build(name)

    states = encoder(*tiny.three_sentences())

    assert [tuple(state.shape) for state in states] == [(3, 7, 8)] * (1 + SIZES[name].layers)
    assert all(state.isfinite().all() for state in states)
    assert (encoder.name, encoder.layers, encoder.dimension) == (name, SIZES[name].layers, 8)


@pytest.mark.parametrize("name", NAMES)
def test_neither_padding_nor_the_rest_of_the_batch_changes_hidden_states(name: str) -> None:
    encoder = build(name)
    input_ids, attention_mask = tiny.three_sentences()

    together = encoder(input_ids, attention_mask)
    longer = encoder(nn.functional.pad(input_ids, (0, 50)), nn.functional.pad(attention_mask, (0, 50)))

    for row, length in enumerate((7, 4, 1)):
        alone = encoder(input_ids[row : row + 1, :length], attention_mask[row : row + 1, :length])
        for state, other, expected in zip(together, longer, alone, strict=True):
            torch.testing.assert_close(state[row, :length], expected[0], atol=1e-5, rtol=0)
            torch.testing.assert_close(other[row, :length], expected[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_at_masked_positions_has_no_influence(name: str) -> None:
    encoder = build(name)
    input_ids, attention_mask = tiny.three_sentences()
    real = attention_mask.bool()

    padded = encoder(input_ids, attention_mask)[-1]
    filled = encoder(torch.where(real, input_ids, 19), real)[-1]

    torch.testing.assert_close(padded[real], filled[real], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_every_token_reads_every_other_in_both_directions_or_all_before_it(name: str) -> None:
    """Otherwise the tests of padding would pass on an encoder that reads nothing."""
    encoder = build(name)
    embedded: list[Tensor] = []
    encoder.embedding.register_forward_hook(lambda *call: embedded.append(call[-1].requires_grad_()))

    for place in (0, 6):
        output = encoder(torch.arange(5, 12)[None], torch.ones(1, 7))[-1]
        (gradient,) = torch.autograd.grad(output[0, place, 0], embedded[-1])
        is_read = torch.arange(7) <= (place if encoder.direction == "causal" else 6)
        assert torch.equal(gradient[0].abs().sum(-1) > 0, is_read)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_tokens_matters(name: str) -> None:
    encoder = build(name)

    ahead, back = (encoder(torch.tensor([ids]), torch.ones(1, 3))[-1].mean(1) for ids in ([5, 6, 7], [7, 6, 5]))

    assert not torch.allclose(ahead, back, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    encoder = build(name)

    output = encoder(*tiny.three_sentences())[-1]
    (output @ torch.arange(8.0) * tiny.three_sentences()[1]).square().sum().backward()

    without = [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


@pytest.mark.parametrize("name", NAMES)
def test_checkpointed_gradients_are_the_same_and_keep_less(name: str) -> None:
    plain, checkpointed = build(name), build(name)
    checkpointed.checkpoint_gradients()
    input_ids, attention_mask = tiny.three_sentences()

    for encoder in (plain, checkpointed):
        torch.stack(encoder(input_ids, attention_mask)).sin().sum().backward()

    for one, other in zip(plain.parameters(), checkpointed.parameters(), strict=True):
        assert one.grad is not None
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-6, atol=1e-6)
    assert saved_bytes(checkpointed, 3, 30) < 0.5 * saved_bytes(plain, 3, 30)


@pytest.mark.parametrize("name", NAMES)
def test_equal_seeds_give_equal_weights(name: str) -> None:
    first, second, other = (build(name, seed).state_dict() for seed in (0, 0, 1))

    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", NAMES)
def test_there_is_no_longest_input(name: str) -> None:
    states = build(name)(torch.full((1, 3000), 5), torch.ones(1, 3000))

    assert states[-1].isfinite().all()


def test_parameters_are_counted() -> None:
    count = encoders.parameters(build("lstm"))

    # Embedding 20 x 8, its norm 2 x 8; a layer: two runs of 4 x 8 x (8 + 8 + 2), join 16 x 8 + 8, norm 2 x 8.
    assert count == (160 + 16 + 2 * (2 * 576 + 136 + 16), 160, 0)
    assert count.body == 16 + 2 * 1304


@pytest.mark.parametrize("dimension", [64, 80, 96, 256])
def test_a_transformer_of_three_layers_has_the_parameters_of_a_bilstm_of_two(dimension: int) -> None:
    transformer = encoders.build("transformer", EncoderSize(dimension, 3, 4 * dimension, 4), 1000)
    lstm = encoders.build("lstm", EncoderSize(dimension, 2, dimension, 0), 1000)

    bodies = [encoders.parameters(encoder).body for encoder in (transformer, lstm)]

    assert max(bodies) / min(bodies) < 1.001


def test_the_encoders_of_params_yaml_have_equally_many_parameters() -> None:
    parameters = config.load(Path(__file__).parents[2] / "params.yaml")

    counts = [
        encoders.parameters(encoders.build(name, settings.size, parameters.tokenizer.vocabulary))
        for name, settings in parameters.encoders.items()
        if settings.size is not None
    ]

    assert len(counts) >= 2
    assert max(c.body for c in counts) / min(c.body for c in counts) < 1.05
    assert max(c.total for c in counts) / min(c.total for c in counts) < 1.05


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_gives_back_the_same_states(name: str, tmp_path: Path) -> None:
    encoder = build(name)

    encoders.save(encoder, tmp_path)
    loaded = encoders.load(tmp_path)

    assert_same_states(loaded, encoder)
    assert loaded.size == encoder.size


@pytest.mark.parametrize("name", NAMES)
def test_equal_weights_give_equal_bytes(name: str, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        encoders.save(build(name), tmp_path / folder)

    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_auto_model_gives_the_same_states_and_saves_them_again(name: str, tmp_path: Path) -> None:
    from transformers import AutoModel

    encoder = build(name)
    encoders.save(encoder, tmp_path / "ours")

    model = AutoModel.from_pretrained(tmp_path / "ours")
    model.save_pretrained(tmp_path / "theirs")

    input_ids, attention_mask = tiny.three_sentences()
    output = model(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
    expected = encoder(input_ids, attention_mask)
    assert all(torch.equal(a, b) for a, b in zip(output.hidden_states, expected, strict=True))
    assert torch.equal(output.last_hidden_state, expected[-1])
    assert model(input_ids).hidden_states is None
    assert_same_states(encoders.load(tmp_path / "theirs"), encoder)
    assert_same_states(AutoModel.from_pretrained(tmp_path / "theirs").encoder, encoder)


@pytest.mark.slow
@pytest.mark.parametrize(
    "imports",
    [
        "import xit",
        pytest.param("import transformers; import xit", marks=pytest.mark.slow),
        pytest.param("import xit, transformers", marks=pytest.mark.slow),
    ],
)
def test_auto_model_knows_our_folders_whichever_is_imported_first(imports: str, tmp_path: Path) -> None:
    encoders.save(build("lstm"), tmp_path)
    code = LOAD.format(imports=imports, folder=str(tmp_path))

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("XitModel lstm\n")


def test_importing_xit_imports_neither_torch_nor_transformers() -> None:
    code = "import sys, xit, xit.modeling.encoders; print(*sys.modules)"

    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert "xit.modeling.encoders" in modules
    assert {"torch", "transformers"}.isdisjoint(modules)


@pytest.mark.slow
def test_our_checkpoints_are_loaded_and_saved_without_transformers(tmp_path: Path) -> None:
    encoders.save(build("transformer"), tmp_path)
    code = "import sys; from xit.modeling import encoders; from pathlib import Path; folder = Path(sys.argv[1])\n"
    code += "encoders.save(encoders.load(folder), folder / 'again'); print(*sys.modules)"

    command = [sys.executable, "-c", code, tmp_path]
    modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert (tmp_path / "again" / "model.safetensors").is_file()
    assert "torch" in modules
    assert "transformers" not in modules


def test_auto_model_refuses_padding_on_the_left(tmp_path: Path) -> None:
    from transformers import AutoModel

    encoders.save(build("lstm"), tmp_path)
    model = AutoModel.from_pretrained(tmp_path)

    with pytest.raises(ValueError, match="need their padding on the right"):
        model(input_ids=torch.tensor([[0, 5]]), attention_mask=torch.tensor([[0, 1]]))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_layer_agrees_with_the_bidirectional_one_of_torch_on_packed_sequences(kind: Any) -> None:
    torch.manual_seed(0)
    layer = RecurrentLayer(SIZES["lstm"], lambda: kind(8, 8, batch_first=True))
    reference = kind(8, 8, batch_first=True, bidirectional=True)
    for name, parameter in layer.forward_run.named_parameters():
        getattr(reference, name).data = parameter.data
        getattr(reference, f"{name}_reverse").data = getattr(layer.backward_run, name).data
    states, lengths = torch.randn(3, 7, 8), torch.tensor([7, 4, 1])
    attention_mask = torch.arange(7) < lengths[:, None]

    packed = nn.utils.rnn.pack_padded_sequence(states, lengths, batch_first=True)
    read, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    expected = layer.norm(states + layer.join(read))

    output = layer(states, reversal(attention_mask))
    torch.testing.assert_close(output[attention_mask], expected[attention_mask], atol=1e-5, rtol=0)


def one_by_one(decay: Tensor, update: Tensor) -> Tensor:
    """The recurrence as it is written, a step after the other, in double precision."""
    state, states = torch.zeros_like(update[:, 0]).double(), []
    for time in range(update.shape[1]):
        state = decay[:, time].double() * state + update[:, time].double()
        states.append(state)
    return torch.stack(states, dim=1)


@pytest.mark.parametrize("length", [1, 2, 3, 64, 511, 3000])
def test_the_scan_agrees_with_a_step_after_the_other_at_any_length(length: int) -> None:
    torch.manual_seed(0)
    gate, candidate = 6 * torch.randn(2, length, 8), torch.randn(2, length, 8)  # from 0 to 1, both ends often
    decay, update = (-gate).sigmoid(), gate.sigmoid() * candidate

    states = scan(decay, update)

    torch.testing.assert_close(states.double(), one_by_one(decay, update), atol=2e-6, rtol=0)
    assert torch.equal(scan(decay[:, : length // 2 + 1], update[:, : length // 2 + 1]), states[:, : length // 2 + 1])


def test_a_scan_that_forgets_nothing_or_everything_is_exact() -> None:
    update = torch.ones(1, 300, 1)

    assert scan(torch.ones(1, 300, 1), update).flatten().tolist() == list(range(1, 301))
    assert scan(torch.zeros(1, 300, 1), update).flatten().tolist() == [1.0] * 300


@pytest.mark.parametrize("length", [1, 2, 7])
def test_the_gradient_of_the_scan_is_that_of_its_values(length: int) -> None:
    torch.manual_seed(0)
    decay = torch.rand(2, length, 3, dtype=torch.float64, requires_grad=True)
    update = torch.randn(2, length, 3, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(Recurrence.apply, (decay, update))


def test_the_mingru_is_that_of_the_paper() -> None:
    torch.manual_seed(0)
    run = MinGRU(8, 5)
    states = torch.randn(2, 6, 8)

    output, last = run(states)

    (to_gate, to_candidate), (gate_bias, candidate_bias) = run.project.weight.chunk(2), run.project.bias.chunk(2)
    state = torch.zeros(2, 5)
    for time in range(6):  # section 3.1
        gate = torch.sigmoid(states[:, time] @ to_gate.T + gate_bias)
        state = (1 - gate) * state + gate * (states[:, time] @ to_candidate.T + candidate_bias)
        torch.testing.assert_close(output[:, time], state, atol=1e-6, rtol=0)
    assert torch.equal(last, output[:, 5])


def released(kind: str) -> Any:
    """A tiny model of transformers with random weights."""
    import transformers

    torch.manual_seed(0)
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    if kind == "mt5":
        config = transformers.MT5Config(
            vocab_size=VOCABULARY, d_model=8, d_kv=4, d_ff=16, num_layers=2, num_heads=2, pad_token_id=0
        )
        return transformers.MT5Model(config)
    if kind == "modernbert":
        tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
        return transformers.ModernBertModel(transformers.ModernBertConfig(**sizes, intermediate_size=16, **tokens))
    return transformers.XLMRobertaModel(
        transformers.XLMRobertaConfig(**sizes, intermediate_size=16, max_position_embeddings=32, pad_token_id=0)
    )


@pytest.mark.parametrize("kind", ["xlm-roberta", "modernbert", "mt5"])
def test_released_encoders_show_the_same_face(kind: str, tmp_path: Path) -> None:
    released(kind).save_pretrained(tmp_path)

    encoder = encoders.load(tmp_path)
    states = encoder(*tiny.three_sentences())

    assert [tuple(state.shape) for state in states] == [(3, 7, 8)] * 3
    assert (encoder.name, encoder.layers, encoder.dimension, encoder.size) == (kind, 2, 8, None)
    assert encoder.embedding.num_embeddings == VOCABULARY
    assert encoders.parameters(encoder).embedding == VOCABULARY * 8
    encoders.save(encoder, tmp_path / "again")
    assert_same_states(encoders.load(tmp_path / "again"), encoder)


def test_weights_that_are_no_safetensors_are_refused(tmp_path: Path) -> None:
    model = released("xlm-roberta")
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")

    with pytest.raises(CheckpointError, match="cannot load it as an encoder from safetensors"):
        encoders.load(tmp_path)


def test_released_weights_that_lack_a_tensor_are_refused(tmp_path: Path) -> None:
    model = released("xlm-roberta")
    tensors = {name: value for name, value in model.state_dict().items() if "layer.1.output" not in name}
    model.save_pretrained(tmp_path, state_dict=tensors)

    with pytest.raises(
        CheckpointError, match=r"its weights lack 4 that a xlm-roberta encoder has, encoder.layer.1.out"
    ):
        encoders.load(tmp_path)


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def change_weights(folder: Path, change: Callable[[Tensor], Tensor]) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = min(name for name in tensors if name.endswith("norm.bias"))
    save_file({**tensors, name: change(tensors[name])}, path, metadata={"format": "pt"})


def make_weights_a_folder(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()


def change_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    config = {**json.loads(path.read_text()), **values}
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "not a checkpoint: there is no config.json in it"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json: not JSON"),
        (lambda folder: (folder / "config.json").write_text("[]"), "a JSON object is needed, found list"),
        (lambda folder: (folder / "model.safetensors").unlink(), "there is no model.safetensors in it"),
        (cut_weights, "model.safetensors: cannot be read as safetensors, perhaps cut short"),
        (lambda folder: change_config(folder, num_hidden_layers=3), "does not fit the sizes in config.json"),
        (lambda folder: change_config(folder, hidden_size=None), "the key 'hidden_size' is missing"),
        (lambda folder: change_config(folder, model_type="lstn"), "transformers cannot load it as an encoder"),
        (lambda folder: (folder / "config.json").write_bytes(b'"\xff"'), "config.json: not JSON: 'utf-8' codec"),
        (lambda folder: change_config(folder, hidden_size="8"), "hidden_size: a whole number from 1 .* found '8'"),
        (lambda folder: change_config(folder, pad_token_id=99), "pad_token_id: 99 is none of vocab_size 20"),
        (lambda folder: change_config(folder, encoder=3), "encoder: the id of one is needed; found 3"),
        (lambda folder: change_config(folder, encoder="xlmr_base"), "encoder: xlmr_base is a released one"),
        (lambda folder: change_config(folder, num_hidden_layers=10**9), "fewer weights than config.json has layers"),
        (lambda folder: change_config(folder, num_attention_heads=2), "config.json: encoders.lstm.heads: must be 0"),
        (lambda folder: change_weights(folder, lambda weight: weight.int()), r"floating-point .* found \S*norm.bias"),
        (make_weights_a_folder, "there is no model.safetensors in it"),
    ],
)
def test_a_damaged_checkpoint_is_named_with_its_fault(
    damage: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    encoders.save(build("lstm"), tmp_path)
    damage(tmp_path)

    with pytest.raises(CheckpointError, match=message):
        encoders.load(tmp_path)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere: there is no such checkpoint folder"):
        encoders.load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_of_a_checkpoint_is_told_with_its_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("{}")

    with pytest.raises(
        CheckpointError, match=rf"{name}: this is a file; a checkpoint is a folder\. Did you mean {tmp_path}\?"
    ):
        encoders.load(tmp_path / name)


def test_heads_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"encoders.transformer.heads: 3 does not divide the dimension 8"):
        encoders.build("transformer", EncoderSize(8, 1, 8, 3), VOCABULARY)
    with pytest.raises(ConfigError, match=r"encoders.lstm.heads: must be 0"):
        encoders.build("lstm", EncoderSize(8, 1, 8, 2), VOCABULARY)


def assert_same_states(encoder: Encoder, expected: Encoder) -> None:
    batch = tiny.three_sentences()
    with torch.no_grad():
        pairs = zip(encoder.eval()(*batch), expected.eval()(*batch), strict=True)
        assert all(torch.equal(state, wanted) for state, wanted in pairs)
