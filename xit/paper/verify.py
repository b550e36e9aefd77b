"""Whether results are those of a reference: scores again from predictions, tables again from scores.

Equal inputs on the same kind of processor give equal scores. On other processors weights differ in the last digits, and
training amplifies this to differences as large as between seeds. A score may therefore differ from the reference by as
much as a fresh seed would change it in 19 of 20 whole comparisons: Student's t times the standard deviation between
seeds in the reference, pooled over the target's cells, times sqrt(2), since both runs vary, corrected (Bonferroni) for
the number of scores. With one seed nothing is known of that deviation, and scores must be equal, which is to 1e-6.

Tables follow from scores, settings and data. So those of a reference are compared with tables that are made here from
the *reference's* scores, and must be equal, to six digits of every number; where the scores differ, tables of how the
trainings went are left out.

A reference folder holds numbers only: scores.csv, and tables/*.csv.
"""

import csv
import dataclasses
import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xit.core import registry
from xit.core.errors import DataError
from xit.core.files import atomic
from xit.core.scores import Score, read_scores, write_scores
from xit.paper.inputs import Inputs, read, study_of
from xit.paper.render import Table, as_csv
from xit.pipeline import paths
from xit.scoring.rescore import scores_from_predictions
from xit.statistics.gains import LEVEL

EQUAL = 1e-6
OF_TRAININGS = ("encoders", "recipes", "validation")
"""Tables with numbers of the trainings themselves, which are not in the scores."""


@dataclasses.dataclass
class Comparison:
    """What was compared with what, and what came of it.

    Attributes:
        compared: Scores, or tables.
        equal: How many of them are equal.
    """

    title: str
    compared: int = 0
    equal: int = 0
    differences: list[str] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        close = self.compared - self.equal - len(self.differences)
        parts = [f"{self.equal:,} of {self.compared:,} equal"]
        parts += [f"{close:,} within the seeds' tolerance"] if close else []
        parts += [f"{len(self.differences):,} differ"] if self.differences else []
        return f"{self.title}: {', '.join(parts)}"


def compare_scores(
    title: str, found: Sequence[Score], wanted: Sequence[Score], tolerance: Mapping[str, float]
) -> Comparison:
    """Every score that was wanted, with the one that was found, and how many examples it rests on.

    Args:
        tolerance: By target, by how much a score may differ.
    """
    result = Comparison(title, len(wanted))
    by_key = {_key(score): score for score in found}
    for score in wanted:
        other = by_key.get(_key(score))
        allowed = max(tolerance.get(score.target, 0.0), EQUAL)
        difference = abs(other.value - score.value) if other else math.inf
        is_comparable = other is not None and other.examples == score.examples
        result.equal += is_comparable and difference <= EQUAL
        if is_comparable and difference <= allowed:
            continue
        if other is None:
            fault = f"not there, where {score.value:.6g} was expected"
        elif not is_comparable:
            fault = f"of {other.examples} examples, where {score.examples} were expected"
        else:
            limit = f"; {allowed:.4g} are allowed" if allowed > EQUAL else ""
            fault = f"{other.value:.6g}, where {score.value:.6g} was expected: {difference:.4g} apart{limit}"
        result.differences.append(f"{'.'.join(map(str, _key(score)))}: {fault}")
    return result


def _key(score: Score) -> tuple[str | int, ...]:
    return (
        score.encoder,
        score.condition,
        score.target,
        score.seed,
        score.language,
        score.split,
        score.source,
        score.metric,
    )


def seed_tolerance(scores: Sequence[Score]) -> dict[str, float]:
    """By how much fresh seeds may change a score of a reference, by target (see the head of this module)."""
    from scipy import stats

    seeds = len({score.seed for score in scores})
    tail = (1 - LEVEL) / 2
    allowed = {}
    for target in {score.target for score in scores}:
        cells: dict[tuple[str, ...], list[float]] = {}
        for score in scores:
            if score.target == target:
                key = (score.encoder, score.condition, score.language, score.metric)
                cells.setdefault(key, []).append(score.value)
        variances = [np.var(values, ddof=1) for values in cells.values() if len(values) > 1]
        if variances:
            # Languages of one system share its seeds, so each system counts once.
            freedom = len({key[:2] for key in cells}) * (seeds - 1)
            quantile = stats.t.isf(tail / len(scores), freedom)
            allowed[target] = float(quantile * math.sqrt(2 * np.mean(variances)))
    return allowed


