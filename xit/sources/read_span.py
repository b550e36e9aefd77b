"""Readers of questions whose answer is a span of a text, in the layout of SQuAD."""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from xit.sources.reader_context import (
    FileOrTable,
    Group,
    ReaderContext,
    Record,
    Row,
    Text,
    parse,
    records,
    shown,
    text,
)


class Answer(Record):
    """An answer: its text, and its first character in the context."""

    text: str = Field(min_length=1)
    answer_start: int


class Question(Record):
    """A question with its right answers; none where it has none, in SQuAD 2.0."""

    id: str
    question: Text
    answers: list[Answer]
    is_impossible: bool | None = None


class Paragraph(Record):
    """A context with its questions; XQuAD-R adds its sentences and their places."""

    context: Text
    qas: list[Question]
    sentences: list[str] = Field(default_factory=list)
    sentence_breaks: list[tuple[int, int]] = Field(default_factory=list)


class Article(Record):
    """Paragraphs of one article."""

    paragraphs: list[Paragraph]


class Squad(Record):
    """A file in the layout of SQuAD."""

    data: list[Article]


class Answers(Record):
    """The answers of a question, and their first characters in the context, in the layout of the Hub."""

    text: list[str]
    answer_start: list[int]


class FlatQuestion(Record):
    """A row of a SQuAD-like set in the layout of the Hub."""

    id: str
    question: Text
    context: Text
    answers: Answers


def squad(
    file: FileOrTable, reader: ReaderContext, *, allows_none: bool = False, has_own_ids: bool = True
) -> Iterator[Group]:
    """SQuAD 1.1 or 2.0, XQuAD, MLQA, TyDiQA: the questions on one context are a group.

    An answer has to be at its offset. Where `repairs_answers`, one that is not is moved to its nearest occurrence;
    without one, the question is left out of training, and is a fault in the test split.

    Args:
        file: A JSON file, or a table of flat questions.
        reader: How, and what was found.
        allows_none: Whether a question may have no answer (SQuAD 2.0).
        has_own_ids: False where the ids of the file are not unique (the English part of TyDiQA): rows are numbered.
    """
    groups: dict[str, Group] = {}
    for number, (context, question) in enumerate(_questions(file, reader)):
        answers = placed_answers(file, context, question, reader, allows_none=allows_none)
        if answers is not None:
            name = question.id if has_own_ids else str(number)
            row: Row = {"id": name, "question": question.question, "context": context}
            row |= {"answers": [answer for answer, _ in answers], "starts": [start for _, start in answers]}
            groups.setdefault(context, []).append(row)
    yield from groups.values()


def _questions(file: FileOrTable, reader: ReaderContext) -> Iterator[tuple[str, Question]]:
    """Contexts and their questions."""
    if isinstance(file, Path):
        for paragraph in paragraphs_of(file, reader):
            yield from ((paragraph.context, question) for question in paragraph.qas)
        return
    for where, _, flat in records(file, FlatQuestion, reader):
        texts, starts = flat.answers.text, flat.answers.answer_start
        if len(texts) != len(starts):
            reader.fault(where, f"{len(texts)} answers but {len(starts)} offsets.")
        elif not all(texts):
            reader.fault(where, "an answer is empty.")
        else:
            placed = [Answer(text=text, answer_start=start) for text, start in zip(texts, starts, strict=True)]
            yield flat.context, Question(id=flat.id, question=flat.question, answers=placed)


def paragraphs_of(file: Path, reader: ReaderContext) -> list[Paragraph]:
    source = text(file, reader)
    found = parse(Squad, source, str(file), reader) if source.strip() else None
    return [paragraph for article in found.data for paragraph in article.paragraphs] if found else []


def placed_answers(
    file: FileOrTable, context: str, question: Question, reader: ReaderContext, *, allows_none: bool
) -> list[tuple[str, int]] | None:
    """Answers and their offsets; None where the question is left out or has a fault."""
    where = f"{file}, record {question.id}"
    if not question.answers and not allows_none:
        reader.fault(where, "has no answer. (The benchmark's test files have theirs blanked; the originals have them.)")
        return None
    if question.is_impossible is not None and question.is_impossible == bool(question.answers):
        reader.fault(where, f"is_impossible is {question.is_impossible}, but it has {len(question.answers)} answers.")
        return None
    placed = []
    for answer in question.answers:
        start = answer.answer_start
        if start < 0 or not context.startswith(answer.text, start):
            places = [match.start() for match in re.finditer(f"(?={re.escape(answer.text)})", context)]
            nearest = min(places, key=lambda place: abs(place - start), default=None)
            if not reader.repairs_answers or (nearest is None and reader.split == "test"):
                hint = _advice(answer.text, context, nearest, reader)
                reader.fault(where, f"answer {shown(answer.text)} is not in its context at {start}. {hint}")
                return None
            if nearest is None:
                reader.notes["questions left out of training: their answer is not in the context"] += 1
                return None
            reader.notes["answers moved to their nearest occurrence"] += 1
            start = nearest
        placed.append((answer.text, start))
    return placed


def _advice(answer: str, context: str, nearest: int | None, reader: ReaderContext) -> str:
    """Where a misplaced answer is, and what would help."""
    if nearest is not None:
        return f"Its nearest place is {nearest}. misplaced_answers: repair would take it."
    if unicodedata.normalize("NFC", answer) in unicodedata.normalize("NFC", context):
        return "It is there in another Unicode form (composed, NFC, or decomposed, NFD). Bring the file into one form."
    left_out = "" if reader.repairs_answers or reader.split == "test" else " repair would leave the question out."
    return f"It is nowhere in it.{left_out and ' misplaced_answers:' + left_out}"
