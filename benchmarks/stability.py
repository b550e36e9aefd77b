"""Whether three seeds of a reference would have said the same as all of them.

    python benchmarks/stability.py                             # of paper/reference/micro
    python benchmarks/stability.py FOLDER                      # of another folder with scores.csv and training.csv

For every subset of three seeds, and every contrast of the primary family: how many subsets say the opposite of all
seeds, which should be none, how many lose what all seeds find, and how many find what all seeds do not.
"""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from xit.core.scores import read_scores
from xit.paper.inputs import study_of, training_beside
from xit.paper.sentences import contrast_name
from xit.pipeline import config, paths
from xit.statistics.stability import FEW, stability

ROOT = Path(__file__).parents[1]


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


if __name__ == "__main__":
    Console().print(table(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / paths.REFERENCES / "micro"))
