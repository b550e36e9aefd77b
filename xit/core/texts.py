"""Text files that stand as they are, or packed by gzip under their name and `.gz`, as those of a reference."""

import gzip
import io
import zlib
from pathlib import Path

from xit.core.errors import DataError
from xit.core.files import atomic


def write_text(path: Path, text: str) -> None:
    """Write a text, atomically; packed where the name ends in `.gz`, and then the same text to the same bytes."""
    content = text.encode()
    if path.suffix == ".gz":
        packed = io.BytesIO()
        with gzip.GzipFile("", "wb", 9, packed, mtime=0) as file:
            file.write(content)
        content = packed.getvalue()
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def stored(path: Path) -> Path:
    """The path of a file, or of its packed form beside it, `<name>.gz`, where only that is there."""
    packed = path.with_name(f"{path.name}.gz")
    return packed if packed.is_file() and not path.is_file() else path


def read_text(path: Path) -> str:
    """The text of a file, unpacked where its name ends in `.gz`.

    Raises:
        DataError: it is not packed by gzip, or not whole.
        UnicodeDecodeError: it is not UTF-8.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{path}: cannot be unpacked: {error}. What is named .gz should be one whole file, packed by gzip. "
                "Fetch it again, or write it again: `xit verify --write FOLDER`."
            ) from None
    return content.decode()
