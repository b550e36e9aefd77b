"""Streams of batches, each with a model on the one encoder that learns from them: of a task, or of masked LM."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from xit import heads
from xit.core import distributed
from xit.core.batches import VALIDATION_EXAMPLES
from xit.core.errors import ConfigError, TrainingError
from xit.core.examples import Example, asked, read_examples
from xit.core.plan import Plan, TaskBatches
from xit.core.task import task_of
from xit.formats import format_of
from xit.heads import EncodedExample, EncodingOptions, FormatHead, collate, passes_of
from xit.modeling import checkpoints
from xit.modeling.task_model import TaskModel
from xit.modeling.tokenization import Tokenizer
from xit.training.loop import Step, Validation, batch_indices
from xit.training.masked_lm import MaskedLanguageModel, masked_lm_steps, packed
from xit.training.validation import validation_of

EXAMPLES, LABELS = 1, 2
"""Streams of random numbers that are independent of those of training: which examples, and which labels."""


@dataclasses.dataclass(frozen=True)
class Stream:
    """A stream of batches, and the model that learns from them: a head on the shared encoder."""

    name: str
    model: nn.Module
    """`forward(batch)` is the mean loss."""
    step_at: Callable[[int], Step]
    """The stream's own step 0, 1, …, whatever comes between."""
    validate: Callable[[], Validation] | None = None
    """The task's main metric and loss on English validation."""
    validated: int = 0
    """The number of validation examples."""
    chance: float = 0.0
    """What the best answer that ignores the input scores on them."""
    facts: checkpoints.HeadConfig | None = None
    """What the head answers; None where it is of no use later."""
    rows: int = 0
    """The number of examples, by which tasks are drawn."""
    examples: int = 0
    """The number of inputs that these make; long examples of question answering make several."""
    whole: int = 0
    """The number of inputs that there would be without taking a subset."""


def task_stream(
    task_id: str, plan: Plan, data: Path, encoder: nn.Module, tokenizer: Tokenizer, seed: int, order: int
) -> Stream:
    """The batches of a task of a plan, with a new head that is drawn from torch's global generator.

    Args:
        task_id: The task; the plan says which of its examples are taken.
        plan: The plan.
        data: The folder of all data.
        encoder: What the head is put on.
        tokenizer: The encoder's.
        seed: The seed of a subset, and of shuffled labels.
        order: The seed of the order of the examples.

    Raises:
        ConfigError: several processes would change the loss, or inputs are longer than the encoder reads.
        TrainingError: there is nothing to train on, or less than was asked for.
    """
    batches = plan.tasks[task_id]
    examples, of = training_examples(task_id, batches, data, seed)
    tags = {tag for example in examples for tag in example.get("tags", ())}
    task = task_of(task_id).in_training.with_labels(tuple(sorted(tags)))
    form, head = format_of(task), heads.load(task.format)
    if form.has_candidates and batches.micro_batches % distributed.count():
        raise ConfigError(
            f"{task_id}: micro_batches is {batches.micro_batches}, and there are {distributed.count()} processes, "
            "among which a step would be cut smaller; but the other examples of a forward pass are its negatives. "
            f"Train it in one process, or with micro_batches a multiple of {distributed.count()}."
        )
    shape: Any = encoder
    if batches.max_length_tokens > shape.max_positions:
        raise ConfigError(
            f"{task_id}: max_length_tokens is {batches.max_length_tokens}, but a {shape.name} encoder of this size "
            f"has positions for {shape.max_positions}. Lower it to that in params.yaml."
        )
    options = EncodingOptions(tokenizer, task, batches.max_length_tokens)
    encoded = head.encode(examples, options)
    if not encoded:
        raise TrainingError(f"data/{task_id}/train.parquet: no English training examples of {task_id}.")
    model = TaskModel(encoder, head.head(plan.head, shape.dimension, shape.layers, task), tokenizer.padding_id)
    most = None if form.has_candidates else plan.compute.most_tokens
    steps = task_steps(encoded, head, batches, tokenizer.padding_id, order, most)
    facts = checkpoints.HeadConfig(task_id, task.format, plan.head, task.labels, batches.max_length_tokens)
    whole = round(len(encoded) * of / len(examples))
    stream = Stream(task_id, model, steps, facts=facts, rows=len(examples), examples=len(encoded), whole=whole)
    if batches.is_shuffled:
        return stream
    validation = read_examples(data / task_id / "validation.parquet", "en")
    if not form.has_candidates:
        validation = validation[:VALIDATION_EXAMPLES]
    rows = batches.batch_size if most else batches.batch_size // batches.micro_batches
    validate = validation_of(model, head, validation, options, rows, most)
    count, by_chance = len(asked(validation)), form.chance(validation)
    return dataclasses.replace(stream, validate=validate, validated=count, chance=by_chance)


