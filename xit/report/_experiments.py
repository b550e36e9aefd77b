"""The experiments that a page shows: the run of this project, and the references that are committed beside it."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xit.core.errors import DataError, XitError, counted
from xit.core.scores import read_scores
from xit.core.texts import stored
from xit.paper.inputs import study_beside, study_of, training_beside
from xit.paper.reference import read_reference
from xit.paper.sentences import listed
from xit.report._examples import Examples, collect
from xit.statistics.study import Study

MADE = "micro"
"""The source whose tasks are made by this package; all others are published data."""
FEW = 3
"""Encoders that a label names; of more it says how many there are."""


@dataclasses.dataclass(frozen=True, eq=False)
class Experiment:
    """One experiment of a page.

    Attributes:
        name: In the address of the page.
        scores: The file that was read.
        examples: None are there for a reference, which has no predictions.
        has_fewer: Whether cells have no examples here that have some.
    """

    name: str
    title: str
    scores: Path
    study: Study
    examples: Examples
    has_fewer: bool = False

    @property
    def label(self) -> str:
        """What it is, in a line: made or published tasks, seeds, encoders."""
        study = self.study
        encoders = listed(study.encoders) if len(study.encoders) <= FEW else counted(len(study.encoders), "encoder")
        kind = "made tasks" if study.source == MADE else f"published data ({study.source})"
        tasks = counted(len(study.intermediates), "intermediate task")
        return f"{kind} · {counted(len(study.seeds), 'seed')} · {encoders} · {tasks}"


def of_run(scores: Path, evaluations: Path, data: Path, parameters: Mapping[str, Any]) -> Experiment:
    """The run of a project, with examples where its predictions and its test data are there."""
    study = study_of(read_scores(scores), parameters, training_beside(scores))
    title = f"This project’s run, in {scores.parent}/"
    return Experiment("run", title, stored(scores), study, collect(study, evaluations, data))


def of_references(folder: Path) -> tuple[list[Experiment], list[str]]:
    """Every reference in a folder that can be read, and lines that say why others are left out."""
    found, left_out = [], []
    for reference in sorted(path for path in folder.glob("*") if path.is_dir()):
        try:
            found.append(_of_reference(reference))
        except XitError as error:
            left_out.append(f"left out: {error}")
    return found, left_out


def _of_reference(folder: Path) -> Experiment:
    """One reference.

    Raises:
        XitError: it is none, or has no params.yaml: what its tests are and what was declared for them is then unknown,
            and numbers by other declarations would not be those that were published with it.
    """
    reference = read_reference(folder)
    if reference.parameters is None:
        raise DataError(
            f"{folder}: has no params.yaml, so that it is not known what its tests were declared to be. "
            "`xit verify --write FOLDER` writes one with it."
        )
    study = study_beside(folder / "scores.csv", reference.scores, folder / "params.yaml", reference.parameters)
    readme = folder / "README.md"
    lines = readme.read_text(encoding="utf-8", errors="replace").splitlines() if readme.is_file() else []
    title = next((line[2:] for line in lines if line.startswith("# ")), f"Reference {folder.name}")
    return Experiment(f"reference/{folder.name}", title, stored(folder / "scores.csv"), study, {})
