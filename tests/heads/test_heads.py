"""What holds for every format: predictions depend on the example only, examples can be learnt, gold scores 100."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import tiny
import tokenizers
import torch
from torch import Tensor

from xit import heads
from xit.core import registry
from xit.core.errors import ConfigError
from xit.core.plan import Plan, TaskBatches
from xit.core.settings import RetrievalSettings
from xit.core.task import task_of
from xit.formats import format_of
from xit.heads import IGNORED, SECOND, EncodingOptions, collate
from xit.heads.retrieval import rank
from xit.modeling import encoders, tokenization
from xit.modeling.task_model import EncoderModel, TaskModel
from xit.training.loop import train
from xit.training.streams import task_steps

FORMATS = registry.names("heads")
TASKS = registry.names("tasks")
ENCODERS = tuple(tiny.SIZES)
PLAN = Plan(0.02, 40, 0.1, 0.0, 1.0, dataclasses.replace(tiny.COMPUTE, save_every=1000))


@pytest.fixture(scope="module")
def tokenizer() -> tokenization.Tokenizer:
    return tiny.tokenizer()


def model_for(task_id: str, encoder: str, kind: Any, tokenizer: tokenization.Tokenizer) -> TaskModel:
    """A tiny encoder and the head of a task, with random weights."""
    task = tiny.task_of(task_id)
    torch.manual_seed(0)
    made = encoders.build(encoder, tiny.SIZES[encoder], tokenizer.vocabulary_size, tokenizer.padding_id)
    return TaskModel(made, heads.load(task.format).head(kind, made.dimension, made.layers, task), 0)


def learn(model: TaskModel, examples: list[Any], options: EncodingOptions, folder: Path, **changes: Any) -> None:
    form = heads.load(options.task.format)
    batches = TaskBatches(len(examples), 1, options.max_length_tokens)
    steps = task_steps(form.encode(examples, options), form, batches, options.tokenizer.padding_id, seed=0)
    train(model, steps, dataclasses.replace(PLAN, **changes), folder, {})


def test_there_are_five_formats_and_the_tests_have_a_task_of_each() -> None:
    assert FORMATS == ("classification", "multiple_choice", "retrieval", "span", "tagging")
    assert {form: tiny.task_of(task).format for form, task in tiny.TASKS.items()} == {form: form for form in FORMATS}
    assert {tiny.task_of(task).format for task in TASKS} == set(FORMATS)
    assert len(ENCODERS) >= 4  # over which the tests below run


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("form", FORMATS)
def test_neither_order_nor_company_nor_padding_changes_predictions(
    form: str, encoder: str, tokenizer: tokenization.Tokenizer, tmp_path: Path
) -> None:
    module = heads.load(form)
    model = model_for(tiny.TASKS[form], encoder, "matching", tokenizer)
    options = EncodingOptions(tokenizer, tiny.task_of(tiny.TASKS[form]), 64)
    examples = [lengthened(example, index) for index, example in enumerate(tiny.examples(form, 12))]
    if form == "retrieval":
        alone = [(e, [e, *(c for c in examples if c["role"] == "candidate")]) for e in examples if e["role"] == "query"]
    else:
        alone = [(e, [e]) for e in examples]
    learn(model, examples, options, tmp_path, steps=10)

    together = by_id(module.predict(model, examples, options), examples)
    backwards = by_id(module.predict(model, examples[::-1], options), examples[::-1])
    one_by_one = {e["id"]: by_id(module.predict(model, some, options), some)[e["id"]] for e, some in alone}

    assert len({str(answer) for answer in together.values()}) > 1  # a constant answer would prove nothing
    assert together == backwards == one_by_one


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("form", FORMATS)
def test_a_row_has_the_same_logits_alone_and_padded(
    form: str, encoder: str, tokenizer: tokenization.Tokenizer, tmp_path: Path
) -> None:
    model = model_for(tiny.TASKS[form], encoder, "matching", tokenizer)
    options = EncodingOptions(tokenizer, tiny.task_of(tiny.TASKS[form]), 64)
    examples = [lengthened(example, index) for index, example in enumerate(tiny.examples(form, 4))]
    learn(model, examples, options, tmp_path, steps=10)
    rows = [row for encoded in heads.load(form).encode(examples, options) for row in encoded.rows]
    by_token = {"span": 1, "tagging": 0}.get(form)

    together = model.logits(rows)

    assert len({len(row.input_ids) for row in rows}) > 2
    for row, logits in zip(rows, together, strict=True):
        (alone,) = model.logits([row])
        real = logits if by_token is None else logits.narrow(by_token, 0, len(row.input_ids))
        torch.testing.assert_close(real, alone, atol=1e-4, rtol=0)


def lengthened(example: dict[str, Any], times: int) -> dict[str, Any]:
    """An example of another length, so that a batch of several is padded."""
    tail = " in Paris Tom painted a bell" * (times % 4)
    for column in ("text_a", "prompt", "context", "text"):
        if column in example:
            return {**example, column: example[column] + tail}
    return {**example, "words": example["words"] + tail.split(), "tags": example["tags"] + ["O"] * len(tail.split())}


def by_id(predictions: Any, examples: list[dict[str, Any]]) -> dict[str, Any]:
    if isinstance(predictions, dict):
        return predictions
    return {e["id"]: prediction for e, prediction in zip(examples, predictions, strict=True)}


@pytest.mark.parametrize(("encoder", "kind"), [*((name, "matching") for name in ENCODERS), ("transformer", "linear")])
@pytest.mark.parametrize("form", FORMATS)
def test_eight_examples_are_learnt_by_heart(
    form: str, encoder: str, kind: str, tokenizer: tokenization.Tokenizer, tmp_path: Path
) -> None:
    task = tiny.task_of(tiny.TASKS[form])
    options = EncodingOptions(tokenizer, task, 64)
    model = model_for(tiny.TASKS[form], encoder, kind, tokenizer)
    examples = tiny.examples(form, 8)

    learn(model, examples, options, tmp_path)

    its = format_of(task)
    predicted = its.from_model(heads.load(form).predict(model, examples, options), examples)
    scores = its.score(predicted, its.gold(examples), "en")
    assert set(scores.values()) == {100.0}
    assert task.metric in scores


# Rows


def test_a_batch_is_padded_on_the_right(tokenizer: tokenization.Tokenizer) -> None:
    options = EncodingOptions(tokenizer, tiny.task_of("xnli"), 64)
    rows = heads.text_rows(options, [("Ida", "Bo painted"), ("Ida painted the boat", "Bo")], "longest_first")

    batch = collate(rows, padding_id=0)

    for row, ids, mask, segments in zip(rows, *batch.values(), strict=True):
        size = len(row.input_ids)
        assert (ids[:size].tolist(), ids[size:].unique().tolist()) in [(row.input_ids.tolist(), x) for x in ([0], [])]
        assert mask.tolist() == [1] * size + [0] * (len(ids) - size)
        assert segments[size:].sum() == 0
    assert batch["segments"][0].unique().tolist() == [0, 1, 2]


def test_long_pairs_lose_the_end_of_the_longer_text(tokenizer: tokenization.Tokenizer) -> None:
    options = EncodingOptions(tokenizer, tiny.task_of("xnli"), 20)

    (row,) = heads.text_rows(options, [("Ida painted the boat in Oslo " * 5, "Bo")], "longest_first")

    whole = tokenizer.backend.encode("Ida painted the boat in Oslo " * 5, "Bo")
    assert len(row.input_ids) == 20
    assert row.input_ids[:10].tolist() == whole.ids[:10]
    assert row.input_ids[-4:].tolist() == whole.ids[-4:]


def test_long_prompts_lose_their_beginning(tokenizer: tokenization.Tokenizer) -> None:
    options = EncodingOptions(tokenizer, tiny.task_of("xcopa"), 20)
    example = {"id": "0", "prompt": "Ida painted the boat. " * 5 + "Why?", "choices": ["Bo", "Tom"], "label": 0}

    (encoded,) = heads.load("multiple_choice").encode([example], options)

    whole = tokenizer.backend.encode(example["prompt"], "Bo")
    assert [len(row.input_ids) for row in encoded.rows] == [20, 20]
    assert encoded.rows[0].input_ids[1:].tolist() == whole.ids[-19:]


def test_reading_leaves_the_tokenizer_as_it_was(tokenizer: tokenization.Tokenizer) -> None:
    for form in FORMATS:
        heads.load(form).encode(tiny.examples(form, 2), EncodingOptions(tokenizer, tiny.task_of(tiny.TASKS[form]), 12))

    assert tokenizer.backend.truncation is None
    assert len(tokenizer.backend.encode("Ida painted the boat in Oslo " * 5).ids) > 64


ROOM = {"classification": 7, "multiple_choice": 7, "retrieval": 4, "span": 7, "tagging": 4}
"""The shortest row of each format: two or three special tokens, and two of each text."""


@pytest.mark.parametrize("form", FORMATS)
def test_the_shortest_row_takes_texts_of_any_length_and_a_shorter_one_is_refused(
    form: str, tokenizer: tokenization.Tokenizer
) -> None:
    task = tiny.task_of(tiny.TASKS[form])
    long = {"text", "text_a", "text_b", "prompt", "question", "context"}
    examples = [
        {
            key: [text * 9 for text in value] if key == "choices" else value * 9 if key in long else value
            for key, value in example.items()
        }
        for example in tiny.examples(form, 8)
    ]

    for size in range(ROOM[form], 24):
        encoded = heads.load(form).encode(examples, EncodingOptions(tokenizer, task, size))
        assert max(feature.length for feature in encoded) <= size
    for size in range(1, ROOM[form]):
        message = rf"max_length_tokens: {size}: too few for {task.title}, .* Give {ROOM[form]} or more."
        with pytest.raises(ConfigError, match=message):
            heads.load(form).encode(examples, EncodingOptions(tokenizer, task, size))


# Tagging

LONG = tuple(f"{person} painted in {place}".split() for person, place in zip(tiny.PEOPLE, tiny.PLACES, strict=True))
WORDS = [word for sentence in LONG for word in sentence]
TAGS = ["B-PER", "O", "O", "B-LOC"] * 8


def test_long_sentences_are_cut_between_words(tokenizer: tokenization.Tokenizer) -> None:
    example = {"id": "0", "language": "en", "words": WORDS, "tags": TAGS}

    (encoded,) = heads.load("tagging").encode([example], EncodingOptions(tokenizer, tiny.task_of("panx"), 16))

    assert len(encoded.rows) > 3
    assert all(len(row.input_ids) <= 16 for row in encoded.rows)
    inner = [token for row in encoded.rows for token in row.input_ids[1:-1].tolist()]
    assert inner == tokenizer.backend.encode(WORDS, is_pretokenized=True, add_special_tokens=False).ids
    labels = tiny.task_of("panx").labels
    assert [labels[tag] for _, tags in encoded.label for tag in tags] == TAGS
    begins = [
        tokenizer.backend.decode([int(row.input_ids[start])]).strip()
        for row, (starts, _) in zip(encoded.rows, encoded.label, strict=True)
        for start in starts
    ]
    assert all(word.startswith(begin) for word, begin in zip(WORDS, begins, strict=True))


def test_predictions_of_the_pieces_of_a_sentence_are_joined_again(
    tokenizer: tokenization.Tokenizer, tmp_path: Path
) -> None:
    options = EncodingOptions(tokenizer, tiny.task_of("panx"), 16)
    model = model_for("panx", "lstm", "matching", tokenizer)
    example = {"id": "0", "language": "en", "words": WORDS, "tags": TAGS}

    learn(model, [example], options, tmp_path)

    assert heads.load("tagging").predict(model, [example], options) == [TAGS]


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


# Spans


def question(number: int, sentences: int, answer_at: int, answerable: bool = True) -> dict[str, Any]:
    """A question on a context of several sentences, answered by the place in one of them."""
    parts = [f"{tiny.PEOPLE[(number + i) % 8]} left {tiny.PLACES[(number + 3 * i) % 8]}." for i in range(sentences)]
    place = tiny.PLACES[(number + 3 * answer_at) % 8]
    start = sum(len(part) + 1 for part in parts[:answer_at]) + parts[answer_at].index(place)
    return {
        "id": f"q{number}",
        "language": "en",
        "question": f"Where did {tiny.PEOPLE[(number + answer_at) % 8]} paint?",
        "context": " ".join(parts),
        "answers": [place] if answerable else [],
        "starts": [start] if answerable else [],
    }


def test_a_window_is_labelled_with_the_answer_that_it_holds(tokenizer: tokenization.Tokenizer) -> None:
    example = question(0, sentences=6, answer_at=5)

    encoded = heads.load("span").encode([example], EncodingOptions(tokenizer, tiny.task_of("xquad"), 48))

    assert len(encoded) > 1
    assert {f.id for f in encoded} == {"q0"}
    assert encoded[0].label == (0, 0)
    first, last = encoded[-1].label
    ids = encoded[-1].rows[0].input_ids[first : last + 1].tolist()
    assert tokenizer.backend.decode(ids).strip() == example["answers"][0]
    assert set(encoded[-1].rows[0].segments[first : last + 1]) == {SECOND}


def test_windows_cover_the_context_and_overlap(tokenizer: tokenization.Tokenizer) -> None:
    example = question(0, sentences=8, answer_at=7)

    encoded = heads.load("span").encode([example], EncodingOptions(tokenizer, tiny.task_of("xquad"), 48))

    windows = [f.rows[0].input_ids[f.rows[0].segments == SECOND].tolist() for f in encoded]
    whole = tokenizer.backend.encode(example["question"], example["context"])
    context = [token for token, part in zip(whole.ids, whole.sequence_ids, strict=True) if part == 1]
    joined = windows[0]
    for window in windows[1:]:
        assert window[:16] == joined[-16:]  # a third of 48
        joined = joined + window[16:]
    assert joined == context


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_answer_in_a_later_window_is_found(encoder: str, tokenizer: tokenization.Tokenizer, tmp_path: Path) -> None:
    task = tiny.task_of("xquad")
    options = EncodingOptions(tokenizer, task, 48)
    form = heads.load("span")
    model = model_for("xquad", encoder, "matching", tokenizer)
    examples = [question(number, sentences=5, answer_at=4) for number in range(8)]
    first_windows = {f.id: f.label for f in reversed(form.encode(examples, options))}
    assert set(first_windows.values()) == {(0, 0)}

    learn(model, examples, options, tmp_path, steps=100)

    assert form.predict(model, examples, options) == {e["id"]: e["answers"][0] for e in examples}


def test_no_answer_is_empty_where_the_task_has_it_and_only_there(
    tokenizer: tokenization.Tokenizer, tmp_path: Path
) -> None:
    options = EncodingOptions(tokenizer, tiny.task_of("squad2"), 64)
    form = heads.load("span")
    model = model_for("squad2", "transformer", "matching", tokenizer)
    examples = [question(number, 2, answer_at=1, answerable=number % 2 == 0) for number in range(8)]

    learn(model, examples, options, tmp_path)

    found = form.predict(model, examples, options)
    assert [found[e["id"]] for e in examples] == [e["answers"][0] if e["answers"] else "" for e in examples]
    always = form.predict(model, examples, dataclasses.replace(options, task=tiny.task_of("xquad")))
    assert all(always.values())
    form = format_of(options.task)
    assert form.score(found, form.gold(examples), "en") == {"em_f1": 100.0, "f1": 100.0, "exact_match": 100.0}


def test_answers_are_cut_from_the_context_as_it_is_written(tokenizer: tokenization.Tokenizer) -> None:
    """Offsets count in the text before the tokenizer's normalisation, which makes two letters of some signs."""
    context = "㎞ ㎞ Ida painted in Oslo."
    example = {"id": "0", "question": "Where?", "context": context, "answers": ["Oslo"], "starts": [19]}
    options = EncodingOptions(tokenizer, tiny.task_of("xquad"), 64)

    (encoded,) = heads.load("span").encode([example], options)

    encoding = tokenizer.backend.encode("Where?", context)
    first, last = encoded.label
    assert context[encoding.offsets[first][0] : encoding.offsets[last][1]].strip() == "Oslo"


