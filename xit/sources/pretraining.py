"""What encoders are pretrained on, cleaned by the same rules whichever source it is from: text, and pairs of languages.

What also stands in an evaluation set is left out, and of pairs what is empty or in another language than it should be.
The micro source needs none of this: it draws no sentence of a test split, and renders each language itself.
"""

import collections
import functools
import hashlib
import itertools
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

from xit.core import registry
from xit.core.errors import DataError
from xit.core.languages import facts
from xit.core.task import Split, Task, task_of
from xit.formats import format_of
from xit.sources import NoPairsError, SentencePair, Source, with_settings
from xit.sources.files import FilesSource

Notes = collections.Counter[str]
Hashes = Collection[int]
"""Of texts without white space: eight bytes each, so that those of a large collection fit into memory."""

EVALUATED = "in an evaluation set"
EMPTY = "a side is empty"
EQUAL = "both sides are the same"
ENGLISH_SIDE = "the English side is in another script"
TARGET_SIDE = "the target side is in another script"
IN_ENGLISH = "the target side is mostly English"
ANOTHER_LANGUAGE = (ENGLISH_SIDE, TARGET_SIDE, IN_ENGLISH)
"""Why a sentence or a pair is left out."""

OWN_SCRIPT = 0.4
"""At least this part of the letters of a side are of its language's script; names and terms are often Latin."""
SHARED_WORDS = 0.6
"""At most this part of a target's words of three letters or more stand in the English too; in Latin script only."""
ENGLISH_WORDS = "the and that with this you from are have your which will been their they would when"
"""Frequent words of English that are rare in other languages of Latin script."""
FREQUENT = 0.15
"""Where two such words or more are at least this part of all words, a text is English."""
LICENCES = {
    "chromium": "BSD-3-Clause (parts Unicode, MIT, others)",
    "evolution": "LGPL-2/3",
    "evolution-help": "not stated separately from evolution's: LGPL-2/3",
    "gnome-docs": "CC BY-SA 3.0",
    "handbook": "GPL-2+ or CC BY-SA 3.0",
    "libreoffice-help": "MPL-2.0",
    "mediawiki": "GPL-2.0+",
    "micro": "Unicode License V3 (CLDR)",
    "wesnoth": "GPL-2+",
    "wordpress": "GPL-2+",
}
"""Of the sources that pairs name, as far as they are known: those of the packages' copyright files."""


def documents(source: Source, language: str, notes: Notes) -> Iterator[str]:
    """Text for pretraining without what also stands in an evaluation set.

    Of files a line is read or left out whole, since most are one sentence; of the Hub's articles, whose lines are
    paragraphs, sentences are left out too.

    Args:
        source: Where it is from.
        language: An ISO code.
        notes: Takes how many lines and sentences were left out.

    Raises:
        DataError: there is no text in that language, or it or an evaluation set cannot be read.
    """
    held = evaluated(source, language)
    for document in source.text(language):
        lines = document.split("\n") if held else [document]
        kept = "\n".join(own for line in lines if (own := _without(line, held, notes, source.name == "hub")))
        if kept:
            yield kept


def _without(line: str, held: Hashes, notes: Notes, has_sentences: bool) -> str:
    """A line without the sentences that are held, or nothing where it is held as a whole."""
    parts = _sentences(line) if has_sentences and _hash(line) not in held else [line]
    own = [part for part in parts if _hash(part) not in held]
    if len(own) < len(parts):
        notes[EVALUATED] += len(parts) - len(own)
    return "".join(own)


_ENDS = re.compile(r"(?<=[.!?…؟۔।॥]\s)|(?<=[。！？])")


def _sentences(line: str) -> list[str]:
    """The sentences of a line, each with the blanks behind it."""
    return [part for part in _ENDS.split(line) if part]


