"""Content in words: CLDR's names, patterns and plural forms, as Babel gives them, tagged segment by segment.

The joints of sentences (`: `, `; `, ` (`, `.`, `?`) and the numbers (western digits) are the same in all languages;
list patterns, names, units, dates and money are the language's own. Tags are conventions of the micro source, right by
construction: a name has one tag in all its words, territories and languages PROPN, currencies, units and the calendar
NOUN; a territory is a LOC, a currency an ORG (what a central bank issues), a language a PER (what a people speaks).
"""

import functools
import pickle
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from xit.core.errors import near
from xit.micro.content import (
    SYMBOLS,
    Code,
    Day,
    Gloss,
    Leaf,
    Listing,
    Marked,
    Measure,
    Money,
    Name,
    Pair,
    Phrase,
    Relative,
    Sentence,
    Unit,
)
from xit.micro.world import TERRITORIES, world


class Segment(NamedTuple):
    """A piece of text, with its part of speech (UPOS), its entity (`LOC`, `ORG`, `PER` or none) and whether marked."""

    text: str
    part: str
    entity: str = ""
    is_marked: bool = False


def text(content: Phrase | Sentence, language: str) -> str:
    """The content in words of a language."""
    return "".join(segment.text for segment in segments(content, language))


def span(content: Phrase | Sentence, language: str) -> tuple[str, int] | None:
    """The marked part of the content in words, and the character of the whole where it begins; None without a mark."""
    before, marked = "", ""
    for segment in segments(content, language):
        if segment.is_marked:
            marked += segment.text
        elif not marked:
            before += segment.text
    return (marked.strip(), len(before) + len(marked) - len(marked.lstrip())) if marked else None


def words(content: Phrase | Sentence, language: str) -> Iterator[tuple[str, Segment, bool]]:
    """Words, their segments and whether a word is its segment's first: segments cut at blanks.

    In scripts without blanks a segment is a word. A particle that is written together with a name (Arabic `و`) is a
    word of its own, as in Universal Dependencies.
    """
    for segment in segments(content, language):
        for number, word in enumerate(segment.text.split()):
            yield word, segment, number == 0


def segments(content: Phrase | Sentence, language: str) -> tuple[Segment, ...]:
    """The content as tagged pieces of text; joined without anything between them, they are the text."""
    match content:
        case Marked(inner):
            return tuple(segment._replace(is_marked=True) for segment in segments(inner, language))
        case Pair(left, right):
            return (*segments(left, language), Segment(": ", "PUNCT"), *segments(right, language))
        case Gloss(inner, note):
            return (
                *segments(inner, language),
                Segment(" (", "PUNCT"),
                *segments(note, language),
                Segment(")", "PUNCT"),
            )
        case Listing(items, style):
            return tuple(_listed([segments(item, language) for item in items], style, language))
        case Sentence(clauses, end):
            found = [part for clause in clauses for part in (Segment("; ", "PUNCT"), *segments(clause, language))]
            return (*found[1:], Segment(end, "PUNCT"))
        case _:
            return _leaf(content, language)


def _listed(items: list[tuple[Segment, ...]], style: str, language: str) -> Iterator[Segment]:
    for piece in _list_pattern(len(items), style, language):
        if isinstance(piece, int):
            yield from items[piece]
        else:
            yield piece


@functools.cache
def _list_pattern(count: int, style: str, language: str) -> tuple[Segment | int, ...]:
    """The pieces of a list of so many items: numbers stand for the items."""
    from babel.lists import format_list

    pattern = _clean(format_list([f"\1{number}\2" for number in range(count)], style=style, locale=_locale(language)))
    found: list[Segment | int] = []
    for piece in re.split("(\1\\d+\2)", pattern):
        if piece.startswith("\1"):
            found.append(int(piece[1:-1]))
        else:
            found += _glue(piece, "CCONJ")
    return tuple(found)


def _glue(piece: str, part: str) -> list[Segment]:
    """What stands between phrases: punctuation, and words of that part of speech."""
    runs = re.findall(r"[^\w\s]+\s*|\s*[\w\s]+", piece)
    return [Segment(run, "PUNCT" if not any(map(_is_letter, run)) else part) for run in runs]


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"


