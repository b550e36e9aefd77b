"""The data sets of the experiment, one a file; the file's name is the benchmark's own id of it.

What two tasks share is a format (`xit.formats`); a task file holds only what no other task file holds.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from xit.core import registry

Split = Literal["train", "validation", "test"]


@dataclasses.dataclass(frozen=True)
class Files:
    """Where the published files of a split lie in a data folder, and how to read them.

    Attributes:
        reader: A function of `xit.sources.readers`.
        path: Below the data folder; `{language}` (and `{iso3}`) are filled in.
        rows: The part of the rows that this split takes, `(first, last)` as fractions of the file from 0 to 1: where
            only one labelled file exists, or a file is parallel across languages, the splits share no row.
        options: Further keyword arguments of the reader.
        count: The published number of records of the file, of all languages or of each, where a file that was cut off
            between two records could not be told otherwise; None where none is known.
        beside: Further files that the reader reads, but those of the task's other languages.
        url: The publisher's address of the file, with the same places for codes; `archive!member` in a zip archive.
            Files beside it lie beside it there too.
    """

    reader: str
    path: str
    rows: tuple[float, float] = (0.0, 1.0)
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    count: int | Mapping[str, int] | None = None
    beside: tuple[str, ...] = ()
    url: str = ""


@dataclasses.dataclass(frozen=True)
class Hub:
    """Where a split lies on the Hugging Face Hub, and how to read it; ids and columns as of autumn 2026.

    Attributes:
        reader: A function of `xit.sources.hub_rows` or of `xit.sources.readers`.
        repository: `owner/name@commit`; without `@commit` the branch main as it is on arrival, told as not pinned.
            Several, with blanks between, are tried in order, and have the same layout. Or the address of a published
            file, as its reader in `xit.sources.readers` wants it; it has neither split nor columns.
        split: `configuration/split`, or the path of a file, in which `*` stands for any characters; `{language}`,
            `{iso3}` and `{name}` (the language in English) are filled in.
        columns: What the reader reads, as `field` or `field:column` where the column has another name.
        count: The published number of rows, of all languages or of each; None where none is known.
        labels: What the numbers of a label column stand for, in order, should the file not say so itself; `-` where
            only the file can say it.
        rows: The part of the rows that this split takes, as in `Files`.
        only: A column, and how its text begins, in lower case, in the rows that count.
        options: Further keyword arguments of the reader.
        language: With which language it is read, where it is one for all: a pool of candidates; else with every one.
        fallbacks: Places of another layout, tried in order where this one does not have the split.
        counted: A field of lists whose entries `count` counts, where one row holds everything; else rows are counted.
    """

    reader: str
    repository: str
    split: str = ""
    columns: str = ""
    count: int | Mapping[str, int] | None = None
    labels: str = ""
    rows: tuple[float, float] = (0.0, 1.0)
    only: tuple[str, str] | None = None
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    language: str = ""
    fallbacks: "tuple[Hub, ...]" = ()
    counted: str = ""


@dataclasses.dataclass(frozen=True)
class Stream:
    """Examples of the micro source which several tasks share: all that name the same stream get the same ones.

    Attributes:
        task: The id of the task whose own stream it is.
        micro: That task's generator.
        published: Published examples; where a split has several streams, they are mixed in these proportions.
        choices: Multiple choice: how many that task's examples have.
    """

    task: str
    micro: str
    published: int
    choices: int = 0


@dataclasses.dataclass(frozen=True)
class Task:
    """The facts of one data set.

    Attributes:
        title: Its name as the papers print it.
        format: The file of `xit.formats` that says what its examples and predictions are, and that of `xit.heads`.
        metric: The main metric, one of those that the format scores.
        languages: ISO codes of the benchmark's languages, English first where it is among them.
        micro: The generator of `xit.micro.generators` that makes its micro counterpart.
        streams: Splits whose examples are, all or some of them, those of other tasks, and of which: MNLI's training
            set is XNLI's. The micro source draws such a split from these streams, every other from the task's own.
        files: The published files, per split; a split that is missing cannot be had from files.
        hub: The same on the Hugging Face Hub.
        labels: The label set of classification and tagging, in the benchmark's order.
        group: Its group in XTREME-R, or that it would have there; None for a task that is only an intermediate one.
        is_trained: False for retrieval by the bare encoder, without training on the task.
        pool: Retrieval: whether a query is ranked against the candidates of its own language or of all.
        has_unanswerable: Span: whether "no answer" is an answer (SQuAD 2.0).
        answer_rules: Span: how answers are normalised, by the rules of SQuAD or those of MLQA per language.
        placeholder: A text that stands for one that is missing, or "" where none does.
        published: Examples of the published splits, in each language or by language: what an audit compares with.
        faults: What is known to be wrong with the published data.
        citation: Paper and arXiv number.
        licence: The licence of the published data.
        record: One invented example in the schema of the format.
        id: The name of its file; `task_of` fills it in.
    """

    title: str
    format: str
    metric: str
    languages: tuple[str, ...]
    micro: str
    citation: str
    licence: str
    record: Mapping[str, Any]
    files: Mapping[Split, tuple[Files, ...]] = dataclasses.field(default_factory=dict)
    hub: Mapping[Split, tuple[Hub, ...]] = dataclasses.field(default_factory=dict)
    streams: Mapping[Split, tuple[Stream, ...]] = dataclasses.field(default_factory=dict)
    labels: tuple[str, ...] = ()
    group: str | None = None
    is_trained: bool = True
    pool: Literal["language", "all"] = "language"
    has_unanswerable: bool = False
    answer_rules: Literal["squad", "mlqa"] = "squad"
    placeholder: str = ""
    published: Mapping[Split, int | Mapping[str, int]] = dataclasses.field(default_factory=dict)
    faults: tuple[str, ...] = ()
    id: str = ""

    def with_labels(self, labels: tuple[str, ...]) -> "Task":
        """The task with these labels, of a head or of the data, where it has none of its own (CCG)."""
        return self if self.labels else dataclasses.replace(self, labels=labels)

    @property
    def in_training(self) -> "Task":
        """The task as training reads it: answers on English validation are normalised by SQuAD's rules, for that is
        what they are of; MLQA's are the same in English but for punctuation that is not ASCII."""
        return dataclasses.replace(self, answer_rules="squad")

    def streams_of(self, split: Split) -> tuple[Stream, ...]:
        """The streams of the micro source that a split is drawn from."""
        return self.streams.get(split) or (Stream(self.id, self.micro, 1, len(self.record.get("choices", ()))),)

    @property
    def is_mined(self) -> bool:
        """Retrieval: whether what is asked for are pairs, so that a query may have no right candidate (BUCC)."""
        return self.format == "retrieval" and self.metric == "f1"

    @property
    def is_aligned(self) -> bool:
        """Retrieval: whether each query has one candidate, named by its row (Tatoeba)."""
        return self.format == "retrieval" and self.metric == "accuracy"


