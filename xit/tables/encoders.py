"""What makes the comparison fair: size, text seen, steps and learning rates of every encoder."""

from xit.tables import Inputs, Table

ROWS = (
    ("parameters", "parameters", ",.0f"),
    ("of these, embeddings", "embedding_parameters", ",.0f"),
    ("of these, not trained", "frozen_parameters", ",.0f"),
    ("weights", "weights", ""),
    ("licence of the weights", "licence", ""),
    ("languages of the weights", "languages", ",.0f"),
    ("vocabulary", "vocabulary", ""),
    ("pretraining tokens", "pretraining_tokens", ",.0f"),
    ("pretraining steps", "pretraining_steps", ",.0f"),
    ("masked-LM loss at the end", "pretraining_loss", ".2f"),
    ("peak learning rate, pretraining", "pretraining_learning_rate", "g"),
    ("peak learning rate, tasks", "learning_rate", "g"),
)


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Columns are encoders; what is said of none is left out, as is where weights are from where all were random."""
    rows = {row["encoder"]: row for row in inputs.encoders}
    encoders = [name for name in inputs.study.encoders if name in rows]
    table = Table(
        name="encoders",
        title=f"The encoders ({inputs.label})",
        caption=(
            "Heads, data, batches and steps on tasks are the same for all. Learning rates were searched with the same "
            "budget on English validation for transformer and lstm in the default profile; others are taken from them. "
            "Means over seeds. Made by `xit paper` from results/encoders.csv."
        ),
        columns=("", *encoders),
        rows=tuple(
            (label, *(_shown(rows[name].get(column), form) for name in encoders))
            for label, column, form in ROWS
            if {rows[name].get(column) for name in encoders} - {None, "", "random"}
        ),
        span="column",
    )
    return (table,)


def _shown(value: str | None, form: str) -> str:
    """A number in its form; of a released encoder's commit the beginning."""
    if not value:
        return "–"
    if form:
        return format(float(value), form)
    name, _, commit = value.partition("@")
    return f"{name}@{commit[:7]}" if commit else name
