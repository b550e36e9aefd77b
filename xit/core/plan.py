"""What a stage is handed: which cells, where things lie, and how each model is trained.

`xit.pipeline.plans` makes them from params.yaml, once: a value is the task's own, else the encoder's, else that of the
section `training`. A parameter keeps its name on its whole way: params.yaml, plan, training loop.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xit.core.batches import MASKED_LM

if TYPE_CHECKING:
    from xit.core.settings import ComputeSettings, EncoderSize


PRETRAINING = "pretraining"
"""Names the plan of pretraining among those of tasks, and the phase of its trials."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One model of the experiment. What does not apply is empty: a pretrained encoder has no condition or target."""

    encoder: str
    condition: str = ""
    target: str = ""
    seed: int = 0

    def __str__(self) -> str:
        return " ".join(filter(None, (self.encoder, self.condition, self.target, f"seed {self.seed}")))


@dataclasses.dataclass(frozen=True)
class Places:
    """The folders of a stage run."""

    parent: Path
    """Holds what the cells start from, each cell's in a folder of the cell's name."""
    data: Path
    """Holds the data."""
    out: Path
    """Receives what is made, each cell's in a folder of the cell's name."""


@dataclasses.dataclass(frozen=True)
class TaskBatches:
    """What batches of a task are made of."""

    batch_size: int
    """Examples a step."""
    micro_batches: int
    """Forward passes a step."""
    max_length_tokens: int
    """Longer inputs are cut, or read in windows."""
    examples: int | None = None
    """The number of training examples in a subset that the seed draws; None takes all."""
    language: str = "en"
    """The language of the training examples; validation is English."""
    is_shuffled: bool = False
    """Whether the labels are shuffled. Such a training has no validation, and keeps its last weights."""


@dataclasses.dataclass(frozen=True)
class TextBatches:
    """What batches of text are made of."""

    languages: tuple[str, ...]
    batch_size: int
    """Blocks a step."""
    block_tokens: int
    masked_fraction: float
    language_exponent: float
    share: float = 1.0
    """The share of all steps; the rest belongs to tasks, which keep as many steps as they have without."""
    objectives: Mapping[str, float] = dataclasses.field(default_factory=lambda: {MASKED_LM: 1.0})
    """What is learnt from the text, and the share of the batches of each; between the batches of tasks only masked
    LM."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a model is trained; xit.core.settings says what each number means, under the same name."""

    learning_rate: float
    steps: int | None
    warmup_fraction: float
    weight_decay: float
    gradient_clip: float
    compute: "ComputeSettings"
    epochs: int | None = None
    warmup_steps: int | None = None
    final_fraction: float = 0.0
    optimizer: Literal["adamw", "muon", "muon_float32"] = "adamw"
    validate_every: int = 0
    patience: int = 0
    restarts: int = 0
    head: Literal["linear", "matching"] = "linear"
    size: "EncoderSize | None" = None
    """The shape of an encoder that starts from random weights."""
    tasks: Mapping[str, TaskBatches] = dataclasses.field(default_factory=dict)
    """The tasks that are trained on together, by id."""
    text: TextBatches | None = None
    """The text of pretraining; or of masked language modelling after it, alone or between the batches of tasks."""
    most_examples: int | None = None
    """Tasks are drawn in proportion to their examples, of which at most so many count."""
    subset_budget: Literal["steps", "epochs"] = "steps"
    """Whether a subset is trained for as many steps as the whole, or for as many epochs."""
    seed: int = 0
    """The seed of this run."""

    def steps_for(self, examples: int) -> int:
        """Optimizer steps on so many training examples: those of `steps` or of `epochs`, whichever are fewer.

        An epoch has as many steps as whole batches (`xit.training.loop.batch_indices`).
        """
        batch_size = next((task.batch_size for task in self.tasks.values()), 1)
        of_epochs = self.epochs and self.epochs * max(examples // batch_size, 1)
        return min(limit for limit in (self.steps, of_epochs) if limit)

    def scheduled(self, examples: int, whole: int, seed: int) -> "Plan":
        """The plan of one run, with a definite number of steps.

        Args:
            examples: The number of training examples.
            whole: The number that there would be without taking a subset.
            seed: The seed of the run.
        """
        steps, factor = self.steps_for(whole), 1.0
        if self.subset_budget == "epochs":
            factor *= examples / max(whole, 1)
        if self.tasks and self.text:
            factor /= 1 - self.text.share
        steps = max(round(steps * factor), 1)
        return dataclasses.replace(
            self,
            steps=steps,
            epochs=None,
            warmup_fraction=self.warmup_fraction if self.warmup_steps is None else self.warmup_steps / steps,
            warmup_steps=None,
            validate_every=self.validate_every and max(round(self.validate_every * factor), 1),
            seed=seed,
        )
