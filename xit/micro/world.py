"""The world that micro texts speak of: places, their currencies and languages, units, the calendar; who may see what.

Facts and names are those of CLDR (Babel). Two rules keep the splits apart:

- A part of the world is held out. Of every five territories and units, the fourth appears in validation only and the
  fifth in test only; a currency or language goes with the territories that have it. Half of the draws in validation and
  test are of the split's own part, the others of the part that training has seen. Text for pretraining, in all
  languages, covers the whole world: what is held out is unseen in English fine-tuning, not unknown.
- Every sentence belongs to one split, by a hash of its content (`split_of`).
"""

import dataclasses
import datetime
import functools
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from random import Random

from xit.core.errors import ConfigError
from xit.core.task import Split
from xit.micro.content import SYMBOLS, Day, Measure, Money, Name, NameKind, Phrase, Sentence

# In the order in which a smaller world takes them. Left out: those whose currency changes about now, and those
# that have a comma or a bracket in a name. The fourth and fifth of each row are held out (see above).
_ROWS = """
FR JP KE PL IN
MX EG DE TH SE
TR RU US KR BR
ES CN NG HU IR
IT IS ET VN DK
SA AR NP CZ UA
AU GR MA MN RO
CL TZ CH GE ID
NO PT PE BD AM
FI CO GH AL LK
NL PK CA RS MY
PH IQ NZ AZ MK
"""
TERRITORIES = tuple(_ROWS.split())

FACTS_OF = datetime.date(2025, 1, 1)
"""The day whose currencies are the facts: fixed, so that no build depends on its date."""

SPOKEN_PERCENT = 3
"""A language that so many of a territory's people use is never offered as a wrong answer about it."""


@dataclasses.dataclass(frozen=True)
class World:
    """What there is. Lists are in a fixed order.

    Attributes:
        names: The codes of each kind of name.
        units: CLDR unit ids.
        owner: To which split the held-out codes and units belong; what is not in it is training's.
        currency: The currency of each territory.
        language: The first official language of each territory.
        tender: All currencies of a territory: none of them is a wrong answer.
        spoken: All languages official in a territory or used by many there: none of them is a wrong answer.
    """

    names: Mapping[NameKind, tuple[str, ...]]
    units: tuple[str, ...]
    owner: Mapping[str, Split]
    currency: Mapping[str, str]
    language: Mapping[str, str]
    tender: Mapping[str, frozenset[str]]
    spoken: Mapping[str, frozenset[str]]


@functools.cache
def world(territories: int, units: int) -> World:
    """The world of the first so many territories and units.

    Raises:
        ConfigError: there are not so many, or too few to hold some out.
    """
    for what, wanted, known in (("territories", territories, len(TERRITORIES)), ("units", units, len(SYMBOLS))):
        if not 10 <= wanted <= known:
            raise ConfigError(f"micro.{what}: {wanted}: the world has from 10 to {known} of them.")
    places = TERRITORIES[:territories]
    tender = {place: _tender(place) for place in places}
    currency = {place: tender[place][0] for place in places}
    spoken = {place: _spoken(place) for place in places}
    language = {place: spoken[place][0] for place in places}
    names: dict[NameKind, tuple[str, ...]] = {
        "territory": tuple(places),
        "currency": tuple(dict.fromkeys(currency.values())),
        "language": tuple(dict.fromkeys(language.values())),
        "month": tuple(f"{number:02d}" for number in range(1, 13)),
        "weekday": tuple(str(number) for number in range(1, 8)),
    }
    known_units = tuple(SYMBOLS)[:units]
    owner = {**_fifths(places), **_fifths(known_units)}
    for facts in (currency, language):
        for thing in dict.fromkeys(facts.values()):
            owners = {owner.get(place) for place in places if facts[place] == thing}
            if len(owners) == 1 and (only := owners.pop()) is not None:
                owner[thing] = only
    return World(
        names,
        known_units,
        owner,
        currency,
        language,
        {place: frozenset(tender[place]) for place in places},
        {place: frozenset(spoken[place]) for place in places},
    )


def _fifths(codes: Sequence[str]) -> dict[str, Split]:
    return {code: split for first, split in ((3, "validation"), (4, "test")) for code in codes[first::5]}  # type: ignore[misc]


def _tender(territory: str) -> list[str]:
    from babel.numbers import get_territory_currencies

    return list(get_territory_currencies(territory, FACTS_OF))


