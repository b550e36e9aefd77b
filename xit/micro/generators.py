"""The micro counterparts of the data sets: a generator draws an item's content and label; any language can render it.

Which task has which generator is in the task's own file (`Task.micro`); what differs between tasks of one generator is
the stream of random numbers, the labels and the number of choices. What the generators ask, always with the answer
known by construction:

inference          does a statement follow from, contradict, or not follow from others? A place has one value of each
                   kind (one length, one sum of money, one month): another value contradicts, another kind is neutral.
                   Half of the hypotheses have international signs ("Japan: 25 km") where the premise has words.
paraphrase         do two texts say the same in another order, and half of the time in signs? Wrong ones exchange two
                   places (PAWS), or change one value.
cause              the continuation that fits: by analogy, over the facts of the world ("France: euro; Japan:"), or by
                   what was just said of a place; with as many choices as the task has.
continuation       the same, and series of months and weekdays.
parts_of_speech, entities, supertags   tags of words (`xit.micro.rendering`); supertags are categories of CCG.
questions          a question on a passage of statements, by place and unit ("KE: kilometers?") or by value ("25 km?").
unanswerable       the same, of a passage that has something else in place of the answer.
aligned            sentences without digits; English queries.
mined              the same, from a language to English; a third of the queries, and of the candidates, have no partner.
answers            a question that repeats three of the four names that are said of a place, in another order, and the
                   statement of all four before its context; the candidates are those of all languages, in validation
                   (English) also `near_answers`, in which one name or the place differs.
linking            a name in a sentence, marked as in Mewsli-X, and the description of what it names.
"""

import collections
import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from xit.micro import rendering
from xit.micro.choices import SERIES, cause, continuation
from xit.micro.content import Gloss, Marked, Measure, Name, NameKind, Pair, Phrase, Sentence, Unit, code, listing
from xit.micro.items import Attribute, Item, Options, Row, shuffled, signs, statement
from xit.micro.rendering import Segment, text
from xit.micro.world import Draw, kind

# --- classification ---


def inference(draw: Draw, index: int, options: Options) -> Item:
    """Premise and hypothesis (XNLI, MNLI, ANLI, SICK)."""
    label = ("entailment", "neutral", "contradiction")[index % 3]
    place, other, third = draw.names("territory", 3)
    said = draw.attributes(draw.random.randint(2, 3))
    elsewhere = draw.attributes(draw.random.randint(0, 1))
    clauses = [statement(place, said), *(statement(other, elsewhere) for _ in elsewhere)]
    premise = Sentence(tuple(shuffled(draw, clauses)))
    asked: Attribute = draw.random.choice(said)
    if label == "contradiction":
        asked = draw.altered(asked, _numbers([*said, *elsewhere]))
    elif label == "neutral" and draw.random.random() < 0.25:
        place = third
    elif label == "neutral":
        asked = _unsaid(draw, said, elsewhere)
    hypothesis = Sentence((Pair(signs(draw, place, 0.25), signs(draw, asked)),))
    return _pair(premise, hypothesis, label)


def _unsaid(draw: Draw, said: Sequence[Attribute], elsewhere: Sequence[Attribute]) -> Attribute:
    """An attribute of a kind that was not said; half of the time it, or its number, was said of another place."""
    kinds = [kind(attribute) for attribute in said]
    others = [attribute for attribute in elsewhere if kind(attribute) not in kinds]
    if others and draw.random.random() < 0.5:
        return draw.random.choice(others)
    fresh = draw.attribute(kinds)
    numbers = _numbers(said)
    if numbers and not isinstance(fresh, Name) and draw.random.random() < 0.5:
        return dataclasses.replace(fresh, number=draw.random.choice(numbers))
    return fresh


def _numbers(attributes: Sequence[Attribute]) -> list[int]:
    return [attribute.number for attribute in attributes if not isinstance(attribute, Name)]


