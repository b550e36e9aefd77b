"""benchmarks/pretraining.py: every combination that is asked for, looked at as often as asked, on small text."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import tiny
import yaml

from benchmarks import pretraining
from xit.core.examples import read_examples, write_examples
from xit.core.task import task_of
from xit.pipeline import overlay

ROOT = Path(__file__).parents[1]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Text and pairs of en, sw and tl, a tokenizer, and sentences that translate one another as the pairs do."""
    values = overlay.parameters(ROOT, "tiny")
    values["languages"] = {"pretraining": ["en", "sw", "tl"], "evaluation": ["en", "sw", "tl"]}
    values["pretraining"] |= {"steps": 120, "batch_size": 8, "block_tokens": 16, "masked_fraction": 0.1}
    values["encoders"]["lstm"]["size"] |= {"dimension": 16, "layers": 1, "inner": 16}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    (tmp_path / "data").mkdir()
    tiny.write_text(tmp_path / "data")
    shutil.move(tmp_path / "data/tokenizer", tmp_path / "tokenizer")
    rows = []
    for code in ("sw", "tl"):
        lines = (tmp_path / f"data/parallel/{code}.tsv").read_text().splitlines()
        for i, line in enumerate(dict.fromkeys(lines)):
            sides = zip(("query", "candidate"), line.split("\t"), strict=True)
            rows += [
                {"id": f"{i}", "language": code, "role": role, "text": text, "gold": [f"{i}"] * (role == "query")}
                for role, text in sides
            ]
    write_examples(tmp_path / "data/tatoeba/test.parquet", task_of("tatoeba"), rows)
    assert len(list(read_examples(tmp_path / "data/tatoeba/test.parquet"))) == len(rows)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def looks(project: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[dict[str, object]]:
    monkeypatch.setattr(sys, "argv", ["pretraining.py", *arguments, "--json", "looks.json"])
    pretraining.main()
    found: list[dict[str, object]] = json.loads((project / "looks.json").read_text())
    return found


@pytest.mark.slow
def test_every_combination_is_looked_at_over_its_tokens(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    objectives = ("masked_lm=1", "masked_lm=0.25,translation_ranking=0.75")
    given = [part for shares in objectives for part in ("--objectives", shares)]

    found = looks(project, monkeypatch, "--encoder", "lstm", *given, "--rate", "0.02", "--looks", "2")

    assert [(look["objectives"], look["steps"]) for look in found] == [
        (shares, steps) for shares in objectives for steps in (0, 60, 120)
    ]
    assert {look["rate"] for look in found} == {0.02}
    tokens = [look["tokens"] for look in found]
    assert tokens[:3] == [0, 60 * 8 * 16, 120 * 8 * 16]
    assert tokens[5] == pytest.approx(120 * 8 * 16, rel=0.15)
    assert [sorted(look["losses"]) for look in found[2::3]] == [["masked_lm"], ["masked_lm", "translation_ranking"]]
    (start, _, plain), (same_start, _, ranked) = (
        [look["main"]["tatoeba"] for look in part] for part in (found[:3], found[3:])
    )
    assert start == same_start
    assert ranked > max(start, plain) + 10
    shown = capsys.readouterr().out
    assert "core-minutes" in shown
    assert "translation_ranking=0.75" in shown


def test_shares_that_are_none_are_told_as_those_of_params_yaml(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pretraining.config.ConfigError, match="the shares should sum to 1"):
        looks(project, monkeypatch, "--objectives", "masked_lm=0.5")
