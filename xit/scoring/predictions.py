"""What the predictions of a task are: one class for each kind, in memory, in a file, beside the gold, and as text.

The files are those of the benchmark's submission layout, `<folder>/<task>/test-<language>.<extension>`
(google-research/xtreme: evaluate.py), with LAReQA, which it has no reader for, as Mewsli-X. The gold of a task has the
same kind of file, but that of questions is as SQuAD writes it.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core.errors import DataError
from xit.core.examples import Example
from xit.core.files import atomic
from xit.core.task import Task
from xit.scoring import metrics
from xit.scoring.submission import SubmissionFile, counted, json_line, shortened, some

PREDICTIONS, CENTERED_PREDICTIONS = "predictions", "predictions-centered"
"""The folders of an evaluation: what a checkpoint predicts, and what a bare encoder does by centred vectors."""


class Kind:
    """The predictions of one kind of task. Here they are a list with an entry for each example; so is the gold.

    Attributes:
        task: The task.
        extension: That of the files.
        has_example_scores: Whether the score is the mean over examples, so that each has a score of its own.
    """

    extension = "tsv"
    has_example_scores = True

    def __init__(self, task: Task) -> None:
        self.task = task

    @property
    def reported(self) -> tuple[str, ...]:
        """The metrics that evaluation keeps and tables show."""
        return (self.task.metric,)

    def from_model(self, predictions: Any, examples: Sequence[Example]) -> Any:
        """What the task's format predicts for the examples of a language (`xit.heads`), as it is submitted."""
        return predictions

    def text(self, predictions: Any) -> str:
        """The content of the file of predictions."""
        return "".join(f"{value}\n" for value in predictions)

    def parse(self, file: SubmissionFile) -> Any:
        """The predictions of a file; what is wrong with them is added to the file's faults."""
        raise NotImplementedError

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

    def score(self, predictions: Any, gold: Any, language: str) -> dict[str, float]:
        """The metrics of checked predictions, from 0 to 100."""
        return {"accuracy": metrics.accuracy(predictions, gold)}

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
        """The right answers to an example as a reader sees them; of candidates those that have a text."""
        if "gold" in example:
            return tuple(texts[name] for name in example["gold"] if name in texts)
        return tuple(self.as_texts(self.gold([example]), [example], texts))


class Labels(Kind):
    """Classification: `list[str]`, a label for each example."""

    def parse(self, file: SubmissionFile) -> list[str]:
        file.check_labels(enumerate(file.lines, 1), self.task.labels)
        return file.lines


class Tags(Kind):
    """Tagging: `list[list[str]]`, a tag for each word of each sentence. A blank line ends a sentence."""

    has_example_scores = False

    @property
    def reported(self) -> tuple[str, ...]:
        return ("f1", "accuracy")

    def text(self, predictions: Sequence[Sequence[str]]) -> str:
        return "".join("".join(f"{tag}\n" for tag in tags) + "\n" for tags in predictions)

    def parse(self, file: SubmissionFile) -> list[list[str]]:
        file.check_labels(((number, tag) for number, tag in enumerate(file.lines, 1) if tag), self.task.labels)
        sentences: list[list[str]] = [[]]
        for line in file.lines:
            sentences[-1].append(line) if line else sentences.append([])
        return sentences if sentences[-1] else sentences[:-1]

    def gold(self, examples: Sequence[Example]) -> list[list[str]]:
        return [list(example["tags"]) for example in examples]

    def parse_gold(self, file: SubmissionFile) -> list[list[str]]:
        gold = self.parse(file)
        return gold if any(gold) else []

    def check(self, predictions: Any, gold: Any, language: str) -> list[str]:
        empty = [number for number, tags in enumerate(predictions, 1) if not tags]
        blank = f" Sentence {empty[0]} has no tag: every blank line ends a sentence." if empty else ""
        if len(predictions) != len(gold):
            return [f"{counted(len(predictions), 'sentence')}; the gold has {len(gold):,}.{blank}"]
        uneven = [number for number, (p, g) in enumerate(zip(predictions, gold, strict=True)) if len(p) != len(g)]
        if not uneven:
            return []
        number = uneven[0]
        line = 1 + sum(len(tags) + 1 for tags in predictions[:number])
        others = f" (and {len(uneven) - 1} more differ)" if len(uneven) > 1 else ""
        counts = f"{counted(len(predictions[number]), 'tag')}; the gold has {counted(len(gold[number]), 'word')} there"
        return [f"sentence {number + 1}, from line {line}, has {counts}{others}.{blank}"]

    def score(self, predictions: Any, gold: Any, language: str) -> dict[str, float]:
        spans = metrics.span_overlap(predictions, gold, metrics.spans_of(self.task.labels))
        return {**spans._asdict(), "accuracy": metrics.token_accuracy(predictions, gold)}

    def as_texts(self, predictions: Any, asked: Sequence[Example], texts: Mapping[str, str]) -> list[str]:
        return [_tagged(example["words"], tags) for example, tags in zip(asked, predictions, strict=True)]


