"""Templates in the manner of MultiCheckList: small questions on small texts, which a competent reader answers.

Published templates: google-research/xtreme:multichecklist (Ruder et al. 2021, section 5.3), a table with a column of
texts a language, and beside some a column that says for which English words a text is meant. A case is one filling of a
test's templates: every context with every question; it is passed where all answers are right (Ribeiro et al. 2020).
Differs from the benchmark: a filling is drawn, and each template's first text that is meant for it taken, by one rule
for all languages, without the many exceptions of its scripts; a text whose `{property}` is not that of the English one
is not used (German, Gujarati); names are ten of men, the same in every language. Other faults of the table are kept:
where endings are joined to words, an answer may not stand in its context (most of all in Turkish), and such questions
are counted, as they are always failed.

Own templates: three of the six tests have a counterpart on the micro source: properties (two measures of a place, asked
by their units), animal against vehicle (a measure and a sum of money), and its second form (whose is which). CLDR has
no words for more and less, very, or for what a job is, so comparisons, intensifiers and professions have none.
"""

import csv
import dataclasses
import functools
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

from xit.core.errors import DataError, raise_all
from xit.core.settings import MicroSettings
from xit.micro import rendering
from xit.micro.content import Measure, Money, Name, Pair, Phrase, Sentence, Unit, listing
from xit.micro.world import Draw, split_of, world
from xit.sources import reader_context

SEED = 42  # as the benchmark's scripts

TITLES = {
    "A is COMP than B. Who is more / less COMP?": "comparisons",
    "Intensifiers (very, super, extremely) and reducers (somewhat, kinda, etc)?": "intensifiers",
    "size, shape, age, color": "properties",
    "Profession vs nationality": "profession_nationality",
    "Animal vs Vehicle": "animal_vehicle",
    "Animal vs Vehicle v2": "animal_vehicle_2",
}
"""The tests, by the names that the published table has."""

NAMES = ("Adam", "Daniel", "David", "Ivan", "Jonas", "Lucas", "Martin", "Omar", "Simon", "Viktor")


@dataclasses.dataclass(frozen=True)
class Question:
    """A question on a context, and the right answer."""

    context: str
    question: str
    answer: str


Case = tuple[Question, ...]
Suite = Mapping[str, Mapping[str, Sequence[Case]]]
"""Cases of each test and language."""


# --- published templates ---


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """A row of the table: what it is, its English text, and per language its texts with the words each is meant for,
    those that are meant for any last."""

    field: str
    english: str
    texts: Mapping[str, Sequence[tuple[str, frozenset[str]]]]


SAID = ("Context", "Question", "Answer")
PLACE = re.compile(r"\{(?:[a-z]:)?([^{}]*)\}")
COMMA = re.compile(r"\s*[,،，、၊]\s*")