def tables_of(inputs: Inputs) -> list[Table]:
    """Every table of the paper, without its figures."""
    modules = [registry.load("tables", name) for name in registry.names("tables")]
    return [made for module in modules for made in module.build(inputs) if isinstance(made, Table)]


def compare_tables(title: str, tables: Sequence[Table], folder: Path, left_out: Sequence[str] = ()) -> Comparison:
    """The tables of a folder, each with the one of its name, to six digits of every number.

    Raises:
        DataError: a file of the folder is no table.
    """
    result = Comparison(title)
    ours = {table.name: as_csv(table) for table in tables}
    for path in sorted(folder.glob("*.csv")):
        if path.stem in left_out:
            continue
        wanted = _rows(path)
        result.compared += 1
        if path.stem not in ours:
            result.differences.append(f"{path.stem}: no such table, where {path} was expected")
            continue
        found = list(csv.reader(io.StringIO(ours[path.stem])))
        fault = _first_difference(*([list(map(_rounded, row)) for row in rows] for rows in (found, wanted)))
        result.equal += not fault
        result.differences += [f"{path.stem}: {fault}"] if fault else []
    return result


def _first_difference(found: Sequence[list[str]], wanted: Sequence[list[str]]) -> str:
    """Where two tables differ first, or nothing; a folder's name is of the machine, and may differ."""
    if found[0] != wanted[0] or len(found) != len(wanted):
        others = sorted({*found[0]} ^ {*wanted[0]})
        return (
            f"{len(found) - 1} rows of {len(found[0])} columns, where {len(wanted) - 1} of {len(wanted[0])} were "
            f"expected{'; not in both: ' if others else ''}{', '.join(others)}"
        )
    pairs = zip(found[1:], wanted[1:], strict=True)
    lines = [(i, row, other) for i, (row, other) in enumerate(pairs, 2) if row != other and "folder" not in row]
    if not lines:
        return ""
    number, row, other = lines[0]
    name, one, two = next(cell for cell in zip(found[0], row, other, strict=True) if cell[1] != cell[2])
    count = f"{len(lines)} rows differ, first " if len(lines) > 1 else ""
    values = f"{one or 'nothing'}, where {two or 'nothing'} was expected"
    return f"{count}line {number} ({', '.join(filter(None, row[:2]))}), {name}: {values}"


def _rounded(cell: str) -> str:
    return f"{float(cell):.6g}" if re.fullmatch(r"-?\d+\.\d+(e[+-]?\d+)?", cell) else cell


def _rows(path: Path) -> list[list[str]]:
    """Header and rows of a table of a reference."""
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    except UnicodeDecodeError:
        rows = []
    if not rows or {len(row) for row in rows} != {len(rows[0])}:
        raise DataError(
            f"{path}: not a table: it is empty, not UTF-8, or its rows are not equally long. Restore it, or write it "
            "again: `xit verify --write FOLDER`."
        )
    return rows


@dataclasses.dataclass(frozen=True)
class Verification:
    """What was compared, what could not be, and whether a reference was among it."""

    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]
    has_reference: bool

    @property
    def differences(self) -> tuple[str, ...]:
        """Every score and table that differs, and how."""
        return tuple(line for comparison in self.comparisons for line in comparison.differences)

    @property
    def verdict(self) -> str:
        """One line."""
        if self.differences:
            return f"not reproduced: what differs: {len(self.differences):,}"
        return "reproduced" if self.has_reference else "consistent; there was no reference to compare with"


