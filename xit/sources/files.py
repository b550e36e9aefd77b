"""Published files in a folder: the examples of a task, and text for pretraining.

A task says where its files lie and which reader reads them (`xit.core.task.Files`); here they are found, read, checked,
cut into splits and named. A file with any fault gives no example: all faults of a split's files are raised together.
"""

import collections
import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from xit.core import registry
from xit.core.errors import DataError, counted, near, raise_all
from xit.core.files import is_broken_link, sha256
from xit.core.languages import facts
from xit.core.settings import FilesSettings, HubSettings
from xit.core.task import Files, Split, Task, task_of
from xit.formats import format_of
from xit.sources import NoPairsError, SentencePair, Source, readers
from xit.sources.caps import first, sample
from xit.sources.reader_context import ENDINGS, Group, ReaderContext, Row, lines, shown, streamed

TEXT_FOLDERS = ("text-lingua", "text-udhr", "text-bible")
"""The folders of text that are read first, in this order; then all others whose names begin with `text-`."""
MOST_FAULTS = 100
"""So many faults of a file of pairs are told; it is not read further then."""


@dataclasses.dataclass(frozen=True)
class FilesSource(Source):
    """The published files in a folder.

    Attributes:
        settings: The data folder, and the rules for what is known to be wrong in published files.
    """

    settings: FilesSettings
    name: ClassVar[str] = "files"

    def languages(self, task: Task) -> tuple[str, ...]:
        """The languages of a task whose test files are in the data folder, in the benchmark's order.

        Raises:
            DataError: there is no such folder.
        """
        folder = Path(self.settings.folder)
        if not folder.is_dir():
            raise DataError(_missing(folder, ""))
        return tuple(name for name in task.languages if self.is_whole(task, "test", name))

    def is_whole(self, task: Task, split: Split, language: str) -> bool:
        """Whether all files of a task's split are in the data folder."""
        files = task.files.get(split, ())
        return bool(files) and all(_found(Path(self.settings.folder), source.path, language) for source in files)

    def has(self, task: Task, split: Split | None = None) -> bool:
        """Whether any file of a task, or of one split of it, is in the data folder.

        Raises:
            DataError: there is no such folder.
        """
        folder = Path(self.settings.folder)
        if not folder.is_dir():
            raise DataError(_missing(folder, ""))
        codes = ("en",) if split in ("train", "validation") and task.is_trained else (*task.languages, "en")
        chosen = [files for name, files in task.files.items() if split in (None, name)]
        return any(_found(folder, source.path, code) for files in chosen for source in files for code in codes)

    def examples(
        self, task: Task, split: Split, language: str, notes: collections.Counter[str] | None = None
    ) -> Iterator[Row]:
        """The examples of a task's split in a language, in the schema of its format.

        Args:
            task: Where its files lie.
            split: Train and validation exist in English only, but validation in every language where pairs are mined.
            language: An ISO code.
            notes: Takes how often each rule changed or left out something, for the audit.

        Raises:
            DataError: a file is missing, cannot be read or contradicts itself; the message lists every fault.
        """
        if split not in task.files:
            splits = ", ".join(task.files) or "none"
            raise DataError(f"{task.id}: the files source has no {split} split of it. It has: {splits}.")
        if split != "test" and language != "en" and not task.is_mined:
            raise DataError(f"{task.id}: its {split} split is in English only, not in {language}.")
        reader = ReaderContext(
            split,
            labels={label: label for label in task.labels},
            columns=format_of(task).columns,
            languages=task.languages,
            repairs_answers=self.settings.misplaced_answers == "repair",
            repairs_questions=self.settings.xcopa_questions == "repaired",
            sums=_sums(Path(self.settings.folder)),
        )
        rows = _rows(task.files[split], language, Path(self.settings.folder), reader)
        return checked(rows, f"{task.id}, {split}, {language}", reader, self.settings, notes)

    def place_of(self, task: Task) -> str:
        """The data folder, and a folder in it or above it that has files of the task."""
        folder = Path(self.settings.folder)
        others = (*sorted(path for path in folder.glob("*") if path.is_dir()), *folder.absolute().parents[:2])
        paths = [files.path for split in task.files.values() for files in split]
        names = [(path, code) for path in paths for code in (*task.languages, "en")]
        other = next((other for other in others if any(_found(other, *name) for name in names)), None)
        return f" in {folder}{f'. Did you mean --data {other}, which has some?' if other else '.'}"

    def text(self, language: str) -> Iterator[str]:
        """Lines of plain text for pretraining: those of the files `text-*/<language>.txt`, packed or not.

        Raises:
            DataError: there is no text in that language, or a file cannot be read.
        """
        name = f"{language}.txt"
        files = self._text_files(name)
        if not files:
            raise DataError(
                f"{self.settings.folder}: no text in {language}. Looked for {name}, {name}.gz and {name}.xz in the "
                f"folders text-*, of which there are: {_text_folders(Path(self.settings.folder))}. Put a line of text "
                f"on each line of such a file, or take {language} out of languages.pretraining."
            )
        reader = ReaderContext("train", sums=_sums(Path(self.settings.folder)))
        for file in files:
            for _, line in streamed(file, reader):
                if line := line.strip():
                    yield line
        raise_all(DataError, reader.faults)

    def parallel(self, language: str) -> Iterator[SentencePair]:
        """Pairs for pretraining: the rows of the files `text-*/pairs/en-<language>.tsv`, packed or not.

        A row is `english<TAB>target`, or `english<TAB>target<TAB>source`; without a source the folder names it.

        Raises:
            NoPairsError: there is no such file.
            DataError: a file cannot be read, or a row has another number of columns.
        """
        folder, name = Path(self.settings.folder), f"en-{language}.tsv"
        files = self._text_files(f"pairs/{name}")
        if not files:
            raise NoPairsError(
                f"{folder}: no pairs of English and {language}. Looked for {name}, {name}.gz and {name}.xz in the "
                f"folders text-*/pairs; pairs are there with: {', '.join(_paired(folder)) or 'no language'}. Put "
                f"`english<TAB>{language}` rows into such a file, or take {language} out of languages.pretraining."
            )
        reader = ReaderContext("train", sums=_sums(folder))
        for file in files:
            yield from _pairs(file, reader)
        raise_all(DataError, reader.faults)

    def _text_files(self, name: str) -> list[Path]:
        """The files of that name in the folders of text, packed or not.

        Raises:
            DataError: there is no data folder, or a file is there twice, packed and not.
        """
        folder = Path(self.settings.folder)
        if not folder.is_dir():
            raise DataError(_missing(folder, ""))
        known = {inner: number for number, inner in enumerate(TEXT_FOLDERS)}
        folders = _shown(folder, folder.glob("text-*"))
        folders.sort(key=lambda path: known.get(path.name, len(known)))
        found = [[path for end in ENDINGS if _is_there(path := inner / f"{name}{end}")] for inner in folders]
        twice = [paths for paths in found if len(paths) > 1]
        raise_all(DataError, [f"{one}: is also there as {other.name}. Keep one of them." for one, other, *_ in twice])
        return [path for paths in found for path in paths]


