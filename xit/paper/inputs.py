"""What tables and sentences are made of: the scores as a study, and the other files that `xit paper` reads."""

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core.conditions import MULTITASK, parse
from xit.core.errors import DataError
from xit.core.scores import RENAMED, Score, read_scores
from xit.core.settings import AnalysisSettings
from xit.core.task import nearness, task_of
from xit.core.texts import read_text, stored
from xit.pipeline import overlay
from xit.statistics.learning import unlearnt
from xit.statistics.study import Study, build_study

Row = Mapping[str, str]

SOURCES = {
    "micro": "micro source: made from CLDR phrases, not the benchmark's own data",
    "files": "files source: the published files at hand",
    "hub": "hub source: the published data sets",
}
SHARED = "† Trains on some of the examples that the target is trained on too. "
"""What the mark of a condition and a target means, for captions."""
COLUMNS = {
    "audit": ("task", "split", "language", "source", "examples", "sha256", "repaired", "dropped"),
    "curves": ("stage", "encoder", "condition", "target", "seed", "step", "loss", "validation_score"),
    "encoders": (
        "encoder",
        "parameters",
        "embedding_parameters",
        "pretraining_tokens",
        "pretraining_steps",
        "pretraining_loss",
        "pretraining_learning_rate",
        "learning_rate",
    ),
    "forgetting": ("encoder", "condition", "target", "seed", "language", "loss", "accuracy", "masked"),
    "languages": ("encoder", "language", "tokens", "shared"),
    "layers": ("encoder", "condition", "target", "seed", "language", "layer", "is_centered", "metric", "value"),
    "representations": ("encoder", "condition", "target", "seed", "language", "layer", "measure", "value"),
    "training": (
        "stage",
        "encoder",
        "condition",
        "target",
        "seed",
        "steps",
        "best_step",
        "validation_score",
        "learning_rate",
        "shares",
    ),
    "upper_bounds": ("encoder", "target", "seed", "language", "metric", "value"),
    "tuning": ("source", "encoder", "phase", "learning_rate", "task", "seed", "metric", "validation_score"),
    "coverage": ("row", "setting", "seeds", "experiments", "intervals", "held"),
    "published": (
        "key",
        "system",
        "target",
        "metric",
        "languages",
        "value",
        "split",
        "sources",
        "source",
        "certainty",
        "differs",
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inputs:
    """What tables are made of.

    Attributes:
        audit, curves, encoders, forgetting, languages, layers, representations, training, upper_bounds, published,
            tuning: Rows of the CSV files of the same names, by column.
        parameters: The sections of params.yaml.
        presets: The profiles that say where their values are from.
    """

    study: Study
    parameters: Mapping[str, Any]
    audit: Sequence[Row] = ()
    curves: Sequence[Row] = ()
    encoders: Sequence[Row] = ()
    forgetting: Sequence[Row] = ()
    languages: Sequence[Row] = ()
    layers: Sequence[Row] = ()
    representations: Sequence[Row] = ()
    training: Sequence[Row] = ()
    upper_bounds: Sequence[Row] = ()
    published: Sequence[Row] = ()
    tuning: Sequence[Row] = ()
    presets: Sequence[overlay.Profile] = ()

    def shares_data(self, condition: str, target: str) -> bool:
        """Whether a condition trains on some of the examples that the target itself is trained on."""
        found = parse(condition).task
        names = self.parameters["recipes"]["multitask"]["tasks"] if found == MULTITASK else [found] if found else []
        return any(nearness(task_of(name), task_of(target), self.study.source) == "same data" for name in names)

    @property
    def label(self) -> str:
        """What every title says of its source."""
        return SOURCES[self.study.source]


def read(scores: Path, results: Path, parameters: Mapping[str, Any], folder: Path) -> Inputs:
    """Everything that tables are made of; `folder` is paper/inputs of a project."""
    training = read_rows(results / "training.csv", COLUMNS["training"])
    return Inputs(
        study=study_of(read_scores(scores), parameters, training),
        audit=read_rows(results / "audit.csv", COLUMNS["audit"]),
        curves=read_rows(results / "curves.csv", COLUMNS["curves"]),
        encoders=read_rows(results / "encoders.csv", COLUMNS["encoders"]),
        forgetting=rows_if_there(results / "forgetting.csv", COLUMNS["forgetting"]),
        languages=rows_if_there(results / "languages.csv", COLUMNS["languages"]),
        layers=rows_if_there(results / "layers.csv", COLUMNS["layers"]),
        representations=rows_if_there(results / "representations.csv", COLUMNS["representations"]),
        training=training,
        upper_bounds=rows_if_there(results / "upper_bounds.csv", COLUMNS["upper_bounds"]),
        published=read_rows(folder / "published.csv", COLUMNS["published"]),
        tuning=read_rows(folder / "tuning.csv", COLUMNS["tuning"]),
        parameters=parameters,
        presets=overlay.with_sources(folder.parents[1] / "profiles"),
    )


def study_of(scores: Sequence[Score], parameters: Mapping[str, Any], training: Sequence[Row] = ()) -> Study:
    """The scores as tables take them, in the order of params.yaml.

    Args:
        training: Rows of training.csv, which say what targets were learnt; without them all count as learnt.
    """
    declared = parameters["analysis"]
    lists = {name: tuple(value) for name, value in declared.items() if isinstance(value, list | tuple)}
    analysis = AnalysisSettings(**{**declared, **lists})
    tasks = {name: task_of(name) for name in sorted({score.target for score in scores})}
    order = [name for names in (*parameters["grid"].values(), parameters["languages"]["evaluation"]) for name in names]
    return build_study(
        scores, tasks, order, analysis, unlearnt(training, parameters["grid"]["encoders"], analysis.level)
    )


def study_beside(scores: Path, found: Sequence[Score], file: Path, parameters: Mapping[str, Any]) -> Study:
    """The scores of another experiment, by the parameters that were read from its file.

    Raises:
        DataError: they are not those of this version.
    """
    try:
        return study_of(found, parameters, training_beside(scores))
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{file}: its parameters are not those of this version: {error}. Run the experiment again with this one, "
            "and write it: `xit verify --write FOLDER`."
        ) from None


def training_beside(scores: Path) -> tuple[Row, ...]:
    """The rows of training.csv in the folder of some scores; none where it is not there."""
    return rows_if_there(scores.parent / "training.csv", COLUMNS["training"])


def rows_if_there(path: Path, columns: Sequence[str]) -> tuple[Row, ...]:
    """The rows of a file that results from before it was written do not have."""
    return read_rows(path, columns) if stored(path).is_file() else ()


def read_rows(path: Path, columns: Sequence[str]) -> tuple[Row, ...]:
    """The rows of a CSV file that has these columns; of `<path>.gz` where only that is there.

    Raises:
        DataError: the file is missing, or a column of it, or it is no text.
    """
    path = stored(path)
    if not path.is_file():
        raise DataError(
            f"{path}: no such file. `xit collect` writes it, unless it is of paper/inputs, which the project brings."
        )
    try:
        reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
        reader.fieldnames = header = [RENAMED.get(name, name) for name in reader.fieldnames or ()]
        missing = [name for name in columns if name not in header]
        if missing:
            raise DataError(f"{path}: no column {', '.join(missing)}; it has {', '.join(header)}.")
        return tuple(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a table in UTF-8: {error}.") from None
