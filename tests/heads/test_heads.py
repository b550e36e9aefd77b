"""What holds for every format: predictions depend on the example only, examples can be learnt, gold scores 100."""

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from fast_cases import fast
from tiny_models import learn, model_for

from xit import heads
from xit.core import registry
from xit.core.errors import ConfigError
from xit.formats import format_of
from xit.heads import EncodingOptions, collate
from xit.modeling import tokenization

FORMATS = registry.names("heads")
TASKS = registry.names("tasks")
ENCODERS = tuple(tiny.SIZES)
PAIRS = sorted(
    {(form, encoder) for form in FORMATS for encoder in ("transformer", "lstm")}
    | {(FORMATS[place % len(FORMATS)], encoder) for place, encoder in enumerate(ENCODERS)}
)
"""Every format with two unlike encoders, and every encoder with a format: a head reads states, whoever made them."""


def test_there_are_five_formats_and_the_tests_have_a_task_of_each() -> None:
    assert FORMATS == ("classification", "multiple_choice", "retrieval", "span", "tagging")
    assert {form: tiny.task_of(task).format for form, task in tiny.TASKS.items()} == {form: form for form in FORMATS}
    assert {tiny.task_of(task).format for task in TASKS} == set(FORMATS)
    assert len(ENCODERS) >= 4  # over which the tests below run


@pytest.mark.parametrize(("form", "encoder"), PAIRS)
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


@pytest.mark.parametrize(("form", "encoder"), PAIRS)
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


@pytest.mark.parametrize(
    ("form", "encoder", "kind"),
    fast(
        lambda case: case[1] == "lstm" or case[2] == "linear",
        [*((*pair, "matching") for pair in PAIRS), *((form, "transformer", "linear") for form in FORMATS)],
    ),
)
def test_eight_examples_are_learnt_by_heart(
    form: str, encoder: str, kind: str, tokenizer: tokenization.Tokenizer, tmp_path: Path
) -> None:
    task = tiny.task_of(tiny.TASKS[form])
    options = EncodingOptions(tokenizer, task, 64)
    model = model_for(tiny.TASKS[form], encoder, kind, tokenizer)
    examples = tiny.examples(form, 8)

    learn(model, examples, options, tmp_path, learning_rate=0.005, steps=120)

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
