"""What encoders from scratch find as they are pretrained: retrieval without training over tokens, by objective.

    python benchmarks/pretraining.py --encoder lstm --objectives translation_ranking=1 --objectives masked_lm=1
    python benchmarks/pretraining.py --rate 0.004 --rate 0.008 --set pretraining.steps=400 --json rates.json

It runs in the folder of a params.yaml, where `xit data text`, `xit data parallel`, `xit tokenizer` and `xit data
tatoeba` have made the data. Each run is a pretraining as params.yaml has it, in one process, with other objectives,
another learning rate, another seed or other values (`--set`); what is given more than once is run in every combination.

A run is stopped a few times to look at the retrieval tasks of the grid whose test examples are there, in the languages
of evaluation, by the encoder's own states as `xit eval` does. The table has the mean over languages of the layer that
params.yaml names, and of the best one; tokens without padding; and processor minutes of training alone. Nothing is kept
but the records, and nothing resumed.
"""

import argparse
import dataclasses
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch
import yaml
from rich.console import Console
from rich.table import Table

from xit.core.batches import MASKED_LM
from xit.core.task import task_of
from xit.evaluation.evaluate import EvaluationOptions, evaluate, read_test
from xit.modeling import checkpoints, tokenization
from xit.modeling.encoder import Encoder
from xit.pipeline import config, paths, plans
from xit.pipeline.config import Config
from xit.training import objectives
from xit.training.loop import Step, train
from xit.training.masked_lm import from_scratch

RECENT = 50
"""Steps of an objective whose mean loss a look shows."""


@dataclasses.dataclass(frozen=True)
class Look:
    """What a run has come to after some steps.

    Attributes:
        tokens: Without padding.
        seconds: Of the processor, of training alone.
        losses: The mean of the last steps of each objective.
        found: By task the mean accuracy over languages, of each layer.
        main: By task that of the layer which params.yaml names.
    """

    encoder: str
    objectives: str
    rate: float
    seed: int
    steps: int
    tokens: int
    seconds: float
    losses: Mapping[str, float]
    found: Mapping[str, Sequence[float]]
    main: Mapping[str, float]


