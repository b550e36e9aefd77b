"""Whether three seeds of a reference would have said the same as all of them, and how often `xit verify` is wrong.

    python benchmarks/stability.py                             # of paper/reference/micro
    python benchmarks/stability.py FOLDER                      # of another folder with scores.csv and training.csv

For every subset of three seeds, and every contrast of the primary family: how many subsets say the opposite of all
seeds, which should be none, how many lose what all seeds find, and how many find what all seeds do not. Then, for runs
of one and two seeds that were drawn from the reference's: how many of them `xit verify` would tell as different, by
limits from six other seeds, which should be 5 %. And where a folder has `other-bits/`, equal seeds computed with other
instructions: what they say, what both say together, and the correlation of the gains of equal seeds, which is that of
unrelated ones where rounding alone makes them apart.
"""

import dataclasses
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from xit.core.scores import Score, read_scores
from xit.paper.inputs import study_of, training_beside
from xit.paper.sentences import contrast_name, points
from xit.paper.verify import compare_means
from xit.pipeline import config, paths
from xit.statistics.gains import Primary, is_equal, primary_analyses, primary_gains
from xit.statistics.stability import FEW, stability
from xit.statistics.study import Study

ROOT = Path(__file__).parents[1]
KNOWN, DRAWS = 6, 300


def table(folder: Path) -> Table:
    """A row a contrast."""
    scores = folder / "scores.csv"
    study = study_of(read_scores(scores), config.read(ROOT / paths.PARAMS), training_beside(scores))
    found = Table(title=f"Subsets of {FEW} of the {len(study.seeds)} seeds of {folder}")
    found.add_column("contrast")
    for head in ("subsets", "opposite", "lost", "gained"):
        found.add_column(head, justify="right")
    for key, one in stability(study).items():
        found.add_row(contrast_name(key), *map(str, one))
    return found


def alarms(scores: Sequence[Score], fresh: int) -> float:
    """The share of runs of so many fresh seeds that differ from a reference of others, in percent."""
    draw = random.Random(0)
    of_seed: dict[int, list[Score]] = {}
    for score in scores:
        of_seed.setdefault(score.seed, []).append(score)
    told = 0
    for _ in range(DRAWS):
        known, others = (order := draw.sample(sorted(of_seed), len(of_seed)))[:KNOWN], order[KNOWN:]
        wanted = [score for seed in known[:fresh] for score in of_seed[seed]]
        pairs = zip(known, others[:fresh], strict=False)
        found = [dataclasses.replace(score, seed=seed) for seed, other in pairs for score in of_seed[other]]
        reference = [score for seed in known for score in of_seed[seed]]
        told += bool(compare_means("", found, wanted, reference).differences)
    return 100 * told / DRAWS


def replication(folder: Path) -> Table:
    """A row a contrast: by the scores of a folder, by its other-bits, and by both as if all were seeds."""
    parameters = config.read(folder / "params.yaml")
    first, last = min(parameters["seeds"]), max(parameters["seeds"])
    scores = [read_scores(place / "scores.csv") for place in (folder, folder / "other-bits")]
    rows = [training_beside(place / "scores.csv") for place in (folder, folder / "other-bits")]
    more = [dataclasses.replace(score, seed=score.seed + last - first + 1) for score in scores[1]]
    more_rows = [{**row, "seed": str(int(row["seed"]) + last - first + 1)} for row in rows[1]]
    all_seeds = sorted({score.seed for score in (*scores[0], *more)})
    studies = [study_of(of, parameters, training) for of, training in zip(scores, rows, strict=True)]
    together = study_of([*scores[0], *more], {**parameters, "seeds": all_seeds}, [*rows[0], *more_rows])
    found = Table("contrast", *(f"{len(one.seeds)} seeds" for one in (*studies, together)), "correlation")
    found.title = f"{folder}, its other-bits, and both; * differs from zero, = by less than the margin"
    for key in primary_gains(together):
        means = [np.sum(primary_analyses(one)[key].seed_means, axis=0) for one in studies]
        cells = [_shown(one, key) for one in (*studies, together)]
        found.add_row(contrast_name(key), *cells, f"{np.corrcoef(*means)[0, 1]:+.2f}")
    return found


def _shown(study: Study, key: Primary) -> str:
    estimate, analysis = primary_gains(study)[key], primary_analyses(study)[key]
    return f"{points(estimate)}{'*' * bool(estimate.is_significant)}{'=' * is_equal(study, analysis)}"


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / paths.REFERENCES / "micro"
    Console().print(table(chosen))
    all_scores = read_scores(chosen / "scores.csv")
    for count in (1, 2) if len({score.seed for score in all_scores}) >= KNOWN + 2 else ():
        Console().print(f"runs of {count} fresh seeds told as different: {alarms(all_scores, count):.1f} %")
    if (chosen / "other-bits").is_dir():
        Console().print(replication(chosen))
