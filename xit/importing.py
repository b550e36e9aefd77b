"""Encoders of others → a checkpoint folder as ours are: config.json, model.safetensors, tokenizer.json."""

from pathlib import Path

from xit import encoders, tokenization
from xit.files import atomic


def released(source: str, direction: str | None, out: Path) -> list[str]:
    """Copy an encoder that transformers loads, of a folder or the Hub, and its tokenizer; a line that says what it is.

    Args:
        source: A folder, or `owner/name` or `owner/name@revision` of the Hub.
        direction: How a causal model is to be read, of `xit.encoders.DIRECTIONS`; the folder keeps it.
        out: The folder; it appears whole or not at all.
    """
    encoder = encoders.load(source, direction)
    tokenizer = tokenization.load(source)
    with atomic(out) as folder:
        encoders.save(encoder, folder)
        tokenization.save(tokenizer, folder)
    return [f"{out}: {encoder.name}, {encoder.direction}, {encoders.parameters(encoder).total:,} parameters"]
