"""Tokenizers: a Unigram model trained so that equal texts give equal bytes, and those of released encoders.

A tokenizer is `tokenizer.json` and `tokenizer_config.json` in the folder of its encoder, as Hugging Face has them. Ours
are written and read without transformers, which costs a process half a second; `AutoTokenizer` loads them too.

Unigram: Kudo 2018, arXiv 1804.10959.
"""

import dataclasses
import functools
import json
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from xit.core import hub
from xit.core.errors import CheckpointError, ConfigError, DataError, raise_all
from xit.core.files import atomic, visible, write_json
from xit.modeling import sentencepiece_models

PADDING, BEGIN, END, UNKNOWN, MASK = SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
"""The first pieces of our tokenizers, in the order of their ids, from 0."""
ROLES = {
    "pad_token": PADDING,
    "bos_token": BEGIN,
    "cls_token": BEGIN,
    "eos_token": END,
    "sep_token": END,
    "unk_token": UNKNOWN,
    "mask_token": MASK,
}
"""What transformers calls them."""
LONGEST_PIECE = 16
"""In characters; the default of SentencePiece, on which XLM-R's vocabulary was built."""
VOCABULARY_FILES = ("tokenizer.json", "*.model", "*.tiktoken", "vocab.txt", "vocab.json")
"""Patterns of the files of which transformers needs one to make a tokenizer; without any it may make an empty one."""
NORMALIZATION = "xit_normalization"
"""Of tokenizer_config.json: whether the tables of the normaliser are looked up as `sentencepiece` does."""
UNREACHABLE = 0.01
"""The largest part of pieces that a tokenizer's own normaliser may never produce."""
LEAST_PIECES = 0.9
"""Of the rows of an embedding, the part for which a tokenizer has pieces at least; some rows are there for speed."""
COPY = "Copy the files of the tokenizer again from where the encoder is from."


@dataclasses.dataclass(frozen=True)
class Tokenizer:
    """A tokenizer and what formats need to know of it.

    Attributes:
        backend: Of the tokenizers library; neither pads nor truncates unless asked to.
        roles: Special tokens by their names in transformers, `pad_token` and so on.
        special_prefix: Ids that it puts before a single text.
        special_suffix: Ids that it puts after a single text.
        written_normalizer: The normaliser as files have it, where the backend has the exact one of a SentencePiece
            model, which no file can hold (`xit.modeling.sentencepiece_models`).
    """

    backend: tokenizers.Tokenizer
    roles: Mapping[str, str]
    special_prefix: tuple[int, ...]
    special_suffix: tuple[int, ...]
    written_normalizer: Any = None

    def to_str(self) -> str:
        """Its `tokenizer.json`."""
        if self.written_normalizer is None:
            return str(self.backend.to_str(pretty=True))
        used, self.backend.normalizer = self.backend.normalizer, self.written_normalizer
        try:
            return str(self.backend.to_str(pretty=True))
        finally:
            self.backend.normalizer = used

    @property
    def vocabulary_size(self) -> int:
        """Pieces, special ones included."""
        return self.backend.get_vocab_size(with_added_tokens=True)

    @property
    def padding_id(self) -> int:
        """Of the padding piece; where a released tokenizer has none, of its end piece, since padding is never read."""
        return self._id("pad_token") if "pad_token" in self.roles else self._id("eos_token")

    @property
    def unknown_id(self) -> int:
        """Of the piece for what it has no pieces for; where a released tokenizer always has, of the padding piece."""
        return self._id("unk_token") if "unk_token" in self.roles else self.padding_id

    @property
    def mask_id(self) -> int | None:
        """Of the piece that masked language modelling puts in place of others; not every released tokenizer has one."""
        return self._id("mask_token") if "mask_token" in self.roles else None

    @property
    def special_ids(self) -> tuple[int, ...]:
        """Ids that stand for no text, ascending."""
        return tuple(sorted(i for i, token in self.backend.get_added_tokens_decoder().items() if token.special))

    @functools.cached_property
    def carries_blanks(self) -> bool:
        """Whether a word inside a sentence has other pieces than the same word alone, since they carry the blank before
        it (byte-level BPE without a prefix, Gemma, RWKV World). Others put the blank, or its sign, before a word that
        is alone too (XLM-R), or have none (BERT)."""
        sentence = self.backend.encode("a a", add_special_tokens=False)
        words = self.backend.encode(["a", "a"], is_pretokenized=True, add_special_tokens=False)
        return bool(sentence.ids != words.ids)

    def _id(self, role: str) -> int:
        found = self.backend.token_to_id(self.roles[role])
        assert found is not None  # `_tokenizer` has looked
        return found


