"""Whether results are those of a reference: scores again from predictions, tables again from scores.

What a run and its reference both have is compared; a reference may have more seeds and conditions.

- Where bits can be equal, they must be: the machine, the instructions and the version of torch are as the reference's.
- Elsewhere weights differ in the last digits, and training amplifies this to differences as large as between seeds,
  which for a single score are now and then very large. So means are compared: of every encoder, condition, target and
  metric, over languages and seeds. They may differ by as much as fresh seeds would change them in 19 of 20 whole
  comparisons: Student's t times the standard deviation between seeds of that mean in the reference, times sqrt(2 / n)
  for n seeds, since both runs vary, corrected (Bonferroni) for the number of means. With one seed nothing is known of
  that deviation, and scores must be equal, which is to 1e-6. And no sentence of the answer, made of the cells that both
  have, may say the opposite of the reference's. Significance may be lost or gained, as happens with fresh seeds where a
  gain is about as large as what so many seeds detect.
- The reference's tables are made again from its own files, and must be equal to six digits of every number.
"""

import csv
import dataclasses
import io
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xit.core import registry
from xit.core.errors import DataError
from xit.core.scores import Score, read_scores
from xit.core.texts import read_text, stored
from xit.paper.inputs import Inputs, Row, read, study_of, training_beside
from xit.paper.reference import Reference, read_reference, standard, without_folder, write_reference
from xit.paper.render import Table, as_csv
from xit.paper.sentences import sentences_of
from xit.pipeline import config, doctor, paths
from xit.scoring.rescore import scores_from_predictions
from xit.statistics.paired import LEVEL

EQUAL = 1e-6
OPPOSITE = (("raises", "lowers"), ("is larger", "is smaller"))
"""Words of the answer's sentences."""
NUMBERS = re.compile(r"[+−-]?\d+(?:\.\d+)?")


@dataclasses.dataclass
class Comparison:
    """What was compared with what, and what came of it.

    Attributes:
        compared: Scores, means or tables.
        equal: How many of them are equal.
        others: What is said of those that are not equal, and no difference either.
    """

    title: str
    compared: int = 0
    equal: int = 0
    differences: list[str] = dataclasses.field(default_factory=list)
    others: str = ""

    def __str__(self) -> str:
        unequal = self.compared - self.equal - len(self.differences)
        parts = [f"{self.equal:,} of {self.compared:,} equal"]
        parts += [f"{unequal:,} {self.others}"] if unequal else []
        parts += [f"{len(self.differences):,} differ"] if self.differences else []
        return f"{self.title}: {', '.join(parts)}"


def compare_scores(title: str, found: Sequence[Score], wanted: Sequence[Score], is_exact: bool = True) -> Comparison:
    """Every score that was wanted, with the one that was found, and how many examples it rests on.

    Args:
        is_exact: Whether scores must be equal; else they must be there, of as many examples.
    """
    result = Comparison(title, len(wanted), others="need not be")
    by_key = {_key(score): score for score in found}
    for score in wanted:
        other = by_key.get(_key(score))
        if other is None:
            fault = f"not there, where {score.value:.6g} was expected"
        elif other.examples != score.examples:
            fault = f"of {other.examples} examples, where {score.examples} were expected"
        elif (difference := abs(other.value - score.value)) > EQUAL:
            fault = f"{other.value:.6g}, where {score.value:.6g} was expected: {difference:.4g} apart" * is_exact
        else:
            fault = ""
            result.equal += 1
        result.differences += [f"{'.'.join(map(str, _key(score)))}: {fault}"] if fault else []
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


def compare_means(title: str, found: Sequence[Score], wanted: Sequence[Score], of: Sequence[Score]) -> Comparison:
    """The mean over languages and seeds of every encoder, condition, target and metric, to what fresh seeds would
    change (see the head of this module).

    Args:
        wanted: The scores of the reference that `found` has too.
        of: All scores of the reference, whose seeds say how much fresh ones would change.
    """
    from scipy import stats

    ours, theirs, every = (_seed_means(scores) for scores in (found, wanted, of))
    result = Comparison(title, len(theirs), others="within what fresh seeds would change")
    for system, by_seed in theirs.items():
        mean, expected = float(np.mean(list(ours[system].values()))), float(np.mean(list(by_seed.values())))
        values = list(every[system].values())
        allowed = 0.0  # of one seed nothing is known
        if len(values) > 1:
            quantile = stats.t.isf((1 - LEVEL) / 2 / len(theirs), len(values) - 1)
            allowed = float(quantile * np.std(values, ddof=1) * math.sqrt(2 / len(by_seed)))
        difference = abs(mean - expected)
        result.equal += difference <= EQUAL
        if difference > max(allowed, EQUAL):
            result.differences.append(
                f"{'.'.join(system)}: {mean:.6g} in the mean over languages and seeds, where {expected:.6g} was "
                f"expected: {difference:.4g} apart; {allowed:.4g} are allowed"
            )
    return result


