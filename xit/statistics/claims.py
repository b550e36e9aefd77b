"""Published statements, each tested on our own scores, for each encoder on its own.

A claim is about a difference that would be above zero if it held; the verdict follows from the 95 % interval of that
difference and nothing else. The published numbers stand in paper/published.csv, under the claim's id.
"""

import dataclasses
from collections.abc import Callable
from typing import Literal

from xit.statistics.study import Estimate, Study

Verdict = Literal["reproduced", "contradicted", "inconclusive", "not run"]


@dataclasses.dataclass(frozen=True)
class Claim:
    """A statement and the difference that decides it.

    Attributes:
        id: Also the key of its published numbers.
        statement: As it is printed; `{first}` stands for the first encoder.
        measure: The difference for an encoder, above zero where the statement holds; None where it was not run.
        is_comparison: Whether it is about an encoder against the first one, and so skips the first.
        margin: For a statement of equality: the largest difference that counts as none, in points.
    """

    id: str
    statement: str
    measure: Callable[[Study, str], Estimate | None]
    is_comparison: bool = False
    margin: float | None = None


@dataclasses.dataclass(frozen=True)
class Finding:
    """What our scores say of a claim, for one encoder."""

    claim: Claim
    encoder: str
    estimate: Estimate | None
    verdict: Verdict


def findings(claim: Claim, of: Study) -> tuple[Finding, ...]:
    """A claim tested for every encoder that it is about."""
    encoders = of.encoders[1:] if claim.is_comparison else of.encoders
    found = []
    for encoder in encoders:
        one = claim.measure(of, encoder)
        if one is not None:
            one = dataclasses.replace(one, is_settled=False)  # a star would speak of another table's correction
        found.append(Finding(claim, encoder, one, verdict(one, claim.margin)))
    return tuple(found)


def verdict(one: Estimate | None, margin: float | None = None) -> Verdict:
    """The verdict on a difference: by its sign, or with a margin by whether it is small enough to call equal.

    >>> verdict(Estimate(value=2.0, low=0.5, high=3.5, p=0.01, improved=9, languages=12, seeds=2))
    'reproduced'
    >>> verdict(Estimate(value=2.0, low=-0.5, high=4.5, p=0.1, improved=9, languages=12, seeds=2), margin=1.0)
    'inconclusive'
    """
    if one is None:
        return "not run"
    if one.low is None or one.high is None:
        return "inconclusive"
    if margin is None:
        return "reproduced" if one.low > 0 else "contradicted" if one.high < 0 else "inconclusive"
    if -margin < one.low and one.high < margin:
        return "reproduced"
    return "contradicted" if one.low > 0 or one.high < 0 else "inconclusive"
