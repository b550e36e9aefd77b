"""Retrieval: which candidates answer a query, translate it, or are the entity that it mentions.

What is predicted depends on the metric: rankings of candidates (Mewsli-X, LAReQA), the row of the nearest one
(Tatoeba), or pairs, of which a query may be in none (BUCC).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from xit import formats
from xit.core.errors import shortened, some
from xit.core.examples import Example, asked
from xit.core.task import Task
from xit.formats import _metrics
from xit.formats._by_id import ById
from xit.formats._submission import SubmissionFile

if TYPE_CHECKING:
    from numpy.random import Generator

RANKED = 20
"""Candidates of a ranking that count, as of `xit.formats._metrics`."""
POOLS = {"all": "of all languages", "language": "of the query's language"}


class Format(formats.Format):
    """Queries and candidates, whose ids are the gold of queries; what three kinds of predictions share."""

    columns: ClassVar = {"role": "text", "text": "text", "gold": "texts"}
    text_columns = unique_columns = ("text",)
    has_candidates = True
    untranslatable = "a query names its candidates, so that none may be lost"

    @classmethod
    def of(cls, task: Task) -> "Format":
        """The kind of predictions by the metric."""
        kind = Rows if task.is_aligned else Pairs if task.is_mined else Rankings
        return kind(task)

    def faults(self, example: Example) -> list[str]:
        faults = super().faults(example)
        if example["role"] not in ("query", "candidate"):
            faults.append(f"role {example['role']!r} is unknown. Roles: query, candidate.")
        if example["role"] == "query" and not example["gold"] and not self.task.is_mined:
            faults.append("the query has no right candidate.")
        return faults

    def shuffled(self, examples: Sequence[Example], generator: "Generator") -> list[Example]:
        """The right candidates of the queries permuted."""
        queries, candidates = asked(examples), [e for e in examples if e["role"] == "candidate"]
        order = generator.permutation(len(queries))
        return [*({**e, "gold": queries[other]["gold"]} for e, other in zip(queries, order, strict=True)), *candidates]

    def named(self, examples: Sequence[Example]) -> Sequence[Example]:
        """Test examples of all languages as their predictions name them.

        Where a task ranks the candidates of all languages at once, a query is named `<id>_<language>` (as LAReQA itself
        names it), and right candidates in languages that are not evaluated are left out, since they cannot be found.
        """
        if self.task.pool != "all":
            return examples
        present = {example["id"] for example in examples if example["role"] == "candidate"}
        return [
            {**e, "id": f"{e['id']}_{e['language']}", "gold": [name for name in e["gold"] if name in present]}
            if e["role"] == "query"
            else e
            for e in examples
        ]

    def answerable(self, examples: Sequence[Example]) -> Sequence[Example]:
        """Not a query whose right candidates are not there."""
        there = {example["id"] for example in examples if example["role"] == "candidate"}
        return [e for e in examples if e["role"] == "candidate" or there.intersection(e["gold"])]

    def chance(self, examples: Sequence[Example]) -> float:
        """What a random order of the candidates is expected to reach, over all orders."""
        candidates = sum(example["role"] == "candidate" for example in examples)
        queries = asked(examples)
        ranks = range(1, min(RANKED, candidates) + 1)
        total = 0.0
        for query in queries:
            right = 1 if self.task.metric == "mrr_at_20" else min(len(set(query["gold"])), candidates)
            others = (right - 1) / max(candidates - 1, 1)  # the chance that any other place holds a right one too
            # At a rank: that a right candidate is there, times the precision up to it.
            expected = sum(right / candidates * (1 + (rank - 1) * others) / rank for rank in ranks)
            total += expected / max(min(right, RANKED), 1)
        return 100 * total / max(len(queries), 1)

    def facts(self) -> dict[str, str]:
        return {"candidates": POOLS[self.task.pool]}

    def gold_as_texts(self, example: Example, texts: Mapping[str, str]) -> tuple[str, ...]:
        """The right answers to an example as a reader sees them: those candidates that have a text."""
        return tuple(texts[name] for name in example["gold"] if name in texts)


class Rankings(ById, Format):
    """Retrieval by rank (Mewsli-X, LAReQA): `dict[str, list[str]]`, candidate ids for each query id, the best first."""

    def parse(self, file: SubmissionFile) -> dict[str, list[str]]:
        return file.by_id(_is_ranking, "a list of ids")

    def gold(self, examples: Sequence[Example]) -> list[tuple[str, list[str]]]:
        return [(query["id"], list(query["gold"])) for query in asked(examples)]

    def gold_text(self, examples: Sequence[Example]) -> str:
        return self.text(dict(self.gold(examples)))

    def parse_gold(self, file: SubmissionFile) -> list[tuple[str, list[str]]]:
        gold = list(self.parse(file).items())
        file.check_answers(gold)
        if twice := [name for name, right in gold if len(set(right)) < len(right)]:
            file.fault(f"{some(twice)}: a right candidate comes twice.")
        return gold

    def check(self, predictions: Any, gold: Any, language: str) -> list[str]:
        faults = super().check(predictions, gold, language)
        # A right candidate that comes twice would count twice; the reciprocal rank is that of the first.
        is_counted = self.task.metric == "map_at_20"
        if twice := [name for name, ids in predictions.items() if is_counted and len(set(ids)) < len(ids)]:
            faults.append(f"{some(twice)}: a candidate comes twice in the ranking.")
        return faults

    def score(self, predictions: Any, gold: Any, language: str) -> dict[str, float]:
        measure = _metrics.reciprocal_rank if self.task.metric == "mrr_at_20" else _metrics.average_precision
        return {self.task.metric: measure(predictions, dict(gold))}

    def as_texts(self, predictions: Any, asked: Sequence[Example], texts: Mapping[str, str]) -> list[str]:
        return [texts.get(next(iter(predictions.get(query["id"], ())), ""), "") for query in asked]


class Rows(Format):
    """Retrieval by accuracy (Tatoeba): `list[int]`, the row of the nearest candidate, from 0, for each query."""

    def from_model(self, predictions: Mapping[str, Sequence[str]], examples: Sequence[Example]) -> list[int]:
        row = _rows(examples)
        return [row[predictions[query["id"]][0]] for query in asked(examples)]

    def parse(self, file: SubmissionFile) -> list[int]:
        return file.each_line(_row, "a row number")

    def gold(self, examples: Sequence[Example]) -> list[int]:
        row = _rows(examples)
        return [row[query["gold"][0]] for query in asked(examples)]

    def check(self, predictions: Any, gold: Any, language: str) -> list[str]:
        faults = super().check(predictions, gold, language)
        published = self.task.published.get("test", 0)
        count = published if isinstance(published, int) else published.get(language, 0)
        rows = max(len(gold), max(gold, default=0) + 1, count)  # gold may be of the first queries only
        beyond = [(line, row) for line, row in enumerate(predictions, 1) if row >= rows]
        if beyond:
            others = f" (and {len(beyond) - 1} more)" if len(beyond) > 1 else ""
            row = shortened(str(beyond[0][1]), quotes="")
            faults.append(f"line {beyond[0][0]}: row {row} is none of the {rows:,} candidates{others}.")
        return faults

    def as_texts(self, predictions: Any, asked: Sequence[Example], texts: Mapping[str, str]) -> list[str]:
        in_order = list(texts.values())
        return [in_order[row] for row in predictions]


class Pairs(Format):
    """Retrieval by F1 (BUCC): `list[tuple[str, str]]`, ids of a query and its candidate, in any order."""

    has_example_scores = False

    def text(self, predictions: Sequence[tuple[str, str]]) -> str:
        return "".join(f"{query}\t{candidate}\n" for query, candidate in predictions)

    def parse(self, file: SubmissionFile) -> list[tuple[str, str]]:
        return file.each_line(_pair, "two ids with a tab between them")

    def gold(self, examples: Sequence[Example]) -> list[tuple[str, str]]:
        return [(query["id"], name) for query in asked(examples) for name in query["gold"]]

    def check(self, predictions: Any, gold: Any, language: str) -> list[str]:
        return []

    @property
    def reported(self) -> tuple[str, ...]:
        return ("f1", "precision", "recall")

    def score(self, predictions: Any, gold: Any, language: str) -> dict[str, float]:
        return _metrics.overlap(predictions, gold)._asdict()

    def as_texts(self, predictions: Any, asked: Sequence[Example], texts: Mapping[str, str]) -> list[str]:
        partner = dict(predictions)
        return [texts.get(partner.get(query["id"], ""), "") for query in asked]


def _rows(examples: Sequence[Example]) -> dict[str, int]:
    """The row of each candidate by its id."""
    return {e["id"]: row for row, e in enumerate(e for e in examples if e["role"] == "candidate")}


def _row(line: str) -> int:
    if not (line.isascii() and line.isdigit()) or line != str(int(line)):
        raise ValueError
    return int(line)


def _pair(line: str) -> tuple[str, str]:
    query, candidate = line.split("\t")
    if not query or not candidate:
        raise ValueError
    return query, candidate


def _is_ranking(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
