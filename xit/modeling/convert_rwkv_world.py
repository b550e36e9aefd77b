"""The tokenizer of RWKV World, of which the Hub has the pieces, and code, which is not run."""

import ast
import json
import re
from collections.abc import Iterable
from pathlib import Path

import tokenizers
from tokenizers import Regex, decoders, models, pre_tokenizers

from xit.core.errors import CheckpointError
from xit.modeling import tokenization

WORLD_PIECES = "rwkv_vocab_v20230424.json"
WORLD_BYTES = "rwkv_vocab_v20230424.txt"
WORLD_END = "<|endoftext|>"
"""Of RWKV World: the files of its pieces, as texts or as bytes; what stands for id 0, which has no text there."""

PRINTABLE = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
OTHERS = [byte for byte in range(256) if byte not in PRINTABLE]
SIGNS = [chr(byte if byte in PRINTABLE else 256 + OTHERS.index(byte)) for byte in range(256)]
"""Bytes as byte-level tokenizers write them (openai/gpt-2:src/encoder.py)."""


def world_tokenizer(path: Path) -> tokenization.Tokenizer:
    """The tokenizer of RWKV World: at each place the longest piece.

    BBuf/RWKV-World-HF-Tokenizer:rwkv_world_tokenizer (a trie over characters), BlinkDL/ChatRWKV:rwkv_tokenizer.py (one
    over bytes). WordPiece takes the longest piece too, in a time that grows with the square of what it is given; so
    texts are cut first, where no piece could cross.

    Differs from it: there is a mask, for masked LM; of characters, the end, id 0, also stands for one without a piece;
    of bytes, padding has a piece of its own.
    """
    has_bytes = path.suffix == ".txt"
    try:
        ids = _read_bytes(path) if has_bytes else _read_texts(path)
    except (ValueError, AttributeError, TypeError, SyntaxError) as error:
        layout = "a piece a line: its id, itself as Python writes it, its length in bytes"
        raise CheckpointError(
            f"{path}: not the pieces of RWKV World, {layout if has_bytes else 'a JSON object of their ids'}: {error}."
        ) from error
    texts = [text for piece in ids if (text := _text(piece))]
    begun = {char for piece in texts for char in piece[:-1]}
    cuts = [(_none_of(begun), "merged_with_previous")]
    if not has_bytes:
        cuts.insert(0, (_none_of({text for text in texts if len(text) == 1}), "isolated"))
    if not any(re.search(r"\w ", piece) for piece in texts):
        cuts.append((r"(?<=\w) ", "merged_with_next"))
    last = max(ids.values())  # its model has rows to spare
    special = {WORLD_END: 0, tokenization.MASK: last + 1} | ({tokenization.PADDING: last + 2} if has_bytes else {})
    by_name = {
        piece if isinstance(piece, str) else "".join(SIGNS[byte] for byte in piece): number
        for piece, number in ids.items()
    }
    backend = tokenizers.Tokenizer(
        models.WordPiece(
            by_name | special, unk_token=WORLD_END, max_input_chars_per_word=2**31, continuing_subword_prefix=""
        )
    )
    steps: list[pre_tokenizers.PreTokenizer] = [pre_tokenizers.Split(Regex(pattern), how) for pattern, how in cuts]
    if has_bytes:
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    backend.pre_tokenizer = pre_tokenizers.Sequence(steps)
    backend.decoder = decoders.ByteLevel() if has_bytes else decoders.Fuse()
    backend.add_special_tokens([tokenizers.AddedToken(token, special=True) for token in special])
    roles = {"eos_token": WORLD_END, "unk_token": WORLD_END, "mask_token": tokenization.MASK}
    roles |= {"pad_token": tokenization.PADDING} if has_bytes else {}
    return tokenization.Tokenizer(backend, roles, (), ())


def _read_texts(path: Path) -> dict[str | bytes, int]:
    return {piece: int(number) for piece, number in json.loads(path.read_text(encoding="utf-8")).items() if piece}


def _read_bytes(path: Path) -> dict[str | bytes, int]:
    ids: dict[str | bytes, int] = {}
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line:
            number, _, rest = line.partition(" ")
            written, _, length = rest.rpartition(" ")
            piece = ast.literal_eval(written)
            data = piece.encode("utf-8") if isinstance(piece, str) else bytes(piece)
            if len(data) != int(length) or not data:
                raise ValueError(f"{line[:40]!r}: the piece has {len(data)} bytes")
            ids[data] = int(number)
    if lacking := [byte for byte in range(256) if bytes([byte]) not in ids]:
        raise ValueError(f"{len(lacking)} bytes have no piece, {lacking[0]} first")
    parts = [piece for piece in ids if isinstance(piece, bytes) and not _text(piece)]
    if crossing := [piece for piece in parts if any(not 0x80 <= byte < 0xC0 for byte in piece[1:])]:
        raise ValueError(f"{crossing[0]!r} has a part of a character and more")  # where texts are cut, it would cross
    return ids


def _text(piece: str | bytes) -> str:
    """The characters of a piece; none of a part of a character."""
    try:
        return piece if isinstance(piece, str) else piece.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _none_of(characters: Iterable[str]) -> str:
    """A pattern of any other character."""
    codes = "".join(rf"\x{{{ord(char):x}}}" for char in sorted(characters))
    return f"[^{codes}]"
