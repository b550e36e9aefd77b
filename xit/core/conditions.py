"""What a condition's id says: the intermediate training between pretraining and fine-tuning, a row of the tables.

    none, untrained, mlm     controls: the pretrained encoder as it is; random weights; as many extra steps of masked LM
    mnli, squad, …           an intermediate task by itself
    multitask                all tasks of params.yaml's `recipes.multitask.tasks` at once
    mnli-300                 its first 300 training examples (of an order that each seed draws: subsets are nested)
    mnli+de                  its training examples in translation
    mnli+mlm                 with masked LM in all languages between the batches
    mnli+shuffled            a control: its labels shuffled

What follows a task may be combined, in this order: `multitask+mlm`, `mnli-300+de+mlm`.
"""

import dataclasses
import re
from typing import Literal

from xit.core.errors import ConfigError

BASELINE = "none"
"""What every gain is measured against."""
UNTRAINED_CONDITIONS = (BASELINE, "untrained")
"""Conditions that are not trained at all."""
MULTITASK, MLM, SHUFFLED = "multitask", "mlm", "shuffled"
FORM = re.compile(
    rf"(?P<task>[a-z][a-z0-9_]*)(-(?P<examples>[1-9][0-9]*))?(\+(?P<language>(?!{MLM})[a-z]{{2,3}}))?"
    rf"(?P<mlm>\+{MLM})?(?P<shuffled>\+{SHUFFLED})?"
)


@dataclasses.dataclass(frozen=True)
class Condition:
    """One condition, taken apart."""

    id: str
    task: str | None
    """A task's id, or `multitask`; None for none, untrained and mlm."""
    examples: int | None = None
    """Training examples of the task; None for all."""
    language: str = "en"
    """Of the training examples."""
    has_mlm: bool = False
    """Whether batches of masked LM come between those of the task; for `mlm`, alone."""
    is_shuffled: bool = False
    """Whether the labels of the training examples are shuffled."""

    @property
    def kind(self) -> Literal["control", "task", "subset", "recipe"]:
        """What it stands for in a table: `task` is a plain intermediate task, on all of its English examples."""
        if self.task is None or self.is_shuffled:
            return "control"
        if self.language != "en" or self.has_mlm or self.task == MULTITASK:
            return "recipe"
        return "task" if self.examples is None else "subset"


def parse(text: str) -> Condition:
    """The condition of an id. That its task exists is for `xit.pipeline.config` to check.

    Raises:
        ConfigError: the id has another form.

    Examples:
        >>> parse("mnli-300+de")
        Condition(id='mnli-300+de', task='mnli', examples=300, language='de', has_mlm=False, is_shuffled=False)
        >>> parse("mlm").kind, parse("squad").kind, parse("squad-30").kind, parse("squad+mlm").kind
        ('control', 'task', 'subset', 'recipe')
    """
    if text in (*UNTRAINED_CONDITIONS, MLM):
        return Condition(text, None, has_mlm=text == MLM)
    found = FORM.fullmatch(text)
    if not found:
        raise ConfigError(
            f"{text}: not a condition. Conditions: none, untrained, mlm, a task, or multitask; after a task -300 "
            "(examples), +de (translated), +mlm, +shuffled, in this order."
        )
    count = found["examples"]
    return Condition(
        text,
        found["task"],
        int(count) if count else None,
        found["language"] or "en",
        bool(found["mlm"]),
        bool(found["shuffled"]),
    )
