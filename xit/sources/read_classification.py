"""Readers of pairs of texts with a label."""

from collections.abc import Iterator
from pathlib import Path

from xit.sources.reader_context import (
    EMPTY_SENTENCE,
    NO_LABEL,
    Group,
    ReaderContext,
    Record,
    Text,
    columns,
    pair,
    records,
)


def xtreme_pairs(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """XNLI, PAWS-X as XTREME writes them: two sentences and a label a line, no header, quotes where needed."""
    names = ("first sentence", "second sentence", "label")
    found = columns(file, reader, names, "\t", is_quoted=True, has_header=False)
    for number, (where, (text_a, text_b, label)) in enumerate(found):
        yield [pair(str(number), text_a, text_b, reader.label(where, label))]


def sick(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """SICK: a table with a header; the judgement of entailment is the label."""
    names = ("pair_ID", "sentence_A", "sentence_B", "relatedness_score", "entailment_judgment")
    found = columns(file, reader, names, "\t", is_quoted=False, has_header=True)
    for where, (name, text_a, text_b, _, label) in found:
        yield [pair(name, text_a, text_b, reader.label(where, label))]


def qqp(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """QQP as GLUE writes it: a table with a header, not read as quoted.

    A few training rows are broken in two by a line end in a question, and two have an empty question
    (huggingface/datasets, issue 277; nyu-mll/GLUE-baselines, issue 5): they are left out.
    """
    names = ("id", "qid1", "qid2", "question1", "question2", "is_duplicate")
    found = columns(file, reader, names, "\t", is_quoted=False, has_header=True, may_lack=True)
    for number, (where, (_, _, _, text_a, text_b, label)) in enumerate(found):
        yield [pair(str(number), text_a, text_b, reader.label(where, label))]


class Anli(Record):
    """A record of ANLI."""

    uid: str
    context: Text
    hypothesis: Text
    label: str


def anli(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """ANLI: labels are the letters e, n, c."""
    for where, _, record in records(file, Anli, reader):
        yield [pair(record.uid, record.context, record.hypothesis, reader.label(where, record.label))]


class Nli(Record):
    """A record of MultiNLI and SNLI."""

    sentence1: str
    sentence2: str
    gold_label: str


def nli(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """MultiNLI, SNLI: the label is `-` where annotators did not agree, and the pair is then left out."""
    for where, number, record in records(file, Nli, reader):
        if record.gold_label == "-":
            reader.left_out(where, NO_LABEL)
        elif not record.sentence1.strip() or not record.sentence2.strip():
            reader.left_out(where, EMPTY_SENTENCE)
        else:
            label = reader.label(where, record.gold_label)
            yield [pair(str(number), record.sentence1, record.sentence2, label)]
