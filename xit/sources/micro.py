"""The micro source: every task and the text for pretraining, made on the spot from Unicode CLDR by the Babel library.

The phrases are real ones of real languages (names of territories, currencies, languages, months; measures, dates,
lists), put together by templates: it is not natural prose, and a micro XNLI is not XNLI. What is said is drawn first,
without any language (`content`, `world`), so that every test set is parallel and its labels are true by construction;
then it is put into words (`rendering`). `tasks` says what each task asks, `text` what encoders are pretrained on.
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
from xit.core.task import Split, Task
from xit.micro import generators, rendering
from xit.micro import text as documents
from xit.micro.items import Item, Options
from xit.micro.world import Draw, split_of, world
from xit.sources import Source


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
        """The examples of a task's split in a language, in the schema of its format; parallel items have the same id.

        Retrieval: the right candidates of a test query are those of all the languages of the settings (`de-0007`) where
        the pool is all languages, else its translation, with its own id.

        Args:
            task: Its id seeds the stream, so that two tasks of one generator ask different things; its record has as
                many choices as every example.
            split: Its part of the world; training and validation are in English.
            language: An ISO code.
            notes: Takes nothing: no example is repaired or left out.

        Raises:
            ConfigError: CLDR has not enough of the language, or the world is too small for so many examples.
        """
        raise_all(ConfigError, check_languages([language]))
        options = Options(task.labels, len(task.record.get("choices", ())))
        items = _items(task.id, task.micro, split, self.settings, options)
        for number, item in enumerate(items):
            row = {"id": f"{number:04d}", "language": language, **item.row(language)}
            if task.format != "retrieval":
                yield row
                continue
            answered = self.settings.languages if split == "test" else (language,)
            names = [f"{code}-{number:04d}" for code in answered] if task.pool == "all" else [row["id"]]
            gold = [item.gold] if item.candidate is None else names if item.is_answered else []
            yield {**row, "role": "query", "gold": gold}
            if item.candidate is not None:
                name = f"{language}-{number:04d}" if task.pool == "all" else row["id"]
                yield _candidate(name, language, item.candidate(language))
        if task.format == "retrieval" and items[0].candidate is None:
            yield from _descriptions(split, language, self.settings)

    def text(self, language: str) -> Iterator[str]:
        """Lines of text for pretraining."""
        return documents.text(language, self.settings)


def _descriptions(split: Split, language: str, settings: MicroSettings) -> Iterator[dict[str, Any]]:
    """The candidates of entity linking that are in a language: in test every entity has its one, as in Mewsli-X."""
    draw = Draw(world(settings.territories, settings.units), Random(), split)
    for name, sentence in generators.descriptions(draw):
        entity = generators.entity_id(name)
        own = settings.languages[zlib.crc32(entity.encode()) % len(settings.languages)]
        if split != "test" or own == language:
            yield _candidate(entity, language, rendering.text(sentence, language))


def _candidate(name: str, language: str, words: str) -> dict[str, Any]:
    return {"id": name, "language": language, "role": "candidate", "text": words, "gold": []}


MOST_IN_VAIN = 10_000
"""Draws without a new example after which there are taken to be none; of three sentences, one draw in 64 is good."""


@functools.lru_cache(maxsize=64)
def _items(task_id: str, generator: str, split: Split, settings: MicroSettings, options: Options) -> tuple[Item, ...]:
    """The items of a split, the same for every language."""
    if generator not in generators.GENERATORS:
        known = ", ".join(generators.GENERATORS)
        close = near(generator, generators.GENERATORS)
        raise DataError(f"{task_id}: the micro source has no generator {generator}.{close} Generators: {known}.")
    make = generators.GENERATORS[generator]
    count = {"train": settings.train, "validation": settings.validation, "test": settings.test}[split]
    draw = Draw(world(settings.territories, settings.units), Random(f"{settings.seed}/{task_id}/{split}"), split)
    found: dict[Any, Item] = {}
    in_vain = 0
    while len(found) < count:
        item = make(draw, len(found), options)
        name = item.sentences if item.key is None else item.key
        is_new = name not in found and all(split_of(sentence) == split for sentence in item.sentences)
        if is_new:
            found[name] = item
        in_vain = 0 if is_new else in_vain + 1
        if in_vain > MOST_IN_VAIN:
            raise ConfigError(
                f"micro.{split}: {count}: the world has not so many different examples of {task_id}; after "
                f"{len(found)} new ones get rare. Ask for fewer, or for more micro.territories."
            )
    return tuple(found.values())