def verify(
    root: Path, parameters: Mapping[str, Any], reference: Path | None = None, out: Path | None = None
) -> Verification:
    """Compute all scores and tables of a project again, and compare them with a reference.

    Args:
        root: The project's folder.
        parameters: params.yaml as plain values.
        reference: A folder with scores.csv and tables/*.csv; else that of the source in paper/reference, if it is
            there and none is to be written.
        out: Where to write such a folder of these results, if they agree with themselves.

    Raises:
        DataError: there is nothing to compare with, predictions are missing, or the reference is not one.
    """
    place = root / paths.SCORES
    scores: Sequence[Score] = read_scores(place)
    inputs = read(place, root / paths.RESULTS, parameters, root / paths.INPUTS)
    comparisons, notes = [], []
    if (root / paths.EVALUATIONS).is_dir():
        again = scores_from_predictions(scores, root / paths.EVALUATIONS, root / paths.data(""))
        comparisons.append(compare_scores(f"scores from predictions, with {paths.SCORES}", again, scores, {}))
        scores = again
        inputs = dataclasses.replace(inputs, study=study_of(scores, parameters))
    else:
        notes.append(f"{paths.EVALUATIONS}: no such folder, so no score was computed again from predictions")
    own = paths.GENERATED / "tables"
    tables = tables_of(inputs)
    if (root / own).is_dir():
        comparisons.append(compare_tables(f"tables from scores, with {own}", tables, root / own))
    else:
        notes.append(f"{own}: no such folder, so tables were not compared with those on disk")
    standard = root / paths.REFERENCES / inputs.study.source
    chosen = reference or (standard if standard.is_dir() and out is None else None)
    if chosen is not None:
        wanted = _read_reference(chosen, inputs)
        of_scores = compare_scores(f"scores, with {chosen / 'scores.csv'}", scores, wanted, seed_tolerance(wanted))
        are_equal = of_scores.equal == of_scores.compared
        left_out = () if are_equal else OF_TRAININGS
        if left_out:
            notes.append(f"tables of trainings, which differ with the scores, were left out: {', '.join(left_out)}")
        of_reference = tables_of(dataclasses.replace(inputs, study=study_of(wanted, parameters)))
        title = f"tables from the scores of the reference, with {chosen / 'tables'}"
        comparisons += [of_scores, compare_tables(title, of_reference, chosen / "tables", left_out)]
    elif out is None:
        notes.append(f"{standard}: no such folder, so nothing was compared with a reference")
    if not comparisons and out is None:
        raise DataError(
            f"{root.resolve()}: nothing to compare {paths.SCORES} with: no {paths.EVALUATIONS}, no {own}, no "
            f"{standard}. Name a reference: --reference FOLDER."
        )
    result = Verification(tuple(comparisons), tuple(notes), chosen is not None)
    if out is not None and not result.differences:
        write_reference(out, scores, tables)
    return result


def _read_reference(folder: Path, inputs: Inputs) -> tuple[Score, ...]:
    """The scores of a reference of the same source."""
    if not (folder / "scores.csv").is_file() or not any((folder / "tables").glob("*.csv")):
        what = "no such folder" if not folder.is_dir() else "not a reference"
        raise DataError(
            f"{folder}: {what}. A reference holds scores.csv and tables/*.csv; `xit verify --write FOLDER` makes one."
        )
    scores = read_scores(folder / "scores.csv")
    sources = {score.source for score in scores}
    if sources != {inputs.study.source}:
        raise DataError(
            f"{folder}: is of the source {', '.join(sorted(sources)) or 'of no score'}; these results are of "
            f"{inputs.study.source}. Name another."
        )
    return scores


def write_reference(folder: Path, scores: Sequence[Score], tables: Sequence[Table]) -> None:
    """Write the numbers of a reference folder; what else is in it (a README, figures) stays."""
    write_scores(folder / "scores.csv", scores)
    for path in set((folder / "tables").glob("*.csv")) - {folder / "tables" / f"{table.name}.csv" for table in tables}:
        path.unlink()
    for table in tables:
        with atomic(folder / "tables" / f"{table.name}.csv") as temporary:
            temporary.write_text(as_csv(table), encoding="utf-8")
