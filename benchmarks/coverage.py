"""How often the 95 % intervals of the paper hold the truth, in simulated experiments where it is known.

    python benchmarks/coverage.py        # about four minutes; writes paper/inputs/coverage.csv

Each experiment has the shape of the reference: two encoders, a baseline, three intermediate tasks and a control, seven
targets in twelve languages and English, with three or ten seeds. Scores vary by pretraining run, by intermediate
training, by fine-tuning run and by language within it; gains vary by language, and by target, whose true gains are
known. How much varies is as the scores of paper/reference show it (the first setting), with a baseline that scatters
half as much again, with languages that vary more than all else, and with targets that lack a third of the languages.
A row of the file is a kind of row that is printed, with how many of its intervals there were and the share that held
the truth.
"""

import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from xit.core.settings import AnalysisSettings
from xit.core.task import task_of
from xit.statistics import gains
from xit.statistics.gains import Estimate
from xit.statistics.study import ENGLISH, MEAN, Floats, Study

ENCODERS, TARGETS = ("transformer", "lstm"), ("xnli", "xcopa", "udpos", "panx", "xquad", "lareqa", "tatoeba")
TASKS = ("mnli", "squad", "hellaswag")
CONDITIONS = ("none", *TASKS, "mlm")
LANGUAGES = (ENGLISH, *["de", "es", "ru", "el", "hi", "ar", "fa", "zh", "ja", "sw", "tr", "fi"])
FINE_TUNING = np.array([2.9, 1.8, 2.0, 1.8, 3.0, 1.1, 2.6])
"""Standard deviations of a target's mean over languages between fine-tuning runs, in the order of the targets."""
PRETRAINING = 2.0
BY_TARGET = 2.0
"""Of the true gains of an encoder and a task."""
EXPERIMENTS = 400


@dataclasses.dataclass(frozen=True)
class Setting:
    """Standard deviations in points; `baseline` is by how much more the runs of `none` scatter."""

    name: str
    intermediate: float = 0.3
    in_language: float = 2.5
    languages: float = 0.8
    languages_by_target: float = 2.0
    baseline: float = 1.0
    missing: float = 0.0


SETTINGS = (
    Setting("as measured"),
    Setting("the baseline scatters more", baseline=1.5),
    Setting("languages vary more", languages=2.5, languages_by_target=3.0),
    Setting("languages are missing", missing=1 / 3),
)


def experiment(rng: np.random.Generator, seeds: int, setting: Setting) -> tuple[Study, Floats]:
    """Scores, and the true gains `<float>[encoder, condition, target]`."""
    systems = (len(ENCODERS), len(CONDITIONS))
    shape = (*systems, len(TARGETS), seeds, len(LANGUAGES))

    def drawn(deviation: float, *axes: int) -> Floats:
        """Deviates that vary along these axes alone."""
        return rng.normal(0, deviation, [length if axis in axes else 1 for axis, length in enumerate(shape)])

    truth = drawn(1, 0, 1) + drawn(BY_TARGET, 0, 1, 2)
    truth[:, 0] = 0
    runs = drawn(setting.intermediate, 0, 1, 3) + drawn(setting.in_language, *range(5))
    runs = runs + drawn(1, 0, 1, 2, 3) * FINE_TUNING[:, np.newaxis, np.newaxis]
    runs[:, 0] *= setting.baseline
    languages = drawn(setting.languages, 0, 1, 4) + drawn(setting.languages_by_target, 0, 1, 2, 4)
    values = 50 + truth + runs + languages + drawn(PRETRAINING, 0, 2, 3) + _absent(rng, setting)
    study = Study(
        source="micro",
        encoders=ENCODERS,
        conditions=CONDITIONS,
        targets=TARGETS,
        seeds=tuple(range(1, seeds + 1)),
        languages=LANGUAGES,
        tasks={name: task_of(name) for name in TARGETS},
        values=values,
        examples={},
        analysis=AnalysisSettings(TASKS, margin=2.0, level=0.95, fewest_seeds=3),
    )
    return study, truth[..., 0, 0]


def _absent(rng: np.random.Generator, setting: Setting) -> Floats:
    """NaN where a target lacks a language, `<float>[target, 1, language]`: it keeps English and three others."""
    absent = np.zeros((len(TARGETS), 1, len(LANGUAGES)))
    for target in absent:
        count = min(rng.binomial(len(LANGUAGES) - 1, setting.missing), len(LANGUAGES) - 4)
        target[0, 1 + rng.choice(len(LANGUAGES) - 1, count, replace=False)] = np.nan
    return absent


def intervals(study: Study, truth: Floats) -> Iterator[tuple[str, Estimate | None, float]]:
    """Every interval that is printed, with its kind of row and its truth."""
    of = {
        (condition, encoder): truth[i, j]
        for i, encoder in enumerate(ENCODERS)
        for j, condition in enumerate(CONDITIONS)
    }
    mean = {encoder: np.mean([of[task, encoder] for task in TASKS], axis=0) for encoder in ENCODERS}
    first, second = ENCODERS
    for key, one in gains.primary_gains(study).items():
        kind = "primary difference" if len(key) == 2 else "primary gain"
        yield kind, one, (mean[key[0]] - (mean[key[1]] if len(key) == 2 else 0)).mean()
    for (condition, encoder, target), one in gains.main_gains(study).items():
        true = of[condition, encoder]
        yield (
            ("gain of a task", one, true.mean())
            if target == MEAN
            else ("gain on a target", one, true[TARGETS.index(target)])
        )
    for (task, _, target), one in gains.encoder_differences(study).items():
        true = of[task, first] - of[task, second]
        yield (
            ("difference after a task", one, true.mean())
            if target == MEAN
            else ("difference on a target", one, true[TARGETS.index(target)])
        )
    for (task, encoder, control), one in gains.control_contrasts(study).items():
        if control == "mlm":
            yield "contrast with a control", one, (of[task, encoder] - of["mlm", encoder]).mean()
    for encoder in ENCODERS:
        yield "gain on bare targets", gains.gain(study, encoder, TASKS, ("tatoeba",)), mean[encoder][-1]


def coverage(seeds: int, setting: Setting, experiments: int = EXPERIMENTS) -> dict[str, tuple[int, float]]:
    """By kind of row how many intervals there were, and how many of a hundred held the truth."""
    rng = np.random.default_rng(seeds)
    held: dict[str, list[bool]] = {}
    for _ in range(experiments):
        study, truth = experiment(rng, seeds, setting)
        for kind, one, true in intervals(study, truth):
            if one is None or one.low is None or one.high is None:
                raise ValueError(f"{kind}: no interval")
            held.setdefault(kind, []).append(bool(one.low <= true <= one.high))
        for family in (gains.primary_analyses, gains.primary_gains, gains.main_gains, gains.encoder_differences):
            family.cache_clear()  # which would keep every study
        gains.control_contrasts.cache_clear()
    return {kind: (len(found), 100 * sum(found) / len(found)) for kind, found in held.items()}


if __name__ == "__main__":
    with (Path(__file__).parents[1] / "paper/inputs/coverage.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", "setting", "seeds", "experiments", "intervals", "held"])
        for seeds in (3, 10):
            for setting in SETTINGS:
                for kind, (count, held) in coverage(seeds, setting).items():
                    writer.writerow([kind, setting.name, seeds, EXPERIMENTS, count, f"{held:.2f}"])
