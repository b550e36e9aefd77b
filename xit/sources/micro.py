"""The micro source: every task and the text for pretraining, made on the spot from Unicode CLDR by the Babel library.

The phrases are real ones of real languages (names of territories, currencies, languages, months; measures, dates,
lists), put together by templates: it is not natural prose, and a micro XNLI is not XNLI. What is said is drawn first,
without any language (`content`, `world`), so that labels are true by construction; then it is put into the words of any
language (`rendering`). `generators` says what each task asks, `text` what encoders are pretrained on.
"""

import collections
import dataclasses
import functools
import zlib
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, ClassVar

from xit.core.errors import ConfigError, DataError, near, raise_all
from xit.core.settings import MicroSettings
from xit.core.task import Split, Stream, Task
from xit.formats import format_of
from xit.micro import generators, rendering
from xit.micro import text as documents
from xit.micro.items import Item, Options
from xit.micro.world import Draw, World, world
from xit.sources import SentencePair, Source


def check_languages(codes: Sequence[str]) -> list[str]:
    """What is wrong with languages: CLDR does not know one, or has too little of it; empty where nothing is."""
    return [fault for code in codes for fault in rendering.language_faults(code)]


@dataclasses.dataclass(frozen=True)
class MicroSource(Source):
    """Every task, and the text for pretraining, in any language of which CLDR has enough.

    Attributes:
        settings: Sizes of the splits and of the world, and the languages that are evaluated.
    """

    settings: MicroSettings
    name: ClassVar[str] = "micro"

    def languages(self, task: Task) -> tuple[str, ...]:
        """The languages that a task can be had in: all that are evaluated, whatever the benchmark's own.

        English is left out of sentences and their translations from or into English: each would be its own. MLQA has
        rules for its answers in its own languages only.

        Raises:
            ConfigError: CLDR has not enough of one.
        """
        raise_all(ConfigError, [f"languages.evaluation: {fault}" for fault in check_languages(self.settings.languages)])
        left_out = {"en"} if task.micro in ("aligned", "mined") else set()
        if task.answer_rules == "mlqa":
            left_out = set(self.settings.languages).difference(task.languages)
        return tuple(code for code in self.settings.languages if code not in left_out)

    def has(self, task: Task, split: Split | None = None) -> bool:
        """Whether the source has a task: every one that names a generator."""
        return bool(task.micro)

    def examples(
        self, task: Task, split: Split, language: str, notes: collections.Counter[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The examples of a task's split in a language, in the schema of its format.

        Each language tests on items of its own, so that a model's errors on an item do not recur in all languages; they
        hang on no other language. But answer retrieval asks for the same answers in all languages, and training and
        validation examples are the English ones in other words: there an id is of the same item in every language.

        Retrieval: the right candidates of a test query are those of all the languages of the settings (`de-0007`) where
        the pool is all languages, else its translation, with its own id.

        Args:
            task: Its streams are seeded by the ids of tasks, so that two tasks of one generator ask different things.
            split: Its part of the world; training and validation are in English.
            language: An ISO code.
            notes: Takes nothing: no example is repaired or left out.

        Raises:
            ConfigError: CLDR has not enough of the language, or the world is too small for so many examples.
        """
        raise_all(ConfigError, check_languages([language]))
        has_candidates = format_of(task).has_candidates
        items = _mixed(task, split, language, self.settings)
        for number, item in enumerate(items):
            row = {"id": f"{number:04d}", "language": language, **item.row(language)}
            if not has_candidates:
                yield row
                continue
            answered = self.settings.languages if split == "test" else (language,)
            names = [f"{code}-{number:04d}" for code in answered] if task.pool == "all" else [row["id"]]
            gold = [item.gold] if item.candidate is None else names if item.is_answered else []
            yield {**row, "role": "query", "gold": gold}
            if item.candidate is not None:
                name = f"{language}-{number:04d}" if task.pool == "all" else row["id"]
                yield _candidate(name, language, item.candidate(language))
        if has_candidates and items[0].candidate is None:
            yield from _descriptions(split, language, self.settings)
        if task.micro in PARALLEL and split == "validation":
            draw = Draw(_world(self.settings), Random(f"{self.settings.seed}/{task.id}/near answers"), split)
            for number, near in enumerate(generators.near_answers(draw, items)):
                words = " ".join(rendering.text(sentence, language) for sentence in near)
                yield _candidate(f"{language}-near-{number:04d}", language, words)

    def text(self, language: str) -> Iterator[str]:
        """Lines of text for pretraining."""
        return documents.text(language, self.settings)

    def parallel(self, language: str) -> Iterator[SentencePair]:
        """Documents in English and in a language, others than those of `text`."""
        return (SentencePair(*sides, "micro") for sides in documents.parallel(language, self.settings))


def _descriptions(split: Split, language: str, settings: MicroSettings) -> Iterator[dict[str, Any]]:
    """The candidates of entity linking that are in a language: in test every entity has its one, as in Mewsli-X."""
    draw = Draw(_world(settings), Random(), split)
    for name, sentence in generators.descriptions(draw):
        entity = generators.entity_id(name)
        own = settings.languages[zlib.crc32(entity.encode()) % len(settings.languages)]
        if split != "test" or own == language:
            yield _candidate(entity, language, rendering.text(sentence, language))


def _candidate(name: str, language: str, words: str) -> dict[str, Any]:
    return {"id": name, "language": language, "role": "candidate", "text": words, "gold": []}


MOST_IN_VAIN = 10_000
"""Draws without a new example after which there are taken to be none; of three sentences, one draw in 64 is good."""


PARALLEL = ("answers",)
"""Generators whose test items are the same in all languages: the right candidates of a query are of all of them."""


def _mixed(task: Task, split: Split, language: str, settings: MicroSettings) -> list[Item]:
    """The items of a split, of as many from each of its streams as is its part of the published examples."""
    streams = task.streams_of(split)
    is_own = split == "test" and language != "en" and task.micro not in PARALLEL
    count = {"train": settings.train, "validation": settings.validation, "test": settings.test}[split]
    total = sum(stream.published for stream in streams)
    counts = [count * stream.published // total for stream in streams]
    counts[0] += count - sum(counts)
    found = [
        _items(stream, split, language if is_own else "", settings, task.labels, number)
        for stream, number in zip(streams, counts, strict=True)
    ]
    placed = [((number + 0.5) / len(items), item) for items in found for number, item in enumerate(items)]
    return [item for _, item in sorted(placed, key=lambda each: each[0])]


def _world(settings: MicroSettings) -> World:
    return world(settings.territories, settings.units)


@functools.lru_cache(maxsize=64)
def _items(
    stream: Stream, split: Split, language: str, settings: MicroSettings, labels: tuple[str, ...], count: int
) -> tuple[Item, ...]:
    """The first items of a stream; `language` names that which they are for alone."""
    task_id, generator = stream.task, stream.micro
    if generator not in generators.GENERATORS:
        known = ", ".join(generators.GENERATORS)
        close = near(generator, generators.GENERATORS)
        raise DataError(f"{task_id}: the micro source has no generator {generator}.{close} Generators: {known}.")
    make = generators.GENERATORS[generator]
    options = Options(labels, stream.choices)
    name_of_stream = "/".join(filter(None, [str(settings.seed), task_id, split, language]))
    draw = Draw(_world(settings), Random(name_of_stream), split)
    found: dict[Any, Item] = {}
    in_vain = 0
    while len(found) < count:
        item = make(draw, len(found), options)
        name = item.sentences if item.key is None else item.key
        is_new = name not in found and draw.owns(*item.sentences)
        if is_new:
            found[name] = item
        in_vain = 0 if is_new else in_vain + 1
        if in_vain > MOST_IN_VAIN:
            raise ConfigError(
                f"micro.{split}: {count}: the world has not so many different examples of {task_id}; after "
                f"{len(found)} new ones get rare. Ask for fewer, or for more micro.territories."
            )
    return tuple(found.values())
