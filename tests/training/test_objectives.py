"""The objectives of pretraining: whose a step is, what they read, and that masked LM alone is what it was."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch

from xit.core.errors import DataError
from xit.core.plan import Places
from xit.core.progress import unheard
from xit.modeling import encoders, tokenization
from xit.stages.pretrain import pretrain
from xit.training import objectives
from xit.training.masked_lm import MaskedLanguageModel, masked_lm_steps
from xit.training.objectives import Corpus, pretraining_steps
from xit.training.translation import translation_ranking_steps

SHARES = tiny.ALL_OBJECTIVES.objectives


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny.write_text(tmp_path)
    return tmp_path


def pretrained(
    root: Path, shares: dict[str, float], steps: int = 20
) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
    """Lineage, outcome and log of a pretraining."""
    plan = dataclasses.replace(
        tiny.PRETRAINING,
        size=tiny.SIZES["lstm"],
        steps=steps,
        text=dataclasses.replace(tiny.ALL_OBJECTIVES, objectives=shares),
    )
    pretrain(tiny.cells("lstm"), Places(root / "tokenizer", root, root / "out"), plan, unheard)
    lineage, outcome = (json.loads((root / f"out/1/{name}.json").read_text()) for name in ("lineage", "outcome"))
    return lineage, outcome, [json.loads(line) for line in (root / "out/1/log.jsonl").read_text().splitlines()]


def test_masked_lm_alone_has_the_steps_that_it_had_before_there_were_objectives() -> None:
    """The hash is of the batches that version 1.0 drew, which knew no objective."""
    tokenizer, generator = tiny.tokenizer(), np.random.default_rng(0)
    text = dataclasses.replace(tiny.TEXT, languages=("en", "sw"))
    blocks = {
        code: generator.integers(5, tokenizer.vocabulary_size, (9, 16)).astype(np.int32) for code in text.languages
    }

    step_at = pretraining_steps(Corpus(blocks, {}), text, 60, tokenizer, 7)

    digest = hashlib.sha256()
    for step in map(step_at, (0, 1, 50)):
        assert step.objective == ""
        digest.update(" ".join(step.ids).encode())
        for value in step.micro_batches[0].values():
            digest.update(value.numpy().tobytes())
    assert digest.hexdigest() == "cf18979d32c5479121ac76b6660cee927e8c6169423072420c65c45b03ccab5a"


def test_each_step_has_one_objective_by_the_shares_and_takes_its_next_batch(root: Path) -> None:
    tokenizer = tokenization.load(root / "tokenizer")
    corpus = objectives.read(tiny.ALL_OBJECTIVES, root, tokenizer)

    steps = [pretraining_steps(corpus, tiny.ALL_OBJECTIVES, 600, tokenizer, 3)(step) for step in range(0, 600, 7)]
    step_at = pretraining_steps(corpus, tiny.ALL_OBJECTIVES, 600, tokenizer, 3)
    found = [step_at(step) for step in range(600)]

    for again, step in zip(steps, found[::7], strict=True):
        assert (again.ids, again.objective) == (step.ids, step.objective)
        assert all(torch.equal(v, step.micro_batches[0][n]) for n, v in again.micro_batches[0].items())
    for name, share in SHARES.items():
        assert sum(step.objective == name for step in found) / 600 == pytest.approx(share, abs=0.05)
    for name, alone in (
        ("masked_lm", masked_lm_steps(corpus.blocks, tiny.ALL_OBJECTIVES, tokenizer, 3)),
        ("translation_ranking", translation_ranking_steps(corpus.pairs, tiny.ALL_OBJECTIVES, tokenizer, 3)),
    ):
        own = [step for step in found if step.objective == name]
        assert [step.ids for step in own[:20]] == [alone(number).ids for number in range(20)]


def test_the_log_names_the_objective_of_each_step_and_the_outcome_has_the_loss_of_masked_lm(root: Path) -> None:
    _, outcome, log = pretrained(root, dict(SHARES))

    assert {record["objective"] for record in log} == set(SHARES)
    losses = [record["loss"] for record in log if record["objective"] == "masked_lm"]
    assert outcome["loss"] == sum(losses) / len(losses)
    assert outcome["steps"] == len(log) == 20


def test_masked_lm_alone_logs_no_objective_and_its_tokens_are_those_of_whole_blocks(root: Path) -> None:
    _, outcome, log = pretrained(root, {"masked_lm": 1.0})

    assert {key for record in log for key in record} == {"step", "loss", "learning_rate", "gradient_norm"}
    assert outcome["tokens"] == 20 * tiny.TEXT.batch_size * tiny.TEXT.block_tokens
    assert outcome["loss"] == sum(record["loss"] for record in log) / 20


@pytest.mark.parametrize(
    ("shares", "read", "has_loss"),
    [
        ({"masked_lm": 1.0}, {"text"}, True),
        ({"translation_lm": 1.0}, {"parallel"}, False),
        ({"translation_ranking": 1.0}, {"parallel"}, False),
        ({"masked_lm": 0.5, "translation_ranking": 0.5}, {"text", "parallel"}, True),
    ],
)
def test_a_lineage_names_the_text_that_the_objectives_read(
    shares: dict[str, float], read: set[str], has_loss: bool, root: Path
) -> None:
    """And what they do not read need not be there."""
    for name in {"text", "parallel"} - read:
        shutil.rmtree(root / name)

    lineage, outcome, log = pretrained(root, shares)

    assert set(lineage["inputs"]) == {*read, "tokenizer"}
    assert (outcome["loss"] is not None) == has_loss
    assert {record.get("objective") for record in log} == ({None} if list(shares) == ["masked_lm"] else set(shares))


def test_pairs_that_are_missing_are_named(root: Path) -> None:
    for path in (root / "parallel").iterdir():
        path.unlink()

    with pytest.raises(DataError, match=r"parallel: no pairs of English and sw, tl\. Name a language"):
        pretrained(root, {"translation_ranking": 1.0})


@pytest.mark.slow
def test_ranking_brings_translations_together(root: Path) -> None:
    """More than masked LM and translation LM do."""
    tokenizer = tokenization.load(root / "tokenizer")
    text = dataclasses.replace(tiny.ALL_OBJECTIVES, batch_size=32, masked_fraction=1e-9)
    pairs = objectives.read(text, root, tokenizer).pairs
    (batch,) = translation_ranking_steps(pairs, text, tokenizer, 99)(0).micro_batches
    found = {}
    for name in ("masked_lm", "translation_lm", "translation_ranking"):
        pretrained(root, {name: 1.0}, steps=100)
        with torch.no_grad():
            found[name] = float(MaskedLanguageModel(encoders.load(root / "out/1"))(batch))  # nothing is masked

    assert 2 * found["translation_ranking"] < min(found["masked_lm"], found["translation_lm"])
