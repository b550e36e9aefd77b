"""params.yaml → plans: what a training is to do, looked up in one place.

A value is that of the task where the task has one, else that of the encoder, else that of the section `training`. A
learning rate is the task's own, else that of the encoder for this task, else that of the encoder.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from xit.core.conditions import MULTITASK, UNTRAINED_CONDITIONS, parse
from xit.core.errors import ConfigError, near
from xit.core.plan import PRETRAINING, Plan, TaskBatches, TextBatches
from xit.core.task import task_of, trains_alike
from xit.pipeline import paths

if TYPE_CHECKING:
    from xit.core.settings import MaskedRecipeSettings, MultitaskSettings, TaskSettings
    from xit.pipeline.config import Config

Section = TypeVar("Section")


def section(sections: Mapping[str, Section], name: str, where: str) -> Section:
    """The section of an id.

    Raises:
        ConfigError: there is none; the message lists those that exist and the nearest one.
    """
    if name not in sections:
        known = ", ".join(sections)
        raise ConfigError(f"{paths.PARAMS}: {where}.{name}: missing.{near(name, sections)} There is: {known}.")
    return sections[name]


def pretraining(config: "Config", encoder: str, learning_rate: float | None = None) -> Plan:
    """How an encoder is pretrained from random weights, at its own learning rate or at that of a trial."""
    own, settings = section(config.encoders, encoder, "encoders"), config.pretraining
    rate = learning_rate or own.pretraining_learning_rate
    assert rate is not None  # of random weights, as `xit.pipeline.config` has checked
    text = _text(config, settings.batch_size, settings.language_exponent)
    shares = dataclasses.asdict(settings.objectives)
    return Plan(
        learning_rate=rate,
        steps=settings.steps,
        warmup_fraction=settings.warmup_fraction,
        weight_decay=settings.weight_decay,
        gradient_clip=settings.gradient_clip,
        compute=config.compute,
        final_fraction=settings.final_fraction,
        optimizer=settings.optimizer,
        size=own.size,
        text=dataclasses.replace(text, objectives={name: share for name, share in shares.items() if share}),
    )


def target(config: "Config", task: str, encoder: str) -> Plan:
    """How an encoder is fine-tuned on a target task."""
    own = section(config.targets, task, "targets")
    return _after_pretraining(config, encoder, own, {task: _batches(own)})


def shared_trainings(config: "Config") -> dict[str, str]:
    """The instances of fine-tuning that copy the models of another one, which trains on the same data by the same plan.

    A later target of the grid copies from an earlier one, if it runs after it.
    """
    found = {}
    for encoder in config.grid.encoders:
        trained: dict[str, Plan] = {}
        for name in config.grid.targets:
            own = target(config, name, encoder)
            batches = own.tasks[name]
            for other, plan in trained.items():
                is_equal = plan == dataclasses.replace(own, tasks={other: batches})
                if is_equal and trains_alike(task_of(name), task_of(other), config.source):
                    found[f"finetune@{encoder}-{name}"] = f"finetune@{encoder}-{other}"
                    break
            else:
                trained[name] = own
    return found


def trials(config: "Config", encoder: str, tasks: Sequence[str]) -> dict[str, Plan]:
    """How an encoder is tuned: trained on each task, of which the rates are tried; and pretrained, under `pretraining`,
    where it starts from random weights.

    Without tasks it is every target and intermediate task of the grid. A trial that fails is not started again, so that
    it counts against its rate.
    """
    tuning, rate = config.tuning, config.tuning.learning_rates[0]
    found = {}
    if section(config.encoders, encoder, "encoders").weights == "random":
        first = pretraining(config, encoder, next(iter(tuning.pretraining_learning_rates), None))
        found = {PRETRAINING: dataclasses.replace(first, steps=tuning.pretraining_steps or first.steps)}
    for task in tasks or dict.fromkeys([*config.grid.targets, *config.grid.intermediates]):
        own = section({**config.intermediate, **config.targets}, task, "targets")
        plan = _after_pretraining(config, encoder, own, {task: _batches(own)}, learning_rate=rate)
        found[task] = dataclasses.replace(plan, restarts=0)
    return found


def intermediate(config: "Config", condition: str, encoder: str) -> Plan | None:
    """How an encoder is trained in a condition; None where it is not."""
    if condition in UNTRAINED_CONDITIONS:
        return None
    parts, recipes = parse(condition), config.recipes
    names = recipes.multitask.tasks if parts.task == MULTITASK else (parts.task,) if parts.task else ()
    tasks = {
        name: dataclasses.replace(
            _batches(section(config.intermediate, name, "intermediate")),
            examples=parts.examples,
            language=parts.language,
            is_shuffled=parts.is_shuffled,
        )
        for name in names
    }
    if parts.task == MULTITASK:
        plan = _after_pretraining(config, encoder, recipes.multitask, tasks)
        plan = dataclasses.replace(plan, most_examples=recipes.multitask.most_examples)
    else:
        plan = _after_pretraining(config, encoder, config.intermediate[names[0]] if names else recipes.mlm, tasks)
    if parts.has_mlm:
        text = _text(config, recipes.mlm.batch_size, recipes.mlm.language_exponent)
        plan = dataclasses.replace(plan, text=dataclasses.replace(text, share=recipes.mlm.share) if names else text)
    if parts.examples is not None:
        plan = dataclasses.replace(plan, subset_budget=recipes.subset_budget)
    return dataclasses.replace(plan, validate_every=0, patience=0) if parts.is_shuffled else plan


def _after_pretraining(
    config: "Config",
    encoder: str,
    own: "TaskSettings | MultitaskSettings | MaskedRecipeSettings",
    tasks: Mapping[str, TaskBatches],
    learning_rate: float | None = None,
) -> Plan:
    """A plan of what is trained after pretraining, in which a value of `own` goes before what all tasks share."""
    training = config.training
    rate = learning_rate or getattr(own, "learning_rate", None)
    if rate is None:
        rates = section(config.encoders, encoder, "encoders")
        task = next(iter(tasks)) if len(tasks) == 1 else ""
        rate = (rates.learning_rates or {}).get(task, rates.learning_rate)
    decay = getattr(own, "weight_decay", None)
    return Plan(
        learning_rate=rate,
        steps=own.steps,
        epochs=getattr(own, "epochs", None),
        warmup_fraction=training.warmup_fraction,
        warmup_steps=getattr(own, "warmup_steps", None),
        weight_decay=training.weight_decay if decay is None else decay,
        gradient_clip=training.gradient_clip,
        validate_every=getattr(own, "validate_every", 0),
        patience=getattr(own, "patience", 0),
        restarts=training.restarts,
        head=training.head,
        tasks=tasks,
        compute=config.compute,
    )


def _batches(settings: "TaskSettings") -> TaskBatches:
    return TaskBatches(settings.batch_size, settings.micro_batches, settings.max_length_tokens)


def _text(config: "Config", batch_size: int, language_exponent: float) -> TextBatches:
    """Masked language modelling in every language of pretraining, in the blocks and with the masks of pretraining."""
    settings, languages = config.pretraining, config.languages.pretraining
    return TextBatches(languages, batch_size, settings.block_tokens, settings.masked_fraction, language_exponent)
