"""Zero-shot scores and predictions of one checkpoint on one task, language by language."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xit import heads
from xit.core import registry
from xit.core.errors import CheckpointError, ConfigError, DataError, XitError, raise_all
from xit.core.examples import Example, asked, read_examples
from xit.core.files import remove
from xit.core.progress import Report, about, unheard
from xit.core.scores import CENTERED, Score
from xit.core.settings import RetrievalSettings
from xit.core.task import Split, Task, task_of
from xit.evaluation import representations
from xit.formats import format_of
from xit.heads import EncodingOptions
from xit.modeling import checkpoints, encoders, released_heads, sentence_modules, task_model
from xit.modeling.checkpoints import HeadConfig
from xit.modeling.released_heads import TaskHead
from xit.scoring.predictions import write, write_gold

if TYPE_CHECKING:
    from xit.sources import Source

Labels = Sequence[Sequence[str]]
BARE_LENGTH_TOKENS = 512
"""The longest row of a bare encoder with positions for it (google-research/xtreme:scripts/run_tatoeba.sh)."""


@dataclasses.dataclass(frozen=True)
class EvaluationOptions:
    """How a checkpoint is read, and what is written beside its scores.

    Attributes:
        retrieval: How a bare encoder makes vectors.
        labels: What the outputs of a head of transformers mean (`xit.modeling.released_heads.for_task`).
        has_own_pooling: Whether a bare encoder makes vectors as its modules.json says.
        predictions: Where to write predictions in the benchmark's submission layout.
        centered: Where to write those of a bare encoder's centred vectors, in the same layout.
        gold: Where to write the right answers, in the same layout.
        working: A folder for the vectors of large pools, which outlives a crash, and is removed at the end.
        report: Called while a large pool is worked on, with what is done, how much of it and of how much.
    """

    retrieval: RetrievalSettings
    labels: Labels = ()
    has_own_pooling: bool = False
    predictions: Path | None = None
    centered: Path | None = None
    gold: Path | None = None
    working: Path | None = None
    report: Report = unheard


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What came out of one checkpoint on one task.

    Attributes:
        scores: For each language its metrics, from 0 to 100, and the number of examples. `accuracy_centered` and the
            like are of a bare encoder's vectors less the means of the validation split, where the task has one.
        layers: Of a bare encoder: the main metric by `language`, `layer` (0 is the embeddings') and `is_centered`, as
            `value`; of the main layer alone where a pool is large.
        representations: Of a bare encoder on parallel sentences: what `xit.evaluation.representations` measures.
    """

    scores: Mapping[str, tuple[dict[str, float], int]]
    layers: Sequence[Mapping[str, Any]] = ()
    representations: Sequence[Mapping[str, Any]] = ()


def evaluate(
    checkpoint: Path | str,
    task_id: str,
    examples: Sequence[Example],
    options: EvaluationOptions,
    validation: Sequence[Example] = (),
) -> Evaluation:
    """Score a checkpoint: a fine-tuned one on its task, a bare encoder on retrieval that needs no training.

    Args:
        checkpoint: A folder, or the Hub id of an encoder.
        task_id: The task.
        examples: Test examples of all languages.
        options: How it is read, and what is written.
        validation: Of retrieval by a bare encoder: validation examples of all languages, which centring and mining
            need.

    Raises:
        CheckpointError: the checkpoint is of another task, or is bare where a trained one is needed.
    """
    task = task_of(task_id)
    form = format_of(task)
    codes = {example["language"] for example in asked(examples)}  # Mewsli-X has candidates in 50 languages
    languages = sorted(codes, key=lambda code: (code != "en", code))
    examples = form.named(examples)
    by_language = _by_language(examples)
    pools = [list(examples)] if task.pool == "all" else [by_language[code] for code in languages]
    probed: list[dict[str, Any]] = []
    if task.is_trained:
        layer, found = -1, {(-1, False): _trained(checkpoint, task, pools, options)}
    else:
        layer, found, probed = _bare(checkpoint, task, pools, validation, options)
    scores: dict[str, tuple[dict[str, float], int]] = {}
    layers = []
    for number, code in enumerate(languages):
        members = by_language[code]
        values: dict[str, float] = {}
        for (depth, is_centered), predicted in found.items():
            answers = _of(predicted[0], members) if task.pool == "all" else predicted[number]
            if answers is None:
                continue
            submitted = form.from_model(answers, members)
            scored = form.score(submitted, form.gold(members), code)
            row = {"language": code, "layer": depth, "is_centered": is_centered, "metric": task.metric}
            layers.append({**row, "value": scored[task.metric]})
            if depth == layer:
                own = {task.metric + CENTERED: scored[task.metric]} if is_centered else scored
                values |= {metric: own[metric] for metric in own if is_centered or metric in form.reported}
                folder = options.centered if is_centered else options.predictions
                if folder is not None:
                    write(folder, task, code, submitted)
        scores[code] = (values, len(asked(members)))
        if options.gold is not None:
            write_gold(options.gold, task, code, members)
    if options.working is not None:
        remove(options.working)
    return Evaluation(scores, () if task.is_trained else layers, probed)


