"""What values of params.yaml must be to one another, and what can be known of them before anything runs.

A rule gives its faults as `place: what is wrong; what was found. What to try.` It may end with an AttributeError at a
part that is not valid by itself, of which `xit.pipeline.config` tells.
"""

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from xit.core import registry, settings
from xit.core.batches import MASKED_LM
from xit.core.conditions import FORM, MULTITASK, parse
from xit.core.errors import near
from xit.core.task import Task, task_of
from xit.formats import format_of

if TYPE_CHECKING:
    from xit.pipeline.config import Config

Rule = Callable[["Config"], Iterable[str]]


def _sections(config: "Config") -> Iterator[str]:
    """Every id that the grid names has a section."""
    trained = intermediate_tasks(config)
    for section, ids, has in (
        ("encoders", config.grid.encoders, config.encoders),
        ("intermediate", trained, config.intermediate),
        ("targets", config.grid.targets, config.targets),
    ):
        for name in ids:
            if name not in has:
                yield f"{section}.{name}: missing, but grid names {name}. Add it, as {', '.join(has) or 'others'} have."
    for key, ids, section, has in (
        ("encoders", config.tuning.encoders, "encoders", config.encoders),
        ("tasks", config.tuning.tasks, "targets", {**config.targets, **config.intermediate}),
    ):
        for name in ids:
            if name not in has:
                yield f"tuning.{key}: {name} has no section. Add {section}.{name}. There is: {', '.join(has)}."


def intermediate_tasks(config: "Config") -> tuple[str, ...]:
    """The tasks that intermediate training takes, those of recipes too, each once."""
    names = list(config.grid.intermediates)
    for condition in map(parse, config.grid.recipes):
        names += _tasks_of(condition.task, config)
    return tuple(dict.fromkeys(names))


def _tasks_of(task: str | None, config: "Config") -> tuple[str, ...]:
    if task == MULTITASK:
        return config.recipes.multitask.tasks
    return (task,) if task else ()


def _conditions(config: "Config") -> Iterator[str]:
    grid = config.grid
    if grid.conditions != (wanted := grid.controls + grid.intermediates + grid.recipes):
        yield (
            f"grid.conditions: should be controls, intermediates, recipes, in this order; found "
            f"[{', '.join(grid.conditions)}]. Write [{', '.join(wanted)}]."
        )


def _declared(config: "Config") -> Iterator[str]:
    has = config.grid.intermediates
    for name in config.analysis.intermediates:
        if name not in has:
            yield (
                f"analysis.intermediates: {name} is not run; grid.intermediates has {', '.join(has)}. Leave it out, or "
                "write [] for all that are run."
            )
    targets = config.grid.targets + config.grid.bare_targets
    for name in config.analysis.not_averaged:
        if name not in targets:
            yield f"analysis.not_averaged: {name} is no target; the grid has {', '.join(targets)}. Leave it out."


def _tasks(config: "Config") -> Iterator[str]:
    grid = config.grid
    wanted = dict.fromkeys(intermediate_tasks(config) + grid.targets + grid.bare_targets)
    if sorted(grid.tasks) != sorted(wanted):
        yield (
            "grid.tasks: should be the tasks of intermediates and recipes, targets and bare targets, each once; found "
            f"[{', '.join(grid.tasks)}]. Write [{', '.join(wanted)}]."
        )


def _translated(config: "Config") -> Iterator[str]:
    """The tasks and languages of translation are those that conditions train on."""
    grid, trained = config.grid, intermediate_tasks(config)
    tasks, languages = grid.translated_tasks, grid.translation_languages
    for name in tasks:
        if name not in trained:
            yield (
                f"grid.translated_tasks: {name}: no intermediate task or recipe trains on it. Remove it; these are: "
                f"{', '.join(trained)}."
            )
    if bool(tasks) != bool(languages):
        yield (
            f"grid.translated_tasks, grid.translation_languages: [{', '.join(tasks)}], [{', '.join(languages)}]: each "
            "task is translated into each language, so both are empty or neither is. Fill in the other, or empty both."
        )
    if "en" in languages:
        yield "grid.translation_languages: en: training examples are English as they are. Leave it out."
    for recipe in filter(FORM.fullmatch, grid.recipes):
        condition = parse(recipe)
        read = _tasks_of(condition.task, config)
        if condition.language != "en" and not (set(read) <= set(tasks) and condition.language in languages):
            yield (
                f"grid.recipes: {recipe}: nothing makes its examples. Put {', '.join(read)} into "
                f"grid.translated_tasks and {condition.language} into grid.translation_languages."
            )
    if tasks and config.source != "micro" and not config.translation.model:
        yield (
            f"translation.model: empty, but grid.translated_tasks names {', '.join(tasks)}. Give a folder or a model "
            "of the Hub, for instance facebook/nllb-200-distilled-600M; only the micro source needs none."
        )