class Choices(Kind):
    """Multiple choice: `list[int]`, the number of a choice, from 0, for each example. A line is `{"label": 0}`."""

    extension = "jsonl"

    def text(self, predictions: Sequence[int]) -> str:
        return "".join(json.dumps({"label": label}) + "\n" for label in predictions)

    def parse(self, file: SubmissionFile) -> list[int]:
        labels = file.each_line(_label, 'as {"label": 0}')
        known = [str(number) for number in range(len(self.task.record["choices"]))] if self.task.record else []
        if len(labels) == len(file.lines):
            file.check_labels(enumerate(map(str, labels), 1), known)
        return labels

    def as_texts(self, predictions: Any, asked: Sequence[Example], texts: Mapping[str, str]) -> list[str]:
        return [example["choices"][number] for example, number in zip(asked, predictions, strict=True)]


class ById(Kind):
    """Predictions are a mapping from ids; gold is `list[tuple[str, list[str]]]`, ids and their right answers."""

    extension = "json"

    def text(self, predictions: Mapping[str, Any]) -> str:
        if not isinstance(predictions, Mapping):
            raise TypeError(f"predictions of {self.task.format} do not come as a {type(predictions).__name__}")
        return json.dumps(predictions, ensure_ascii=False) + "\n"

    def check(self, predictions: Any, gold: Any, language: str) -> list[str]:
        known = {name for name, _ in gold}
        unknown = [name for name in predictions if name not in known]
        return [f"{some(unknown)}: no such id in the gold."] if unknown else []

    def unanswered(self, predictions: Any, gold: Any) -> int:
        return sum(name not in predictions for name, _ in gold)

    def part(self, predictions: Any, gold: Any, numbers: Sequence[int]) -> tuple[Any, Any]:
        return predictions, [gold[number] for number in numbers]


class Answers(ById):
    """Questions: `dict[str, str]`, an answer for each id. The gold of TyDiQA has ids that repeat.

    The main metric is the benchmark's task score, `em_f1`: the mean of exact match and F1. Training chooses its
    checkpoint by it too, as nyu-mll/jiant does (jiant/tasks/evaluate/core.py).
    """

    @property
    def reported(self) -> tuple[str, ...]:
        return ("em_f1", "exact_match", "f1")

    def parse(self, file: SubmissionFile) -> dict[str, str]:
        return file.by_id(lambda answer: isinstance(answer, str), "a text")

    def gold(self, examples: Sequence[Example]) -> list[tuple[str, list[str]]]:
        return [(example["id"], list(example["answers"])) for example in examples]

    def gold_text(self, examples: Sequence[Example]) -> str:
        paragraphs = []
        for e in examples:
            pairs = zip(e["answers"], e["starts"], strict=True)
            answers = [{"text": text, "answer_start": start} for text, start in pairs]
            question = {"id": e["id"], "question": e["question"], "answers": answers}
            paragraphs.append({"context": e["context"], "qas": [question]})
        squad = {"version": "1.1", "data": [{"title": self.task.title, "paragraphs": paragraphs}]}
        return json.dumps(squad, ensure_ascii=False) + "\n"

    def parse_gold(self, file: SubmissionFile) -> list[tuple[str, list[str]]]:
        content = file.json()
        try:
            questions = [
                (question["id"], [answer["text"] for answer in question["answers"]])
                for article in (content["data"] if isinstance(content, dict) else content)
                for paragraph in article["paragraphs"]
                for question in paragraph["qas"]
            ]
        except (KeyError, TypeError) as error:
            file.fault(f"not as SQuAD writes questions, data → paragraphs → qas → answers: {error}.")
            return []
        values = [value for name, answers in questions for value in (name, *answers)]
        if wrong := [json.dumps(value) for value in values if not isinstance(value, str)]:
            first = shortened(wrong[0], quotes="")
            file.fault(f"ids and right answers should be texts; the first of {len(wrong)} others is {first}.")
        elif not self.task.has_unanswerable:
            file.check_answers(questions)
        return questions

    def score(self, predictions: Any, gold: Any, language: str) -> dict[str, float]:
        right = {str(number): answers for number, (_, answers) in enumerate(gold)}
        said = {str(number): predictions[name] for number, (name, _) in enumerate(gold) if name in predictions}
        is_mlqa = self.task.answer_rules == "mlqa"
        found = metrics.mlqa(said, right, language) if is_mlqa else metrics.squad(said, right)
        return {"em_f1": (found.exact_match + found.f1) / 2, **found._asdict()}

    def as_texts(self, predictions: Any, asked: Sequence[Example], texts: Mapping[str, str]) -> list[str]:
        return [predictions.get(example["id"], "") for example in asked]

    def gold_as_texts(self, example: Example, texts: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(example["answers"]))


