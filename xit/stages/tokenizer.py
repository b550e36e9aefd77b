"""Text → one tokenizer, shared by every encoder from scratch."""

from collections.abc import Sequence
from pathlib import Path

from xit.core.errors import DataError
from xit.core.files import atomic
from xit.core.settings import TokenizerSettings
from xit.modeling import tokenization


def tokenizer(languages: Sequence[str], data: Path, out: Path, settings: TokenizerSettings | None) -> list[str]:
    """Train a Unigram tokenizer on as many documents of each language; an empty folder where there are no settings.

    Where there are pairs of translations, as many of each language are read too, and both sides of each.

    Args:
        languages: Those of pretraining.
        data: The folder of all data, which has those of the stages `text` and `parallel`.
        out: The folder to write.
        settings: The size, and how much is read.
    """
    if settings is None:
        with atomic(out) as folder:
            folder.mkdir()
        return [f"{out}: none is made, since params.yaml says null"]
    lines = []
    for language in languages:
        text = data / "text" / f"{language}.txt"
        if not text.is_file():
            raise DataError(f"{text}: no such file. `xit data text` writes it.")
        lines += text.read_text(encoding="utf-8").splitlines()[: settings.lines]
    for pairs in sorted((data / "parallel").glob("*.tsv")):
        rows = pairs.read_text(encoding="utf-8").split("\n")[:-1]
        spread = rows[:: max(1, len(rows) // settings.lines)]  # rows of a source stand together
        for row in spread[: settings.lines]:
            lines += row.split("\t")
    made = tokenization.train(lines, settings.vocabulary)
    with atomic(out) as folder:
        tokenization.save(made, folder)
    tokens = sum(len(encoding.ids) for encoding in made.backend.encode_batch(lines, add_special_tokens=False))
    per_document = tokens / len(lines)
    return [f"{out}: {made.vocabulary_size} pieces, {per_document:.1f} tokens a document in {len(languages)} languages"]
