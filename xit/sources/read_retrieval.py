"""Readers of queries and the candidates among which their answers are."""

import collections
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from xit.core.errors import counted
from xit.sources.read_span import Paragraph, Question, paragraphs_of, placed_answers, squad
from xit.sources.reader_context import (
    SENTENCE_BREAK,
    FileOrTable,
    Group,
    ReaderContext,
    Record,
    Text,
    candidate,
    query,
    records,
    sentences,
    shown,
    translation,
)

Entry = TypeVar("Entry")


def aligned(file: Path, reader: ReaderContext, english_name: str = "", missing: str = "") -> Iterator[Group]:
    """Tatoeba: line i of the file translates line i of the English file beside it; the queries are the English lines.

    The benchmark indexes the foreign sentences and asks for the nearest one of each English sentence.

    Args:
        file: The sentences of a language.
        reader: How they are read.
        english_name: That of the English file; else it is named as this one, ending in `.eng`.
        missing: What stands on the line of a sentence that the language lacks, which is not asked for; else all are.
    """
    english = file.with_name(english_name) if english_name else file.with_suffix(".eng")
    candidates, queries = sentences(file, reader), sentences(english, reader)
    if candidates and queries and len(candidates) != len(queries):
        sizes = f"{len(candidates)} lines, but {english.name} has {len(queries)}"
        reader.fault(str(file), f"{sizes}. Line i of one must translate line i of the other.")
        return
    for number, (english_line, line) in enumerate(zip(queries, candidates, strict=False)):  # none where unreadable
        if not missing or missing not in (english_line, line):
            yield translation(number, english_line, line)


