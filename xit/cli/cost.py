"""What the grid will cost, before it starts: hours and disk, from params.yaml and rates, for `xit grid plan`.

Of what is stale, stage by stage. Work is counted in floating-point operations: 6 a parameter and token of training, 2
of a forward pass (Kaplan et al. 2020, arXiv 2001.08361, section 2.1), over the parameters that a token meets: all but
the embedding, and in pretraining the output layer for masked tokens. Hours are work over a rate, and the update of
every parameter in each step; `ASSUMPTIONS` says which rates and lengths were measured and which are guesses. Nothing
is asked of the Hub that a file of the package says. An order of magnitude on a GPU, where none of ours was measured.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.cli.show_profile import XLM_R_PIECES, vocabulary_size
from xit.core import conditions, hub, registry
from xit.core.batches import VALIDATION_EXAMPLES
from xit.core.errors import ConfigError
from xit.core.plan import PRETRAINING, Plan
from xit.core.settings import STAGES, HubSettings, ResourceSettings
from xit.core.task import Task, task_of
from xit.formats import format_of
from xit.modeling import encoders
from xit.pipeline import plans
from xit.pipeline.config import Config


@dataclasses.dataclass(frozen=True)
class Assumption:
    """A number that is not in params.yaml."""

    value: float
    unit: str
    is_measured: bool
    source: str


ASSUMPTIONS: Mapping[str, Assumption] = {
    "rate of a CPU thread, a small encoder": Assumption(
        23e9, "FLOP/s", True, "transformer and lstm of 0.28 M parameters, 1 thread, 2-core cloud machine"
    ),
    "rate of a CPU thread, 4 M parameters and more": Assumption(
        55e9, "FLOP/s", True, "a transformer of 4 M parameters on the same machine"
    ),
    "rate of a GPU, transformer": Assumption(
        0.3, "of gpu_peak_tflops", False, "what frameworks reach at base size; a smaller encoder reaches less"
    ),
    "rate of a GPU, recurrent": Assumption(
        0.05,
        "of gpu_peak_tflops",
        False,
        "cuDNN's LSTM of this width reached some 4 TFLOP/s (NVIDIA 2016, from memory), with one step after another",
    ),
    "update of a parameter on a CPU thread": Assumption(
        2e-9, "seconds", False, "AdamW moves 28 bytes of memory a parameter and step, of some 15 GB/s"
    ),
    "update of a parameter on a GPU": Assumption(4e-11, "seconds", False, "the same, of some 800 GB/s"),
    "an instance beside its work": Assumption(
        1.3, "seconds", True, "DVC and the rest of imports, forked from the warm server: benchmarks/overhead.py"
    ),
    "an instance that trains nothing": Assumption(
        4.4, "seconds", True, "mean of text, tokenizer and ten of data, default profile; files and hub take longer"
    ),
    "length of an example of the micro source": Assumption(
        0.3,
        "of max_length_tokens",
        True,
        "all texts of it together: 0.22 to 0.49 by task, mean 0.28, under the default tokenizer",
    ),
    **{
        f"length of a published example, {form}": Assumption(value, "tokens", False, source)
        for form, (value, source) in {
            "classification": (45, "both texts; MNLI's have 30 words"),
            "multiple_choice": (70, "each choice with its prompt; HellaSwag's have 60 words"),
            "retrieval": (40, "each text; LAReQA's questions have 12 words, its sentences 25"),
            "span": (210, "SQuAD's passages have 120 words"),
            "tagging": (30, "UD's sentences have 16 words, PAN-X's 8"),
        }.items()
    },
    "pieces of a released vocabulary": Assumption(
        XLM_R_PIECES, "", False, "XLM-R's; of encoders from scratch that take one"
    ),
    "training examples of a task": Assumption(
        50_000, "examples", False, "where a task's own file does not say how many were published"
    ),
    "test examples of a task and language": Assumption(
        2000, "examples", False, "where a task's own file does not say how many were published"
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
    """Of one instance: models, floating-point operations, bytes kept, optimizer steps."""

    models: int = 0
    operations: float = 0.0
    disk: float = 0.0
    steps: float = 0.0

    def times(self, count: float) -> "Work":
        """So many of it."""
        return Work(*(value * count for value in dataclasses.astuple(self)))

    def plus(self, other: "Work") -> "Work":
        """Both."""
        return Work(*(a + b for a, b in zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)))


def estimate(config: Config, instances: Sequence[str], workers: int) -> dict[str, Any]:
    """The rows, their sums, how long it takes with so many workers and at the least, and what was assumed."""
    rows = [row for stage in STAGES if (row := _row(stage, config, instances)) is not None]
    sums = {key: sum(getattr(row, key) for row in rows) for key in ("cpu_hours", "gpu_hours", "disk_gib")}
    at_least = sum(row.longest_hours for row in rows)
    return {
        "stages": [dataclasses.asdict(row) for row in rows],
        "sums": sums,
        "at_least_hours": at_least,
        "hours": max(sums["cpu_hours"] / workers + sums["gpu_hours"], at_least),
        "workers": workers,
        "assumptions": {name: dataclasses.asdict(entry) for name, entry in ASSUMPTIONS.items()},
    }


def _row(stage: str, config: Config, instances: Sequence[str]) -> Row | None:
    names = [name for name in instances if name.partition("@")[0] == stage]
    if not names:
        return None
    asked = config.resources.get(stage, config.resources["default"])
    works = [_work(stage, name, config) for name in names]
    beside = ASSUMPTIONS["an instance beside its work"].value
    hours = []
    for name, work in zip(names, works, strict=True):
        seconds = _seconds(work, _encoder_of(name, config), asked, config) if work.models else _light()
        hours.append((seconds + beside) / 3600)
    disk = sum(work.disk for work in works) * ASSUMPTIONS["copies of a model on disk"].value / 2**30
    models = sum(work.models for work in works)
    cpu_hours, gpu_hours = (0.0, sum(hours)) if asked.gpus else (sum(hours), 0.0)
    return Row(stage, len(names), models, cpu_hours, gpu_hours, max(hours), disk)


def _light() -> float:
    return ASSUMPTIONS["an instance that trains nothing"].value


def _seconds(work: Work, encoder: str, asked: ResourceSettings, config: Config) -> float:
    parameters = _parameters(encoder, config)
    if asked.gpus:
        share = ASSUMPTIONS[f"rate of a GPU, {encoders.info(encoder).architecture}"].value
        rate, update = share * asked.gpu_peak_tflops * 1e12, ASSUMPTIONS["update of a parameter on a GPU"].value
    else:
        size = "4 M parameters and more" if parameters.body > 1e6 else "a small encoder"
        rate = ASSUMPTIONS[f"rate of a CPU thread, {size}"].value * config.compute.threads
        update = ASSUMPTIONS["update of a parameter on a CPU thread"].value
    return work.operations / rate + work.steps * (parameters.total - parameters.frozen) * update


def _encoder_of(name: str, config: Config) -> str:
    cell = name.partition("@")[2]
    known = sorted({*config.grid.encoders, *config.tuning.encoders}, key=len, reverse=True)
    return next(e for e in known if cell == e or cell.startswith(f"{e}-"))


def _work(stage: str, name: str, config: Config) -> Work:
    """The work of an instance such as finetune@lstm-xnli."""
    if stage not in ("pretrain", "tune", "control", "intermediate", "recipe", "finetune", "evaluate", "retrieve"):
        return Work()
    encoder = _encoder_of(name, config)
    other = name.partition("@")[2].removeprefix(encoder).removeprefix("-")
    parameters = _parameters(encoder, config)
    seeds, kept = len(config.seeds), parameters.total * 4.0
    is_random = config.encoders[encoder].weights == "random"
    if stage == "tune":
        return _trials(encoder, parameters, config)
    if stage == "pretrain":
        if not is_random:  # all seeds are links to what has arrived
            return Work(0, 0.0, kept)
        return _pretraining(plans.pretraining(config, encoder), parameters).times(seeds)
    if stage == "control":
        return Work(seeds, 0.0, kept * seeds)
    if stage in ("intermediate", "recipe"):
        return _training(other, encoder, parameters, config).times(seeds)
    models = seeds * len(config.grid.conditions)
    if stage == "finetune":
        if name in plans.shared_trainings(config):
            return Work(models)
        return _task_training(plans.target(config, other, encoder), other, parameters, config).times(models)
    return Work(models, 2.0 * parameters.body * _test_tokens(other, config) * models)


def _pretraining(plan: Plan, parameters: encoders.Parameters) -> Work:
    assert plan.text is not None
    assert plan.steps is not None
    met = parameters.body + plan.text.masked_fraction * parameters.embedding
    tokens = plan.steps * plan.text.batch_size * plan.text.block_tokens
    return Work(1, 6.0 * met * tokens, parameters.total * 4.0, plan.steps)


def _trials(encoder: str, parameters: encoders.Parameters, config: Config) -> Work:
    """All trials of an encoder; of targets that train alike, those of one."""
    tuning, total = config.tuning, Work()
    found = plans.trials(config, encoder, tuning.tasks)
    shared = {name.rpartition("-")[2] for name in plans.shared_trainings(config)}
    for name, plan in found.items():
        if name == PRETRAINING:
            total = total.plus(_pretraining(plan, parameters).times(max(len(tuning.pretraining_learning_rates), 1)))
        elif name not in shared:
            total = total.plus(_task_training(plan, name, parameters, config).times(len(tuning.learning_rates)))
    return total.times(len(tuning.seeds))


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


def _training(condition: str, encoder: str, parameters: encoders.Parameters, config: Config) -> Work:
    """The work of one intermediate training; of a recipe, that of the task which it is made from."""
    found, recipes = conditions.parse(condition), config.recipes
    kept = parameters.total * 4.0
    if found.task is None:
        tokens = recipes.mlm.steps * recipes.mlm.batch_size * config.pretraining.block_tokens
        return Work(1, 6.0 * parameters.body * tokens, kept, recipes.mlm.steps)
    tasks = recipes.multitask.tasks if found.task == conditions.MULTITASK else (found.task,)
    each = {task: plan for task in tasks if (plan := plans.intermediate(config, task, encoder))}
    works = [_task_training(plan, task, parameters, config) for task, plan in each.items()]
    if found.task == conditions.MULTITASK:
        operations = sum(work.operations / work.steps for work in works) / len(works) * recipes.multitask.steps
        total = Work(1, operations, kept, recipes.multitask.steps)
    else:
        (total,) = works
    more = 1 / (1 - recipes.mlm.share * found.has_mlm)
    return Work(1, total.operations * more, kept, total.steps * more)


def _task_training(plan: Plan, task: str, parameters: encoders.Parameters, config: Config) -> Work:
    """The work of one training on a task, with its looks at the validation split."""
    of, batches = task_of(task), plan.tasks[task]
    steps = plan.steps_for(_training_examples(of, config))
    looks = -(-steps // plan.validate_every) if plan.validate_every else 1
    validated = _validation_examples(of, config)
    trained, read = steps * batches.batch_size, looks * validated
    tokens = _example_tokens(of, batches.max_length_tokens, config)
    return Work(1, parameters.body * tokens * (6.0 * trained + 2.0 * read), parameters.total * 4.0, steps)


def _training_examples(task: Task, config: Config) -> int:
    if config.source == "micro":
        return config.micro.train
    published = _published(task, "train", "en") or int(ASSUMPTIONS["training examples of a task"].value)
    return min(published, _caps(config)["most_train"] or published)


def _validation_examples(task: Task, config: Config) -> int:
    """Those of retrieval are all looked at."""
    if config.source == "micro":
        return min(config.micro.validation, VALIDATION_EXAMPLES)
    published = _published(task, "validation", "en") or VALIDATION_EXAMPLES
    there = min(published, _caps(config)["most_validation"] or published)
    return there if format_of(task).has_candidates else min(there, VALIDATION_EXAMPLES)


def _caps(config: Config) -> dict[str, int]:
    section = config.files if config.source == "files" else config.hub
    return {key: getattr(section, key) for key in ("most_train", "most_validation", "most_test", "most_candidates")}


def _published(task: Task, split: Any, language: str) -> int:
    """How many examples of a split were published; 0 where nobody says."""
    found = task.published.get(split, 0)
    return found if isinstance(found, int) else found.get(language, 0)


def _example_tokens(task: Task, max_length_tokens: int, config: Config) -> float:
    """The tokens of an example, all of its inputs together."""
    if config.source == "micro":
        return ASSUMPTIONS["length of an example of the micro source"].value * max_length_tokens
    inputs = {"multiple_choice": len(task.record.get("choices", ())), "retrieval": 2 * task.is_trained or 1}
    length = ASSUMPTIONS[f"length of a published example, {task.format}"].value
    return float(inputs.get(task.format, 1) * min(length, max_length_tokens))


def _test_tokens(target: str, config: Config) -> float:
    """The tokens that are read to score a model once: of retrieval those of the pool too."""
    task = task_of(target)
    length = config.targets[target].max_length_tokens if target in config.targets else 128
    if config.source == "micro":
        return len(config.languages.evaluation) * config.micro.test * _example_tokens(task, length, config)
    asked = [code for code in task.languages if code in config.languages.evaluation]
    guess, most = int(ASSUMPTIONS["test examples of a task and language"].value), _caps(config)["most_test"]
    published = {code: _published(task, "test", code) or guess for code in asked}
    examples = float(sum(min(count, most or count) for count in published.values()))
    if task.format == "retrieval":
        examples = (examples + _pool(task, published, config)) / (2 if task.is_trained else 1)
    return examples * _example_tokens(task, length, config)


def _pool(task: Task, published: Mapping[str, int], config: Config) -> float:
    """The candidates of a retrieval task: as many as published ones that its file counts, or as the queries."""
    counts = [place.count for place in task.hub.get("test", ()) if place.language]
    pool = float(sum(count for count in counts if isinstance(count, int)) or sum(published.values()))
    return min(pool, _caps(config)["most_candidates"] or pool) if task.pool == "all" else pool
