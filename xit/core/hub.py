"""The Hugging Face Hub: names of what is there, where downloads lie, and files of data sets and encoders, checked.

Names are as users write them: `owner/name`, since the Hub takes bare names no more. No loading script is run, as
`datasets` 4 refuses them as well. A split is had in one of three ways: from the Parquet or JSON files of the repository
at its commit; where it has none (it is script-based), from the Hub's own export to Parquet; or, where a task says so,
from a published file at its own address. Which files of a repository make a split is said by its card, or else by their
names, as `datasets` has it.
"""

import dataclasses
import errno
import fnmatch
import functools
import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from xit.core import files
from xit.core.errors import CheckpointError, DataError, near, some

EXPORT = "refs/convert/parquet"
"""The branch to which the Hub converts every data set that it can."""
SUFFIXES = (".parquet", ".jsonl", ".json", ".jsonl.gz", ".json.gz", ".jsonl.tar.gz")
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
BESIDE_WEIGHTS = ("*.json", "*.model", "*.tiktoken", "*.txt")
"""Patterns of the files that make an encoder; of the first, those of the first kind that is there."""
Result = TypeVar("Result")
Patterns = Mapping[str, Sequence[str]]
"""Patterns of the paths of files, by split."""
OFFLINE = "hub.is_offline is true, or HF_HUB_OFFLINE is set. Set it to false once."
"""The end of a message about what would have to be fetched."""
PASSING = (408, 429, 500, 502, 503, 504)
"""HTTP statuses after which the same request may succeed later."""
WAITS = (2, 8, 30)
"""Seconds before it is made again, after the library's own tries."""
LONGEST_WAIT = 600
"""Seconds that are waited where the Hub asks for more; its limits are of five minutes."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Numbers of the system's errors where a file finds no more space."""
_ID = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[\w.-]+))?", re.ASCII)


def repository(source: str) -> tuple[str, str | None]:
    """Name and revision: `owner/name@commit` gives `("owner/name", "commit")`, without `@` the revision is None.

    Raises:
        CheckpointError: a path, or not a name that the Hub could have; the caller has found no such folder.
    """
    found = _ID.fullmatch(source)
    if found is None or source.startswith("."):
        if (file := Path(source)).is_file():
            raise CheckpointError(f"{source}: this is a file; a checkpoint is a folder. Did you mean {file.parent}?")
        raise CheckpointError(f"{source}: there is no such checkpoint folder.{_advice(Path(source))}")
    return found["name"], found["revision"]


def _advice(place: Path) -> str:
    """What to try where a folder of this name is not there: the nearest name beside it, or what makes one."""
    if place.name == "tokenizer":
        return " `xit tokenizer` makes it."
    if len(place.parts) == 1:
        return " `xit import released` makes one of an id that `xit encoders` lists."
    there = next(parent for parent in place.parents if parent.is_dir() or parent == parent.parent)
    missing = place.relative_to(there).parts[0]
    beside = [path.name for path in there.iterdir() if path.is_dir()] if there.is_dir() else []
    return f" {'This folder' if there == Path() else there} has no {missing}.{near(missing, beside)}"


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a commit, which always has the same files, and not a branch."""
    return re.fullmatch("[0-9a-f]{40}", revision or "") is not None


def configure(cache: str, is_offline: bool) -> None:
    """Say once for this process where downloads lie, and that no socket may be opened.

    huggingface_hub and transformers ask for these values whenever they load something. An empty cache and `False` leave
    what the environment says (HF_HUB_CACHE, HF_HUB_OFFLINE).
    """
    if not (cache or is_offline):
        return
    from huggingface_hub import constants

    if cache:
        constants.HF_HUB_CACHE = cache
    if is_offline:
        constants.HF_HUB_OFFLINE = True


def is_offline() -> bool:
    """Whether only what lies in the cache is used."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


class AbsentError(DataError):
    """A place does not have a data set; another may."""


@dataclasses.dataclass(frozen=True)
class Download:
    """The files of a split in the cache, and the commit that they are of."""

    commit: str
    files: tuple[Path, ...]


@functools.cache
def split_files(name: str, revision: str, config: str, split: str, most_files: int | None = None) -> Download:
    """The files of a split, checked against the hashes that the Hub gave for them.

    Args:
        name: `owner/name`.
        revision: A commit, or a branch, which is resolved on arrival.
        config: A configuration of the data set.
        split: The split's name in the repository, or the name of its file in the folder `config`.
        most_files: How many of the split's files are taken, the first ones; else all.

    Raises:
        AbsentError: there is no such repository, commit or split, it is not open to the user, or not in the cache.
        DataError: the download failed, or a file is not what the Hub said.
    """
    import huggingface_hub

    where = f"{name}@{revision}"
    readme = _download(name, revision, ("README.md",))
    commit = readme.name
    tree = huggingface_hub.get_cached_repo_tree(name, repo_type="dataset", revision=commit)
    wanted = chosen([file.path for file in tree], _configs(readme / "README.md"), config, split)
    if not wanted:
        splits = sorted({file.path.partition("/")[0] for file in tree if file.path.endswith(SUFFIXES)})
        raise AbsentError(
            f"{where}: no Parquet or JSON files of {config}, {split}.{near(config, splits)} "
            f"Data lies in: {', '.join(splits) or 'none; a script loads it'}."
        )
    if lost := _missing_parts(wanted):
        raise DataError(
            f"{where}: {len(lost)} of the files of {config}, {split} are missing in the repository: {some(lost)}. "
            f"It has {len(wanted)}. Take another commit of it, or tell its owner."
        )
    wanted = wanted[:most_files]
    folder = _download(name, commit, wanted)
    sizes = {file.path: file.size for file in tree}
    for path in wanted:
        _check(folder / path, sizes[path], f"{where}, {path}")
    return Download(commit, tuple(folder / path for path in wanted))


