"""Answers in a context: windows, their labels, and the answer that is cut from the context."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import tiny
from tiny_models import learn, model_for

from xit import heads
from xit.formats import format_of
from xit.heads import SECOND, EncodingOptions
from xit.modeling import tokenization


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


@pytest.mark.parametrize("encoder", ["transformer", "lstm"])  # it reads states, whoever made them
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
