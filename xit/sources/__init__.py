"""Where examples and text come from; the data stage gives them all one schema, and no later stage knows the source."""

import abc
import collections
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from xit.core.errors import ConfigError, DataError, near
from xit.core.settings import FilesSettings, HubSettings, MicroSettings
from xit.core.task import Split, Task

if TYPE_CHECKING:
    from xit.pipeline.config import Config

NAMES = ("micro", "files", "hub")


class SentencePair(NamedTuple):
    """The same in English and in another language, and the name of what it is from, which has a licence of its own."""

    english: str
    target: str
    origin: str


class NoPairsError(DataError):
    """A source has no pairs of English and a language; it may have those of others."""


@dataclasses.dataclass(frozen=True)
class Source(abc.ABC):
    """A source of examples and of text for pretraining: `MicroSource`, `FilesSource` or `HubSource`.

    Attributes:
        settings: Its section of params.yaml.
        name: One of `NAMES`.
    """

    settings: MicroSettings | FilesSettings | HubSettings
    name: ClassVar[str]

    @abc.abstractmethod
    def languages(self, task: Task) -> tuple[str, ...]:
        """The languages in which it has test examples of a task, in the benchmark's order."""

    @abc.abstractmethod
    def has(self, task: Task, split: Split | None = None) -> bool:
        """Whether it has anything of a task, or of one split of it."""

    @abc.abstractmethod
    def examples(
        self, task: Task, split: Split, language: str, notes: collections.Counter[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The examples of a task's split in a language, in the schema of its format.

        Args:
            task: The task.
            split: Train and validation exist in English only, but validation in every language where pairs are mined.
            language: An ISO code.
            notes: Takes how often each rule changed or left out something, for the audit.

        Raises:
            DataError: the data cannot be had, or contradict themselves; the message lists every fault.
        """

    def absent(self, task: Task) -> str:
        """What to say where it has nothing of a task: which sources have, which files would do, and where some lie."""
        paths = dict.fromkeys(files.path for split in task.files.values() for files in split)
        having = {
            "micro (an invented counterpart)": task.micro,
            f"files (reads {', '.join(paths)})": task.files,
            "hub": task.hub and self.name != "hub",
        }
        others = "; ".join(name for name, has in having.items() if has)
        return (
            f"{task.id}: the {self.name} source has nothing of it{self.place_of(task)} Its licence: {task.licence}. "
            f"Take it from another source, or out of the grid. Sources: {others}."
        )

    def place_of(self, task: Task) -> str:
        """Where it looks for a task, and where that lies instead; empty for what is made or loaded."""
        return "."

    @abc.abstractmethod
    def text(self, language: str) -> Iterator[str]:
        """Documents for pretraining, or lines of text, as they are published (`xit.sources.pretraining` cleans them).

        Raises:
            DataError: there is no text in that language, or it cannot be had.
        """

    @abc.abstractmethod
    def parallel(self, language: str) -> Iterator[SentencePair]:
        """Pairs of English and a language for pretraining, as they are published; they are cleaned as text is.

        Raises:
            NoPairsError: there are none in that language.
            DataError: they cannot be had, or a file is not what it should be; the message lists every fault.
        """

    def origins(self, task: Task, split: Split, language: str) -> tuple[str, ...]:
        """The places that `examples` has read, with their versions; none where the parameters say it all."""
        return ()

    def revision(self, task: Task) -> str:
        """The places of a task and their versions, known before anything is read; empty where there are none."""
        return ""


def open_source(config: "Config", name: str = "", folder: Path | None = None, languages: Sequence[str] = ()) -> Source:
    """The source that params.yaml names, or another one.

    Args:
        config: The sources' settings, the languages that are evaluated, and which source is used where none is named.
        name: One of `NAMES`; else `files` where a folder is given, else the source of params.yaml.
        folder: The data folder of the files source, in place of the one of params.yaml.
        languages: The languages of the micro source; else those that are evaluated.

    Raises:
        ConfigError: there is no such source, or the files source has no folder.
    """
    from xit.sources.files import FilesSource
    from xit.sources.hub import HubSource
    from xit.sources.micro import MicroSource

    if folder and name == "micro":
        raise ConfigError(
            f"--data {folder}: the micro source reads no files. Leave --data out, or name --source files."
        )
    match name or ("files" if folder else config.source):
        case "micro":
            chosen = tuple(languages) or config.languages.evaluation
            return MicroSource(dataclasses.replace(config.micro, languages=chosen))
        case "files" if folder or config.files.folder:
            return FilesSource(dataclasses.replace(config.files, folder=str(folder)) if folder else config.files)
        case "files":
            raise ConfigError("--source files: say where the published files are: --data FOLDER.")
        case "hub":
            return HubSource(config.hub)
        case other:
            raise ConfigError(f"--source: {other}: no such source.{near(other, NAMES)} Sources: {', '.join(NAMES)}.")


def with_settings(source: Source, **changes: Any) -> Source:
    """The same source with other values in its settings."""
    of_source: Any = source
    changed: Source = dataclasses.replace(of_source, settings=dataclasses.replace(of_source.settings, **changes))
    return changed
