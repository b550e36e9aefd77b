"""The learning rates of params.yaml: a small grid, the same for every encoder, judged in English only.

Pretraining: the loss of the last 50 of 300 steps. Fine-tuning: the mean of English validation over three tasks of
different formats, from the pretrained encoder of the first seed. Run in the project's folder after `dvc repro`:

    python benchmarks/learning_rates.py [--encoder lstm] [--json FILE]
"""

import argparse
import dataclasses
import json
import tempfile
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from xit import config, discover, encoders, formats, layout, tokenization
from xit.examples import read_examples
from xit.formats import Reading
from xit.masked_language_model import MaskedLanguageModel, pretraining_steps
from xit.models import TaskModel, load_encoder
from xit.stages.pretrain import packed
from xit.training import Plan, task_steps, train

PRETRAINING = (0.005, 0.01, 0.02, 0.04)
FINETUNING = (0.001, 0.002, 0.004, 0.008)
TASKS = ("xnli", "udpos", "xquad")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", action="append")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    values = config.load(layout.PARAMS)
    torch.set_num_threads(values.training.threads)
    found: dict[str, dict[str, dict[float, float]]] = {}
    for name in arguments.encoder or values.grid.encoders:
        found[name] = {
            "pretraining loss": {rate: pretraining_loss(values, name, rate) for rate in PRETRAINING},
            "English validation": {rate: validation_score(values, name, rate) for rate in FINETUNING},
        }
    table = Table("encoder", "what", *(f"rate {number}" for number in range(1, 5)), title="Learning rates")
    for name, parts in found.items():
        for what, scores in parts.items():
            table.add_row(name, what, *(f"{rate:g}: {score:.2f}" for rate, score in scores.items()))
    Console().print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def pretraining_loss(values: config.Config, name: str, rate: float) -> float:
    """The mean loss of the last 50 of 300 steps of pretraining."""
    tokenizer = tokenization.load(layout.TOKENIZER)
    settings = dataclasses.replace(values.pretraining, steps=300)
    blocks = packed(values.languages.pretraining, layout.TEXT, tokenizer, settings.block_tokens)
    torch.manual_seed(0)
    size = values.encoders[name].size
    model = MaskedLanguageModel(encoders.build(name, size, tokenizer.vocabulary_size, tokenizer.padding_id))
    plan = Plan(
        steps=settings.steps,
        learning_rate=rate,
        warmup_fraction=settings.warmup_fraction,
        final_fraction=settings.final_fraction,
        weight_decay=settings.weight_decay,
        gradient_clip=settings.gradient_clip,
        seed=0,
        save_every=settings.steps,
        optimizer="muon",
    )
    with tempfile.TemporaryDirectory() as folder:
        return train(model, pretraining_steps(blocks, settings, tokenizer, 0), plan, Path(folder), {}).loss


def validation_score(values: config.Config, name: str, rate: float) -> float:
    """The mean over tasks of the main metric on English validation after fine-tuning at that rate."""
    scores = []
    for task_id in TASKS:
        task = discover.load("tasks", task_id).task
        form = formats.load(task.format)
        settings, training = values.targets[task_id], values.training
        parent = layout.pretrained(name) / str(values.seeds[0])
        bare, tokenizer = load_encoder(parent)
        reading = Reading(tokenizer, task, settings.max_length_tokens)
        features = form.features(read_examples(layout.data(task_id) / "train.parquet"), reading)
        torch.manual_seed(0)
        encoder = bare.encoder
        head = form.head(training.head, encoder.dimension, encoder.layers, task)
        model = TaskModel(encoder, head, tokenizer.padding_id)
        plan = Plan(
            steps=settings.steps,
            learning_rate=rate,
            warmup_fraction=training.warmup_fraction,
            final_fraction=0.0,
            weight_decay=training.weight_decay,
            gradient_clip=training.gradient_clip,
            seed=0,
            save_every=settings.steps,
        )
        step_at = task_steps(features, form, settings.batch_size, 1, tokenizer.padding_id, 0)
        with tempfile.TemporaryDirectory() as folder:
            train(model, step_at, plan, Path(folder), {})
        validation = read_examples(layout.data(task_id) / "validation.parquet")
        scores.append(form.score(form.predict(model, validation, reading), validation, task, "en")[task.metric])
    return sum(scores) / len(scores)


if __name__ == "__main__":
    main()
