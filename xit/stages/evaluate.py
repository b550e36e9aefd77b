"""Models → scores and predictions: every condition and seed of one encoder on one target task, in every language."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from xit.core.examples import read_examples
from xit.core.files import write_json
from xit.core.scores import Score
from xit.core.settings import RetrievalSettings
from xit.core.task import task_of
from xit.evaluation.evaluate import evaluate as evaluate_checkpoint
from xit.evaluation.evaluate import read_test
from xit.modeling import checkpoints

if TYPE_CHECKING:
    from xit.training.loop import Report


def evaluate(
    encoder: str,
    target: str,
    conditions: Sequence[str],
    seeds: Sequence[int],
    models: Path,
    data: Path,
    out: Path,
    languages: Sequence[str],
    source: str,
    retrieval: RetrievalSettings,
    threads: int,
    report: "Report",
) -> list[str]:
    """Score `models/<condition>/<seed>` of every condition and seed into `out/<condition>/<seed>`, with predictions."""
    torch.set_num_threads(threads)
    task = task_of(target)
    examples = read_test(data, languages)
    validation = read_examples(data / "validation.parquet") if task.is_mined else []
    code = ("xit.stages.evaluate", f"xit.encoders.{encoder}", f"xit.tasks.{target}", f"xit.formats.{task.format}")
    files = {split: data / f"{split}.parquet" for split in ("test", *(["validation"] if task.is_mined else []))}
    lines = []
    for number, (condition, seed) in enumerate([(c, s) for c in conditions for s in seeds]):
        model = models / condition / str(seed)
        head = {name: model / name for name in ("head.json", "head.safetensors") if (model / name).is_file()}
        run = checkpoints.lineage(
            "evaluate",
            code,
            {**checkpoints.encoder_files(model), **head, **files},
            languages=list(languages),
            retrieval=retrieval,
            source=source,
            threads=threads,
        )

        def inner(what: str, done: int, total: int, number: int = number) -> None:
            report(number, len(conditions) * len(seeds), {what: done / total})

        def make(folder: Path, working: Path, model: Path = model, condition: str = condition, seed: int = seed) -> str:
            found = evaluate_checkpoint(
                model,
                target,
                examples,
                retrieval,
                folder / "predictions",
                validation=validation,
                working=working,
                report=inner,
            )
            scores = [
                Score(encoder, condition, target, language, "test", source, metric, seed, value, count)
                for language, (values, count) in found.items()
                for metric, value in values.items()
            ]
            write_json(folder / "scores.json", [score.as_dict() for score in scores])
            main = [s.value for s in scores if s.metric == task.metric and s.language != "en"]
            return f"{task.metric} {sum(main) / len(main):.1f}, mean of {len(main)} languages but English"

        lines.append(checkpoints.run_once(out / condition / str(seed), run, make))
        report(number + 1, len(conditions) * len(seeds), {})
    for condition in conditions:
        checkpoints.keep_only(out / condition, map(str, seeds))
    checkpoints.keep_only(out, conditions)
    return lines
