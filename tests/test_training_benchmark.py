"""benchmarks/training.py on a released encoder in a folder: both loops train and predict the same, on a tiny one."""

import json
import sys
from pathlib import Path

import pytest
import tiny


def test_a_checkpoint_is_fine_tuned_and_predicted_by_both_loops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    import training

    tiny.write_checkpoint(tmp_path / "checkpoint")
    out = tmp_path / "records.json"
    arguments = ["--checkpoint", str(tmp_path / "checkpoint"), "--rounds", "1", "--steps", "5", "--examples", "20"]
    monkeypatch.setattr(sys, "argv", ["training.py", *arguments, "--json", str(out)])

    training.main()

    records = {(row["phase"], row["loop"]): row for row in json.loads(out.read_text())["records"]}
    assert list(records) == [
        ("fine-tuning", "xit"),
        ("fine-tuning", "Trainer"),
        ("fine-tuning", "Trainer, by length"),
        ("prediction", "xit"),
        ("prediction", "Trainer.predict"),
    ]
    assert all(row["examples_per_second"] > 0 for row in records.values())
    assert all(row["xit_speed_ratio"] > 0 for row in records.values())
