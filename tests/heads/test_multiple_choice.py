"""Choices: rows of one prompt, however many there are and however long."""

from pathlib import Path

import pytest
import tiny
import torch
from tiny_models import learn, model_for

from xit import heads
from xit.core.task import task_of
from xit.heads import EncodingOptions
from xit.modeling import tokenization


def test_long_prompts_lose_their_beginning(tokenizer: tokenization.Tokenizer) -> None:
    options = EncodingOptions(tokenizer, tiny.task_of("xcopa"), 20)
    example = {"id": "0", "prompt": "Ida painted the boat. " * 5 + "Why?", "choices": ["Bo", "Tom"], "label": 0}

    (encoded,) = heads.load("multiple_choice").encode([example], options)

    whole = tokenizer.backend.encode(example["prompt"], "Bo")
    assert [len(row.input_ids) for row in encoded.rows] == [20, 20]
    assert encoded.rows[0].input_ids[1:].tolist() == whole.ids[-19:]


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


def test_a_choice_longer_than_a_row_is_cut_and_leaves_room_for_the_prompt() -> None:
    long = " ".join(["one two three"] * 60)
    example = {"id": "0", "language": "en", "prompt": "Who counts?", "choices": [long, "nobody"], "label": 0}
    options = EncodingOptions(tiny.tokenizer(), task_of("xcopa"), 32)

    (encoded,) = heads.load("multiple_choice").encode([example], options)

    assert [len(row.input_ids) <= 32 for row in encoded.rows] == [True, True]
    assert all((row.segments == part).any() for row in encoded.rows for part in (1, 2))