def encoder_files(name: str, revision: str) -> Download:
    """The config, tokenizer and weights of a model, checked as in `split_files`; no code of its own, no other format.

    Weights are those in safetensors; where there are none, `pytorch_model.bin`.
    """
    import huggingface_hub

    where = f"{name}@{revision}"
    commit = _download(name, revision, ("config.json",), "model").name
    tree = huggingface_hub.get_cached_repo_tree(name, repo_type="model", revision=commit)
    sizes = {file.path: file.size for file in tree if "/" not in file.path}
    weights = next((w for w in WEIGHTS if any(fnmatch.fnmatchcase(path, w) for path in sizes)), None)
    if weights is None or "config.json" not in sizes:
        raise AbsentError(f"{where}: no encoder that transformers loads: {' or '.join(WEIGHTS)} and config.json.")
    wanted = sorted(path for path in sizes if any(fnmatch.fnmatchcase(path, p) for p in (weights, *BESIDE_WEIGHTS)))
    folder = _download(name, commit, wanted, "model")
    for path in wanted:
        _check(folder / path, sizes[path], f"{where}, {path}")
    return Download(commit, tuple(folder / path for path in wanted))


def chosen(paths: Sequence[str], configs: Mapping[str, Patterns], config: str, split: str) -> tuple[str, ...]:
    """The files that make a split of a configuration, sorted; none where the repository does not have it.

    Args:
        paths: All files of the repository.
        configs: What its card says of which files make which split; where it says nothing, usual layouts are tried.
        config: The configuration; a repository of one configuration may call it as it likes.
        split: The split, or a pattern of its files' names, in the folder `config`.
    """
    if split.endswith(SUFFIXES):
        patterns = [f"{config}/{split}".removeprefix("/")]
    elif configs:
        by_split = configs.get(config) or (next(iter(configs.values())) if len(configs) == 1 else {})
        patterns = list(by_split.get(split, ()))
    else:
        is_only = not any(path.startswith(f"{config}/") for path in paths)
        folders = ["", "data/", "default/", "plain_text/"] if is_only else [f"{config}/"]
        patterns = [f"{folder}{split}{rest}" for folder in folders for rest in ("-*", "/*", ".*")]
    data = [path for path in paths if path.endswith(SUFFIXES)]
    return tuple(sorted(path for path in data if any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)))


def _missing_parts(paths: Sequence[str]) -> list[str]:
    """Files that the names of the others say there should be: `train-00001-of-00002.parquet`."""
    parts = [found for path in paths if (found := re.fullmatch(r"(.*)-(\d{5})-of-(\d{5})(\..*)", path))]
    named = [f"{p[1]}-{number:05}-of-{p[3]}{p[4]}" for p in parts for number in range(int(p[3]))]
    return sorted(set(named) - set(paths))


@functools.cache
def _configs(readme: Path) -> Mapping[str, Patterns]:
    """What the card of a repository says of its files: by configuration and split the patterns of their paths."""
    from datasets.data_files import sanitize_patterns
    from datasets.utils.metadata import MetadataConfigs
    from huggingface_hub import DatasetCard

    if not readme.is_file():
        return {}
    try:
        entries = MetadataConfigs.from_dataset_card_data(DatasetCard.load(readme).data)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise DataError(f"{readme}: its header says in no known way which files make which split: {error}") from error
    return {
        name: {
            str(split): [f"{entry.get('data_dir', '.')}/{pattern}".removeprefix("./") for pattern in patterns]
            for split, patterns in sanitize_patterns(entry["data_files"]).items()
        }
        for name, entry in entries.items()
        if "data_files" in entry
    }


def published_file(url: str) -> Path:
    """A published file at its own address, in the cache; of such a file no hash is known.

    Raises:
        DataError: it cannot be had.
    """
    from huggingface_hub import constants
    from huggingface_hub.file_download import http_get

    file = Path(constants.HF_HUB_CACHE, "originals", url.partition("://")[2])
    if file.is_file():
        return file
    if is_offline():
        raise AbsentError(f"{url}: not in the cache, and {OFFLINE}")

    def fetch() -> None:
        part = file.with_name(f"{file.name}.incomplete")
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as target:
            http_get(url, target, resume_size=target.tell(), tqdm_class=_bar())
        part.replace(file)

    _with_retries(url, fetch)
    return file