def paraphrase(draw: Draw, index: int, options: Options) -> Item:
    """Two texts that say the same, or nearly (PAWS-X, QQP)."""
    is_same = index % 2 == 1
    first, second = draw.names("territory", 2)
    here, there = draw.attributes(draw.random.randint(1, 2)), draw.attributes(draw.random.randint(1, 2))
    original = Sentence((statement(first, here), statement(second, there)))
    if not is_same and draw.random.random() < 0.5 and set(here) != set(there):
        here, there = there, here
    elif not is_same:
        changed = draw.random.randrange(len(here))
        here = [*here[:changed], draw.altered(here[changed], _numbers([*here, *there])), *here[changed + 1 :]]
    clauses: list[Phrase] = [statement(first, shuffled(draw, here)), statement(second, shuffled(draw, there))]
    clauses = shuffled(draw, clauses)
    restated = Sentence(tuple(clauses))
    if restated == original:
        restated = Sentence(tuple(reversed(clauses)))
    if draw.random.random() < 0.5:
        restated = Sentence(tuple(code(clause) for clause in restated.clauses))
    return _pair(original, restated, options.labels[int(is_same)])


def _pair(first: Sentence, second: Sentence, label: str) -> Item:
    return Item(
        (first, second),
        lambda language: {"text_a": text(first, language), "text_b": text(second, language), "label": label},
    )


# --- tagging ---


def parts_of_speech(draw: Draw, index: int, options: Options) -> Item:
    """Words and their universal parts of speech (UD-POS)."""
    return _tagged(_sentence(draw), lambda segment, is_first, after: segment.part)


def entities(draw: Draw, index: int, options: Options) -> Item:
    """Words and their entities: places LOC, currencies ORG, languages PER (PAN-X)."""
    return _tagged(
        _sentence(draw),
        lambda segment, is_first, after: f"{'B' if is_first else 'I'}-{segment.entity}" if segment.entity else "O",
    )


def supertags(draw: Draw, index: int, options: Options) -> Item:
    """Words and their categories in combinatory categorial grammar, as CCGbank has them (CCG; English)."""
    return _tagged(_sentence(draw), _category)


def _category(segment: Segment, is_first: bool, after: Segment | None) -> str:
    """The category of a word from its segment and that of the next word."""
    is_noun = after is not None and after.part in ("NOUN", "PROPN")
    match segment.part:
        case "NUM":
            return "N/N" if is_noun else "N[num]"
        case "NOUN" | "PROPN" if after is not None and after.part == "NUM":
            return "N/N[num]"
        case "NOUN" | "PROPN":
            return "N/N" if after is segment else "N"
        case "CCONJ":
            return "conj"
        case "ADP":
            return "(NP\\NP)/NP"
        case _:
            return segment.text.strip()


Tagger = Callable[[Segment, bool, "Segment | None"], str]


def _tagged(sentence: Sentence, tag: Tagger) -> Item:
    def row(language: str) -> Row:
        found = list(rendering.words(sentence, language))
        following = [segment for _, segment, _ in found[1:]]
        tags = [
            tag(segment, is_first, after)
            for (_, segment, is_first), after in zip(found, [*following, None], strict=True)
        ]
        return {"words": [word for word, _, _ in found], "tags": tags}

    return Item((sentence,), row)


def _sentence(draw: Draw) -> Sentence:
    """One or two clauses of anything, so that neither place nor neighbours give a word's tag away."""
    clauses: list[Phrase] = []
    for _ in range(draw.random.randint(1, 2)):
        left = listing([_thing(draw) for _ in range(draw.random.randint(1, 2))])
        right = [_thing(draw) for _ in range(draw.random.randint(1, 3))]
        clauses.append(Pair(left, listing(right, draw.random.choice(["standard", "standard", "or"]))))
    return Sentence(tuple(clauses))


def _thing(draw: Draw) -> Phrase:
    kinds: list[NameKind] = ["territory", "territory", "currency", "language", "language", "month", "weekday"]
    chance = draw.random.random()
    if chance < 0.65:
        return draw.name(draw.random.choice(kinds))
    return draw.day() if chance < 0.72 else draw.measure()


# --- span ---


def questions(draw: Draw, index: int, options: Options) -> Item:
    """A question whose answer is a part of the passage (SQuAD, XQuAD, MLQA, TyDiQA)."""
    question, context, _ = _asked(draw)
    return _question(question, context)