class Rankings(ById):
    """Retrieval by rank (Mewsli-X, LAReQA): `dict[str, list[str]]`, candidate ids for each query id, the best first."""

    def parse(self, file: SubmissionFile) -> dict[str, list[str]]:
        return file.by_id(_is_ranking, "a list of ids")

    def gold(self, examples: Sequence[Example]) -> list[tuple[str, list[str]]]:
        return [(query["id"], list(query["gold"])) for query in asked(examples)]

    def gold_text(self, examples: Sequence[Example]) -> str:
        return self.text(dict(self.gold(examples)))

    def parse_gold(self, file: SubmissionFile) -> list[tuple[str, list[str]]]:
        gold = list(self.parse(file).items())
        file.check_answers(gold)
        if twice := [name for name, right in gold if len(set(right)) < len(right)]:
            file.fault(f"{some(twice)}: a right candidate comes twice.")
        return gold

    def check(self, predictions: Any, gold: Any, language: str) -> list[str]:
        faults = super().check(predictions, gold, language)
        # A right candidate that comes twice would count twice; the reciprocal rank is that of the first.
        is_counted = self.task.metric == "map_at_20"
        if twice := [name for name, ids in predictions.items() if is_counted and len(set(ids)) < len(ids)]:
            faults.append(f"{some(twice)}: a candidate comes twice in the ranking.")
        return faults

    def score(self, predictions: Any, gold: Any, language: str) -> dict[str, float]:
        measure = metrics.reciprocal_rank if self.task.metric == "mrr_at_20" else metrics.average_precision
        return {self.task.metric: measure(predictions, dict(gold))}

    def as_texts(self, predictions: Any, asked: Sequence[Example], texts: Mapping[str, str]) -> list[str]:
        return [texts.get(next(iter(predictions.get(query["id"], ())), ""), "") for query in asked]


class Rows(Kind):
    """Retrieval by accuracy (Tatoeba): `list[int]`, the row of the nearest candidate, from 0, for each query."""

    def from_model(self, predictions: Mapping[str, Sequence[str]], examples: Sequence[Example]) -> list[int]:
        row = _rows(examples)
        return [row[predictions[query["id"]][0]] for query in asked(examples)]

    def parse(self, file: SubmissionFile) -> list[int]:
        return file.each_line(_row, "a row number")

    def gold(self, examples: Sequence[Example]) -> list[int]:
        row = _rows(examples)
        return [row[query["gold"][0]] for query in asked(examples)]

    def check(self, predictions: Any, gold: Any, language: str) -> list[str]:
        faults = super().check(predictions, gold, language)
        published = self.task.published.get("test", 0)
        count = published if isinstance(published, int) else published.get(language, 0)
        rows = max(len(gold), max(gold, default=0) + 1, count)  # gold may be of the first queries only
        beyond = [(line, row) for line, row in enumerate(predictions, 1) if row >= rows]
        if beyond:
            others = f" (and {len(beyond) - 1} more)" if len(beyond) > 1 else ""
            row = shortened(str(beyond[0][1]), quotes="")
            faults.append(f"line {beyond[0][0]}: row {row} is none of the {rows:,} candidates{others}.")
        return faults

    def as_texts(self, predictions: Any, asked: Sequence[Example], texts: Mapping[str, str]) -> list[str]:
        in_order = list(texts.values())
        return [in_order[row] for row in predictions]


class Pairs(Kind):
    """Retrieval by F1 (BUCC): `list[tuple[str, str]]`, ids of a query and its candidate, in any order."""

    has_example_scores = False

    @property
    def reported(self) -> tuple[str, ...]:
        return ("f1", "precision", "recall")

    def text(self, predictions: Sequence[tuple[str, str]]) -> str:
        return "".join(f"{query}\t{candidate}\n" for query, candidate in predictions)

    def parse(self, file: SubmissionFile) -> list[tuple[str, str]]:
        return file.each_line(_pair, "two ids with a tab between them")

    def gold(self, examples: Sequence[Example]) -> list[tuple[str, str]]:
        return [(query["id"], name) for query in asked(examples) for name in query["gold"]]

    def check(self, predictions: Any, gold: Any, language: str) -> list[str]:
        return []

    def score(self, predictions: Any, gold: Any, language: str) -> dict[str, float]:
        return metrics.overlap(predictions, gold)._asdict()

    def as_texts(self, predictions: Any, asked: Sequence[Example], texts: Mapping[str, str]) -> list[str]:
        partner = dict(predictions)
        return [texts.get(partner.get(query["id"], ""), "") for query in asked]


