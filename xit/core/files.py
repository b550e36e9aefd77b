"""Files: writing them so that a crash never leaves one that looks finished, and what packs them."""

import contextlib
import csv
import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to, a file or a folder; it takes the place of `path` at the end.

    Where the block raises, `path` stays as it was and the temporary is removed. A folder that was there is set aside
    before it is removed, so that a kill in between leaves none rather than half of one. A full disk is an OSError that
    names `path`, whatever the library that wrote makes of it.

    Raises:
        IsADirectoryError: a file was written, and a folder is in its place.
    """
    if not path.name:  # the folder that it is in
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, aside = (path.with_name(f".{path.name}.{end}") for end in ("partial", "replaced.partial"))
    remove(temporary)
    remove(aside)
    try:
        yield temporary
        if path.is_dir():
            if not temporary.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            path.replace(aside)
        temporary.replace(path)
        remove(aside)
    except Exception as error:
        number = _system_error(error, temporary)
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error
    finally:
        remove(temporary)


def _system_error(error: Exception, temporary: Path) -> int | None:
    """The number of a system's error that names no file or the temporary one; Rust tells it as text, torch hides it."""
    if isinstance(error, OSError) and (error.filename is None or _is_in(temporary, error.filename)):
        return error.errno
    if type(error) is RuntimeError and isinstance(error.__context__, OSError):
        return error.__context__.errno
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else None


def _is_in(folder: Path, name: Any) -> bool:
    return Path(os.fsdecode(name)).is_relative_to(folder)


def exists_nonempty(folder: Path) -> bool:
    """Whether something is in the way of a folder that is to be made: a file, or a folder that is not empty."""
    return folder.is_file() or (folder.is_dir() and any(folder.iterdir()))


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def visible(folder: Path, *patterns: str) -> list[Path]:
    """The sorted paths in a folder that match a pattern; names that begin with a dot, which systems leave beside files
    (`._model.safetensors`, `.DS_Store`), are not looked at."""
    found = {path for pattern in patterns for path in folder.glob(pattern) if not path.name.startswith(".")}
    return sorted(found)


def is_broken_link(file: Path) -> bool:
    """Whether a path is a symbolic link that leads to no file."""
    return file.is_symlink() and not file.exists()


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys and real characters, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> None:
    """Write rows of equal columns as CSV with a header, atomically; the columns are named where there may be no row."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns or (list(rows[0]) if rows else []), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, or of a folder's sorted file names and contents."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for inner in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(f"{inner.relative_to(path).as_posix()}\0{sha256(inner)}\n".encode())
    return digest.hexdigest()


PACKED = {
    rb"\x1f\x8b": "gzip (gunzip)",
    rb"\xfd7zXZ\0": "xz (unxz)",
    rb"BZh[1-9]1AY": "bzip2 (bunzip2)",
    rb"\x28\xb5\x2f\xfd": "zstd (unzstd)",
    rb"PK(\x03\x04|\x05\x06)": "zip (unzip)",
    rb"7z\xbc\xaf\x27\x1c": "7-Zip (7z x)",
    rb"PAR1": "Parquet (this reader wants the published text)",
}
"""How the content of packed files begins; what they are, and what unpacks them."""
STAND_INS = {
    rb"version https://git-lfs\.": "is a pointer of Git LFS, not the file itself. Fetch that with `git lfs pull`.",
    rb"[./]*(git)?/annex/objects/": "is a pointer of git-annex, not the file itself. Fetch that with `git annex get`.",
    rb"(?i)\s*<(!doctype html|html\b)": "is a web page, not the file itself. Fetch that from its raw address.",
}
"""How what was fetched in place of a file begins, and what is to be done."""


def packed(content: bytes) -> str | None:
    """That a file's content is packed, and what unpacks it; None of plain content."""
    kind = next((kind for start, kind in PACKED.items() if re.match(start, content)), None)
    return kind and f"is packed by {kind}, which its name does not say. Unpack it first."


def stand_in(content: bytes) -> str | None:
    """That a file holds a pointer or a web page in place of what it is named for; else None."""
    return next((message for start, message in STAND_INS.items() if re.match(start, content)), None)
