"""Pages of `xit report`, of a fabricated run and a fabricated reference."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fabricated import parameters, scores

from xit.core.examples import write_examples
from xit.core.scores import Score, write_scores
from xit.core.task import task_of
from xit.core.texts import write_text
from xit.pipeline import config
from xit.report import report
from xit.scoring import predictions

LANGUAGES = ("en", "de", "ar")
ROWS = scores({"none": 0.0, "mnli": 3.0, "squad": -2.0}, targets=("xquad", "tatoeba"), languages=LANGUAGES)
HOSTILE = "</script></template><script>document.title = 'broken'</script><img src=x onerror='document.title = 1'>"


def write_run(root: Path, rows: list[Score], said: Mapping[str, str]) -> None:
    """Scores, the test data of one question in each language, and what each condition answered it."""
    write_scores(root / "results/scores.csv", rows)
    task = task_of("xquad")
    examples = [{**task.record, "language": code} for code in LANGUAGES]
    write_examples(root / "data/xquad/test.parquet", task, examples)
    for encoder in ("transformer", "lstm"):
        for condition, answer in said.items():
            folder = root / f"evaluations/{encoder}/xquad/{condition}/1/predictions"
            for code in LANGUAGES:
                predictions.write(folder, task, code, {task.record["id"]: answer})


def write_reference(folder: Path, rows: Sequence[Score], values: Mapping[str, Any] | None) -> None:
    """A reference folder, without params.yaml where there are no values for it."""
    write_scores(folder / "scores.csv.gz", rows)
    write_text(folder / "tables/gains.csv", "")
    if values is not None:
        write_text(folder / "params.yaml", config.written(dict(values)))


def make(root: Path, rows: list[Score] = ROWS) -> list[str]:
    """The page at `root/report.html`."""
    places = (root / "results/scores.csv", root / "evaluations", root / "data")
    return report(*places, parameters(rows), root / "paper/reference", root / "report.html")


PUBLISHED = scores(
    {"none": 0.0, "sick": 1.0}, encoders=("gru",), targets=("xnli",), languages=("en", "de", "sw"), source="hub"
)
