"""Texts that must leave room for others in a row."""

from collections.abc import Sequence

from xit.heads import EncodingOptions


def shortened(texts: Sequence[str], most_tokens: int, options: EncodingOptions) -> list[str]:
    """The texts, each cut after its first `most_tokens` tokens."""
    encodings = options.tokenizer.backend.encode_batch(list(texts), add_special_tokens=False)
    return [
        text if len(encoding.ids) <= most_tokens else text[: encoding.offsets[most_tokens - 1][1]]
        for text, encoding in zip(texts, encodings, strict=True)
    ]