def task_of(task_id: str) -> Task:
    """The task of an id.

    Raises:
        ConfigError: there is no such task; the message lists those that exist and the nearest one.
    """
    task: Task = registry.load("tasks", task_id).task
    return dataclasses.replace(task, id=task_id)


NEARNESS = ("same data", "same generator", "same format", "other")
Nearness = Literal["same data", "same generator", "same format", "other"]
"""How near the training data of an intermediate task are to those of a target, the nearest first."""

_FORMS = {"continuation": "cause", "unanswerable": "questions"}
"""Generators most of whose examples have the forms of another one's."""


def nearness(intermediate: Task, target: Task, source: str) -> Nearness:
    """How near two tasks are by what they train on; a task without training is near to none.

    `same data`: some training examples are in both. `same generator`: no example is, but the micro source makes both
    by the same rules. `same format`: a head of the same kind. `source` is where the data are from: XQuAD trains on
    SQuAD in the micro source and from the Hub, but on TyDiQA from files.

    Examples:
        >>> nearness(task_of("mnli"), task_of("xnli"), "micro"), nearness(task_of("qqp"), task_of("pawsx"), "micro")
        ('same data', 'same generator')
        >>> nearness(task_of("ccg"), task_of("udpos"), "micro"), nearness(task_of("ccg"), task_of("xnli"), "micro")
        ('same format', 'other')
    """
    if not (intermediate.is_trained and target.is_trained):
        return "other"
    if _training_data(intermediate, source) & _training_data(target, source):
        return "same data"
    if source == "micro" and _forms(intermediate) & _forms(target):
        return "same generator"
    return "same format" if intermediate.format == target.format else "other"


def _training_data(task: Task, source: str) -> set[str]:
    """The names of the streams, files or places of the Hub that a task trains on."""
    if source == "micro":
        return {stream.task for stream in task.streams_of("train")}
    if source == "files":
        return {file.path.format(language="en", iso3="eng") for file in task.files.get("train", ())}
    return {f"{place.repository.split('@')[0]} {place.split}" for place in task.hub.get("train", ())}


def _forms(task: Task) -> set[str]:
    return {_FORMS.get(stream.micro, stream.micro) for stream in task.streams_of("train")}


def trains_alike(one: Task, other: Task, source: str) -> bool:
    """Whether a model of one target is one of the other too: its data and its head are the same.

    Examples:
        >>> [trains_alike(task_of("xquad"), task_of(name), "hub") for name in ("mlqa", "lareqa")]
        [True, False]
    """
    read = [[getattr(task.in_training, key) for key in READ_BY_MODELS] for task in (one, other)]
    splits: tuple[Split, ...] = ("train", "validation")
    if source == "micro":
        data = [[task.streams_of(split) for split in splits] for task in (one, other)]
    else:
        data = [[getattr(task, source).get(split) for split in splits] for task in (one, other)]
    return read[0] == read[1] and data[0] == data[1]


READ_BY_MODELS = (
    "answer_rules",
    "format",
    "has_unanswerable",
    "is_aligned",
    "is_mined",
    "is_trained",
    "labels",
    "metric",
    "pool",
)
"""What training and evaluation read of a task: these values stand in the lineage of a model, the others do not."""

_SQUAD = "rajpurkar/squad@7b6d24c440a36b6815f21b70d25016731768db1f"
_COLUMNS = "id question context answers"
SQUAD: Mapping[Split, tuple[Hub, ...]] = {
    "train": (Hub("squad", _SQUAD, "plain_text/train", _COLUMNS, 87_599),),
    "validation": (Hub("squad", _SQUAD, "plain_text/validation", _COLUMNS, 10_570),),
}
"""SQuAD 1.1 on the Hub, on which four tasks train."""

SQUAD_STREAMS: Mapping[Split, tuple[Stream, ...]] = {
    "train": (Stream("squad", "questions", 87_599),),
    "validation": (Stream("squad", "questions", 10_570),),
}
"""The same in the micro source."""
