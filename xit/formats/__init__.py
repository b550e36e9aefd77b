"""What the examples and predictions of each format of task are; one format a file, without tensors.

A file holds a class `Format`: the columns of an example and what can be wrong with them, the files of predictions and
of gold in the benchmark's submission layout (google-research/xtreme: evaluate.py), the score, and how either is shown.
The file of the same name in `xit.heads` says what the examples are as tensors, with which head, and how its output is
decoded. Nothing else knows one format from another.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from xit.core import registry
from xit.core.errors import counted, near
from xit.core.examples import Example
from xit.core.task import Task
from xit.formats import _metrics
from xit.formats._submission import SubmissionFile

if TYPE_CHECKING:
    from numpy.random import Generator


class LostError(Exception):
    """An example cannot be carried over into another language, for a reason that the audit counts."""


class Translation(Protocol):
    """The translation of the texts of an example into one language."""

    def text(self, text: str) -> str:
        """A text.

        Raises:
            LostError: it has no translation.
        """

    def marked(self, text: str, start: int, end: int) -> tuple[str, str, int]:
        """A text, what its characters from `start` to `end` became, and where that begins.

        Raises:
            LostError: it has no translation, or what was marked did not come back.
        """


class Format:
    """The examples and predictions of the tasks of one format.

    Here predictions are a list with an entry for each example, as is the gold, and an example has the column `label`.

    Attributes:
        task: The task.
        columns: Those of an example beside `id` and `language`, and what each holds.
        text_columns: Those that are its text, which a model gets to see.
        unique_columns: Those of them that should not recur in another split even alone.
        texts: How many texts a row of tokens holds.
        has_labels: Whether the answers are labels of the task.
        has_candidates: Whether some examples are candidates, among which the answers to the others are.
        has_example_scores: Whether the score is the mean over examples, so that each has a score of its own.
        extension: That of the files of predictions.
        untranslatable: Why no model can carry labels over into another language; empty where one can.
    """

    columns: ClassVar[Mapping[str, str]]
    text_columns: ClassVar[tuple[str, ...]]
    unique_columns: ClassVar[tuple[str, ...]]
    texts = 1
    has_labels = False
    has_candidates = False
    has_example_scores = True
    extension = "tsv"
    untranslatable = "nobody has said what becomes of its labels"

    def __init__(self, task: Task) -> None:
        self.task = task

    @classmethod
    def of(cls, task: Task) -> "Format":
        """The format of a task, of which the task may ask for a variant."""
        return cls(task)

    # Examples

    def faults(self, example: Example) -> list[str]:
        """What is wrong with an example, in words; empty for a good one."""
        return empty(example, *self.text_columns)

    def lengths(self, example: Example) -> dict[str, int]:
        """How long an example is, by what is measured: `length` is that of its text, in characters or words."""
        return {"length": sum(len(example[name]) for name in self.text_columns)}

    def shuffled(self, examples: Sequence[Example], generator: "Generator") -> list[Example]:
        """The same examples with one another's labels, so that nothing can be learnt from them but how labels lie."""
        order = generator.permutation(len(examples))
        return [{**example, "label": examples[other]["label"]} for example, other in zip(examples, order, strict=True)]

    def translated(self, example: Example, translation: Translation) -> dict[str, Any]:
        """The columns of an example that differ in another language; of a format that is not `untranslatable`.

        Raises:
            LostError: the label cannot be carried over.
        """
        return {name: translation.text(example[name]) for name in self.text_columns}

    def answerable(self, examples: Sequence[Example]) -> Sequence[Example]:
        """The examples whose answer can be learnt from the training examples, so that they have a loss."""
        return examples

    def named(self, examples: Sequence[Example]) -> Sequence[Example]:
        """Test examples of all languages as their predictions name them."""
        return examples

    def shown(self, example: Example) -> dict[str, str]:
        """The texts of an example as a reader sees them, by their names; not those that stand in the answers."""
        return {name.replace("_", " "): example[name] for name in self.text_columns}

    def facts(self) -> dict[str, str]:
        """What the protocol of a task says of it beside what all tasks have."""
        return {}

    # Predictions

    def from_model(self, predictions: Any, examples: Sequence[Example]) -> Any:
        """What `xit.heads` predicts for the examples of a language, as it is submitted."""
        return predictions

    def text(self, predictions: Any) -> str:
        """The content of the file of predictions."""
        return "".join(f"{value}\n" for value in predictions)

    def parse(self, file: SubmissionFile) -> Any:
        """The predictions of a file; what is wrong with them is added to the file's faults."""
        file.check_labels(enumerate(file.lines, 1), self.task.labels)
        return file.lines

    def gold(self, examples: Sequence[Example]) -> Any:
        """The right answers to the test examples of a language."""
        return [example["label"] for example in examples]

    def gold_text(self, examples: Sequence[Example]) -> str:
        """The content of the file of gold."""
        return self.text(self.gold(examples))

    def parse_gold(self, file: SubmissionFile) -> Any:
        """The gold of a file; what is wrong with it is added to the file's faults."""
        return self.parse(file)

    def check(self, predictions: Any, gold: Any, language: str) -> list[str]:
        """What is wrong with predictions beside their gold."""
        return (
            []
            if len(predictions) == len(gold)
            else [f"{counted(len(predictions), 'line')}; the gold has {len(gold):,}."]
        )

    @property
    def reported(self) -> tuple[str, ...]:
        """The metrics that evaluation keeps and tables show."""
        return (self.task.metric,)

    def score(self, predictions: Any, gold: Any, language: str) -> dict[str, float]:
        """The metrics of checked predictions, from 0 to 100."""
        return {"accuracy": _metrics.accuracy(predictions, gold)}

    def chance(self, examples: Sequence[Example]) -> float:
        """The main metric of having learned nothing: that of the best answer to English examples that ignores them."""
        gold = self.gold(examples)
        return max(self.score(said, gold, "en")[self.task.metric] for said in self.blind(examples, gold))

    def blind(self, examples: Sequence[Example], gold: Any) -> Iterable[Any]:
        """Predictions that ignore the input. Here the label, or the place, that is right most often."""
        yield [Counter(gold).most_common(1)[0][0]] * len(gold)

    def unanswered(self, predictions: Any, gold: Any) -> int:
        """How many examples have no prediction."""
        return 0

    def part(self, predictions: Any, gold: Any, numbers: Sequence[int]) -> tuple[Any, Any]:
        """The predictions and the gold of some examples, by their numbers among those that were asked."""
        return [predictions[number] for number in numbers], [gold[number] for number in numbers]

    def example_scores(self, predictions: Any, gold: Any, language: str) -> list[float]:
        """The task's metric of each example by itself."""
        parts = (self.part(predictions, gold, [number]) for number in range(len(gold)))
        return [self.score(*part, language)[self.task.metric] for part in parts]

    def as_texts(self, predictions: Any, asked: Sequence[Example], texts: Mapping[str, str]) -> list[str]:
        """Predictions as a reader sees them, one for each example that was asked; empty where there is none.

        `texts` are those of the candidates by their ids, in the order of the candidates.
        """
        return list(predictions)

    def gold_as_texts(self, example: Example, texts: Mapping[str, str]) -> tuple[str, ...]:
        """The right answers to an example as a reader sees them."""
        return tuple(self.as_texts(self.gold([example]), [example], texts))


def format_of(task: Task) -> Format:
    """The format of a task.

    Raises:
        ConfigError: there is none of that name.
    """
    found: Format = registry.load("formats", task.format).Format.of(task)
    return found


def empty(example: Example, *columns: str) -> list[str]:
    """A fault for each of the texts that is empty."""
    return [f"{column} is empty." for column in columns if not example[column].strip()]


def unknown(what: str, labels: Sequence[str], task: Task) -> list[str]:
    """A fault for each label that the task does not have; a task without labels has any."""
    return [
        f"{what} {label!r} is unknown.{near(label, task.labels)} Known: {', '.join(task.labels)}."
        for label in labels
        if task.labels and label not in task.labels
    ]