def _spoken(territory: str) -> list[str]:
    """Languages of a territory, the first official one first."""
    from babel.languages import get_official_languages, get_territory_language_info

    official = get_official_languages(territory, regional=True, de_facto=True)
    shares = get_territory_language_info(territory)
    common = sorted(code for code in shares if shares[code]["population_percent"] >= SPOKEN_PERCENT)
    first = get_official_languages(territory, de_facto=True)
    return list(dict.fromkeys(code.split("_")[0] for code in (*first, *official, *common)))


def split_of(sentence: Sentence) -> Split:
    """The split that a sentence belongs to: half of all are training's, a quarter validation's, a quarter test's."""
    number = zlib.crc32(repr(sentence).encode()) % 4
    return "test" if number == 0 else "validation" if number == 1 else "train"


def kind(phrase: Phrase) -> str:
    """What is measured or named: `length`, `mass`, …, `money`, `month`, `weekday`. A place has one value of each."""
    match phrase:
        case Measure(unit, _):
            return unit.split("-")[0]
        case Money():
            return "money"
        case Name(name_kind, _):
            return name_kind
        case Day():
            return "day"
        case _:
            raise ValueError(f"{phrase}: is not an attribute of a place")


NUMBERS = range(3, 100)
"""The numbers of measures; 1 and 2 are left out, since languages with a dual write no number there."""


class Draw:
    """Random choices from the part of the world that a split may see; without a split, from all of it."""

    def __init__(self, world: World, random: Random, split: Split | None) -> None:
        self.world = world
        self.random = random
        self.split = split

    def _one(self, codes: Iterable[str]) -> str:
        owner = self.world.owner
        if self.split is None:
            return self.random.choice(list(codes))
        seen = [code for code in codes if code not in owner]
        own = [code for code in codes if owner.get(code) == self.split]
        return self.random.choice(own if own and self.random.random() < 0.5 else seen or own)

    def name(self, name_kind: NameKind, without: Collection[str] = ()) -> Name:
        """A name, none of the codes in `without`."""
        return Name(name_kind, self._one([code for code in self.world.names[name_kind] if code not in without]))

    def names(self, name_kind: NameKind, count: int) -> list[Name]:
        """So many different names."""
        found: list[Name] = []
        for _ in range(count):
            found.append(self.name(name_kind, [name.code for name in found]))
        return found

    def place(self, without: Collection[str] = ()) -> Name:
        """A territory."""
        return self.name("territory", without)

    def unit(self) -> str:
        """A unit."""
        return self._one(self.world.units)

    def units(self, count: int) -> list[str]:
        """So many different units."""
        found: list[str] = []
        while len(found) < count:
            found += [unit for unit in [self.unit()] if unit not in found]
        return found

    def sees(self, name: Name) -> bool:
        """Whether the split may see what has that name."""
        return self.split is None or self.world.owner.get(name.code, self.split) == self.split

    def owns(self, *sentences: Sentence) -> bool:
        """Whether all of these sentences are of its split."""
        return all(split_of(sentence) == self.split for sentence in sentences)

    def number(self) -> int:
        """A number of units or of money."""
        return self.random.choice(NUMBERS)

    def day(self) -> Day:
        """A date from 1990 to 2029."""
        return Day(datetime.date(1990, 1, 1) + datetime.timedelta(days=self.random.randrange(40 * 365)))

    def measure(self) -> Measure | Money:
        """A measure or an amount of money."""
        if self.random.random() < 0.3:
            return Money(self._one(self.world.names["currency"]), self.number())
        return Measure(self.unit(), self.number())

    def attribute(self, without: Collection[str] = ()) -> Measure | Money | Name:
        """What may be said of a place, of none of the kinds in `without` (see `kind`)."""
        while True:
            chance = self.random.random()
            if chance < 0.7:
                found: Measure | Money | Name = self.measure()
            else:
                found = self.name("month" if chance < 0.85 else "weekday")
            if kind(found) not in without:
                return found

    def attributes(self, count: int, without: Collection[str] = ()) -> list[Measure | Money | Name]:
        """So many attributes, each of another kind."""
        found: list[Measure | Money | Name] = []
        for _ in range(count):
            found.append(self.attribute([*without, *map(kind, found)]))
        return found

    def altered(self, phrase: Measure | Money | Name, numbers: Sequence[int] = ()) -> Measure | Money | Name:
        """Another value of the same kind; a number is one of `numbers` half of the time, where one differs."""
        match phrase:
            case Name(name_kind, code):
                return self.name(name_kind, [code])
            case Measure(_, number) | Money(_, number):
                others = [other for other in numbers if other != number]
                if not others or self.random.random() < 0.5:
                    others = [other for other in NUMBERS if other != number]
                return dataclasses.replace(phrase, number=self.random.choice(others))
