"""`xit forgetting`: masked LM of encoders by the head of pretraining, and what is not measured."""

import json
from pathlib import Path

import pytest
import tiny
import torch

from xit.core.examples import write_examples
from xit.core.plan import Cell, Places
from xit.core.progress import unheard
from xit.core.task import task_of
from xit.modeling import encoders, tokenization
from xit.modeling.checkpoints import MASKED_LM_HEAD
from xit.stages.forgetting import forgetting, losses, sentences
from xit.training.masked_lm import MaskedLanguageModel

SAID = {"en": "a lamp is green {}", "de": "die Lampe ist grün {}", "sw": "taa ni kijani {}"}


def pairs(count: int = 30) -> list[dict[str, object]]:
    """Parallel sentences of German and Swahili with English."""
    return [
        {"id": f"{i}", "language": code, "role": role, "text": SAID[said].format(i), "gold": gold}
        for code in ("de", "sw")
        for i in range(count)
        for role, said, gold in (("query", "en", [f"{i}"]), ("candidate", code, []))
    ]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Encoders after `none` and `mnli`, which are equal, and after `squad`, which is another; and their data."""
    for name, seed in (("none", 0), ("mnli", 0), ("squad", 1), ("mlm", 0), ("untrained", 0)):
        tiny.write_checkpoint(tmp_path / "models" / name / "1", seed=seed)
    write_examples(tmp_path / "data/tatoeba/test.parquet", task_of("tatoeba"), pairs())
    tiny.write_checkpoint(tmp_path / "pretrained/1")
    model = MaskedLanguageModel(encoders.load(tmp_path / "pretrained/1"))
    model.save_head(tmp_path / "pretrained/1")
    return Places(tmp_path / "models", tmp_path / "data", tmp_path / "out")


def run(places: Places, *conditions: str, target: str = "tatoeba") -> list[str]:
    cells = {f"{name}/1": Cell("transformer", name, target, 1) for name in conditions}
    return forgetting(cells, places, places.parent.parent / "pretrained", 16, 0.3, unheard)


def rows(places: Places, condition: str) -> list[dict[str, float]]:
    found: list[dict[str, float]] = json.loads((places.out / condition / "1/losses.json").read_text(encoding="utf-8"))
    return found


def test_every_language_has_its_loss_and_equal_encoders_have_equal_ones(places: Places) -> None:
    lines = run(places, "none", "mnli", "squad")

    none, same, other = (rows(places, name) for name in ("none", "mnli", "squad"))
    assert [row["language"] for row in none] == ["en", "de", "sw"]
    assert none == same  # the masks are the same
    assert [row["masked"] for row in none] == [row["masked"] for row in other]
    assert all(0 < row["loss"] < 20 and 0 <= row["accuracy"] <= 100 and row["masked"] > 50 for row in none)
    assert none != other
    assert all("masked-LM loss " in line and line.endswith("mean of 2 languages but English") for line in lines)
    assert all(line.endswith("already made, of the same lineage") for line in run(places, "none", "mnli", "squad"))


def test_what_moved_its_head_or_has_random_weights_is_not_measured(places: Places) -> None:
    run(places, "none", "untrained", "mnli", "mlm")

    assert {path.name for path in places.out.iterdir()} == {"none", "mnli"}


def test_without_a_head_or_without_parallel_sentences_the_folder_says_why_and_is_empty(places: Places) -> None:
    run(places, "none")

    (other,) = run(places, "none", target="lareqa")
    assert not list(places.out.iterdir())
    run(places, "none")
    (places.parent.parent / "pretrained/1" / MASKED_LM_HEAD).unlink()
    (headless,) = run(places, "none")

    assert other.endswith("nothing is measured, since lareqa has no parallel sentences")
    assert headless.endswith(f"pretrained/1/{MASKED_LM_HEAD}: there is no masked-LM head")
    assert not list(places.out.iterdir())


def test_english_sentences_are_those_of_one_language_and_others_their_own() -> None:
    found = sentences(pairs(2))

    assert found == {code: [text.format(0), text.format(1)] for code, text in SAID.items()}


def test_losses_are_those_of_the_head_on_masked_pieces_alone(tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path)
    model, tokenizer = MaskedLanguageModel(encoders.load(tmp_path)).eval(), tokenization.load(tmp_path)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)  # so that all pieces are equally likely
    lines = [text for row in pairs() if isinstance(text := row["text"], str)]

    alike, short = (
        losses(model, tokenizer, {"de": lines, "sw": lines[:1] * 2}, 16, 0.3),
        losses(model, tokenizer, {"sw": ["a"]}, 16, 0.3),
    )
    with torch.no_grad():
        model.bias[tokenizer.vocabulary_size - 1] = 100.0
    (wrong, *_) = losses(model, tokenizer, {"de": lines}, 16, 0.3)

    assert alike[0]["loss"] == pytest.approx(torch.log(torch.tensor(tokenizer.vocabulary_size)).item(), abs=1e-4)
    assert wrong["loss"] > 50
    assert short == []  # it fills no block