def _seed_means(scores: Sequence[Score]) -> dict[tuple[str, ...], dict[int, float]]:
    """By encoder, condition, target and metric the mean over languages of each seed."""
    values: dict[tuple[str, ...], dict[int, list[float]]] = {}
    for score in scores:
        system = (score.encoder, score.condition, score.target, score.metric)
        values.setdefault(system, {}).setdefault(score.seed, []).append(score.value)
    return {system: {seed: sum(of) / len(of) for seed, of in seeds.items()} for system, seeds in values.items()}


def words(scores: Sequence[Score], parameters: Mapping[str, Any], training: Sequence[Row]) -> list[str]:
    """The sentences of the answer, made of these scores and of their trainings alone, without their numbers."""
    cells = {(score.condition, str(score.seed)) for score in scores}
    rows = [row for row in training if (row["condition"], row["seed"]) in cells]
    return [NUMBERS.sub("…", sentence) for sentence in sentences_of(study_of(scores, parameters, rows))["answer"]]


def compare_words(title: str, found: Sequence[str], wanted: Sequence[str]) -> Comparison:
    """Every sentence that was wanted, with the one in its place, which may say less or more, and not the opposite."""
    result = Comparison(title, len(wanted), others="with significance lost or gained, as fresh seeds do")
    for one, other in itertools.zip_longest(found, wanted, fillvalue=""):
        result.equal += one == other
        if not (one and other) or _is_opposite(one, other):
            result.differences.append(f"answer: it says {one!r}, where {other!r} was expected")
    return result


def _is_opposite(one: str, other: str) -> bool:
    return any((up in one and down in other) or (down in one and up in other) for up, down in OPPOSITE)


def tables_of(inputs: Inputs) -> list[Table]:
    """Every table of the paper, without its figures."""
    modules = [registry.load("tables", name) for name in registry.names("tables")]
    return [made for module in modules for made in module.build(inputs) if isinstance(made, Table)]