def _is_there(file: Path) -> bool:
    """Whether a file is there; a link that leads nowhere is, so that it is told."""
    return file.is_file() or is_broken_link(file)


def _text_folders(folder: Path) -> str:
    return ", ".join(path.name for path in _shown(folder, folder.glob("text-*"))) or "none"


def _paired(folder: Path) -> list[str]:
    """The languages of which a data folder has pairs."""
    files = _shown(folder, folder.glob("text-*/pairs/en-*.tsv*"))
    return sorted({file.name.removeprefix("en-").partition(".")[0] for file in files})


def _pairs(file: Path, reader: ReaderContext) -> Iterator[SentencePair]:
    """The rows of a file of pairs; of one with many faults only the first are told."""
    before = len(reader.faults)
    for where, line in streamed(file, reader):
        columns = line.split("\t")
        if len(columns) in (2, 3):
            origin = columns[2].strip() if len(columns) == 3 else ""
            yield SentencePair(columns[0], columns[1], origin or file.parent.parent.name)
            continue
        needed = "2 or 3 are needed: english, target, source. Put tabs between them."
        reader.fault(where, f"{counted(len(columns), 'column')}, {shown(line)}; {needed}")
        if len(reader.faults) - before >= MOST_FAULTS:
            return


def _sums(folder: Path) -> dict[Path, str]:
    """The SHA-256 of files, where the data folder has a SHA256SUMS as `sha256sum` writes it.

    It sees what no reader can: a changed letter, or a list that ends early between two records.

    Raises:
        DataError: a line is not of that form.
    """
    return sums_of(folder / "SHA256SUMS", folder)


def sums_of(file: Path, folder: Path) -> dict[Path, str]:
    """The SHA-256 of the files of a folder, of a list as `sha256sum` writes it; none where there is no list.

    Raises:
        DataError: a line is not of that form.
    """
    reader = ReaderContext("test")
    rows = lines(file, reader) if file.is_file() else []
    found = [re.fullmatch(r"([0-9a-f]{64}) [ *](?:\./)?(.+)", row) for row in rows]
    for number, match in enumerate(found, 1):
        if match is None:
            reader.fault(f"{file}, line {number}", "should be a SHA-256, two blanks and a path. Write it anew.")
    raise_all(DataError, reader.faults)
    return {folder / match[2]: match[1] for match in found if match}


