"""The audit of data sets: every split of every task, read through its source, beside what was published of it.

What counts as the text of an example is what a model gets to see; its id, language and labels do not. Two examples of
equal text are duplicates within a split, and shared between languages or splits.
"""

import collections
from collections.abc import Mapping, Sequence
from typing import Any

from xit.core import registry
from xit.core.errors import DataError
from xit.core.examples import audited
from xit.core.progress import Report, unheard
from xit.core.task import Split, Task, task_of
from xit.formats import format_of
from xit.sources import Source, hub_places, pretraining, with_settings
from xit.sources.hub import HubSource

Row = Mapping[str, Any]


PAIRS = "parallel"
"""What the pairs for pretraining are called where tasks are named; the stage that writes them is called so too."""


def audit(
    task_ids: Sequence[str] | None, source: Source, report: Report = unheard, languages: Sequence[str] = ()
) -> dict[str, Any]:
    """What there is of each task, split by split and language by language; faulty files are told, not raised.

    Args:
        task_ids: The tasks; else all that the source has anything of.
        source: The source, of which all examples are read, however many are evaluated.
        report: Is told which split is read.
        languages: Those whose pairs for pretraining are read too.

    Returns:
        `source`, `absent` (tasks that the source has nothing of, which are passed over), `places` (of the Hub, whether
        each that the tasks name holds: `xit.sources.hub_places`), `parallel` (`xit.sources.pretraining.Audit`, where
        pairs are read) and `tasks`: of each its
        `splits`, `revision` where the source has one, `missing_splits`, `missing_languages` (of the benchmark's),
        `known_faults`, `variants` of XCOPA, and `errors`.
    """
    if source.name != "micro":
        source = with_settings(source, most_test=0)
    known = {name: task_of(name) for name in (registry.names("tasks") if task_ids is None else task_ids)}
    missing = [name for name, task in known.items() if not source.has(task)]
    if known and len(missing) == len(known):
        raise DataError(source.absent(known[missing[0]]))
    found = {name: _task(task, source, report) for name, task in known.items() if name not in missing}
    places: list[dict[str, Any]] = []
    if isinstance(source, HubSource):
        places = hub_places.places([known[name] for name in found], source, report)
    pairs = None
    if languages:
        report(PAIRS, 0, 1)
        pairs = pretraining.audit(source, languages, lambda language, line: None)
        places += [hub_places.of_pairs(pairs)] if isinstance(source, HubSource) else []
    read = pairs._asdict() if pairs else None
    return {"source": source.name, "absent": missing, "places": places, "parallel": read, "tasks": found}


def _task(task: Task, source: Source, report: Report) -> dict[str, Any]:
    available = source.languages(task)
    english: tuple[Split, ...] = ("train", "validation") if task.is_trained else ()
    cells = [(split, "en") for split in english if source.has(task, split)]
    cells += [("validation", code) for code in available if task.is_mined]
    cells += [("test", code) for code in available]
    errors: list[str] = []
    rows: dict[tuple[Split, str], list[Row]] = {}
    splits = []
    for number, (split, code) in enumerate(cells):
        report(f"{task.id}: {split} {code}", number, len(cells))
        notes: collections.Counter[str] = collections.Counter()
        faults: list[str] = []
        try:
            rows[split, code] = list(source.examples(task, split, code, notes))
        except DataError as error:
            faults += error.faults or [str(error)]
        read = rows.get((split, code), [])
        for row in read:
            where = f"{task.id} {split} {code}, record {row['id']}"
            faults += [f"{where}: {fault}" for fault in format_of(task).faults(row)]
        splits.append(audited(task.id, split, code, source.name, read, notes) | _counts(task, read, faults))
        splits[-1]["published"] = None if source.name == "micro" else _published(task, split, code)
        errors += faults
    for entry, shared in zip(splits, _shared(task, cells, rows), strict=True):
        entry |= shared
    about = registry.load("tasks", task.id).__doc__ or ""
    return {
        "title": task.title,
        "about": about.strip(),
        "revision": source.revision(task) or None,
        "splits": splits,
        "missing_splits": [split for split in english if not source.has(task, split)],
        "missing_languages": [code for code in task.languages if code not in available] if task.group else [],
        "known_faults": [] if source.name == "micro" else list(task.faults),
        "variants": _variants(task, source, available) if task.id == "xcopa" else {},
        "errors": list(dict.fromkeys(errors)),
    }


def _counts(task: Task, rows: Sequence[Row], faults: Sequence[str]) -> dict[str, int]:
    texts = [(*_text(row, format_of(task).text_columns), row.get("role")) for row in rows]
    return {
        "candidates": sum(row.get("role") == "candidate" for row in rows),
        "duplicates": len(texts) - len(set(texts)),
        "placeholders": sum(task.placeholder in text for text in texts) if task.placeholder else 0,
        "empty_fields": sum(fault.endswith(" is empty.") for fault in faults),
        "faults": len(faults),
    }


def _shared(
    task: Task, cells: Sequence[tuple[Split, str]], rows: Mapping[tuple[Split, str], Sequence[Row]]
) -> list[dict[str, int]]:
    """For each split, how many rows are in an earlier split too, or in the test split of another language.

    Of aligned retrieval the candidates are compared, since its queries are English in every language; of the other the
    queries.
    """
    role = "candidate" if task.pool == "language" else "query"
    texts = {
        cell: [
            _text(row, format_of(task).text_columns) for row in rows.get(cell, ()) if row.get("role") in (None, role)
        ]
        for cell in cells
    }
    languages = collections.Counter(text for (split, _), own in texts.items() if split == "test" for text in set(own))
    earlier: dict[str, set[Any]] = {"whole": set(), "parts": set()}
    found = []
    for cell in cells:
        parts = [{_text(row, (part,)) for part in format_of(task).unique_columns} for row in rows.get(cell, ())]
        found.append(
            {
                "shared_with_earlier_splits": sum(text in earlier["whole"] for text in texts[cell]),
                "parts_shared_with_earlier_splits": sum(not part.isdisjoint(earlier["parts"]) for part in parts),
                "shared_between_languages": sum(languages[text] > 1 for text in texts[cell] if cell[0] == "test"),
            }
        )
        if cell[0] != "test":
            earlier["whole"] |= set(texts[cell])
            earlier["parts"] |= set().union(*parts)
    return found


def _text(row: Row, columns: Sequence[str]) -> tuple[Any, ...]:
    return tuple(tuple(row[name]) if isinstance(row[name], list) else row[name] for name in columns)


def _published(task: Task, split: Split, language: str) -> int | None:
    counts = task.published.get(split)
    return counts.get(language) if isinstance(counts, Mapping) else counts


def _variants(task: Task, source: Source, languages: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """XCOPA as released, and with the questions of the Estonian records: hash and questions changed, by language."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    if source.name == "micro":
        return found
    for variant in ("released", "repaired"):
        changed = with_settings(source, xcopa_questions=variant)
        for code in languages:
            notes: collections.Counter[str] = collections.Counter()
            try:
                rows = list(changed.examples(task, "test", code, notes))
            except DataError:  # told above; or there is no Estonian file to compare with
                continue
            entry = audited(task.id, "test", code, source.name, rows, notes)
            found.setdefault(variant, {})[code] = {"sha256": entry["sha256"], "questions_changed": entry["repaired"]}
    return found