def kind_of(task: Task) -> Kind:
    """The kind of predictions that a task has."""
    kinds: Mapping[str, type[Kind]] = {
        "classification": Labels,
        "tagging": Tags,
        "multiple_choice": Choices,
        "span": Answers,
        "retrieval": Rows if task.is_aligned else Pairs if task.is_mined else Rankings,
    }
    return kinds[task.format](task)


# Files


def path(folder: Path, task: Task, language: str) -> Path:
    """Where the predictions, or the gold, of one task and language belong."""
    return folder / task.id / f"test-{language}.{kind_of(task).extension}"


def write(folder: Path, task: Task, language: str, predictions: Any) -> Path:
    """Write the predictions of one task and language, atomically, and return the file."""
    return _write(path(folder, task, language), kind_of(task).text(predictions))


def write_gold(folder: Path, task: Task, language: str, examples: Sequence[Example]) -> Path:
    """Write the gold of one task and language, atomically, and return the file."""
    return _write(path(folder, task, language), kind_of(task).gold_text(examples))


def _write(file: Path, text: str) -> Path:
    with atomic(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return file


def read(folder: Path, task: Task, language: str) -> Any:
    """Read the predictions of one task and language.

    Raises:
        DataError: the file is missing, or is not what the task asks for; a line for every fault.
    """
    place = path(folder, task, language)
    file = SubmissionFile(place, f"Predictions of {task.id} in {language} belong there.")
    predictions = kind_of(task).parse(file)
    file.raise_faults()
    return predictions


def read_gold(folder: Path, task: Task, language: str) -> Any:
    """Read the gold of one task and language.

    Raises:
        DataError: as `read`; or there is no example, or an example without an answer.
    """
    file = SubmissionFile(path(folder, task, language), f"The gold of {task.id} in {language} belongs there.")
    gold = kind_of(task).parse_gold(file)
    if not gold and not file.faults:
        file.fault("holds no example.")
    file.raise_faults()
    return gold


def read_for(folder: Path, task: Task, language: str, gold: Any) -> Any:
    """Read predictions that were stored for test examples, of which this is the gold.

    Raises:
        DataError: as `read`; or they are not of these examples.
    """
    predictions = read(folder, task, language)
    faults = kind_of(task).check(predictions, gold, language)
    if faults:
        raise DataError(
            f"{path(folder, task, language)}: does not fit the test examples of {task.id} in {language}: "
            f"{' '.join(faults)} Evaluate again, or make the data again, so that both are of one run."
        )
    return predictions


# Examples


def asked(examples: Sequence[Example]) -> list[Example]:
    """The examples that are asked: all but the candidates of retrieval."""
    return [example for example in examples if example.get("role") != "candidate"]


def with_pooled_ids(task: Task, examples: Sequence[Example]) -> Sequence[Example]:
    """Examples as their predictions name them.

    Where a task ranks the candidates of all languages at once, a query is named `<id>_<language>` (as LAReQA itself
    names it), and right candidates in languages that are not evaluated are left out, since they cannot be found.
    """
    if task.pool != "all":
        return examples
    present = {example["id"] for example in examples if example["role"] == "candidate"}
    return [
        {**e, "id": f"{e['id']}_{e['language']}", "gold": [name for name in e["gold"] if name in present]}
        if e["role"] == "query"
        else e
        for e in examples
    ]


def _rows(examples: Sequence[Example]) -> dict[str, int]:
    """The row of each candidate by its id."""
    return {e["id"]: row for row, e in enumerate(e for e in examples if e["role"] == "candidate")}


def _label(line: str) -> int:
    label = json_line(line)["label"]
    if type(label) is not int:
        raise TypeError
    return label


def _row(line: str) -> int:
    if not (line.isascii() and line.isdigit()) or line != str(int(line)):
        raise ValueError
    return int(line)


def _pair(line: str) -> tuple[str, str]:
    query, candidate = line.split("\t")
    if not query or not candidate:
        raise ValueError
    return query, candidate


def _is_ranking(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _tagged(words: Sequence[str], tags: Sequence[str]) -> str:
    return " ".join(f"{word}/{tag}" for word, tag in zip(words, tags, strict=True))
