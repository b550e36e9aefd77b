"""How fast our training loop is beside transformers' Trainer: same model, data, batch size, optimizer and machine.

    python benchmarks/training.py --json training.json
    python benchmarks/training.py --checkpoint e5 --threads 2 --rounds 5
    python benchmarks/training.py --utilisation --device cuda

Pretraining and fine-tuning on sentence pairs, for each encoder of params.yaml, on random tokens of realistic lengths.
The loops take short turns in one process, so that all meet the same load; the first steps of a turn are not timed.
Trainer draws examples at random, its default, or grouped by length, which is what our loop does; on a device that has
bfloat16 both compute in it.

`--checkpoint` measures one released encoder in a folder instead (xit import): fine-tuning, and prediction of a whole
task beside `Trainer.predict` as it is by default, eight rows at once in the order of the file, padded to the longest.

`--utilisation` is another measurement, without Trainer: how much of a GPU's arithmetic our loop uses on XLM-R Large
with random weights in bfloat16, fine-tuned at lengths 128 and 384. A step's operations are those of its matrices, 6 a
weight and token, and of attention, 12 x layers x hidden x length a token (Chowdhery et al. 2022, arXiv 2204.02311,
appendix B). On a CPU it takes a tiny model in float32, to see that it runs.
"""

import argparse
import dataclasses
import functools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from memory import LARGE, Shape
from memory import parameters as count_parameters
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    XLMRobertaConfig,
    XLMRobertaModel,
)
from transformers.utils import logging

from xit import heads
from xit.core.plan import Plan, TaskBatches
from xit.core.settings import ComputeSettings
from xit.core.task import task_of
from xit.heads import Batch, EncodedExample, Row, collate
from xit.modeling import encoders, tokenization
from xit.modeling.released import ReleasedEncoder
from xit.modeling.task_model import TaskModel, load_encoder
from xit.pipeline import config, plans
from xit.training.loop import Step, train
from xit.training.masked_lm import MaskedLanguageModel, mask, masked_lm_steps
from xit.training.streams import task_steps

WARMUP_STEPS = 3
TASK = "xnli"
TINY = Shape(vocabulary=500, hidden=64, layers=2, inner=256, heads=4, positions=514)
LENGTHS = {128: 64, 384: 32}
"""Rows a step, by length: memory enough on 80 GB (`python benchmarks/memory.py`)."""
PEAK_TFLOPS = {"H100": 989, "H200": 989, "A100": 312}
"""bfloat16 without sparsity, by data sheet (H100 and H200: the SXM module)."""


@dataclasses.dataclass(frozen=True)
class Work:
    """One thing to train: a new model, our steps, and the same data as Trainer takes it."""

    model: Callable[[], nn.Module]
    step_at: Callable[[int], Step]
    items: Sequence[dict[str, Any]]
    collator: Callable[[list[dict[str, Any]]], Batch]
    batch_size: int
    learning_rate: float


@dataclasses.dataclass(frozen=True)
class Turn:
    """Seconds, examples and real tokens of the timed steps."""

    seconds: float
    examples: int
    tokens: int


class Meter(nn.Module):
    """A model for either loop, which counts what it is given."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.sizes: list[tuple[int, int]] = []

    def forward(self, batch: Batch | None = None, **named: Tensor) -> Any:
        """The loss, as each loop wants it."""
        given = named if batch is None else batch
        self.sizes.append((len(given["input_ids"]), int(given["attention_mask"].sum())))
        loss = self.model(given)
        return {"loss": loss} if batch is None else loss


class Clock(TrainerCallback):  # type: ignore[misc]
    """The time at the end of each of Trainer's steps."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        self.times.append(time.perf_counter())


PRECISION: Literal["float32", "bfloat16"] = "bfloat16" if torch.cuda.is_available() else "float32"


