"""Which targets an encoder does not learn, from the English validation of its fine-tuning alone.

A gain on a target that the encoder does not learn without intermediate training is a repair, and one on a target that
random weights learn as well says nothing of pretraining. Both are shown and not averaged, for any encoder, as
differences between encoders are paired. No score in another language is looked at.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from xit.core.conditions import BASELINE
from xit.statistics.anova import quantile

UNTRAINED = "untrained"


def unlearnt(training: Sequence[Mapping[str, str]], encoders: Sequence[str], level: float) -> dict[str, str]:
    """By target, why it is not averaged: a sentence's end, such as `lstm fails in 2 of 3 seeds`.

    Args:
        training: Rows of training.csv.
        encoders: Those that are compared.
        level: One minus the error of the one-sided test of whether pretraining helps in English.
    """
    found: dict[str, list[str]] = {}
    for encoder in encoders:
        rows = [row for row in training if (row["stage"], row["encoder"]) == ("finetune", encoder)]
        for target in dict.fromkeys(row["target"] for row in rows):
            of_target = [row for row in rows if row["target"] == target]
            fault = _fault(encoder, of_target, level)
            if fault:
                found.setdefault(target, []).append(fault)
    return {target: " and ".join(faults) for target, faults in found.items()}


def _fault(encoder: str, rows: Sequence[Mapping[str, str]], level: float) -> str:
    plain = [row for row in rows if row["condition"] == BASELINE]
    failed = sum(row.get("is_failed") == "True" for row in plain)
    if 2 * failed >= len(plain) > 0:
        return f"{encoder} does not learn it in {failed} of {len(plain)} seeds"
    by_condition: dict[str, list[float]] = {}
    for row in rows:
        if row["validation_score"]:
            by_condition.setdefault(row["condition"], []).append(float(row["validation_score"]))
    if {BASELINE, UNTRAINED} <= set(by_condition) and not _is_above(by_condition, level):
        return f"{encoder} learns it no better than random weights do"
    return ""


def _is_above(by_condition: Mapping[str, Sequence[float]], level: float) -> bool:
    """Whether the baseline learns better than random weights, by a one-sided test; of one seed each, whether it scores
    more.

    Student's t, with the variance between seeds pooled over all conditions: two of them alone know little of it.
    """
    first, second = by_condition[BASELINE], by_condition[UNTRAINED]
    difference = float(np.mean(first) - np.mean(second))
    freedom = sum(len(values) - 1 for values in by_condition.values())
    squares = sum(float(np.var(values)) * len(values) for values in by_condition.values())
    if not freedom or not squares:
        return difference > 0
    error = float(squares / freedom * (1 / len(first) + 1 / len(second))) ** 0.5
    return bool(difference > quantile(level, freedom) * error)
