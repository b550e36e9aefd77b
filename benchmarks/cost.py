"""What the grid will cost, before it starts: hours and disk, from params.yaml and measured rates.

    python benchmarks/cost.py
    python benchmarks/cost.py --profile files --data folder --workers 8 --json cost.json

Of what is stale, stage by stage; `xit grid plan` has the counts, which are exact. Work is counted in floating-point
operations: 6 a parameter and token of training, 2 of a forward pass (Kaplan et al. 2020, arXiv 2001.08361, section
2.1), over the parameters that a token meets: all but the embedding, and in pretraining the output layer for masked
tokens. Hours are work over a rate; `ASSUMPTIONS` says which rates and lengths were measured and which are guesses. An
order of magnitude on a GPU, where none of ours was measured.
"""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from xit.cli.show_profile import XLM_R_PIECES, vocabulary_size
from xit.core import conditions, hub, registry
from xit.core.batches import VALIDATION_EXAMPLES
from xit.core.errors import ConfigError, XitError
from xit.core.plan import Plan
from xit.core.settings import STAGES, HubSettings
from xit.core.task import task_of
from xit.modeling import encoders
from xit.pipeline import config as pipeline_config
from xit.pipeline import overlay, plans, runner
from xit.pipeline.config import Config
from xit.pipeline.runner import Plan as Runs


@dataclasses.dataclass(frozen=True)
class Assumption:
    """A number that is not in params.yaml."""

    value: float
    unit: str
    is_measured: bool
    source: str


