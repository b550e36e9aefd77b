"""What makes the comparison fair: size, weights, text seen, steps, trials and learning rates of every encoder."""

import itertools
from collections.abc import Sequence

from xit.paper.inputs import Inputs, Row
from xit.paper.render import Table
from xit.statistics import rates

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
    trials = [
        ("trials of learning rates", *(_trials(inputs, name) for name in encoders)),
        ("best in trials, pretraining", *(_best(inputs, name) for name in encoders)),
    ]
    tried = trials if _is_said(trials[1]) else trials[:1]
    parts = [measured(SIZE), measured(PRETRAINING), [row for row in tasks if _is_said(row)], tried + measured(RATES)]
    table = Table(
        name="encoders",
        title=f"The encoders ({inputs.label})",
        caption=(
            "Heads, data and batches on tasks are the same for all. Steps and tokens of a task are means over "
            "trainings, tokens without padding. Trials are those of `xit tune` on this source, of rates of pretraining "
            "+ of tasks, judged on English validation; without any, rates are as set. A task may have a rate of its "
            "own. Made by `xit paper` from results/encoders.csv, results/training.csv and paper/inputs/tuning.csv."
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


def _trials(inputs: Inputs, encoder: str) -> str:
    keys = [(row["source"], row["encoder"], row["phase"]) for row in inputs.tuning]
    counts = [keys.count((inputs.study.source, encoder, phase)) for phase in PHASES]
    return " + ".join(map(str, counts)) if any(counts) else "–"


def _best(inputs: Inputs, encoder: str) -> str:
    """The rate of pretraining that was best in trials."""
    found = rates.tried(inputs.tuning, inputs.study.source, encoder, "")
    return f"{rates.best(found):g}" if found else "–"