def _starts(config: "Config") -> Iterator[str]:
    """Where an encoder starts: from random weights of a size, or from released ones."""
    for name, encoder in config.encoders.items():
        if name in registry.names("encoders"):
            with contextlib.suppress(AttributeError):
                for fault in _start(name, encoder):
                    yield f"encoders.{name}.{fault}"


def _start(name: str, encoder: settings.EncoderSettings) -> Iterator[str]:
    weights, keys = encoder.weights, ("size", "pretraining_learning_rate")
    if weights == "random":
        if not registry.defines("encoders", name, "Encoder"):
            yield f"weights: random: {name} is a released encoder, and cannot be made from a size. Let it be released."
            return
        for key in keys:
            if getattr(encoder, key) is None:
                yield f"{key}: null, but an encoder with random weights needs it. Give it, or name released weights."
        return
    for key in keys:
        if (found := getattr(encoder, key)) is not None:
            yield f"{key}: should be null, since weights are {weights}; found {_plain(found)}. Write null."
    if encoder.vocabulary is not None:
        yield (
            f"vocabulary: should be null, since {weights} weights come with their own; found "
            f"{_plain(encoder.vocabulary)}. Write null."
        )
    if weights == "released" and not registry.defines("encoders", name, "RELEASED"):
        yield f"weights: released: nothing is released of {name}. Name a Hub id or a folder, or let it be random."


def _plain(value: Any) -> str:
    return json.dumps(dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value)  # type: ignore[arg-type]


def _rates(config: "Config") -> Iterator[str]:
    """A rate that an encoder has for a task belongs to a task that it may be trained on."""
    for name, encoder in config.encoders.items():
        with contextlib.suppress(AttributeError):
            known = [*config.intermediate, *config.targets]
            for task in encoder.learning_rates or ():
                if task in registry.names("tasks") and task_of(task).is_trained and task not in known:
                    yield (
                        f"encoders.{name}.learning_rates.{task}: neither intermediate nor targets has a section "
                        f"{task}.{near(task, known)} There is: {', '.join(dict.fromkeys(known))}. Add it, or remove "
                        "this rate."
                    )


def _micro(config: "Config") -> Iterator[str]:
    if config.micro.languages:
        yield "micro.languages: no such parameter. Remove it; the languages are those of languages.evaluation."


def _trained(config: "Config") -> Iterator[tuple[str, Task, settings.TaskSettings]]:
    """The places, tasks and settings of what the grid trains on."""
    for section, ids, has in (
        ("intermediate", intermediate_tasks(config), config.intermediate),
        ("targets", config.grid.targets, config.targets),
    ):
        for name in ids:
            if name in has:
                yield f"{section}.{name}", task_of(name), has[name]


def _tokens(config: "Config") -> Iterator[str]:
    """An input has tokens enough for its texts, and no more than the encoders have positions for."""
    encoders = {name: config.encoders[name] for name in config.grid.encoders if name in config.encoders}
    has_special = any(starts_here(encoder) and encoder.vocabulary is None for encoder in encoders.values())
    for place, task, own in _trained(config):
        with contextlib.suppress(AttributeError):
            texts = format_of(task).texts
            found, least = own.max_length_tokens, 2 * texts + (texts + 1 if has_special else 0)
            if found < least:
                read = "two texts" if texts == 2 else "a text"
                yield (
                    f"{place}.max_length_tokens: {found} is too few for {task.title}, of which an input holds {read} "
                    f"of two tokens at least{' and special tokens' if has_special else ''}. Give {least} or more."
                )
            for name, encoder in encoders.items():
                longest = max_positions(name, encoder)
                if longest is not None and found > longest:
                    yield (
                        f"{place}.max_length_tokens: {found}, but {name} has positions for {longest}. Give {longest} "
                        f"or less, or take {name} from grid.encoders."
                    )


def _chosen(config: "Config") -> Iterator[tuple[str, settings.EncoderSettings]]:
    for name in dict.fromkeys(config.grid.encoders + config.tuning.encoders):
        if name in config.encoders:
            yield name, config.encoders[name]


def readers_of_text(config: "Config") -> list[str]:
    """The encoders that are pretrained here and the conditions with masked LM, which read the text for pretraining."""
    conditions = [name for name in config.grid.recipes if parse(name).has_mlm]
    return [*(name for name, encoder in _chosen(config) if starts_here(encoder)), *conditions]