def test_a_long_question_leaves_room_for_the_context(tokenizer: tokenization.Tokenizer) -> None:
    example = {**question(0, 6, 5), "question": "Where did Ida paint the boat in Oslo? " * 20}

    encoded = heads.load("span").encode([example], EncodingOptions(tokenizer, tiny.task_of("xquad"), 48))

    assert all(len(f.rows[0].input_ids) <= 48 for f in encoded)
    assert all((f.rows[0].segments == SECOND).sum() >= 16 for f in encoded[:-1])
    assert encoded[-1].label != (0, 0)


# Multiple choice


def test_examples_with_different_numbers_of_choices_share_a_batch(
    tokenizer: tokenization.Tokenizer, tmp_path: Path
) -> None:
    task = tiny.task_of("xcopa")
    options = EncodingOptions(tokenizer, task, 64)
    form = heads.load("multiple_choice")
    model = model_for("xcopa", "transformer", "matching", tokenizer)
    examples = [
        {
            "id": f"e{i}",
            "language": "en",
            "prompt": f"{tiny.PEOPLE[i]} left.",
            "choices": [f"in {place}" for place in tiny.PLACES[: 2 + i % 4]],
            "label": i % 2 if i < 4 else 1 + i % 4,
        }
        for i in range(8)
    ]

    learn(model, examples, options, tmp_path)

    encoded = form.encode(examples, options)
    assert form.labels(encoded, 0)["counts"].tolist() == [2, 3, 4, 5, 2, 3, 4, 5]
    assert form.predict(model, examples, options) == [e["label"] for e in examples]