def _download(name: str, revision: str, paths: Sequence[str], kind: str = "dataset") -> Path:
    """The folder of a commit in the cache, with these files in it if the repository has them."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    def fetch() -> Path:
        folder = snapshot_download(
            name,
            repo_type=kind,
            revision=revision,
            allow_patterns=list(paths),
            local_files_only=is_offline(),
            tqdm_class=_bar(),
        )
        return Path(folder)

    try:
        return fetch() if is_offline() else _with_retries(f"{name}@{revision}", fetch)
    except LocalEntryNotFoundError as error:
        where = f"{name}@{revision}"
        raise AbsentError(f"{where}: not whole in the cache, and {OFFLINE}") from error


def _bar() -> type:
    """The library's progress bar, shown on a terminal only."""
    from huggingface_hub.utils import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **{**options, "disable": None})

    return Bar


def _with_retries(where: str, fetch: Callable[[], Result]) -> Result:
    """Fetch, and again after a while where it may be of use; an error says what to do."""
    from huggingface_hub.errors import HTTPError

    for wait in (*WAITS, None):
        try:
            return fetch()
        except (OSError, HTTPError, ValueError) as error:  # of a value: a file's name that would leave the cache
            cause = _cause(error)
            if wait is None or _status(cause) not in PASSING:  # broken connections the library has tried again itself
                raise _error_of(where, cause) from error
        time.sleep(max(wait, _asked_to_wait(cause)))
    raise AssertionError("the last try returns or raises")


def _cause(error: BaseException) -> BaseException:
    """What an error of the library came from: the answer of the server, or the broken connection."""
    from huggingface_hub.errors import HTTPError

    found = error
    while not isinstance(found, HTTPError) and found.__cause__ is not None:
        found = found.__cause__
    return found


def _status(error: BaseException) -> int:
    """The HTTP status of an answer; 0 where there was none."""
    return int(getattr(getattr(error, "response", None), "status_code", 0))


def _asked_to_wait(error: BaseException) -> float:
    """The seconds that an answer asks to wait (Retry-After), at most LONGEST_WAIT; 0 where it does not say."""
    asked = getattr(getattr(error, "response", None), "headers", {}).get("Retry-After", "")
    return min(float(asked), LONGEST_WAIT) if re.fullmatch(r"\d{1,9}", asked) else 0.0


def _error_of(where: str, error: BaseException) -> DataError:
    """What is wrong, and what to try."""
    from huggingface_hub.errors import GatedRepoError, HTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    again = "What has arrived whole is kept; run it again later."
    status = _status(error)
    name = where.partition("@")[0]
    if isinstance(error, GatedRepoError):
        return AbsentError(f"{name}: gated. Accept its conditions on its page on the Hub, then `hf auth login`.")
    if isinstance(error, RepositoryNotFoundError):
        return AbsentError(f"{name}: no such repository on the Hub, or a private one (then `hf auth login`).")
    if status == 404:
        return AbsentError(f"{where}: there is no such revision or file.")
    if status in (401, 403):
        return AbsentError(f"{name}: the Hub refuses access ({status}). Is the token valid? `hf auth login`.")
    if status == 429:
        return DataError(f"{where}: the Hub's rate limit (429) holds after {len(WAITS) + 1} tries. {again}")
    if status:
        return DataError(f"{where}: the Hub answers {status} after {len(WAITS) + 1} tries. {again}")
    if isinstance(error, OSError) and error.errno in FULL:
        free = "What has arrived whole is kept. Make room, or name another folder (hub.cache), and run it again."
        return DataError(f"{where}: no space for it: {error.strerror}. {free}")
    if isinstance(error, HTTPError | LocalEntryNotFoundError):
        return DataError(f"{where}: the connection broke off or was not to be had: {_first_line(error)}. {again}")
    if isinstance(error, ValueError):
        return DataError(f"{where}: {_first_line(error)}.")
    return DataError(f"{where}: {_first_line(error)}. {again}")


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _check(file: Path, size: int, where: str) -> None:
    """Compare a file with its size and with the hash by which the cache names it; a wrong one is removed.

    Without symbolic links the cache does not name files by their hash; then there is the size only.
    """
    blob = file.resolve()
    held, expected = blob.stat().st_size, blob.name
    is_named = re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", expected)
    found = (files.sha256(blob) if len(expected) == 64 else _git_hash(blob)) if is_named else expected
    if found == expected and held == size:
        return
    files.remove(file)
    files.remove(blob)
    what = f"cut off, {held} bytes of {size}" if held < size else f"its hash is {found[:12]}…, not {expected[:12]}…"
    raise DataError(f"{where}: {what}. It was removed; run it again to fetch it anew.")


def _git_hash(file: Path) -> str:
    """The name that git gives a file that is not in large-file storage."""
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
