"""A reference: the scores of a run, and all that its tables are made of, in a folder of paper/reference.

    scores.csv.gz, audit.csv.gz, training.csv.gz, …  as `xit collect` writes them, packed
    params.yaml                                      its parameters, whole
    tables/*.csv, answer.md, heatmap.png, paper.pdf  what `xit paper` makes of these

Tables that are not packed, as those of former versions, are read too. A reference may have more seeds and conditions
than the run that is compared with it; what both have is compared.
"""

import dataclasses
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core.errors import DataError
from xit.core.files import atomic
from xit.core.scores import Score, read_scores, write_scores
from xit.core.texts import read_text, stored, write_text
from xit.paper.inputs import COLUMNS, Inputs, read_rows, rows_if_there, study_of
from xit.paper.render import Table, as_csv
from xit.paper.sentences import answer_page
from xit.pipeline import config, paths

ROWS = ("audit", "encoders", "training")
OPTIONAL = ("curves", "forgetting", "languages", "layers", "representations", "upper_bounds")
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
        return dataclasses.replace(project, study=study, parameters=self.parameters, **rows)

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


def standard(root: Path, source: str, encoders: Collection[str]) -> Path | None:
    """The committed reference of a run: the first whose parameters name its source and one of its encoders, that of the
    source's name before all."""
    references = root / paths.REFERENCES
    for folder in (references / source, *sorted(path.parent for path in references.glob("*/params.yaml"))):
        if is_reference(folder) and (folder / "params.yaml").is_file():
            values = config.read(folder / "params.yaml")
            if values.get("source") == source and {*values.get("grid", {}).get("encoders", ())} & {*encoders}:
                return folder
    return None


def is_reference(folder: Path) -> bool:
    """Whether a folder has what a reference has."""
    return stored(folder / "scores.csv").is_file() and any((folder / "tables").glob("*.csv"))


def read_reference(folder: Path, source: str | None = None) -> Reference:
    """Read a reference folder, of any source where none is named.

    Raises:
        DataError: it is none, or is of another source.
    """
    if not is_reference(folder):
        what = "no such folder" if not folder.is_dir() else "not a reference"
        raise DataError(
            f"{folder}: {what}. A reference holds scores.csv.gz and tables/*.csv, which `xit verify --write FOLDER` "
            "makes."
        )
    scores = read_scores(folder / "scores.csv")
    sources = {score.source for score in scores}
    if source is not None and sources != {source}:
        raise DataError(
            f"{folder}: is of the source {', '.join(sorted(sources)) or 'of no score'}; these results are of {source}. "
            "Name another."
        )
    file = folder / "params.yaml"
    return Reference(folder, scores, config.read(file) if file.is_file() else None)


def without_folder(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters without the place of published files, which is of the machine; `files.sha256` says what they are."""
    files = dict(parameters.get("files", {}))
    return {**parameters, "files": {**files, "folder": ""}} if files.get("folder") else dict(parameters)


def write_reference(folder: Path, scores: Sequence[Score], inputs: Inputs, tables: Sequence[Table], root: Path) -> None:
    """Write a reference folder of a project's results; what else is in it (a README, figures) stays."""
    texts = {f"tables/{table.name}.csv": as_csv(table) for table in tables}
    texts |= {
        "params.yaml": config.written(without_folder(inputs.parameters)),
        "answer.md": answer_page(inputs.study, tables),
    }
    for name in (*ROWS, *OPTIONAL):
        if (file := stored(root / paths.RESULTS / f"{name}.csv")).is_file():
            texts[f"{name}.csv.gz"] = read_text(file)
    write_scores(folder / "scores.csv.gz", scores)
    for name, text in texts.items():
        write_text(folder / name, text)
    for name, made in (
        ("paper.pdf", root / paths.PDF),
        ("heatmap.png", root / paths.GENERATED / "figures/heatmap.png"),
    ):
        if made.is_file():
            with atomic(folder / name) as temporary:
                shutil.copyfile(made, temporary)
        else:
            (folder / name).unlink(missing_ok=True)
    before = {folder / f"{name}.csv{end}" for name in (*ROWS, *OPTIONAL) for end in ("", ".gz")}
    before |= {folder / "scores.csv", *(folder / "tables").glob("*.csv")}
    for path in before - {folder / name for name in texts}:
        path.unlink(missing_ok=True)
