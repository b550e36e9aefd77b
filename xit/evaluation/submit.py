"""A benchmark's submission from checkpoints: each evaluated on its own task, a bare encoder on retrieval."""

import contextlib
import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xit.core.errors import ConfigError, near, raise_all
from xit.core.files import atomic, exists_nonempty
from xit.core.progress import unheard
from xit.core.task import task_of
from xit.evaluation import evaluate
from xit.evaluation.evaluate import EvaluationOptions
from xit.scoring import benchmarks, evaluator
from xit.scoring.benchmarks import Benchmark

if TYPE_CHECKING:
    from xit.sources import Source


def submit(
    models: Sequence[str],
    name: str,
    out: Path,
    languages: Sequence[str] | None,
    source: "Source",
    options: EvaluationOptions,
) -> dict[str, Any]:
    """Write the folder that a benchmark asks for, and score it, which validates it.

    Args:
        models: Checkpoints: folders, or the Hub id of an encoder; `<task>=` before one says what it answers, where its
            head answers several.
        name: The benchmark's.
        out: The folder to write; it must not be there, or be empty.
        languages: Of those that benchmark and source have; else all.
        source: The source of the test examples.
        options: How the checkpoints are read, where the right answers are written, and what is told after each task.

    Returns:
        What `xit.scoring.evaluator.score` says of it; `missing` is what the benchmark asks for beside it.

    Raises:
        ConfigError: a folder is in the way; a checkpoint is of no task of the benchmark, or two are of one.
        CheckpointError: as `xit.evaluation.evaluate.evaluate`.
        DataError: the source has nothing of any task.
    """
    benchmark = benchmarks.load(name)
    _check_folders(out, options.gold)
    chosen = _chosen(models, benchmark, options.labels)
    with contextlib.ExitStack() as stack:
        answers = stack.enter_context(atomic(out))
        spare = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        right = stack.enter_context(atomic(options.gold)) if options.gold else spare
        for folder in (answers, right):
            folder.mkdir(exist_ok=True)
        skipped = []
        for number, (task_id, model) in enumerate(chosen.items(), 1):
            task = task_of(task_id)
            asked = [code for code in benchmark.languages(task_id) if languages is None or code in languages]
            available = [code for code in source.languages(task) if code in asked]
            examples, validation = evaluate.examples_of(task, available, source)
            if not examples:
                where = f" in {', '.join(languages)}" if languages else ""
                skipped.append(f"{task_id}: skipped; the {source.name} source has no test examples of it{where}.")
            else:
                of_task = dataclasses.replace(options, predictions=answers, gold=right, report=unheard)
                evaluate.evaluate(model, task_id, examples, of_task, validation)
            options.report("tasks", number, len(chosen))
        scores = evaluator.score(answers, right, name, is_partial=True)
    most = getattr(source.settings, "most_test", 0)
    limit = f", of each task and language the first {most:,}" if most else ""
    bare = {model for task_id, model in chosen.items() if not task_of(task_id).is_trained}
    unread = [note for model in sorted(bare) for note in evaluate.notes_on(model, options)]
    first = f"The examples are those of the {source.name} source{limit}."
    return scores | {"notes": [first, *unread, *skipped, *scores["notes"]]}


def _is_no_id(model: str) -> bool:
    """Whether what is no folder cannot be an id of the Hub either."""
    return "/" not in model or "=" in model


def _unknown(model: str, benchmark: Benchmark) -> str:
    """What to say of a checkpoint that is not there, of which the task may be misspelt."""
    task_id, sign, _ = model.partition("=")
    if sign and task_id not in benchmark.tasks and "/" not in task_id:
        return f"{model}: {task_id}: {benchmark.title} has no such task.{near(task_id, benchmark.tasks)}"
    return f"{model}: no such checkpoint folder."


def _chosen(models: Sequence[str], benchmark: Benchmark, labels: evaluate.Labels) -> dict[str, str]:
    """The checkpoint of each task, in the order of the benchmark."""
    given = []
    for model in models:
        task_id, _, checkpoint = model.partition("=")
        given.append((checkpoint, task_id) if checkpoint and task_id in benchmark.tasks else (model, ""))
    faults = [_unknown(model, benchmark) for model, _ in given if not Path(model).is_dir() and _is_no_id(model)]
    raise_all(ConfigError, faults)
    named = {task_id for _, task_id in given if task_id}
    model_of: dict[str, str] = {}
    for model, only in given:
        tasks = [only] if only else [task_id for task_id in evaluate.tasks_of(model, labels) if task_id not in named]
        is_choice = len(tasks) > 1
        if is_choice:
            tasks = [task_id for task_id in tasks if task_id in benchmark.tasks]
        if not tasks:
            faults.append(f"{model}: it answers no task of {benchmark.title} that no other checkpoint is named for.")
        for task_id in tasks:
            if task_id not in benchmark.tasks:
                known = ", ".join(benchmark.tasks)
                faults.append(
                    f"{model}: its head is of {task_id}, which {benchmark.title} does not have. It has: {known}."
                )
            elif task_id in model_of:
                advice = f" Of several that it answers, name the one: {task_id}={model}" if is_choice else ""
                faults.append(f"{model}: {model_of[task_id]} is of {task_id} too. Give one checkpoint a task.{advice}")
            else:
                if task_of(task_id).is_trained:
                    evaluate.head_for(model, task_id, labels)
                model_of[task_id] = model
    raise_all(ConfigError, faults)
    return {task_id: model_of[task_id] for task_id in benchmark.tasks if task_id in model_of}


def _check_folders(out: Path, gold: Path | None) -> None:
    faults = [
        f"--{option}: {folder}: is there already. Name a new folder, or delete it first."
        for option, folder in (("out", out), ("gold", gold))
        if folder is not None and exists_nonempty(folder)
    ]
    if gold is not None:
        places = out.resolve(), gold.resolve()
        if places[0].is_relative_to(places[1]) or places[1].is_relative_to(places[0]):
            faults.append(f"--gold: {gold}: is not apart from --out {out}. Name two folders.")
    raise_all(ConfigError, faults)
