"""Learning rates of an encoder: the same few trials for each, judged on English validation alone.

First, of an encoder from scratch, the rate of pretraining, where several are tried: by the masked-LM loss on English
text which the trials have not seen; a released encoder starts from its weights. Then, from there, the rate of each
task: by its main metric on English validation. Each time the best rate is the lowest whose median and worst seed are
within a standard error of the best (`xit.statistics.rates`); no task decides for another. A trial that fails
is not started again.
"""

import csv
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch

from xit.core.batches import IGNORED
from xit.core.errors import TrainingError
from xit.core.files import write_csv, write_json
from xit.core.plan import PRETRAINING, Cell, Places, Plan, TextBatches
from xit.core.progress import Report, about
from xit.core.settings import TuningSettings
from xit.core.task import task_of
from xit.modeling import checkpoints, convert, tokenization
from xit.modeling.checkpoints import Run
from xit.modeling.tokenization import Tokenizer
from xit.statistics import rates
from xit.training import objectives
from xit.training.loop import train
from xit.training.masked_lm import Blocks, MaskedLanguageModel, from_scratch, mask, packed
from xit.training.mixtures import train_cells

HELD_OUT = 10
"""One of so many English blocks is kept from the trials of pretraining, for the loss."""
TASKS = "tasks"
"""The phase of trials that are not of pretraining."""

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Trials:
    """What is tried for an encoder.

    Attributes:
        source: The source of the data, for the record.
        weights: Where the encoder starts, as `encoders.ID.weights` says.
        tuning: The rates, and the seeds of each.
        plans: How the encoder is pretrained, under `pretraining`, unless it is released; and how it is trained on each
            task that decides.
    """

    encoder: str
    source: str
    weights: str
    tuning: TuningSettings
    plans: Mapping[str, Plan]


def tune(trials: Trials, places: Places, report: Report) -> list[str]:
    """Try every learning rate, write out/trials.csv, and say which are best; finished trials are kept.

    Args:
        trials: What is tried.
        places: The tokenizer, the folder of all data, of which no test split is read, and where the trials go.
        report: Progress.

    Raises:
        TrainingError: English is not among the languages of pretraining.
    """
    encoder, tuning, plans = trials.encoder, trials.tuning, trials.plans
    rows: list[Row] = []
    if trials.weights == "random":
        lines, rows = _pretrained(trials, places, report)
        start = f"{rates.best(rates.tried(rows, trials.source, encoder, '')):g}"
        if len(tuning.pretraining_learning_rates) < 2:
            rows = []  # nothing was searched
    else:
        start = "released"
        seeds = {str(seed): Cell(encoder, seed=seed) for seed in tuning.seeds}
        lines = convert.pretrained(seeds, trials.weights, places.out / PRETRAINING / start)
    tasks = [name for name in plans if name != PRETRAINING]
    for task in tasks:
        metric = task_of(task).metric
        for rate in tuning.learning_rates:
            cells = {str(seed): Cell(encoder, f"tuning {rate:g}", task, seed) for seed in tuning.seeds}
            folder = places.out / task / f"{rate:g}"
            plan = dataclasses.replace(plans[task], learning_rate=rate)
            here = Places(places.out / PRETRAINING / start, places.data, folder)
            lines += train_cells(
                "tune", cells, here, plan, report, [places.out / other / f"{rate:g}" for other in tasks]
            )
            rows += [_row(trials.source, TASKS, rate, cell, metric, folder / name) for name, cell in cells.items()]
        checkpoints.keep_only(places.out / task, [f"{rate:g}" for rate in tuning.learning_rates])
    write_csv(places.out / "trials.csv", rows)
    checkpoints.keep_only(places.out, [PRETRAINING, *tasks, "trials.csv"])
    return [*lines, *_verdict(encoder, trials.source, rows)]


