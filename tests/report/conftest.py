"""The pages that tests look at, each made once."""

from pathlib import Path

import pytest
from fabricated import PAPER, parameters
from pages import HOSTILE, PUBLISHED, ROWS, make, write_reference, write_run

from xit.report import report


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run whose predictions would run as script, if they could, and of a reference."""
    root = tmp_path_factory.mktemp("report")
    write_run(root, ROWS, {"none": "before", "mnli": HOSTILE})
    write_reference(root / "paper/reference/released", PUBLISHED, parameters(PUBLISHED))
    make(root)
    return root / "report.html"


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page where nothing was run: of the references that are committed."""
    out = tmp_path_factory.mktemp("clone") / "report.html"
    report(out / "scores.csv", out / "evaluations", out / "data", parameters(ROWS), PAPER / "reference", out)
    return out
