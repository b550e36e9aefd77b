"""What makes the comparison fair: size, text seen, steps and learning rates of every encoder."""

from xit.tables import Inputs, Table

ROWS = (
    ("parameters", "parameters", ",.0f"),
    ("of these, embeddings", "embedding_parameters", ",.0f"),
    ("pretraining tokens", "pretraining_tokens", ",.0f"),
    ("pretraining steps", "pretraining_steps", ",.0f"),
    ("masked-LM loss at the end", "pretraining_loss", ".2f"),
    ("peak learning rate, pretraining", "pretraining_learning_rate", "g"),
    ("peak learning rate, tasks", "learning_rate", "g"),
)


def build(inputs: Inputs) -> tuple[Table, ...]:
    """Columns are encoders."""
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
            (label, *(format(float(rows[name][column]), form) if rows[name][column] else "–" for name in encoders))
            for label, column, form in ROWS
        ),
        span="column",
    )
    return (table,)