def train(texts: Iterable[str], vocabulary_size: int) -> Tokenizer:
    """A Unigram tokenizer; equal texts in equal order give equal bytes, in any process.

    Text is normalised by NFKC (offsets still count in the original), blanks become part of the piece after them, and
    digits share no piece with letters. A single text is read as `<s> A </s>`, a pair as `<s> A </s> B </s>`.

    Args:
        texts: In all languages, in the proportions that the vocabulary is to serve.
        vocabulary_size: Pieces at most, special ones included; fewer where the texts yield no more.

    Raises:
        ConfigError: the size has no room for every character of the texts.
        DataError: there is no text.
    """
    backend = tokenizers.Tokenizer(models.Unigram())
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Digits()])
    backend.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary_size,
        special_tokens=list(SPECIAL_TOKENS),
        unk_token=UNKNOWN,
        max_piece_length=LONGEST_PIECE,
        show_progress=False,
    )
    try:
        backend.train_from_iterator(texts, trainer)
    except Exception as error:  # the library raises no narrower kind
        raise ConfigError(f"tokenizer.vocabulary: {vocabulary_size} does not do for these texts: {error}.") from None
    if backend.get_vocab_size() <= len(SPECIAL_TOKENS):
        raise DataError("tokenizer: there is no text to train it on.")
    backend = _canonical(backend)
    ids = [(token, SPECIAL_TOKENS.index(token)) for token in (BEGIN, END)]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}", pair=f"{BEGIN} $A {END} $B:1 {END}:1", special_tokens=ids
    )
    return _tokenizer("tokenizer", backend, ROLES)