def test_a_missing_choice_has_no_share_of_the_loss() -> None:
    head = heads.load("multiple_choice").head("linear", 4, 1, tiny.task_of("xcopa"))
    logits = torch.tensor([1.0, 2.0, 0.5, 0.5, 0.5])
    batch = {"labels": torch.tensor([1, 2]), "counts": torch.tensor([2, 3])}

    loss = head.loss(logits, batch)

    expected = (torch.log(1 + torch.exp(torch.tensor(-1.0))) + torch.log(torch.tensor(3.0))) / 2
    assert float(loss) == pytest.approx(float(expected))


# Retrieval


def pool_of(*rows: tuple[str, str, str, list[float]]) -> tuple[Tensor, list[dict[str, Any]]]:
    examples = [{"language": code, "role": role, "id": name, "gold": [], "text": ""} for code, role, name, _ in rows]
    return torch.tensor([vector for *_, vector in rows]), examples


def test_of_equally_near_candidates_the_first_comes_first() -> None:
    vectors, examples = pool_of(
        ("en", "query", "q", [1.0, 0.0]),
        ("en", "candidate", "far", [0.0, 1.0]),
        ("en", "candidate", "b", [1.0, 0.0]),
        ("en", "candidate", "a", [1.0, 0.0]),
    )

    assert rank(vectors, examples, tiny.task_of("tatoeba")) == {"q": ["b", "a", "far"]}


