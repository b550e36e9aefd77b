"""What lies in folders that others hand on: adapters, hidden files, wrapped weights, vocabularies read as others."""

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
from safetensors.torch import load_file, save_file

from xit.core.errors import CheckpointError
from xit.core.settings import RetrievalSettings
from xit.evaluation import evaluate
from xit.modeling import convert, encoders, tokenization
from xit.modeling.task_model import load_encoder

RETRIEVAL = RetrievalSettings(1.0, "mean")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A BERT of transformers with its tokenizer."""
    made = tmp_path / "bert"
    tokenizer = tiny.tokenizer()
    config = transformers.BertConfig(
        vocab_size=tokenizer.vocabulary_size, hidden_size=16, num_hidden_layers=2, num_attention_heads=2
    )
    torch.manual_seed(0)
    transformers.AutoModel.from_config(config).save_pretrained(made)
    tokenization.save(tokenizer, made)
    return made


def rename(start: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "model.safetensors"
        save_file({start + name: tensor for name, tensor in load_file(path).items()}, path, metadata={"format": "pt"})

    return change


def adapt(folder: Path) -> None:
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "owner/base", "r": 8}))
    (folder / "adapter_model.safetensors").write_bytes(b"")


def adapter_alone(folder: Path) -> None:
    adapt(folder)
    for name in ("config.json", "model.safetensors"):
        (folder / name).unlink()


def only_steps(folder: Path) -> None:
    for number in ("5", "20", "100"):
        (folder / f"checkpoint-{number}").mkdir()
        shutil.copyfile(folder / "config.json", folder / f"checkpoint-{number}/config.json")
    for path in folder.glob("*.*"):
        path.unlink()


def link(name: str) -> Callable[[Path], None]:
    """As a copy of the Hub's cache without what its links lead to."""

    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(f"../../blobs/{name}")

    return damage


def pointer(name: str) -> Callable[[Path], None]:
    """As a clone of the Hub's repository without Git LFS."""

    def damage(folder: Path) -> None:
        (folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")

    return damage


FAULTS = [
    *((pointer(name), rf"{name}: is a pointer of Git LFS, not the file itself\. Fetch that with `git lfs pull`\.")
      for name in ("model.safetensors", "config.json", "tokenizer.json")),
    (lambda folder: (folder / "tokenizer.json").write_text("<html>404</html>"), r"tokenizer.json: is a web page"),
    (link("config.json"), r"config.json: a link to ../../blobs/config.json, which leads nowhere. Copy the folder"),
    (link("model.safetensors"), r"model.safetensors: a link to .*, which leads nowhere"),
    (link("tokenizer.json"), r"tokenizer.json: a link to .*, which leads nowhere"),
    (adapt, r"adapter_config.json is of an adapter of owner/base, .* beside the weights. Merge it into its model"),
    (lambda folder: (folder / "adapter_model.bin").write_bytes(b""), r"adapter_model.bin is of an adapter, which chan"),
    (adapter_alone, r"adapter_config.json is of an adapter of owner/base, .* there are no weights here. Merge it"),
    (only_steps, r"there is no config.json in it. Did you mean .*/bert/checkpoint-100\?"),
    (rename("_orig_mod."), r"named _orig_mod.embeddings\S*, and so on; embeddings\S* is looked .* \(torch.compile\)"),
    (rename("_orig_mod.bert."), r"its weights are named _orig_mod.bert.embeddings"),
    (rename("module."), r"its weights are named module.embeddings\S*, .* \(DataParallel\). Save the model inside"),
    (rename("0.auto_model."), r"its weights are named 0.auto_model.embeddings"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "message"), FAULTS, ids=range(len(FAULTS)))
@pytest.mark.parametrize("command", ["eval", "encoder", "import"])
def test_what_would_not_be_read_is_told_as_what_it_is(
    command: str, damage: Callable[[Path], Any], message: str, folder: Path, tmp_path: Path
) -> None:
    damage(folder)
    commands: dict[str, Callable[[], object]] = {
        "eval": lambda: evaluate.evaluate(
            folder, "tatoeba", tiny.examples("retrieval", 8), evaluate.EvaluationOptions(RETRIEVAL)
        ),
        "encoder": lambda: load_encoder(folder),
        "import": lambda: convert.released(str(folder), None, tmp_path / "made"),
    }

    with pytest.raises(CheckpointError, match=message):
        commands[command]()
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "sentencepiece.bpe.model", "vocab.txt", "README.md"])
def test_a_pointer_in_place_of_what_is_not_read_is_left_alone(name: str, folder: Path) -> None:
    pointer(name)(folder)

    assert load_encoder(folder)[0].encoder.name == "bert"


