"""English validation of a task: the main score, and the mean loss where a score cannot tell, of one forward pass."""

import math
from collections.abc import Callable, Sequence

from torch import Tensor

from xit.core.batches import IGNORED
from xit.core.examples import Example
from xit.formats import format_of
from xit.heads import EncodedExample, EncodingOptions, FormatHead, Row, collate, passes_of
from xit.modeling.task_model import TaskModel
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
    model: TaskModel,
    head: FormatHead,
    examples: Sequence[Example],
    options: EncodingOptions,
    batch_size: int,
    most_tokens: int | None = None,
) -> Callable[[], Validation]:
    """What scores the model on these examples: by the task's main metric, and by the mean loss over their labels.

    A forward pass has `batch_size` examples, fewer where these are more than `most_tokens`.
    """
    form = format_of(options.task)
    encoded = sorted(head.encode(form.answerable(examples), options), key=lambda example: example.length)
    steps = [encoded[begin : begin + batch_size] for begin in range(0, len(encoded), batch_size)]
    sizes = [-(-len(step) // passes_of(step, most_tokens)) if most_tokens else batch_size for step in steps]
    batches = [step[i : i + size] for step, size in zip(steps, sizes, strict=True) for i in range(0, len(step), size)]

    def validate() -> Validation:
        known, total, labels = _Known(model), 0.0, 0
        for batch in batches:
            loss, count = _loss(model, head, batch, known)
            total, labels = total + loss * count, labels + count
        predictions = form.from_model(head.predict(known, examples, options), examples)
        score = form.score(predictions, form.gold(examples), "en")[options.task.metric]
        return Validation(score, total / max(labels, 1))

    return validate


def _loss(model: TaskModel, head: FormatHead, examples: Sequence[EncodedExample], known: _Known) -> tuple[float, int]:
    """The mean loss of a batch and the number of its labels; the logits of its rows are noted."""
    rows = [row for example in examples for row in example.rows]
    batch = collate(rows, model.padding_id)
    batch |= head.labels(examples, batch["input_ids"].shape[1])
    loss, logits = model.loss_and_logits(batch)
    known.note(rows, logits)
    return loss, int((batch["labels"] != IGNORED).sum())


def is_failure(score: float, by_chance: float, examples: int) -> bool:
    """Whether a score, from 0 to 100, is not above chance by two standard errors.

    The standard error of a mean of so many values between 0 and 1 is at most sqrt(score · (1 - score) / examples).

    Examples:
        >>> is_failure(40.0, 35.0, 200), is_failure(45.0, 35.0, 200), is_failure(100.0, 35.0, 200)
        (True, False, False)
    """
    share = score / 100
    return score - by_chance <= 200 * math.sqrt(max(share * (1 - share), 0.0) / max(examples, 1))
