"""Encoders → what there would be without transfer: a target fine-tuned on training data of the language that it is
scored in.

The micro source says the same training and validation examples in any language, so that the zero-shot score and this
one differ by the language of the data alone. Validation is in the language too: this is no zero-shot score, and none of
the experiment's. Nothing came between pretraining and fine-tuning (`none`).
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xit.core.examples import read_examples, write_examples
from xit.core.files import write_json
from xit.core.plan import Cell, Places, Plan
from xit.core.progress import Report, about
from xit.core.settings import MicroSettings, RetrievalSettings
from xit.core.task import Split, task_of
from xit.evaluation.evaluate import EvaluationOptions, evaluate
from xit.modeling import checkpoints
from xit.modeling.checkpoints import Run
from xit.sources.micro import MicroSource
from xit.training.mixtures import train_mixture

SPLITS: tuple[Split, ...] = ("train", "validation")


def upper_bound(
    cells: Mapping[str, Cell], language: str, micro: MicroSettings, places: Places, plan: Plan, report: Report
) -> list[str]:
    """Fine-tune the encoder of every seed on a target in a language, and score it in that language.

    Args:
        cells: The seeds of an encoder on a target.
        language: An ISO code, not English.
        micro: The source of the training examples.
        places: The encoders, the folder of all data, of which test examples are read, and where models and scores go.
        plan: How they are trained: as on English.
        report: Progress.
    """
    target = next(iter(cells.values())).target
    task, test = task_of(target), places.data / target / "test.parquet"

    def lineage_of(cell: Cell, parent: Path) -> dict[str, Any]:
        code = [f"xit.{folder}.{task.format}" for folder in ("formats", "heads")]
        code += ["xit.stages.upper_bound", f"xit.encoders.{cell.encoder}", f"xit.tasks.{target}"]
        inputs = {**checkpoints.encoder_files(parent), "test": test}
        more = {"language": language, "micro": micro, "plan": plan}
        return checkpoints.lineage("upper_bound", code, inputs, **dataclasses.asdict(cell), **more)

    def make(run: Run) -> str:
        render(target, language, micro, run.working / "data")
        end = train_mixture(run, plan, run.working / "data", about(f"{run.cell} {language}", report))
        examples = [row for row in read_examples(test) if task.pool == "all" or row["language"] == language]
        found = evaluate(run.folder, target, examples, EvaluationOptions(RetrievalSettings(1.0, "mean")))
        values = found.scores[language][0]
        rows = [{"language": language, "metric": metric, "value": value} for metric, value in values.items()]
        write_json(run.folder / "scores.json", rows)
        return f"{task.metric} {values[task.metric]:.1f} in {language}; {end}"

    return checkpoints.each(cells, places, lineage_of, make)


def render(target: str, language: str, micro: MicroSettings, folder: Path) -> None:
    """Write the training and validation examples of a target in a language as those that training reads.

    It reads those in English: so they are called that, and nothing else hangs on the name.
    """
    task, source = task_of(target), MicroSource(dataclasses.replace(micro, languages=(language,)))
    (folder / target).mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        rows = [{**row, "language": "en"} for row in source.examples(task, split, language)]
        write_examples(folder / target / f"{split}.parquet", task, rows)
