"""Tags of words: each word has the pieces that it has in its sentence, whatever the kind of the tokenizer."""

import random
from pathlib import Path
from typing import Any

import encoder_fixtures
import pytest
import tiny
import tokenizers
from tiny_models import learn, model_for
from tokenizers import models, normalizers, pre_tokenizers, processors, trainers

from xit import heads
from xit.core import registry
from xit.heads import IGNORED, EncodingOptions, tagging
from xit.modeling import tokenization

SENTENCE = ["The", "church", "in", "Germany", "is", "old", "."]
WORDS = [*SENTENCE, "a", "Ωmega", "日本", "कि", "1 000", "don't", "(", "Straße", "ـه", "😀", "e\u0301t\u00e9"]


def trained(model: Any, trainer: Any, before: Any = None, normalizer: Any = None, after: Any = None) -> Any:
    backend = tokenizers.Tokenizer(model)
    backend.normalizer, backend.pre_tokenizer = normalizer, before
    backend.train_from_iterator([" ".join(WORDS), *tiny.texts()] * 5, trainer)
    if after:
        backend.post_processor = after
    return backend


def byte_level(has_prefix: bool, trims: bool = True) -> Any:
    """As RoBERTa, GPT-2 and ModernBERT have it."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    before = pre_tokenizers.ByteLevel(add_prefix_space=has_prefix)
    return trained(models.BPE(), trainer, before, after=processors.ByteLevel(trim_offsets=trims))


def gemma() -> Any:
    """Blanks become ▁ in the normaliser, and none is put before the text (Gemma, mmBERT)."""
    trainer = trainers.BpeTrainer(vocab_size=500, show_progress=False)
    before = pre_tokenizers.Split("▁", "merged_with_next")  # as it was trained: no piece reaches over a blank
    backend = trained(models.BPE(), trainer, before, normalizers.Replace(" ", "▁"))
    backend.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    return backend


def apart() -> Any:
    """A blank is a token of its own."""
    trainer = trainers.BpeTrainer(vocab_size=400, show_progress=False)
    return trained(models.BPE(), trainer, pre_tokenizers.Split(" ", "isolated"))


def metaspace(scheme: Any) -> Any:
    trainer = trainers.UnigramTrainer(vocab_size=300, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False)
    return trained(models.Unigram(), trainer, pre_tokenizers.Metaspace(prepend_scheme=scheme))


def word_piece() -> Any:
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[UNK]"], show_progress=False)
    before, normalizer = pre_tokenizers.BertPreTokenizer(), normalizers.BertNormalizer(lowercase=False)
    return trained(models.WordPiece(unk_token="[UNK]"), trainer, before, normalizer)


CARRYING = {
    "byte level": lambda: byte_level(has_prefix=False),
    "byte level, whole offsets": lambda: byte_level(has_prefix=False, trims=False),
    "blanks in the normaliser": gemma,
    "a blank apart": apart,
    "no sign at the start": lambda: metaspace("never"),
    "RWKV World": lambda: encoder_fixtures.world_tokenizer().backend,
}
OTHERS = {
    "byte level with a prefix": lambda: byte_level(has_prefix=True),
    "Unigram": lambda: metaspace("always"),
    "a sign at the start": lambda: metaspace("first"),
    "WordPiece": word_piece,
    "ours": lambda: tiny.tokenizer().backend,
}
TAGGED = [name for name in registry.names("tasks") if registry.load("tasks", name).task.format == "tagging"]


def options_of(backend: Any, length: int = 200, task: str = "panx") -> EncodingOptions:
    name = next(token for token, number in backend.get_vocab().items() if number == 0)
    task_with_labels = registry.load("tasks", task).task.with_labels(("O",))
    return EncodingOptions(tokenization.Tokenizer(backend, {"pad_token": name}, (0,), (0,)), task_with_labels, length)


def read(words: list[str], options: EncodingOptions) -> tuple[list[int], list[int]]:
    """The ids of all rows without their marks, and the places of the labels in them."""
    label = options.task.labels[0]
    (encoded,) = tagging.encode([{"id": "0", "words": words, "tags": [label] * len(words)}], options)
    ids: list[int] = []
    places = []
    for row, (starts, tags) in zip(encoded.rows, encoded.label, strict=True):
        places += [len(ids) + start - 1 for start in starts]
        ids += row.input_ids[1:-1].tolist()
        assert tags == [0] * len(starts)
    return ids, places


@pytest.mark.parametrize("task", TAGGED)
@pytest.mark.parametrize("kind", CARRYING)
def test_a_word_has_the_pieces_that_it_has_in_the_sentence(kind: str, task: str) -> None:
    backend = CARRYING[kind]()
    options = options_of(backend, task=task)
    whole = backend.encode(" ".join(SENTENCE), add_special_tokens=False)

    ids, places = read(SENTENCE, options)

    assert len(TAGGED) >= 3
    assert options.tokenizer.carries_blanks
    assert ids == whole.ids
    assert ids != backend.encode(SENTENCE, is_pretokenized=True, add_special_tokens=False).ids
    for word, place in zip(SENTENCE, places, strict=True):
        piece = " ".join(SENTENCE)[slice(*whole.offsets[place])].strip()
        assert piece
        assert word.startswith(piece)


@pytest.mark.parametrize("kind", CARRYING)
def test_the_label_is_on_the_first_piece_with_a_character_of_the_word(kind: str) -> None:
    backend = CARRYING[kind]()
    draw = random.Random(0)

    for _ in range(40):
        words = draw.choices(WORDS, k=draw.randint(1, 12))
        text = " ".join(words)
        whole = backend.encode(text, add_special_tokens=False)
        begins = [sum(len(word) + 1 for word in words[:number]) for number in range(len(words))]
        known = all(
            any(first < begin + len(word) and last > begin for first, last in whole.offsets)
            for begin, word in zip(begins, words, strict=True)
        )
        ids, places = read(words, options_of(backend))
        assert len(places) == len(words)
        if known and kind != "RWKV World":  # whose pieces may reach into the next word
            assert ids == whole.ids
            for begin, word, place in zip(begins, words, places, strict=True):
                inside = [first < begin + len(word) and last > begin for first, last in whole.offsets]
                assert place == inside.index(True)


@pytest.mark.parametrize("kind", OTHERS)
def test_a_tokenizer_that_marks_words_alone_reads_them_as_before(kind: str) -> None:
    backend = OTHERS[kind]()
    options = options_of(backend)
    encoding = backend.encode(SENTENCE, is_pretokenized=True, add_special_tokens=False)

    ids, places = read(SENTENCE, options)

    assert not options.tokenizer.carries_blanks
    assert ids == encoding.ids
    assert places == [encoding.word_ids.index(number) for number in range(len(SENTENCE))]


@pytest.mark.parametrize("kind", CARRYING)
@pytest.mark.parametrize("length", [4, 5, 7])
def test_short_rows_hold_every_word_once(kind: str, length: int) -> None:
    ids, places = read(WORDS, options_of(CARRYING[kind](), length))

    assert len(places) == len(WORDS)
    assert sorted(set(places)) == places
    assert max(places) < len(ids)


# Long sentences


LONG = tuple(f"{person} painted in {place}".split() for person, place in zip(tiny.PEOPLE, tiny.PLACES, strict=True))
LONG_WORDS = [word for sentence in LONG for word in sentence]
LONG_TAGS = ["B-PER", "O", "O", "B-LOC"] * 8


def test_long_sentences_are_cut_between_words(tokenizer: tokenization.Tokenizer) -> None:
    example = {"id": "0", "language": "en", "words": LONG_WORDS, "tags": LONG_TAGS}

    (encoded,) = heads.load("tagging").encode([example], EncodingOptions(tokenizer, tiny.task_of("panx"), 16))

    assert len(encoded.rows) > 3
    assert all(len(row.input_ids) <= 16 for row in encoded.rows)
    inner = [token for row in encoded.rows for token in row.input_ids[1:-1].tolist()]
    assert inner == tokenizer.backend.encode(LONG_WORDS, is_pretokenized=True, add_special_tokens=False).ids
    labels = tiny.task_of("panx").labels
    assert [labels[tag] for _, tags in encoded.label for tag in tags] == LONG_TAGS
    begins = [
        tokenizer.backend.decode([int(row.input_ids[start])]).strip()
        for row, (starts, _) in zip(encoded.rows, encoded.label, strict=True)
        for start in starts
    ]
    assert all(word.startswith(begin) for word, begin in zip(LONG_WORDS, begins, strict=True))


def test_predictions_of_the_pieces_of_a_sentence_are_joined_again(
    tokenizer: tokenization.Tokenizer, tmp_path: Path
) -> None:
    options = EncodingOptions(tokenizer, tiny.task_of("panx"), 16)
    model = model_for("panx", "lstm", "matching", tokenizer)
    example = {"id": "0", "language": "en", "words": LONG_WORDS, "tags": LONG_TAGS}

    learn(model, [example], options, tmp_path)

    assert heads.load("tagging").predict(model, [example], options) == [LONG_TAGS]


def test_a_word_longer_than_a_row_keeps_its_place(tokenizer: tokenization.Tokenizer) -> None:
    options = EncodingOptions(tokenizer, tiny.task_of("panx"), 8)
    words = ["Ida", "paintedpaintedpaintedpaintedpainted", "Oslo"]

    (encoded,) = heads.load("tagging").encode([{"id": "0", "words": words, "tags": ["B-PER", "O", "B-LOC"]}], options)

    assert all(len(row.input_ids) <= 8 for row in encoded.rows)
    assert [tag for _, tags in encoded.label for tag in tags] == [1, 0, 5]
    model = model_for("panx", "transformer", "linear", tokenizer)
    assert [len(tags) for tags in heads.load("tagging").predict(model, [{"words": words}], options)] == [3]


def test_a_word_without_tokens_is_read_as_unknown() -> None:
    """Released tokenizers drop signs of no width; a tag is asked for them all the same."""
    pieces = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "ida": 4}
    backend = tokenizers.Tokenizer(tokenizers.models.WordPiece(pieces, unk_token="[UNK]"))
    backend.normalizer = tokenizers.normalizers.BertNormalizer()
    backend.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    roles = {"pad_token": "[PAD]", "unk_token": "[UNK]"}
    options = EncodingOptions(tokenization.Tokenizer(backend, roles, (2,), (3,)), tiny.task_of("panx"), 16)
    example = {"id": "0", "words": ["Ida", "\u200b", "Ida"], "tags": ["B-PER", "O", "B-PER"]}

    (encoded,) = heads.load("tagging").encode([example], options)

    assert encoded.rows[0].input_ids.tolist() == [2, 4, 1, 4, 3]
    assert encoded.label == [([1, 2, 3], [1, 0, 1])]


def test_only_the_first_token_of_a_word_is_labelled(tokenizer: tokenization.Tokenizer) -> None:
    module = heads.load("tagging")
    example = {"id": "0", "words": ["Ida", "painted"], "tags": ["B-PER", "O"]}
    encoded = module.encode([example], EncodingOptions(tokenizer, tiny.task_of("panx"), 64))
    length = len(encoded[0].rows[0].input_ids)

    (labels,) = module.labels(encoded, length + 2)["labels"]

    words = tokenizer.backend.encode(["Ida", "painted"], is_pretokenized=True, add_special_tokens=False).word_ids
    assert labels[labels != IGNORED].tolist() == [1, 0]
    assert (labels != IGNORED).nonzero().flatten().tolist() == [1, 1 + words.index(1)]