def _rows(sources: tuple[Files, ...], language: str, folder: Path, reader: ReaderContext) -> list[Row]:
    """The rows of a split's files, with their language; ids begin with the file's name where there are several."""
    parts = []
    for source in sources:
        files = _found(folder, source.path, language)
        if not files:
            reader.faults.append(_missing(folder, filled(source.path, language)))
        for file in files:
            groups = _whole(file, source, language, reader)
            start, end = (round(fraction * len(groups)) for fraction in source.rows)
            parts.append((f"{file.stem}-", groups[start:end]))
    return [
        row | {"id": (prefix if len(parts) > 1 else "") + row["id"], "language": language}
        for prefix, groups in parts
        for group in groups
        for row in group
    ]


def _whole(file: Path, source: Files, language: str, reader: ReaderContext) -> list[Group]:
    """The groups of a file, all that were published of it, and each id once."""
    before = len(reader.faults)
    groups = _read(file, source, reader)
    reader.faults += repeated_ids(str(file), [row for group in groups for row in group])
    published = source.count.get(language) if isinstance(source.count, Mapping) else source.count
    if published not in (None, len(groups)) and len(reader.faults) == before:
        reader.fault(
            str(file), f"{len(groups):,} records, but {published:,} are published. Was it cut off? Fetch it again."
        )
    return groups


def repeated_ids(where: str, rows: Sequence[Row]) -> list[str]:
    """A fault for each id that more than one row of a role has."""
    counts = collections.Counter((row.get("role", "record"), row["id"]) for row in rows)
    return [
        f"{where}, {role} {name}: the id occurs {count} times; it should name one."
        for (role, name), count in counts.items()
        if count > 1
    ]


def _read(file: Path, source: Files, reader: ReaderContext) -> list[Group]:
    options = dict(source.options)
    inner = dataclasses.replace(reader, labels=options.pop("labels", reader.labels))  # same faults, same notes
    return list(getattr(readers, source.reader)(file, inner, **options))


def checked(
    rows: list[Row],
    where: str,
    reader: ReaderContext,
    settings: FilesSettings | HubSettings,
    notes: collections.Counter[str] | None,
) -> Iterator[Row]:
    """The rows of a split, as many as the settings let in, if nothing is wrong with any; what was noted goes to the
    notes.

    Raises:
        DataError: with all faults, those of ids that occur more than once among them; or there is no row.
    """
    raise_all(DataError, reader.faults or repeated_ids(where, rows))
    if not rows:
        raise DataError(f"{where}: the source holds no example.")
    if notes is not None:
        texts = [{**row, "id": ""} for row in rows if "words" in row or "text_a" in row]
        counts = collections.Counter(json.dumps(text, sort_keys=True) for text in texts)
        reader.notes["rows that repeat an earlier one"] += len(texts) - len(counts)
        notes.update(+reader.notes)
    if reader.split == "test":
        return iter(first(rows, settings.most_test))
    return iter(sample(rows, settings.most_train if reader.split == "train" else settings.most_validation))


def filled(path: str, language: str) -> str:
    """A path of a task with the codes of a language in it."""
    return path.format(language=language, iso3=facts(language).iso3)


def _found(folder: Path, path: str, language: str) -> list[Path]:
    """The files of that pattern, sorted by path, and links that lead nowhere; no name that begins with a dot."""
    own = filled(path, language)
    if is_broken_link(folder / own):
        return [folder / own]
    return _shown(folder, folder.glob(own))


def _shown(folder: Path, paths: Iterable[Path]) -> list[Path]:
    """The paths sorted, without those that a system hides, such as what macOS leaves beside files."""
    return sorted(path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def fingerprint(folder: Path) -> str:
    """The SHA-256 of the names and contents of all files that tasks and pretraining read; of no note beside them."""
    patterns = {"SHA256SUMS", *(f"text-*/{name}{end}" for name in ("*.txt", "pairs/en-*.tsv") for end in ENDINGS)}
    for task in map(task_of, registry.names("tasks")):
        paths = [path for files in task.files.values() for source in files for path in (source.path, *source.beside)]
        patterns |= {filled(path, language) for path in paths for language in (*task.languages, "en")}
    found = {path for pattern in patterns for path in folder.glob(pattern)}
    digest = hashlib.sha256()
    for path in _shown(folder, (path for path in found if path.is_file())):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256(path)}\n".encode())
    return digest.hexdigest()


def _missing(folder: Path, path: str) -> str:
    """What to say of a file that is not there: the nearest name beside it, and where was looked."""
    if not folder.is_dir():
        return (
            f"{folder}: no such data folder. Give it with --data FOLDER (make: DATA=FOLDER), or as files.folder in "
            "params.yaml."
        )
    file = folder / path
    beside = [other.name for other in _shown(folder, file.parent.iterdir())] if file.parent.is_dir() else []
    return f"{file}: no such file.{near(file.name, beside)} Looked in {file.parent}, which holds {len(beside)} files."
