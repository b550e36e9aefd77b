"""Generators of multiple choice: the right one among phrases of its kind, by the facts of the world or of a text."""

from collections.abc import Callable

from xit.micro.content import Listing, Name, NameKind, Pair, Phrase, Sentence, Unit, code
from xit.micro.items import Item, Options
from xit.micro.rendering import text
from xit.micro.world import Draw


def cause(draw: Draw, index: int, options: Options) -> Item:
    """What fits: by analogy, or by what was just said (XCOPA, COPA, SocialIQA, Cosmos QA)."""
    form = _analogy if draw.random.random() < 0.7 else _situation
    return form(draw, index, options.choices)


def continuation(draw: Draw, index: int, options: Options) -> Item:
    """What follows: in a series, by what was just said, or by analogy (HellaSwag, CommonsenseQA)."""
    chance = draw.random.random()
    form = _series if chance < 0.25 else _situation if chance < 0.6 else _analogy
    return form(draw, index, options.choices)


def _analogy(draw: Draw, index: int, count: int) -> Item:
    """`France: Euro; Japan:`, and choices of which one is to Japan what the euro is to France."""
    relation = draw.random.choice([_currency, _language, _sign, _meaning, _next])
    example, its, asked, right, wrong = relation(draw)
    return _choice(index, count, Sentence((Pair(example, its), asked), ":"), right, wrong)


# An example and what is its own, what is asked and the right answer, and a maker of wrong answers
Relation = tuple[Phrase, Phrase, Phrase, Phrase, Callable[[], Phrase]]


def _currency(draw: Draw) -> Relation:
    """A place and its currency; what is tender there is no wrong answer."""
    place, asked = draw.names("territory", 2)
    facts = draw.world
    its, right = (Name("currency", facts.currency[each.code]) for each in (place, asked))
    return place, its, asked, right, lambda: draw.name("currency", facts.tender[asked.code])


def _language(draw: Draw) -> Relation:
    """A place and its first official language; what many speak there is no wrong answer."""
    place, asked = draw.names("territory", 2)
    facts = draw.world
    its, right = (Name("language", facts.language[each.code]) for each in (place, asked))
    return place, its, asked, right, lambda: draw.name("language", facts.spoken[asked.code])


def _sign(draw: Draw) -> Relation:
    """A phrase and its international sign."""
    example, asked, other = _signed(draw)
    return example, code(example), asked, code(asked), lambda: code(other())


def _meaning(draw: Draw) -> Relation:
    """An international sign and what it is in words."""
    example, asked, other = _signed(draw)
    return code(example), example, code(asked), asked, other


def _signed(draw: Draw) -> tuple[Phrase, Phrase, Callable[[], Phrase]]:
    """Two things of a kind that has signs, and a maker of more."""
    kinds: list[NameKind] = ["territory", "currency", "language", "month"]
    chosen = draw.random.choice([*kinds, None])
    if chosen is None:
        first, second = draw.units(2)
        return Unit(first), Unit(second), lambda: Unit(draw.unit())
    example, asked = draw.names(chosen, 2)
    return example, asked, lambda: draw.name(chosen)


def _next(draw: Draw) -> Relation:
    """A month or weekday and the one after it."""
    chosen: NameKind = draw.random.choice(SERIES)
    example, asked = draw.names(chosen, 2)
    return example, _after(draw, example, 1), asked, _after(draw, asked, 1), lambda: draw.name(chosen)


SERIES: tuple[NameKind, ...] = ("month", "weekday")


def _after(draw: Draw, name: Name, steps: int) -> Name:
    names = draw.world.names[name.kind]
    return Name(name.kind, names[(names.index(name.code) + steps) % len(names)])


def _series(draw: Draw, index: int, count: int) -> Item:
    """`Monday and Tuesday:`, and choices of which one has the next two in their order."""
    chosen: NameKind = draw.random.choice(SERIES)
    first, length = draw.name(chosen), draw.random.randint(2, 4)
    prompt = Sentence((Listing(tuple(_after(draw, first, step) for step in range(length))),), ":")
    right = Listing((_after(draw, first, length), _after(draw, first, length + 1)))
    return _choice(index, count, prompt, right, lambda: Listing(tuple(draw.names(chosen, 2))))


def _situation(draw: Draw, index: int, count: int) -> Item:
    """`France: 25 kilometers; Japan: May; France:`, and choices of which one was said; in words or signs."""
    places = draw.names("territory", 2)
    said = [draw.attribute(), draw.attribute()]
    asked = draw.random.randrange(2)
    prompt = Sentence((*map(Pair, places, said), places[asked]), ":")
    form = code if draw.random.random() < 0.5 else _same
    known = [form(attribute) for attribute in said]

    def wrong() -> Phrase:
        other = form(draw.altered(said[asked]) if draw.random.random() < 0.5 else draw.attribute())
        return other if other not in known else wrong()

    return _choice(index, count, prompt, known[asked], wrong)


def _same(phrase: Phrase) -> Phrase:
    return phrase


def _choice(index: int, count: int, prompt: Sentence, right: Phrase, wrong: Callable[[], Phrase]) -> Item:
    """An item with so many different choices; the place of the right one goes round."""
    choices = [right]
    while len(choices) < count:
        other = wrong()
        choices += [other] if other not in choices else []
    label = index % count
    choices = [*choices[1 : label + 1], right, *choices[label + 1 :]]
    return Item(
        (prompt,),
        lambda language: {
            "prompt": text(prompt, language),
            "choices": [text(choice, language) for choice in choices],
            "label": label,
        },
        key=(prompt, tuple(choices)),
    )
