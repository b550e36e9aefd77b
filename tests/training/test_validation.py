"""A look at validation: the score that the whole set would have, and the loss, of one forward pass a row."""

import doctest
from pathlib import Path

import pytest
import tiny
import torch

from xit import heads
from xit.core.task import task_of
from xit.formats import format_of
from xit.heads import EncodingOptions
from xit.modeling.task_model import TaskModel, load_encoder
from xit.training import validation
from xit.training.validation import is_failure, validation_of


def built(folder: Path, form: str) -> tuple[TaskModel, EncodingOptions]:
    """A model with random weights for the task of a format, and how examples are read."""
    tiny.write_checkpoint(folder)
    bare, tokenizer = load_encoder(folder)
    task = task_of(tiny.TASKS[form])
    encoder = bare.encoder
    head = heads.load(form).head("matching", encoder.dimension, encoder.layers, task)  # type: ignore[arg-type]
    return TaskModel(encoder, head, tokenizer.padding_id), EncodingOptions(tokenizer, task, 64)


@pytest.mark.parametrize("form", sorted(tiny.TASKS))
def test_a_look_has_the_score_of_the_predictions_and_the_mean_loss_without_training_anything(
    form: str, tmp_path: Path
) -> None:
    model, options = built(tmp_path, form)
    examples, kind = tiny.examples(form, 12), format_of(options.task)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    predictions = kind.from_model(heads.load(form).predict(model, examples, options), examples)

    found = validation_of(model, heads.load(form), examples, options, 12)()

    assert found.score == pytest.approx(kind.score(predictions, kind.gold(examples), "en")[options.task.metric])
    encoded = sorted(heads.load(form).encode(examples, options), key=lambda example: example.length)
    batch = heads.collate([row for one in encoded for row in one.rows], model.padding_id)
    batch |= heads.load(form).labels(encoded, batch["input_ids"].shape[1])
    assert found.loss == pytest.approx(float(model(batch).detach()), rel=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training


@pytest.mark.parametrize("form", sorted(tiny.TASKS))
def test_the_mean_loss_weighs_labels_not_batches(form: str, tmp_path: Path) -> None:
    if form == "retrieval":
        pytest.skip("its loss is among the other candidates of a batch")
    model, options = built(tmp_path, form)
    examples = tiny.examples(form, 7)

    losses = [validation_of(model, heads.load(form), examples, options, size)().loss for size in (1, 3, 7)]

    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)


@pytest.mark.parametrize("form", sorted(tiny.TASKS))
def test_every_row_takes_one_forward_pass(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, options = built(tmp_path, form)
    examples = tiny.examples(form, 12)
    rows: list[int] = []
    inner = model.encoder.forward

    def counted(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        rows.append(len(input_ids))
        return inner(input_ids, attention_mask)  # type: ignore[no-any-return]

    look = validation_of(model, heads.load(form), examples, options, 5)
    monkeypatch.setattr(model.encoder, "forward", counted)
    look()

    expected = {"multiple_choice": 24, "retrieval": 24}
    assert sum(rows) == expected.get(form, 12)


def test_what_has_no_loss_is_scored_all_the_same(tmp_path: Path) -> None:
    """A query whose right candidate is not there, and a tag that no training example has."""
    model, options = built(tmp_path / "a", "retrieval")
    rows = [row for row in tiny.examples("retrieval", 6) if row["id"] != "en-0"]
    assert validation_of(model, heads.load("retrieval"), rows, options, 8)().loss > 0

    model, options = built(tmp_path / "b", "tagging")
    words = tiny.examples("tagging", 6)
    words[0]["tags"] = ["NEW", *words[0]["tags"][1:]]
    found = validation_of(model, heads.load("tagging"), words, options, 8)()
    without = validation_of(model, heads.load("tagging"), words[1:], options, 8)()
    assert found.loss == pytest.approx(without.loss)


@pytest.mark.parametrize(
    ("score", "by_chance", "examples", "expected"),
    [
        (33.0, 33.3, 200, True),
        (36.0, 33.3, 200, True),  # by 0.8 standard errors
        (36.0, 33.3, 10_000, False),
        (40.3, 33.3, 200, False),  # by 2.02
        (40.2, 33.3, 200, True),  # by 1.99
        (0.0, 0.0, 200, True),
        (1.0, 0.0, 200, True),  # by 1.4
        (3.0, 0.0, 200, False),
        (100.0, 99.0, 200, False),
    ],
)
def test_a_score_fails_within_two_standard_errors_of_chance(
    score: float, by_chance: float, examples: int, expected: bool
) -> None:
    assert is_failure(score, by_chance, examples) == expected


def test_the_example_holds() -> None:
    assert doctest.testmod(validation) == (0, 1)
