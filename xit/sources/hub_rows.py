"""Readers of rows as the Hub has them, where they are not those of the published files (`xit.sources.readers`).

Labels have become names, and columns the fields of these records, by what a task says of its place on the Hub.
"""

from collections.abc import Iterator

from xit.sources import reader_context as rows
from xit.sources.read_multiple_choice import ending
from xit.sources.read_retrieval import Entity, Mention
from xit.sources.read_tagging import are_words, is_withheld
from xit.sources.reader_context import EMPTY_SENTENCE, NO_LABEL, Group, ReaderContext, Record, Table, Text


class Pair(Record):
    """Two sentences; a label of None is the -1 of SNLI, on which annotators did not agree, and of hidden tests."""

    text_a: str
    text_b: str
    label: str | None


def pairs(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """XNLI, MNLI, SNLI, ANLI, QQP, PAWS-X."""
    for where, number, record in rows.records(table, Pair, reader):
        if record.label is None:
            reader.left_out(where, NO_LABEL)
        elif not record.text_a.strip() or not record.text_b.strip():
            reader.left_out(where, EMPTY_SENTENCE)
        else:
            yield [rows.pair(str(number), record.text_a, record.text_b, reader.label(where, record.label))]


class Tagged(Record):
    """A sentence, word by word."""

    words: list[str]
    tags: list[str | None]


def tagged(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """PAN-X, UD-POS; a sentence whose words are mostly `_` (licensed text) goes."""
    records = list(rows.records(table, Tagged, reader))
    if not are_words(str(table), [word for _, _, record in records for word in record.words], reader):
        return
    for where, number, record in records:
        if len(record.words) != len(record.tags):
            reader.fault(where, f"{len(record.words)} words but {len(record.tags)} tags.")
        elif is_withheld(record.words):
            reader.notes["sentences left out: their words are not released"] += 1
        else:
            tags = [reader.label(where, str(tag)) for tag in record.tags]
            yield [{"id": str(number), "words": record.words, "tags": tags}]


class Social(Record):
    """A row of SocialIQA, whose labels are numbers from 0 or from 1, or letters."""

    context: Text
    question: Text
    answerA: Text  # noqa: N815, the published name
    answerB: Text  # noqa: N815
    answerC: Text  # noqa: N815
    label: str | int


def social(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """SocialIQA; from which number its labels count is told by the set of them."""
    records = list(rows.records(table, Social, reader))
    found = {str(record.label).strip() for _, _, record in records}
    bases = [base for base in ("012", "123", "ABC") if found <= set(base) and {base[0], base[2]} <= found]
    if records and not bases:
        reader.fault(str(table), f"labels {', '.join(sorted(found))} do not show whether they count from 0 or from 1.")
    for _, number, record in records if bases else ():
        answers = [record.answerA, record.answerB, record.answerC]
        label = bases[0].index(str(record.label).strip())
        yield [rows.choice(str(number), f"{record.context} {record.question}", answers, label)]


class Ending(Record):
    """A row of HellaSwag, whose label is text, empty in the test split."""

    ctx_a: Text
    ctx_b: str
    endings: list[Text]
    label: str | int


def hellaswag(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """HellaSwag, as `readers.hellaswag`; rows are numbered, since `ind` is the number in another collection."""
    for where, number, record in rows.records(table, Ending, reader):
        label = str(record.label)
        if not label:
            reader.left_out(where, NO_LABEL)
        elif label not in map(str, range(len(record.endings))):
            reader.fault(where, f"label {label!r} is not the index of one of {len(record.endings)} endings.")
        else:
            yield [ending(str(number), record.ctx_a, record.ctx_b, record.endings, int(label))]


class Cosmos(Record):
    """A row of Cosmos QA; -1 where the label is hidden."""

    context: Text
    question: Text
    answer0: Text
    answer1: Text
    answer2: Text
    answer3: Text
    label: int


def cosmosqa(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """Cosmos QA: context and question, four answers."""
    for where, number, record in rows.records(table, Cosmos, reader):
        answers = [record.answer0, record.answer1, record.answer2, record.answer3]
        if record.label == -1:
            reader.left_out(where, NO_LABEL)
        elif record.label not in range(4):
            reader.fault(where, f"label {record.label} is unknown. Labels: 0, 1, 2, 3.")
        else:
            yield [rows.choice(str(number), f"{record.context} {record.question}", answers, record.label)]


class Translated(Record):
    """A sentence and its translation, with their languages; `eng` is English."""

    source: Text
    target: Text
    source_language: str
    target_language: str


def bitext(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """Tatoeba, whichever side of it is English."""
    for where, number, record in rows.records(table, Translated, reader):
        sides = (record.source_language, record.target_language)
        if [side in ("eng", "en") for side in sides].count(True) != 1:
            reader.fault(where, f"languages {sides[0]}, {sides[1]}: one of them should be eng.")
        elif record.source_language in ("eng", "en"):
            yield rows.translation(number, record.source, record.target)
        else:
            yield rows.translation(number, record.target, record.source)


class Translation(Record):
    """A sentence and its English translation."""

    foreign: Text
    english: Text


def translations(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """Tatoeba, where the columns say which side is English."""
    for _, number, record in rows.records(table, Translation, reader):
        yield rows.translation(number, record.english, record.foreign)


def mentions(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """Mewsli-X, Wikinews: mentions of a language; one whose entity is no candidate is never found."""
    for _, number, record in rows.records(table, Mention, reader):
        yield [rows.query(str(number), record.mention, [record.entity_id])]


def entities(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """Mewsli-X: the candidates of all languages."""
    for _, _, record in rows.records(table, Entity, reader):
        yield [rows.candidate(record.entity_id, record.description)]
