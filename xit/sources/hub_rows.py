"""Readers of rows as the Hub has them, where they are not those of the published files (`xit.sources.readers`).

Labels have become names, and columns the fields of these records, by what a task says of its place on the Hub.
"""

from collections.abc import Iterator

from xit.sources import readers
from xit.sources.readers import EMPTY_SENTENCE, NO_LABEL, Group, Reading, Record, Table, Text


class Pair(Record):
    """Two sentences; a label of None is the -1 of SNLI, on which annotators did not agree, and of hidden tests."""

    text_a: str
    text_b: str
    label: str | None


def pairs(table: Table, reading: Reading) -> Iterator[Group]:
    """XNLI, MNLI, SNLI, ANLI, QQP, PAWS-X."""
    for where, number, record in readers.records(table, Pair, reading):
        if record.label is None:
            reading.left_out(where, NO_LABEL)
        elif not record.text_a.strip() or not record.text_b.strip():
            reading.left_out(where, EMPTY_SENTENCE)
        else:
            yield [readers.pair(str(number), record.text_a, record.text_b, reading.label(where, record.label))]


class Tagged(Record):
    """A sentence, word by word."""

    words: list[str]
    tags: list[str | None]


def tagged(table: Table, reading: Reading) -> Iterator[Group]:
    """PAN-X, UD-POS; a sentence whose words are mostly `_` (licensed text) goes (facts 1.6)."""
    for where, number, record in readers.records(table, Tagged, reading):
        if len(record.words) != len(record.tags):
            reading.fault(where, f"{len(record.words)} words but {len(record.tags)} tags.")
        elif readers.is_withheld(record.words):
            reading.notes["sentences left out: their words are not released"] += 1
        else:
            tags = [reading.label(where, str(tag)) for tag in record.tags]
            yield [{"id": str(number), "words": record.words, "tags": tags}]


class Social(Record):
    """A row of SocialIQA, whose labels are numbers from 0 or from 1, or letters."""

    context: Text
    question: Text
    answerA: Text  # noqa: N815, the published name
    answerB: Text  # noqa: N815
    answerC: Text  # noqa: N815
    label: str | int


def social(table: Table, reading: Reading) -> Iterator[Group]:
    """SocialIQA; from which number its labels count is told by the set of them (facts 9.6)."""
    records = list(readers.records(table, Social, reading))
    found = {str(record.label).strip() for _, _, record in records}
    bases = [base for base in ("012", "123", "ABC") if found <= set(base) and {base[0], base[2]} <= found]
    if records and not bases:
        reading.fault(str(table), f"labels {', '.join(sorted(found))} do not show whether they count from 0 or from 1.")
    for _, number, record in records if bases else ():
        answers = [record.answerA, record.answerB, record.answerC]
        label = bases[0].index(str(record.label).strip())
        yield [readers.choice(str(number), f"{record.context} {record.question}", answers, label)]


class Ending(Record):
    """A row of HellaSwag, whose label is text, empty in the test split."""

    ctx_a: Text
    ctx_b: str
    endings: list[Text]
    label: str | int


def hellaswag(table: Table, reading: Reading) -> Iterator[Group]:
    """HellaSwag, as `readers.hellaswag`; rows are numbered, since `ind` is the number in another collection."""
    for where, number, record in readers.records(table, Ending, reading):
        label = str(record.label)
        if not label:
            reading.left_out(where, NO_LABEL)
        elif label not in map(str, range(len(record.endings))):
            reading.fault(where, f"label {label!r} is not the index of one of {len(record.endings)} endings.")
        else:
            yield [readers.ending(str(number), record.ctx_a, record.ctx_b, record.endings, int(label))]


class Cosmos(Record):
    """A row of Cosmos QA; -1 where the label is hidden."""

    context: Text
    question: Text
    answer0: Text
    answer1: Text
    answer2: Text
    answer3: Text
    label: int


def cosmosqa(table: Table, reading: Reading) -> Iterator[Group]:
    """Cosmos QA: context and question, four answers."""
    for where, number, record in readers.records(table, Cosmos, reading):
        answers = [record.answer0, record.answer1, record.answer2, record.answer3]
        if record.label == -1:
            reading.left_out(where, NO_LABEL)
        elif record.label not in range(4):
            reading.fault(where, f"label {record.label} is unknown. Labels: 0, 1, 2, 3.")
        else:
            yield [readers.choice(str(number), f"{record.context} {record.question}", answers, record.label)]


class Translated(Record):
    """A sentence and its translation, with their languages; `eng` is English."""

    source: Text
    target: Text
    source_language: str
    target_language: str


def bitext(table: Table, reading: Reading) -> Iterator[Group]:
    """Tatoeba, whichever side of it is English."""
    for where, number, record in readers.records(table, Translated, reading):
        sides = (record.source_language, record.target_language)
        if [side in ("eng", "en") for side in sides].count(True) != 1:
            reading.fault(where, f"languages {sides[0]}, {sides[1]}: one of them should be eng.")
        elif record.source_language in ("eng", "en"):
            yield readers.translation(number, record.source, record.target)
        else:
            yield readers.translation(number, record.target, record.source)


class Translation(Record):
    """A sentence and its English translation."""

    foreign: Text
    english: Text


def translations(table: Table, reading: Reading) -> Iterator[Group]:
    """Tatoeba, where the columns say which side is English."""
    for _, number, record in readers.records(table, Translation, reading):
        yield readers.translation(number, record.english, record.foreign)


def mentions(table: Table, reading: Reading) -> Iterator[Group]:
    """Mewsli-X, Wikinews: mentions of a language; one whose entity is no candidate is never found."""
    for _, number, record in readers.records(table, readers.Mention, reading):
        yield [readers.query(str(number), record.mention, [record.entity_id])]


def entities(table: Table, reading: Reading) -> Iterator[Group]:
    """Mewsli-X: the candidates of all languages."""
    for _, _, record in readers.records(table, readers.Entity, reading):
        yield [readers.candidate(record.entity_id, record.description)]
