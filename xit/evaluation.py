"""Zero-shot scores and predictions of one checkpoint on one task, language by language."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit import checkpoints, discover, encoders, formats, models, submission
from xit.errors import CheckpointError, ConfigError
from xit.examples import Example, read_examples
from xit.formats import Reading
from xit.results import Score
from xit.settings import RetrievalSettings
from xit.tasks import Task

BARE_LENGTH_TOKENS = 512
"""The longest row of a bare encoder (google-research/xtreme:scripts/run_tatoeba.sh)."""


def evaluate(
    checkpoint: Path | str,
    task_id: str,
    examples: Sequence[Example],
    retrieval: RetrievalSettings,
    predictions: Path | None = None,
    gold: Path | None = None,
) -> dict[str, tuple[dict[str, float], int]]:
    """Score a checkpoint: a fine-tuned one on its task, a bare encoder on retrieval that needs no training.

    Args:
        checkpoint: A folder, or the Hub id of an encoder.
        task_id: The task.
        examples: Test examples of all languages.
        retrieval: How a bare encoder makes vectors, and whether any are centred.
        predictions: Where to write predictions in the benchmark's submission layout.
        gold: Where to write the right answers, in the same layout.

    Returns:
        For each language its metrics, from 0 to 100, and the number of examples.

    Raises:
        CheckpointError: the checkpoint is of another task, or is bare where a trained one is needed.
    """
    task = discover.load("tasks", task_id).task
    form: Any = formats.load(task.format)
    languages = sorted({e["language"] for e in examples}, key=lambda code: (code != "en", code))
    if task.pool == "all":
        examples = one_pool(examples)
    by_language = {code: [e for e in examples if e["language"] == code] for code in languages}
    pools = [list(examples)] if task.pool == "all" else list(by_language.values())
    predicted: list[Any]
    if task.is_trained:
        facts = checkpoints.head_facts(checkpoint)
        if facts is None:
            raise CheckpointError(
                f"{checkpoint}: a bare encoder, without a head for {task_id}. Fine-tune it first (`xit finetune`), or "
                "evaluate it on retrieval that needs no training: tatoeba."
            )
        if facts.task != task_id:
            raise CheckpointError(f"{checkpoint}: its head is of {facts.task}, not of {task_id}.")
        model, tokenizer = models.load_task(Path(checkpoint), facts)
        reading = Reading(tokenizer, task.answering(facts.labels), facts.max_length_tokens, retrieval.is_centered)
        predicted = [form.predict(model, pool, reading) for pool in pools]
    else:
        bare, tokenizer = models.load_encoder(checkpoint)
        reading = Reading(tokenizer, task, BARE_LENGTH_TOKENS, retrieval.is_centered)
        predicted = [form.bare(bare, pool, reading, retrieval) for pool in pools]
    if task.pool == "all":
        predicted = [_of(predicted[0], by_language[code]) for code in languages]
    result = {}
    for code, answers in zip(languages, predicted, strict=True):
        members = by_language[code]
        result[code] = (form.score(answers, members, task, code), form.count(members))
        if predictions is not None:
            written = form.aligned(answers, members) if submission.shape(task) == "rows" else answers
            submission.write(predictions, task_id, task, code, written)
        if gold is not None:
            submission.write_gold(gold, task_id, task, code, members)
    return result


def one_pool(examples: Sequence[Example]) -> list[Example]:
    """Examples of all languages as one pool: queries named `<id>_<language>` (LAReQA's own names), and gold candidates
    of languages that are not evaluated left out, since they cannot be found."""
    present = {e["id"] for e in examples if e["role"] == "candidate"}
    return [
        {**e, "id": f"{e['id']}_{e['language']}", "gold": [name for name in e["gold"] if name in present]}
        if e["role"] == "query"
        else e
        for e in examples
    ]


def _of(predictions: Mapping[str, Any], examples: Sequence[Example]) -> dict[str, Any]:
    """The predictions of one language's queries, out of those of all."""
    return {e["id"]: predictions[e["id"]] for e in examples if e["role"] == "query"}


def bare_tasks() -> list[str]:
    """The tasks that a bare encoder is evaluated on."""
    known: dict[str, Task] = {name: discover.load("tasks", name).task for name in discover.names("tasks")}
    return [name for name, task in known.items() if not task.is_trained and not task.is_mined]


def read_test(data: Path, languages: Sequence[str]) -> list[dict[str, Any]]:
    """The test examples of a task's data folder, of the languages asked for that it has."""
    return [e for e in read_examples(data / "test.parquet") if e["language"] in languages]


def report_of(
    checkpoint: str,
    tasks: Sequence[str] | None,
    languages: Sequence[str] | None,
    source: str,
    module: Any,
    settings: Any,
    retrieval: RetrievalSettings,
    predictions: Path | None,
) -> dict[str, Any]:
    """What `xit eval` says of a checkpoint: scores, and per task the main metric by language, English first.

    Args:
        checkpoint: A folder, or the Hub id of an encoder.
        tasks: What to score; else the task of its head, or all retrieval tasks that need no training.
        languages: Of those that source and task have; else all.
        source: The name of the source.
        module: Of `xit.sources`.
        settings: Of the source.
        retrieval: How a bare encoder makes vectors, and whether any are centred.
        predictions: Where to write predictions, if anywhere.

    Raises:
        ConfigError: a language that the source does not have for a task.
        CheckpointError: as `evaluate`.
    """
    facts = checkpoints.head_facts(checkpoint)
    chosen = list(tasks) if tasks else [facts.task] if facts else bare_tasks()
    encoder, condition, seed = checkpoints.made_of(checkpoint)
    result: dict[str, Any] = {"checkpoint": str(checkpoint), "scores": [], "tasks": {}}
    for name in chosen:
        task = discover.load("tasks", name).task
        available = module.languages(task, settings)
        unknown = [code for code in languages or () if code not in available]
        if unknown or not available:
            has = ", ".join(available) or "no language of it"
            raise ConfigError(f"{name}: the {source} source has no {', '.join(unknown) or 'test data'}. It has: {has}.")
        wanted = list(languages) if languages else list(available)
        examples = [row for code in wanted for row in module.examples(name, task, "test", code, settings)]
        found = evaluate(checkpoint, name, examples, retrieval, predictions)
        result["direction"] = direction = encoders.direction(checkpoint)
        named = encoder if direction == "bidirectional" else f"{encoder} ({direction})"
        result["scores"] += [
            Score(named, condition, name, code, "test", source, metric, seed, value, count).as_dict()
            for code, (values, count) in found.items()
            for metric, value in values.items()
        ]
        main = {code: values[task.metric] for code, (values, _) in found.items()}
        mean = sum(main.values()) / len(main)
        result["tasks"][name] = {"metric": task.metric, "mean": mean, "languages": main}
    return result
