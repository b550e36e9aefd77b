"""Text for pretraining: short documents of one language, none of them mixed; and pairs of English and another one.

A part of the documents are rows as of a dictionary, in which phrases stand beside the signs that all languages share
("France (FR); EUR: Euro; March (03); 25 kilometers (25 km)"). They are what aligns the languages in an encoder that
never sees two of them side by side. Pairs are the other way of aligning them: the same document in two languages.
"""

import itertools
from collections.abc import Callable, Iterator
from random import Random

from xit.core.errors import ConfigError, raise_all
from xit.core.settings import MicroSettings
from xit.micro import rendering
from xit.micro.content import Day, Gloss, Listing, Name, NameKind, Pair, Phrase, Relative, Sentence, Unit, code, listing
from xit.micro.world import Draw, split_of, world


def text(language: str, settings: MicroSettings) -> Iterator[str]:
    """The documents of a language; none of them is or ends in a sentence of a test split.

    Raises:
        ConfigError: CLDR has not enough of the language.
    """
    draw = _draw("text", language, settings)
    for _ in range(settings.documents_per_language):
        is_dictionary = draw.random.random() < settings.anchor_fraction
        yield rendering.text(_free(_dictionary if is_dictionary else _document, draw), language)


def parallel(language: str, settings: MicroSettings) -> Iterator[tuple[str, str]]:
    """Documents in English and in a language, none of them rows of signs, as many as there are of text.

    They are others than those of the text, and other ones in each language; none is or ends in a sentence of a test
    split, in either language.

    Raises:
        ConfigError: CLDR has not enough of the language.
    """
    draw = _draw("parallel", language, settings)
    for _ in range(settings.documents_per_language):
        document = _free(_document, draw)
        yield rendering.text(document, "en"), rendering.text(document, language)


def _draw(kind: str, language: str, settings: MicroSettings) -> Draw:
    faults = rendering.language_faults(language)
    raise_all(ConfigError, [f"languages.pretraining: {fault}" for fault in faults])
    random = Random(f"{settings.seed}/{kind}/{language}")
    return Draw(world(settings.territories, settings.units), random, None)


def _free(make: Callable[[Draw], Sentence], draw: Draw) -> Sentence:
    """The next document that holds no sentence of a test split."""
    document = make(draw)
    while _is_reserved(document):
        document = make(draw)
    return document


def _is_reserved(document: Sentence) -> bool:
    """Whether the document, its end, or two facts in it are a sentence of a test split.

    Longer ends are not looked at: three random clauses do not meet again.
    """
    clauses = document.clauses
    match clauses[-1]:
        case Pair(Listing(places), right):  # `Japan and Kenya: May.` ends in `Kenya: May.`
            clauses = (*clauses, Pair(places[-1], right))
    sentences = [document, Sentence(clauses[-1:]), Sentence(clauses[-2:])]
    for first, second in itertools.pairwise(clauses):
        if isinstance(second, Pair):
            sentences.append(Sentence((first, second.left), ":"))
    return any(split_of(sentence) == "test" for sentence in sentences)


def _dictionary(draw: Draw) -> Sentence:
    """Phrases and their international signs."""
    rows: list[Phrase] = []
    for _ in range(draw.random.randint(2, 4)):
        phrase = _phrase_with_sign(draw)
        rows.append(Gloss(phrase, code(phrase)) if draw.random.random() < 0.5 else Pair(code(phrase), phrase))
    return Sentence(tuple(rows))


def _phrase_with_sign(draw: Draw) -> Phrase:
    chance = draw.random.random()
    if chance < 0.3:
        return draw.place()
    if chance < 0.45:
        return draw.name("currency")
    if chance < 0.6:
        return draw.name("language")
    if chance < 0.7:
        return draw.name("month")
    if chance < 0.76:
        return Unit(draw.unit())
    if chance < 0.82:
        return draw.day()
    return draw.measure()


def _document(draw: Draw) -> Sentence:
    chance = draw.random.random()
    if chance < 0.3:
        return _facts(draw)
    if chance < 0.38:
        return _dates(draw)
    if chance < 0.48:
        return _series(draw)
    if chance < 0.55:
        return Sentence(tuple(Pair(draw.place(), _relative(draw)) for _ in range(draw.random.randint(1, 2))))
    if chance < 0.65:
        return _names(draw)
    return _statements(draw)


def _facts(draw: Draw) -> Sentence:
    """Currencies and languages of places: whole rows with signs, or one relation for two or three places."""
    facts = draw.world
    if draw.random.random() < 0.4:
        place = draw.place()
        currency = Name("currency", facts.currency[place.code])
        language = Name("language", facts.language[place.code])
        return Sentence((Pair(Gloss(place, code(place)), listing([Gloss(currency, code(currency)), language])),))
    relation = draw.random.choice(["currency", "language", "both"])
    rows: list[Phrase] = []
    for place in draw.names("territory", draw.random.randint(2, 3)):
        known: list[Phrase] = [
            Name("currency", facts.currency[place.code]),
            Name("language", facts.language[place.code]),
        ]
        rows.append(Pair(place, listing({"currency": known[:1], "language": known[1:]}.get(relation, known))))
    return Sentence(tuple(rows))


def _dates(draw: Draw) -> Sentence:
    day = draw.day()
    if draw.random.random() < 0.5:
        return Sentence((Gloss(Day(day.date, has_weekday=True), code(day)),))
    return Sentence((Pair(draw.place(), Gloss(day, code(day))),))


def _series(draw: Draw) -> Sentence:
    """Two to four months or weekdays in their order."""
    kind = draw.random.choice(SERIES)
    names = draw.world.names[kind]
    first, count = draw.random.randrange(len(names)), draw.random.randint(2, 4)
    return Sentence((Listing(tuple(Name(kind, names[(first + step) % len(names)]) for step in range(count))),))


SERIES: tuple[NameKind, ...] = ("month", "weekday")


def _relative(draw: Draw) -> Relative:
    unit = draw.random.choice(sorted(rendering.SECONDS))
    return Relative(unit, draw.random.choice((-1, 1)) * draw.random.randint(3, 60))


def _names(draw: Draw) -> Sentence:
    """Names of places, and beside them names of anything."""
    kinds: list[NameKind] = ["currency", "language", "month", "weekday", "territory"]
    left = draw.names("territory", draw.random.randint(1, 2))
    right: list[Phrase] = [draw.name(draw.random.choice(kinds)) for _ in range(draw.random.randint(1, 3))]
    return Sentence((Pair(listing(left), listing(right, draw.random.choice(["standard", "or"]))),))


def _statements(draw: Draw) -> Sentence:
    """Attributes of one to three places, some of them said again."""
    places = draw.names("territory", draw.random.randint(1, 3))
    known: dict[Name, list[Phrase]] = {place: list(draw.attributes(draw.random.randint(1, 3))) for place in places}
    if draw.random.random() < 0.2:
        known[places[0]].append(draw.day() if draw.random.random() < 0.5 else _relative(draw))
    clauses: list[Phrase] = [Pair(place, listing(known[place])) for place in places]
    for _ in range(draw.random.randint(0, 4)):
        place = draw.random.choice(places)
        clauses.append(Pair(place, draw.random.choice(known[place])))
    return Sentence(tuple(clauses))