def _pretrained(trials: Trials, places: Places, report: Report) -> tuple[list[str], list[Row]]:
    """The trials of pretraining, `out/pretraining/<rate>/<seed>`: what was done, and the loss of each."""
    encoder, plan = trials.encoder, trials.plans[PRETRAINING]
    tried = trials.tuning.pretraining_learning_rates or (plan.learning_rate,)
    text, tokenizer = plan.text, tokenization.load(places.parent)
    assert text is not None
    if "en" not in text.languages:
        raise TrainingError(f"languages.pretraining: en is missing; {encoder} is tuned on its text. Add it.")
    corpus = objectives.read(text, places.data, tokenizer)
    blocks = corpus.blocks or packed(("en",), places.data / "text", tokenizer, text.block_tokens)
    count = len(blocks["en"]) // HELD_OUT
    held_out = blocks["en"][:count]
    corpus = corpus._replace(blocks={**corpus.blocks, "en": blocks["en"][count:]})

    def at(rate: float) -> tuple[list[str], list[Row]]:
        cells = {str(seed): Cell(encoder, f"{PRETRAINING} {rate:g}", "", seed) for seed in trials.tuning.seeds}
        here = dataclasses.replace(places, out=places.out / PRETRAINING / f"{rate:g}")
        trial = dataclasses.replace(plan, learning_rate=rate)

        def lineage_of(cell: Cell, parent: Path) -> dict[str, Any]:
            code = ("xit.stages.tune", f"xit.encoders.{encoder}")
            inputs = {"text": places.data / "text", "tokenizer": places.parent}
            inputs |= objectives.inputs(text, places.data)
            return checkpoints.lineage("tune", code, inputs, **dataclasses.asdict(cell), plan=trial)

        def make(run: Run) -> str:
            own = dataclasses.replace(trial, seed=run.cell.seed)
            torch.manual_seed(own.seed)
            model = from_scratch(encoder, own, tokenizer, places.parent)
            assert own.steps is not None
            step_at = objectives.pretraining_steps(corpus, text, own.steps, tokenizer, own.seed)
            train(model, step_at, own, run.working, run.lineage, report=about(str(run.cell), report))
            loss = held_out_loss(model, held_out, text, tokenizer)
            checkpoints.save(run.folder, model.encoder, places.parent)
            write_json(run.folder / "outcome.json", {"best_score": loss})
            return f"masked-LM loss {loss:.3f} on held-out English"

        lines = checkpoints.each(cells, here, lineage_of, make)
        return lines, [
            _row(trials.source, PRETRAINING, rate, cell, "loss", here.out / name) for name, cell in cells.items()
        ]

    done = [at(rate) for rate in tried]
    checkpoints.keep_only(places.out / PRETRAINING, [f"{rate:g}" for rate in tried])
    return [line for lines, _ in done for line in lines], [row for _, rows in done for row in rows]


def record(trials: Path, table: Path) -> str:
    """Put trials into a table that keeps those of other encoders, sources and phases: paper/inputs/tuning.csv."""
    names = ("source", "encoder", "phase")
    new, old = _rows(trials), _rows(table) if table.is_file() else []
    made = {tuple(row[name] for name in names) for row in new}
    write_csv(table, [*(row for row in old if tuple(row[name] for name in names) not in made), *new])
    return f"{table}: {len(new)} trials put there"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def held_out_loss(model: MaskedLanguageModel, blocks: Blocks, settings: TextBatches, tokenizer: Tokenizer) -> float:
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


def _row(source: str, phase: str, rate: float, cell: Cell, metric: str, folder: Path) -> Row:
    outcome = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    names = {"source": source, "encoder": cell.encoder, "phase": phase, "learning_rate": rate}
    names |= {"task": cell.target, "seed": cell.seed}
    return {**names, "metric": metric, "validation_score": outcome["best_score"]}


def _verdict(encoder: str, source: str, rows: Sequence[Row]) -> list[str]:
    """What every rate reached, which are best, and the lines of params.yaml to say so."""
    found, chosen = [], {}
    for task in dict.fromkeys(row["task"] for row in rows):
        values = rates.tried(rows, source, encoder, task)
        best = chosen[task] = rates.best(values)
        shown = ", ".join(f"{rate:g}: {abs(median(of)):.2f} ({abs(min(of)):.2f})" for rate, of in values.items())
        what = "English validation" if task else "masked-LM loss on held-out English"
        is_edge = len(values) > 1 and best in (min(values), max(values))
        edge = f" At the edge: try rates beyond {best:g}." if is_edge else ""
        found.append(
            f"{encoder}, {task or PRETRAINING}: {best:g} is best of {shown} ({what}, median and worst seed).{edge}"
        )
    of_tasks = ", ".join(f"{task}: {rate:g}" for task, rate in chosen.items() if task)
    first = [f"    pretraining_learning_rate: {chosen['']:g}"] if "" in chosen else []
    return [*found, "params.yaml:", "encoders:", f"  {encoder}:", *first, f"    learning_rates: {{{of_tasks}}}"]