@functools.cache
def _leaf(leaf: Leaf, language: str) -> tuple[Segment, ...]:
    match leaf:
        case Code(sign):
            return (Segment(sign, "SYM"),)
        case Name(kind, code):
            part = "PROPN" if kind in ("territory", "language") else "NOUN"
            return (Segment(_name(kind, code, language), part, ENTITIES.get(kind, "")),)
        case Unit(unit):
            return (Segment(_unit_name(unit, language), "NOUN"),)
        case Measure(unit, number):
            return _numbered(_measure(unit, number, language), number, "NOUN")
        case Money(currency, number):
            return _numbered(_money(currency, number, language), number, "NOUN", "ORG")
        case Relative(unit, number):
            return _numbered(_relative(unit, number, language), abs(number), "ADV")
        case Day():
            return tuple(_date(leaf, language))


ENTITIES = {"territory": "LOC", "currency": "ORG", "language": "PER"}


def _numbered(phrase: str, number: int, part: str, entity: str = "") -> tuple[Segment, ...]:
    before, digits, after = phrase.partition(str(number))
    found = (Segment(before, part, entity), Segment(digits, "NUM"), Segment(after, part, entity))
    return tuple(segment for segment in found if segment.text)


def _name(kind: str, code: str, language: str) -> str:
    locale = _locale(language)
    if kind == "month":
        return _clean(_calendar("months", language)[int(code)])
    if kind == "weekday":
        return _clean(_calendar("days", language)[int(code) - 1])
    names: dict[str, str] = getattr(
        locale, {"territory": "territories", "currency": "currencies"}.get(kind, "languages")
    )
    return _clean(names[code])


def _calendar(field: str, language: str) -> dict[int, str]:
    """Months or weekdays as one names them alone (`март`), else as they stand in dates (`марта`).

    Babel's own stand-alone names depend on which locales were loaded before: an alias in data shared by all locales is
    resolved once, in place. So they are read from the language's own file.
    """
    own = _own(language)[field]
    alone = own.get("stand-alone", {})
    wide = alone.get("wide", {}) if isinstance(alone, dict) else {}
    return wide if isinstance(wide, dict) and len(wide) == len(own["format"]["wide"]) else own["format"]["wide"]


def _measure(unit: str, number: int, language: str) -> str:
    from babel.units import format_unit

    for length in ("long", "short", "narrow"):  # long is often an alias, which Babel renders as the unit's id
        phrase = _clean(format_unit(number, unit, length=length, locale=_locale(language)))
        if unit not in phrase:
            return phrase
    raise ValueError(f"{language}: CLDR has no pattern for {unit}")


def _unit_name(unit: str, language: str) -> str:
    names: dict[str, Any] = _locale(language).unit_display_names.get(unit, {})
    # Where `long` is an alias of `short`, Babel leaves it out; `short` is then the whole word. Else a measure without
    # 25, a number of the plural form that most numbers take.
    return _clean(names.get("long") or names.get("short") or _measure(unit, 25, language).replace("25", ""))


def _money(currency: str, number: int, language: str) -> str:
    from babel.numbers import format_currency

    options: dict[str, Any] = {"format": "0", "currency_digits": False, "format_type": "name"}
    return _clean(format_currency(number, currency, locale=_locale(language), **options))


SECONDS = {"hour": 3600, "day": 86400, "week": 604800, "month": 2592000, "year": 31536000}  # as Babel counts


def _relative(unit: str, number: int, language: str) -> str:
    from babel.dates import format_timedelta

    options: dict[str, Any] = {"granularity": unit, "threshold": 1000, "add_direction": True}
    return _clean(format_timedelta(number * SECONDS[unit], locale=_locale(language), **options))


