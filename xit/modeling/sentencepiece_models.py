"""SentencePiece models read as SentencePiece reads them (google/sentencepiece:src/normalizer.cc, unigram_model.cc).

Their normalisation is a table of texts, of which the longest that fits is replaced at each place. The tokenizers
library looks up characters alone, or whole graphemes of few bytes by the shortest text that fits, so that marks are
lost, or stay apart from what they belong to (huggingface/tokenizers, issue 2334): half-width kana with a voicing mark,
two-part vowels of Tamil and Bengali. Here the table is looked up as it is meant; offsets still count in the original.
"""

import base64
import dataclasses
import functools
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import NormalizedString, Regex, normalizers, pre_tokenizers

from xit.core.errors import CheckpointError

UNIGRAM = 1
NORMAL = 1
"""Of a model's type, and of a piece's."""
_FIRST_SIGN = 0xF0000
"""The first character of private use of those that stand for what the table replaces."""


@dataclasses.dataclass(frozen=True)
class SentencePieceModel:
    """What a SentencePiece model holds.

    Attributes:
        scores: Of its pieces, without those that are unknown, control signs and the like.
        character_map: The table of its normalisation; empty for none.
        is_unigram: Whether it is a Unigram model.
        has_prefix: Whether a blank is put before a text.
        collapses: Whether blanks at both ends go, and several become one.
        splits: Whether no piece reaches over a blank.
        is_suffix: Whether pieces carry the blank behind a word.
    """

    scores: Mapping[str, float]
    character_map: bytes
    is_unigram: bool
    has_prefix: bool
    collapses: bool
    splits: bool
    is_suffix: bool


def read(path: Path) -> SentencePieceModel:
    """A model of a file.

    Raises:
        CheckpointError: it is none.
    """
    from sentencepiece import sentencepiece_model_pb2

    model = sentencepiece_model_pb2.ModelProto()  # type: ignore[attr-defined]
    try:
        model.ParseFromString(path.read_bytes())
    except OSError:
        raise
    except Exception as error:  # the DecodeError of protobuf, which has no types
        raise CheckpointError(f"{path}: not a SentencePiece model, or cut short.") from error
    normal, trained = model.normalizer_spec, model.trainer_spec
    return SentencePieceModel(
        {piece.piece: piece.score for piece in model.pieces if piece.type == NORMAL},
        bytes(normal.precompiled_charsmap),
        trained.model_type == UNIGRAM,
        normal.add_dummy_prefix,
        normal.remove_extra_whitespaces,
        trained.split_by_whitespace,
        trained.treat_whitespace_as_suffix,
    )


