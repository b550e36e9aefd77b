"""Learning rates of an encoder from scratch: the same few trials for each, judged on English validation alone.

First the rate of pretraining: that of the lowest masked-LM loss on English text which the trial has not seen. Then,
from that trial's encoder, the rate of tasks: that of the highest mean of their main metrics on English validation.
"""

import csv
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from xit.core.errors import TrainingError
from xit.core.files import write_csv, write_json
from xit.core.settings import EncoderSize, PretrainingSettings, TaskSettings, TrainingSettings, TuningSettings
from xit.core.task import task_of
from xit.formats import IGNORED
from xit.modeling import checkpoints, tokenization
from xit.modeling.tokenization import Tokenizer
from xit.training.loop import Report, train
from xit.training.masked_lm import (
    Blocks,
    MaskedLanguageModel,
    from_scratch,
    mask,
    packed,
    pretraining_plan,
    pretraining_steps,
)
from xit.training.task_training import train_seeds

HELD_OUT = 10
"""One of so many English blocks is kept from the trials of pretraining, for the loss."""
PHASES = ("pretraining", "tasks")

Row = dict[str, Any]


def tune(
    encoder: str,
    languages: Sequence[str],
    source: str,
    text: Path,
    tokenizer: Path,
    data: Path,
    out: Path,
    size: EncoderSize,
    tuning: TuningSettings,
    pretraining: PretrainingSettings,
    settings: Mapping[str, TaskSettings],
    training: TrainingSettings,
    report: Callable[[str], Report],
) -> list[str]:
    """Try every learning rate of `tuning`, write out/trials.csv, and say which are best; finished trials are kept.

    Args:
        encoder: The id of the encoder.
        languages: Of the text of pretraining.
        source: Of the data, for the record.
        text: The text of pretraining.
        tokenizer: The folder of the tokenizer.
        data: A folder a task; train.parquet and validation.parquet are read.
        out: The folder for the trials.
        size: Of the encoder.
        tuning: What is tried.
        pretraining: As of every encoder, but for the steps.
        settings: Of the tasks whose English validation decides.
        training: Of every task.
        report: Gives the progress of a run of that name.

    Raises:
        TrainingError: English is not among the languages of pretraining.
    """
    if "en" not in languages:
        raise TrainingError(f"languages.pretraining: en is missing; {encoder} is tuned on its text. Add it.")
    torch.set_num_threads(training.threads)
    short = dataclasses.replace(pretraining, steps=tuning.pretraining_steps)
    names = [f"{rate:g}" for rate in tuning.pretraining_learning_rates]
    lines, rows = _pretrained(
        encoder, languages, source, text, tokenizer, out / PHASES[0], size, tuning, short, training, report
    )
    rate = min(tuning.pretraining_learning_rates, key=lambda rate: mean(rows, PHASES[0], rate))
    checkpoints.keep_only(out / PHASES[0], names)
    for task, own in settings.items():
        metric = task_of(task).metric
        for task_rate in tuning.learning_rates:
            folder = out / task / f"{task_rate:g}"
            lines += train_seeds(
                "tune",
                encoder,
                f"tuning {task_rate:g}",
                task,
                tuning.seeds,
                out / PHASES[0] / f"{rate:g}",
                data / task,
                folder,
                own,
                training,
                task_rate,
                report,
            )
            rows += [_row(source, encoder, PHASES[1], task_rate, task, s, metric, folder) for s in tuning.seeds]
        checkpoints.keep_only(out / task, [f"{one:g}" for one in tuning.learning_rates])
    task_rate = max(tuning.learning_rates, key=lambda rate: mean(rows, PHASES[1], rate))
    write_csv(out / "trials.csv", rows)
    checkpoints.keep_only(out, [PHASES[0], *settings, "trials.csv"])
    return [*lines, *_verdict(encoder, rows, rate, task_rate, tuning)]