def unanswerable(draw: Draw, index: int, options: Options) -> Item:
    """The same, of a passage that says something else in place of the answer (SQuAD 2.0 has them beside SQuAD's)."""
    question, _, without = _asked(draw)
    return _question(question, without)


def _question(question: Sentence, context: Sentence) -> Item:
    def row(language: str) -> Row:
        words = {"question": text(question, language), "context": text(context, language)}
        found = rendering.span(context, language)
        return {**words, "answers": [found[0]] if found else [], "starts": [found[1]] if found else []}

    return Item((question, context), row)


def _asked(draw: Draw) -> tuple[Sentence, Sentence, Sentence]:
    """A question; a passage with the answer marked; and the passage with something else in its place."""
    places = draw.names("territory", draw.random.randint(2, 3))
    said: list[list[Phrase]] = [list(draw.attributes(2)) for _ in places]
    at, rival = draw.random.sample(range(len(places)), 2)
    which = draw.random.randrange(2)
    asked: Any = said[at][which]
    if draw.random.random() < 0.5:  # the same kind is said of another place, with another value
        said[rival] = [draw.altered(asked), draw.attribute([kind(asked)])]
    is_by_value = isinstance(asked, Name) or draw.random.random() < 0.2
    if is_by_value:
        said = [[_other(draw, each, asked) if n != at else each for each in items] for n, items in enumerate(said)]
        question = Sentence((signs(draw, asked),), "?")
    else:
        what = Unit(asked.unit) if isinstance(asked, Measure) else Name("currency", asked.currency)
        question = Sentence((Pair(signs(draw, places[at], 0.25), signs(draw, what)),), "?")
    instead = draw.attribute([kind(each) for each in said[at]])
    without = [*said[:at], [instead if each == asked else each for each in said[at]], *said[at + 1 :]]
    marked: list[Phrase] = [*places]
    if is_by_value:
        marked[at] = Marked(places[at])
    else:
        said[at] = [Marked(each) if each == asked else each for each in said[at]]
    return (
        question,
        Sentence(tuple(map(statement, marked, said))),
        Sentence(tuple(map(statement, places, without))),
    )


def _other(draw: Draw, attribute: Any, than: Any) -> Phrase:
    return draw.altered(attribute) if attribute == than else attribute


# --- retrieval ---


def aligned(draw: Draw, index: int, options: Options) -> Item:
    """An English sentence and its translation, without digits (Tatoeba)."""
    sentence, names = _of_names(draw)
    return Item(
        (sentence,),
        lambda language: {"text": text(sentence, SOURCE_LANGUAGE)},
        key=names,
        candidate=lambda language: text(sentence, language),
    )


def mined(draw: Draw, index: int, options: Options) -> Item:
    """A sentence and its English translation; in every third item an English sentence of other names (BUCC)."""
    sentence, names = _of_names(draw)
    other = sentence if index % 3 < 2 else _of_names(draw)[0]
    return Item(
        (sentence, other),
        lambda language: {"text": text(sentence, language)},
        key=names,
        candidate=lambda language: text(other, SOURCE_LANGUAGE),
        is_answered=other == sentence,
    )


def _of_names(draw: Draw) -> tuple[Sentence, frozenset[Name]]:
    """A sentence without digits, and the names in it."""
    kinds: list[NameKind] = ["currency", "language", "weekday", "territory"]
    left = draw.names("territory", 2)
    right = [draw.name(draw.random.choice(kinds)) for _ in range(draw.random.randint(1, 3))]
    conjunction: Any = draw.random.choice(["standard", "or"])
    return Sentence((Pair(listing(left), listing(right, conjunction)),)), frozenset([*left, *right])


SOURCE_LANGUAGE = "en"