def compare_tables(title: str, tables: Sequence[Table], folder: Path) -> Comparison:
    """The tables of a folder, each with the one of its name, to six digits of every number.

    Raises:
        DataError: a file of the folder is no table.
    """
    result = Comparison(title)
    ours = {table.name: as_csv(table) for table in tables}
    for path in sorted(folder.glob("*.csv")):
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
        reference: A folder with scores.csv.gz and tables/*.csv; else that of the source in paper/reference, if it is
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
        comparisons.append(compare_scores(f"scores from predictions, with {paths.SCORES}", again, scores))
        scores = again
        inputs = dataclasses.replace(inputs, study=study_of(scores, parameters, inputs.training))
    else:
        notes.append(f"{paths.EVALUATIONS}: no such folder, so no score was computed again from predictions")
    own = paths.GENERATED / "tables"
    tables = tables_of(inputs)
    if (root / own).is_dir():
        comparisons.append(compare_tables(f"tables from scores, with {own}", tables, root / own))
    else:
        notes.append(f"{own}: no such folder, so tables were not compared with those on disk")
    chosen = reference or (standard(root, inputs.study.source, inputs.study.encoders) if out is None else None)
    if chosen is not None:
        compared, more = _with_reference(read_reference(chosen, inputs.study.source), scores, inputs, root)
        comparisons += compared
        notes += more
    elif out is None:
        notes.append(
            f"{root / paths.REFERENCES}: none of the {inputs.study.source} source with these encoders, so nothing was "
            "compared with a reference"
        )
    if not comparisons and out is None:
        raise DataError(
            f"{root.resolve()}: nothing to compare {paths.SCORES} with: no {paths.EVALUATIONS}, no {own}, no "
            f"{root / paths.REFERENCES / inputs.study.source}. Name a reference: --reference FOLDER."
        )
    result = Verification(tuple(comparisons), tuple(notes), chosen is not None)
    if out is not None and not result.differences:
        write_reference(out, scores, inputs, tables, root)
    return result


def _with_reference(
    reference: Reference, scores: Sequence[Score], inputs: Inputs, root: Path
) -> tuple[list[Comparison], list[str]]:
    """The comparisons with a reference, and what could not be compared."""
    folder, parameters = reference.folder, inputs.parameters
    wanted, notes = reference.of(parameters), []
    if not wanted:
        raise DataError(
            f"{folder}: has no cell of this experiment: no encoder, condition, target, seed and language of "
            "params.yaml is together in it. Name another: --reference FOLDER."
        )
    if len(wanted) < len(reference.scores):
        notes.append(f"{folder}: has {len(reference.scores):,} scores, of which {len(wanted):,} are of this experiment")
    keys = {_key(score) for score in wanted}
    if more := sum(_key(score) not in keys for score in scores):
        notes.append(f"{folder}: has none of {more:,} of this experiment's scores")
    reasons = differing(reference, root)
    if reasons:
        notes.append(f"bits need not be those of {folder}: {'; '.join(reasons)}")
    has_seeds = len({score.seed for score in reference.scores}) > 1
    is_exact = not (reasons and has_seeds)
    of_scores = compare_scores(f"scores, with {stored(folder / 'scores.csv')}", scores, wanted, is_exact)
    comparisons = [of_scores]
    if of_scores.equal < of_scores.compared:
        found = [score for score in scores if _key(score) in keys]
        if not is_exact and not of_scores.differences:
            title = f"means over languages and seeds, with those of the same cells of {folder}"
            comparisons.append(compare_means(title, found, wanted, reference.scores))
        title = f"sentences of the answer, with those of the same cells of {folder}"
        ours = words(found, parameters, inputs.training)
        theirs = words(wanted, parameters, training_beside(folder / "scores.csv"))
        comparisons.append(compare_words(title, ours, theirs))
    own = without_folder(parameters)
    other = None if reference.parameters is None else without_folder(reference.parameters)
    if other is not None and other != own:
        names = [name for name in own if other.get(name) != own[name]]
        notes.append(f"{folder / 'params.yaml'}: is another than params.yaml in {', '.join(names)}")
    if reference.parameters is None:
        notes.append(f"{folder / 'params.yaml'}: no such file, so its tables were not made again")
    else:
        title = f"tables from the scores of the reference, with {folder / 'tables'}"
        comparisons.append(compare_tables(title, tables_of(reference.inputs(inputs)), folder / "tables"))
    return comparisons, notes


def differing(reference: Reference, root: Path) -> list[str]:
    """Why the bits of a project's results need not be those of a reference; nothing where they must be."""
    pinned = doctor.PINNED
    taken = reference.instructions or "unknown"
    own = [] if taken == pinned else [f"the reference was computed with {taken} instructions, not {pinned}"]
    return own + doctor.other_bits(root)


EXPERIMENT = ("micro", "tokenizer", "encoders", "pretraining", "training", "intermediate", "targets", "retrieval")
"""The sections of params.yaml that make two runs the same experiment, of perhaps other seeds and conditions."""


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How the scores of a run stand to those of the reference, in a sentence; and the reference's own answer."""

    sentence: str
    seeds: int
    averaged: int
    """How many targets its means are over."""
    reference: Sequence[Mapping[str, str]]
    """The rows of its tables/answer.csv."""


def agreement(root: Path, parameters: Mapping[str, Any]) -> Agreement | None:
    """A run beside the committed reference of its source and encoders; None where there is none, no cell is in both, or
    the run is of another experiment.
    """
    folder = standard(root, parameters["source"], parameters["grid"]["encoders"])
    if folder is None:
        return None
    reference = read_reference(folder, parameters["source"])
    of_reference = reference.parameters or parameters
    pairs = [[config.completed(name, of.get(name)) for of in (of_reference, parameters)] for name in EXPERIMENT]
    if any(one != other for one, other in pairs):  # a parameter that is newer than the reference has its default
        return None
    wanted = {_key(score): score.value for score in reference.of(parameters)}
    found = {_key(score): score.value for score in read_scores(root / paths.SCORES)}
    apart = [abs(found[key] - value) for key, value in wanted.items() if key in found]
    if not apart:
        return None
    unequal = [difference for difference in apart if difference > EQUAL]
    sentence = f"All {len(apart):,} scores that {folder} has too are equal to it, to the bit."
    if unequal:
        reasons = differing(reference, root)
        why = f"They need not be: {'; '.join(reasons)}." if reasons else "This machine should give the same bits."
        sentence = (
            f"Of {len(apart):,} scores that {folder} has too, {len(apart) - len(unequal):,} are equal to it; the "
            f"others are {np.mean(unequal):.2g} points apart in the mean, {max(unequal):.2g} at most. {why} "
            "`xit verify` tells whether the words are the same."
        )
    answer = list(csv.DictReader(read_text(folder / "tables/answer.csv").splitlines()))
    study = study_of(reference.scores, of_reference, training_beside(folder / "scores.csv"))
    return Agreement(sentence, len(study.seeds), len(study.averaged), answer)
