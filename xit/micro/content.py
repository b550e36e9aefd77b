"""What is said, before any language: small frozen values that `xit.micro.rendering` puts into words.

The same value rendered in two languages is a pair of translations. A value's
`repr` is its identity: the split that a sentence belongs to is a function of it (`xit.micro.world`).
"""

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Literal

NameKind = Literal["territory", "currency", "language", "month", "weekday"]


@dataclasses.dataclass(frozen=True)
class Name:
    """A CLDR name: of a territory (`FR`), currency (`EUR`), language (`sw`), month (`03`) or weekday (`1`, Monday)."""

    kind: NameKind
    code: str


@dataclasses.dataclass(frozen=True)
class Measure:
    """A number of a CLDR unit, `25 kilometers`."""

    unit: str
    number: int


@dataclasses.dataclass(frozen=True)
class Money:
    """An amount, `25 euros`."""

    currency: str
    number: int


@dataclasses.dataclass(frozen=True)
class Unit:
    """The name of a unit without a number, `kilometers`."""

    unit: str


@dataclasses.dataclass(frozen=True)
class Day:
    """A date, with its weekday or without."""

    date: datetime.date
    has_weekday: bool = False


@dataclasses.dataclass(frozen=True)
class Relative:
    """A time from now, `in 5 days` or (negative) `5 days ago`; the unit is `day`, `week`, `month`, `year`, `hour`."""

    unit: str
    number: int


@dataclasses.dataclass(frozen=True)
class Code:
    """A sign that every language writes the same way: `FR`, `EUR`, `25 km`, `2011-03-05`."""

    text: str


@dataclasses.dataclass(frozen=True)
class Marked:
    """A phrase whose place in the sentence is asked for; a mark is not content, so `repr` leaves it out."""

    inner: "Phrase"

    def __repr__(self) -> str:
        return repr(self.inner)


@dataclasses.dataclass(frozen=True)
class Listing:
    """Phrases joined by the language's own list pattern, `A, B, and C`."""

    items: tuple["Phrase", ...]
    style: Literal["standard", "or"] = "standard"


@dataclasses.dataclass(frozen=True)
class Pair:
    """`left: right`, what is said of something."""

    left: "Phrase"
    right: "Phrase"


@dataclasses.dataclass(frozen=True)
class Gloss:
    """`inner (note)`."""

    inner: "Phrase"
    note: "Phrase"


@dataclasses.dataclass(frozen=True)
class Sentence:
    """Clauses joined by `; ` and ended by `.`, `?`, or `:` where something is to follow."""

    clauses: tuple["Phrase", ...]
    end: Literal[".", "?", ":"] = "."


Leaf = Name | Measure | Money | Unit | Day | Relative | Code
Phrase = Leaf | Marked | Listing | Pair | Gloss

# Of the SI brochure (9th edition, tables 2, 4, 7, 8), IEC 80000-13 (GB), and UCUM (wk, a)
SYMBOLS = {
    "length-kilometer": "km",
    "mass-kilogram": "kg",
    "duration-hour": "h",
    "volume-liter": "L",
    "power-watt": "W",
    "length-meter": "m",
    "mass-gram": "g",
    "duration-week": "wk",
    "digital-gigabyte": "GB",
    "temperature-celsius": "°C",
    "duration-year": "a",
    "length-centimeter": "cm",
    "duration-day": "d",
    "volume-milliliter": "mL",
    "power-kilowatt": "kW",
    "mass-tonne": "t",
    "duration-minute": "min",
}
"""The units of the world, in the order in which a smaller world takes them, and their international symbols."""


def code(phrase: Phrase) -> Phrase:
    """The same thing in international signs, where it has them (weekdays have none)."""
    match phrase:
        case Name("weekday", _) | Code() | Relative():
            return phrase
        case Name(_, sign):
            return Code(sign)
        case Measure(unit, number):
            return Code(f"{number} {SYMBOLS[unit]}")
        case Money(currency, number):
            return Code(f"{number} {currency}")
        case Unit(unit):
            return Code(SYMBOLS[unit])
        case Day(date):
            return Code(date.isoformat())
        case Marked(inner):
            return Marked(code(inner))
        case Listing(items, style):
            return Listing(tuple(code(item) for item in items), style)
        case Pair(left, right):
            return Pair(code(left), code(right))
        case Gloss(inner, note):
            return Gloss(code(inner), code(note))


def listing(items: Sequence[Phrase], style: Literal["standard", "or"] = "standard") -> Phrase:
    """The items as a list, or the only item itself."""
    return items[0] if len(items) == 1 else Listing(tuple(items), style)
