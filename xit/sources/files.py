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
from xit.core.errors import DataError, near, raise_all
from xit.core.files import is_broken_link, sha256
from xit.core.languages import facts
from xit.core.settings import FilesSettings
from xit.core.task import Files, Split, Task, task_of
from xit.formats import format_of
from xit.sources import Source, readers
from xit.sources.reader_context import Group, ReaderContext, Row, lines

TEXT_FOLDERS = ("text-lingua", "text-udhr", "text-bible")


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
        sources = task.files.get("test", ())
        return tuple(name for name in task.languages if sources and all(_found(folder, s.path, name) for s in sources))

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
        return checked(rows, f"{task.id}, {split}, {language}", reader, self.settings.most_test, notes)

    def place_of(self, task: Task) -> str:
        """The data folder, and a folder in it or above it that has files of the task."""
        folder = Path(self.settings.folder)
        others = (*sorted(path for path in folder.glob("*") if path.is_dir()), *folder.absolute().parents[:2])
        paths = [files.path for split in task.files.values() for files in split]
        names = [(path, code) for path in paths for code in (*task.languages, "en")]
        other = next((other for other in others if any(_found(other, *name) for name in names)), None)
        return f" in {folder}{f'. Did you mean --data {other}, which has some?' if other else '.'}"

    def text(self, language: str) -> Iterator[str]:
        """Lines of plain text for pretraining, without those that the test files of Tatoeba and UD hold too.

        Raises:
            DataError: there is no text in that language, or a file cannot be read.
        """
        folder = Path(self.settings.folder)
        files = [folder / name / f"{language}.txt" for name in TEXT_FOLDERS]
        if not any(file.exists() for file in files):
            raise DataError(f"{folder}: no text in {language}. Looked for {language}.txt in {', '.join(TEXT_FOLDERS)}.")
        reader = ReaderContext("train", sums=_sums(folder))
        found = [line.strip() for file in files if file.exists() for line in lines(file, reader)]
        evaluated = _evaluated(folder, language, reader)
        raise_all(DataError, reader.faults)
        return iter([line for line in found if line and _bare(line) not in evaluated])


def _evaluated(folder: Path, language: str, reader: ReaderContext) -> set[str]:
    """The sentences of Tatoeba and UD, some of which the text for pretraining holds too, without white space."""
    tatoeba = f"tatoeba/tatoeba.*-eng.{facts(language).iso3}"
    treebanks = f"ud/*/{language}_*-ud-*.conllu"
    sentences = [line for file in _shown(folder, folder.glob(tatoeba)) for line in lines(file, reader)]
    for file in _shown(folder, folder.glob(treebanks)):
        texts = [line for line in lines(file, reader) if line.startswith("# text = ")]
        sentences += [line.removeprefix("# text = ") for line in texts]
    return {_bare(sentence) for sentence in sentences}


def _bare(line: str) -> str:
    return "".join(line.split())


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
    rows: list[Row], where: str, reader: ReaderContext, most_test: int, notes: collections.Counter[str] | None
) -> Iterator[Row]:
    """The rows of a split, of test the first ones, if nothing is wrong with any; what was noted goes to the notes.

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
    return iter(_first(rows, most_test) if reader.split == "test" and most_test else rows)


def _first(rows: list[Row], most: int) -> list[Row]:
    """The first examples; of retrieval the first queries, and every candidate, so that the task stays as hard."""
    candidates = sum(row.get("role") == "candidate" for row in rows)
    if not candidates:
        return rows[:most]
    queries = [row["id"] for row in rows if row["role"] == "query"][:most]
    kept = set(queries)
    return [row for row in rows if row["role"] == "candidate" or row["id"] in kept]


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
    patterns = {"SHA256SUMS", *(f"{name}/*.txt" for name in TEXT_FOLDERS)}
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
        return f"{folder}: no such data folder. Give it with DATA=…, or as files.folder in params.yaml."
    file = folder / path
    beside = [other.name for other in _shown(folder, file.parent.iterdir())] if file.parent.is_dir() else []
    return f"{file}: no such file.{near(file.name, beside)} Looked in {file.parent}, which holds {len(beside)} files."