def main() -> None:
    """Run, and print the table; `--json` also writes the records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", action="append", help="again for more; else those of the grid from scratch")
    parser.add_argument("--objectives", action="append", help="NAME=SHARE,…; again for more; else those of params.yaml")
    parser.add_argument("--rate", action="append", type=float, help="again for more; else the encoder's")
    parser.add_argument("--seed", action="append", type=int, help="again for more; else 1")
    parser.add_argument("--set", action="append", default=[], help="PLACE=VALUE of params.yaml; again for more")
    parser.add_argument("--looks", type=int, default=4, help="besides that at random weights (default 4)")
    parser.add_argument("--json", type=Path, help="a file for the records")
    chosen = parser.parse_args()
    values = config.read(paths.PARAMS)
    for change in chosen.set:
        values = config.laid_over(values, _nested(*change.split("=", 1)))
    settings = config.check(values, str(paths.PARAMS))
    torch.set_num_threads(settings.compute.threads)
    console = Console(width=None if os.isatty(1) else 140)
    looks: list[Look] = []

    def tell(look: Look) -> None:
        looks.append(look)
        console.print(_row(look), highlight=False, markup=False)

    names = chosen.encoder or [name for name in settings.grid.encoders if settings.encoders[name].weights == "random"]
    for name, shares, rate, seed in itertools.product(
        names, chosen.objectives or [""], chosen.rate or [None], chosen.seed or [1]
    ):
        run(_with_objectives(values, shares), name, rate, seed, chosen.looks, tell)
    show(looks, console)
    if chosen.json:
        chosen.json.write_text(json.dumps([dataclasses.asdict(look) for look in looks], indent=2) + "\n")


def _nested(place: str, value: str) -> dict[str, Any]:
    nested: Any = yaml.safe_load(value)
    for key in reversed(place.split(".")):
        nested = {key: nested}
    found: dict[str, Any] = nested
    return found


def _with_objectives(values: Mapping[str, Any], shares: str) -> Config:
    """The settings with these shares; all others are 0."""
    if shares:
        given = {name: float(share) for name, share in (one.split("=") for one in shares.split(","))}
        none = dict.fromkeys(values["pretraining"]["objectives"], 0.0)
        values = config.laid_over(values, {"pretraining": {"objectives": {**none, **given}}})
    return config.check(values, str(paths.PARAMS))


def run(settings: Config, name: str, rate: float | None, seed: int, looks: int, tell: Callable[[Look], None]) -> None:
    """One pretraining; `tell` is told what it has come to each time."""
    plan = dataclasses.replace(plans.pretraining(settings, name, rate), seed=seed)
    assert plan.text is not None
    assert plan.steps is not None
    tokenizer = tokenization.load(paths.TOKENIZER)
    corpus = objectives.read(plan.text, paths.DATA, tokenizer)
    torch.manual_seed(seed)
    model = from_scratch(name, plan, tokenizer, paths.TOKENIZER)
    drawn = objectives.pretraining_steps(corpus, plan.text, plan.steps, tokenizer, seed)
    ends = {round(plan.steps * part / looks) for part in range(looks + 1)}
    shares = ",".join(f"{objective}={share:g}" for objective, share in plan.text.objectives.items())
    of_looks = 0.0
    read: dict[int, tuple[str, int]] = {}  # by step its objective and tokens, also of steps that are made ahead
    losses: dict[str, list[float]] = {}
    started = time.process_time()

    def step_at(step: int) -> Step:
        made = drawn(step)
        tokens = sum(int(batch["attention_mask"].sum()) for batch in made.micro_batches)
        read[step] = made.objective or MASKED_LM, tokens
        return made

    def look(steps: int) -> None:
        nonlocal of_looks
        begun = time.process_time()
        seconds = begun - started - of_looks
        tokens = sum(read[step][1] for step in range(steps))
        found = retrieval(model.encoder, settings)
        recent = {objective: mean(values[-RECENT:]) for objective, values in losses.items()}
        layers = {task: values for task, (values, _) in found.items()}
        main = {task: value for task, (_, value) in found.items()}
        tell(Look(name, shares, plan.learning_rate, seed, steps, tokens, seconds, recent, layers, main))
        of_looks += time.process_time() - begun

    def report(what: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        losses.setdefault(read[done - 1][0], []).append(figures["loss"])
        if done in ends:
            look(done)

    look(0)
    with tempfile.TemporaryDirectory() as working:
        train(model, step_at, plan, Path(working), {}, report=report)


def retrieval(encoder: Encoder, settings: Config) -> dict[str, tuple[list[float], float]]:
    """By task the mean over languages of the accuracy of each layer, and of the one that params.yaml names."""
    options = EvaluationOptions(settings.retrieval)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.save(Path(folder), encoder, paths.TOKENIZER)
        for name in settings.grid.bare_targets:
            if (paths.data(name) / "test.parquet").is_file():
                examples = read_test(paths.data(name), settings.languages.evaluation)
                evaluation = evaluate(Path(folder), name, examples, options, [])
                metric = task_of(name).metric
                rows = [row for row in evaluation.layers if row["metric"] == metric and not row["is_centered"]]
                layers = sorted({row["layer"] for row in rows})
                by_layer = [mean(row["value"] for row in rows if row["layer"] == layer) for layer in layers]
                found[name] = by_layer, mean(scores[metric] for scores, _ in evaluation.scores.values())
    return found


def _row(look: Look) -> str:
    figures = ", ".join(f"{task} {value:.1f}" for task, value in look.main.items())
    return f"{look.encoder}, {look.objectives}, {look.rate:g}: step {look.steps}, {look.tokens:,} tokens: {figures}"


def show(looks: Sequence[Look], console: Console) -> None:
    """A row a look."""
    tasks = list(dict.fromkeys(task for look in looks for task in look.main))
    table = Table("encoder", "objectives", title="Retrieval without training, mean over languages (best layer)")
    for column in ("rate", "seed", "steps", "M tokens", "core-minutes", "tokens a core-second", "losses", *tasks):
        table.add_column(column, justify="right")
    for look in looks:
        speed = f"{look.tokens / look.seconds:,.0f}" if look.tokens else "–"
        losses = ", ".join(f"{value:.2f}" for value in look.losses.values())
        numbers = (f"{look.rate:g}", look.seed, look.steps, f"{look.tokens / 1e6:.2f}", f"{look.seconds / 60:.2f}")
        scores = (
            f"{look.main[task]:.1f} ({max(look.found[task]):.1f}, {look.found[task].index(max(look.found[task]))})"
            for task in tasks
        )
        table.add_row(look.encoder, look.objectives, *map(str, numbers), speed, losses, *scores)
    console.print(table)


if __name__ == "__main__":
    main()
