"""Tokenizers: reproducible, mapped back to the original text, and the same for transformers as for us."""

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tokenizers

from xit.core.errors import CheckpointError, ConfigError, DataError
from xit.modeling import tokenization

TEXTS = [
    "Germany (DE); EUR: Euro; March (03); 25 kilometers (25 km)",
    "Deutschland (DE); EUR: Euro; März (03); 25 Kilometer (25 km)",
    "Германия (DE); EUR: евро; март (03); 25 километров (25 км)",
    "ألمانيا (DE); EUR: يورو; مارس (03); 25 كيلومترًا (25 كم)",
    "德国 (DE); EUR: 欧元; 三月 (03); 25公里 (25 km)",
    "জার্মানি (DE); EUR: ইউরো; মার্চ (03); 25 কিলোমিটার (25 কিমি)",
] * 20

TRAIN = """
import sys
from pathlib import Path
sys.path.insert(0, "tests/modeling")
from test_tokenization import TEXTS
from xit.modeling import tokenization
tokenization.save(tokenization.train(TEXTS, 200), Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def trained() -> tokenization.Tokenizer:
    return tokenization.train(TEXTS, 200)


@pytest.fixture(scope="module")
def folder(trained: tokenization.Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    tokenization.save(trained, path)
    return path


def test_equal_texts_give_equal_bytes_in_another_process(folder: Path, tmp_path: Path) -> None:
    here = hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest()

    there = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", TRAIN, tmp_path / seed], env=environment, check=True)
        there.append(hashlib.sha256((tmp_path / seed / "tokenizer.json").read_bytes()).hexdigest())

    assert there == [here, here]


def test_the_trainer_alone_is_not_reproducible() -> None:
    """If this fails, the library has become reproducible and `_canonical` can go."""
    first, *others = [_trained_by_the_library_alone() for _ in range(6)]

    assert any(other != first for other in others)


def _trained_by_the_library_alone() -> str:
    backend = tokenizers.Tokenizer(tokenizers.models.Unigram())
    backend.train_from_iterator(TEXTS, tokenizers.trainers.UnigramTrainer(vocab_size=200, show_progress=False))
    return str(backend.to_str())


def test_special_tokens_have_the_first_ids(trained: tokenization.Tokenizer) -> None:
    assert (trained.padding_id, trained.unknown_id, trained.mask_id) == (0, 3, 4)
    assert trained.special_ids == (0, 1, 2, 3, 4)
    assert (trained.special_prefix, trained.special_suffix) == ((1,), (2,))


def test_a_pair_is_begin_text_end_text_end(trained: tokenization.Tokenizer) -> None:
    encoding = trained.backend.encode("Euro", "März")

    marks = [token for token in encoding.tokens if token in tokenization.SPECIAL_TOKENS]
    assert marks == ["<s>", "</s>", "</s>"]
    assert (encoding.tokens[0], encoding.tokens[-1]) == ("<s>", "</s>")
    assert {part for part in encoding.sequence_ids if part is not None} == {0, 1}


def test_every_character_of_the_texts_has_a_piece(trained: tokenization.Tokenizer) -> None:
    for text in TEXTS[:6]:
        assert trained.unknown_id not in trained.backend.encode(text).ids


def test_offsets_count_in_the_text_before_normalisation(trained: tokenization.Tokenizer) -> None:
    text = "Ｅuro ㎞ 25 DE"  # full-width E; one sign that NFKC makes two letters

    encoding = trained.backend.encode(text)

    spans = [text[begin:end].strip() for begin, end in encoding.offsets if end > begin]
    assert spans[0].startswith("Ｅ")
    assert spans.count("㎞") == 2
    assert spans[-1].endswith("E")


def test_digits_and_letters_share_no_piece(trained: tokenization.Tokenizer) -> None:
    tokens = trained.backend.encode("25km").tokens

    assert not any(any(c.isdigit() for c in t) and any(c.isalpha() for c in t) for t in tokens[1:-1])


def test_loading_gives_back_what_was_saved(trained: tokenization.Tokenizer, folder: Path) -> None:
    loaded = tokenization.load(folder)

    assert loaded.backend.to_str() == trained.backend.to_str()
    assert (loaded.roles, loaded.special_prefix, loaded.special_suffix) == (tokenization.ROLES, (1,), (2,))


def test_auto_tokenizer_gives_the_same_ids(trained: tokenization.Tokenizer, folder: Path) -> None:
    from transformers import AutoTokenizer

    released = AutoTokenizer.from_pretrained(folder)

    assert released("Euro", "März")["input_ids"] == trained.backend.encode("Euro", "März").ids
    assert (released.pad_token_id, released.cls_token_id, released.sep_token_id, released.mask_token_id) == (0, 1, 2, 4)
    assert released.padding_side == "right"


def test_loading_needs_no_transformers(folder: Path) -> None:
    code = f"import sys; from xit.modeling import tokenization; tokenization.load({str(folder)!r}); print(*sys.modules)"

    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert {"transformers", "torch"}.isdisjoint(modules)


def test_a_tokenizer_that_does_not_name_its_tokens_is_read_by_transformers(
    trained: tokenization.Tokenizer, folder: Path, tmp_path: Path
) -> None:
    from transformers import PreTrainedTokenizerFast

    backend = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    backend.enable_truncation(2)
    PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>").save_pretrained(tmp_path)

    loaded = tokenization.load(tmp_path)

    assert loaded.backend.encode("Euro").ids == trained.backend.encode("Euro").ids
    assert (loaded.padding_id, loaded.mask_id) == (2, None)


def test_a_folder_without_tokenizer_says_what_to_copy(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')

    with pytest.raises(CheckpointError, match=r"there is no tokenizer in it. Copy the tokenizer.json"):
        tokenization.load(tmp_path)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere: there is no such checkpoint folder"):
        tokenization.load(tmp_path / "nowhere")


def test_a_tokenizer_cut_short_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_bytes((folder / "tokenizer_config.json").read_bytes())
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes()[:1000])

    with pytest.raises(CheckpointError, match=r"tokenizer.json: not a tokenizer, or cut short"):
        tokenization.load(tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (b'{"pad_token": "[PAD]"}', r"faulty: .* names tokens that tokenizer.json lacks: \[PAD\]. Copy the files"),
        (b"\xff", r"tokenizer_config.json: not JSON: .* Copy the files"),
        (b"{", r"tokenizer_config.json: not JSON: .* Copy the files"),
        (b"[]", r"tokenizer_config.json: holds \[\] in place of a JSON object. Copy the files"),
        (
            b'{"pad_token": 5, "unk_token": ["a"]}',
            r"tokenizer_config.json: pad_token: not a token: 5. .*\n.*: unk_token: not a token: \['a'\]. A text is",
        ),
        (b'{"pad_token": {"x": 1}}', r"tokenizer_config.json: pad_token: not a token: {'x': 1}. A text is"),
    ],
    ids=["no pieces", "not UTF-8", "cut", "a list", "other values", "another object"],
)
def test_a_damaged_tokenizer_config_is_named_with_its_fault(
    config: bytes, message: str, folder: Path, tmp_path: Path
) -> None:
    faulty = tmp_path / "faulty"
    faulty.mkdir()
    (faulty / "tokenizer_config.json").write_bytes(config)
    (faulty / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())

    with pytest.raises(CheckpointError, match=message):
        tokenization.load(faulty)


@pytest.mark.parametrize("unknown", [None, "<unk>"])
def test_an_empty_vocabulary_is_named(unknown: str | None, tmp_path: Path) -> None:
    tokenizers.Tokenizer(tokenizers.models.BPE({"<pad>": 0}, [], unk_token=unknown)).save(
        str(tmp_path / "tokenizer.json")
    )
    (tmp_path / "tokenizer_config.json").write_text('{"pad_token": "<pad>"}')

    with pytest.raises(CheckpointError, match=rf"{tmp_path}: its tokenizer has no token for the letter a .* Copy the"):
        tokenization.load(tmp_path)


# Folders with a SentencePiece model and no tokenizer.json

RELEASED: dict[str, tuple[str, dict[str, Any]]] = {
    "DebertaV2Tokenizer": ("spm.model", {"bos_id": -1, "eos_id": -1, "control_symbols": "[CLS],[SEP],[PAD]"}),
    "RemBertTokenizer": ("sentencepiece.model", {"bos_id": -1, "eos_id": -1, "control_symbols": "[CLS],[SEP],[MASK]"}),
    "T5Tokenizer": ("spiece.model", {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}),
    "XLMRobertaTokenizer": ("sentencepiece.bpe.model", {}),
}
"""Classes of tokenizers, their files as they are published, and the ids of special pieces."""


def write_sentencepiece(path: Path, **options: Any) -> list[str]:
    """A model of a hundred pieces, and these."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS),
        model_writer=written,
        vocab_size=100,
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    path.write_bytes(written.getvalue())
    read = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    return [read.id_to_piece(number) for number in range(read.get_piece_size())]


