"""Fabricated scores, known by construction, and the other inputs of the paper: nothing here was measured."""

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xit.core.scores import Score, write_scores
from xit.core.settings import AnalysisSettings
from xit.core.task import task_of
from xit.paper.inputs import COLUMNS
from xit.stages.paper import paper
from xit.statistics.study import Study, build_study

PAPER = Path(__file__).parents[1] / "paper"
LANGUAGES = ("en", "de", "es", "ru", "hi", "ar", "zh", "sw", "tr", "fi")
NO_ENGLISH = ("tatoeba", "xcopa")
ANALYSIS = AnalysisSettings(intermediates=(), margin=1.0, level=0.95, fewest_seeds=3)


def scores(
    effects: Mapping[str, float] | None = None,
    *,
    encoders: Sequence[str] = ("transformer", "lstm"),
    targets: Sequence[str] = ("xnli", "udpos", "tatoeba"),
    languages: Sequence[str] = LANGUAGES,
    seeds: int = 3,
    noise: float = 0.2,
    source: str = "micro",
) -> list[Score]:
    """Test scores of about 50 (English 70), each condition shifted by its effect, with a little noise."""
    rng = np.random.default_rng(0)
    shifts = {"none": 0.0, "untrained": -20.0, **({"mnli": 3.0, "squad": -2.0} if effects is None else effects)}
    return [
        Score(
            encoder=encoder,
            condition=condition,
            target=target,
            language=language,
            split="test",
            source=source,
            metric=task_of(target).metric,
            seed=seed,
            value=50 + 20 * (language == "en") + shift + rng.normal(0, noise),
            examples=100,
        )
        for encoder in encoders
        for target in targets
        for seed in range(1, seeds + 1)
        for condition, shift in shifts.items()
        for language in languages
        if not (language == "en" and target in NO_ENGLISH)
    ]


def study_of(
    rows: Sequence[Score], analysis: AnalysisSettings = ANALYSIS, unlearnt: Mapping[str, str] | None = None
) -> Study:
    """The scores as the tables take them, in the order in which they come."""
    order = [name for row in rows for name in (row.encoder, row.condition, row.target, row.language)]
    return build_study(rows, {row.target: task_of(row.target) for row in rows}, order, analysis, unlearnt)


def parameters(rows: Sequence[Score]) -> dict[str, Any]:
    """A params.yaml that fits the scores, as far as the paper reads it."""

    def unique(*names: str) -> list[str]:
        return list(dict.fromkeys(names))

    settings = {"steps": 100, "batch_size": 32, "learning_rate": None}
    return {
        "source": rows[0].source,
        "micro": {"train": 1200, "seed": 0},
        "files": {"folder": "/a/folder/somewhere/data", "most_test": 300},
        "languages": {"pretraining": list(LANGUAGES), "evaluation": unique(*(row.language for row in rows))},
        "seeds": sorted({row.seed for row in rows}),
        "grid": {
            "encoders": unique(*(row.encoder for row in rows)),
            "conditions": unique(*(row.condition for row in rows)),
            "targets": unique(*(row.target for row in rows)),
            "bare_targets": [],
        },
        "analysis": dataclasses.asdict(ANALYSIS),
        "encoders": {
            name: {"size": {"layers": 2}, "learning_rate": 0.002} for name in unique(*(r.encoder for r in rows))
        },
        "recipes": {"multitask": {"tasks": ["mnli", "squad"]}, "subset_budget": "steps"},
        "targets": dict.fromkeys(unique(*(row.target for row in rows)), settings),
    }


def write_inputs(folder: Path, rows: Sequence[Score]) -> None:
    """What `collect` would have written."""
    folder.mkdir(parents=True, exist_ok=True)
    write_scores(folder / "scores.csv", rows)
    source = rows[0].source
    audit = [
        (target, split, language, source, 100, f"{target}{split}{language}", 1, 0)
        for target in dict.fromkeys(row.target for row in rows)
        for split, languages in (("train", ["en"]), ("test", dict.fromkeys(row.language for row in rows)))
        for language in languages
    ]
    encoders = [
        (name, 200_000 + 5_000 * i, 90_000, 3_000_000, 900, 1.5, 0.007, 0.002)
        for i, name in enumerate(dict.fromkeys(row.encoder for row in rows))
    ]
    cells = dict.fromkeys((row.encoder, row.condition, row.target, row.seed) for row in rows)
    training = [("finetune", *cell, 100, 80, 60.0 if cell[1] == "untrained" else 90.0, 0.002, "") for cell in cells]
    curves = [
        ("pretrain", name, "", "", 1, step, 5 - step / 200, "") for name, *_ in encoders for step in (200, 400, 600)
    ]
    for cell in cells:
        curves += [
            ("finetune", *cell, 40, 1.0, ""),
            ("finetune", *cell, 50, 0.75, 60.0),
            ("finetune", *cell, 100, 0.5, 80.0),
        ]
    made = {"audit": audit, "curves": curves, "encoders": encoders, "training": training}
    for name, lines in made.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS[name])
            writer.writerows(lines)


def make_paper(folder: Path, rows: Sequence[Score], main: Path = PAPER / "main.typ") -> list[str]:
    """Inputs, tables, figures and the PDF, all below a folder."""
    write_inputs(folder, rows)
    out, pdf = folder / "generated", folder / "main.pdf"
    return paper(folder / "scores.csv", folder, parameters(rows), out, main, pdf)
