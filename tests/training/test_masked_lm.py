"""Masked language modelling: what is masked, packed and drawn, and that equal steps are equal."""

import dataclasses

import numpy as np
import pytest
import tiny
import torch

from xit.core.errors import CheckpointError, TrainingError
from xit.core.settings import EncoderSize
from xit.heads import IGNORED
from xit.modeling import encoders, tokenization
from xit.training.masked_lm import MaskedLanguageModel, language_shares, mask, masked_lm_steps, pack

SETTINGS = dataclasses.replace(tiny.TEXT, batch_size=64, block_tokens=4)


@pytest.fixture(scope="module")
def tokenizer() -> tokenization.Tokenizer:
    return tokenization.train(["abc abd acd bcd 12 34 56"] * 20, 40)


def test_documents_are_packed_in_order_and_the_rest_is_left_out() -> None:
    blocks = pack([[1, 5, 2], [1, 6, 7, 2], [1, 8]], block_tokens=4)

    assert blocks.tolist() == [[1, 5, 2, 1], [6, 7, 2, 1]]
    assert blocks.dtype == np.int32


def test_masking_follows_its_shares(tokenizer: tokenization.Tokenizer) -> None:
    text = torch.randint(5, tokenizer.vocabulary_size, (400, 100), generator=torch.Generator().manual_seed(0))

    read, labels = mask(text, 0.3, tokenizer, torch.Generator().manual_seed(1))

    chosen = labels != IGNORED
    assert float(chosen.float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float((read[chosen] == 4).float().mean()) == pytest.approx(0.8, abs=0.02)
    replaced = (read != text) & (read != 4)
    assert float(replaced[chosen].float().mean()) == pytest.approx(0.1, abs=0.02)
    assert not replaced[~chosen].any()
    assert torch.equal(labels[chosen], text[chosen])


def test_special_tokens_are_neither_masked_nor_put_in(tokenizer: tokenization.Tokenizer) -> None:
    text = torch.tensor([[1, 2, 0, 3, 10, 11]]).repeat(500, 1)

    read, labels = mask(text, 0.9, tokenizer, torch.Generator().manual_seed(0))

    assert (labels[:, :4] == IGNORED).all()
    assert torch.equal(read[:, :4], text[:, :4])
    assert set(read[:, 4:].unique().tolist()).isdisjoint({0, 1, 2, 3})


def test_masking_is_a_function_of_the_generator(tokenizer: tokenization.Tokenizer) -> None:
    text = torch.randint(5, tokenizer.vocabulary_size, (8, 16))

    once = mask(text, 0.3, tokenizer, torch.Generator().manual_seed(7))
    again = mask(text, 0.3, tokenizer, torch.Generator().manual_seed(7))

    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))


def test_a_tokenizer_without_mask_piece_is_refused(tokenizer: tokenization.Tokenizer) -> None:
    released = tokenization.Tokenizer(tokenizer.backend, {"pad_token": "<pad>"}, (), ())

    with pytest.raises(CheckpointError, match="it has no mask piece"):
        mask(torch.ones(1, 1, dtype=torch.int64), 0.3, released, torch.Generator())


def test_languages_are_drawn_by_smoothed_size(tokenizer: tokenization.Tokenizer) -> None:
    blocks = {"sw": np.full((100, 4), 11, np.int32), "en": np.full((900, 4), 10, np.int32)}

    step_at = masked_lm_steps(blocks, SETTINGS, tokenizer, seed=0)
    languages = [name.split()[0] for step in range(50) for name in step_at(step).ids]

    assert language_shares({"en": 900, "sw": 100}, 0.5) == {"en": 0.75, "sw": 0.25}
    assert languages.count("en") / len(languages) == pytest.approx(0.75, abs=0.03)


def test_a_step_is_a_function_of_seed_and_step_alone(tokenizer: tokenization.Tokenizer) -> None:
    blocks = {"en": np.arange(5, 25, dtype=np.int32).reshape(5, 4)}
    in_order = [masked_lm_steps(blocks, SETTINGS, tokenizer, seed=1)(step) for step in (0, 1, 2)]

    third = masked_lm_steps(blocks, SETTINGS, tokenizer, seed=1)(2)
    other_seed = masked_lm_steps(blocks, SETTINGS, tokenizer, seed=2)(2)

    assert third.ids == in_order[2].ids
    for name, tensor in third.micro_batches[0].items():
        assert torch.equal(tensor, in_order[2].micro_batches[0][name])
    assert third.ids != in_order[1].ids
    assert third.ids != other_seed.ids


def test_a_step_reads_the_blocks_that_it_names(tokenizer: tokenization.Tokenizer) -> None:
    blocks = {"en": np.arange(5, 25, dtype=np.int32).reshape(5, 4)}

    step = masked_lm_steps(blocks, SETTINGS, tokenizer, seed=0)(0)

    batch = step.micro_batches[0]
    kept = batch["labels"] == IGNORED
    named = torch.tensor(np.stack([blocks["en"][int(name.split()[-1])] for name in step.ids])).long()
    assert torch.equal(batch["input_ids"][kept], named[kept])
    assert torch.equal(batch["labels"][~kept], named[~kept])


def test_a_language_without_a_block_of_text_is_named(tokenizer: tokenization.Tokenizer) -> None:
    blocks = {"en": np.ones((3, 4), np.int32), "yo": np.empty((0, 4), np.int32)}

    with pytest.raises(TrainingError, match="the text of yo does not fill one block of 4 tokens"):
        masked_lm_steps(blocks, SETTINGS, tokenizer, seed=0)


def test_the_loss_counts_masked_tokens_only() -> None:
    torch.manual_seed(0)
    model = MaskedLanguageModel(encoders.build("lstm", EncoderSize(8, 1, 8, 0), 12))
    input_ids = torch.tensor([[5, 4, 7], [4, 6, 4]])
    labels = torch.tensor([[IGNORED, 9, IGNORED], [5, IGNORED, 8]])

    loss = model({"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids), "labels": labels})

    states = model.encoder(input_ids, torch.ones_like(input_ids))[-1]
    chances = model.logits(states).log_softmax(-1)
    expected = -(chances[0, 1, 9] + chances[1, 0, 5] + chances[1, 2, 8]) / 3
    torch.testing.assert_close(loss, expected)


def test_a_batch_without_masked_tokens_has_no_loss() -> None:
    model = MaskedLanguageModel(encoders.build("lstm", EncoderSize(8, 1, 8, 0), 12))
    input_ids = torch.tensor([[5, 6, 7]])

    loss = model(
        {"input_ids": input_ids, "attention_mask": input_ids.ne(0), "labels": torch.full_like(input_ids, IGNORED)}
    )

    assert loss.item() == 0.0


def test_its_output_is_tied_to_the_embedding() -> None:
    encoder = encoders.build("transformer", EncoderSize(8, 1, 16, 1), 12)

    own = {name for name, _ in MaskedLanguageModel(encoder).named_parameters() if not name.startswith("encoder.")}

    assert own == {"transform.weight", "transform.bias", "norm.weight", "norm.bias", "bias"}