def _trained(
    checkpoint: Path | str, task: Task, pools: Sequence[Sequence[Example]], options: EvaluationOptions
) -> list[Any]:
    """What a fine-tuned checkpoint predicts for each pool."""
    head = head_for(checkpoint, task.id, options.labels)
    model, tokenizer = task_model.load_task(checkpoint, head)
    length = int(min(head.max_length_tokens, model.encoder.max_positions))
    reading = EncodingOptions(tokenizer, task.with_labels(head.labels), length, options.working, options.report)
    return [heads.load(task.format).predict(model, pool, reading) for pool in pools]


def _bare(
    checkpoint: Path | str,
    task: Task,
    pools: Sequence[Sequence[Example]],
    validation: Sequence[Example],
    options: EvaluationOptions,
) -> tuple[int, dict[tuple[int, bool], list[Any]], list[dict[str, Any]]]:
    """What a bare encoder says of each pool.

    Returns:
        Its main layer; by layer and whether vectors are centred its answers to each pool, None where there is no
        validation to centre by; and what is measured of its vectors of parallel sentences.
    """
    module: Any = heads.load(task.format)
    bare, tokenizer = task_model.load_encoder(checkpoint, options.has_own_pooling)
    shape: Any = bare.encoder
    length = int(min(BARE_LENGTH_TOKENS, shape.max_positions))
    reading = EncodingOptions(tokenizer, task, length, options.working, options.report)
    found: dict[tuple[int, bool], list[Any]] = {}
    pairs: dict[str, representations.Pairs] = {}
    for examples in pools:
        codes = {example["language"] for example in examples}
        beside = [example for example in validation if example["language"] in codes]
        pool = module.bare_pool(bare, examples, beside, reading, options.retrieval)
        for layer in pool.vectors:
            for is_centered in (False, True):
                answers = module.bare_answers(pool, layer, is_centered, reading)
                found.setdefault((layer, is_centered), []).append(answers)
        if task.is_aligned:
            pairs[examples[0]["language"]] = representations.parallel(examples, pool.vectors)
    return bare.layer(options.retrieval), found, representations.measures(pairs)


def head_for(checkpoint: Path | str, task_id: str, labels: Labels = ()) -> HeadConfig | TaskHead:
    """The head of a checkpoint, ours or of transformers, which is of the task.

    Raises:
        CheckpointError: it has none, or one of another task.
    """
    own = checkpoints.head_config(checkpoint)
    if own is None and (head := released_heads.read(checkpoint)):
        return released_heads.for_task(checkpoint, head, task_of(task_id), labels)
    if own is None:
        raise CheckpointError(
            f"{checkpoint}: a bare encoder, without a head for {task_id}. Fine-tune it first, under an id of its own "
            f"(docs/adding.md), or evaluate it on retrieval that needs no training: {', '.join(bare_tasks())}."
        )
    if own.task != task_id:
        raise CheckpointError(f"{checkpoint}: its head is of {own.task}, not of {task_id}.")
    return own


def tasks_of(checkpoint: Path | str, labels: Labels = ()) -> list[str]:
    """The tasks that a checkpoint's head answers, or those of a bare encoder.

    Raises:
        CheckpointError: its head answers none; with the reason for each task of the head's format.
    """
    own = checkpoints.head_config(checkpoint)
    head = None if own else released_heads.read(checkpoint)
    if own:
        return [own.task]
    if head is None or not head.format:
        return bare_tasks()
    if found := released_heads.answered(head, labels):
        return found
    tasks = [task for task in map(task_of, registry.names("tasks")) if task.group and task.format == head.format]
    faults = []
    for task in tasks:
        try:
            released_heads.for_task(checkpoint, head, task, labels)
        except CheckpointError as error:
            faults.append(str(error))
    raise_all(CheckpointError, faults)
    return []


def notes_on(checkpoint: Path | str, options: EvaluationOptions) -> list[str]:
    """What is to be said of a checkpoint whose encoder is used alone: a head that is not, another way of pooling."""
    head = released_heads.unread(checkpoint)
    return [
        note for note in (head, sentence_modules.note(checkpoint, options.retrieval, options.has_own_pooling)) if note
    ]


def _by_language(examples: Sequence[Example]) -> dict[str, list[Example]]:
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(example["language"], []).append(example)
    return groups


def _of(predictions: Mapping[str, Any], examples: Sequence[Example]) -> dict[str, Any]:
    """The predictions of one language's queries, out of those of all."""
    return {e["id"]: predictions[e["id"]] for e in examples if e["role"] == "query"}


def bare_tasks() -> list[str]:
    """The tasks that a bare encoder is evaluated on."""
    return [name for name in registry.names("tasks") if not task_of(name).is_trained]


