"""Whether three seeds of a reference would have said the same as all of them, and how often `xit verify` is wrong.

    python benchmarks/stability.py                             # of paper/reference/micro
    python benchmarks/stability.py FOLDER                      # of another folder with scores.csv and training.csv

For every subset of three seeds, and every contrast of the primary family: how many subsets say the opposite of all
seeds, which should be none, how many lose what all seeds find, and how many find what all seeds do not. Then, for runs
of one and two seeds that were drawn from the reference's: how many of them `xit verify` would tell as different, by
limits from six other seeds, which should be 5 %.
"""

import dataclasses
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from xit.core.scores import Score, read_scores
from xit.paper.inputs import study_of, training_beside
from xit.paper.sentences import contrast_name
from xit.paper.verify import compare_means
from xit.pipeline import config, paths
from xit.statistics.stability import FEW, stability

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


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / paths.REFERENCES / "micro"
    Console().print(table(chosen))
    all_scores = read_scores(chosen / "scores.csv")
    for count in (1, 2) if len({score.seed for score in all_scores}) >= KNOWN + 2 else ():
        Console().print(f"runs of {count} fresh seeds told as different: {alarms(all_scores, count):.1f} %")
