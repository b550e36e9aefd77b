"""Pretraining on pairs: rows of both sides, rows that find one another, and steps that are equal again."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from xit.core.batches import IGNORED
from xit.core.errors import DataError
from xit.core.plan import TextBatches
from xit.modeling import encoders
from xit.modeling.tokenization import Tokenizer
from xit.training.masked_lm import MaskedLanguageModel
from xit.training.ranking import MARGIN, SCALE, ranking_loss
from xit.training.translation import Frame, Pairs, Texts, read_pairs, translation_lm_steps, translation_ranking_steps

LANGUAGES = ("en", "sw", "tl", "zh")
TEXT = dataclasses.replace(tiny.TEXT, languages=LANGUAGES, batch_size=8)
MAKERS = {"translation_lm": translation_lm_steps, "translation_ranking": translation_ranking_steps}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tiny.tokenizer()


@pytest.fixture(scope="module")
def pairs(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pairs]:
    """Nine times as many of sw as of tl, none of zh."""
    folder = tmp_path_factory.mktemp("parallel")
    tiny.write_pairs(folder, sw=180, tl=20)
    (folder / "zh.tsv").write_text("")
    return read_pairs(LANGUAGES, folder, tokenizer, TEXT.block_tokens)


def shown(tokenizer: Tokenizer, ids: torch.Tensor) -> str:
    return str(tokenizer.backend.decode(ids.tolist(), skip_special_tokens=False))


# Files


def test_a_language_without_pairs_is_left_to_masked_lm(pairs: dict[str, Pairs]) -> None:
    assert {code: len(two.english.ends) for code, two in pairs.items()} == {"sw": 180, "tl": 20}


def test_sides_are_read_as_they_stand_and_cut_to_a_row(tokenizer: Tokenizer, tmp_path: Path) -> None:
    long = " ".join(["Ida painted"] * 20)
    (tmp_path / "sw.tsv").write_text(f"Ida painted\u2028the boat\tOslo\n{long}\t{long}\n", encoding="utf-8")

    found = read_pairs(("en", "sw"), tmp_path, tokenizer, 16)["sw"]

    whole = tokenizer.backend.encode("Ida painted\u2028the boat", add_special_tokens=False).ids
    assert found.english[0].tolist() == whole
    assert found.target[0].tolist() == tokenizer.backend.encode("Oslo", add_special_tokens=False).ids
    cut = tokenizer.backend.encode(long, add_special_tokens=False).ids[: 16 - 2]
    assert found.english[1].tolist() == found.target[1].tolist() == cut


@pytest.mark.parametrize(("line", "columns"), [("no tab", 1), ("two\ttabs\there", 3), ("", 1)])
def test_a_line_that_is_no_pair_is_named(line: str, columns: int, tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "sw.tsv").write_text(f"Ida\tIda\n{line}\n")

    with pytest.raises(DataError, match=rf"sw.tsv, line 2: not a pair; found {columns} column.*Delete"):
        read_pairs(("en", "sw"), tmp_path, tokenizer, 16)


@pytest.mark.parametrize("text", [None, ""])
def test_no_pairs_at_all_are_an_error(text: str | None, tokenizer: Tokenizer, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "sw.tsv").write_text(text)

    with pytest.raises(DataError, match=r"no pairs of English and sw, tl\. Name a language .* no share"):
        read_pairs(("en", "sw", "tl"), tmp_path, tokenizer, 16)


# Steps


@pytest.mark.parametrize("objective", MAKERS)
def test_a_step_is_a_function_of_seed_and_step_alone(
    objective: str, pairs: dict[str, Pairs], tokenizer: Tokenizer
) -> None:
    step_at = MAKERS[objective](pairs, TEXT, tokenizer, 1)
    in_order = [step_at(step) for step in range(40)]  # over two edges of what is drawn together

    for step in (0, 15, 16, 33, 7):
        again = MAKERS[objective](pairs, TEXT, tokenizer, 1)(step)
        assert again.ids == in_order[step].ids
        for name, value in again.micro_batches[0].items():
            assert torch.equal(value, in_order[step].micro_batches[0][name])
    assert len({tuple(step.ids) for step in in_order}) == 40
    assert MAKERS[objective](pairs, TEXT, tokenizer, 2)(0).ids != in_order[0].ids


@pytest.mark.parametrize("objective", MAKERS)
def test_a_step_has_the_tokens_of_a_step_of_masked_lm_in_the_mean(
    objective: str, pairs: dict[str, Pairs], tokenizer: Tokenizer
) -> None:
    step_at = MAKERS[objective](pairs, TEXT, tokenizer, 0)

    tokens = [int(step_at(step).micro_batches[0]["attention_mask"].sum()) for step in range(64)]

    assert sum(tokens) / 64 == pytest.approx(TEXT.batch_size * TEXT.block_tokens, rel=0.15)


@pytest.mark.parametrize("objective", MAKERS)
def test_languages_are_drawn_by_smoothed_size_and_rows_are_of_like_length(
    objective: str, pairs: dict[str, Pairs], tokenizer: Tokenizer
) -> None:
    settings = dataclasses.replace(TEXT, batch_size=64)
    steps = [MAKERS[objective](pairs, settings, tokenizer, 0)(step) for step in range(64)]

    languages = [name.split()[0] for step in steps for name in step.ids]
    size = {code: len(two.target.ids) ** 0.5 for code, two in pairs.items()}
    assert languages.count("sw") / len(languages) == pytest.approx(size["sw"] / sum(size.values()), abs=0.03)
    masks = [step.micro_batches[0]["attention_mask"] for step in steps]
    assert sum(float(mask.float().mean()) for mask in masks) / 64 > 0.8  # unsorted about 0.55


def test_a_row_of_translation_lm_holds_both_sides_in_either_order(
    pairs: dict[str, Pairs], tokenizer: Tokenizer
) -> None:
    settings = dataclasses.replace(TEXT, masked_fraction=1e-9)
    found = set()
    for step in map(translation_lm_steps(pairs, settings, tokenizer, 0), range(4)):
        batch = step.micro_batches[0]
        for name, row, mask in zip(step.ids, batch["input_ids"], batch["attention_mask"].bool(), strict=True):
            code, _, number = name.split()
            sides = [side[int(number)].tolist() for side in pairs[code]]
            begin, end = tokenizer.special_prefix[0], tokenizer.special_suffix[0]
            rows = [[begin, *one, end, *two, end] for one, two in (sides, sides[::-1])]
            assert row[mask].tolist() in rows
            found.add(rows.index(row[mask].tolist()))
    assert found == {0, 1}


def test_both_sides_of_translation_lm_are_masked(pairs: dict[str, Pairs], tokenizer: Tokenizer) -> None:
    chosen = torch.zeros(2)
    for step in map(translation_lm_steps(pairs, TEXT, tokenizer, 0), range(20)):
        batch = step.micro_batches[0]
        second = (batch["input_ids"] == tokenizer.special_suffix[0]).cumsum(1) > 0
        is_masked = batch["labels"] != IGNORED
        chosen += torch.stack([(is_masked & ~second).sum(), (is_masked & second).sum()])
    assert float(chosen.min() / chosen.max()) > 0.6


def test_the_frame_of_a_pair_is_the_tokenizers_own(tokenizer: Tokenizer) -> None:
    encoding = tokenizer.backend.encode("Ida painted", "Oslo")
    first, second = (tokenizer.backend.encode(text, add_special_tokens=False).ids for text in ("Ida painted", "Oslo"))

    frame = Frame.of(tokenizer)

    assert [*frame.before, *first, *frame.between, *second, *frame.after] == encoding.ids


def test_ranking_has_english_rows_then_their_translations_both_masked(
    pairs: dict[str, Pairs], tokenizer: Tokenizer
) -> None:
    step = translation_ranking_steps(pairs, TEXT, tokenizer, 0)(0)

    (batch,) = step.micro_batches
    count = len(step.ids)
    assert len(batch["input_ids"]) == 2 * count
    text = torch.where(batch["labels"] == IGNORED, batch["input_ids"], batch["labels"])
    for number, name in enumerate(step.ids):
        code, _, row = name.split()
        for at, side in ((number, pairs[code].english), (number + count, pairs[code].target)):
            assert text[at][batch["attention_mask"][at].bool()].tolist()[1:-1] == side[int(row)].tolist()
    for half in (batch["labels"][:count], batch["labels"][count:]):
        assert (half != IGNORED).any()


def test_equal_texts_are_no_negatives_of_one_another(tokenizer: Tokenizer) -> None:
    texts = Texts(np.array([7, 8, 7, 9], np.int32), np.array([1, 2, 3, 4]))  # the first and the third are equal
    apart = Texts(np.array([11, 12, 13, 12], np.int32), np.array([1, 2, 3, 4]))  # the second and the fourth
    settings = dataclasses.replace(TEXT, batch_size=16)

    step = translation_ranking_steps({"sw": Pairs(texts, apart)}, settings, tokenizer, 0)(0)

    rows = [int(name.split()[-1]) for name in step.ids]
    is_same = step.micro_batches[0]["is_same"]
    for (i, one), (j, other) in itertools.product(enumerate(rows), repeat=2):
        expected = i != j and (one == other or {one, other} in ({0, 2}, {1, 3}))
        assert bool(is_same[i, j]) == expected


# Losses


def test_the_ranking_loss_is_that_of_both_directions_with_the_margin() -> None:
    vectors = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    is_same = torch.zeros(3, 3, dtype=torch.bool)
    is_same[0, 2] = is_same[2, 0] = True

    found = ranking_loss(vectors, is_same)

    cosine = torch.nn.functional.cosine_similarity(vectors[:3, None], vectors[None, 3:], dim=-1)
    losses = []
    for table in (cosine, cosine.T):
        for i in range(3):
            others = [j for j in range(3) if j != i and not is_same[i, j]]
            right = SCALE * (table[i, i] - MARGIN)
            losses.append(torch.logsumexp(torch.stack([right, *(SCALE * table[i, j] for j in others)]), 0) - right)
    torch.testing.assert_close(found, torch.stack(losses).mean())


def test_the_loss_of_a_ranking_step_has_that_of_masked_lm_and_of_the_mean_states(
    pairs: dict[str, Pairs], tokenizer: Tokenizer
) -> None:
    torch.manual_seed(0)
    model = MaskedLanguageModel(encoders.build("lstm", tiny.SIZES["lstm"], tokenizer.vocabulary_size))
    (batch,) = translation_ranking_steps(pairs, TEXT, tokenizer, 0)(0).micro_batches

    loss = model(batch)

    alone = model({name: value for name, value in batch.items() if name != "is_same"})
    states = model.encoder(batch["input_ids"], batch["attention_mask"])[-1]
    means = torch.stack([s[m.bool()].mean(0) for s, m in zip(states, batch["attention_mask"], strict=True)])
    torch.testing.assert_close(loss, alone + ranking_loss(means, batch["is_same"]))


def reached(encoder: str, text: TextBatches, pairs: dict[str, Pairs], tokenizer: Tokenizer) -> set[tuple[bool, bool]]:
    """For rows of translation LM: whether a masked place is in the second side, and whether its gradient reaches the
    other side's inputs."""
    torch.manual_seed(0)
    size = tiny.size_of(encoder, 16, 1)
    model = MaskedLanguageModel(encoders.build(encoder, size, tokenizer.vocabulary_size, tokenizer.padding_id))
    batch = translation_lm_steps(pairs, text, tokenizer, 0)(0).micro_batches[0]
    embedded: list[torch.Tensor] = []

    def keep(module: torch.nn.Module, inputs: object, output: torch.Tensor) -> None:
        output.retain_grad()
        embedded.append(output)

    model.encoder.embedding.register_forward_hook(keep)
    found = set()
    for row in range(len(batch["labels"])):
        places = (batch["labels"][row] != IGNORED).nonzero()[:, 0].tolist()
        end = int((batch["input_ids"][row] == tokenizer.special_suffix[0]).nonzero()[0])
        length = int(batch["attention_mask"][row].sum())
        for place in places:
            labels = torch.full_like(batch["labels"][row : row + 1], IGNORED)
            labels[0, place] = batch["labels"][row, place]
            one = {name: value[row : row + 1] for name, value in batch.items()} | {"labels": labels}
            embedded.clear()
            model(one).backward()
            gradient = embedded[0].grad
            assert gradient is not None
            other = gradient[0, end + 1 : length - 1] if place < end else gradient[0, 1:end]
            found.add((place > end, bool((other.abs().sum(-1) > 0).all())))
    return found


@pytest.mark.parametrize("encoder", ["transformer", "lstm", "gru", "mingru"])
def test_both_sides_of_translation_lm_see_one_another(
    encoder: str, pairs: dict[str, Pairs], tokenizer: Tokenizer
) -> None:
    """Whichever comes first: English does in some rows, the translation in others."""
    assert reached(encoder, TEXT, pairs, tokenizer) == {(False, True), (True, True)}


def test_in_a_causal_encoder_only_the_second_side_sees_the_first(pairs: dict[str, Pairs], tokenizer: Tokenizer) -> None:
    assert reached("rwkv7_world", TEXT, pairs, tokenizer) == {(False, False), (True, True)}