def answers(draw: Draw, index: int, options: Options) -> Item:
    """A question with three of the four names that are said of a place; the statement before its context (LAReQA)."""
    place, another, other = draw.names("territory", 3)
    asked = [another, draw.name("currency"), draw.name("language")]
    series: NameKind = draw.random.choice(SERIES)
    answer = Sentence((statement(place, shuffled(draw, [*asked, draw.name(series)])),))
    context = Sentence((statement(other, [draw.name(draw.random.choice(SERIES))]),))
    question = Sentence((statement(place, shuffled(draw, asked)),), "?")
    return Item(
        (question, answer, context),
        lambda language: {"text": text(question, language)},
        key=(place, frozenset(asked)),
        candidate=lambda language: f"{text(answer, language)} {text(context, language)}",
    )


def near_answers(draw: Draw, items: Sequence[Item]) -> Iterator[tuple[Sentence, Sentence]]:
    """For each item of `answers` two statements that nearly answer it, and their contexts: one of the three names
    differs, or the place.

    None is the answer to any of the questions.
    """
    asked = collections.defaultdict(list)
    for item in items:
        asked[item.key[0]].append(item.key[1])
    for item, is_elsewhere in itertools.product(items, (False, True)):
        while True:
            place, kept = item.key[0], sorted(item.key[1], key=lambda name: name.kind)
            if is_elsewhere:
                place = draw.place([place.code, *(name.code for name in kept)])
            else:
                changed = draw.random.randrange(len(kept))
                kept[changed] = draw.name(kept[changed].kind, [kept[changed].code, place.code])
            said = shuffled(draw, [*kept, draw.name(draw.random.choice(SERIES))])
            sentences = (Sentence((statement(place, said),)), _aside(draw, place))
            if not any(names <= set(said) for names in asked[place]) and draw.owns(*sentences):
                yield sentences
                break


def _aside(draw: Draw, place: Name) -> Sentence:
    """What is said of another place, after the answer."""
    return Sentence((statement(draw.place([place.code]), [draw.name(draw.random.choice(SERIES))]),))


def linking(draw: Draw, index: int, options: Options) -> Item:
    """A marked name in its sentence; the candidates are `descriptions` (Mewsli-X)."""
    kinds: list[NameKind] = ["territory", "currency", "language"]
    names: list[Name] = []
    while len(names) < 3:
        name = draw.name(draw.random.choice(kinds))
        names += [name] if name not in names else []
    mention = draw.random.randrange(3)
    phrases: list[Phrase] = [Marked(name) if number == mention else name for number, name in enumerate(names)]
    sentence = Sentence((Pair(phrases[0], listing(phrases[1:])),))

    def row(language: str) -> Row:
        whole = text(sentence, language)
        found = rendering.span(sentence, language)
        assert found is not None
        name, start = found
        marked = f"{whole[:start]}{{ {name} }}{whole[start + len(name) :]}"
        return {"text": f"{name}: {marked}"}

    return Item((sentence,), row, key=(sentence, mention), gold=entity_id(names[mention]))


def entity_id(name: Name) -> str:
    """`currency-EUR`."""
    return f"{name.kind}-{name.code}"


def descriptions(draw: Draw) -> Iterator[tuple[Name, Sentence]]:
    """The named things that a split may see, and a sentence on each: its sign, and the facts it is part of."""
    facts = draw.world
    places = [Name("territory", place) for place in facts.names["territory"]]
    for place in filter(draw.sees, places):
        its = [Name("currency", facts.currency[place.code]), Name("language", facts.language[place.code])]
        yield place, Sentence((Pair(Gloss(place, code(place)), listing(its)),))
    relations: list[tuple[NameKind, Mapping[str, str]]] = [("currency", facts.currency), ("language", facts.language)]
    for name_kind, known in relations:
        for thing in facts.names[name_kind]:
            name = Name(name_kind, thing)
            where = [place for place in places if known[place.code] == thing and draw.sees(place)]
            if draw.sees(name):
                yield name, Sentence((Pair(Gloss(name, code(name)), listing(where[:3])),))


_ALL: tuple[Callable[[Draw, int, Options], Item], ...] = (
    inference,
    paraphrase,
    cause,
    continuation,
    parts_of_speech,
    entities,
    supertags,
    questions,
    unanswerable,
    aligned,
    mined,
    answers,
    linking,
)
GENERATORS = {generator.__name__: generator for generator in _ALL}
"""By the name that `Task.micro` gives."""
