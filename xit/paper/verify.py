"""Whether results are those of a reference: scores again from predictions, table cells again from scores.

Equal inputs on the same kind of processor give equal scores. Other processors differ in the last digits of weights, of
which training makes what another seed would. So a number may differ from the reference by what fresh seeds would do in
19 of 20 whole comparisons (Bonferroni, over all numbers of its kind), and by no more:

- a score: Student's t times the standard deviation between seeds in the reference, pooled over the target's cells,
  times sqrt(2), since both runs scatter; a mean over n seeds: that, divided by sqrt(n);
- an estimate and the ends of its interval: half the width of the reference's interval times sqrt(2), widened from one
  comparison to all by the normal quantile.

With one seed nothing is known of that spread, and numbers must be equal, which is to 1e-6. Counts, settings and words
must be equal; the pretraining loss may differ by 1 %. Verdicts, p-values and stars follow from the numbers beside them.

A reference folder holds numbers only: scores.csv, and tables/*.csv.
"""

import csv
import dataclasses
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xit.core import registry
from xit.core.errors import DataError
from xit.core.files import atomic
from xit.core.scores import Score, read_scores, write_scores
from xit.paper.inputs import read, study_of
from xit.paper.render import Table, as_csv
from xit.pipeline import paths
from xit.scoring.rescore import rescored
from xit.statistics.gains import LEVEL

EQUAL = 1e-6
LOSS = 0.01
VERDICTS = {"reproduced", "contradicted", "inconclusive"}
PLACE = "folder"
"""The parameter that names a place on the machine."""


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """By how much numbers may differ from the reference; `Tolerance({})` is not at all.

    Attributes:
        scores: A single score, by target.
        seeds: Over how many seeds a mean is.
        widening: What an interval's half width is multiplied by.
    """

    scores: Mapping[str, float]
    seeds: int = 1
    widening: float = 0.0

    def of_score(self, target: str, seeds: int = 1) -> float:
        """Of the mean over seeds of a target's score; of the noisiest target where it is none."""
        return max(EQUAL, self.scores.get(target, max(self.scores.values(), default=0.0)) / math.sqrt(seeds))


@dataclasses.dataclass
class Comparison:
    """What was compared with what, and what came of it."""

    title: str
    numbers: int = 0
    equal: int = 0
    differences: list[str] = dataclasses.field(default_factory=list)

    def add(self, where: str, found: float, wanted: float, allowed: float) -> None:
        """Compare two numbers."""
        self.numbers += 1
        self.equal += abs(found - wanted) <= EQUAL
        if not abs(found - wanted) <= max(allowed, EQUAL):
            limit = f"; {allowed:.4g} are allowed" if allowed > EQUAL else ""
            self.differences.append(f"{where}: {found:.6g}, where {wanted:.6g} was expected{limit}")

    def __str__(self) -> str:
        close = self.numbers - self.equal - len(self.differences)
        parts = [f"{self.equal:,} of {self.numbers:,} equal"]
        parts += [f"{close:,} within the seeds' tolerance"] if close > 0 else []
        parts += [f"{len(self.differences):,} differ"] if self.differences else []
        return f"{self.title}: {', '.join(parts)}"


def compare_scores(title: str, found: Sequence[Score], wanted: Sequence[Score], tolerance: Tolerance) -> Comparison:
    """Every score that was wanted, with the one that was found, and how many examples it rests on."""
    result = Comparison(title)
    by_key = {_key(score): score for score in found}
    for score in wanted:
        where = ".".join(map(str, _key(score)))
        other = by_key.get(_key(score))
        if other is None:
            result.numbers += 1
            result.differences.append(f"{where}: not there, where {score.value:.6g} was expected")
        elif other.examples != score.examples:
            result.numbers += 1
            result.differences.append(f"{where}: of {other.examples} examples, where {score.examples} were expected")
        else:
            result.add(where, other.value, score.value, tolerance.of_score(score.target))
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