def _hash(text: str) -> int:
    bare = "".join(text.split())
    return int.from_bytes(hashlib.blake2b(bare.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def evaluated(source: Source, language: str) -> Hashes:
    """What the data of the target tasks say in a language, all splits of all tasks that the source has of it.

    What is retrieved from the candidates of all languages is not among it: those of Mewsli-X are the first sentences
    of Wikipedia's articles, and those of LAReQA are XQuAD's paragraphs.

    Raises:
        DataError: the data of a task cannot be had, or contradict themselves.
    """
    found: set[int] = set()
    if source.name == "micro":
        return found
    source = with_settings(source, most_train=0, most_validation=0, most_test=0, misplaced_answers="repair")
    for task in map(task_of, registry.names("tasks")):
        if task.group is None or task.pool == "all" or not source.has(task):
            continue
        columns = format_of(task).text_columns
        for split, code in _cells(task, source, language):
            for row in source.examples(task, split, code):
                texts = [row[column] for column in columns]
                found |= {_hash(text) for each in texts for text in _texts(each, task)}
    return found


def _cells(task: Task, source: Source, language: str) -> Iterator[tuple[Split, str]]:
    """The splits of a task in a language; in English also those of every language that has English beside it."""
    own = source.languages(task)
    codes = own if language == "en" and not task.is_trained else [language] if language in own else []
    for code in codes:
        yield "test", code
        if task.is_mined and source.has(task, "validation"):
            yield "validation", code
    for split in ("train", "validation") if task.is_trained and language == "en" else ():
        is_whole = source.is_whole(task, split, "en") if isinstance(source, FilesSource) else source.has(task, split)
        if is_whole:
            yield split, "en"


def _texts(value: str | Sequence[str], task: Task) -> Sequence[str]:
    """The texts of a column; the words of a tagged sentence are one."""
    if isinstance(value, str):
        return [value]
    return ["".join(value)] if task.format == "tagging" else value


def pairs(source: Source, language: str, english: Hashes, notes: Notes) -> Iterator[SentencePair]:
    """Pairs for pretraining on one line each, without tabs.

    Args:
        source: Where they are from.
        language: That of the target side.
        english: What is `evaluated` in English.
        notes: Takes how many pairs were left out, by why.

    Raises:
        NoPairsError: there are none in that language.
        DataError: they or an evaluation set cannot be read; or most of them are in another language.
    """
    held = evaluated(source, language)
    total = 0
    for one, other, origin in source.parallel(language):
        total += 1
        pair = SentencePair(" ".join(one.split()), " ".join(other.split()), origin)
        if why := "" if source.name == "micro" else _why_not(pair, language, english, held):
            notes[why] += 1
        else:
            yield pair
    wrong = sum(notes[why] for why in ANOTHER_LANGUAGE)
    if 2 * wrong > total:
        reasons = ", ".join(f"{why}: {notes[why]:,}" for why in ANOTHER_LANGUAGE if notes[why])
        raise DataError(
            f"{source.name} source, pairs of English and {language}: {wrong:,} of {total:,} are in another language "
            f"({reasons}). The first column should be English and the second {facts(language).name}. Correct the file, "
            f"or take {language} out of languages.pretraining."
        )


def _why_not(pair: SentencePair, language: str, english: Hashes, held: Hashes) -> str:
    """Why a pair is left out; empty where it is not."""
    if not (pair.english and pair.target):
        return EMPTY
    if _is_held(pair.english, english) or _is_held(pair.target, held):
        return EVALUATED
    script = facts(language).script
    if not _is_in_script(pair.english, "Latin"):
        return ENGLISH_SIDE
    if not _is_in_script(pair.target, script):
        return TARGET_SIDE
    if pair.english.casefold() == pair.target.casefold():
        return EQUAL
    return IN_ENGLISH if script in ("Latin", "unknown") and _is_english(pair.target, pair.english) else ""


def _is_held(text: str, held: Hashes) -> bool:
    return _hash(text) in held or any(_hash(part) in held for part in _sentences(text))


SCRIPTS = {
    "Bangla": "BENGALI",
    "Han": "CJK",
    "Japanese": "CJK|HIRAGANA|KATAKANA",
    "Korean": "HANGUL|CJK",
}
"""What the Unicode names of a script's letters begin with, where not with the script's own name."""


@functools.cache
def _letters(script: str) -> re.Pattern[str]:
    """One or more letters of a script, without marks, which are no letters of their own."""
    starts = re.compile(SCRIPTS.get(script, script.upper()))
    letters = ((code, chr(code)) for code in range(LAST_LETTER + 1) if chr(code).isalpha())
    own = [code for code, letter in letters if starts.match(unicodedata.name(letter, ""))]
    runs = [list(run) for _, run in itertools.groupby(enumerate(own), key=lambda place: place[1] - place[0])]
    return re.compile("[" + "".join(f"\\U{run[0][1]:08x}-\\U{run[-1][1]:08x}" for run in runs) + "]+")


LAST_LETTER = 0x3FFFF
"""Of Unicode: the rarer ideographs."""
_ANY_LETTERS = re.compile(r"[^\W\d_]+")


def _is_in_script(text: str, script: str) -> bool:
    """Whether enough of a text's letters are of a script; of a script that is not known, every text is."""
    if script == "unknown" or (script == "Latin" and text.isascii()):
        return True
    letters = sum(map(len, _ANY_LETTERS.findall(text)))
    return sum(map(len, _letters(script).findall(text))) >= OWN_SCRIPT * letters


_WORDS = re.compile(r"\w+")
_FREQUENT_WORDS = frozenset(ENGLISH_WORDS.split())


def _is_english(text: str, english: str) -> bool:
    """Whether a text has too many words of its English side, or frequent words of English."""
    words = _WORDS.findall(text.casefold())
    frequent = sum(word in _FREQUENT_WORDS for word in words)
    if frequent > 1 and frequent >= FREQUENT * len(words):
        return True
    longer = [word for word in words if len(word) > 2]
    own = set(_WORDS.findall(english.casefold()))
    return sum(word in own for word in longer) > SHARED_WORDS * len(longer)


class Audit(NamedTuple):
    """What there is of pairs.

    Attributes:
        languages: Of each language with pairs its `pairs`, their `sha256`, what was `left_out` by why, and the pairs
            and the licence of each of their `sources`.
        missing: Of each language without pairs, what is to be said.
        faults: What is wrong with the pairs of the others, or with all.
    """

    languages: list[dict[str, Any]]
    missing: dict[str, str]
    faults: list[str]


def audit(source: Source, languages: Sequence[str], write: Callable[[str, str], object]) -> Audit:
    """Read the pairs of languages; `write` takes a language and a line, `english<TAB>target`, of each that is kept."""
    found = Audit([], {}, [])
    others = [language for language in languages if language != "en"]
    try:
        english = evaluated(source, "en") if others else ()
    except DataError as error:
        return found._replace(faults=list(error.faults) or [str(error)])
    for language in others:
        try:
            found.languages.append(_audited(source, language, english, functools.partial(write, language)))
        except NoPairsError as error:
            found.missing[language] = str(error)
        except DataError as error:
            found.faults.extend(error.faults or [str(error)])
    none = [] if found.languages else list(found.missing.values())
    return found._replace(faults=list(dict.fromkeys(found.faults)) or none)


def _audited(source: Source, language: str, english: Hashes, write: Callable[[str], object]) -> dict[str, Any]:
    notes: Notes = collections.Counter()
    origins: collections.Counter[str] = collections.Counter()
    digest = hashlib.sha256()
    for pair in pairs(source, language, english, notes):
        line = f"{pair.english}\t{pair.target}\n"
        write(line)
        digest.update(line.encode())
        origins[pair.origin] += 1
    return {
        "language": language,
        "pairs": origins.total(),
        "sha256": digest.hexdigest(),
        "left_out": dict(sorted(notes.items())),
        "sources": [
            {"source": origin, "pairs": count, "licence": LICENCES.get(origin, "unknown")}
            for origin, count in origins.items()
        ],
    }
