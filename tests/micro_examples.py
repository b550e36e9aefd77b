"""The micro source at a small size, and how tests read its examples."""

import functools
import re

from xit.core import registry
from xit.core.settings import MicroSettings
from xit.core.task import task_of
from xit.sources.micro import MicroSource

LANGUAGES = ("en", "de", "es", "ru", "el", "hi", "ar", "fa", "zh", "ja", "sw", "tr", "fi")
SETTINGS = MicroSettings(
    train=60,
    validation=30,
    test=40,
    territories=40,
    units=14,
    documents_per_language=1500,
    anchor_fraction=0.35,
    seed=0,
    languages=LANGUAGES,
)


TASKS = {name: task_of(name) for name in registry.names("tasks")}
SPLITS = ("train", "validation", "test")


@functools.cache
def rows(name, split, language="en", settings=SETTINGS):
    """The examples, made once for all tests, which change none of them."""
    return made(name, split, language, settings)


def made(name, split, language, settings=SETTINGS):
    """The examples, made anew."""
    return list(MicroSource(settings).examples(TASKS[name], split, language))


def texts(row):
    """The sentences of an example; choices and gold ids are none."""
    if "words" in row:
        return [" ".join(row["words"])]
    return [row[column] for column in ("text_a", "text_b", "prompt", "question", "context", "text") if column in row]


def statements(text):
    """`Spain: 3 hours and May; Kenya: June.` as {"Spain": ["3 hours", "May"], "Kenya": ["June"]}."""
    pairs = [clause.split(": ") for clause in text.rstrip(".").split("; ")]
    return {place: re.split(", and | and |, ", said) for place, said in pairs}