def seed_tolerance(scores: Sequence[Score], estimates: int) -> Tolerance:
    """What fresh seeds may change in a reference (see the head of this module).

    Args:
        scores: Of the reference.
        estimates: How many estimates with an interval its tables have.
    """
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
    widening = math.sqrt(2) * stats.norm.isf(tail / max(estimates, 1)) / stats.norm.isf(tail)
    return Tolerance(allowed, seeds, float(widening))


def compare_tables(title: str, tables: Sequence[Table], folder: Path, tolerance: Tolerance) -> Comparison:
    """Every cell of the tables of a folder with those of the same names."""
    result = Comparison(title)
    ours = {table.name: table for table in tables}
    for path in sorted(folder.glob("*.csv")):
        if path.stem not in ours:
            result.numbers += 1
            result.differences.append(f"{path.stem}: no such table, where {path} was expected")
        else:
            _compare_table(result, ours[path.stem], path, tolerance)
    return result


def _compare_table(result: Comparison, table: Table, path: Path, tolerance: Tolerance) -> None:
    (header, *found), (wanted_header, *wanted) = csv.reader(io.StringIO(as_csv(table))), _rows(path)
    if header != wanted_header or len(found) != len(wanted):
        result.numbers += 1
        others = sorted({*header} ^ {*wanted_header})
        result.differences.append(
            f"{table.name}: {len(found)} rows of {len(header)} columns, where {len(wanted)} of {len(wanted_header)} "
            f"were expected{'; not in both: ' if others else ''}{', '.join(others)}"
        )
        return
    target = table.name.removeprefix("scores-")
    is_of_scores = table.name.startswith(SCORES)
    for label, mine, theirs in zip(_labels(table), found, wanted, strict=True):
        halves = _half_widths(header, theirs)
        for name, one, other in zip(header, mine, theirs, strict=True):
            column, _, part = name.rpartition("_")
            is_part = column in header and part in ("low", "high", "p", "settled")
            if (is_part and part in ("p", "settled")) or {one, other} <= VERDICTS or PLACE in mine:
                continue
            allowed = None
            if (of := column if is_part else name) in halves:
                allowed = tolerance.widening * halves[of]
            elif is_of_scores:
                allowed = tolerance.of_score(target if target in tolerance.scores else mine[0], tolerance.seeds)
            _compare_cell(result, f"{table.name}: {label}, {name}", one, other, allowed)


SCORES = ("scores-", "validation", "published", "answer", "gains", "architectures", "ledger")
"""Beginnings of the names of tables whose numbers are scores, or differences of scores, in points."""


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


def _labels(table: Table) -> Iterator[str]:
    """What each row is called: its first cells, those that are left out since they repeat filled in."""
    above = [""] * table.texts
    for row in table.rows:
        above = [str(cell) or before for cell, before in zip(row[: table.texts], above, strict=True)]
        yield ", ".join(above)


def _half_widths(header: Sequence[str], row: Sequence[str]) -> dict[str, float]:
    """Half the width of the interval, by column of estimates."""
    cells = {name: _number(cell) for name, cell in zip(header, row, strict=True)}
    ends = {name: (cells.get(f"{name}_low"), cells.get(f"{name}_high")) for name in header}
    return {name: (high - low) / 2 for name, (low, high) in ends.items() if low is not None and high is not None}


def _compare_cell(result: Comparison, where: str, found: str, wanted: str, allowed: float | None) -> None:
    """Two cells of CSV: numbers with a decimal point within a tolerance, anything else by its letters."""
    numbers = _number(found), _number(wanted)
    if numbers[0] is not None and numbers[1] is not None:
        result.add(where, numbers[0], numbers[1], LOSS * abs(numbers[1]) if allowed is None else allowed)
        return
    result.numbers += 1
    result.equal += found == wanted
    if found != wanted:
        result.differences.append(f"{where}: {found or 'nothing'}, where {wanted or 'nothing'} was expected")


def _number(text: str) -> float | None:
    try:
        return float(text) if "." in text or "e" in text else None
    except ValueError:
        return None