def comparable(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """BUCC 2018: sentences with their ids, the English ones beside them, and which are translations (`.gold`).

    The queries are those of the language, the candidates the English ones; most have no partner.
    """
    english, gold = file.with_suffix(".en"), file.with_suffix(".gold")
    queries, candidates = (_identified(_two(side, "sentence", reader), reader) for side in (file, english))
    partners: dict[str, list[str]] = collections.defaultdict(list)
    known = {side: {name for _, name, _ in rows} for side, rows in ((file, queries), (english, candidates))}
    for where, own, partner in _two(gold, f"id in {english.name}", reader):
        for name, side in ((own, file), (partner, english)):
            if name not in known[side]:
                reader.fault(where, f"id {shown(name)} is not in {side.name}.")
        if partner in partners[own]:
            reader.fault(where, f"{own} and {partner} are a pair already.")
        partners[own].append(partner)
    yield from ([candidate(name, sentence)] for _, name, sentence in candidates)
    yield from ([query(name, sentence, partners[name])] for _, name, sentence in queries)


def _two(file: Path, second: str, reader: ReaderContext) -> list[tuple[str, str, str]]:
    """Where a line is, and its columns, an id and another."""
    found = []
    for number, line in enumerate(sentences(file, reader), 1):
        where, columns = f"{file}, line {number}", line.split("\t")
        if len(columns) == 2:
            found.append((where, columns[0], columns[1]))
        elif line:
            reader.fault(where, f"{counted(len(columns), 'column')}; 2 are needed: id, {second}.")
    return found


def _identified(rows: Iterable[tuple[str, str, Entry]], reader: ReaderContext) -> list[tuple[str, str, Entry]]:
    """Places, ids and what they name; an id that is there already is a fault."""
    found: dict[str, tuple[str, str, Entry]] = {}
    for where, name, entry in rows:
        if name in found:
            reader.fault(where, f"id {name} is on {found[name][0].rpartition(', ')[2]} already; an id names one.")
        found.setdefault(name, (where, name, entry))
    return list(found.values())


def squad_sentences(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """XQuAD-R: questions, and as candidates every sentence followed by its paragraph.

    The sentences are the parts of the context between the breaks, as in the benchmark's own loader; the published
    `sentences` differ from them in one Turkish paragraph. The right candidates of a question are the sentences in which
    its answer begins, in every language of the task that has a file beside this one. A candidate's id is language,
    paragraph, sentence.
    """
    gold: dict[str, list[str]] = collections.defaultdict(list)
    beside = (file.with_name(f"{code}{file.suffix}") for code in reader.languages)
    siblings = sorted({file, *(sibling for sibling in beside if sibling.exists() or sibling.is_symlink())})
    paragraphs = {sibling: paragraphs_of(sibling, reader) for sibling in siblings}
    for sibling in siblings:
        for number, paragraph in enumerate(paragraphs[sibling]):
            size = len(paragraph.context)
            for first, last in paragraph.sentence_breaks:
                if not 0 <= first <= last <= size:
                    where = f"{sibling}, paragraph {number}"
                    reader.fault(where, f"the break {first} to {last} leaves the context of {size} characters.")
            for question in paragraph.qas:
                sentence = _answer_sentence(sibling, paragraph, question, reader)
                gold[question.id].append(f"{sibling.stem}-{number}-{sentence}")
    for number, paragraph in enumerate(paragraphs[file]):
        sentences = [paragraph.context[first:last] for first, last in paragraph.sentence_breaks]
        reader.notes["paragraphs whose sentences differ from their breaks, which count"] += (
            sentences != paragraph.sentences
        )
        group = [
            candidate(f"{file.stem}-{number}-{index}", sentence + paragraph.context)
            for index, sentence in enumerate(sentences)
        ]
        for question in paragraph.qas:
            if len(gold[question.id]) != len(siblings):
                names = ", ".join(sibling.name for sibling in siblings)
                reader.fault(f"{file}, record {question.id}", f"is not once in each of the parallel files {names}.")
            group.append(query(question.id, question.question, gold[question.id]))
        yield group


def _answer_sentence(file: Path, paragraph: Paragraph, question: Question, reader: ReaderContext) -> int:
    """The number of the sentence in which a question's first answer begins."""
    answers = placed_answers(file, paragraph.context, question, reader, allows_none=False)
    start = answers[0][1] if answers else -1
    numbers = [n for n, (first, last) in enumerate(paragraph.sentence_breaks) if first <= start < last]
    if answers and not numbers:
        reader.fault(f"{file}, record {question.id}", f"its answer at {start} is in none of the sentences.")
    return numbers[0] if numbers else -1


def squad_answers(file: FileOrTable, reader: ReaderContext) -> Iterator[Group]:
    """Training pairs for answer retrieval: questions, and the sentence of the answer before its paragraph.

    Differs from the benchmark: it trains on SQuAD. The file has no sentences; they are cut after `.`, `!` or `?` (with
    quotes and reference numbers) where a blank and a capital or a digit follow. In validation every sentence is a
    candidate; in training, where the negatives are the batch's other answers, only the right ones are.
    """
    for number, questions in enumerate(squad(file, reader, has_own_ids=False)):
        context = questions[0]["context"]
        starts = [0, *(match.end() for match in SENTENCE_BREAK.finditer(context))]
        ends = [*starts[1:], len(context)]
        right = [sum(start <= row["starts"][0] for start in starts) - 1 for row in questions]
        kept = sorted(set(right)) if reader.split == "train" else range(len(starts))
        group = [candidate(f"{number}-{index}", context[starts[index] : ends[index]] + context) for index in kept]
        for row, index in zip(questions, right, strict=True):
            group.append(query(row["id"], row["question"], [f"{number}-{index}"]))
        yield group


class Linked(Record):
    """A mention in its text and the text of its entity."""

    mention: Text
    entity: Text


def linked(file: FileOrTable, reader: ReaderContext) -> Iterator[Group]:
    """Mewsli-X, Wikipedia: mentions and texts of their entities; equal texts, which have no id, are one candidate."""
    numbers: dict[str, str] = {}
    for _, number, record in records(file, Linked, reader):
        is_new = record.entity not in numbers
        name = numbers.setdefault(record.entity, str(number))
        asked = query(str(number), record.mention, [name])
        yield [asked, candidate(name, record.entity)] if is_new else [asked]


class Mention(Record):
    """A mention in its text and the id of its entity."""

    mention: Text
    entity_id: Text


class Entity(Record):
    """An entity and what describes it."""

    entity_id: Text
    description: Text


def mentions(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """Mewsli-X, Wikinews: mentions of a language, and, with the English ones, the candidates of all languages.

    With every language, the one pool would hold them eleven times. A mention whose entity is no candidate stays, and is
    never found.
    """
    entities = records(file.parents[2] / "candidate_entities.jsonl", Entity, reader)
    candidates = _identified(((where, entity.entity_id, entity) for where, _, entity in entities), reader)
    known = {name for _, name, _ in candidates}
    if file.parent.name == "en":
        yield from ([candidate(name, entity.description)] for _, name, entity in candidates)
    for _, number, record in records(file, Mention, reader):
        reader.notes["mentions whose entity is no candidate"] += record.entity_id not in known
        yield [query(str(number), record.mention, [record.entity_id])]