def read_test(data: Path, languages: Sequence[str]) -> list[dict[str, Any]]:
    """The test examples of a task's data folder, of the languages asked for that it has."""
    return [e for e in read_examples(data / "test.parquet") if e["language"] in languages]


def examples_of(task: Task, languages: Sequence[str], source: "Source") -> tuple[list[Example], list[Example]]:
    """The test examples of a task in a source, and the validation examples that a bare encoder needs."""

    def read(split: Split) -> list[Example]:
        return [row for code in languages for row in source.examples(task, split, code)]

    is_asked = task.is_mined or (not task.is_trained and source.has(task, "validation"))
    return read("test"), read("validation") if is_asked else []


def report_of(
    checkpoint: str,
    tasks: Sequence[str] | None,
    languages: Sequence[str] | None,
    source: "Source",
    options: EvaluationOptions,
) -> dict[str, Any]:
    """What `xit eval` says of a checkpoint: scores, and per task the main metric by language, English first.

    Args:
        checkpoint: A folder, or the Hub id of an encoder.
        tasks: What to score; else what its head answers, or all retrieval tasks that need no training.
        languages: Of those that source and task have; else all.
        source: The source of the test examples.
        options: As of `evaluate`; its working folder receives one of each task.

    Raises:
        ConfigError: a task that does not exist, or a language that the source does not have for a task; all of them.
        CheckpointError: as `evaluate`; of all tasks, before the first is scored.
    """
    answered = [] if tasks else tasks_of(checkpoint, options.labels)
    here = [name for name in answered if source.languages(task_of(name))]
    wanted = _languages_of(
        checkpoint, list(dict.fromkeys(tasks or here or answered)), languages, source, options.labels
    )
    encoder, condition, seed = checkpoints.origin(checkpoint)
    is_bare = any(not task_of(name).is_trained for name in wanted)
    notes = notes_on(checkpoint, options) if is_bare else []
    result: dict[str, Any] = {"checkpoint": str(checkpoint), "scores": [], "tasks": {}, "notes": notes}
    for name, codes in wanted.items():
        task = task_of(name)
        examples, validation = examples_of(task, codes, source)
        if format_of(task).has_candidates and not any(row["role"] == "candidate" for row in examples):
            raise ConfigError(f"{name}: no candidates come with {', '.join(codes)}. Add --language en, which has them.")
        own = hashlib.sha256(f"{name} {Path(checkpoint).resolve()}".encode()).hexdigest()[:16]
        working = options.working and options.working / own
        of_task = dataclasses.replace(options, working=working, report=about(name, options.report))
        scored = evaluate(checkpoint, name, examples, of_task, validation).scores
        if not task.is_trained and not validation:
            result["notes"].append(
                f"{name}: without centred vectors, whose means would be those of a validation split, which the "
                f"{source.name} source does not have."
            )
        result["direction"] = direction = encoders.direction(checkpoint)
        named = encoder if direction == "bidirectional" else f"{encoder} ({direction})"
        result["scores"] += [
            Score(named, condition, name, code, "test", source.name, metric, seed, value, count).as_dict()
            for code, (values, count) in scored.items()
            for metric, value in values.items()
        ]
        main = {code: values[task.metric] for code, (values, _) in scored.items()}
        mean = sum(main.values()) / len(main)
        counts = {code: count for code, (_, count) in scored.items()}
        result["tasks"][name] = {"metric": task.metric, "mean": mean, "languages": main, "examples": counts}
    return result


def _languages_of(
    checkpoint: str, tasks: Sequence[str], languages: Sequence[str] | None, source: "Source", labels: Labels
) -> dict[str, list[str]]:
    """By task the languages to score a checkpoint in, which has what it takes for each."""
    languages_of: dict[str, list[str]] = {}
    errors: list[XitError] = []
    for name in tasks:
        try:
            task = task_of(name)
            if task.is_trained:
                head_for(checkpoint, name, labels)
            available = source.languages(task)
            languages_of[name] = list(dict.fromkeys(languages or available))
            if not available:
                raise DataError(source.absent(task))
            raise_all(ConfigError, _missing(name, task, languages_of[name], available, source.name))
        except XitError as error:
            errors.append(error)
    if errors:
        raise_all(type(errors[0]), [str(error) for error in errors])
    return languages_of


def _missing(name: str, task: Task, languages: Sequence[str], available: Sequence[str], source: str) -> list[str]:
    """What is wrong with the languages to score a task in."""
    other = ["en"] if task.is_aligned or task.is_mined else []
    faults = [
        f"{name}: --language {code}: English is the other side of all its pairs. Leave it out."
        for code in other
        if code in languages and code not in available
    ]
    unknown = [code for code in languages if code not in (*available, *other)]
    if unknown:
        has = ", ".join(available)
        faults.append(f"{name}: the {source} source has no {', '.join(unknown)}. It has: {has}.")
    return faults