def test_a_query_is_ranked_in_its_language_or_in_all() -> None:
    vectors, examples = pool_of(
        ("de", "query", "q", [1.0, 0.0]),
        ("de", "candidate", "de-1", [0.5, 0.5]),
        ("fr", "candidate", "fr-1", [1.0, 0.0]),
    )

    assert rank(vectors, examples, tiny.task_of("tatoeba")) == {"q": ["de-1"]}
    assert rank(vectors, examples, tiny.task_of("lareqa")) == {"q": ["fr-1", "de-1"]}


def test_twenty_candidates_are_kept() -> None:
    candidates = [("en", "candidate", str(i), [1.0, float(i)]) for i in range(30)]
    vectors, examples = pool_of(("en", "query", "q", [0.0, 1.0]), *candidates)

    assert rank(vectors, examples, tiny.task_of("lareqa")) == {"q": [str(i) for i in range(29, 9, -1)]}


def test_equal_candidates_are_no_negatives_of_each_other() -> None:
    head = heads.load("retrieval").head("linear", 2, 1, tiny.task_of("lareqa"))
    same = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])  # two queries, each before its candidate

    with torch.no_grad():
        one, two = (float(head.loss(same, {"labels": torch.tensor(labels)})) for labels in ([7, 7], [7, 8]))

    assert one == pytest.approx(0.0)
    assert two == pytest.approx(0.6931, abs=1e-4)  # ln 2


