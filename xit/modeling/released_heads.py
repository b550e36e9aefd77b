"""Heads that transformers has fine-tuned: a checkpoint with one is read whole, and computed as transformers does.

Its config.json names the architecture (`BertForTokenClassification`) and, in `id2label`, what its outputs mean. It does
not name the task: it answers those of its format that have its labels.
"""

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from xit import heads
from xit.core import hub, registry
from xit.core.errors import CheckpointError, ConfigError, counted
from xit.core.task import Task, task_of
from xit.formats import format_of
from xit.modeling import encoders

PRETRAINING = ("CausalLM", "ConditionalGeneration", "MaskedLM", "PreTraining", "TextEncoding")
"""Ends of architectures whose head answers no task."""


@functools.cache
def formats() -> Mapping[str, str]:
    """The format of each kind of head that is read, by the end of the architecture's name in transformers."""
    released = {name: heads.load(name).RELEASED for name in registry.names("heads")}
    return {head.kind: name for name, head in released.items() if head}


@dataclasses.dataclass(frozen=True)
class ReleasedHead:
    """The head of a checkpoint of transformers.

    Attributes:
        architecture: The class in transformers.
        kind: The end of its name: `TokenClassification`.
        outputs: What its outputs mean, in their order; empty where config.json does not say, or there is nothing to.
    """

    architecture: str
    kind: str
    outputs: tuple[str, ...]

    @property
    def format(self) -> str:
        """The format of the tasks that it answers; empty where it is not read."""
        return formats().get(self.kind, "")


@dataclasses.dataclass(frozen=True)
class TaskHead:
    """A head of transformers for one task.

    Attributes:
        task: The task's id.
        head: As config.json has it.
        labels: Those of the task, in the task's order.
        order: The number of the output of each label.
        max_length_tokens: Of a row, where the model has positions for it.
    """

    task: str
    head: ReleasedHead
    labels: tuple[str, ...]
    order: tuple[int, ...]
    max_length_tokens: int


def read(source: Path | str) -> ReleasedHead | None:
    """The head that a checkpoint folder or a name of the Hub has beside its encoder, or None; no weight is read."""
    if Path(source).is_dir():
        config = encoders.read_config(Path(source))
    else:
        config = registry.load("modeling", "released").read_config(*hub.repository(str(source))).to_dict()
    named = config.get("architectures")
    architecture = str(named[0]) if isinstance(named, list) and named else ""
    kind = re.sub(r"^.*?For(?=[A-Z])", "", architecture)
    if not architecture or architecture.endswith("Model") or kind in PRETRAINING:
        return None
    meant = config.get("id2label")
    by_number = {str(number): str(label) for number, label in meant.items()} if isinstance(meant, dict) else {}
    numbers = [str(number) for number in range(len(by_number))]
    outputs = tuple(by_number[number] for number in numbers) if by_number.keys() == set(numbers) else ()
    return ReleasedHead(architecture, kind, outputs)


def unread(source: Path | str) -> str:
    """A sentence for a checkpoint of which only the encoder is used although it has a head, or nothing."""
    head = read(source)
    return f"{source}: its head ({head.architecture}) is not used here, its encoder alone is." if head else ""


def answered(head: ReleasedHead, labels: Sequence[Sequence[str]] = ()) -> list[str]:
    """The target tasks that a head can answer: those of its format that have its labels.

    Args:
        head: The head.
        labels: What a user says that outputs mean; `TaskHead`.
    """
    targets = [task for task in map(task_of, registry.names("tasks")) if task.group and task.is_trained]
    meanings = [set(meaning) for meaning in (*labels, head.outputs)]
    return [
        task.id for task in targets if task.format == head.format and (not task.labels or set(task.labels) in meanings)
    ]


def for_task(source: Path | str, head: ReleasedHead, task: Task, labels: Sequence[Sequence[str]] = ()) -> TaskHead:
    """A head of transformers as one of a task.

    Args:
        source: Of the checkpoint.
        head: Its head.
        task: The task.
        labels: What a user says that outputs mean: lists of labels in the order of the outputs, of which those that
            are the task's come before what config.json says.

    Raises:
        CheckpointError: it is not read, is of another format, or its labels are not those of the task.
    """
    if not head.format:
        readable = ", ".join(f"For{kind}" for kind in formats())
        raise CheckpointError(
            f"{source}: its head ({head.architecture}) is of a kind that is not read. Those that are: {readable}."
        )
    if head.format != task.format:
        own = ", ".join(answered(head, labels)) or "none of the targets has its labels"
        raise CheckpointError(
            f"{source}: its head ({head.architecture}) is for {head.format}; {task.id} is a task of {task.format}. "
            f"Name one of its own with --task: {own}."
        )
    released = heads.load(task.format).RELEASED
    assert released is not None  # it is of that kind
    if not format_of(task).has_labels:
        return TaskHead(task.id, head, (), (), released.max_length_tokens)
    wanted = task.labels or head.outputs
    for meaning in (*labels, head.outputs):
        if len(set(meaning)) == len(meaning) and set(meaning) == set(wanted) and wanted:
            return TaskHead(task.id, head, wanted, tuple(map(tuple(meaning).index, wanted)), released.max_length_tokens)
    outputs = ", ".join(head.outputs) or "what config.json does not name"
    raise CheckpointError(
        f"{source}: its head ({head.architecture}) answers {outputs}; {task.id} has {', '.join(task.labels)}. "
        f"{_advice(head, task)}"
    )


def _advice(head: ReleasedHead, task: Task) -> str:
    """How to say what a head's outputs mean."""
    named = {label.casefold(): label for label in task.labels}
    folded = [named.get(output.casefold(), "") for output in head.outputs]
    if all(folded) and len(set(folded)) == len(named):
        return f"If these are the same in this order: --labels {','.join(folded)}"
    if head.outputs and len(head.outputs) != len(task.labels):
        outputs, wanted = counted(len(head.outputs), "output"), counted(len(task.labels), "label")
        return f"It has {outputs} for {wanted}: it was fine-tuned on another task."
    return "Say what its outputs mean, in their order, with --labels and the labels of the task, with commas between."


def parse_labels(options: Sequence[str]) -> list[tuple[str, ...]]:
    """What users say that outputs mean: labels of a task with commas between.

    Raises:
        ConfigError: they are those of no task.
    """
    tasks = [task for task in map(task_of, registry.names("tasks")) if task.labels and task.group]
    found = [tuple(label.strip() for label in option.split(",")) for option in options]
    for option, labels in zip(options, found, strict=True):
        if not any(sorted(labels) == sorted(task.labels) for task in tasks):
            known = "\n".join(f"  {task.id}: {','.join(task.labels)}" for task in tasks)
            raise ConfigError(
                f"--labels {option}: the labels of no task. All labels of one are needed, each once:\n{known}"
            )
    return found
