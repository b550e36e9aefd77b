"""RWKV-7: against a step after the other in double precision; and its released files, made small in their layout."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import encoder_fixtures
import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core.errors import CheckpointError, ConfigError
from xit.core.settings import EncoderSize
from xit.encoders.rwkv7_world import STRONGEST, recurrence
from xit.modeling import convert, convert_rwkv_world, encoders
from xit.modeling.encoder import Encoder
from xit.modeling.task_model import load_encoder

SIZE = EncoderSize(dimension=16, layers=3, inner=24, heads=2)


def build(pieces: int = 20) -> Encoder:
    """An encoder of random weights, larger than those that training starts from, so that all of them matter."""
    torch.manual_seed(0)
    encoder = encoders.build("rwkv7_world", SIZE, pieces, pieces - 1)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return encoder


def layer_norm(values: Tensor, weight: Tensor, bias: Tensor, epsilon: float = 1e-5) -> Tensor:
    centred = values - values.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + epsilon).sqrt() * weight + bias


def step_by_step(weights: dict[str, Tensor], ids: list[int]) -> list[Tensor]:
    """All hidden states of a text as the paper has them: a token after the other, with states that are kept."""
    w = {name: value.double() for name, value in weights.items()}
    width, heads = SIZE.dimension, SIZE.heads
    before = [[torch.zeros(width).double(), torch.zeros(width).double()] for _ in range(SIZE.layers)]
    memory = [torch.zeros(heads, width // heads, width // heads).double() for _ in range(SIZE.layers)]
    columns: list[list[Tensor]] = []
    for number in ids:
        x = layer_norm(w["embedding.weight"][number], w["entry_norm.weight"], w["entry_norm.bias"])
        columns.append([x])
        first = torch.zeros(width).double()
        for layer in range(SIZE.layers):
            one = {n.removeprefix(f"blocks.{layer}."): v for n, v in w.items() if n.startswith(f"blocks.{layer}.")}
            mix = {n.removeprefix("time_mix."): v for n, v in one.items() if n.startswith("time_mix.")}
            now = layer_norm(x, one["time_norm.weight"], one["time_norm.bias"])
            read = {n: now + (before[layer][0] - now) * mix[f"x_{n}"] for n in "rwkvag"}
            before[layer][0] = now
            r, k, v = (mix[f"{n}.weight"] @ read[n[0]] for n in ("receptance", "key", "value"))
            a = torch.sigmoid(low_rank(mix, "a", read["a"], lambda inner: inner) + mix["a_low_rank.up.bias"])
            g = low_rank(mix, "g", read["g"], torch.sigmoid)
            decay = torch.sigmoid(low_rank(mix, "w", read["w"], torch.tanh) + mix["w_low_rank.up.bias"])
            decay = torch.exp(-math.exp(-0.5) * decay)
            if layer == 0:
                first = v
            else:
                share = torch.sigmoid(low_rank(mix, "v", read["v"], lambda inner: inner) + mix["v_low_rank.up.bias"])
                v = v + (first - v) * share
            erased = (k * mix["k_k"]).view(heads, -1)
            erased = erased / erased.norm(dim=-1, keepdim=True)
            k = k * (1 + (a - 1) * mix["k_a"])
            outputs = []
            for head, (rh, kh, vh, ah, wh) in enumerate(
                zip(*(x.view(heads, -1) for x in (r, k, v, a, decay)), strict=True)
            ):
                state, out = memory[layer][head], erased[head]
                taken = out @ state
                state = wh[:, None] * state - torch.outer(out * ah, taken) + torch.outer(kh, vh)
                memory[layer][head] = state
                normed = layer_norm(rh @ state, torch.ones(1), torch.zeros(1), 1e-5 * width / heads)
                rows = slice(head * len(rh), (head + 1) * len(rh))
                normed = normed * mix["norm.weight"][rows] + mix["norm.bias"][rows]
                outputs.append(normed + (rh * kh * mix["r_k"][rows]).sum() * vh)
            x = x + mix["output.weight"] @ (torch.cat(outputs) * g)
            now = layer_norm(x, one["channel_norm.weight"], one["channel_norm.bias"])
            shifted = now + (before[layer][1] - now) * one["channel_mix.x_k"]
            before[layer][1] = now
            inner = torch.relu(one["channel_mix.key.weight"] @ shifted) ** 2
            x = x + one["channel_mix.value.weight"] @ inner
            columns[-1].append(x)
        columns[-1][-1] = layer_norm(x, w["exit_norm.weight"], w["exit_norm.bias"])
    return [torch.stack(states) for states in zip(*columns, strict=True)]


def low_rank(mix: dict[str, Tensor], name: str, read: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
    return mix[f"{name}_low_rank.up.weight"] @ activation(mix[f"{name}_low_rank.down.weight"] @ read)


@pytest.mark.parametrize("length", [1, 2, 31, 32, 33, 70])
@torch.no_grad()
def test_all_times_at_once_are_a_step_after_the_other(length: int) -> None:
    encoder = build()
    ids = torch.randint(0, 19, (length,), generator=torch.Generator().manual_seed(1))

    states = encoder(ids[None], torch.ones(1, length))

    expected = step_by_step(encoder.state_dict(), ids.tolist())
    assert len(states) == len(expected) == 1 + SIZE.layers
    for state, wanted in zip(states, expected, strict=True):
        torch.testing.assert_close(state[0].double(), wanted, atol=1e-5 * float(wanted.abs().max()), rtol=0)
    assert length == 1 or (expected[-1][0] - expected[-1][-1]).abs().max() > 0.1


def one_by_one(r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, kk: Tensor) -> Tensor:
    """The recurrence alone, `[batch, heads, length, head_dim]`, as its docstring has it."""
    state, read = torch.zeros(*r.shape[:2], r.shape[-1], r.shape[-1], dtype=r.dtype), []
    for time in range(r.shape[2]):
        taken = torch.einsum("bhk,bhkv->bhv", kk[:, :, time], state)
        state = w[:, :, time, :, None].exp() * state
        state = state - torch.einsum("bhk,bhv->bhkv", (kk * a)[:, :, time], taken)
        state = state + torch.einsum("bhk,bhv->bhkv", k[:, :, time], v[:, :, time])
        read.append(torch.einsum("bhk,bhkv->bhv", r[:, :, time], state))
    return torch.stack(read, dim=2)


@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
def test_the_recurrence_and_its_gradients_hold_at_both_ends_of_what_can_decay(decay: float) -> None:
    """With keys that are alike, so that what is taken out is nearly all that was put in, and sums cancel."""
    torch.manual_seed(0)
    shape = (2, 2, 100, 8)
    r, k, v, common = (torch.randn(shape) for _ in range(4))
    kk = torch.nn.functional.normalize(common[:, :, :1] + 0.1 * k, dim=-1)
    inputs = (r, torch.full(shape, -decay * STRONGEST), k, v, torch.full(shape, 0.99), kk)
    single, double = (
        [x.to(kind, copy=True).requires_grad_() for x in inputs] for kind in (torch.float32, torch.float64)
    )

    found, expected = recurrence(*single), one_by_one(*double)
    for states in (found, expected):
        (states * torch.arange(800).view(100, 8).cos()).sum().backward()

    with torch.no_grad():
        torch.testing.assert_close(found.double(), expected, atol=1e-5 * float(expected.abs().max()), rtol=0)
    for one, other in zip(single, double, strict=True):
        assert one.grad is not None
        assert other.grad is not None
        torch.testing.assert_close(one.grad.double(), other.grad, atol=2e-5 * float(other.grad.abs().max()), rtol=0)


def test_half_precision_leaves_the_recurrence_in_float32() -> None:
    encoder = build()
    ids = torch.randint(0, 19, (2, 40))

    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        found = encoder(ids, torch.ones_like(ids))[-1]
    with torch.no_grad():
        expected = encoder(ids, torch.ones_like(ids))[-1]

    assert found.isfinite().all()
    assert (found - expected).abs().mean() < 0.1 * expected.abs().mean()


def test_it_is_pooled_at_its_last_token_and_read_in_one_way(tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path, "rwkv7_world")

    encoder = encoders.load(tmp_path, "causal")

    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert encoder.pooling_mask(mask).tolist() == [[False, True, False], [False, False, True]]
    assert encoders.direction(tmp_path) == "causal"
    with pytest.raises(
        ConfigError, match=r"--direction echo: .* an encoder of ours, which has one way to read: causal"
    ):
        encoders.load(tmp_path, "echo")


def test_heads_that_do_not_fit_are_refused() -> None:
    for heads in (0, 3, 16):
        with pytest.raises(ConfigError, match=rf"encoders.rwkv7_world.heads: {heads} does not divide the dimension 16"):
            encoders.build("rwkv7_world", EncoderSize(16, 1, 16, heads), 20)


def test_as_released_it_has_191_million_parameters() -> None:
    """The released file, in two bytes a number, has 382,111,072 bytes; that is with a head of as many as the pieces."""
    own = pytest.importorskip("xit.encoders.rwkv7_world")
    with torch.device("meta"):
        encoder = encoders.build("rwkv7_world", own.SIZE, own.PIECES)

    count = encoders.parameters(encoder)

    assert 2 * (count.total + own.PIECES * own.SIZE.dimension) == pytest.approx(382_111_072, abs=200_000)


# The released files


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rwkv7")
    for name, content in encoder_fixtures.files("rwkv7_world").items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_folder_of_the_hub_becomes_a_checkpoint_and_no_code_is_run(released: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["import", "released", str(released), "--out", str(tmp_path / "out")])

    assert done.exit_code == 0, done.output
    assert "out: rwkv7_world, causal, " in done.output.replace("\n", "")
    model, tokenizer = load_encoder(tmp_path / "out")
    theirs = load_file(released / "model.safetensors")
    embedding, encoder = theirs["model.embeddings.weight"], model.encoder
    assert embedding.dtype == torch.bfloat16
    assert torch.equal(encoder.embedding.weight, embedding.float())  # type: ignore[union-attr]
    encoding = tokenizer.backend.encode("Ida painted")
    assert encoding.ids[-1] == 0
    expected = step_by_step(encoder.state_dict(), encoding.ids)
    ids = torch.tensor([encoding.ids])
    with torch.no_grad():
        torch.testing.assert_close(encoder(ids, torch.ones_like(ids))[-1][0].double(), expected[-1], atol=1e-5, rtol=0)


def test_it_is_fine_tuned_and_scored(released: Path, tmp_path: Path) -> None:
    from xit.core.plan import Cell, Places
    from xit.core.progress import unheard
    from xit.core.settings import RetrievalSettings
    from xit.evaluation.evaluate import EvaluationOptions, evaluate
    from xit.training.mixtures import train_cells

    convert.released(str(released), None, tmp_path / "parent/1")
    tiny.write_data(tmp_path / "data/xnli", "xnli")
    places = Places(tmp_path / "parent", tmp_path / "data", tmp_path / "model")
    cell = {"1": Cell("rwkv7_world", "none", "xnli", 1)}
    train_cells("finetune", cell, places, tiny.plan("xnli", steps=4), unheard)
    options = EvaluationOptions(RetrievalSettings(1.0, "mean"))

    found = evaluate(tmp_path / "model/1", "xnli", tiny.examples("classification", 24), options)

    assert found.scores["en"][1] == 24


def change(folder: Path, name: str, value: Tensor | None) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path) | ({} if value is None else {name: value})
    save_file({n: t for n, t in tensors.items() if value is not None or n != name}, path)


def change_config(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])


LORA = "model.layers.1.attn.v_lora.lora.2.weight"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: change(f, LORA, None), rf"its weights lack {LORA}"),
        (lambda f: change(f, LORA, torch.ones(16, 31)), rf"{LORA}: .* of shape 16 x 32 are needed .* found .* 16 x 31"),
        (lambda f: change(f, LORA, torch.ones(32, 16)), rf"{LORA}: .* of shape 16 x 32 are needed .* found .* 32 x 16"),
        (lambda f: change(f, LORA, torch.ones(16, 32).int()), r"16 x 32 are needed by config.json; found torch.int32"),
        (lambda f: change(f, LORA, torch.full((16, 32), math.nan)), r"1 of its weights are not finite"),
        (lambda f: change(f, "model.layers.9.x", torch.ones(1)), r"layers.9.x: RWKV-7 of 3 layers has no such weight"),
        (lambda f: change_config(f, num_hidden_layers=4), r"its weights lack model.layers.3.attn_norm.weight"),
        (lambda f: change_config(f, hidden_size="16"), r"hidden_size: a whole number from 1 is needed; found '16'"),
        (
            lambda f: change_config(f, head_dim=16),
            r"attn.r_k: .* are needed by config.json; found torch.bfloat16 of 2 x 8",
        ),
        (lambda f: change_config(f, attn={"layers": [1]}), r"a variant with attention, another activation"),
        (cut, r"model.safetensors: cannot be read as safetensors, perhaps cut short"),
        (lambda f: (f / "model.safetensors").unlink(), r"its weights lack model.embeddings.weight"),
        (lambda f: (f / convert_rwkv_world.WORLD_BYTES).unlink(), r"there is no rwkv_vocab_v20230424.txt, its pieces"),
        (lambda f: change_config(f, vocab_size=256), r"the tokenizer has \d+ pieces, the encoder's embedding only 256"),
    ],
    ids=range(14),
)
def test_damaged_files_are_named_and_leave_nothing(
    damage: Callable[[Path], Any], message: str, released: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(released, tmp_path / "folder")
    damage(folder)

    with pytest.raises(CheckpointError, match=message):
        convert.released(str(folder), None, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_who_loads_the_files_as_they_are_is_told_what_to_do(released: Path) -> None:
    with pytest.raises(CheckpointError, match=r"the released files of RWKV-7, .*`xit import released .* --out FOLDER`"):
        encoders.load(released)


# The tokenizer


PIECES = [*(bytes([byte]) for byte in range(256)), b"the", b" the", b"\n\n", b"  ", "很晚".encode(), "。".encode()]
PIECES += ["é".encode(), "é".encode()[:1] + b"\xaa", "很".encode()[:2], "晚".encode()[1:], b" paint", b"'"]
PIECES = list(dict.fromkeys(PIECES))


def write_pieces(path: Path, pieces: list[bytes]) -> Path:
    lines = []
    for number, piece in enumerate(pieces, 1):
        try:
            written: Any = piece.decode("utf-8")
        except UnicodeDecodeError:
            written = piece
        lines.append(f"{number} {written!r} {len(piece)}\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("extra", [[], [b"e  d"]], ids=["cut at blanks", "not cut"])
def test_the_tokenizer_takes_the_longest_piece_of_bytes_at_each_place(extra: list[bytes], tmp_path: Path) -> None:
    pieces = PIECES + extra
    tokenizer = convert_rwkv_world.world_tokenizer(write_pieces(tmp_path / convert_rwkv_world.WORLD_BYTES, pieces))
    ids = {piece: number for number, piece in enumerate(pieces, 1)}
    texts = [
        "the painted\n\nthe  painting 很晚了。ok",
        "☃☃ the  d",
        "'é\"\\ \t\x00",
        "",
        "很晚很 晚 the the  the",
        "한국어 😀",
    ]

    for text in texts:
        data, start, expected = text.encode(), 0, []
        while start < len(data):
            end = next(end for end in range(len(data), start, -1) if data[start:end] in ids)
            expected.append(ids[data[start:end]])
            start = end
        found = tokenizer.backend.encode(text)
        assert found.ids == expected
        assert tokenizer.backend.decode(found.ids) == text
        assert [a for a, b in found.offsets if a >= b] == []
    assert tokenizer.padding_id == len(pieces) + 2
    assert tokenizer.mask_id == len(pieces) + 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("9999 'abc' 2\n", r"the piece has 3 bytes"),
        ("x 'abc' 3\n", r"invalid literal for int"),
        ("9999 print(1) 3\n", r"malformed node"),
        ("9999 b'\\x82a' 2\n", r"has a part of a character and more"),
        ("9999 'abc 3\n", r"unterminated string"),
    ],
)
def test_what_are_no_pieces_is_named(line: str, message: str, tmp_path: Path) -> None:
    path = write_pieces(tmp_path / convert_rwkv_world.WORLD_BYTES, PIECES)
    path.write_text(path.read_text(encoding="utf-8") + line, encoding="utf-8")

    with pytest.raises(CheckpointError, match=rf"not the pieces of RWKV World, a piece a line: .*{message}"):
        convert_rwkv_world.world_tokenizer(path)


def test_every_byte_needs_a_piece(tmp_path: Path) -> None:
    path = write_pieces(tmp_path / convert_rwkv_world.WORLD_BYTES, PIECES[1:])

    with pytest.raises(CheckpointError, match=r"1 bytes have no piece, 0 first"):
        convert_rwkv_world.world_tokenizer(path)
