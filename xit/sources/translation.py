"""What becomes of training examples in translation: which texts are translated, where labels and answers end up.

Texts are translated sentence by sentence, as translation models are trained, and so that a passage with five questions
is translated once. A label stays; an answer travels in its sentence between square brackets, and what is between
brackets in the translation is the answer: mark-then-translate, with the marks that Chen et al. 2023 (EasyProject, arXiv
2211.15613) found to survive best. Where they do not come back as one pair, the example is left out and counted, as in
the translated SQuAD of Lewis et al. 2020 (MLQA, arXiv 1910.07475).
"""

import collections
import contextlib
import dataclasses
import re
from collections.abc import Callable, Sequence

from xit.core import languages, registry
from xit.core.errors import DataError
from xit.core.examples import Example
from xit.core.task import Task
from xit.formats import LostError, format_of
from xit.sources.reader_context import SENTENCE_BREAK

Say = Callable[[str], str]
"""The translation of a sentence.

Raises:
    LostError: it has none.
"""
OPENING, CLOSING = "[［【", "]］】"
MARKS = re.escape(OPENING + CLOSING)
"""Square brackets, and what models for Chinese and Japanese make of them."""


def check(task_id: str, task: Task) -> None:
    """Refuse a task of a format whose labels cannot be carried over.

    Raises:
        DataError: with the reason.
    """
    if reason := format_of(task).untranslatable:
        known = registry.names("formats")
        can = [name.replace("_", " ") for name in known if not registry.load("formats", name).Format.untranslatable]
        raise DataError(
            f"{task_id}: {task.format} cannot be translated by a model: {reason}. Formats that can: {', '.join(can)}; "
            "the micro source renders every one."
        )


def carried_over(
    examples: Sequence[Example],
    task: Task,
    language: str,
    translate: Callable[[list[str]], Sequence[str | None]],
    notes: collections.Counter[str],
) -> list[Example]:
    """English examples in another language, in their order, without those that cannot be carried over.

    Args:
        examples: English.
        task: Their task, which passes `check`.
        language: The language.
        translate: The translations of sentences; None of one that has none.
        notes: Takes how many examples were left out, by reason.

    Examples:
        >>> from xit.tasks.squad import task
        >>> row = {"id": "1", "language": "en", "question": "What colour?", "context": "It is green.",
        ...        "answers": ["green"], "starts": [6]}
        >>> german = {"What colour?": "Welche Farbe?", "It is [green].": "[Grün] ist es."}
        >>> found = carried_over([row], task, "de", lambda texts: list(map(german.get, texts)), collections.Counter())
        >>> found[0]["context"], found[0]["answers"], found[0]["starts"]
        ('Grün ist es.', ['Grün'], [0])
    """
    form = format_of(task)
    blank = "" if languages.facts(language).script in ("Han", "Japanese") else " "
    wanted: dict[str, str | None] = {}
    for example in examples:
        with contextlib.suppress(LostError):
            form.translated(example, SentenceBySentence(lambda each: wanted.setdefault(each, each) or "", blank))
    sentences = list(wanted)
    wanted.update(zip(sentences, translate(sentences), strict=True))

    def say(sentence: str) -> str:
        found = wanted[sentence]
        if found is None:
            raise LostError("a sentence that is too long, or whose translation is")
        if not found.strip():
            raise LostError("a sentence that came back empty")
        return found.strip()

    rows: list[Example] = []
    for example in examples:
        try:
            rows.append({**example, "language": language, **form.translated(example, SentenceBySentence(say, blank))})
        except LostError as reason:
            notes[f"{reason} left out"] += 1
    return rows


@dataclasses.dataclass(frozen=True)
class SentenceBySentence:
    """A `xit.formats.Translation` of texts, of which each sentence is translated by itself."""

    say: Say
    blank: str

    def text(self, text: str) -> str:
        """A text."""
        ends = [found.span(1) for found in SENTENCE_BREAK.finditer(text)]
        starts = [0, *(last for _, last in ends)]
        stops = [*(end for end, _ in ends), len(text)]
        sentences = [text[start:stop].strip() for start, stop in zip(starts, stops, strict=True)]
        return self.blank.join(self.say(sentence) for sentence in sentences if sentence)

    def marked(self, text: str, start: int, end: int) -> tuple[str, str, int]:
        """A text, what its characters from `start` to `end` became, and where that begins."""
        before, inside, after = _around(text, start, end)
        if any(mark in inside for mark in OPENING + CLOSING):
            raise LostError("an answer in a sentence that has square brackets of its own")
        cut = len(before)
        sentence = f"{inside[: start - cut]}[{text[start:end]}]{inside[end - cut :]}"
        left, answer, right = _unmarked(self.say(sentence.strip()))
        ahead = "".join(self.text(part) + self.blank for part in [before] if part.strip()) + left
        behind = right + "".join(self.blank + self.text(part) for part in [after] if part.strip())
        return ahead + answer + behind, answer, len(ahead)


def _around(text: str, start: int, end: int) -> tuple[str, str, str]:
    """The sentences before the characters from start to end, the one or more that hold them, and those behind."""
    cuts = [found.span(1) for found in SENTENCE_BREAK.finditer(text)]
    first = max((last for _, last in cuts if last <= start), default=0)
    last = min((cut for cut, _ in cuts if cut >= end), default=len(text))
    return text[:first], text[first:last], text[last:]


def _unmarked(text: str) -> tuple[str, str, str]:
    """What is before, between and behind the one pair of brackets."""
    found = re.fullmatch(f"([^{MARKS}]*)[{re.escape(OPENING)}]([^{MARKS}]*)[{re.escape(CLOSING)}]([^{MARKS}]*)", text)
    if found is None or not found[2].strip():
        raise LostError("an answer whose marks did not come back")
    return found[1], found[2].strip(), found[3]
