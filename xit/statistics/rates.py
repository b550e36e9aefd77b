"""Which of the learning rates that were tried is best."""

from collections.abc import Mapping, Sequence
from statistics import median


def best(scores: Mapping[float, Sequence[float]]) -> float:
    """The rate of the highest median score over seeds; of equal medians, that of the highest worst score.

    A mean would let one lucky seed win, or one failed run decide. Of rates equal in both the first one is taken.

    Examples:
        >>> best({0.001: [80, 81, 82], 0.01: [10, 84, 99], 0.1: [99, 99, 35]}), best({1e-3: [9, 9, 1], 1e-2: [9, 9, 8]})
        (0.1, 0.01)
    """
    return max(scores, key=lambda rate: (median(scores[rate]), min(scores[rate])))