@pytest.mark.parametrize(
    ("name", "kept"), [("pytorch_model.bin", "model.safetensors"), ("vocab.txt", "tokenizer.json")]
)
def test_a_pointer_in_place_of_what_is_read_is_told(name: str, kept: str, folder: Path) -> None:
    (folder / kept).unlink()
    pointer(name)(folder)

    with pytest.raises(CheckpointError, match=rf"{name}: is a pointer of Git LFS"):
        load_encoder(folder)


HIDDEN = (
    "._model.safetensors", "._config.json", "._tokenizer.json", ".DS_Store", "._pytorch_model.bin", "._spm.model",
    "._model.safetensors.index.json", "._adapter_config.json", "._laser2.pt",
)  # fmt: skip


def test_names_that_begin_with_a_dot_are_not_looked_at(folder: Path, tmp_path: Path) -> None:
    expected = encoders.load(folder).state_dict()
    for name in HIDDEN:
        (folder / name).write_bytes(b"\x00\x05\x16\x07 left by macOS")

    model, _ = load_encoder(folder)
    convert.released(str(folder), None, tmp_path / "made")

    assert all(torch.equal(value, expected[name]) for name, value in model.encoder.state_dict().items())
    assert encoders.load(tmp_path / "made").name == "bert"
    (folder / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match="there is no tokenizer in it"):
        tokenization.load(folder)


# Pieces that a tokenizer can never produce

CASED = ["Ida", "Oslo", "Paris", "Straße", "München", "Été", "##Er", "Ω", "Б", "A", "B"]
SMALL = ["ida", "oslo", "été", "##é", "münchen", "ö", "й", "が"]
PLAIN = ["a", "b", "##a", "house", "the", "ω", "ß", "日", "か", "كت"]


def vocabulary(folder: Path, pieces: list[str], **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    lines = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *PLAIN, *pieces]
    (folder / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "vocab_size": len(lines)}))
    if config:
        written = {"tokenizer_class": "BertTokenizer", **config}
        (folder / "tokenizer_config.json").write_text(json.dumps(written))
    return folder


def test_a_cased_vocabulary_that_would_be_read_in_small_letters_is_refused(tmp_path: Path) -> None:
    message = r"7 of the 21 pieces of its tokenizer .*##Er, Ida, München for .* makes small .*\"do_lower_case\": f"

    with pytest.raises(CheckpointError, match=message):
        tokenization.load(vocabulary(tmp_path / "bare", CASED))
    followed = tokenization.load(vocabulary(tmp_path / "set", CASED, do_lower_case=False))

    assert followed.backend.encode("Ida Straße", add_special_tokens=False).tokens == ["Ida", "Straße"]


def test_accents_that_would_be_taken_off_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"3 of the 18 pieces .* takes the accents off .*\"strip_accents\": false"
    ):
        tokenization.load(vocabulary(tmp_path / "bare", SMALL))
    followed = tokenization.load(vocabulary(tmp_path / "set", SMALL, do_lower_case=True, strip_accents=False))

    assert followed.backend.encode("Été ÖB", add_special_tokens=False).tokens[0] == "été"


def test_small_letters_of_a_vocabulary_of_small_letters_are_read(tmp_path: Path) -> None:
    loaded = tokenization.load(vocabulary(tmp_path / "bare", ["ida", "oslo"]))

    assert loaded.backend.encode("Ida", add_special_tokens=False).tokens == ["ida"]


@pytest.mark.parametrize("kind", ["Lowercase", "NFD and StripAccents"])
def test_it_is_the_normalizer_that_counts_whatever_the_model(kind: str, tmp_path: Path) -> None:
    n = tokenizers.normalizers
    pieces = [("<pad>", 0.0), *((piece, -1.0) for piece in [*CASED, *SMALL, "a"])]
    backend = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces))
    backend.normalizer = n.Lowercase() if kind == "Lowercase" else n.Sequence([n.NFD(), n.StripAccents()])
    save(backend, tmp_path)

    with pytest.raises(CheckpointError, match=r"pieces of its tokenizer can never be read"):
        tokenization.load(tmp_path)


def test_signs_that_stand_for_bytes_are_no_capitals(tmp_path: Path) -> None:
    """Ã stands for the first byte of é, and Ġ for a blank."""
    alphabet = {sign: number for number, sign in enumerate(tokenizers.pre_tokenizers.ByteLevel.alphabet(), 1)}
    pairs = [("Ã", "©"), ("Ġ", "a"), ("Ã", "¶"), ("Å", "ģ")]
    merged = {first + second: 300 + number for number, (first, second) in enumerate(pairs)}
    backend = tokenizers.Tokenizer(tokenizers.models.BPE({"<pad>": 0, **alphabet, **merged}, pairs))
    backend.normalizer = tokenizers.normalizers.Lowercase()
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    save(backend, tmp_path)

    assert tokenization.load(tmp_path).backend.encode("É A", add_special_tokens=False).tokens == ["Ã©", "Ġa"]


def save(backend: Any, folder: Path) -> None:
    backend.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"pad_token": "<pad>"}')
