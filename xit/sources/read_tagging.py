"""Readers of sentences in which every word has a tag."""

import collections
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core.errors import counted
from xit.sources.reader_context import Group, ReaderContext, Row, lines, sentences, shown, text

PREFIX = re.compile(r"([a-z]{2,3}(?:[-_][a-z]+)*):.")
DOCUMENT_START = "-DOCSTART-"


def are_words(where: str, words: Sequence[str], reader: ReaderContext) -> bool:
    """Whether the words of a file are words alone; else, a fault says what to take away.

    Words of nothing that can be seen (U+3000, as XTREME's script writes it) stay, and are counted: a tokenizer has no
    piece for them, so that they are read as the unknown token, as the benchmark reads them.
    """
    prefixes = collections.Counter(match[1] for match in map(PREFIX.match, words) if match)
    prefix, count = prefixes.most_common(1)[0] if prefixes else ("", 0)
    if 2 * count > len(words):
        reader.fault(
            where,
            f"{count:,} of {len(words):,} words begin with {prefix}: as in the raw WikiANN. XTREME's script takes the "
            f"prefix away; so does `sed 's/^{prefix}://'`.",
        )
    starts = sum(word.startswith(DOCUMENT_START) for word in words)
    if starts:
        marks = f"{counted(starts, 'word')} {'is' if starts == 1 else 'are'} {DOCUMENT_START}"
        reader.fault(where, f"{marks}, which marks where a document begins. Delete such sentences.")
    reader.notes["words of blanks only, read as the unknown token"] += sum(map(is_blank, words))
    return not starts and 2 * count <= len(words)


def is_blank(word: str) -> bool:
    """Whether a word has no character that can be seen, only blanks, controls and marks of format."""
    return bool(word) and all(unicodedata.category(character)[0] in "ZC" for character in word)