@dataclasses.dataclass(frozen=True)
class Verification:
    """What was compared, what could not be, and whether a reference was among it."""

    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]
    has_reference: bool

    @property
    def differences(self) -> tuple[str, ...]:
        """Every cell that differs, with both its values."""
        return tuple(line for comparison in self.comparisons for line in comparison.differences)

    @property
    def verdict(self) -> str:
        """One line."""
        if self.differences:
            return f"not reproduced: cells that differ: {len(self.differences):,}"
        return "reproduced" if self.has_reference else "consistent; there was no reference to compare with"


def verify(
    root: Path, parameters: Mapping[str, Any], reference: Path | None = None, out: Path | None = None
) -> Verification:
    """Compute all scores and table cells of a project again, and compare them with a reference.

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
    scores = read_scores(place)
    inputs = read(place, root / paths.RESULTS, parameters, root / paths.PUBLISHED)
    found: Sequence[Score] = scores
    comparisons, notes = [], []
    if (root / paths.EVALUATIONS).is_dir():
        found = rescored(scores, root / paths.EVALUATIONS, root / paths.data(""))
        inputs = dataclasses.replace(inputs, study=study_of(found, parameters))
        comparisons.append(
            compare_scores(f"scores from predictions, with {paths.SCORES}", found, scores, Tolerance({}))
        )
    else:
        notes.append(f"{paths.EVALUATIONS}: no such folder, so no score was computed again from predictions")
    modules = [registry.load("tables", name) for name in registry.names("tables")]
    tables = [one for module in modules for one in module.build(inputs) if isinstance(one, Table)]
    own = paths.GENERATED / "tables"
    if (root / own).is_dir():
        comparisons.append(compare_tables(f"tables from scores, with {own}", tables, root / own, Tolerance({})))
    else:
        notes.append(f"{own}: no such folder, so tables were not compared with those on disk")
    standard = root / paths.REFERENCES / inputs.study.source
    chosen = reference or (standard if standard.is_dir() and out is None else None)
    if chosen is not None:
        comparisons += _with_reference(chosen, found, tables)
    elif out is None:
        notes.append(f"{standard}: no such folder, so nothing was compared with a reference")
    if not comparisons and out is None:
        raise DataError(
            f"{root.resolve()}: nothing to compare {paths.SCORES} with: no {paths.EVALUATIONS}, no {own}, no "
            f"{standard}. Name a reference: --reference FOLDER."
        )
    result = Verification(tuple(comparisons), tuple(notes), chosen is not None)
    if out is not None and not result.differences:
        write_reference(out, found, tables)
    return result


def _with_reference(folder: Path, scores: Sequence[Score], tables: Sequence[Table]) -> list[Comparison]:
    paths = sorted((folder / "tables").glob("*.csv"))
    if not (folder / "scores.csv").is_file() or not paths:
        what = "no such folder" if not folder.is_dir() else "not a reference"
        raise DataError(
            f"{folder}: {what}. A reference holds scores.csv and tables/*.csv; `xit verify --write FOLDER` makes one."
        )
    wanted = read_scores(folder / "scores.csv")
    sources = {score.source for score in scores}, {score.source for score in wanted}
    if sources[0] != sources[1]:
        names = [", ".join(sorted(one)) for one in sources]
        raise DataError(f"{folder}: is of the source {names[1]}; these results are of {names[0]}. Name another.")
    rows = [_rows(path) for path in paths]
    estimates = sum(len(_half_widths(of[0], row)) for of in rows for row in of[1:])
    tolerance = seed_tolerance(wanted, estimates)
    return [
        compare_scores(f"scores, with {folder / 'scores.csv'}", scores, wanted, tolerance),
        compare_tables(f"tables, with {folder / 'tables'}", tables, folder / "tables", tolerance),
    ]


def write_reference(folder: Path, scores: Sequence[Score], tables: Sequence[Table]) -> None:
    """Write the numbers of a reference folder; what else is in it (a README, figures) stays."""
    write_scores(folder / "scores.csv", scores)
    for path in set((folder / "tables").glob("*.csv")) - {folder / "tables" / f"{table.name}.csv" for table in tables}:
        path.unlink()
    for table in tables:
        with atomic(folder / "tables" / f"{table.name}.csv") as temporary:
            temporary.write_text(as_csv(table), encoding="utf-8")