@pytest.mark.parametrize("name", RELEASED)
def test_a_sentencepiece_model_alone_is_a_tokenizer_that_maps_back_to_the_text(name: str, tmp_path: Path) -> None:
    file, options = RELEASED[name]
    pieces = write_sentencepiece(tmp_path / file, **options)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name}))
    text = "Germany (DE); März 25 kilometers"

    tokenizer = tokenization.load(tmp_path)

    encoding = tokenizer.backend.encode(text)
    read = [
        (token.strip("▁"), text[begin:end].strip())
        for token, (begin, end), part in zip(encoding.tokens, encoding.offsets, encoding.sequence_ids, strict=True)
        if part == 0 and token != "▁"
    ]
    assert [piece for piece, _ in read] == [found for _, found in read]
    assert "".join(found for _, found in read) == text.replace(" ", "")
    moved = name == "XLMRobertaTokenizer"  # fairseq's ids: a padding piece more at the start
    assert all(tokenizer.backend.token_to_id(piece) == pieces.index(piece) + moved for piece in pieces[4:])


@pytest.mark.parametrize("data", [b"", b"garbage\n" * 30])
def test_what_is_no_sentencepiece_model_is_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "spiece.model").write_bytes(data)
    (tmp_path / "config.json").write_text('{"model_type": "mt5"}')

    with pytest.raises(
        CheckpointError, match=r"spiece.model: not a SentencePiece model, or cut short: .* Copy the files"
    ):
        tokenization.load(tmp_path)


def test_a_vocabulary_smaller_than_the_alphabet_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"tokenizer.vocabulary: 20 does not do for these texts"):
        tokenization.train(TEXTS, 20)


def test_no_text_is_refused() -> None:
    with pytest.raises(DataError, match="there is no text to train it on"):
        tokenization.train([], 100)
