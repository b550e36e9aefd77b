"""Released encoders in the layouts of their repositories, with tiny weights and tokenizers of the same kind."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import tokenizers
import torch
import transformers
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core.errors import CheckpointError
from xit.modeling import convert
from xit.modeling.task_model import load_encoder

HEADS = {"num_attention_heads": 2, "intermediate_size": 16, "hidden_size": 16, "num_hidden_layers": 2}
TEXT = "Ida painted the boat in Oslo"


def sentencepiece(folder: Path, file: str, **options: Any) -> int:
    """A SentencePiece model alone; the number of its pieces."""
    written = io.BytesIO()
    settings = {"vocab_size": 100, "hard_vocab_limit": False, "minloglevel": 2, **options}
    SentencePieceTrainer.train(sentence_iterator=iter(tiny.texts()), model_writer=written, **settings)
    (folder / file).write_bytes(written.getvalue())
    return int(SentencePieceProcessor(model_proto=written.getvalue()).get_piece_size())


def word_pieces(folder: Path) -> int:
    """vocab.txt and tokenizer.json, as of BERT's multilingual cased model."""
    tokenizer = tokenizers.BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    tokenizer.train_from_iterator(tiny.texts(), vocab_size=120, min_frequency=1, show_progress=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.save_model(str(folder))
    return int(tokenizer.get_vocab_size())


def gemma_pieces(folder: Path) -> int:
    """tokenizer.json as of Gemma 2: merges, bytes for what they lack, blanks as signs, `<bos>` and `<eos>` around."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    backend = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    signs = [f"<0x{byte:02X}>" for byte in range(256)]
    backend.train_from_iterator(
        tiny.texts(), trainers.BpeTrainer(vocab_size=400, special_tokens=[*special, *signs], show_progress=False)
    )
    marks = [(token, special.index(token)) for token in ("<bos>", "<eos>")]
    backend.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", pair="<bos> $A <eos> <bos> $B:1 <eos>:1", special_tokens=marks
    )
    backend.save(str(folder / "tokenizer.json"))
    return int(backend.get_vocab_size())


def llama_pieces(folder: Path) -> int:
    """tokenizer.json as of Llama 3: byte-level merges."""
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|mask|>", "<|pad|>"]
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(tiny.texts(), trainer)
    marks = [(token, special.index(token)) for token in special[:2]]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{special[0]} $A {special[1]}",
        pair=f"{special[0]} $A {special[1]} $B:1 {special[1]}:1",
        special_tokens=marks,
    )
    backend.save(str(folder / "tokenizer.json"))
    return int(backend.get_vocab_size())


GEMMA = {"bos_token": "<bos>", "cls_token": "<bos>", "eos_token": "<eos>", "sep_token": "<eos>", "pad_token": "<pad>"}
GEMMA |= {"unk_token": "<unk>", "mask_token": "<mask>", "tokenizer_class": "GemmaTokenizerFast"}
LLAMA = {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>", "mask_token": "<|mask|>"}
LLAMA |= {"pad_token": "<|pad|>", "tokenizer_class": "PreTrainedTokenizerFast"}
MARKED = {"bos_id": -1, "eos_id": -1}
PADDED = {"pad_id": 0, "unk_id": 1}

Layout = tuple[Callable[[Path], int], dict[str, Any], Callable[[int], Any], int]
LAYOUTS: dict[str, Layout] = {
    "Multilingual-MiniLM": (
        lambda folder: sentencepiece(folder, "sentencepiece.bpe.model") + 2,
        {},
        lambda rows: transformers.BertConfig(vocab_size=rows, **HEADS, pad_token_id=0),
        1,
    ),
    "distil-mBERT": (
        word_pieces,
        {"do_lower_case": False, "model_max_length": 512},
        lambda rows: transformers.DistilBertConfig(vocab_size=rows, dim=16, n_layers=2, n_heads=2, hidden_dim=16),
        0,
    ),
    "mBERT": (
        word_pieces,
        {"do_lower_case": False, "model_max_length": 512},
        lambda rows: transformers.BertConfig(vocab_size=rows, **HEADS),
        0,
    ),
    "mmBERT": (
        gemma_pieces,
        GEMMA,
        lambda rows: transformers.ModernBertConfig(
            vocab_size=rows, **HEADS, pad_token_id=0, bos_token_id=2, eos_token_id=1, cls_token_id=1, sep_token_id=1
        ),
        0,
    ),
    "EuroBERT": (
        llama_pieces,
        LLAMA,
        lambda rows: transformers.EuroBertConfig(
            vocab_size=rows, **HEADS, num_key_value_heads=2, pad_token_id=3, bos_token_id=0, eos_token_id=1
        ),
        3,
    ),
    "mDeBERTa": (
        lambda folder: sentencepiece(folder, "spm.model", **MARKED, control_symbols="[CLS],[SEP],[PAD]") + 4,
        {"do_lower_case": False, "vocab_type": "spm"},
        lambda rows: transformers.DebertaV2Config(
            vocab_size=rows, **HEADS, relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=8
        ),
        3,
    ),
    "mT5": (
        lambda folder: sentencepiece(folder, "spiece.model", pad_id=0, eos_id=1, unk_id=2, bos_id=-1) + 2,
        {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "extra_ids": 0},
        lambda rows: transformers.MT5Config(
            vocab_size=rows, d_model=16, d_kv=8, d_ff=16, num_layers=2, num_heads=2, pad_token_id=0
        ),
        0,
    ),
    "RemBERT": (
        lambda folder: sentencepiece(
            folder, "sentencepiece.model", **MARKED, **PADDED, control_symbols="[CLS],[SEP],[MASK]"
        ),
        {"do_lower_case": False, "keep_accents": True},
        lambda rows: transformers.RemBertConfig(
            vocab_size=rows, **HEADS, input_embedding_size=8, output_embedding_size=8, pad_token_id=0
        ),
        0,
    ),
    "Glot500": (
        lambda folder: sentencepiece(folder, "sentencepiece.bpe.model") + 2,
        {"tokenizer_class": "XLMRobertaTokenizer", "bos_token": "<s>", "pad_token": "<pad>", "mask_token": "<mask>"},
        lambda rows: transformers.XLMRobertaConfig(vocab_size=rows, **HEADS, max_position_embeddings=514),
        1,
    ),
}
"""What writes the vocabulary and says how many rows there are, tokenizer_config.json, the model, the id of padding."""


def write(name: str, folder: Path) -> Path:
    """A repository; without safetensors where the real one has none."""
    pieces, settings, model, _ = LAYOUTS[name]
    folder.mkdir()
    rows = pieces(folder)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    torch.manual_seed(0)
    made = transformers.AutoModel.from_config(model(rows))
    made.save_pretrained(folder)
    if name in ("Multilingual-MiniLM", "mT5"):
        (folder / "model.safetensors").unlink()
        torch.save(made.state_dict(), folder / "pytorch_model.bin")
    if name == "EuroBERT":
        config = json.loads((folder / "config.json").read_text())
        config["auto_map"] = {
            "AutoConfig": "configuration_eurobert.EuroBertConfig",
            "AutoModel": "modeling_eurobert.Eu",
        }
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "configuration_eurobert.py").write_text("raise SystemExit('remote code was run')\n")
    return folder


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_repository_of_its_layout_is_read_with_all_its_pieces(name: str, tmp_path: Path) -> None:
    source = write(name, tmp_path / "source")

    convert.released(str(source), None, tmp_path / "made")

    model, tokenizer = load_encoder(tmp_path / "made")
    encoder: Any = model.encoder
    assert 0 <= encoder.embedding.num_embeddings - tokenizer.vocabulary_size <= 4
    encoding, pair = tokenizer.backend.encode(TEXT), tokenizer.backend.encode("Ida", "Bo")
    parts = zip(encoding.tokens, encoding.offsets, encoding.sequence_ids, strict=True)
    read = [TEXT[a:b] for token, (a, b), part in parts if part == 0 and token != "▁"]
    assert "".join(read).replace(" ", "") == TEXT.replace(" ", "")
    assert len(set(encoding.ids)) >= 8
    assert tokenizer.unknown_id not in encoding.ids
    assert pair.ids[-1] in tokenizer.special_ids
    assert tokenizer.padding_id == LAYOUTS[name][3]
    assert (tokenizer.mask_id is None) == (name == "mT5")
    assert encoder.direction == "bidirectional"
    ids = torch.tensor([encoding.ids])
    padded = torch.nn.functional.pad(ids, (0, 3), value=tokenizer.padding_id)
    with torch.no_grad():
        alone = encoder(ids, torch.ones_like(ids))[-1]
        beside = encoder(padded, (torch.arange(padded.shape[1]) < ids.shape[1]).long()[None])[-1]
    torch.testing.assert_close(beside[:, : ids.shape[1]], alone, atol=1e-5, rtol=0)


def test_a_tokenizer_of_few_pieces_is_refused_and_it_is_said_what_to_do(tmp_path: Path) -> None:
    source, other = write("mBERT", tmp_path / "source"), tmp_path / "other"
    other.mkdir()
    tokenizers.BertWordPieceTokenizer(vocab={"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4}).save(
        str(other / "tokenizer.json")
    )
    for path in source.iterdir():
        if path.name == "config.json" or path.suffix == ".safetensors":
            shutil.copyfile(path, other / path.name)
    roles = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    (other / "tokenizer_config.json").write_text(json.dumps(roles))

    with pytest.raises(CheckpointError, match=r"the tokenizer has 5 pieces, the encoder's embedding \d+ rows, .* Copy"):
        load_encoder(other)
    done = CliRunner().invoke(app, ["import", "released", str(other), "--out", str(tmp_path / "made")])

    assert done.exit_code != 0
    assert not (tmp_path / "made").exists()


def test_a_bert_with_pieces_of_xlm_r_and_a_class_of_its_own_is_not_taken_for_another(tmp_path: Path) -> None:
    source = write("Multilingual-MiniLM", tmp_path / "source")
    (source / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')

    with pytest.raises(CheckpointError, match=r"source: the tokenizer has \d pieces|cannot load its tokenizer"):
        convert.released(str(source), None, tmp_path / "made")
