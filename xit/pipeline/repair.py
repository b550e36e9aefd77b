"""What a kill or a disk can spoil beneath DVC and DVC does not see or does not mend: its lock files, its cache."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

from xit.core.files import remove


def digest(path: Path) -> str:
    """The MD5 of a file, by which DVC names what it stores; against accidents, not against anybody."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def damaged(cache: Path) -> tuple[list[Path], list[Path]]:
    """All objects of a cache (`.dvc/cache/files/md5`), and those that are not what their names say.

    DVC does not look again once it has stored one: it takes a write-protected file for whole.
    """
    objects = sorted(path for path in cache.glob("??/*") if path.is_file())
    return objects, [p for p in objects if digest(p) != p.parent.name + p.name.removesuffix(".dir")]


def unreadable(root: Path) -> dict[Path, str]:
    """Those of DVC's own files that it would refuse to read, and what is wrong with each.

    DVC writes dvc.lock and rwlock in place, so that a kill cuts them short; and git leaves its marks in dvc.lock.
    """
    from dvc.exceptions import DvcException
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import load_yaml
    from voluptuous import Invalid

    lock, rwlock = root / "dvc.lock", root / ".dvc" / "tmp" / "rwlock"
    found = {}
    try:
        if lock.is_file():
            COMPILED_LOCKFILE_SCHEMA(load_yaml(str(lock)))
    except (DvcException, Invalid, ValueError) as error:
        found[lock] = _wrong(lock.read_bytes(), error)
    try:
        if rwlock.is_file():
            json.loads(rwlock.read_bytes())
    except ValueError:
        found[rwlock] = "cut short, as by a kill"
    return found


def set_aside(root: Path) -> list[str]:
    """Set aside those of DVC's own files that it would refuse to read; a line for each, with what is wrong with it.

    Without dvc.lock DVC takes what was made from its cache of runs, and a checkpoint of the same lineage is kept, so
    that nothing is trained again. Call it where no other run is under way.
    """
    told = []
    for file, wrong in unreadable(root).items():
        if file.name == "dvc.lock":
            file.replace(aside := file.with_name("dvc.lock.broken"))
            told.append(f"{file}: {wrong}; it is set aside as {aside.name}, and what was made is found again.")
        else:
            file.unlink()
            told.append(f"{file}: {wrong}; it was removed, since no process holds it.")
    return told


def _wrong(content: bytes, error: Exception) -> str:
    """What is wrong with a dvc.lock that DVC refuses to read."""
    lines = content.decode(errors="replace").splitlines()
    marks = [n for n, line in enumerate(lines, 1) if re.match(r"<{7} |\|{7} |={7}$|>{7} ", line)]
    if marks:
        return f"line {marks[0]} is a mark of a merge that git could not finish ({lines[marks[0] - 1][:60]!r})"
    if not content.endswith(b"\n"):
        return "cut short, as by a kill"
    return f"not as DVC writes it ({' '.join(str(error.__cause__ or error).split())[:200]})"


def restored(outs: Sequence[Path], cache: Path) -> list[str]:
    """What is wrong with outputs that DVC has just taken from its cache: files that are no object of it.

    Such a file comes from an object that was damaged; it is removed, so that nothing goes on from it.
    """
    faults = []
    files = [p for out in outs for p in ([out] if out.is_file() else sorted(out.rglob("*"))) if p.is_file()]
    for path in files:
        name = digest(path)
        if not (cache / name[:2] / name[2:]).is_file():
            remove(path)
            faults.append(
                f"{path}: came damaged out of DVC's cache, and was removed. `xit doctor --cache` says which object is "
                "damaged and how to remove it; then run it again, and it is made anew."
            )
    return faults
