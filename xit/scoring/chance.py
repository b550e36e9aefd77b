"""What counts as having learned nothing: the score of the best answer that ignores the input.

It is computed from the validation examples, by the code that scores the task:

    classification, multiple choice    the label, or the place, that is right most often, for every example
    tagging                            the commonest tag for every word (0 where that is no entity; of parts of speech
                                       little more, since the benchmark counts neighbours of one tag as one span)
    span                               the whole passage for every question, or "no answer" where there may be none
    retrieval                          what a random order of the candidates is expected to reach
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from xit.core.examples import Example
from xit.core.task import Task
from xit.scoring.predictions import asked, kind_of

RANKED = 20
"""Candidates of a ranking that count, as of `xit.scoring.metrics`."""


def chance(task: Task, examples: Sequence[Example]) -> float:
    """The task's main metric, from 0 to 100, of the best answer that ignores the input, on English examples."""
    if task.format == "retrieval":
        return _random_order(task, examples)
    kind = kind_of(task)
    gold = kind.gold(examples)
    return max(kind.score(said, gold, "en")[task.metric] for said in BLIND[task.format](task, examples, gold))


def is_failure(score: float, by_chance: float, examples: int) -> bool:
    """Whether a score, from 0 to 100, is not above chance by two standard errors.

    The standard error of a mean of so many values between 0 and 1 is at most sqrt(score · (1 - score) / examples).

    Examples:
        >>> is_failure(40.0, 35.0, 200), is_failure(45.0, 35.0, 200), is_failure(100.0, 35.0, 200)
        (True, False, False)
    """
    share = score / 100
    return score - by_chance <= 200 * math.sqrt(max(share * (1 - share), 0.0) / max(examples, 1))


def _commonest(task: Task, examples: Sequence[Example], gold: Any) -> Iterable[Any]:
    yield [Counter(gold).most_common(1)[0][0]] * len(gold)


def _commonest_tag(task: Task, examples: Sequence[Example], gold: Any) -> Iterable[Any]:
    tag = Counter(tag for tags in gold for tag in tags).most_common(1)[0][0]
    yield [[tag] * len(tags) for tags in gold]


def _passage(task: Task, examples: Sequence[Example], gold: Any) -> Iterable[Any]:
    yield {example["id"]: example["context"] for example in examples}
    if task.has_unanswerable:
        yield {example["id"]: "" for example in examples}


BLIND: Mapping[str, Callable[[Task, Sequence[Example], Any], Iterable[Any]]] = {
    "classification": _commonest,
    "multiple_choice": _commonest,
    "tagging": _commonest_tag,
    "span": _passage,
}
"""The answers that ignore the input, by format; of several the best counts."""


def _random_order(task: Task, examples: Sequence[Example]) -> float:
    """The expectation over all orders of the candidates."""
    candidates = sum(example["role"] == "candidate" for example in examples)
    queries = asked(examples)
    ranks = range(1, min(RANKED, candidates) + 1)
    total = 0.0
    for query in queries:
        right = 1 if task.metric == "mrr_at_20" else min(len(set(query["gold"])), candidates)
        others = (right - 1) / max(candidates - 1, 1)  # the chance that any other place holds a right one too
        # At a rank: that a right candidate is there, times the precision up to it.
        expected = sum(right / candidates * (1 + (rank - 1) * others) / rank for rank in ranks)
        total += expected / max(min(right, RANKED), 1)
    return 100 * total / max(len(queries), 1)
