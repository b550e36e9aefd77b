"""An item: an example before any language, of which every language is rendered; and what generators share."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from xit.micro.content import Measure, Money, Name, Pair, Phrase, Sentence, code, listing
from xit.micro.world import Draw

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Item:
    """An example before any language.

    Attributes:
        sentences: What must belong to the split.
        row: Its columns beside id and language, in a language (retrieval: those of the query).
        key: What no second item of the split may have; by default its sentences.
        candidate: Retrieval: the text of its right candidate in a language; none where the pool is given apart.
        gold: Retrieval with a pool apart: the id of the right candidate.
        is_answered: Retrieval: whether the candidate is the right one; else the query has none.
    """

    sentences: tuple[Sentence, ...]
    row: Callable[[str], Row]
    key: Any = None
    candidate: Callable[[str], str] | None = None
    gold: str = ""
    is_answered: bool = True


@dataclasses.dataclass(frozen=True)
class Options:
    """What tasks of one generator differ in: their label set, and how many choices their examples have."""

    labels: tuple[str, ...] = ()
    choices: int = 0


Attribute = Measure | Money | Name
T = TypeVar("T")


def statement(place: Phrase, attributes: Sequence[Phrase]) -> Pair:
    """What is said of a place."""
    return Pair(place, listing(attributes))


def signs(draw: Draw, phrase: Phrase, chance: float = 0.5) -> Phrase:
    """The phrase, with that chance in international signs."""
    return code(phrase) if draw.random.random() < chance else phrase


def shuffled(draw: Draw, items: Sequence[T]) -> list[T]:
    return draw.random.sample(list(items), len(items))
