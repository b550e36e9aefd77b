"""Originals of published files, from their publishers' addresses into the folder that the files source reads.

A file is compared with the SHA-256 that is known of it: that of `originals.sha256`, or else of the folder's SHA256SUMS,
where it is recorded when it arrives.
"""

import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from xit.core import hub
from xit.core.errors import DataError
from xit.core.files import atomic, sha256
from xit.core.progress import Report, unheard
from xit.core.task import Files, Task
from xit.sources.files import filled, sums_of

KNOWN = Path(__file__).with_name("originals.sha256")
"""SHA-256 of originals, as `sha256sum` writes them, by their path in the data folder."""
SUMS = "SHA256SUMS"


class Fetched(NamedTuple):
    """What was done: paths that arrived, that were there, and of each task what has to be had by hand."""

    arrived: tuple[str, ...]
    present: tuple[str, ...]
    by_hand: Mapping[str, tuple[str, ...]]
    faults: tuple[str, ...]


def fetch(tasks: Sequence[Task], folder: Path, report: Report = unheard) -> Fetched:
    """Take the files of tasks into a folder. What is there stays, and what has arrived whole is not asked for again."""
    wanted = dict(pair for task in tasks for pair in _originals(task))
    by_hand = {task.id: tuple(path for path in _paths(task) if path not in wanted) for task in tasks}
    known = {**sums_of(folder / SUMS, folder), **sums_of(KNOWN, folder)}
    arrived: list[str] = []
    present: list[str] = []
    faults: list[str] = []
    for number, (path, url) in enumerate(wanted.items()):
        report("originals", number, len(wanted))
        file = folder / path
        was_there = file.is_file()
        try:
            if not was_there:
                _bring(url, file, known.get(file))
        except (DataError, OSError) as error:
            faults.append(f"{file}: {error}")
            continue
        found = sha256(file)
        if found != known.setdefault(file, found):
            faults.append(
                f"{file}: its SHA-256 is {found}; it should be {known[file]}. Delete it, and the same command fetches "
                "it anew."
            )
            continue
        (present if was_there else arrived).append(path)
        _record(folder, file, found)
    hands = {name: paths for name, paths in by_hand.items() if paths}
    return Fetched(tuple(arrived), tuple(present), hands, tuple(faults))


def _originals(task: Task) -> Iterator[tuple[str, str]]:
    """The paths of a task's files that have an address, and the address."""
    for source, language in _read(task):
        if source.url:
            yield filled(source.path, language), filled(source.url, language)
            for path in source.beside:
                address = f"{source.url.rpartition('/')[0]}/{path.rpartition('/')[2]}"
                yield filled(path, language), filled(address, language)


def _read(task: Task) -> list[tuple[Files, str]]:
    """The files of a task, with the languages of which they are read."""
    return [
        (source, language)
        for split, sources in task.files.items()
        for source in sources
        for language in (task.languages if split == "test" or task.is_mined else ("en",))
    ]


def _paths(task: Task) -> list[str]:
    """The paths of all files of a task, each once."""
    paths = [filled(path, code) for source, code in _read(task) for path in (source.path, *source.beside)]
    return list(dict.fromkeys(paths))


def _bring(url: str, file: Path, expected: str | None) -> None:
    """Fetch a file, or a member of an archive; it is put in its place where its hash is the known one.

    Raises:
        DataError: it cannot be had, or it is not what it should be; it is then removed.
    """
    address, _, member = url.partition("!")
    original = hub.published_file(address)
    with atomic(file) as temporary:
        if not member:
            shutil.copyfile(original, temporary)
        else:
            try:
                with zipfile.ZipFile(original) as archive:
                    temporary.write_bytes(archive.read(member))
            except (zipfile.BadZipFile, KeyError) as error:
                original.unlink()
                raise DataError(f"{address} has no {member}: {error}. It was removed; run it again.") from error
        found = sha256(temporary)
        if expected not in (None, found):
            original.unlink()
            raise DataError(f"{address} has another file now: its SHA-256 is {found}; it should be {expected}.")


def _record(folder: Path, file: Path, found: str) -> None:
    """Note the hash of a file in the folder's SHA256SUMS, if it is not there."""
    sums = sums_of(folder / SUMS, folder)
    if sums.get(file) == found:
        return
    lines = (folder / SUMS).read_text(encoding="utf-8") if (folder / SUMS).is_file() else ""
    with atomic(folder / SUMS) as temporary:
        temporary.write_text(f"{lines}{found}  {file.relative_to(folder).as_posix()}\n", encoding="utf-8")
