"""Every released encoder at tiny random size: repositories in the layouts of those on the Hub, and LASER2's files."""

import functools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import test_laser2
import tiny
import torch
import transformers
from hub_server import Repository

from xit.core import hub, registry
from xit.core.settings import EncoderSize
from xit.modeling import convert_rwkv7, convert_rwkv_world, encoders, tokenization
from xit.modeling.encoders import Released

SIZE = {"hidden_size": 16, "num_hidden_layers": 2}
HEADS = {"num_attention_heads": 2, "intermediate_size": 16}
STATE = {"state_size": 4}
MODELS: dict[str, Callable[[int], Any]] = {
    "bert": lambda pieces: transformers.BertConfig(vocab_size=pieces, **SIZE, **HEADS),
    "distilbert": lambda pieces: transformers.DistilBertConfig(
        vocab_size=pieces, dim=16, n_layers=2, n_heads=2, hidden_dim=16
    ),
    "eurobert": lambda pieces: transformers.EuroBertConfig(
        vocab_size=pieces, **SIZE, **HEADS, num_key_value_heads=2, pad_token_id=0, bos_token_id=1, eos_token_id=2
    ),
    "xlm-roberta": lambda pieces: transformers.XLMRobertaConfig(vocab_size=pieces, **SIZE, **HEADS, pad_token_id=0),
    "modernbert": lambda pieces: transformers.ModernBertConfig(
        vocab_size=pieces,
        **SIZE,
        **HEADS,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        cls_token_id=1,
        sep_token_id=2,
    ),
    "deberta-v2": lambda pieces: transformers.DebertaV2Config(
        vocab_size=pieces, **SIZE, **HEADS, relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=8
    ),
    "rembert": lambda pieces: transformers.RemBertConfig(
        vocab_size=pieces, **SIZE, **HEADS, input_embedding_size=8, output_embedding_size=8
    ),
    "mt5": lambda pieces: transformers.MT5Config(
        vocab_size=pieces, d_model=16, d_kv=8, d_ff=16, num_layers=2, num_heads=2, pad_token_id=0
    ),
    "rwkv": lambda pieces: transformers.RwkvConfig(vocab_size=pieces, **SIZE, context_length=128, rescale_every=1),
    "mamba": lambda pieces: transformers.MambaConfig(vocab_size=pieces, **SIZE, **STATE),
    "mamba2": lambda pieces: transformers.Mamba2Config(
        vocab_size=pieces, **SIZE, **STATE, num_heads=4, head_dim=8, n_groups=1, chunk_size=8
    ),
    "falcon_mamba": lambda pieces: transformers.FalconMambaConfig(vocab_size=pieces, **SIZE, **STATE),
    "xlstm": lambda pieces: transformers.xLSTMConfig(
        vocab_size=pieces, hidden_size=16, num_blocks=2, num_heads=2, mlstm_round_up_to_multiple_of=4
    ),
    "recurrent_gemma": lambda pieces: transformers.RecurrentGemmaConfig(
        vocab_size=pieces, hidden_size=16, num_hidden_layers=3, lru_width=16, **HEADS, pad_token_id=0
    ),
}
PICKLED = ("minilm", "mt5_base", "rwkv4_world")
"""Those whose repository has pytorch_model.bin and no safetensors."""
RELEASED: dict[str, Released] = {
    name: registry.load("encoders", name).RELEASED
    for name in registry.names("encoders")
    if registry.defines("encoders", name, "RELEASED")
}


NAMES = {
    f"models/{hub.repository(facts.repository)[0]}": name
    for name, facts in RELEASED.items()
    if "://" not in facts.repository
}


class Repositories(Mapping[str, Repository]):
    """Of every released encoder that the Hub has, by `models/owner/name`, at the commit of its file; made if asked."""

    def __getitem__(self, address: str) -> Repository:
        name = NAMES[address]
        return Repository(files(name), hub.repository(RELEASED[name].repository)[1] or "")

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