class CharacterMap:
    """The table of a model's normalisation: a trie over bytes (Darts), and the texts that its leaves stand for."""

    def __init__(self, data: bytes) -> None:
        size = int.from_bytes(data[:4], "little")
        self.units = memoryview(data[4 : 4 + size]).cast("I")
        self.texts = data[4 + size :]
        self.begins = functools.lru_cache(maxsize=65_536)(self._begins)

    def longest(self, data: bytes, start: int) -> tuple[int, int]:
        """The bytes of the longest text of the table that stands in `data` at a place, and the number of its leaf."""
        node = self._next(self.units[0])
        length, leaf = 0, 0
        for index in range(start, len(data)):
            unit = self.units[node ^ data[index]]
            if unit & 0x800000FF != data[index]:
                break
            node ^= data[index] ^ self._next(unit)
            if unit >> 8 & 1:
                length, leaf = index + 1 - start, self.units[node] & 0x7FFFFFFF
        return length, leaf

    def replacement(self, leaf: int) -> str:
        """The text that a leaf stands for."""
        return self.texts[leaf : self.texts.index(b"\0", leaf)].decode("utf-8")

    def _begins(self, character: str) -> bool:
        """Whether a text of the table can begin with a character."""
        node = self._next(self.units[0])
        for byte in character.encode("utf-8", "surrogatepass"):
            unit = self.units[node ^ byte]
            if unit & 0x800000FF != byte:
                return False
            node ^= byte ^ self._next(unit)
        return True

    @staticmethod
    def _next(unit: int) -> int:
        return (unit >> 10) << ((unit & 0x200) >> 6)

    def normalize(self, normalized: NormalizedString) -> None:
        """Replace in a text what the table replaces, as the tokenizers library asks a normaliser of one's own to.

        Each text of the table is first marked at its place, so that none is looked for in what has been replaced.
        """
        text = normalized.normalized
        unused = (chr(code) for code in range(_FIRST_SIGN, sys.maxunicode) if chr(code) not in text)
        continued = next(unused)  # for the further characters of a text of the table
        signs: dict[int, str] = {}
        marks: list[str] = []
        replaced: dict[str, str] = {}
        place = 0
        while place < len(text):
            length, leaf = 0, 0
            if self.begins(text[place]):
                data = text[place : place + 32].encode("utf-8", "surrogatepass")
                size, leaf = self.longest(data, 0)
                length = len(data[:size].decode("utf-8", "surrogatepass"))
            if length == 0:
                marks.append(text[place])
            else:
                if leaf not in signs:
                    signs[leaf] = next(unused)
                    replaced[signs[leaf]] = self.replacement(leaf)
                marks += [signs[leaf], *continued * (length - 1)]
            place += max(length, 1)
        if replaced:
            following = iter(marks)
            normalized.map(lambda _: next(following))
            normalized.filter(lambda character: character != continued)
            for sign, content in replaced.items():
                normalized.replace(sign, content)


class Exact:
    """A normaliser whose tables are looked up as SentencePiece does; the others are those of the tokenizers library."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    def normalize(self, normalized: NormalizedString) -> None:
        """Apply all parts, in their order."""
        for part in self.parts:
            part.normalize(normalized)


def read_as_sentencepiece(backend: tokenizers.Tokenizer, model: SentencePieceModel) -> None:
    """Give a tokenizer that was made of a model the model's own normalisation and blanks.

    What its class does to texts before SentencePiece, small letters and accents as of ALBERT, it still does.
    """
    if not model.is_unigram or model.is_suffix:
        return
    before = _parts(backend.normalizer)
    kinds = [kind for kind, _ in before]
    kept = [part for kind, part in before if kind not in ("Precompiled", "Strip", "NFC")]
    steps: list[Any] = kept if {"Lowercase", "StripAccents"} & set(kinds) else []
    if model.character_map:
        steps.append(normalizers.Precompiled(model.character_map))
    if model.collapses:  # at the end the sign of a blank goes too
        patterns = {"^ +": "", "[ ▁]+$": "", " {2,}": " "}
        steps += [normalizers.Replace(Regex(pattern), content) for pattern, content in patterns.items()]
    if model.has_prefix:  # before a text that begins with a blank too, where Metaspace puts none
        steps.append(normalizers.Prepend(" "))
    backend.normalizer = normalizers.Sequence(steps)
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=model.splits)


def has_table(normalizer: Any) -> bool:
    """Whether a normaliser has a table of a SentencePiece model."""
    return any(kind == "Precompiled" for kind, _ in _parts(normalizer))


def exact(normalizer: Any) -> Any:
    """The normaliser with tables that are looked up as SentencePiece does; it cannot be written to a file."""
    parts = []
    for kind, part in _parts(normalizer):
        if kind == "Precompiled":
            table = json.loads(part.__getstate__())["precompiled_charsmap"]
            parts.append(CharacterMap(base64.b64decode(table)))
        else:
            parts.append(part)
    return normalizers.Normalizer.custom(Exact(parts))


def _parts(normalizer: Any) -> list[tuple[str, Any]]:
    """The normalisers that one consists of, with their types."""
    if normalizer is None:
        return []
    if isinstance(normalizer, normalizers.Sequence):
        return [pair for index in range(len(normalizer)) for pair in _parts(normalizer[index])]
    return [(type(normalizer).__name__, normalizer)]
