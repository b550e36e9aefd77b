"""A reference: the scores of a run, and all that its tables are made of, in a folder of paper/reference.

    scores.csv, audit.csv, encoders.csv, training.csv, …  as `xit collect` writes them
    params.yaml                                           its parameters, whole
    tables/*.csv, answer.md                               what `xit paper` makes of these

A reference may have more seeds and conditions than the run that is compared with it; what both have is compared.
"""

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core.errors import DataError
from xit.core.files import atomic, remove
from xit.core.scores import Score, read_scores, write_scores
from xit.paper.inputs import COLUMNS, Inputs, read_rows, rows_if_there, study_of
from xit.paper.render import Table, as_csv
from xit.paper.sentences import answer_page
from xit.pipeline import config, paths

ROWS = ("audit", "encoders", "training")
OPTIONAL = ("forgetting", "languages", "representations", "upper_bounds")
"""What a run may lack, or one of a former version."""


@dataclasses.dataclass(frozen=True)
class Reference:
    """A reference folder that was read.

    Attributes:
        parameters: None where the folder has none, as those of former versions; its tables cannot be made again then.
    """

    folder: Path
    scores: tuple[Score, ...]
    parameters: Mapping[str, Any] | None

    @property
    def instructions(self) -> str:
        """The instructions that it was computed with; nothing where it does not say."""
        return str((self.parameters or {}).get("compute", {}).get("instructions", ""))

    def inputs(self, project: Inputs) -> Inputs:
        """What its tables are made of; published numbers, trials and profiles are the project's."""
        assert self.parameters is not None
        rows: dict[str, Any] = {name: read_rows(self.folder / f"{name}.csv", COLUMNS[name]) for name in ROWS}
        rows |= {name: rows_if_there(self.folder / f"{name}.csv", COLUMNS[name]) for name in OPTIONAL}
        study = study_of(self.scores, self.parameters, rows["training"])
        return dataclasses.replace(project, study=study, parameters=self.parameters, curves=(), layers=(), **rows)

    def of(self, parameters: Mapping[str, Any]) -> tuple[Score, ...]:
        """Its scores of the cells that these parameters declare."""
        grid, languages = parameters["grid"], parameters["languages"]["evaluation"]
        targets = {*grid["targets"], *grid["bare_targets"]}
        return tuple(
            score
            for score in self.scores
            if score.encoder in grid["encoders"]
            and score.condition in grid["conditions"]
            and score.target in targets
            and score.seed in parameters["seeds"]
            and score.language in languages
        )


def standard(root: Path, source: str) -> Path | None:
    """The committed reference of a source, where there is one."""
    folder = root / paths.REFERENCES / source
    return folder if folder.is_dir() else None


def read_reference(folder: Path, source: str) -> Reference:
    """Read a reference folder.

    Raises:
        DataError: it is none, or is of another source.
    """
    if not (folder / "scores.csv").is_file() or not any((folder / "tables").glob("*.csv")):
        what = "no such folder" if not folder.is_dir() else "not a reference"
        raise DataError(
            f"{folder}: {what}. A reference holds scores.csv and tables/*.csv; `xit verify --write FOLDER` makes one."
        )
    scores = read_scores(folder / "scores.csv")
    sources = {score.source for score in scores}
    if sources != {source}:
        raise DataError(
            f"{folder}: is of the source {', '.join(sorted(sources)) or 'of no score'}; these results are of {source}. "
            "Name another."
        )
    file = folder / "params.yaml"
    return Reference(folder, scores, config.read(file) if file.is_file() else None)


def write_reference(folder: Path, scores: Sequence[Score], inputs: Inputs, tables: Sequence[Table], root: Path) -> None:
    """Write a reference folder of a project's results; what else is in it (a README, figures) stays."""
    write_scores(folder / "scores.csv", scores)
    for path in set((folder / "tables").glob("*.csv")) - {folder / "tables" / f"{table.name}.csv" for table in tables}:
        path.unlink()
    texts = {f"tables/{table.name}.csv": as_csv(table) for table in tables}
    texts |= {"params.yaml": config.written(inputs.parameters), "answer.md": answer_page(inputs.study, tables)}
    for name, text in texts.items():
        with atomic(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    for name in (*ROWS, *OPTIONAL):
        if name in OPTIONAL and not (root / paths.RESULTS / f"{name}.csv").is_file():
            remove(folder / f"{name}.csv")
            continue
        with atomic(folder / f"{name}.csv") as temporary:
            shutil.copyfile(root / paths.RESULTS / f"{name}.csv", temporary)
