"""The benchmarks, one a file: which tasks and languages, which groups, and how scores are averaged.

What holds of a task whatever the benchmark is in the task's file, its languages too, which are XTREME-R's where both
benchmarks have the task (google-research/xtreme: evaluate.py, commit 838c13b).
"""

import dataclasses
from collections.abc import Mapping

from xit.core import registry
from xit.core.task import task_of

RULES = (
    "Task: the plain mean over its languages, English among them where the task has it.",
    "Question answering: the mean of mean exact match and mean F1.",
    "Tagging: span F1. Accuracy is of words, and is in no mean.",
    "UD-POS: a span is a run of equal tags, every SCONJ and SYM one by itself, as seqeval 0.0.12 read bare tags.",
)
"""How both benchmarks average, in words."""


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """The facts of one benchmark.

    Attributes:
        title: Its name as its paper prints it.
        citation: Paper and arXiv number.
        tasks: Ids, in the order of the paper.
        groups: Ids of tasks; a task may be in more than one group, or in none.
        rules: How scores are averaged, in words; they are printed beside the scores.
        without: The languages of a task that this benchmark does not have.
        pooled: Tasks whose score is over all questions of all languages at once.
    """

    title: str
    citation: str
    tasks: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    rules: tuple[str, ...]
    without: Mapping[str, str] = dataclasses.field(default_factory=dict)
    pooled: tuple[str, ...] = ()

    def languages(self, task_id: str) -> tuple[str, ...]:
        """The languages of one of its tasks."""
        task = task_of(task_id)
        left_out = self.without.get(task_id, "").split()
        return tuple(code for code in task.languages if code not in left_out)


def load(name: str) -> Benchmark:
    """The benchmark of that name, which is its file's or has hyphens for its underscores.

    Raises:
        ConfigError: no such benchmark; the message lists those that exist.
    """
    benchmark: Benchmark = registry.load("benchmarks", name.replace("-", "_")).benchmark
    return benchmark