def _date(day: Day, language: str) -> Iterator[Segment]:
    """A date's pieces: its numbers, month and weekday, and what is between them.

    Between are punctuation; nouns, where written onto a number or at the end (`年`, `г.`); else adpositions (`de`).
    """
    from babel.dates import format_date

    locale = _locale(language)
    phrase = _clean(format_date(day.date, "full" if day.has_weekday else "long", locale=locale))
    own = _own(language)
    names = {own["months"]["format"]["wide"][day.date.month], own["days"]["format"]["wide"][day.date.weekday()]}
    names |= {_name("month", f"{day.date.month:02d}", language), _name("weekday", str(day.date.isoweekday()), language)}
    known = "|".join(re.escape(_clean(name)) for name in sorted(names, key=len, reverse=True))
    pieces = re.split(rf"({known}|\d+\.?)", phrase)
    for number, piece in enumerate(pieces):
        if number % 2:
            yield Segment(piece, "NUM" if piece[0].isdigit() else "NOUN")
        elif piece:
            is_written_on = number > 0 and pieces[number - 1][-1].isdigit() and not piece[0].isspace()
            is_noun = is_written_on or number == len(pieces) - 1
            yield from [Segment(piece, "NOUN")] if is_noun and any(map(_is_letter, piece)) else _glue(piece, "ADP")


def _clean(phrase: str) -> str:
    """Without marks of writing direction, and with plain blanks."""
    return phrase.translate(PLAIN).strip()


PLAIN = {0xA0: " ", 0x202F: " ", 0x200E: None, 0x200F: None, 0x061C: None}


@functools.cache
def _locale(language: str) -> Any:
    from babel import Locale
    from babel.core import get_global

    return Locale.parse(get_global("language_aliases").get(language, language))


@functools.cache
def _own(language: str) -> dict[str, Any]:
    """CLDR's data of the language itself, without what it takes from elsewhere; empty where there is none.

    Not `localedata.load(…, merge_inherited=False)`: that poisons Babel's cache of the merged data.
    """
    from babel import localedata
    from babel.core import get_global

    file = Path(localedata.resolve_locale_filename(get_global("language_aliases").get(language, language)))
    if not file.is_file():
        return {}
    return read_locale(file)


CLASSES = {"dates.DateTimePattern", "localedata.Alias", "numbers.NumberPattern", "plural.PluralRule"}
"""The classes of Babel that occur in its data of CLDR."""


class _Values(pickle.Unpickler):
    """Makes values and Babel's own classes, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}".removeprefix("babel.") in CLASSES:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name}: no part of CLDR's data.")


def read_locale(file: Path) -> dict[str, Any]:
    """A file of Babel's, which keeps CLDR's data as pickles."""
    with file.open("rb") as opened:
        data: dict[str, Any] = _Values(opened).load()
    return data


# What a language must have of its own, (data, at least so many). Of the 50 languages of XTREME-R, ht and wo have less.
OWN = {"territories": 200, "languages": 200, "currency_names": 100, "unit_patterns": 50}


def language_faults(language: str) -> list[str]:
    """Why text in a language would not be in that language; empty for a good one."""
    from babel import localedata

    own = _own(language) if re.fullmatch(r"[a-z]{2,3}", language) else {}
    if not own:
        known = [code for code in localedata.locale_identifiers() if "_" not in code]
        return [f"{language}: CLDR has no such language.{near(language, known)}"]
    sizes = {field: len(own.get(field, ())) for field in OWN}
    lacks = [
        f"{size} {field.replace('_', ' ')} (of {OWN[field]})" for field, size in sizes.items() if size < OWN[field]
    ]
    for field, size in (("months", 12), ("days", 7)):
        if len(own.get(field, {}).get("format", {}).get("wide", {})) < size:
            lacks.append(f"no names of {field}")
    if not lacks:
        lacks = _missing(language)
    if not lacks:
        return []
    found = ", ".join(lacks[:4])
    return [f"{language}: CLDR has too little of it and would fall back to another language: {found}. Leave it out."]


def _missing(language: str) -> list[str]:
    """Names and patterns of the whole world that the language lacks."""
    whole = world(len(TERRITORIES), len(SYMBOLS))
    locale = _locale(language)
    found = [f"the name of {code}" for code in whole.names["territory"] if code not in locale.territories]
    found += [f"the name of {code}" for code in whole.names["currency"] if code not in locale.currencies]
    found += [f"the name of {code}" for code in whole.names["language"] if code not in locale.languages]
    for unit in whole.units:
        try:
            _measure(unit, 25, language)
        except ValueError:
            found.append(f"a pattern for {unit}")
    return found
