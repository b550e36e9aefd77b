"""A checkpoint that is shared: a copy of its files, and a card that the Hub reads."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from xit.core.errors import CheckpointError
from xit.core.files import write_json
from xit.core.scores import Score, write_scores
from xit.report import card

CELLS: dict[str, dict[str, Any]] = {
    "finetune": {"encoder": "lstm", "condition": "mnli", "target": "xnli", "seed": 1},
    "intermediate": {"encoder": "lstm", "condition": "mnli", "target": "", "seed": 2},
    "pretrain": {"encoder": "lstm", "condition": "", "target": "", "seed": 1},
}


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    values = {("xnli", "accuracy", "en", 1): 90.0, ("xnli", "accuracy", "de", 1): 60.0}
    values |= {("xnli", "accuracy", "de", 2): 70.0, ("tatoeba", "accuracy", "de", 2): 12.5}
    rows = [
        Score("lstm", "mnli", t, code, "test", "micro", m, n, value, 80) for (t, m, code, n), value in values.items()
    ]
    write_scores(
        tmp_path / "scores.csv", [*rows, Score("gru", "mnli", "xnli", "de", "test", "micro", "accuracy", 1, 1.0, 80)]
    )
    return tmp_path / "scores.csv"


def checkpoint(folder: Path, stage: str) -> Path:
    folder.mkdir()
    tasks = {"xnli": {"batch_size": 32, "language": "en", "max_length_tokens": 64}} if stage == "finetune" else {}
    text = {"languages": ["en", "de"], "masked_fraction": 0.3} if stage == "pretrain" else None
    plan = {"steps": 300, "learning_rate": 0.004, "head": "matching", "tasks": tasks, "text": text}
    made = {
        "stage": stage,
        "parameters": {**CELLS[stage], "plan": plan},
        "code": "c" * 64,
        "inputs": {"xnli train": "a" * 64},
    }
    write_json(folder / "lineage.json", {**made, "versions": {"torch": "2.13.0"}, "instructions": "compatible"})
    write_json(folder / "outcome.json", {"best_step": 250, "best_score": 79.0, "chance": 33.5})
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_the_hub_reads_the_scores_of_the_seed_that_is_shared(tmp_path: Path, scores: Path) -> None:
    card.export(checkpoint(tmp_path / "made", "finetune"), scores, tmp_path / "out")

    found = ModelCard.load(tmp_path / "out/README.md").data

    assert (found.pipeline_tag, found.language) == ("text-classification", ["de", "en"])
    assert {(row.dataset_config, row.metric_type, row.metric_value) for row in found.eval_results} == {
        ("en", "accuracy", 90.0),
        ("de", "accuracy", 60.0),
    }


def test_the_card_tells_training_scores_with_intervals_limits_and_hashes(tmp_path: Path, scores: Path) -> None:
    lines = card.export(checkpoint(tmp_path / "made", "finetune"), scores, tmp_path / "out")

    text = (tmp_path / "out/README.md").read_text(encoding="utf-8")
    assert lines == [f"wrote {tmp_path}/out: the checkpoint and its card, README.md, with scores of 2 languages"]
    for line in (
        "# lstm, mnli, fine-tuned on XNLI, seed 1",
        "| learning rate | 0.004 |",
        "| English validation | 79.0 |",
        "| XNLI | de | 60.0 | 65.0 [1.5, 128.5] | 80 |",  # 65 ± 12.706 * 7.071 / √2
        "| XNLI | en | 90.0 | 90.0 | 80 |",
        "| read: xnli train | aaaaaaaaaaaa |",
    ):
        assert line in text.splitlines(), line
    assert "evidence about the method, and no score on XTREME-R" in text
    assert (tmp_path / "out/model.safetensors").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("stage", "told", "values"),
    [
        ("intermediate", "trained in English on the intermediate condition `mnli`", [12.5]),
        ("pretrain", "| text | masked LM in en, de |", []),
    ],
)
def test_a_bare_encoder_has_the_scores_of_what_needs_no_training(
    tmp_path: Path, scores: Path, stage: str, told: str, values: list[float]
) -> None:
    (line,) = card.export(checkpoint(tmp_path / "made", stage), scores, tmp_path / "out")

    assert line.endswith("scores of 1 language" if values else f"with no score of it in {scores}")
    loaded = ModelCard.load(tmp_path / "out/README.md")
    assert told in loaded.text
    assert loaded.data.pipeline_tag == "feature-extraction"
    assert [row.metric_value for row in loaded.data.eval_results or ()] == values


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, r"lineage.json: no such file, so it was not made here\. Name a folder"), ("{", r"lineage.json: cut short")],
)
def test_a_folder_of_others_is_refused_and_nothing_is_written(
    tmp_path: Path, scores: Path, content: str | None, message: str
) -> None:
    (tmp_path / "made").mkdir()
    if content:
        (tmp_path / "made/lineage.json").write_text(content, encoding="utf-8")

    with pytest.raises(CheckpointError, match=message):
        card.export(tmp_path / "made", scores, tmp_path / "out")
    assert not (tmp_path / "out").exists()
