"""Tagging of words: parts of speech, named entities, supertags. Scored by the F1 of spans, and by accuracy."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from xit import formats
from xit.core.errors import counted
from xit.core.examples import Example
from xit.formats import _metrics, unknown
from xit.formats._submission import SubmissionFile

if TYPE_CHECKING:
    from numpy.random import Generator


class Format(formats.Format):
    """Predictions: `list[list[str]]`, a tag for each word of each sentence. A blank line ends a sentence."""

    columns: ClassVar = {"words": "texts", "tags": "texts"}
    text_columns = unique_columns = ("words",)
    has_labels = True
    has_example_scores = False
    untranslatable = "its labels are of words, and a translation has other words, in another order and number"

    def faults(self, example: Example) -> list[str]:
        words, tags = example["words"], example["tags"]
        if not words:
            return ["the sentence has no words."]
        if len(words) != len(tags):
            return [f"{len(words)} words but {len(tags)} tags."]
        return unknown("tag", sorted(set(tags)), self.task)

    def shuffled(self, examples: Sequence[Example], generator: "Generator") -> list[Example]:
        """The tags of all words permuted."""
        tags = [tag for example in examples for tag in example["tags"]]
        drawn = iter(generator.permutation(len(tags)))
        return [{**example, "tags": [tags[next(drawn)] for _ in example["tags"]]} for example in examples]

    def shown(self, example: Example) -> dict[str, str]:
        return {}

    def answerable(self, examples: Sequence[Example]) -> Sequence[Example]:
        """Not a sentence with a tag that no training example has."""
        return [example for example in examples if set(example["tags"]) <= set(self.task.labels)]

    def text(self, predictions: Sequence[Sequence[str]]) -> str:
        return "".join("".join(f"{tag}\n" for tag in tags) + "\n" for tags in predictions)

    def parse(self, file: SubmissionFile) -> list[list[str]]:
        file.check_labels(((number, tag) for number, tag in enumerate(file.lines, 1) if tag), self.task.labels)
        sentences: list[list[str]] = [[]]
        for line in file.lines:
            sentences[-1].append(line) if line else sentences.append([])
        return sentences if sentences[-1] else sentences[:-1]

    def gold(self, examples: Sequence[Example]) -> list[list[str]]:
        return [list(example["tags"]) for example in examples]

    def parse_gold(self, file: SubmissionFile) -> list[list[str]]:
        gold = self.parse(file)
        return gold if any(gold) else []

    def check(self, predictions: Any, gold: Any, language: str) -> list[str]:
        empty = [number for number, tags in enumerate(predictions, 1) if not tags]
        blank = f" Sentence {empty[0]} has no tag: every blank line ends a sentence." if empty else ""
        if len(predictions) != len(gold):
            return [f"{counted(len(predictions), 'sentence')}; the gold has {len(gold):,}.{blank}"]
        uneven = [number for number, (p, g) in enumerate(zip(predictions, gold, strict=True)) if len(p) != len(g)]
        if not uneven:
            return []
        number = uneven[0]
        line = 1 + sum(len(tags) + 1 for tags in predictions[:number])
        others = f" (and {len(uneven) - 1} more differ)" if len(uneven) > 1 else ""
        counts = f"{counted(len(predictions[number]), 'tag')}; the gold has {counted(len(gold[number]), 'word')} there"
        return [f"sentence {number + 1}, from line {line}, has {counts}{others}.{blank}"]

    @property
    def reported(self) -> tuple[str, ...]:
        return ("f1", "accuracy")

    def score(self, predictions: Any, gold: Any, language: str) -> dict[str, float]:
        spans = _metrics.span_overlap(predictions, gold, _metrics.spans_of(self.task.labels))
        return {**spans._asdict(), "accuracy": _metrics.token_accuracy(predictions, gold)}

    def blind(self, examples: Sequence[Example], gold: Any) -> Iterable[Any]:
        """The commonest tag for every word.

        It scores 0 where that is no entity; of parts of speech little more, since the benchmark counts neighbours of
        one tag as one span.
        """
        tag = Counter(tag for tags in gold for tag in tags).most_common(1)[0][0]
        yield [[tag] * len(tags) for tags in gold]

    def as_texts(self, predictions: Any, asked: Sequence[Example], texts: Mapping[str, str]) -> list[str]:
        return [
            " ".join(f"{word}/{tag}" for word, tag in zip(example["words"], tags, strict=True))
            for example, tags in zip(asked, predictions, strict=True)
        ]