def test_the_rows_of_the_nearest_candidates_are_what_tatoeba_submits() -> None:
    _, examples = pool_of(
        ("de", "candidate", "1", [1.0]),
        ("de", "query", "0", [1.0]),
        ("de", "candidate", "0", [1.0]),
        ("de", "query", "1", [1.0]),
    )

    assert format_of(tiny.task_of("tatoeba")).from_model({"0": ["0", "1"], "1": ["0", "1"]}, examples) == [1, 1]


def bare_vectors(tokenizer: tokenization.Tokenizer, **changes: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The vector that a bare encoder gives a sentence beside a longer one, and the sentence's hidden states."""
    torch.manual_seed(0)
    size = dataclasses.replace(tiny.SIZES["lstm"], layers=2)
    encoder = encoders.build("lstm", size, tokenizer.vocabulary_size)
    options = EncodingOptions(tokenizer, tiny.task_of("tatoeba"), 64)
    rows = heads.text_rows(options, ["Ida painted", "Ida painted the boat in Oslo"], "longest_first")
    settings = dataclasses.replace(RetrievalSettings(1.0, "mean"), **changes)
    ids = torch.from_numpy(rows[0].input_ids)[None]
    with torch.no_grad():
        states = encoder(ids, torch.ones_like(ids))
    model = EncoderModel(encoder, 0)
    return model.vectors(rows, settings, [model.layer(settings)])[0][0], states


@pytest.mark.parametrize(("layer", "index"), [(0.0, 0), (0.5, 1), (0.5833, 1), (1.0, 2)])
def test_the_layer_of_a_bare_encoder_is_a_part_of_its_depth(
    layer: float, index: int, tokenizer: tokenization.Tokenizer
) -> None:
    vector, states = bare_vectors(tokenizer, layer=layer)

    torch.testing.assert_close(vector, states[index][0].mean(0), atol=1e-6, rtol=0)


def test_pooling_reads_real_tokens_only(tokenizer: tokenization.Tokenizer) -> None:
    for pooling, of in (("max", lambda s: s.amax(0)), ("first", lambda s: s[0])):
        vector, states = bare_vectors(tokenizer, pooling=pooling)
        torch.testing.assert_close(vector, of(states[-1][0]), atol=1e-6, rtol=0)


def test_centring_takes_away_the_mean_of_a_language_and_role_of_validation_and_never_that_of_the_pool(
    tokenizer: tokenization.Tokenizer,
) -> None:
    vectors, examples = pool_of(
        ("de", "query", "0", [9.0, 1.0]),
        ("de", "query", "1", [9.0, -1.0]),
        ("de", "candidate", "0", [1.0, 5.0]),
        ("de", "candidate", "1", [1.0, 3.0]),
    )
    means, validation = pool_of(
        ("de", "query", "2", [9.0, 0.5]), ("de", "query", "3", [9.0, -0.5]), ("de", "candidate", "2", [1.0, 4.0])
    )
    retrieval: Any = heads.load("retrieval")
    options = EncodingOptions(tokenizer, tiny.task_of("tatoeba"), 64)

    def ranked(is_centered: bool, known: Any = validation, of: Tensor = means) -> Any:
        pool = retrieval.BarePool(examples, known, {2: vectors.numpy()}, {2: of.numpy()} if known else {})
        return retrieval.bare_answers(pool, 2, is_centered, options)

    assert ranked(is_centered=False) == {"0": ["1", "0"], "1": ["1", "0"]}
    assert ranked(is_centered=True) == {"0": ["0", "1"], "1": ["1", "0"]}
    assert ranked(is_centered=True, of=means * 0) == ranked(is_centered=False)  # the pool's own means do nothing
    assert ranked(is_centered=False, known=[]) == ranked(is_centered=False)
    assert ranked(is_centered=True, known=[]) is None
    assert ranked(is_centered=True, known=validation[:2], of=means[:2]) is None  # no mean of the candidates


def test_a_choice_longer_than_a_row_is_cut_and_leaves_room_for_the_prompt() -> None:
    long = " ".join(["one two three"] * 60)
    example = {"id": "0", "language": "en", "prompt": "Who counts?", "choices": [long, "nobody"], "label": 0}
    options = EncodingOptions(tiny.tokenizer(), task_of("xcopa"), 32)

    (encoded,) = heads.load("multiple_choice").encode([example], options)

    assert [len(row.input_ids) <= 32 for row in encoded.rows] == [True, True]
    assert all((row.segments == part).any() for row in encoded.rows for part in (1, 2))