def _canonical(backend: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    """The same model whatever the order in which the trainer's hash map gave its characters.

    Characters that no piece of the model covers are added with the lowest score, each 0.0001 above the one before, in
    an order that changes from run to run (huggingface/tokenizers:tokenizers/src/models/unigram/trainer.rs, `finalize`).
    They all get the lowest score here, and pieces are sorted by score, then by code points.
    """
    description = json.loads(backend.to_str())
    special = description["model"]["vocab"][: len(SPECIAL_TOKENS)]
    learnt = description["model"]["vocab"][len(SPECIAL_TOKENS) :]
    lowest = min(score for _, score in learnt)

    def score_of(piece: str, score: float) -> float:
        rank = (score - lowest) / 1e-4
        is_added = len(piece) == 1 and abs(rank - round(rank)) < 1e-6
        return round(lowest if is_added else score, 4)

    scored = [(piece, score_of(piece, score)) for piece, score in learnt]
    description["model"]["vocab"] = special + sorted(scored, key=lambda entry: (-entry[1], entry[0]))
    return tokenizers.Tokenizer.from_str(json.dumps(description))


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(folder / "tokenizer.json") as temporary:
        temporary.write_text(tokenizer.to_str(), encoding="utf-8")
    config: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    config |= {} if tokenizer.written_normalizer is None else {NORMALIZATION: "sentencepiece"}
    inputs = {"model_input_names": ["input_ids", "attention_mask"], "padding_side": "right"}
    write_json(folder / "tokenizer_config.json", {**config, **inputs, **tokenizer.roles})


def load(source: Path | str) -> Tokenizer:
    """The tokenizer of a folder or of the Hub (`owner/name` or `owner/name@revision`).

    Files that name their special tokens are read directly, all others by transformers, where it has a fast tokenizer.

    Raises:
        CheckpointError: there is none, it cannot be read, or it gives no character offsets.
    """
    folder = Path(source)
    if not folder.is_dir():
        return _load_released(*hub.repository(str(source)))
    if not visible(folder, *VOCABULARY_FILES):
        raise CheckpointError(
            f"{folder}: there is no tokenizer in it. Copy the tokenizer.json and tokenizer_config.json here that the "
            "encoder was trained with; pieces of RWKV World are made one by `xit import released`."
        )
    config = _read_config(folder / "tokenizer_config.json")
    roles = _roles(folder / "tokenizer_config.json", config)
    if not visible(folder, "tokenizer.json", "vocab.*"):
        _check_sentencepiece(folder)
    if "pad_token" not in roles or not (folder / "tokenizer.json").is_file():
        return _load_released(str(folder), kind=_kind(folder, config))
    try:
        backend = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises no narrower kind
        raise CheckpointError(f"{folder / 'tokenizer.json'}: not a tokenizer, or cut short: {error}.") from None
    is_sentencepiece = config.get(NORMALIZATION) == "sentencepiece"
    if not is_sentencepiece:  # which was tried where it was made
        _refuse_unreachable(str(folder), backend)
    return _tokenizer(str(folder), backend, roles, is_sentencepiece)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config: Any = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise CheckpointError(f"{path}: not JSON: {error}. {COPY}") from None
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: holds {str(config)[:40]} in place of a JSON object. {COPY}")
    return config


def _roles(path: Path, config: Mapping[str, Any]) -> dict[str, str]:
    given = {role: config[role] for role in ROLES if config.get(role)}
    tokens: dict[str, Any] = {
        role: token.get("content") if isinstance(token, dict) else token for role, token in given.items()
    }
    faults = [
        f"{path}: {role}: not a token: {str(given[role])[:40]}. A text is, or an object with it as `content`."
        for role, token in tokens.items()
        if not isinstance(token, str)
    ]
    raise_all(CheckpointError, faults)
    return tokens


def _check_sentencepiece(folder: Path) -> None:
    """Raise where a file is no SentencePiece model: transformers reads an empty one, and else asks for tiktoken."""
    from sentencepiece import SentencePieceProcessor

    faults = []
    for path in visible(folder, "*.model"):
        try:
            SentencePieceProcessor(model_file=str(path))
        except (OSError, RuntimeError) as error:
            faults.append(f"{path}: not a SentencePiece model, or cut short: {error}. {COPY}")
    raise_all(CheckpointError, faults)


def _kind(folder: Path, config: Mapping[str, Any]) -> str | None:
    """The type whose tokenizer a folder has, where transformers would take it for that of its model: XLM-R's pieces
    beside a BERT that does not name their class (Multilingual-MiniLM), of which it makes a tokenizer of five tokens."""
    has_pieces = (folder / "sentencepiece.bpe.model").is_file() and not visible(folder, "vocab.*", "tokenizer.json")
    is_bert = _read_config(folder / "config.json").get("model_type") in ("bert", "distilbert")
    return "xlm-roberta" if has_pieces and is_bert and not config.get("tokenizer_class") else None


def _load_released(source: str, revision: str | None = None, kind: str | None = None) -> Tokenizer:
    from transformers import AutoTokenizer

    options = {"tokenizer_type": kind} if kind else {}
    try:
        found = AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=False, **options)
    except Exception as error:  # conversions of old formats raise many kinds
        raise CheckpointError(f"{source}: transformers cannot load its tokenizer: {str(error).strip()}") from error
    if not found.is_fast:
        raise CheckpointError(
            f"{source}: its tokenizer has no fast form, and the others give no character offsets. "
            "Save a tokenizer.json beside the encoder."
        )
    roles = {role: str(getattr(found, role)) for role in ROLES if getattr(found, role, None)}
    if "pad_token" not in roles and "eos_token" not in roles:
        raise CheckpointError(f"{source}: its tokenizer names neither a padding nor an end token.")
    backend = tokenizers.Tokenizer.from_str(found.backend_tokenizer.to_str())
    file = str(getattr(found, "vocab_file", None) or "")
    is_bare = file.endswith(".model") and not found.init_kwargs.get("tokenizer_file")
    if is_bare:
        sentencepiece_models.read_as_sentencepiece(backend, sentencepiece_models.read(Path(file)))
    _refuse_unreachable(source, backend)
    return _tokenizer(source, backend, roles, is_bare)