@functools.cache
def files(name: str) -> dict[str, bytes]:
    """The files of a released encoder's repository."""
    if name == "rwkv7_world":
        return rwkv7()
    facts = RELEASED[name]
    backend = tiny.tokenizer().backend
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        pieces = {piece: number for number, piece in enumerate(dict.fromkeys(world_pieces()), 1)}
        size = 4 + len(pieces) if name == "rwkv4_world" else backend.get_vocab_size()
        model = transformers.AutoModel.from_config(MODELS[facts.model_type](size))
        model.save_pretrained(folder)
        if name in PICKLED:
            (folder / "model.safetensors").unlink()
            torch.save(model.state_dict(), folder / "pytorch_model.bin")
        if name == "rwkv4_world":
            (folder / convert_rwkv_world.WORLD_PIECES).write_text(json.dumps(pieces))
            code = {"AutoTokenizer": ["tokenization_rwkv_world.RWKVWorldTokenizer", None]}
            (folder / "tokenizer_config.json").write_text(json.dumps({"auto_map": code}))
            (folder / "tokenization_rwkv_world.py").write_text("raise SystemExit('remote code was run')\n")
        else:
            roles = tokenization.ROLES
            transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **roles).save_pretrained(folder)
        (folder / "onnx").mkdir()
        (folder / "onnx/model.onnx").write_bytes(b"another format, which is not fetched")
        (folder / "flax_model.msgpack").write_bytes(b"another format, which is not fetched")
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rwkv7() -> dict[str, bytes]:
    """The files of RWKV-7 World's repository: weights in bfloat16, the pieces as bytes, and code."""
    from safetensors.torch import save

    pieces = dict.fromkeys([*(bytes([byte]) for byte in range(256)), *(p.encode() for p in world_pieces())])
    rows = len(pieces) + 8
    encoder = encoders.build("rwkv7_world", EncoderSize(dimension=16, layers=3, inner=24, heads=2), rows)
    tensors = {convert_rwkv7.name_in_files(name): value for name, value in encoder.state_dict().items()}
    for name in tensors:
        tensors[name] = tensors[name].view(1, 1, -1) if ".attn.x_" in name else tensors[name]
        tensors[name] = tensors[name].view(2, 8) if name.endswith("r_k") else tensors[name]
    tensors |= {"lm_head.weight": torch.zeros(rows, 16), "model.layers.0.attn.v_lora.lora.2.bias": torch.zeros(16)}
    config = {"architectures": ["RWKV7ForCausalLM"], "model_type": "rwkv7", "hidden_size": 16, "num_hidden_layers": 3}
    config |= {"intermediate_size": 24, "head_dim": 8, "vocab_size": rows, "hidden_act": "sqrelu", "norm_first": True}
    config |= {"attn": None, "auto_map": {"AutoModel": "modeling_rwkv7.RWKV7Model"}}
    lines = [f"{number} {_written(piece)!r} {len(piece)}\n" for number, piece in enumerate(pieces, 1)]
    return {
        "config.json": json.dumps(config).encode(),
        "model.safetensors": save({name: value.bfloat16().contiguous() for name, value in tensors.items()}),
        convert_rwkv_world.WORLD_BYTES: "".join(lines).encode(),
        "tokenizer_config.json": json.dumps({"tokenizer_class": "RwkvTokenizer"}).encode(),
        "modeling_rwkv7.py": b"raise SystemExit('remote code was run')\n",
    }


def _written(piece: bytes) -> str | bytes:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return piece


def world_pieces() -> list[str]:
    """Pieces as RWKV World has them: characters, and words with and without the blank before them."""
    text = " ".join(tiny.texts())
    return [*map(chr, range(1, 128)), *(f" {word}" for word in text.split()), *text.split(), "\n\n"]


def world_tokenizer() -> tokenization.Tokenizer:
    """The tokenizer of RWKV World, of these pieces."""
    with tempfile.TemporaryDirectory() as path:
        file = Path(path) / convert_rwkv_world.WORLD_PIECES
        file.write_text(json.dumps({piece: number for number, piece in enumerate(dict.fromkeys(world_pieces()), 1)}))
        return convert_rwkv_world.world_tokenizer(file)


def put_laser(cache: Path) -> None:
    """LASER2's files, small, as if they had been fetched into a cache."""
    address = RELEASED["laser2"].repository.split()[0]
    folder = (cache / "originals" / address.partition("://")[2]).parent
    folder.mkdir(parents=True)
    test_laser2.write(folder)
