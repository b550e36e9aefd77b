"""What holds of every place on the Hub that the tasks name: that it is there, its commit, columns, counts and labels.

Every place of a task is read by itself, those that are asked only where another has nothing too.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from xit.core.errors import DataError
from xit.core.hub import AbsentError, is_commit, repository
from xit.core.progress import Report, unheard
from xit.core.task import Hub, Split, Task
from xit.sources.hub import OPUS100, HubSource
from xit.sources.pretraining import Audit


def places(tasks: Sequence[Task], source: HubSource, report: Report = unheard) -> list[dict[str, Any]]:
    """A row for each place of a split: the languages in which it holds, those that it lacks, and what is wrong.

    Returns:
        `task`, `split`, `place`, `where` in it, `order` (1 for the place that is asked first), `is_pinned`, `holds` and
        `lacks` (languages), and `faults`.
    """
    found = []
    for task in tasks:
        cells = [(split, place) for split, parts in task.hub.items() for place in parts]
        for number, (split, place) in enumerate(cells):
            report(f"{task.id}: places", number, len(cells))
            found += [_row(task, split, *other, source) for other in _alone(place)]
    return found


def of_pairs(found: Audit) -> dict[str, Any]:
    """The row of the place of the pairs for pretraining, which have been read."""
    where = {"task": "parallel", "split": "train", "order": 1, "place": OPUS100, "where": "en-*/train"}
    holds = [row["language"] for row in found.languages]
    return {**where, "is_pinned": True, "holds": holds, "lacks": list(found.missing), "faults": found.faults}


def _alone(place: Hub) -> list[tuple[int, Hub]]:
    """A place and those of its kind, each without the others, numbered in the order in which they are asked."""
    places = [
        dataclasses.replace(other, repository=name, fallbacks=())
        for other in (place, *place.fallbacks)
        for name in other.repository.split()
    ]
    return list(enumerate(places, 1))


def _row(task: Task, split: Split, order: int, place: Hub, source: HubSource) -> dict[str, Any]:
    changed = dataclasses.replace(task, hub={split: (place,)})
    codes = task.languages if split == "test" or task.is_mined else ("en",)
    row: dict[str, Any] = {"task": task.id, "split": split, "order": order, "place": place.repository}
    row |= {"where": place.split, "is_pinned": _is_pinned(place), "holds": [], "lacks": [], "faults": []}
    for code in dict.fromkeys(place.language or code for code in codes):
        try:
            for _ in source.examples(changed, split, code):
                pass
            row["holds"].append(code)
        except AbsentError as error:
            row["lacks"].append(code)
            row["faults"] += [] if order > 1 or "no Parquet or JSON files" in str(error) else [str(error)]
        except DataError as error:
            row["faults"] += error.faults or [str(error)]
    return row


def _is_pinned(place: Hub) -> bool:
    """Whether a place names a commit; the addresses of published files do."""
    return "://" in place.repository or is_commit(repository(place.repository)[1])