def users_of_tokenizer(config: "Config") -> list[str]:
    """The encoders that read with the tokenizer of the tokenizer stage."""
    return [name for name, encoder in _chosen(config) if starts_here(encoder) and encoder.vocabulary is None]


def _text(config: "Config") -> Iterator[str]:
    """There is text and a tokenizer for those that need them."""
    if not config.languages.pretraining and (readers := readers_of_text(config)):
        yield (
            f"languages.pretraining: the list is empty, but {', '.join(readers)} read text for pretraining; found []. "
            "Name at least one language."
        )
    if config.tokenizer is None and (users := users_of_tokenizer(config)):
        yield (
            f"tokenizer: null, but {', '.join(users)} read with it. Give vocabulary and lines, or a released "
            "vocabulary to each of them."
        )


def _objectives(config: "Config") -> Iterator[str]:
    """The shares of the objectives are all of the steps, and those of translation have languages to translate into."""
    shares = dataclasses.asdict(config.pretraining.objectives)
    if abs(sum(shares.values()) - 1) > 0.001:
        yield (
            f"pretraining.objectives: the shares should sum to 1, since each step has one objective; found "
            f"{sum(shares.values()):g} of {_plain(config.pretraining.objectives)}. Write the shares of all three, 0 "
            "for those that have no step."
        )
    of_pairs = [name for name, share in shares.items() if share > 0 and name != MASKED_LM]
    here = [name for name, encoder in _chosen(config) if starts_here(encoder)]
    if of_pairs and here and not set(config.languages.pretraining) - {"en"}:
        yield (
            f"pretraining.objectives.{of_pairs[0]}: reads pairs of English and another language; found "
            f"languages.pretraining [{', '.join(config.languages.pretraining)}]. Add other languages to that, or give "
            f"the share of {' and '.join(of_pairs)} to {MASKED_LM}."
        )


def _idle(config: "Config") -> Iterator[str]:
    """Neither text nor a tokenizer is made that nobody reads."""
    if any(name not in config.encoders for name in config.grid.encoders + config.tuning.encoders):
        return
    if (languages := config.languages.pretraining) and not readers_of_text(config):
        yield (
            "languages.pretraining: should be empty, since no encoder is pretrained here and no condition reads text; "
            f"found [{', '.join(languages)}]. Write []."
        )
    if config.tokenizer is not None and not users_of_tokenizer(config):
        yield (
            "tokenizer: should be null, since each encoder of the grid has its own; found "
            f"{_plain(config.tokenizer)}. Write null."
        )


def starts_here(encoder: settings.EncoderSettings) -> bool:
    """Whether an encoder is pretrained here, from random weights."""
    return encoder.weights == "random"


def max_positions(name: str, encoder: settings.EncoderSettings) -> int | None:
    """The tokens of the longest row that a released encoder has positions for, where its file says so."""
    if encoder.weights != "released" or not registry.defines("encoders", name, "RELEASED"):
        return None
    if registry.defines("encoders", name, "Encoder"):  # its own code is loaded with torch, and knows no longest row
        return None
    longest: int | None = registry.load("encoders", name).RELEASED.max_positions
    return longest


def _masked_lm(config: "Config") -> Iterator[str]:
    """Masked LM of a released encoder goes on with its own masked-LM head, which not every one has."""
    conditions = [name for name in config.grid.recipes if parse(name).has_mlm]
    released = [name for name in config.grid.encoders if conditions and name in config.encoders]
    for name in released:
        if config.encoders[name].weights == "released" and (reason := _without_masked_lm(name)):
            yield (
                f"grid.recipes: {', '.join(conditions)}: {name} has no masked-LM head to go on with, since {reason}; a "
                f"new one would be learnt at the cost of the encoder. Take {name} from grid.encoders, or these "
                "conditions from grid.recipes and grid.conditions."
            )


def _without_masked_lm(name: str) -> str:
    """Why a released encoder has no masked-LM head; nothing where it has one."""
    if not registry.defines("encoders", name, "RELEASED"):
        return ""
    if registry.defines("encoders", name, "Encoder"):  # its own code is loaded with torch
        return "its released files have none"
    reason: str = registry.load("encoders", name).RELEASED.without_masked_lm
    return reason


