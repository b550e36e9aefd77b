"""Data sets of the Hugging Face Hub, at pinned commits where they are known, without loading scripts.

A task says where its splits lie and how they are read (`xit.core.task.Hub`); here they are fetched or taken from the
cache, counted, given the names of labels and fields, and read by the rules of the published files.
"""

import collections
import dataclasses
import gzip
import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from xit.core import hub
from xit.core.errors import DataError
from xit.core.hub import EXPORT, SUFFIXES, AbsentError, Download, is_commit, repository
from xit.core.languages import facts
from xit.core.settings import HubSettings
from xit.core.task import Hub, Split, Task
from xit.formats import format_of
from xit.sources import NoPairsError, SentencePair, Source, hub_rows, readers
from xit.sources.files import checked
from xit.sources.reader_context import Group, ReaderContext, Row, Table

WIKIPEDIA = "wikimedia/wikipedia@b04c8d1ceb2f5cd4588862100d08de323dccfbaa"
"""The dump of 1 November 2023; its licence is CC BY-SA 3.0 and GFDL."""
OPUS100 = "Helsinki-NLP/opus-100@805090dc28bf78897da9641cdf08b61287580df9"
"""Pairs of English and 99 languages (Zhang et al. 2020, arXiv 2004.11867), a million at most; its licence is unknown,
since it is drawn from the many corpora of OPUS. Of the languages of XTREME-R it lacks ht, jv, qu, sw, tl and wo."""
NOT_PINNED = " (not pinned)"
NAMES = {"bn": "Bengali"}
"""Languages that google/xtreme and TyDiQA call otherwise than CLDR."""


@dataclasses.dataclass(frozen=True)
class HubSource(Source):
    """Data sets of the Hub.

    Attributes:
        settings: The cache, and the rules for what is known to be wrong in published data.
    """

    settings: HubSettings
    name: ClassVar[str] = "hub"

    def languages(self, task: Task) -> tuple[str, ...]:
        """The languages of a task, all of which the Hub has, if it has the task."""
        return task.languages if "test" in task.hub else ()

    def has(self, task: Task, split: Split | None = None) -> bool:
        """Whether the Hub has anything of a task; it has not what is licensed (CCG) or cannot be given away whole."""
        return split in task.hub if split else bool(task.hub)

    def examples(
        self, task: Task, split: Split, language: str, notes: collections.Counter[str] | None = None
    ) -> Iterator[Row]:
        """The examples of a task's split in a language, in the schema of its format.

        Args:
            task: Where its splits lie.
            split: Train and validation exist in English only, but validation in every language where pairs are mined.
            language: An ISO code.
            notes: Takes how often each rule changed or left out something, for the audit.

        Raises:
            DataError: a data set cannot be had, or is not what it should be; the message lists every fault.
        """
        if not task.hub:
            raise DataError(self.absent(task))
        if split not in task.hub:
            raise DataError(f"{task.id}: the hub source has no {split} split of it. It has: {', '.join(task.hub)}.")
        if split != "test" and language != "en" and not task.is_mined:
            raise DataError(f"{task.id}: its {split} split is in English only, not in {language}.")
        reader = ReaderContext(
            split,
            labels={label: label for label in task.labels},
            columns=format_of(task).columns,
            languages=task.languages,
            repairs_answers=self.settings.misplaced_answers == "repair",
            repairs_questions=self.settings.xcopa_questions == "repaired",
        )
        parts = []
        for source in _sources(task, split, language):
            if "://" in source.repository:
                parts.append(("original-", _original(source, task.languages, language, reader)))
                continue
            place = _place(source, language)
            groups = _read(place, language, self.settings, reader)
            start, end = (round(fraction * len(groups)) for fraction in place.source.rows)
            name = _filled(place.source.split, language).replace("/", "-")
            parts.append((f"{name.removesuffix('.jsonl')}-", groups[start:end]))
        rows = [  # a query names its candidates by their own ids
            row
            | {"id": (prefix if len(parts) > 1 and row.get("role") != "candidate" else "") + row["id"]}
            | {"language": language}
            for prefix, groups in parts
            for group in groups
            for row in group
        ]
        return checked(rows, f"{task.id}, {split}, {language}", reader, self.settings, notes)

    def text(self, language: str) -> Iterator[str]:
        """Articles of Wikipedia, for pretraining: those of the first file of a language, some 400 MB of English.

        Raises:
            DataError: it cannot be had.
        """
        import pyarrow.parquet as pq

        name, commit = repository(WIKIPEDIA)
        place = (f"20231101.{language}", "train")
        (file,) = hub.split_files(name, commit or "main", *place, most_files=1).files
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(columns=["text"]):
                yield from batch.column("text").to_pylist()

    def parallel(self, language: str) -> Iterator[SentencePair]:
        """The training pairs of OPUS-100; a configuration names its two languages in the order of the alphabet.

        Raises:
            NoPairsError: it has none in that language.
            DataError: they cannot be had.
        """
        import pyarrow.parquet as pq

        name, commit = repository(OPUS100)
        try:
            download = hub.split_files(name, commit or "main", "-".join(sorted(("en", language))), "train")
        except AbsentError as error:
            if "no Parquet or JSON files" not in str(error):
                raise
            raise NoPairsError(
                f"{OPUS100}: no pairs of English and {language}. OPUS-100 has none of ht, jv, qu, sw, tl and wo. Take "
                f"{language} out of languages.pretraining, or take the pairs from files."
            ) from error
        for file in download.files:
            with pq.ParquetFile(file) as parquet:
                for batch in parquet.iter_batches(columns=["translation"]):
                    for row in batch.column("translation").to_pylist():
                        yield SentencePair(row["en"] or "", row[language] or "", OPUS100)

    def origins(self, task: Task, split: Split, language: str) -> tuple[str, ...]:
        """The places that `examples` reads: repository, commit, configuration and split, and which are not pinned."""
        found = []
        for source in _sources(task, split, language):
            if "://" in source.repository:
                found.append(_filled(source.repository, language))
                continue
            place = _place(source, language)
            name, commit = repository(place.source.repository)
            pinned = "" if place.download.commit == commit else ", not pinned"
            where = _filled(place.source.split, language)
            found.append(f"{name}@{place.download.commit}, {where}{pinned}")
        return tuple(found)

    def revision(self, task: Task) -> str:
        """The repositories of a task and their commits; a branch is not pinned. Of those that are asked only where
        another has not a language, the ones that are not pinned."""
        sources = [source for split in task.hub.values() for source in split]
        first = [_versioned(source.repository.split()[0]) for source in sources]
        others = [_versioned(place.repository.split()[0]) for source in sources for place in source.fallbacks]
        return ", ".join(dict.fromkeys([*first, *(name for name in others if name.endswith(NOT_PINNED))]))


