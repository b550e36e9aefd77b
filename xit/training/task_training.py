"""Training an encoder on one task in English: intermediate training and fine-tuning are the same act on other data."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from xit import formats
from xit.core import distributed
from xit.core.errors import ConfigError, TrainingError
from xit.core.examples import Example, read_examples
from xit.core.files import write_json
from xit.core.settings import TaskSettings, TrainingSettings
from xit.core.task import task_of
from xit.formats import EncodingOptions
from xit.modeling import checkpoints
from xit.modeling.task_model import TaskModel, load_encoder
from xit.modeling.tokenization import Tokenizer
from xit.training.loop import Outcome, Plan, Report, Step, task_steps, train

VALIDATION_EXAMPLES = 500
"""English validation examples of a look at most (jiant's XTREME guide: 500)."""


def train_seeds(
    stage: str,
    encoder: str,
    condition: str,
    task_id: str,
    seeds: Sequence[int],
    parents: Path,
    data: Path,
    out: Path,
    settings: TaskSettings,
    training: TrainingSettings,
    learning_rate: float,
    report: Callable[[str], Report],
) -> list[str]:
    """Train the encoder of each seed on a task; a line a seed that says how it ended.

    Args:
        stage: Whose runs these are.
        encoder: The id of the encoder.
        condition: The row of the tables that these runs belong to.
        task_id: The task.
        seeds: One checkpoint each; a finished one of the same lineage is kept.
        parents: The folder with a checkpoint a seed to start from.
        data: The task's folder, with train.parquet and validation.parquet.
        out: The folder for a checkpoint a seed.
        settings: Of the task.
        training: Of every task.
        learning_rate: Peak: the task's own, or the encoder's.
        report: Gives the progress of a run of that name.
    """
    form = task_of(task_id).format
    code = (f"xit.stages.{stage}", f"xit.encoders.{encoder}", f"xit.tasks.{task_id}", f"xit.formats.{form}")
    splits = {split: data / f"{split}.parquet" for split in ("train", "validation")}
    lines = []
    for seed in seeds:
        parent = parents / str(seed)
        run = checkpoints.lineage(
            stage,
            code,
            {**checkpoints.encoder_files(parent), **splits},
            encoder=encoder,
            condition=condition,
            task=task_id,
            seed=seed,
            settings=settings,
            training=training,
            learning_rate=learning_rate,
        )

        def make(folder: Path, working: Path, parent: Path = parent, seed: int = seed, run: Any = run) -> str:
            progress = report(f"{encoder} {condition} {task_id} seed {seed}")
            outcome = train_on_task(
                parent, task_id, data, folder, working, seed, settings, training, learning_rate, run, progress
            )
            return f"English validation {outcome.best_score:.1f} at step {outcome.best_step} of {outcome.steps}"

        lines.append(checkpoints.run_once(out / str(seed), run, make, is_shared=True))
    checkpoints.keep_only(out, map(str, seeds))
    return lines


def train_on_task(
    parent: Path,
    task_id: str,
    data: Path,
    folder: Path,
    working: Path,
    seed: int,
    settings: TaskSettings,
    training: TrainingSettings,
    learning_rate: float,
    run: Mapping[str, Any],
    report: Report,
) -> Outcome:
    """Train the encoder of a checkpoint, with a new head, and write both.

    Args:
        parent: The checkpoint folder to start from; its head, if it has one, is not read.
        task_id: The task.
        data: Its folder, with train.parquet and validation.parquet.
        folder: Where the checkpoint goes.
        working: Where resumable state is kept.
        seed: Of the head's weights and the order of the examples.
        settings: Of the task.
        training: Of every task.
        learning_rate: Peak.
        run: The lineage.
        report: Progress.

    Raises:
        ConfigError: several processes would change the loss.
        TrainingError: there is nothing to train on, or the loss is not finite.
    """
    torch.set_num_threads(training.threads)
    bare, tokenizer = load_encoder(parent)
    if training.gradient_checkpointing:
        bare.encoder.checkpoint_gradients()  # type: ignore[operator]
    examples = read_examples(data / "train.parquet", "en")
    validation = read_examples(data / "validation.parquet", "en")
    torch.manual_seed(seed)
    part = task_part(task_id, examples, validation, bare.encoder, tokenizer, seed, settings, training)
    steps = steps_of(settings, part.examples)
    shared = own(training, settings, steps)
    plan = plan_of(steps, settings.validate_every, settings.patience, seed, shared, learning_rate)
    outcome = train(part.model, part.step_at, plan, working, run, part.validate, report)
    save(folder, working, parent, bare.encoder, outcome, [part])
    return outcome


@dataclasses.dataclass(frozen=True)
class Part:
    """A stream of batches, and the head on the shared encoder that learns from them."""

    name: str
    model: nn.Module
    """`forward(batch)` is the mean loss."""
    step_at: Callable[[int], Step]
    """Its own step 0, 1, …, whatever comes between."""
    validate: Callable[[], float] | None = None
    """The task's main metric on English validation."""
    facts: checkpoints.HeadConfig | None = None
    """What the head answers; None where it is of no use later."""
    examples: int = 0
    """To train on; 0 where that is not counted."""


def task_part(
    task_id: str,
    examples: Sequence[Example],
    validation: Sequence[Example],
    encoder: nn.Module,
    tokenizer: Tokenizer,
    seed: int,
    settings: TaskSettings,
    training: TrainingSettings,
) -> Part:
    """A task as a stream of batches, with a new head drawn from torch's global generator.

    Raises:
        ConfigError: several processes would change the loss.
        TrainingError: there is nothing to train on.
    """
    tags = {tag for example in examples for tag in example.get("tags", ())}
    task = task_of(task_id).with_labels(tuple(sorted(tags)))
    form = formats.load(task.format)
    if task.format == "retrieval" and settings.micro_batches % distributed.count():
        raise ConfigError(
            f"{task_id}: micro_batches is {settings.micro_batches}, and there are {distributed.count()} processes, "
            "among which a step would be cut smaller; but the other examples of a forward pass are its negatives. "
            f"Train it in one process, or with micro_batches a multiple of {distributed.count()}."
        )
    shape: Any = encoder
    if settings.max_length_tokens > shape.max_positions:
        raise ConfigError(
            f"{task_id}: max_length_tokens is {settings.max_length_tokens}, but a {shape.name} encoder of this size "
            f"has positions for {shape.max_positions}. Lower it to that in params.yaml."
        )
    options = EncodingOptions(tokenizer, task, settings.max_length_tokens)
    encoded = form.encode(examples, options)
    if not encoded:
        raise TrainingError(f"data/{task_id}/train.parquet: no English training examples of {task_id}.")
    model = TaskModel(encoder, form.head(training.head, shape.dimension, shape.layers, task), tokenizer.padding_id)
    steps = task_steps(encoded, form, settings.batch_size, settings.micro_batches, tokenizer.padding_id, seed)
    looked_at = validation if task.format == "retrieval" else validation[:VALIDATION_EXAMPLES]

    def validate() -> float:
        return form.score(form.predict(model, looked_at, options), looked_at, task, "en")[task.metric]

    facts = checkpoints.HeadConfig(task_id, task.format, training.head, task.labels, settings.max_length_tokens)
    return Part(task_id, model, steps, validate, facts, len(encoded))


def plan_of(
    steps: int, validate_every: int, patience: int, seed: int, training: TrainingSettings, learning_rate: float
) -> Plan:
    """The numbers of a run after pretraining."""
    return Plan(
        steps=steps,
        learning_rate=learning_rate,
        warmup_fraction=training.warmup_fraction,
        final_fraction=0.0,
        weight_decay=training.weight_decay,
        gradient_clip=training.gradient_clip,
        seed=seed,
        save_every=training.save_every,
        precision=training.precision,
        validate_every=validate_every,
        patience=patience,
        compile=training.compile,
    )


def save(
    folder: Path, working: Path, parent: Path, encoder: nn.Module, outcome: Outcome, parts: Sequence[Part], **facts: Any
) -> None:
    """Write a trained encoder, the head where there is just one that answers something, and how the run ended."""
    if not distributed.is_main():
        return
    checkpoints.save(folder, encoder, parent)
    heads = [part for part in parts if part.facts]
    if len(heads) == 1:
        model: Any = heads[0].model
        checkpoints.save_head(folder, model.head, heads[0].facts)  # type: ignore[arg-type]
    (folder / "log.jsonl").write_bytes((working / "log.jsonl").read_bytes())
    write_json(folder / "outcome.json", {**dataclasses.asdict(outcome), **facts})


def steps_of(settings: TaskSettings, examples: int) -> int:
    """Optimizer steps on so many training examples: those of `steps` or of `epochs`, whichever are fewer.

    An epoch has as many steps as whole batches (`xit.training.loop.batch_indices`).
    """
    of_epochs = settings.epochs and settings.epochs * max(examples // settings.batch_size, 1)
    return min(limit for limit in (settings.steps, of_epochs) if limit)


def own(training: TrainingSettings, settings: TaskSettings, steps: int) -> TrainingSettings:
    """What tasks share, with the warm-up and weight decay of this one in their place where it has its own."""
    warmup, decay = settings.warmup_steps, settings.weight_decay
    return dataclasses.replace(
        training,
        warmup_fraction=training.warmup_fraction if warmup is None else warmup / steps,
        weight_decay=training.weight_decay if decay is None else decay,
    )