def text_stream(plan: Plan, data: Path, encoder: nn.Module, tokenizer: Tokenizer, parent: Path, seed: int) -> Stream:
    """Masked LM of a plan, which goes on with the head of pretraining where the parent has one."""
    assert plan.text is not None
    shape: Any = encoder
    model = MaskedLanguageModel(shape)
    if not model.load_head(parent) and shape.size is None:
        raise ConfigError(
            f"{parent}: a {shape.name} encoder, whose files have no masked-LM head; found no "
            f"{checkpoints.MASKED_LM_HEAD}. A new one would be learnt at the cost of the encoder. Leave out conditions "
            "with masked LM for it, or make it again by `xit pretrain`, if its repository has such a head."
        )
    blocks = packed(plan.text.languages, data / "text", tokenizer, plan.text.block_tokens)
    return Stream("mlm", model, masked_lm_steps(blocks, plan.text, tokenizer, seed))


def training_file(task_id: str, batches: TaskBatches, data: Path) -> Path:
    """The file of the training examples: English, or translated."""
    folder = task_id if batches.language == "en" else f"{task_id}+{batches.language}"
    return data / folder / "train.parquet"


def training_examples(task_id: str, batches: TaskBatches, data: Path, seed: int) -> tuple[list[Example], int]:
    """The examples that are trained on, and how many there are in all.

    A subset has the first ones of an order that the seed draws, so that subsets of one seed are nested. Shuffled labels
    are drawn after the subset.

    Raises:
        TrainingError: there are fewer examples than are asked for.
    """
    path = training_file(task_id, batches, data)
    examples: list[Example] = list(read_examples(path, batches.language))
    whole = len(examples)
    if batches.examples is not None:
        if batches.examples > whole:
            raise TrainingError(
                f"{task_id}-{batches.examples}: {path} has only {whole} training examples. "
                "Name a smaller subset in grid.recipes."
            )
        order = np.random.default_rng((seed, EXAMPLES)).permutation(whole)
        examples = [examples[index] for index in sorted(order[: batches.examples])]
    if batches.is_shuffled:
        examples = format_of(task_of(task_id)).shuffled(examples, np.random.default_rng((seed, LABELS)))
    return examples, whole


def task_steps(
    encoded: Sequence[EncodedExample],
    head: FormatHead,
    batches: TaskBatches,
    padding_id: int,
    seed: int,
    most_tokens: int | None = None,
) -> Callable[[int], Step]:
    """`step_at` for encoded examples: `batch_size` examples a step, in forward passes of like size.

    Of `most_tokens` at most, as many passes as that makes; where it is None, since the examples of a pass are one
    another's negatives, the task's own `micro_batches`. Several processes share them; where there are too few, they are
    cut smaller (`xit.core.distributed.passes`).
    """
    lengths = tuple(f.length for f in encoded)

    def step_at(step: int) -> Step:
        indices = batch_indices(lengths, batches.batch_size, seed, step)
        step_examples = [encoded[i] for i in indices]
        wanted = passes_of(step_examples, most_tokens) if most_tokens else batches.micro_batches
        size = -(-len(indices) // distributed.passes(wanted))
        micro_batches = []
        for begin in range(0, len(indices), size):
            chosen = step_examples[begin : begin + size]
            batch = collate([row for f in chosen for row in f.rows], padding_id)
            micro_batches.append({**batch, **head.labels(chosen, batch["input_ids"].shape[1])})
        return Step(micro_batches, [encoded[i].id for i in indices])

    return step_at