def _versioned(place: str) -> str:
    """A place with its commit, or the branch that is read in place of one."""
    if "://" in place:
        return place
    name, revision = repository(place)
    return place if is_commit(revision) else f"{name}@{revision or 'main'}{NOT_PINNED}"


def _sources(task: Task, split: Split, language: str) -> list[Hub]:
    return [source for source in task.hub[split] if source.language in ("", language)]


class _Place(NamedTuple):
    """What was found of a source, or of one of its fallbacks."""

    source: Hub
    download: Download


def _place(source: Hub, language: str) -> _Place:
    """The first place that has a split: the repository, its export to Parquet, then the fallbacks alike."""
    absent = []
    places = [(place, name) for place in (source, *source.fallbacks) for name in place.repository.split()]
    for place, pinned in places:
        name, commit = repository(pinned)
        config, _, split = _filled(place.split, language).rpartition("/")
        for branch in (commit or "main",) if split.endswith(SUFFIXES) else (commit or "main", EXPORT):
            try:
                download = hub.split_files(name, branch, config, split)
                return _Place(dataclasses.replace(place, repository=pinned), download)
            except AbsentError as error:
                absent.append(str(error))
    raise AbsentError("\n".join(dict.fromkeys(absent)))


def _filled(pattern: str, language: str) -> str:
    return pattern.format(language=language, iso3=facts(language).iso3, name=NAMES.get(language, facts(language).name))


def _original(source: Hub, languages: tuple[str, ...], language: str, reader: ReaderContext) -> list[Group]:
    """What a published file at its own address holds; those of the other languages lie beside it then."""
    urls = {code: _filled(source.repository, code) for code in languages}
    found = {code: hub.published_file(url) for code, url in urls.items()}
    groups = list(getattr(readers, source.reader)(found[language], reader, **source.options))
    size = sum(row.get("role") != "candidate" for group in groups for row in group)
    expected = source.count.get(language) if isinstance(source.count, Mapping) else source.count
    reader.faults += [f"{urls[language]}: {fault}" for fault in count_faults(expected, size)]
    return groups


def _read(place: _Place, language: str, settings: HubSettings, reader: ReaderContext) -> list[Group]:
    source = place.source
    table = _table(place, language, settings, reader)
    read = getattr(hub_rows, source.reader, None) or getattr(readers, source.reader)
    return list(read(table, reader, **source.options)) if table.rows else []