def templates(file: Path) -> dict[str, list[Row]]:
    """The rows of each test of a table of templates.

    Raises:
        DataError: it cannot be read, or is not such a table.
    """
    reader = reader_context.ReaderContext("test")
    text = reader_context.text(file, reader)
    raise_all(DataError, reader.faults)
    header, *rows = csv.reader(io.StringIO(text), delimiter="\t")
    if header[:2] != ["Field", "en"]:
        raise DataError(f"{file}, line 1: its columns begin with {header[:2]}; they should with Field, en.")
    found: dict[str, list[Row]] = {}
    name = ""
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            reader.fault(f"{file}, line {number}", f"{len(row)} columns; the header has {len(header)}.")
        elif row[0] == "Name":
            name = TITLES.get(row[1], "")
            if not name:
                reader.fault(f"{file}, line {number}", f"test {row[1]!r} is unknown. Tests: {'; '.join(TITLES)}.")
            found[name] = []
        elif row[0].strip() not in ("", "Capability"):
            found.setdefault(name, []).append(Row(row[0], row[1], _texts(header, row)))
    for name, own in found.items():
        order = [row.field for row in own if row.field in SAID[1:]]
        if order != ["Question", "Answer"] * (len(order) // 2):
            reader.fault(f"{file}, test {name}", "a question is not followed by its answer.")
    raise_all(DataError, reader.faults)
    every = [row for own in found.values() for row in own if row.field not in SAID]
    return {name: own if any(row in every for row in own) else _lent(own, every) for name, own in found.items()}


def _lent(own: list[Row], every: Sequence[Row]) -> list[Row]:
    """The rows of a test that has no words of its own (the second of animals), with those of others that it needs."""
    needed = {name for row in own for name in PLACE.findall(row.english)}
    return own + [row for row in every if row.field in needed]


def _texts(header: Sequence[str], row: Sequence[str]) -> dict[str, list[tuple[str, frozenset[str]]]]:
    texts: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for column, text in zip(header[1:], row[1:], strict=True):
        code, _, is_condition = column.partition("-")
        if is_condition:
            last = texts[code].pop()
            texts[code].append((last[0], frozenset(COMMA.split(text.strip())) - {""}))
        else:
            texts.setdefault(code, []).append((text.strip(), frozenset()))
    return {code: sorted(entries, key=lambda entry: not entry[1]) for code, entries in texts.items()}


def of_templates(file: Path, languages: Sequence[str] | None, samples: int) -> dict[str, dict[str, list[Case]]]:
    """So many cases of each test in each language, the same ones in every run.

    Args:
        file: A table of templates.
        languages: Of those in the table; else all.
        samples: Cases of a test and language.

    Raises:
        DataError: as `templates`; or a language is not in the table, or one of its tests cannot be filled.
    """
    tests = templates(file)
    known = list(next(iter(next(iter(tests.values())))).texts) if tests else []
    if unknown := [code for code in languages or () if code not in known]:
        raise DataError(f"{file}: no templates in {', '.join(unknown)}. It has: {', '.join(known)}.")
    return {
        name: {code: _cases(name, rows, code, samples, file) for code in languages or known}
        for name, rows in tests.items()
    }


def _cases(name: str, rows: Sequence[Row], language: str, samples: int, file: Path) -> list[Case]:
    random = Random(f"{SEED}/{name}/{language}")
    found: dict[Case, None] = {}
    for _ in range(samples * 20):  # a filling may come twice, or have no text in the language
        case = _case(rows, language, random)
        if case:
            found[case] = None
        if len(found) == samples:
            break
    if not found:
        raise DataError(f"{file}: {name} has no complete text in {language}.")
    return list(found)


def _case(rows: Sequence[Row], language: str, random: Random) -> Case:
    """One filling; empty where the language has no text for it."""
    drawn = _drawn(rows, random)
    names = dict(zip(("first_name", "first_name1", "first_name2"), random.sample(NAMES, 3), strict=True))
    texts = {row: _filled(row, language, names, drawn) for row in rows if row.field in SAID}
    contexts = [text for row, text in texts.items() if row.field == "Context"]
    asked = [text for row, text in texts.items() if row.field != "Context"]
    return tuple(
        Question(context, question, answer)
        for context in contexts
        for question, answer in zip(asked[::2], asked[1::2], strict=True)
        if context and question and answer
    )


def _drawn(rows: Sequence[Row], random: Random) -> dict[str, Row]:
    """A row for each variable, by its name in the templates."""
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        if row.field not in SAID:
            kinds.setdefault(row.field, []).append(row)
    properties = [row for row in kinds.pop("property", []) if row.english in kinds]
    drawn = {}
    if len(properties) > 1:
        for number, row in enumerate(random.sample(properties, 2), 1):
            drawn[f"p.p{number}"] = row
            drawn[f"p.v{number}"] = random.choice(kinds[row.english])
        kinds = {kind: members for kind, members in kinds.items() if kind == "obj"}
    return drawn | {{"state": "s"}.get(kind, kind): random.choice(members) for kind, members in kinds.items()}


def _filled(row: Row, language: str, names: Mapping[str, str], drawn: Mapping[str, Row]) -> str:
    """The first text of a row that is meant for what was drawn, filled in; empty where there is none."""
    facts = _facts_of(row, drawn)
    values = {**names, **_values(drawn, language, facts)}
    own = set(PLACE.findall(row.english))
    for text in _meant(row, language, facts):
        places = set(PLACE.findall(text))
        is_same = all(place in own for place in places if place.startswith("p."))
        if is_same and places <= set(values):
            return PLACE.sub(lambda match: _capital(values[match[1]], match), text)
    return ""


def _values(drawn: Mapping[str, Row], language: str, facts: frozenset[str]) -> dict[str, str]:
    """What each variable stands for in a row; without those that the language has no text for."""
    values: dict[str, str] = {}
    for variable, row in drawn.items():
        text = next(_meant(row, language, facts), "")
        if variable in ("adj", "obj"):
            parts = [part for part in COMMA.split(text) if part]
            parts = text.split() if len(parts) == 1 else parts  # Thai has blanks between them
            values |= {f"{variable}[{number}]": part for number, part in enumerate(parts)}
        elif text:
            values[variable] = text
    return values


def _capital(value: str, match: re.Match[str]) -> str:
    """The value, with a capital where it begins a sentence (an answer is not one)."""
    before = match.string[: match.start()]
    return value[:1].upper() + value[1:] if before.endswith(". ") else value


def _meant(row: Row, language: str, facts: frozenset[str]) -> Iterator[str]:
    """The texts of a row that are meant for what was drawn; an answer that the table leaves out is as in English."""
    for text, words in row.texts.get(language, ()):
        if text and (not words or not words.isdisjoint(facts)):
            yield text
    if row.field == "Answer":
        yield row.english


def _facts_of(row: Row, drawn: Mapping[str, Row]) -> frozenset[str]:
    """What the choice of a text may depend on: the row itself, and all that was drawn, but of two properties those that
    its English text has."""
    places = {place.replace(".v", ".p") for place in PLACE.findall(row.english)}
    names = [name for name in drawn if not name.startswith("p.") or name.replace(".v", ".p") in places]
    return frozenset([row.english, *(fact for name in names for fact in _facts(drawn[name].english))])


@functools.cache
def _facts(english: str) -> list[str]:
    """The English words by which a table says what a text is meant for: `a sofa, the sofa` is `a sofa` and `sofa`."""
    parts = COMMA.split(english)
    return [english, *parts, *(part.split()[-1] for part in parts if part)]


# --- own templates ---


def of_micro(settings: MicroSettings, languages: Sequence[str], samples: int) -> dict[str, dict[str, list[Case]]]:
    """So many cases of each test that the micro source can put into words, the same ones in every language."""
    found: dict[str, dict[str, list[Case]]] = {}
    for name, make in MICRO.items():
        draw = Draw(world(settings.territories, settings.units), Random(f"{SEED}/{name}"), "test")
        drawn: dict[tuple[Phrases, ...], None] = {}
        while len(drawn) < samples:
            case = tuple(make(draw))
            if all(split_of(context) == "test" for context, _, _ in case):
                drawn[case] = None
        found[name] = {
            code: [
                tuple(Question(*(rendering.text(part, code) for part in phrases)) for phrases in case) for case in drawn
            ]
            for code in languages
        }
    return found


Phrases = tuple[Sentence, Sentence, Phrase]
"""Context, question and answer, before any language."""


def _measures(draw: Draw) -> tuple[Measure, Measure]:
    """Of two kinds."""
    first, second = (Measure(unit, draw.number()) for unit in draw.units(2))
    return (first, second) if first.unit.split("-")[0] != second.unit.split("-")[0] else _measures(draw)


def _money(draw: Draw) -> Money:
    return Money(draw.name("currency").code, draw.number())


def _what(thing: Measure | Money) -> Phrase:
    return Unit(thing.unit) if isinstance(thing, Measure) else Name("currency", thing.currency)


def _of_a_place(place: Name, things: Sequence[Measure | Money]) -> Iterator[Phrases]:
    for order in (things, things[::-1]):
        context = Sentence((Pair(place, listing(order)),))
        for thing in things:
            yield context, Sentence((Pair(place, _what(thing)),), "?"), thing


def _properties(draw: Draw) -> Iterator[Phrases]:
    yield from _of_a_place(draw.place(), _measures(draw))


def _measure_and_money(draw: Draw) -> Iterator[Phrases]:
    yield from _of_a_place(draw.place(), (_measures(draw)[0], _money(draw)))


def _whose(draw: Draw) -> Iterator[Phrases]:
    things: tuple[Measure, Money] = (_measures(draw)[0], _money(draw))
    said: list[tuple[Name, Measure | Money]] = list(zip(draw.names("territory", 2), things, strict=True))
    for order in (said, said[::-1]):
        context = Sentence(tuple(Pair(place, thing) for place, thing in order))
        for place, thing in said:
            yield context, Sentence((_what(thing),), "?"), place


MICRO: Mapping[str, Callable[[Draw], Iterator[Phrases]]] = {
    "properties": _properties,
    "measure_money": _measure_and_money,
    "measure_money_2": _whose,
}
"""Counterparts of properties, animal against vehicle and its second form."""
