"""A few test examples of each cell with their predictions, as text."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from xit.core.conditions import BASELINE
from xit.core.errors import DataError
from xit.core.examples import Example, read_examples
from xit.core.task import Task
from xit.scoring import submission
from xit.statistics.study import Study

MOST = 3
"""Examples of a cell in a language."""
MOST_CHARACTERS = 300
"""Of a text that is shown; of a passage, around its answer."""


@dataclasses.dataclass(frozen=True)
class Shown:
    """One example: its texts by name, the right answers, and those of two models of one seed."""

    text: tuple[tuple[str, str], ...]
    gold: tuple[str, ...]
    before: str
    after: str


Examples = Mapping[tuple[str, str, str, str], Sequence[Shown]]
"""By encoder, condition, target and language."""


class Test(NamedTuple):
    """The test examples of a target in a language: what is asked, and for retrieval the candidates."""

    target: str
    task: Task
    language: str
    asked: Sequence[Example]
    pool: Sequence[Example]


def collect(study: Study, evaluations: Path, data: Path) -> Examples:
    """The examples of every cell whose predictions are there, with and without intermediate training.

    Of the first seed; those come first whose answer changed.

    Raises:
        DataError: predictions are not of the test data that are there.
    """
    found: dict[tuple[str, str, str, str], Sequence[Shown]] = {}
    conditions = (*study.intermediates, *study.recipes, *study.controls)
    for test in _tests(study, data):
        for encoder in study.encoders:
            folder = evaluations / encoder / test.target
            before, *others = (
                _answers(folder / condition / str(study.seeds[0]) / "predictions", test)
                for condition in (BASELINE, *conditions)
            )
            for condition, after in zip(conditions, others, strict=True):
                if before and after:
                    found[encoder, condition, test.target, test.language] = _chosen(test, before, after)
    return found


def _tests(study: Study, data: Path) -> Iterator[Test]:
    """Those of every target whose test data are there."""
    for target, task in study.tasks.items():
        file = data / target / "test.parquet"
        rows = read_examples(file) if file.is_file() else []
        candidates = [row for row in rows if row.get("role") == "candidate"]
        for code in study.languages_of(target) if rows else ():
            asked = [row for row in rows if row["language"] == code and row.get("role") != "candidate"]
            pool = [row for row in candidates if task.pool == "all" or row["language"] == code]
            yield Test(target, task, code, asked, pool)


def _chosen(test: Test, before: Sequence[str], after: Sequence[str]) -> list[Shown]:
    """The first examples whose answer changed, then the first of the others."""
    texts = {row["id"]: row["text"] for row in test.pool}
    order = sorted(range(len(test.asked)), key=lambda i: before[i] == after[i])[:MOST]
    return [
        Shown(_text(row), _gold(test.task, row, texts), before[i], after[i]) for i in order for row in [test.asked[i]]
    ]


def _answers(folder: Path, test: Test) -> list[str]:
    """What a model said to each example, as text; empty where nothing is stored.

    Raises:
        DataError: the predictions are not of these examples.
    """
    file = submission.path(folder, test.target, test.task, test.language)
    if not file.is_file():
        return []
    said = submission.read(folder, test.target, test.task, test.language)
    try:
        return _as_texts(test, said)
    except (IndexError, ValueError):
        raise DataError(
            f"{file}: does not fit the {len(test.asked)} test examples of {test.target} in {test.language}. Evaluate "
            "again, or make the data again, so that both are of one run."
        ) from None


def _as_texts(test: Test, said: Any) -> list[str]:
    """Predictions as texts, one an example; of what is asked by id, nothing where there is no prediction."""
    kind = submission.shape(test.task)
    texts = {row["id"]: row["text"] for row in test.pool}
    suffix = (
        f"_{test.language}" if test.task.pool == "all" else ""
    )  # as `xit.evaluation.evaluate` names queries of one pool
    match kind:
        case "answers":
            return [said.get(row["id"], "") for row in test.asked]
        case "rankings":
            return [texts.get(next(iter(said.get(row["id"] + suffix, ())), ""), "") for row in test.asked]
        case "pairs":
            found = dict(said)
            return [texts.get(found.get(row["id"], ""), "") for row in test.asked]
    pairs = list(zip(test.asked, said, strict=True))
    match kind:
        case "choices":
            return [row["choices"][number] for row, number in pairs]
        case "tags":
            return [_tagged(row["words"], tags) for row, tags in pairs]
        case "rows":
            return [test.pool[number]["text"] for _, number in pairs]
        case _:
            return [label for _, label in pairs]


def _gold(task: Task, row: Example, texts: Mapping[str, str]) -> tuple[str, ...]:
    match task.format:
        case "multiple_choice":
            return (row["choices"][row["label"]],)
        case "tagging":
            return (_tagged(row["words"], row["tags"]),)
        case "span":
            return tuple(dict.fromkeys(row["answers"]))
        case "retrieval":
            return tuple(texts[name] for name in row["gold"] if name in texts)
        case _:
            return (row["label"],)


def _text(row: Example) -> tuple[tuple[str, str], ...]:
    """The texts of an example under the names of its columns; tags stand with their words, in the answers."""
    names = ("text_a", "text_b", "prompt", "question", "context", "text")
    found = [(name.replace("_", " "), _cut(row[name])) for name in names if name in row]
    if row.get("starts"):
        start = max(0, row["starts"][0] - MOST_CHARACTERS // 2)
        found[-1] = ("context", "…" * (start > 0) + _cut(row["context"][start:]))
    if "choices" in row:
        found.append(("choices", " · ".join(row["choices"])))
    return tuple(found)


def _tagged(words: Sequence[str], tags: Sequence[str]) -> str:
    return " ".join(f"{word}/{tag}" for word, tag in zip(words, tags, strict=True))


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
