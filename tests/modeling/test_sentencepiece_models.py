"""A SentencePiece model without a tokenizer.json gives the pieces of SentencePiece, of any text that it normalises."""

import io
import json
import random
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import test_laser2
import tiny
import tokenizers
from test_tokenization import RELEASED, TEXTS

from xit.heads import EncodingOptions, text_rows
from xit.modeling import convert_laser2, tokenization

MARKED = (
    "ｶﾞｷﾞｸﾞ ﾊﾟﾋﾟ ｳﾞ", "か\u3099き\u3099 は\u309a", "க\u0bc6\u0bbe க\u0bc7\u0bbe க\u0bc6\u0bd7",
    "ক\u09c7\u09be ক\u09c7\u09d7",
    "ക\u0d46\u0d3e ക\u0d47\u0d3e", "e\u0302\u0301 e\u0301\u0302 o\u0323\u0302 ê\u0323", "½\u0301 ²\u0300",
    "\u1112\u1161\u11ab", "क\u093c ड\u093c", "ا\u0653 و\u0654", "ﬁ\u0301 ﷺ",
    "Ａ\u030a Ω\u0301", "\u0301\u0302", "e\u0301", "x\u0323\u0302", "ｅ\u0301",
)  # fmt: skip
"""Texts with marks that NFKC joins, or that stand behind what it takes apart."""
BLANKS = ("  a  b ", "a\u200bb\tc\nd", "\u3000Ida\u00a0saw\u2009x", "", " ", "▁a ▁", "a\u00adb", "１２ ㎞ ①")
MARKS = [*map(chr, range(0x300, 0x345)), *"\u3099\u309aﾞﾟ\u0bbe\u0bd7\u09be\u0d3e\u093c"]
BASES = [*"aeiouyAOsnZかきはウカｶｷﾊｳ\u0bc6\u0bc7\u09c7\u0d46कا½ﬁΩ ﷺ가"]


def written(folder: Path, name: str, **options: Any) -> sentencepiece.SentencePieceProcessor:
    file, ids = RELEASED[name]
    lines = [*TEXTS, *([unicodedata.normalize("NFKC", text) for text in MARKED] * 20)]
    data = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=data,
        vocab_size=260,
        hard_vocab_limit=False,
        minloglevel=2,
        character_coverage=1.0,
        **ids,
        **options,
    )
    (folder / file).write_bytes(data.getvalue())
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name}))
    return sentencepiece.SentencePieceProcessor(model_proto=data.getvalue())


def drawn(count: int) -> list[str]:
    """Texts of bases and marks in any order and number."""
    draw = random.Random(0)
    parts = [BASES, MARKS, MARKS]
    return ["".join(draw.choice(draw.choice(parts)) for _ in range(draw.randint(1, 12))) for _ in range(count)]


RULES = {
    "nmt_nfkc": {},
    "nfkc": {"normalization_rule_name": "nfkc"},
    "small": {"normalization_rule_name": "nmt_nfkc_cf"},
}
RULES |= {"none": {"normalization_rule_name": "identity"}, "no prefix": {"add_dummy_prefix": False}}
RULES |= {"all blanks": {"remove_extra_whitespaces": False}}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", RELEASED)
def test_pieces_are_those_of_sentencepiece(name: str, rule: str, tmp_path: Path) -> None:
    processor = written(tmp_path, name, **RULES[rule])

    tokenizer = tokenization.load(tmp_path)

    for text in [*MARKED, *BLANKS, *drawn(200), " ".join(MARKED)]:
        encoding = tokenizer.backend.encode(text, add_special_tokens=False)
        assert encoding.tokens == processor.encode(text, out_type=str), ascii(text)
        assert all(0 <= first <= last <= len(text) for first, last in encoding.offsets)


@pytest.mark.parametrize("name", RELEASED)
def test_a_folder_that_it_is_saved_to_reads_the_same(name: str, tmp_path: Path) -> None:
    written(tmp_path, name)
    tokenizer = tokenization.load(tmp_path)

    tokenization.save(tokenizer, tmp_path / "saved")
    again = tokenization.load(tmp_path / "saved")

    texts = [*MARKED, *drawn(50)]
    assert [e.ids for e in again.backend.encode_batch(texts)] == [e.ids for e in tokenizer.backend.encode_batch(texts)]
    assert again.to_str() == tokenizer.to_str() == tokenization.load(tmp_path / "saved").to_str()
    assert tokenizers.Tokenizer.from_file(str(tmp_path / "saved/tokenizer.json")).get_vocab_size() > 100


def test_a_joined_character_has_the_place_of_its_first_one(tmp_path: Path) -> None:
    """As in the NFC of the tokenizers library."""
    written(tmp_path, "T5Tokenizer")
    backend = tokenization.load(tmp_path).backend
    text = "ab ｶﾞ e\u0302\u0301 か\u3099."

    encoding = backend.encode(text, add_special_tokens=False)

    found = {
        token.strip("▁"): text[first:last]
        for token, (first, last) in zip(encoding.tokens, encoding.offsets, strict=True)
    }
    assert (found["ガ"].strip(), found["ế"], found["が"], found["."]) == ("ｶ", "e", "か", ".")


@pytest.mark.parametrize("sign", ["\U000f0000", "\U000f0001", "\U0010fffd"])
def test_characters_of_private_use_stay_as_they_are_beside_what_is_replaced(sign: str, tmp_path: Path) -> None:
    written(tmp_path, "T5Tokenizer")

    normalizer = tokenization.load(tmp_path).backend.normalizer

    assert normalizer.normalize_str(f"a{sign}ｶﾞ{sign}ﾊﾟ").strip() == f"a{sign}ガ{sign}パ"


def test_rows_of_many_texts_are_encoded_at_once(tmp_path: Path) -> None:
    written(tmp_path, "T5Tokenizer")
    tokenizer = tokenization.load(tmp_path)
    options = EncodingOptions(tokenizer, tiny.task_of("tatoeba"), 16)

    rows = text_rows(options, [*MARKED] * 40, "longest_first")

    assert len(rows) == 40 * len(MARKED)
    assert rows[0].input_ids.tolist() == [
        *tokenizer.backend.encode(MARKED[0], add_special_tokens=False).ids[:15],
        *tokenizer.special_suffix,
    ]


def test_laser2_reads_decomposed_text_as_sentencepiece_does(tmp_path: Path) -> None:
    files = test_laser2.write(tmp_path)
    processor = written(tmp_path, "T5Tokenizer")
    files[1].write_bytes((tmp_path / "spiece.model").read_bytes())
    convert_laser2.laser2(*files, tmp_path / "made")

    backend = tokenization.load(tmp_path / "made").backend

    for text in ["ｶﾞｷﾞ ﾊﾟ", "க\u0bc6\u0bbe", "ক\u09c7\u09be", "か\u3099", "e\u0302\u0301", "ക\u0d46\u0d3e"]:
        expected = processor.encode(text, out_type=str)
        assert backend.encode(text, add_special_tokens=False).tokens == expected
