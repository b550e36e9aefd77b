"""Whether fewer seeds would have said the same: the primary family on every subset of a run's seeds."""

import dataclasses
import itertools
from typing import NamedTuple

from xit.statistics.gains import Primary, primary_gains
from xit.statistics.study import Study

FEW = 3
"""Seeds of the default experiment."""


class Stability(NamedTuple):
    """What the subsets say of one contrast.

    Attributes:
        opposite: How many find the other sign than all seeds find.
        lost: How many do not find what all seeds find.
        gained: How many find what all seeds do not.
    """

    subsets: int
    opposite: int
    lost: int
    gained: int


def stability(study: Study, size: int = FEW) -> dict[Primary, Stability]:
    """Of each contrast of the primary family, by how many subsets of so many seeds its word would be another.

    The rule of the words is the same, but for the number of seeds that it asks for. Nothing where the run has no more
    seeds than a subset, or where a contrast was not run.
    """
    if len(study.seeds) <= size:
        return {}
    whole = primary_gains(_judged(study))
    subsets = [
        primary_gains(_judged(_with_seeds(study, chosen)))
        for chosen in itertools.combinations(range(len(study.seeds)), size)
    ]
    found = {}
    for key, one in whole.items():
        parts = [part for family in subsets if (part := family[key]) is not None]
        if one is None or len(parts) < len(subsets):
            continue
        found[key] = Stability(
            len(parts),
            sum(bool(part.is_significant and one.is_significant) and part.value * one.value < 0 for part in parts),
            sum(bool(one.is_significant) and not part.is_significant for part in parts),
            sum(bool(part.is_significant) and not one.is_significant for part in parts),
        )
    return found


def _judged(study: Study) -> Study:
    """The study, with words whatever its number of seeds."""
    return dataclasses.replace(study, analysis=dataclasses.replace(study.analysis, fewest_seeds=FEW))


def _with_seeds(study: Study, chosen: tuple[int, ...]) -> Study:
    seeds = tuple(study.seeds[i] for i in chosen)
    return dataclasses.replace(study, seeds=seeds, values=study.values[:, :, :, list(chosen)])
