"""Models → scores and predictions: every condition and seed of one encoder on one target task, in every language."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core.examples import read_examples
from xit.core.files import write_json
from xit.core.plan import Cell, Places
from xit.core.progress import Report, about
from xit.core.scores import Score
from xit.core.settings import RetrievalSettings
from xit.core.task import task_of
from xit.evaluation.evaluate import EvaluationOptions, read_test
from xit.evaluation.evaluate import evaluate as evaluate_checkpoint
from xit.modeling import checkpoints
from xit.modeling.checkpoints import Run
from xit.scoring.predictions import CENTERED_PREDICTIONS, PREDICTIONS


def evaluate(
    cells: Mapping[str, Cell],
    places: Places,
    languages: Sequence[str],
    source: str,
    retrieval: RetrievalSettings,
    report: Report,
) -> list[str]:
    """Score the model of every cell, all of one target task, and write its scores and predictions.

    Args:
        cells: The conditions and seeds of an encoder on a target.
        places: The models, the folder of all data, and where the evaluations go.
        languages: Those that are scored, where the task has them.
        source: The name of the data's source, for the record.
        retrieval: How a bare encoder makes vectors.
        report: Progress.
    """
    target = next(iter(cells.values())).target
    task, data = task_of(target), places.data / target
    examples = read_test(data, languages)
    splits = ["test"] if task.is_trained else ["test", "validation"]
    files = {split: path for split in splits if (path := data / f"{split}.parquet").is_file() or split == "test"}
    validation = read_examples(files["validation"]) if "validation" in files else []

    def lineage_of(cell: Cell, model: Path) -> dict[str, Any]:
        code = (
            "xit.stages.evaluate",
            f"xit.encoders.{cell.encoder}",
            f"xit.tasks.{target}",
            f"xit.formats.{task.format}",
            f"xit.heads.{task.format}",
        )
        head = {name: model / name for name in ("head.json", "head.safetensors") if (model / name).is_file()}
        inputs = {**checkpoints.encoder_files(model), **head, **files}
        more = {"languages": list(languages), "retrieval": retrieval, "source": source}
        return checkpoints.lineage("evaluate", code, inputs, **dataclasses.asdict(cell), **more)

    def make(run: Run) -> str:
        cell = run.cell
        options = EvaluationOptions(
            retrieval,
            predictions=run.folder / PREDICTIONS,
            centered=run.folder / CENTERED_PREDICTIONS,
            working=run.working,
            report=about(str(cell), report),
        )
        found = evaluate_checkpoint(run.parent, target, examples, options, validation)
        scores = [
            Score(cell.encoder, cell.condition, target, language, "test", source, metric, cell.seed, value, count)
            for language, (values, count) in found.scores.items()
            for metric, value in values.items()
        ]
        write_json(run.folder / "scores.json", [score.as_dict() for score in scores])
        for name, rows in (("layers", found.layers), ("representations", found.representations)):
            if rows:
                write_json(run.folder / f"{name}.json", rows)
        main = {score.language: score.value for score in scores if score.metric == task.metric}
        others = [value for code, value in main.items() if code != "en"]
        report(f"{cell.encoder} {target}", list(cells.values()).index(cell) + 1, len(cells))
        if not others:  # English is the only language that is evaluated and that the task has
            return f"{task.metric} {main['en']:.1f} in English, the only language"
        return f"{task.metric} {sum(others) / len(others):.1f}, mean of {len(others)} languages but English"

    return checkpoints.each(cells, places, lineage_of, make)
