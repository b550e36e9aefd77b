"""Intermediate training by recipe: several tasks, masked LM between their batches, subsets, shuffled labels.

Every stream of batches (`Part`) has a head of its own on the one encoder. A step is a batch of one stream; which one is
drawn by the streams' shares, a pure function of the seed, so that a killed run resumes to the same bits.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from xit import formats
from xit.core.conditions import MULTITASK, Condition
from xit.core.errors import TrainingError
from xit.core.examples import Example, read_examples
from xit.core.settings import MultitaskSettings, RecipeSettings, TaskSettings
from xit.core.task import task_of
from xit.formats import Batch
from xit.training.loop import Step
from xit.training.task_training import Part, steps_of

EXAMPLES, LABELS, DRAWS = 1, 2, 3
"""Streams of random numbers that are independent of those of training (of the order of examples, labels, parts)."""


def training_examples(condition: Condition, task_id: str, path: Path, seed: int) -> list[Example]:
    """What the condition trains on: all examples of its language, or the first ones of an order that the seed draws.

    Subsets of one seed are nested. Shuffled labels are drawn after the subset.

    Raises:
        TrainingError: fewer examples than the condition asks for.
    """
    examples: list[Example] = list(read_examples(path, condition.language))
    if condition.examples is not None:
        if condition.examples > len(examples):
            raise TrainingError(
                f"{condition.id}: {path} has only {len(examples)} training examples. "
                "Name a smaller subset in grid.recipes."
            )
        order = np.random.default_rng((seed, EXAMPLES)).permutation(len(examples))
        examples = [examples[index] for index in sorted(order[: condition.examples])]
    if condition.is_shuffled:
        form = formats.load(task_of(task_id).format)
        examples = form.shuffled(examples, np.random.default_rng((seed, LABELS)))
    return examples


def lengths(
    condition: Condition, tasks: Mapping[str, TaskSettings], recipes: RecipeSettings, files: Mapping[str, Path]
) -> tuple[int, int, int]:
    """Steps, steps between looks at validation, and patience.

    Those of the task or of multitask; a subset trained for as many epochs as the whole has steps in proportion; masked
    LM comes on top, so that the tasks keep theirs.
    """
    if condition.task is None:
        return recipes.mlm.steps, 0, 0
    of: MultitaskSettings | TaskSettings
    if condition.task == MULTITASK:
        of, steps = recipes.multitask, recipes.multitask.steps
    else:
        of = tasks[condition.task]
        steps = steps_of(of, _count(files[f"{condition.task} train"]))
    factor = 1.0
    if condition.examples is not None and recipes.subset_budget == "epochs":
        whole = sum(_count(path) for name, path in files.items() if name.endswith(" train"))
        part = condition.examples * sum(name.endswith(" train") for name in files)
        factor *= part / whole
    if condition.has_mlm:
        factor /= 1 - recipes.mlm.share
    steps = max(round(steps * factor), 1)
    every = max(round(of.validate_every * factor), 1) if of.validate_every else 0
    return (steps, 0, 0) if condition.is_shuffled else (steps, every, of.patience)


def _count(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def draws(shares: Sequence[float], steps: int, seed: int) -> list[tuple[int, int]]:
    """For each step the part it belongs to, and how many steps of that part came before.

    Examples:
        >>> draws([1.0], 3, seed=0)
        [(0, 0), (0, 1), (0, 2)]
    """
    generator = np.random.default_rng((seed, DRAWS))
    drawn = generator.choice(len(shares), size=steps, p=shares).tolist()
    seen = [0] * len(shares)
    result = []
    for part in drawn:
        result.append((part, seen[part]))
        seen[part] += 1
    return result


class Mixture(nn.Module):
    """Several models that share an encoder; each batch says whose it is."""

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)

    def forward(self, batch: Batch) -> Tensor:
        """The mean loss of the batch's own model."""
        loss: Tensor = self.models[int(batch["part"])]({k: v for k, v in batch.items() if k != "part"})
        return loss


def mixed_steps(streams: Sequence[Callable[[int], Step]], drawn: Sequence[tuple[int, int]]) -> Callable[[int], Step]:
    """`step_at` over several streams, in the order drawn."""

    def step_at(step: int) -> Step:
        part, place = drawn[step]
        found = streams[part](place)
        batches = [{**batch, "part": torch.tensor(part)} for batch in found.micro_batches]
        return Step(batches, found.ids)

    return step_at


def mean_validation(parts: Sequence[Part]) -> Callable[[], float] | None:
    """The mean of the tasks' main metrics on English validation (jiant); None where nothing is looked at."""
    looks = [part.validate for part in parts if part.validate]
    if not looks:
        return None
    return lambda: sum(look() for look in looks) / len(looks)