def _pretrained(
    encoder: str,
    languages: Sequence[str],
    source: str,
    text: Path,
    tokenizer_folder: Path,
    out: Path,
    size: EncoderSize,
    tuning: TuningSettings,
    settings: PretrainingSettings,
    training: TrainingSettings,
    report: Callable[[str], Report],
) -> tuple[list[str], list[Row]]:
    """The trials of pretraining, `out/<rate>/<seed>`: what was done, and the loss of each."""
    tokenizer = tokenization.load(tokenizer_folder)
    blocks = packed(languages, text, tokenizer, settings.block_tokens)
    count = len(blocks["en"]) // HELD_OUT
    held_out, blocks["en"] = blocks["en"][:count], blocks["en"][count:]
    lines, rows = [], []
    for rate in tuning.pretraining_learning_rates:
        for seed in tuning.seeds:
            run = checkpoints.lineage(
                "tune",
                ("xit.stages.tune", f"xit.encoders.{encoder}"),
                {"text": text, "tokenizer": tokenizer_folder},
                encoder=encoder,
                seed=seed,
                languages=list(languages),
                size=size,
                settings=settings,
                training=training,
                learning_rate=rate,
            )

            def make(folder: Path, working: Path, rate: float = rate, seed: int = seed, run: Any = run) -> str:
                torch.manual_seed(seed)
                model = from_scratch(encoder, size, tokenizer, tokenizer_folder)
                step_at = pretraining_steps(blocks, settings, tokenizer, seed)
                plan = pretraining_plan(settings, rate, seed, training.save_every, training.precision)
                train(model, step_at, plan, working, run, report=report(f"{encoder} pretraining {rate:g} seed {seed}"))
                loss = held_out_loss(model, held_out, settings, tokenizer)
                checkpoints.save(folder, model.encoder, tokenizer_folder)
                write_json(folder / "outcome.json", {"best_score": loss})
                return f"masked-LM loss {loss:.3f} on held-out English"

            folder = out / f"{rate:g}"
            lines.append(checkpoints.run_once(folder / str(seed), run, make))
            rows.append(_row(source, encoder, PHASES[0], rate, "", seed, "loss", folder))
        checkpoints.keep_only(folder, map(str, tuning.seeds))
    return lines, rows


def record(trials: Path, table: Path) -> str:
    """Put trials into a table that keeps those of other encoders and sources, such as paper/tuning.csv."""
    new, old = _rows(trials), _rows(table) if table.is_file() else []
    made = {(row["source"], row["encoder"]) for row in new}
    write_csv(table, [*(row for row in old if (row["source"], row["encoder"]) not in made), *new])
    return f"{table}: {len(new)} trials put there"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def held_out_loss(
    model: MaskedLanguageModel, blocks: Blocks, settings: PretrainingSettings, tokenizer: Tokenizer
) -> float:
    """The mean loss over the masked tokens of these blocks, which are masked alike for every model."""
    generator = torch.Generator().manual_seed(0)
    device = next(model.parameters()).device
    total, masked = 0.0, 0
    for begin in range(0, len(blocks), settings.batch_size):
        text = torch.from_numpy(blocks[begin : begin + settings.batch_size]).long()
        input_ids, labels = mask(text, settings.masked_fraction, tokenizer, generator)
        batch = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids), "labels": labels}
        count = int((labels != IGNORED).sum())
        with torch.no_grad():
            total += count * float(model({name: value.to(device) for name, value in batch.items()}))
        masked += count
    return total / max(masked, 1)


def mean(rows: Sequence[Row], phase: str, rate: float) -> float:
    """The mean over tasks and seeds of what a phase reached at a rate."""
    values = [row["validation_score"] for row in rows if (row["phase"], row["learning_rate"]) == (phase, rate)]
    return float(sum(values) / len(values))


def _row(source: str, encoder: str, phase: str, rate: float, task: str, seed: int, metric: str, folder: Path) -> Row:
    outcome = json.loads((folder / str(seed) / "outcome.json").read_text(encoding="utf-8"))
    names = {"source": source, "encoder": encoder, "phase": phase, "learning_rate": rate, "task": task, "seed": seed}
    return {**names, "metric": metric, "validation_score": outcome["best_score"]}


def _verdict(encoder: str, rows: Sequence[Row], rate: float, task_rate: float, tuning: TuningSettings) -> list[str]:
    """What every rate reached, which are best, and the lines of params.yaml to say so."""
    found = []
    for phase, tried, best, what in (
        (PHASES[0], tuning.pretraining_learning_rates, rate, "masked-LM loss on held-out English"),
        (PHASES[1], tuning.learning_rates, task_rate, "mean English validation"),
    ):
        reached = ", ".join(f"{one:g}: {mean(rows, phase, one):.2f}" for one in tried)
        edge = (
            f" At the edge: try rates beyond {best:g}." if best in (min(tried), max(tried)) and len(tried) > 1 else ""
        )
        found.append(f"{encoder}, {phase}: {best:g} is best of {reached} ({what}).{edge}")
    return [
        *found,
        "params.yaml:",
        "encoders:",
        f"  {encoder}:",
        f"    pretraining_learning_rate: {rate:g}",
        f"    learning_rate: {task_rate:g}",
    ]
