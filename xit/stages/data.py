"""A source → files: the examples of a task with one schema per format, or the text and the pairs for pretraining."""

import collections
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core.errors import DataError, counted, raise_all
from xit.core.examples import Example, audited, write_examples
from xit.core.files import atomic, write_json
from xit.core.settings import FilesSettings, HubSettings, MicroSettings
from xit.core.task import Split, task_of
from xit.sources import Source, pretraining
from xit.sources.caps import fewer_candidates

Settings = MicroSettings | FilesSettings | HubSettings


def data(task_id: str, source: Source, languages: Sequence[str], out: Path) -> list[str]:
    """Write the train and validation split (English) and the test split (every language) of a task, and their audit.

    Of retrieval without training there is no train split, and validation, where the source has it, in every language.

    Raises:
        DataError: the source has nothing of the task; a file or a record contradicts itself; all faults are listed.
    """
    task = task_of(task_id)
    available = [code for code in source.languages(task) if code in languages]
    if not source.has(task):
        raise DataError(source.absent(task))
    splits: list[tuple[Split, list[str]]] = [("train", ["en"]), ("validation", ["en"])] if task.is_trained else []
    if available and not task.is_trained and source.has(task, "validation"):  # what centring and mining take from it
        splits.append(("validation", sorted(available, key=languages.index)))
    if available:
        splits.append(("test", sorted(available, key=languages.index)))
    if not splits:
        raise DataError(f"{task_id}: the {source.name} source has it in none of {', '.join(languages)}.")
    audit = []
    with atomic(out) as folder:
        for split, codes in splits:
            rows: list[Example] = []
            notes: dict[str, collections.Counter[str]] = {code: collections.Counter() for code in codes}
            by_code = {code: list(source.examples(task, split, code, notes[code])) for code in codes}
            if split == "test" and task.pool == "all" and not isinstance(source.settings, MicroSettings):
                by_code = fewer_candidates(by_code, source.settings.most_candidates)
            for code, found in by_code.items():
                audit.append(audited(task_id, split, code, source.name, found, notes[code]))
                if origins := source.origins(task, split, code):
                    audit[-1]["origin"] = "; ".join(origins)
                rows += found
            write_examples(folder / f"{split}.parquet", task, rows)
        if isinstance(source.settings, HubSettings):
            expected = source.settings.sha256
            raise_all(DataError, [fault for row in audit for fault in _changed(row, expected)])
        missing = sorted(set(languages) & set(task.languages) - set(available))
        write_json(folder / "audit.json", {"splits": audit, "missing_languages": missing})
    counts = ", ".join(f"{sum(a['examples'] for a in audit if a['split'] == s)} {s}" for s, _ in splits)
    places = [place for row in audit for place in row.get("origin", "").split("; ")]
    moving = dict.fromkeys(place.partition(",")[0] for place in places if place.endswith("not pinned"))
    return [
        f"{out}: {counts}",
        *(f"{out}: {place} is not pinned; its file of xit/tasks can pin it" for place in moving),
    ]


def _changed(row: dict[str, Any], expected: Mapping[str, str]) -> list[str]:
    """What is wrong with a hash, where the settings give one."""
    key = f"{row['task']} {row['split']} {row['language']}"
    if expected.get(key) in (None, row["sha256"]):
        return []
    found = f"its hash is {row['sha256']}, but hub.sha256 has {expected[key]}"
    return [f"{key}: {found}. The data set or how it is read has changed; look, then correct hub.sha256."]


def text(source: Source, languages: Sequence[str], out: Path) -> list[str]:
    """Write the text for pretraining, a file a language, a document a line; an empty folder for no language.

    Raises:
        DataError: what is wrong with the text of the languages, all faults together.
    """
    total = 0
    notes: collections.Counter[str] = collections.Counter()
    faults: list[str] = []
    with atomic(out) as folder:
        folder.mkdir(parents=True)
        for language in languages:
            with (folder / f"{language}.txt").open("w", encoding="utf-8", newline="\n") as file:
                try:
                    for document in pretraining.documents(source, language, notes):
                        file.write(" ".join(document.split()) + "\n")
                        total += 1
                except DataError as error:
                    faults += error.faults or [str(error)]
        raise_all(DataError, list(dict.fromkeys(faults)))
    return [f"{out}: {total} documents in {len(languages)} languages", *_left_out(out, notes)]


def parallel(source: Source, languages: Sequence[str], out: Path) -> list[str]:
    """Write the pairs for pretraining, a file for each language but English, `english<TAB>target` a line; their audit.

    Of no language there is an empty folder, and of one that the source has no pairs of, an empty file.

    Raises:
        DataError: what is wrong with the pairs of the languages, all faults together; or there are none at all.
    """
    with atomic(out) as folder, contextlib.ExitStack() as stack:
        folder.mkdir(parents=True)
        paths = {code: folder / f"{code}.tsv" for code in languages if code != "en"}
        files = {
            code: stack.enter_context(path.open("w", encoding="utf-8", newline="\n")) for code, path in paths.items()
        }
        found = pretraining.audit(source, languages, lambda language, line: files[language].write(line))
        raise_all(DataError, found.faults)
        if languages:
            write_json(folder / "audit.json", {"source": source.name, **found._asdict()})
    total = sum(row["pairs"] for row in found.languages)
    left_out = sum((collections.Counter(row["left_out"]) for row in found.languages), collections.Counter[str]())
    sizes = f"{counted(total, 'pair')} in {counted(len(found.languages), 'language')}"
    return [f"{out}: {sizes}", *_left_out(out, left_out), *found.missing.values()]


def _left_out(out: Path, notes: Mapping[str, int]) -> list[str]:
    return [f"{out}: left out: {why}: {count:,}" for why, count in sorted(notes.items())]