ASSUMPTIONS: Mapping[str, Assumption] = {
    "rate of a CPU thread": Assumption(
        23e9, "FLOP/s", True, "transformer and lstm of 0.28 M parameters, 1 thread, 2-core cloud machine; 55e9 at 4 M"
    ),
    "rate of a GPU, transformer": Assumption(
        125e12, "FLOP/s", False, "40 % of the 312 TFLOP/s in bfloat16 that NVIDIA's data sheet gives for an A100"
    ),
    "rate of a GPU, recurrent": Assumption(
        6e12, "FLOP/s", False, "2 % of the same: one step after another leaves a device idle"
    ),
    "an instance beside its work": Assumption(
        1.3, "seconds", True, "DVC and the rest of imports, forked from the warm server: benchmarks/overhead.py"
    ),
    "an instance that trains nothing": Assumption(
        4.4, "seconds", True, "mean of text, tokenizer and ten of data, default profile; files and hub take longer"
    ),
    "length of an example": Assumption(
        0.3,
        "of max_length_tokens",
        True,
        "all texts of it together: 0.22 to 0.49 by task, mean 0.28, of micro under the default tokenizer",
    ),
    "pieces of a released vocabulary": Assumption(
        XLM_R_PIECES, "", False, "XLM-R's; of encoders from scratch that take one"
    ),
    "training examples of a task": Assumption(
        50_000, "examples", False, "where a task's own file does not say how many were published"
    ),
    "test examples of a task and language": Assumption(
        2000, "examples", False, "where most_test is 0: XNLI has 5,010, XQuAD 1,190, XCOPA 500, PAN-X up to 10,000"
    ),
    "copies of a model on disk": Assumption(
        2, "", False, "the workspace's and the cache's, where the disk has no reflinks"
    ),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One stage: what is stale of it, and what that costs."""

    stage: str
    instances: int
    models: int
    """Trained, or evaluated."""
    cpu_hours: float
    gpu_hours: float
    longest_hours: float
    """Of one instance."""
    disk_gib: float


@dataclasses.dataclass(frozen=True)
class Work:
    """Of one instance: models, floating-point operations, bytes kept."""

    models: int = 0
    operations: float = 0.0
    disk: float = 0.0


def estimate(config: Config, todo: Runs) -> dict[str, Any]:
    """The rows, their sums, how long it takes at the least, and what was assumed."""
    rows = [row for stage in STAGES if (row := _row(stage, config, todo)) is not None]
    sums = {key: sum(getattr(row, key) for row in rows) for key in ("cpu_hours", "gpu_hours", "disk_gib")}
    return {
        "stages": [dataclasses.asdict(row) for row in rows],
        "sums": sums,
        "at_least_hours": sum(row.longest_hours for row in rows),
        "assumptions": {name: dataclasses.asdict(entry) for name, entry in ASSUMPTIONS.items()},
    }


def _row(stage: str, config: Config, todo: Runs) -> Row | None:
    names = [name for name in todo.instances if name.partition("@")[0] == stage]
    if not names:
        return None
    is_on_gpu = config.resources.get(stage, config.resources["default"]).gpus > 0
    works = [_work(stage, name.partition("@")[2], config) for name in names]
    beside = ASSUMPTIONS["an instance beside its work"].value
    hours = []
    for name, work in zip(names, works, strict=True):
        seconds = work.operations / _rate(name, is_on_gpu, config) if work.models else _light()
        hours.append((seconds + beside) / 3600)
    disk = sum(work.disk for work in works) * ASSUMPTIONS["copies of a model on disk"].value / 2**30
    models = sum(work.models for work in works)
    cpu_hours, gpu_hours = (0.0, sum(hours)) if is_on_gpu else (sum(hours), 0.0)
    return Row(stage, len(names), models, cpu_hours, gpu_hours, max(hours), disk)


def _light() -> float:
    return ASSUMPTIONS["an instance that trains nothing"].value


def _rate(name: str, is_on_gpu: bool, config: Config) -> float:
    if not is_on_gpu:
        return ASSUMPTIONS["rate of a CPU thread"].value
    return ASSUMPTIONS[f"rate of a GPU, {encoders.info(_encoder_of(name, config)).architecture}"].value


def _encoder_of(name: str, config: Config) -> str:
    cell = name.partition("@")[2]
    return next(e for e in sorted(config.grid.encoders, key=len, reverse=True) if cell == e or cell.startswith(f"{e}-"))


def _work(stage: str, cell: str, config: Config) -> Work:
    """The work of an instance: of `finetune@lstm-xnli`, cell is lstm-xnli."""
    if stage not in ("pretrain", "control", "intermediate", "recipe", "finetune", "evaluate", "retrieve"):
        return Work()
    encoder = _encoder_of(f"@{cell}", config)
    other = cell.removeprefix(encoder).removeprefix("-")
    parameters = _parameters(encoder, config)
    seeds, kept = len(config.seeds), parameters.total * 4.0
    if stage == "pretrain":
        settings = config.pretraining
        met = parameters.body + settings.masked_fraction * parameters.embedding
        tokens = settings.steps * settings.batch_size * settings.block_tokens
        return Work(seeds, 6.0 * met * tokens * seeds, kept * seeds)
    if stage == "control":
        return Work(seeds, 0.0, kept * seeds)
    if stage in ("intermediate", "recipe"):
        return Work(seeds, _training(other, encoder, parameters.body, config) * seeds, kept * seeds)
    models = seeds * len(config.grid.conditions)
    if stage == "finetune":
        work = _task_training(plans.target(config, other, encoder), other, parameters.body, config)
        return Work(models, work * models, kept * models)
    return Work(models, 2.0 * parameters.body * _test_tokens(other, config) * models)


def _parameters(encoder: str, config: Config) -> encoders.Parameters:
    """Counted on a model without memory; of a released one as its file says, and of other weights by their config.json.

    Raises:
        ConfigError: that cannot be read.
    """
    import torch

    settings = config.encoders[encoder]
    with torch.device("meta"):
        if settings.size is None and settings.weights == "released" and registry.defines("encoders", encoder, "SIZE"):
            own = registry.load("encoders", encoder)
            return encoders.parameters(encoders.build(encoder, own.SIZE, own.PIECES))
        if settings.weights == "released":
            total, embedding = registry.load("encoders", encoder).RELEASED.millions
            return encoders.Parameters(total * 1_000_000, embedding * 1_000_000)
        if settings.size is None:
            return _parameters_of(settings.weights, encoder, config.hub)
        return encoders.parameters(encoders.build(encoder, settings.size, vocabulary_size(config, encoder)))


def _parameters_of(place: str, encoder: str, settings: HubSettings) -> encoders.Parameters:
    from transformers import AutoConfig, AutoModel

    name, revision = (place, None) if Path(place).is_dir() else hub.repository(place)
    try:
        read = AutoConfig.from_pretrained(
            name,
            revision=revision,
            cache_dir=settings.cache or None,
            local_files_only=settings.is_offline,
            trust_remote_code=False,
        )
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"encoders.{encoder}: the config.json of {place} cannot be read, which says how large it is. {error}"
        ) from error
    model = AutoModel.from_config(read)
    model = model.get_encoder() if read.is_encoder_decoder else model
    total = sum(parameter.numel() for parameter in model.parameters())
    return encoders.Parameters(total, model.get_input_embeddings().weight.numel())


def _training(condition: str, encoder: str, body: int, config: Config) -> float:
    """Operations of one intermediate training; of a recipe, that of the task which it is made from."""
    found = conditions.parse(condition)
    recipes = config.recipes
    if found.task is None:
        block = config.pretraining.block_tokens
        return 6.0 * body * recipes.mlm.steps * recipes.mlm.batch_size * block
    tasks = recipes.multitask.tasks if found.task == conditions.MULTITASK else (found.task,)
    each = {task: plan for task in tasks if task and (plan := plans.intermediate(config, task, encoder))}
    works = [_task_training(plan, task, body, config) for task, plan in each.items()]
    if found.task == conditions.MULTITASK:
        steps = [_steps(plan, task, config) for task, plan in each.items()]
        works = [work / count * recipes.multitask.steps / len(tasks) for work, count in zip(works, steps, strict=True)]
    return sum(works) / (1 - recipes.mlm.share * found.has_mlm)


def _task_training(plan: Plan, task: str, body: int, config: Config) -> float:
    """Operations of one training on a task, with its looks at the validation split."""
    steps, batches = _steps(plan, task, config), plan.tasks[task]
    looks = -(-steps // plan.validate_every) if plan.validate_every else 1
    trained, read = steps * batches.batch_size, looks * VALIDATION_EXAMPLES
    return body * _example_tokens(batches.max_length_tokens) * (6.0 * trained + 2.0 * read)


def _steps(plan: Plan, task: str, config: Config) -> int:
    """Optimizer steps at most; patience may end training before."""
    published = task_of(task).published.get("train", 0)
    count = published if isinstance(published, int) else published.get("en", 0)
    guess = int(ASSUMPTIONS["training examples of a task"].value)
    return plan.steps_for(config.micro.train if config.source == "micro" else count or guess)


def _example_tokens(max_length_tokens: int) -> float:
    return ASSUMPTIONS["length of an example"].value * max_length_tokens


def _test_tokens(target: str, config: Config) -> float:
    task = task_of(target)
    most = {"micro": config.micro.test, "files": config.files.most_test, "hub": config.hub.most_test}[config.source]
    examples = most or ASSUMPTIONS["test examples of a task and language"].value
    languages = (
        len(config.languages.evaluation)
        if config.source == "micro"
        else len(set(config.languages.evaluation) & set(task.languages))
    )
    length = config.targets[target].max_length_tokens if target in config.targets else 128
    return languages * examples * _example_tokens(length)


def duration(hours: float) -> str:
    """In minutes or hours; a dash for none."""
    if hours < 1.5:
        return f"{hours * 60:.1f} min" if hours else "–"
    return f"{hours:,.0f} h"


def show(found: Mapping[str, Any], profile: str, workers: int) -> None:
    """Costs by stage, how long all takes, and what was assumed."""
    console = Console(width=None if os.isatty(1) else 160)
    table = Table("stage", title=f"{profile}: what is stale", title_justify="left")
    for column in ("instances", "models", "CPU time", "GPU time", "disk, GiB"):
        table.add_column(column, justify="right")

    def costs(row: Mapping[str, float]) -> tuple[str, str, str]:
        return duration(row["cpu_hours"]), duration(row["gpu_hours"]), f"{row['disk_gib']:,.2f}"

    for row in found["stages"]:
        table.add_row(row["stage"], str(row["instances"]), f"{row['models']:,}", *costs(row))
    table.add_section()
    table.add_row("all", "", "", *costs(found["sums"]))
    console.print(table)
    console.print(
        f"{duration(found['hours'])} with {workers} at once; at least {duration(found['at_least_hours'])}, the longest "
        "chain, with any number.",
        highlight=False,
    )
    assumed = Table("what", "taken as", "", "from", title="Not in params.yaml", title_justify="left")
    for name, entry in found["assumptions"].items():
        kind = "measured" if entry["is_measured"] else "assumed"
        assumed.add_row(name, f"{entry['value']:.3g} {entry['unit']}".strip(), kind, entry["source"])
    console.print(assumed)


def main() -> None:
    """Estimate and print; `--json` also writes all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="default", help="`default`, or a file of profiles/")
    parser.add_argument("--data", type=Path, help="the folder of published files, for profiles that read them")
    parser.add_argument("--workers", type=int, default=2, help="stage instances that would run at once (default 2)")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    chosen = parser.parse_args()
    try:
        root = overlay.prepare(Path(), chosen.profile, chosen.data)
        found = estimate(pipeline_config.load(root / "params.yaml"), runner.plan(root))
    except XitError as error:
        sys.exit(str(error))
    hours = found["sums"]["cpu_hours"] + found["sums"]["gpu_hours"]
    found["hours"] = max(hours / chosen.workers, found["at_least_hours"])
    show(found, chosen.profile, chosen.workers)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