def ours(work: Work, steps: int, precision: Literal["float32", "bfloat16"] = PRECISION) -> Turn:
    """A turn of `xit.training.loop.train`, without validation."""
    meter, times = Meter(work.model()), []
    plan = Plan(
        learning_rate=work.learning_rate,
        steps=steps,
        warmup_fraction=0.1,
        weight_decay=0.1,
        gradient_clip=1.0,
        compute=ComputeSettings(precision, 1, "native", save_every=steps, gradient_checkpointing=False, compile=False),
    )
    with tempfile.TemporaryDirectory() as folder:
        train(meter, work.step_at, plan, Path(folder), {}, report=lambda *_: times.append(time.perf_counter()))
    return turn(meter, times)


def trainer(work: Work, steps: int, sampling: str) -> Turn:
    """A turn of transformers' Trainer with the same optimizer, without evaluating, logging or saving."""
    meter, clock = Meter(work.model()), Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=work.batch_size,
            learning_rate=work.learning_rate,
            warmup_steps=steps // 10,
            weight_decay=0.1,
            max_grad_norm=1.0,
            optim="adamw_torch_fused",
            train_sampling_strategy=sampling,
            logging_strategy="no",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=torch.cuda.is_available(),
            bf16=PRECISION == "bfloat16",
            seed=0,
        )
        loop = Trainer(
            model=meter, args=arguments, train_dataset=work.items, data_collator=work.collator, callbacks=[clock]
        )
        loop.remove_callback(PrinterCallback)
        loop.train()
    return turn(meter, clock.times)


def turn(meter: Meter, times: Sequence[float]) -> Turn:
    """What happened after the first steps; a forward pass is a step here."""
    timed = meter.sizes[WARMUP_STEPS:]
    assert len(meter.sizes) == len(times)
    return Turn(times[-1] - times[WARMUP_STEPS - 1], sum(n for n, _ in timed), sum(t for _, t in timed))


def pretraining(name: str, parameters: config.Config, tokenizer: tokenization.Tokenizer) -> Work:
    """Masked language modelling of random blocks."""
    plan = plans.pretraining(parameters, name)
    settings, size = plan.text, plan.size
    assert settings
    assert size
    generator = torch.Generator().manual_seed(0)
    shape = (4096, settings.block_tokens)
    text = torch.randint(5, tokenizer.vocabulary_size, shape, generator=generator)

    def collator(items: list[dict[str, Any]]) -> Batch:
        input_ids, labels = mask(
            torch.stack([item["input_ids"] for item in items]), settings.masked_fraction, tokenizer, generator
        )
        return {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids), "labels": labels}

    def model() -> nn.Module:
        torch.manual_seed(0)
        return MaskedLanguageModel(encoders.build(name, size, tokenizer.vocabulary_size))

    return Work(
        model,
        masked_lm_steps({"en": text.int().numpy()}, settings, tokenizer, seed=0),
        [{"input_ids": row} for row in text],
        collator,
        settings.batch_size,
        plan.learning_rate,
    )


def fine_tuning(name: str, parameters: config.Config, tokenizer: tokenization.Tokenizer) -> Work:
    """Classification of random sentence pairs, 28 tokens long in the middle, 12 to 64 in all."""
    size = parameters.encoders[name].size

    def encoder() -> nn.Module:
        return encoders.build(name, size, tokenizer.vocabulary_size)

    settings, own = parameters.targets[TASK], parameters.encoders[name]
    return classification(encoder, tokenizer, settings.batch_size, own.learning_rate, parameters.training.head, 64)