def _subsets(config: "Config") -> Iterator[str]:
    """A condition takes no more training examples of a task than there can be."""
    for place, name in enumerate(config.grid.recipes):
        condition = parse(name)
        for task in _tasks_of(condition.task, config):
            published = task_of(task).published.get("train")
            known = published if isinstance(published, int | None) else published.get("en")
            there = config.micro.train if config.source == "micro" else known
            if condition.examples is not None and there is not None and condition.examples > there:
                whose = "micro.train" if config.source == "micro" else "the published data"
                yield (
                    f"grid.recipes.{place}: {name}: asks for {condition.examples} training examples of {task}; "
                    f"{whose} has {there}. Name a smaller subset."
                )


def _evaluated(config: "Config") -> Iterator[str]:
    """Each target has a language that is evaluated, and some language is not English."""
    asked = config.languages.evaluation
    for key in ("targets", "bare_targets"):
        for place, name in enumerate(getattr(config.grid, key)):
            task = task_of(name)
            if config.source == "micro":
                has = tuple(code for code in asked if code != "en" or not (task.is_aligned or task.is_mined))
            else:
                has = task.languages
            if not set(has) & set(asked):
                yield (
                    f"grid.{key}.{place}: {name}: none of its languages is evaluated; found languages.evaluation "
                    f"[{', '.join(asked)}]. Add some of {', '.join(task.languages)}, or take {name} from the grid."
                )
    if set(asked) == {"en"}:
        yield (
            "languages.evaluation: English alone, so that there is no zero-shot score, of which all gains are; found "
            "[en]. Add another language, such as de."
        )


def _upper_bound(config: "Config") -> Iterator[str]:
    """What is fine-tuned in another language can be made, is scored, and has the experiment's encoders."""
    own, asked = config.upper_bound, config.languages.evaluation
    if own.languages and config.source != "micro":
        yield (
            f"upper_bound.languages: [{', '.join(own.languages)}]: the {config.source} source has training data in "
            "English alone. Write [], or take the micro source, which has them in every language."
        )
    wrong = [code for code in own.languages if code == "en" or code not in asked]
    if wrong:
        others = ", ".join(code for code in asked if code != "en")
        yield (
            f"upper_bound.languages: {', '.join(wrong)}: should be evaluated, and other than English, in which the "
            f"experiment is trained; found languages.evaluation [{', '.join(asked)}]. Take some of {others}."
        )
    if own.languages and (seeds := [seed for seed in own.seeds if seed not in config.seeds]):
        yield (
            f"upper_bound.seeds: {', '.join(map(str, seeds))}: no encoder has this seed; found seeds "
            f"{list(config.seeds)}. Take some of these."
        )


def _tuned(config: "Config") -> Iterator[str]:
    names = [name for name in config.tuning.encoders if name in config.encoders and starts_here(config.encoders[name])]
    if names and "en" not in config.languages.pretraining:
        yield (
            f"tuning.encoders: [{', '.join(names)}]: an encoder is tuned on English text, but en is "
            "not in languages.pretraining. Add it, or empty this list."
        )
    if both := [seed for seed in config.tuning.seeds if seed in config.seeds]:
        yield (
            f"tuning.seeds: {', '.join(map(str, both))} {'is' if len(both) == 1 else 'are'} among seeds, so that rates "
            f"would be chosen on the runs that they are used in; found {list(config.tuning.seeds)}. Take others, such "
            "as [101, 102, 103]."
        )


def _lengths(config: "Config") -> Iterator[str]:
    """How long the training on a task is, and how its batches are cut."""
    for section, entries in (("intermediate", config.intermediate), ("targets", config.targets)):
        for name, task in entries.items():
            with contextlib.suppress(AttributeError):
                if task.steps is None and task.epochs is None:
                    yield (
                        f"{section}.{name}: steps and epochs are both null, so that nothing says how long training is. "
                        "Give one of them."
                    )
            with contextlib.suppress(AttributeError):
                if task.batch_size % task.micro_batches:
                    yield (
                        f"{section}.{name}.micro_batches: {task.micro_batches} does not divide batch_size, "
                        f"{task.batch_size}. Give a divisor of it."
                    )


RULES: tuple[Rule, ...] = (
    _sections,
    _conditions,
    _declared,
    _tasks,
    _translated,
    _starts,
    _rates,
    _micro,
    _lengths,
    _tokens,
    _masked_lm,
    _subsets,
    _evaluated,
    _upper_bound,
    _tuned,
    _text,
    _objectives,
    _idle,
)
WHOLE_LISTS: dict[Rule, set[str]] = {
    _conditions: {"grid", "recipes"},
    _declared: {"analysis", "grid"},
    _tasks: {"grid", "recipes"},
    _idle: {"encoders", "grid", "recipes", "tuning"},
}
"""Rules that compare whole lists, and the sections of these; they say nothing where an entry of one is not valid."""
