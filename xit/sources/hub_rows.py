"""Readers of rows as the Hub has them, where they are not those of the published files (`xit.sources.readers`).

Labels have become names, and columns the fields of these records, by what a task says of its place on the Hub.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from xit.sources import reader_context as rows
from xit.sources.read_multiple_choice import ending
from xit.sources.read_retrieval import Entity, Mention
from xit.sources.read_tagging import are_words, is_withheld, surface
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


class MultiwordToken(Record):
    """A surface word that stands for several words, which `id` numbers from 1: `3-4`."""

    id: Annotated[str, Field(pattern=r"^\d+-\d+$")]
    form: Text


def _as_records(column: Any) -> Any:
    """A list of records; some writers of Parquet make a record of lists of it."""
    if not isinstance(column, Mapping):
        return column
    return [dict(zip(column, values, strict=True)) for values in zip(*column.values(), strict=True)]


class Parsed(Record):
    """A sentence of Universal Dependencies: its words, their tags and heads, and its multiword tokens."""

    words: list[str]
    tags: list[str]
    heads: list[Annotated[int, BeforeValidator(lambda head: int(head) if str(head).isdecimal() else head)]]
    multiword: Annotated[list[MultiwordToken], BeforeValidator(_as_records)]


def parsed(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """UD-POS: surface words, as `readers.conllu_tags` makes them."""
    for where, number, record in rows.records(table, Parsed, reader):
        if not len(record.words) == len(record.tags) == len(record.heads):
            sizes = f"{len(record.words)} words, {len(record.tags)} tags and {len(record.heads)} heads"
            reader.fault(where, f"{sizes}; there should be as many of each.")
            continue
        before = len(reader.faults)
        row = surface(where, str(number), _tokens(record), "", reader)
        if row is not None and len(reader.faults) == before:
            yield [row]
        elif len(reader.faults) == before:
            reader.notes["sentences left out: their words are not released"] += 1


def _tokens(record: Parsed) -> list[dict[str, Any]]:
    """The tokens of a sentence as CoNLL-U orders them: a multiword token stands before its first word."""
    tokens: list[tuple[float, dict[str, Any]]] = []
    columns = zip(record.words, record.tags, record.heads, strict=True)
    for number, (form, upos, head) in enumerate(columns, 1):
        tokens.append((number, {"id": number, "form": form, "upos": upos, "head": head}))
    for token in record.multiword:
        first, last = map(int, token.id.split("-"))
        tokens.append((first - 0.5, {"id": (first, "-", last), "form": token.form}))
    return [token for _, token in sorted(tokens, key=lambda pair: pair[0])]


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
            yield rows.translation(number, record.source.strip(), record.target.strip())
        else:
            yield rows.translation(number, record.target.strip(), record.source.strip())


class Translation(Record):
    """A sentence and its English translation."""

    foreign: Text
    english: Text


def translations(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """Tatoeba, where the columns say which side is English; sentences there keep their line end."""
    for _, number, record in rows.records(table, Translation, reader):
        yield rows.translation(number, record.english.strip(), record.foreign.strip())


class Comparable(Record):
    """Two texts, sentence by sentence, and which are translations of each other, by their numbers from 1."""

    foreign: list[Text]
    english: list[Text]
    gold: list[Annotated[list[int], Field(min_length=2, max_length=2)]]


VALIDATION_PART = 10
"""Of so many sentences of BUCC, and of what they are translations of, one validates."""


def comparable(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """BUCC 2018: the queries are the sentences of the language, the candidates the English ones.

    Differs from the benchmark, whose sample set validates and whose test set is all of the table: the table has no
    sample set, so every tenth sentence and its translations validate, and the others test.
    """
    for where, _, record in rows.records(table, Comparable, reader):
        partners: dict[int, list[int]] = {}
        translated: dict[int, list[int]] = {}
        for own, partner in record.gold:
            if not (1 <= own <= len(record.foreign) and 1 <= partner <= len(record.english)):
                sizes = f"{len(record.foreign):,} and {len(record.english):,}"
                reader.fault(where, f"the pair {own}, {partner} is of no sentences; there are {sizes}, from 1 on.")
            elif partner in partners.get(own, ()):
                reader.fault(where, f"{own} and {partner} are a pair already.")
            else:
                partners.setdefault(own, []).append(partner)
                translated.setdefault(partner, []).append(own)
        for number, sentence in enumerate(record.english, 1):
            if any(_is_of(own, reader) for own in translated.get(number, (number,))):
                yield [rows.candidate(f"en-{number}", sentence.strip())]
        for number, sentence in enumerate(record.foreign, 1):
            if _is_of(number, reader):
                gold = [f"en-{partner}" for partner in partners.get(number, ())]
                yield [rows.query(str(number), sentence.strip(), gold)]


def _is_of(number: int, reader: ReaderContext) -> bool:
    """Whether a sentence of BUCC is of the split that is read."""
    return (number % VALIDATION_PART == 0) == (reader.split == "validation")


def mentions(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """Mewsli-X, Wikinews: mentions of a language; one whose entity is no candidate is never found."""
    for _, number, record in rows.records(table, Mention, reader):
        yield [rows.query(str(number), record.mention, [record.entity_id])]


def entities(table: Table, reader: ReaderContext) -> Iterator[Group]:
    """Mewsli-X: the candidates of all languages."""
    for _, _, record in rows.records(table, Entity, reader):
        yield [rows.candidate(record.entity_id, record.description)]