def classification(
    encoder: Callable[[], nn.Module],
    tokenizer: tokenization.Tokenizer,
    batch_size: int,
    learning_rate: float,
    kind: Literal["linear", "matching"],
    longest: int,
) -> Work:
    """Random sentence pairs of lengths as of real ones, to classify."""
    task = task_of(TASK)
    form = heads.load(task.format)
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randn(3000, generator=generator).mul(0.4).exp().mul(28 * longest / 64).int()
    lengths = lengths.clamp(12, longest).tolist()
    encoded = []
    for length in lengths:
        input_ids = torch.randint(5, tokenizer.vocabulary_size, (length,), generator=generator)
        segments = torch.tensor([0, *[1] * (length // 2 - 2), 0, *[2] * (length - length // 2 - 1), 0])
        label = int(torch.randint(len(task.labels), (), generator=generator))
        encoded.append(EncodedExample(str(len(encoded)), (Row(input_ids.numpy(), segments.numpy()),), label))

    def collator(items: list[dict[str, Any]]) -> Batch:
        chosen = [item["features"] for item in items]
        batch = collate([row for f in chosen for row in f.rows], tokenizer.padding_id)
        return {**batch, **form.labels(chosen, batch["input_ids"].shape[1])}

    def model() -> nn.Module:
        torch.manual_seed(0)
        made: Any = encoder()
        head: Any = form.head(kind, made.dimension, made.layers, task)
        return TaskModel(made, head, tokenizer.padding_id)

    return Work(
        model,
        task_steps(encoded, form, TaskBatches(batch_size, 1, longest), tokenizer.padding_id, seed=0),
        [{"features": f, "input_ids": f.rows[0].input_ids} for f in encoded],
        collator,
        batch_size,
        learning_rate,
    )


def prediction(work: Work, rounds: int, examples: int) -> list[dict[str, Any]]:
    """Seconds for the logits of so many examples: ours, and those of `Trainer.predict` as it is by default."""
    model: Any = work.model().eval()
    if torch.cuda.is_available():
        model.cuda()
    items = list(work.items[:examples])
    rows = [item["features"].rows[0] for item in items]

    class Face(nn.Module):
        """The model as Trainer calls it."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, **batch: Tensor) -> dict[str, Tensor]:
            loss, logits = self.model._scored(batch)
            return {"loss": loss, "logits": logits}

    def theirs() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                report_to=[],
                disable_tqdm=True,
                remove_unused_columns=False,
                label_names=["labels"],
                dataloader_pin_memory=torch.cuda.is_available(),
            )
            return Trainer(model=Face(), args=arguments, data_collator=work.collator).predict(items).predictions

    logits = torch.stack(model.logits(rows))
    assert torch.allclose(logits, torch.from_numpy(theirs()).float(), atol=1e-2)
    seconds: dict[str, list[float]] = {"xit": [], "Trainer.predict": []}
    for number in range(rounds):
        calls: list[tuple[str, Callable[[], Any]]] = [("xit", lambda: model.logits(rows)), ("Trainer.predict", theirs)]
        for name, call in calls if number % 2 == 0 else calls[::-1]:
            begin = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - begin)
    ratios = [b / a for a, b in zip(seconds["xit"], seconds["Trainer.predict"], strict=True)]
    tokens = sum(len(row.input_ids) for row in rows)
    return [
        {
            "encoder": "checkpoint",
            "phase": "prediction",
            "loop": name,
            "batch_size": 8,
            "milliseconds_per_step": 1000 * statistics.median(taken) * 8 / examples,
            "examples_per_second": examples / statistics.median(taken),
            "tokens_per_second": tokens / statistics.median(taken),
            "xit_speed_ratio": statistics.median(ratios) if name != "xit" else 1.0,
            "xit_speed_ratio_lowest": min(ratios) if name != "xit" else 1.0,
            "xit_speed_ratio_highest": max(ratios) if name != "xit" else 1.0,
        }
        for name, taken in seconds.items()
    ]


def of_checkpoint(folder: Path, rounds: int, steps: int, examples: int) -> list[dict[str, Any]]:
    """Fine-tuning of a released encoder in batches of 32 pairs of 12 to 128 tokens, and prediction of a task."""
    _, tokenizer = load_encoder(folder)

    def encoder() -> Any:
        return load_encoder(folder)[0].encoder

    work = classification(encoder, tokenizer, 32, 2e-5, "linear", 128)
    return [*measure({("checkpoint", "fine-tuning"): work}, rounds, steps), *prediction(work, rounds, examples)]


def whole_rows(shape: Shape, rows: int, length: int) -> Work:
    """Classification of random rows of just this length, by an encoder of this shape with its usual dropout."""
    task = task_of(TASK)
    form = heads.load(task.format)
    generator = torch.Generator().manual_seed(0)
    encoded = []
    for number in range(4 * rows):
        input_ids = torch.randint(5, shape.vocabulary, (length,), generator=generator).numpy()
        encoded.append(EncodedExample(str(number), (Row(input_ids, (input_ids > 0).astype(int)),), number % 3))

    def model() -> nn.Module:
        torch.manual_seed(0)
        settings = XLMRobertaConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.hidden,
            num_hidden_layers=shape.layers,
            intermediate_size=shape.inner,
            num_attention_heads=shape.heads,
            max_position_embeddings=shape.positions,
            type_vocab_size=1,
        )
        encoder = ReleasedEncoder(XLMRobertaModel(settings, add_pooling_layer=False))
        return TaskModel(encoder, form.head("linear", shape.hidden, shape.layers, task), padding_id=1)

    return Work(
        model, task_steps(encoded, form, TaskBatches(rows, 1, length), 1, seed=0), [], lambda items: {}, rows, 1e-5
    )


def utilisation(device: str, steps: int, peak_tflops: float | None) -> list[dict[str, Any]]:
    """A record a length: time a step, operations a second, and their share of what the device is said to do."""
    shape, precision = (LARGE, "bfloat16") if device == "cuda" else (TINY, "float32")
    records = []
    for length, rows in LENGTHS.items():
        rows = rows if device == "cuda" else 4
        taken = ours(whole_rows(shape, rows, length), steps, precision)  # type: ignore[arg-type]
        a_token = 6 * count_parameters(shape)[1] + 12 * shape.layers * shape.hidden * length
        flops = a_token * taken.tokens / taken.seconds
        records.append(
            {
                "length": length,
                "rows": rows,
                "milliseconds_per_step": 1000 * taken.seconds * rows / taken.examples,
                "tokens_per_second": taken.tokens / taken.seconds,
                "tflops": flops / 1e12,
                "utilisation": flops / 1e12 / peak_tflops if peak_tflops else None,
                "peak_memory_gb": torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else None,
            }
        )
    return records


def show_utilisation(records: Sequence[dict[str, Any]], title: str) -> None:
    """The records as a table."""
    table = Table(title=title, title_justify="left")
    for column in ("length", "rows", "ms/step", "tokens/s", "TFLOP/s", "utilisation", "peak GB"):
        table.add_column(column, justify="right")
    for r in records:
        numbers = (f"{r['milliseconds_per_step']:,.0f}", f"{r['tokens_per_second']:,.0f}", f"{r['tflops']:,.3f}")
        share = "–" if r["utilisation"] is None else f"{r['utilisation']:.1%}"
        memory = "–" if r["peak_memory_gb"] is None else f"{r['peak_memory_gb']:.1f}"
        table.add_row(str(r["length"]), str(r["rows"]), *numbers, share, memory)
    Console(width=None if os.isatty(1) else 120).print(table)


def measure(works: dict[tuple[str, str], Work], rounds: int, steps: int) -> list[dict[str, Any]]:
    """A record a piece of work and loop: medians over rounds, ratios within rounds."""
    records = []
    for (name, phase), work in works.items():
        loops: dict[str, Callable[[], Turn]] = {
            "xit": functools.partial(ours, work, steps),
            "Trainer": functools.partial(trainer, work, steps, "random"),
        }
        if phase == "fine-tuning":
            loops["Trainer, by length"] = functools.partial(trainer, work, steps, "group_by_length")
        turns: dict[str, list[Turn]] = {loop: [] for loop in loops}
        for number in range(rounds):
            for loop in list(loops) if number % 2 == 0 else reversed(list(loops)):
                turns[loop].append(loops[loop]())
        for loop, taken in turns.items():
            pairs = zip(turns["xit"], taken, strict=True)
            ratios = [(a.examples / a.seconds) / (b.examples / b.seconds) for a, b in pairs]
            records.append(
                {
                    "encoder": name,
                    "phase": phase,
                    "loop": loop,
                    "batch_size": work.batch_size,
                    "milliseconds_per_step": 1000
                    * statistics.median(t.seconds * work.batch_size / t.examples for t in taken),
                    "examples_per_second": statistics.median(t.examples / t.seconds for t in taken),
                    "tokens_per_second": statistics.median(t.tokens / t.seconds for t in taken),
                    "xit_speed_ratio": statistics.median(ratios),
                    "xit_speed_ratio_lowest": min(ratios),
                    "xit_speed_ratio_highest": max(ratios),
                }
            )
    return records


def show(records: Sequence[dict[str, Any]], title: str) -> None:
    """The records as a table."""
    table = Table(title=title, title_justify="left")
    for column in ("encoder", "phase", "loop"):
        table.add_column(column)
    for column in ("ms/step", "examples/s", "tokens/s", "xit is … times as fast"):
        table.add_column(column, justify="right")
    for r in records:
        span = f"{r['xit_speed_ratio']:.2f} ({r['xit_speed_ratio_lowest']:.2f} to {r['xit_speed_ratio_highest']:.2f})"
        table.add_row(
            *(r[column] for column in ("encoder", "phase", "loop")),
            *(f"{r[c]:,.0f}" for c in ("milliseconds_per_step", "examples_per_second", "tokens_per_second")),
            "" if r["loop"] == "xit" else span,
        )
    Console(width=None if os.isatty(1) else 120).print(table)


def main() -> None:
    """Measure and print; `--json` also writes the records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--params", type=Path, default=Path("params.yaml"), help="sizes, batch sizes and learning rates"
    )
    parser.add_argument("--rounds", type=int, default=11, help="turns of each loop (default 11)")
    parser.add_argument("--steps", type=int, default=12, help=f"steps a turn, {WARMUP_STEPS} of them not timed")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    parser.add_argument("--json", type=Path, help="a file for the records")
    parser.add_argument("--checkpoint", type=Path, help="instead, the released encoder in this folder")
    parser.add_argument("--examples", type=int, default=1000, help="of the task that is predicted (default 1000)")
    parser.add_argument("--utilisation", action="store_true", help="instead, how much of the device our loop uses")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--peak-tflops", type=float, help="of the device; else by its name")
    chosen = parser.parse_args()
    if (chosen.device == "cuda") != torch.cuda.is_available():
        parser.error(f"--device {chosen.device}: torch finds {'a' if torch.cuda.is_available() else 'no'} GPU here")
    torch.set_num_threads(chosen.threads)
    logging.set_verbosity_error()
    device = torch.cuda.get_device_name() if chosen.device == "cuda" else f"CPU, {chosen.threads} thread(s)"
    facts = {"device": device, "torch": torch.__version__, "steps": chosen.steps}
    if chosen.utilisation:
        peak = chosen.peak_tflops or next((t for name, t in PEAK_TFLOPS.items() if name in device), None)
        records = utilisation(chosen.device, chosen.steps, peak)
        model = "XLM-R Large in bfloat16" if chosen.device == "cuda" else "a tiny XLM-R in float32"
        show_utilisation(records, f"Fine-tuning {model} on {device}, {chosen.steps} steps, peak {peak or '?'} TFLOP/s")
        if chosen.json:
            chosen.json.write_text(json.dumps({**facts, "peak_tflops": peak, "records": records}, indent=2) + "\n")
        return
    if chosen.checkpoint:
        records = of_checkpoint(chosen.checkpoint, chosen.rounds, chosen.steps, chosen.examples)
        show(records, f"{chosen.checkpoint} on {device}; median of {chosen.rounds} turns of {chosen.steps} steps")
        if chosen.json:
            chosen.json.write_text(json.dumps({**facts, "rounds": chosen.rounds, "records": records}, indent=2) + "\n")
        return
    parameters = config.load(chosen.params)
    letters = [chr(0x4E00 + n) for n in range(parameters.tokenizer.vocabulary - 6)]
    tokenizer = tokenization.train([" ".join(letters)] * 2, parameters.tokenizer.vocabulary)
    phases = {"pretraining": pretraining, "fine-tuning": fine_tuning}
    works = {
        (name, phase): make(name, parameters, tokenizer)
        for name in parameters.grid.encoders
        for phase, make in phases.items()
    }
    records = measure(works, chosen.rounds, chosen.steps)
    show(records, f"Training loops on {device}; median of {chosen.rounds} turns of {chosen.steps} steps")
    if chosen.json:
        chosen.json.write_text(json.dumps({**facts, "rounds": chosen.rounds, "records": records}, indent=2) + "\n")


if __name__ == "__main__":
    main()
