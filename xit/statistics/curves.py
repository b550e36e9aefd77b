"""Learning curves: the mean of every training at each step, over seeds and intermediate tasks."""

from collections.abc import Mapping, Sequence

from xit.core.conditions import BASELINE
from xit.statistics.study import Study

PLAIN, AFTER = "", "after intermediate training"
"""Kinds of fine-tuning; of the other trainings there is one kind."""

Curve = Sequence[tuple[int, float]]


def curves(
    rows: Sequence[Mapping[str, str]], study: Study, value: str
) -> Mapping[tuple[str, str], Mapping[tuple[str, str], Curve]]:
    """By (stage, task) and (encoder, kind) the mean of a column at each step, over seeds and intermediate tasks.

    In place of the task pretraining has its objective, where it has several.
    """
    found: dict[tuple[str, str], dict[tuple[str, str], dict[int, list[float]]]] = {}
    objectives = sorted({row["target"] for row in rows if row["stage"] == "pretrain"})
    for stage, task in [*(("pretrain", name) for name in objectives), *trainings(study)]:
        by_line: dict[tuple[str, str], dict[int, list[float]]] = {
            (encoder, kind): {} for encoder in study.encoders for kind in (PLAIN, AFTER)
        }
        found[stage, task] = by_line
        for row in rows:
            if (row["stage"], row["target"]) != (stage, task) or not row[value] or row["encoder"] not in study.encoders:
                continue
            is_after = stage == "finetune" and row["condition"] in study.intermediates
            if is_after or stage != "finetune" or row["condition"] == BASELINE:
                steps = by_line[row["encoder"], AFTER if is_after else PLAIN]
                steps.setdefault(int(row["step"]), []).append(float(row[value]))
    return {
        training: {line: _complete(steps) for line, steps in by_line.items() if steps}
        for training, by_line in found.items()
        if any(by_line.values())
    }


def trainings(study: Study) -> list[tuple[str, str]]:
    """The plain intermediate tasks, the targets."""
    targets = [name for name in study.targets if study.tasks[name].is_trained]
    return [*(("intermediate", t) for t in study.intermediates), *(("finetune", t) for t in targets)]


def _complete(steps: Mapping[int, Sequence[float]]) -> Curve:
    """The mean at each step that all runs reached: where some stopped early, the others say nothing of their mean."""
    most = max(map(len, steps.values()))
    return [(step, sum(values) / most) for step, values in sorted(steps.items()) if len(values) == most]
