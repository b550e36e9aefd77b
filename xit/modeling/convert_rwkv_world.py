"""The tokenizer of RWKV World, of which the Hub has the pieces, and code, which is not run."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import tokenizers
from tokenizers import Regex, decoders, models, pre_tokenizers

from xit.core.errors import CheckpointError
from xit.modeling import tokenization

WORLD_PIECES = "rwkv_vocab_v20230424.json"
WORLD_END = "<|endoftext|>"
"""Of RWKV World: the file of its pieces; what stands for id 0, which has no text there."""


def world_tokenizer(path: Path) -> tokenization.Tokenizer:
    """The tokenizer of RWKV World: at each place the longest piece.

    BBuf/RWKV-World-HF-Tokenizer:rwkv_world_tokenizer (a trie over characters). WordPiece takes the longest piece too,
    in a time that grows with the square of what it is given; so texts are cut first, where no piece could cross.

    Differs from it: the end, id 0, also stands for a character without a piece; and there is a mask, for masked LM.
    """
    try:
        ids = {piece: int(number) for piece, number in json.loads(path.read_text(encoding="utf-8")).items() if piece}
    except (ValueError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{path}: not the pieces of RWKV World, a JSON object of their ids: {error}.") from error
    alone, begun = {p for p in ids if len(p) == 1}, {char for piece in ids for char in piece[:-1]}
    cuts = [(_none_of(alone), "isolated"), (_none_of(begun), "merged_with_previous")]
    if not any(re.search(r"\w ", piece) for piece in ids):
        cuts.append((r"(?<=\w) ", "merged_with_next"))
    special = {WORLD_END: 0, tokenization.MASK: max(ids.values()) + 1}  # its model has rows to spare
    backend = tokenizers.Tokenizer(
        models.WordPiece(
            ids | special, unk_token=WORLD_END, max_input_chars_per_word=2**31, continuing_subword_prefix=""
        )
    )
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(p), how) for p, how in cuts])
    backend.decoder = decoders.Fuse()
    backend.add_special_tokens([tokenizers.AddedToken(token, special=True) for token in special])
    roles = {"eos_token": WORLD_END, "unk_token": WORLD_END, "mask_token": tokenization.MASK}
    return tokenization.Tokenizer(backend, roles, (), ())


def _none_of(characters: Iterable[str]) -> str:
    """A pattern of any other character."""
    codes = "".join(rf"\x{{{ord(char):x}}}" for char in sorted(characters))
    return f"[^{codes}]"
