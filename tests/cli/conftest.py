"""Commands run as the console script runs them, in a folder with small parameters."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import LANGUAGES, ROOT, TEST, Done, Xit

from xit import cli
from xit.pipeline import overlay


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    """The tiny profile, smaller still."""
    merged = overlay.parameters(ROOT, "tiny")
    merged["languages"] = {"pretraining": list(LANGUAGES), "evaluation": list(LANGUAGES)}
    merged["micro"] |= {"train": 16, "validation": 8, "test": TEST, "documents_per_language": 40}
    merged["analysis"] |= {"fewest_seeds": 3}
    return dict(merged)


@pytest.fixture(scope="module")
def params_yaml(parameters: dict[str, Any]) -> str:
    return yaml.safe_dump(parameters)


@pytest.fixture
def xit(params_yaml: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Xit:
    """Runs a command as the console script does, in a folder with params.yaml."""
    (tmp_path / "params.yaml").write_text(params_yaml)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["xit", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        return Done(int(left.value.code or 0), *capfd.readouterr())

    return run
