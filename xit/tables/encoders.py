"""What makes the comparison fair: size, weights, text seen, steps, trials and learning rates of every encoder."""

import itertools
from collections.abc import Sequence

from xit.paper.inputs import Inputs, Row
from xit.paper.render import Table

SIZE = (
    ("parameters", "parameters", ",.0f"),
    ("of these, embeddings", "embedding_parameters", ",.0f"),
    ("of these, not trained", "frozen_parameters", ",.0f"),
    ("weights", "weights", ""),
    ("licence of the weights", "licence", ""),
    ("languages of the weights", "languages", ",.0f"),
    ("vocabulary", "vocabulary", ""),
)
PRETRAINING = (
    ("pretraining steps", "pretraining_steps", ",.0f"),
    ("pretraining tokens", "pretraining_tokens", ",.0f"),
    ("masked-LM loss at the end", "pretraining_loss", ".2f"),
)
RATES = (
    ("peak learning rate, pretraining", "pretraining_learning_rate", "g"),
    ("peak learning rate, tasks", "learning_rate", "g"),
)
STAGES = (("intermediate training", "intermediate"), ("fine-tuning", "finetune"))
PHASES = ("pretraining", "tasks")


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Columns are encoders; what is said of none is left out, as is where weights are from where all were random."""
    rows = {row["encoder"]: row for row in inputs.encoders}
    encoders = [name for name in inputs.study.encoders if name in rows]

    def measured(what: Sequence[tuple[str, str, str]]) -> list[tuple[str, ...]]:
        return [
            (label, *(_shown(rows[name].get(column), form) for name in encoders))
            for label, column, form in what
            if {rows[name].get(column) for name in encoders} - {None, "", "random"}
        ]

    tasks = [
        (f"{label}: {what} a task", *(_mean(inputs.training, stage, name, what) for name in encoders))
        for label, stage in STAGES
        for what in ("steps", "tokens")
    ]
    trials = [("trials of learning rates", *(_trials(inputs, name) for name in encoders))]
    best = [
        (f"best in trials, {phase}", *(_best(_tried(inputs, name, phase)) for name in encoders)) for phase in PHASES
    ]
    tried = trials + (best if any(map(_is_said, best)) else [])
    parts = [measured(SIZE), measured(PRETRAINING), [row for row in tasks if _is_said(row)], tried + measured(RATES)]
    table = Table(
        name="encoders",
        title=f"The encoders ({inputs.label})",
        caption=(
            "Heads, data and batches on tasks are the same for all. Steps and tokens of a task are means over "
            "trainings, tokens without padding. Trials are those of `xit tune` on this source, of rates of pretraining "
            "+ of tasks, judged on English validation; without any, rates are as set. Made by `xit paper` from "
            "results/encoders.csv, results/training.csv and paper/inputs/tuning.csv."
        ),
        columns=("", *encoders),
        rows=tuple(itertools.chain(*parts)),
        sections=tuple(itertools.accumulate(len(part) for part in parts[:-1])),
        span="column",
    )
    return (table,)


def _is_said(row: Sequence[str]) -> bool:
    return set(row[1:]) != {"–"}


def _shown(value: str | None, form: str) -> str:
    """A number in its form; of a released encoder's commit the beginning."""
    if not value:
        return "–"
    if form:
        return format(float(value), form)
    name, _, commit = value.partition("@")
    return f"{name}@{commit[:7]}" if commit else name


def _mean(training: Sequence[Row], stage: str, encoder: str, what: str) -> str:
    """Over the trainings of an encoder in a stage; nothing where that was not written down."""
    values = [row.get(what) for row in training if (row["stage"], row["encoder"]) == (stage, encoder)]
    numbers = [float(value) for value in values if value]
    return format(sum(numbers) / len(numbers), ",.0f") if numbers and len(numbers) == len(values) else "–"


def _tried(inputs: Inputs, encoder: str, phase: str) -> list[Row]:
    key = (inputs.study.source, encoder, phase)
    return [row for row in inputs.tuning if (row["source"], row["encoder"], row["phase"]) == key]


def _trials(inputs: Inputs, encoder: str) -> str:
    counts = [len(_tried(inputs, encoder, phase)) for phase in PHASES]
    return " + ".join(map(str, counts)) if any(counts) else "–"


def _best(trials: Sequence[Row]) -> str:
    """The rate of the lowest mean loss, or of the highest mean score."""
    by_rate: dict[str, list[float]] = {}
    for row in trials:
        sign = -1 if row["metric"] == "loss" else 1
        by_rate.setdefault(row["learning_rate"], []).append(sign * float(row["validation_score"]))
    means = {rate: sum(values) / len(values) for rate, values in by_rate.items()}
    return f"{float(max(means, key=means.__getitem__)):g}" if means else "–"