def _table(place: _Place, language: str, settings: HubSettings, reader: ReaderContext) -> Table:
    """The rows of a split under the names of their fields; none, with a fault, where columns or rows are missing."""
    source = place.source
    where = f"{repository(source.repository)[0]}, {_filled(source.split, language)}"

    def sibling(other: str) -> Table:
        return _table(_place(source, other), other, settings, reader)

    pairs = [column.partition(":") for column in source.columns.split()]
    columns = {field: column or field for field, _, column in pairs}
    parts = [_loaded(file, where) for file in place.download.files]
    rows: list[Mapping[str, Any]] = []
    for found, names in parts:
        missing = [column for column in columns.values() if found and column not in found[0]]
        if missing:
            has = ", ".join(found[0])
            reader.fault(where, f"no column {', '.join(missing)}. It has: {has}. xit.tasks names what is read.")
            return Table(where, [], sibling)
        rows += [_renamed(row, columns, names, source.labels.split()) for row in found]
    if source.only:
        column, start = source.only[0], _filled(source.only[1], language).lower()
        rows = [row for row in rows if str(row[column]).startswith(start)]
    expected = source.count.get(language) if isinstance(source.count, Mapping) else source.count
    size = sum(len(row[source.counted]) for row in rows) if source.counted else len(rows)
    reader.faults += [f"{where}: {fault}" for fault in count_faults(expected, size, source.counted or "rows")]
    return Table(where, rows, sibling)


def count_faults(expected: int | None, found: int, unit: str = "rows") -> list[str]:
    """What is wrong with a number of rows; nothing where none is published and there are some."""
    if not found:
        return [f"no {unit}."]
    if expected in (None, found):
        return []
    return [f"{found:,} {unit}, but {expected:,} are published. Has the data set changed, or is a file missing?"]


def _renamed(
    row: Mapping[str, Any], columns: Mapping[str, str], names: Mapping[str, list[str]], labels: list[str]
) -> dict[str, Any]:
    """A row's fields; where the source has labels, its numbers become names, those of the file before any other."""
    fields = {field: row.get(column) for field, column in columns.items()}
    if labels:
        labels = [] if labels == ["-"] else labels
        fields |= {f: _named(fields[f], names.get(columns[f]) or labels) for f in ("label", "tags") if f in fields}
    return fields


def _named(label: Any, names: list[str]) -> Any:
    if isinstance(label, list):
        return [_named(inner, names) for inner in label]
    if not isinstance(label, int):
        return label
    return names[label] if 0 <= label < len(names) else None if label == -1 else str(label)


def _loaded(file: Path, where: str) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """The rows of a Parquet or JSON-lines file, and the names of the labels of its columns as far as it has them.

    JSON lines may be packed, alone or as the one member of an archive.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import ClassLabel, Features

    try:
        if file.suffix == ".parquet":
            with pq.ParquetFile(file) as parquet:
                table = parquet.read()
            features = Features.from_arrow_schema(table.schema)
            inner = {column: getattr(feature, "feature", feature) for column, feature in features.items()}
            names = {column: list(label.names) for column, label in inner.items() if isinstance(label, ClassLabel)}
            return table.to_pylist(), names
        source = _unpacked(file).decode("utf-8-sig")
        rows = [json.loads(line) for line in source.split("\n") if line.strip()]
        if not all(isinstance(row, dict) for row in rows):
            raise DataError(f"{where}, {file.name}: not JSON lines: each line should be an object.")
        return rows, {}
    except (pa.ArrowException, OSError, EOFError, ValueError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"{where}, {file.name}: cannot be read: {str(error).partition(chr(10))[0]}") from error


def _unpacked(file: Path) -> bytes:
    """The content of a file, of a packed one what it holds; of an archive its one member.

    Raises:
        ValueError: an archive has not one file of JSON lines; what macOS leaves beside files does not count.
    """
    if not file.name.endswith(".tar.gz"):
        raw = file.read_bytes()
        return gzip.decompress(raw) if file.suffix == ".gz" else raw
    with tarfile.open(file, "r:gz") as archive:
        members = [member for member in archive if member.isfile() and not Path(member.name).name.startswith(".")]
        if len(members) != 1:
            names = ", ".join(member.name for member in members) or "none"
            raise ValueError(f"it should hold one file of JSON lines; it holds {len(members)}: {names}")
        content = archive.extractfile(members[0])
        assert content is not None  # a file
        return content.read()
