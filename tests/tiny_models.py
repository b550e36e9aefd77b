"""A tiny encoder with the head of a task, and how it learns a few examples by heart."""

import dataclasses
from pathlib import Path
from typing import Any

import tiny
import torch

from xit import heads
from xit.core.plan import Plan, TaskBatches
from xit.heads import EncodingOptions
from xit.modeling import encoders, tokenization
from xit.modeling.task_model import TaskModel
from xit.training.loop import train
from xit.training.streams import task_steps

PLAN = Plan(0.02, 40, 0.1, 0.0, 1.0, dataclasses.replace(tiny.COMPUTE, save_every=1000))


def model_for(task_id: str, encoder: str, kind: Any, tokenizer: tokenization.Tokenizer) -> TaskModel:
    """A tiny encoder and the head of a task, with random weights."""
    task = tiny.task_of(task_id)
    torch.manual_seed(0)
    made = encoders.build(encoder, tiny.SIZES[encoder], tokenizer.vocabulary_size, tokenizer.padding_id)
    return TaskModel(made, heads.load(task.format).head(kind, made.dimension, made.layers, task), 0)


def learn(model: TaskModel, examples: list[Any], options: EncodingOptions, folder: Path, **changes: Any) -> None:
    form = heads.load(options.task.format)
    batches = TaskBatches(len(examples), 1, options.max_length_tokens)
    steps = task_steps(form.encode(examples, options), form, batches, options.tokenizer.padding_id, seed=0)
    train(model, steps, dataclasses.replace(PLAN, **changes), folder, {})
