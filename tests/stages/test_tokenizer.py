"""The tokenizer's stage: which text it is trained on."""

from pathlib import Path

import pytest

from xit.core.settings import TokenizerSettings
from xit.modeling import tokenization
from xit.stages.tokenizer import tokenizer

SETTINGS = TokenizerSettings(vocabulary=60, lines=2)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data/text").mkdir(parents=True)
    (tmp_path / "data/parallel").mkdir()
    for language, word in {"en": "boat", "de": "boot"}.items():
        (tmp_path / f"data/text/{language}.txt").write_text(f"{word}\n" * 2 + "quay\n", encoding="utf-8")
    return tmp_path / "data"


def pieces(data: Path) -> set[str]:
    """The characters that the tokenizer knows."""
    tokenizer(["en", "de"], data, data / "out", SETTINGS)
    known = tokenization.load(data / "out").backend.get_vocab()
    return set("".join(piece for piece in known if not piece.startswith("<")))


def test_it_reads_the_first_documents_of_each_language(data: Path) -> None:
    assert {*"bat"} <= pieces(data)
    assert not {*"quy"} & pieces(data)


def test_it_reads_both_sides_of_pairs_from_the_whole_of_their_file(data: Path) -> None:
    rows = ["vvv\twww", "xxx\txxx", "kkk\tlll", "zzz\tzzz"]  # of 4, the first and the third are 2 that are spread
    (data / "parallel/de.tsv").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")

    found = pieces(data)

    assert {*"vwkl"} <= found
    assert not {*"xz"} & found


def test_an_empty_folder_of_pairs_changes_nothing(data: Path, tmp_path: Path) -> None:
    tokenizer(["en", "de"], data, tmp_path / "with", SETTINGS)
    (data / "parallel").rmdir()
    tokenizer(["en", "de"], data, tmp_path / "without", SETTINGS)

    first, second = ([path.read_bytes() for path in sorted((tmp_path / n).iterdir())] for n in ("with", "without"))
    assert first == second
