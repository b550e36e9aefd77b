"""A few test examples of each cell with their predictions, as text."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from xit.core.conditions import BASELINE
from xit.core.errors import DataError
from xit.core.examples import Example, asked, read_examples
from xit.core.task import Task
from xit.formats import Format, format_of
from xit.scoring import predictions
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
    """The test examples of a target in a language: what is asked, and for retrieval the texts of candidates by id."""

    target: str
    task: Task
    language: str
    examples: Sequence[Example]
    asked: Sequence[Example]
    texts: Mapping[str, str]


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
        rows = format_of(task).named(read_examples(file)) if file.is_file() else []
        for code in study.languages_of(target) if rows else ():
            members = [row for row in rows if row["language"] == code]
            pool = rows if task.pool == "all" else members
            texts = {row["id"]: row["text"] for row in pool if row.get("role") == "candidate"}
            yield Test(target, task, code, members, asked(members), texts)


def _chosen(test: Test, before: Sequence[str], after: Sequence[str]) -> list[Shown]:
    """The first examples whose answer changed, then the first of the others."""
    order = sorted(range(len(test.asked)), key=lambda i: before[i] == after[i])[:MOST]
    form = format_of(test.task)
    return [
        Shown(_text(form, row), form.gold_as_texts(row, test.texts), before[i], after[i])
        for i in order
        for row in [test.asked[i]]
    ]


def _answers(folder: Path, test: Test) -> list[str]:
    """What a model answered to each example, as text; empty where nothing is stored.

    Raises:
        DataError: the predictions are not of these examples.
    """
    form = format_of(test.task)
    file = predictions.path(folder, test.task, test.language)
    if not file.is_file():
        return []
    answers = predictions.read_for(folder, test.task, test.language, form.gold(test.examples))
    try:
        return form.as_texts(answers, test.asked, test.texts)
    except IndexError:
        raise DataError(
            f"{file}: names a candidate or a choice that the test data of {test.target} in {test.language} do not "
            "have. Evaluate again, or make the data again, so that both are of one run."
        ) from None


def _text(form: Format, row: Example) -> tuple[tuple[str, str], ...]:
    """The texts of an example by their names; of a long context what is around the answer."""
    texts = form.shown(row)
    if start := max(0, row["starts"][0] - MOST_CHARACTERS // 2) if row.get("starts") else 0:
        texts["context"] = f"…{texts['context'][start:]}"
    return tuple((name, _cut(text)) for name, text in texts.items())


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
