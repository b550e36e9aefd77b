"""Readers of questions with several answers to choose from."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from xit.sources.reader_context import (
    FileOrTable,
    Group,
    ReaderContext,
    Record,
    Row,
    Table,
    Text,
    choice,
    columns,
    records,
    shown,
)


def _whole_number(value: object) -> object:
    """A number as it is; `true`, which equals 1, and 1.0 are none."""
    if isinstance(value, bool | float):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


class Copa(Record):
    """A record of COPA and XCOPA."""

    premise: Text
    choice1: Text
    choice2: Text
    question: Literal["cause", "effect"]
    label: Annotated[Literal[0, 1], BeforeValidator(_whole_number)]
    idx: int


COPA_QUESTIONS = {"cause": "What was the cause?", "effect": "What was the effect?"}


def copa(file: FileOrTable, reader: ReaderContext) -> Iterator[Group]:
    """COPA, XCOPA: the question is put in English in every language, as the benchmark does."""
    for _, _, record in records(file, Copa, reader):
        prompt = f"{record.premise} {COPA_QUESTIONS[record.question]}"
        yield [choice(str(record.idx), prompt, [record.choice1, record.choice2], record.label)]


def xcopa(file: FileOrTable, reader: ReaderContext) -> Iterator[Group]:
    """XCOPA; where `repairs_questions`, with the question of the Estonian record of the same index.

    The released question is wrong in up to half of the records in Thai, Turkish, Swahili, Indonesian and Italian;
    Estonian and five other languages agree with one another.
    """
    if not reader.repairs_questions:
        yield from copa(file, reader)
        return
    reference = _estonian(file)
    if isinstance(reference, Path) and not reference.exists():
        reader.fault(str(reference), "no such file. The rule xcopa_questions: repaired takes the questions from it.")
        return
    questions = {record.idx: record.question for _, _, record in records(reference, Copa, reader)}
    if not questions:  # which is a fault already
        return
    for where, _, record in records(file, Copa, reader):
        question = questions.get(record.idx)
        if question is None:
            reader.fault(where, f"idx {record.idx} is not in {reference}, which has the right question.")
            continue
        reader.notes["XCOPA questions repaired"] += question != record.question
        prompt = f"{record.premise} {COPA_QUESTIONS[question]}"
        yield [choice(str(record.idx), prompt, [record.choice1, record.choice2], record.label)]


def _estonian(file: FileOrTable) -> Path | Table:
    if isinstance(file, Table):
        return file.sibling("et")
    split, _, kind = file.name.split(".")
    return file.parents[1] / "et" / f"{split}.et.{kind}"


class Siqa(Record):
    """A record of SocialIQA 1.4."""

    context: Text
    question: Text
    answerA: Text  # noqa: N815, the published name
    answerB: Text  # noqa: N815
    answerC: Text  # noqa: N815
    correct: Literal["A", "B", "C"]


def siqa(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """SocialIQA: context and question, three answers."""
    for _, number, record in records(file, Siqa, reader):
        answers = [record.answerA, record.answerB, record.answerC]
        yield [choice(str(number), f"{record.context} {record.question}", answers, "ABC".index(record.correct))]


class Choices(Record):
    """The answers of a CommonsenseQA question."""

    label: list[str]
    text: list[Text]


class Commonsense(Record):
    """A record of CommonsenseQA in the flat layout of the Hub."""

    id: str
    question: Text
    choices: Choices
    answerKey: str  # noqa: N815, the published name


def commonsenseqa(file: FileOrTable, reader: ReaderContext) -> Iterator[Group]:
    """CommonsenseQA: a question, five answers with letters."""
    for where, _, record in records(file, Commonsense, reader):
        letters, answers = record.choices.label, record.choices.text
        if len(letters) != len(answers):
            reader.fault(where, f"{len(letters)} letters for {len(answers)} choices.")
        elif record.answerKey not in letters:
            reader.fault(where, f"answerKey {shown(record.answerKey)} is not one of {', '.join(letters)}.")
        else:
            yield [choice(record.id, record.question, answers, letters.index(record.answerKey))]


class Hellaswag(Record):
    """A record of HellaSwag."""

    ind: int
    ctx_a: Text
    ctx_b: str
    endings: list[Text]
    label: int


def hellaswag(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """HellaSwag: the second half of the context opens each ending (nyu-mll/jiant:jiant/tasks/lib/hellaswag.py)."""
    for where, _, record in records(file, Hellaswag, reader):
        if not 0 <= record.label < len(record.endings):
            reader.fault(where, f"label {record.label} is not the index of one of {len(record.endings)} endings.")
            continue
        yield [ending(str(record.ind), record.ctx_a, record.ctx_b, record.endings, record.label)]


def ending(name: str, first: str, second: str, endings: Sequence[str], label: int) -> Row:
    return choice(name, first, [f"{second} {ending}".strip() for ending in endings], label)


def cosmosqa(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """Cosmos QA: a table with a header and quotes; context and question, four answers."""
    answers = ("answer0", "answer1", "answer2", "answer3")
    names = ("id", "context", "question", *answers, "label")
    for where, row in columns(file, reader, names, ",", is_quoted=True, has_header=True):
        name, context, question, *choices, label = row
        if label not in ("0", "1", "2", "3"):
            reader.fault(where, f"label {shown(label)} is unknown. Labels: 0, 1, 2, 3.")
        else:
            yield [choice(name, f"{context} {question}", choices, int(label))]
