"""English validation of a task: the main score, and the mean loss where a score cannot tell, of one forward pass."""

from collections.abc import Callable, Sequence

from torch import Tensor

from xit.core.batches import IGNORED
from xit.core.examples import Example
from xit.core.task import Task
from xit.heads import EncodedExample, EncodingOptions, Format, Row, collate
from xit.modeling.task_model import TaskModel
from xit.scoring.predictions import kind_of
from xit.training.loop import Validation


class _Known:
    """A model whose logits are known for some rows: what `xit.heads` predicts with."""

    def __init__(self, model: TaskModel) -> None:
        self.model = model
        self.known: dict[bytes, Tensor] = {}

    def note(self, rows: Sequence[Row], logits: Tensor) -> None:
        self.known.update(zip(map(_key, rows), logits, strict=True))

    def logits(self, rows: Sequence[Row]) -> list[Tensor]:
        """The logits of each row, in the order given; a row that is new takes a forward pass."""
        new = [row for row in rows if _key(row) not in self.known]
        found = iter(self.model.logits(new))
        return [self.known[_key(row)] if _key(row) in self.known else next(found) for row in rows]


def _key(row: Row) -> bytes:
    return row.input_ids.tobytes() + row.segments.tobytes()


def validation_of(
    model: TaskModel, form: Format, examples: Sequence[Example], options: EncodingOptions, batch_size: int
) -> Callable[[], Validation]:
    """What scores the model on these examples: by the task's main metric, and by the mean loss over their labels."""
    task = options.task
    kind = kind_of(task)
    encoded = sorted(form.encode(_answerable(task, examples), options), key=lambda example: example.length)
    batches = [encoded[begin : begin + batch_size] for begin in range(0, len(encoded), batch_size)]

    def validate() -> Validation:
        known, total, labels = _Known(model), 0.0, 0
        for batch in batches:
            loss, count = _loss(model, form, batch, known)
            total, labels = total + loss * count, labels + count
        predictions = kind.from_model(form.predict(known, examples, options), examples)
        score = kind.score(predictions, kind.gold(examples), "en")[task.metric]
        return Validation(score, total / max(labels, 1))

    return validate


def _loss(model: TaskModel, form: Format, examples: Sequence[EncodedExample], known: _Known) -> tuple[float, int]:
    """The mean loss of a batch and the number of its labels; the logits of its rows are noted."""
    rows = [row for example in examples for row in example.rows]
    batch = collate(rows, model.padding_id)
    batch |= form.labels(examples, batch["input_ids"].shape[1])
    loss, logits = model.loss_and_logits(batch)
    known.note(rows, logits)
    return loss, int((batch["labels"] != IGNORED).sum())


def _answerable(task: Task, examples: Sequence[Example]) -> list[Example]:
    """The examples that have a loss: not a query whose right candidates are not there, nor a tag that no training
    example has."""
    if task.format == "retrieval":
        there = {example["id"] for example in examples if example["role"] == "candidate"}
        return [e for e in examples if e["role"] == "candidate" or there.intersection(e["gold"])]
    return [example for example in examples if set(example.get("tags", ())) <= set(task.labels)]