def xtreme_tags(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """PAN-X as XTREME writes it: a word, a tab and a tag a line, a blank line after each sentence."""
    number, words, tags = 0, [], []
    whole = lines(file, reader)
    if not are_words(str(file), [line.split("\t")[0] for line in whole if line], reader):
        return
    for index, line in enumerate([*whole, ""]):
        where = f"{file}, line {index + 1}"
        columns = line.split("\t")
        if line and len(columns) != 2:
            reader.fault(where, f"{counted(len(columns), 'column')}; 2 are needed: word, tag.")
        elif line and not columns[0]:
            reader.fault(where, "word is empty.")
        elif line:
            words.append(columns[0])
            tags.append(reader.label(where, columns[1]))
        elif words:
            yield [{"id": str(number), "words": words, "tags": tags}]
            number, words, tags = number + 1, [], []


def supertags(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """CCG: a sentence a line, its words, a tab and as many supertags, all with blanks between; or, as CCGbank's own
    pipe format, `word|POS|supertag` with blanks between. Every supertag is a label."""
    for number, line in enumerate(sentences(file, reader)):
        where = f"{file}, line {number + 1}"
        columns = line.split("\t")
        if not line:
            continue
        if len(columns) == 2:
            words, tags = (column.split() for column in columns)
        elif len(columns) == 1 and all(len(token.split("|")) == 3 for token in line.split()):
            words, _, tags = (
                list(column) for column in zip(*(token.split("|") for token in line.split()), strict=True)
            )
        else:
            shape = f"{counted(len(columns), 'column')}; 2 are needed: words, supertags"
            reader.fault(where, f"{shape}. Or one, of word|POS|supertag with blanks between.")
            continue
        if len(words) != len(tags):
            reader.fault(where, f"{len(words)} words but {len(tags)} supertags.")
        elif not all([*words, *tags]):
            reader.fault(where, "a word or a supertag is empty.")
        else:
            yield [{"id": str(number), "words": words, "tags": tags}]


CONLLU_COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")

# coastalcph/ud-conversion-tools:conllu_to_conll.py, the default, with SYM, which it lacks
PRECEDENCE = (
    *("VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM", "ADV", "INTJ"),
    *("AUX", "ADP", "DET", "PART", "CCONJ", "SCONJ", "X", "SYM", "PUNCT"),
)


def conllu_tags(file: Path, reader: ReaderContext) -> Iterator[Group]:
    """Universal Dependencies: surface words with universal parts of speech, as XTREME prepares them.

    A multiword token keeps its surface form and takes the tag of its part nearest to the root, of equally near ones the
    first in `PRECEDENCE`. Empty nodes go; blanks and zero-width non-joiners inside a word go; a sentence whose words
    are mostly `_` (licensed text) goes.

    Differs from the benchmark: it has lists of precedence of their own for Spanish, French and Italian.
    """
    found = text(file, reader)
    if found.strip() and not found.endswith("\n\n"):
        reader.fault(str(file), "does not end with a blank line. Is it cut off?")
    line = 1
    for block in found.split("\n\n"):
        start, line = line, line + block.count("\n") + 2
        if not block.strip():
            continue
        before = len(reader.faults)
        row = _sentence(file, start, block, reader)
        if len(reader.faults) > before:
            continue
        if row is None:
            reader.notes["sentences left out: their words are not released"] += 1
        else:
            yield [row]


def _sentence(file: Path, start: int, block: str, reader: ReaderContext) -> Row | None:
    """A sentence in CoNLL-U; None where its words are not released, or where it has faults."""
    import conllu

    where = f"{file}, line {start}"
    for number, line in enumerate(block.strip("\n").split("\n"), start + len(block) - len(block.lstrip("\n"))):
        size = line.count("\t") + 1
        if not line.startswith("#") and size != len(CONLLU_COLUMNS):
            reader.fault(
                f"{file}, line {number}", f"{counted(size, 'column')}; 10 are needed: {', '.join(CONLLU_COLUMNS)}."
            )
            return None
        if not line.startswith("#") and "  " in line:  # the library would take two blanks for a tab
            reader.fault(f"{file}, line {number}", "has two blanks in a row, which CoNLL-U does not allow.")
            return None
    try:
        (tokens,) = conllu.parse(block)
    except (conllu.exceptions.ParseException, ValueError) as error:
        reader.fault(where, f"not CoNLL-U: {error}.")
        return None
    name = tokens.metadata.get("sent_id")
    if not name or len(name.split()) > 1:
        reader.fault(where, f"sent_id {shown(name)} is not one word." if name else "the sentence has no sent_id.")
        return None
    return surface(f"{where}, sentence {name}", name, tokens, tokens.metadata.get("text", ""), reader)


def surface(
    where: str, name: str, tokens: Sequence[Mapping[str, Any]], written: str, reader: ReaderContext
) -> Row | None:
    """A sentence of surface words; None where its words are not released, or where it has faults.

    Args:
        where: For messages.
        name: The id of the example.
        tokens: The tokens as CoNLL-U orders them, with `form`, `id` (a number, or `(first, "-", last)` of a multiword
            token), and of words `upos` and `head`.
        written: The text of the sentence, which its words are compared with; empty where there is none.
        reader: How, and what was found.
    """
    parts = {token["id"]: token for token in tokens if isinstance(token["id"], int)}
    numbers = [token["id"] for token in tokens if isinstance(token["id"], int)]
    if numbers != list(range(1, len(numbers) + 1)) or not numbers:
        reader.fault(where, f"its {len(numbers)} words are not numbered from 1 to {len(numbers)}.")
        return None
    upos = {number: reader.label(where, token["upos"]) for number, token in parts.items()}
    for number, token in parts.items():
        if token["head"] is None or not 0 <= token["head"] <= len(parts):
            reader.fault(
                where, f"word {number} has head {token['head']}; the sentence has {len(parts)} words. Cut off?"
            )
            return None
    words, tags, last = [], [], 0
    for token in tokens:
        match token["id"]:
            case (first, "-", end):
                inside = range(first, end + 1)
                reader.notes["multiword tokens kept as surface words"] += 1
            case int(number) if number > last:
                inside = range(number, number + 1)
            case _:  # a part of a multiword token, or an empty node
                continue
        if inside[0] != last + 1 or inside[-1] > len(parts):
            reader.fault(where, f"the range {inside[0]}-{inside[-1]} does not fit its words.")
            return None
        last = inside[-1]
        words.append(token["form"].replace("\u200c", "").replace(" ", "") or token["form"])
        tags.append(upos[_head(inside, parts)])
    if not all(words):
        reader.fault(where, "a word is empty.")
    if is_withheld(words):
        return None
    reader.notes["words of blanks only, read as the unknown token"] += sum(map(is_blank, words))
    expected, joined = ("".join(text.replace("\u200c", "").split()) for text in (written, "".join(words)))
    if expected and expected != joined:
        reader.fault(where, f"its words are not those of its text {shown(written)}.")
    return {"id": name, "words": words, "tags": tags}


def is_withheld(words: Sequence[str]) -> bool:
    """Whether a treebank gives `_` for the words, whose text is licensed."""
    return 0 < words.count("_") >= len(words) - 1


def _head(inside: range, parts: Mapping[int, Mapping[str, Any]]) -> int:
    """The part of a multiword token that gives its tag."""

    def rank(number: int) -> tuple[int, int]:
        tag = parts[number]["upos"]
        return _depth(number, parts), PRECEDENCE.index(tag) if tag in PRECEDENCE else len(PRECEDENCE)

    return min(inside, key=rank)


def _depth(number: int, parts: Mapping[int, Mapping[str, Any]]) -> int:
    """Steps from a word to the root; a circle counts as the deepest."""
    for depth in range(len(parts)):
        number = parts[number]["head"]
        if number == 0:
            return depth
    return len(parts)