def _tokenizer(
    source: str, backend: tokenizers.Tokenizer, roles: Mapping[str, str], is_sentencepiece: bool = False
) -> Tokenizer:
    backend.no_padding()
    backend.no_truncation()
    missing = sorted({token for token in roles.values() if backend.token_to_id(token) is None})
    if missing:
        raise CheckpointError(
            f"{source}: tokenizer_config.json names tokens that tokenizer.json lacks: {', '.join(missing)}. {COPY}"
        )
    try:
        example = backend.encode("a")
        text = [place for place, part in enumerate(example.sequence_ids) if part is not None]
        marks = tuple(example.ids[: text[0]]), tuple(example.ids[text[-1] + 1 :])
    except Exception as error:  # the library raises no narrower kind
        raise CheckpointError(f"{source}: its tokenizer has no token for the letter a ({error}). {COPY}") from None
    written = backend.normalizer if is_sentencepiece and sentencepiece_models.has_table(backend.normalizer) else None
    if written is not None:
        backend.normalizer = sentencepiece_models.exact(written)
    return Tokenizer(backend, roles, *marks, written)


def _refuse_unreachable(source: str, backend: tokenizers.Tokenizer) -> None:
    """Raise where many pieces have capitals or accents that the tokenizer takes off every text: it is set up for
    another vocabulary, as where a vocab.txt lies without its tokenizer_config.json. Few do in good ones; single
    characters, of which whole alphabets come with bytes, do not count."""

    def read(text: str) -> str:
        return unicodedata.normalize("NFC", backend.normalizer.normalize_str(text) if backend.normalizer else text)

    loses_case, loses_accents = read("E") == "e", read("é") == "e"
    if not (loses_case or loses_accents):
        return
    special = {token.content for token in backend.get_added_tokens_decoder().values()}
    pieces = {piece for piece in backend.get_vocab(with_added_tokens=False) if piece not in special}
    if "ByteLevel" in repr(backend.pre_tokenizer):
        pieces = {text for piece in pieces if "\ufffd" not in (text := decoders.ByteLevel().decode([piece]))}
    total, pieces = len(pieces), {piece for piece in pieces if len(piece) > 1}
    capitals = sorted(piece for piece in pieces if loses_case and piece != piece.lower() and read(piece) != piece)
    accents = sorted(
        piece for piece in pieces.difference(capitals) if loses_accents and piece != _bare(piece) == read(piece)
    )
    count = len(capitals) + len(accents)
    if count <= UNREACHABLE * total:
        return
    option = '"do_lower_case": false' if capitals else '"strip_accents": false'
    done = "makes small letters of all text" if capitals else "takes the accents off all text"
    raise CheckpointError(
        f"{source}: {count:,} of the {total:,} pieces of its tokenizer can never be read, "
        f"{', '.join((capitals or accents)[:3])} for example, since it {done}. Set {option} in tokenizer_config.json, "
        "or the like in the normalizer of tokenizer.json; or copy both from where the encoder is from."
    )


def _bare(text: str) -> str:
    """A text without its accents."""
    marked = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(char for char in marked if unicodedata.category(char) != "Mn"))


def refuse_unlike(source: Path | str, tokenizer: Tokenizer, rows: int) -> None:
    """Raise where a tokenizer has more pieces than the embedding of its encoder has rows, or far fewer: then it is that
    of another encoder, or was made of files that its class does not read."""
    pieces = tokenizer.vocabulary_size
    if pieces > rows:
        raise CheckpointError(
            f"{source}: the tokenizer has {pieces} pieces, the encoder's embedding only {rows} rows. Copy the "
            "tokenizer that the encoder was trained with."
        )
    if pieces < LEAST_PIECES * rows:
        raise CheckpointError(
            f"{source}: the tokenizer has {pieces} pieces, the encoder's embedding {rows} rows, so that most text "
            "would be unknown or cut into other pieces. Copy the tokenizer that the encoder was trained with, and a "
            "tokenizer_config.json that names its tokenizer_class (XLMRobertaTokenizer, for example)."
        )
