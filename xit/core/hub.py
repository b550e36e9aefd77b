"""Names of the Hugging Face Hub, as users write them: `owner/name`, since it takes bare names no more."""

import re

from xit.core.errors import CheckpointError

_ID = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[\w.-]+))?", re.ASCII)


def repository(source: str) -> tuple[str, str | None]:
    """Name and revision: `owner/name@commit` gives `("owner/name", "commit")`, without `@` the revision is None.

    Raises:
        CheckpointError: a path, or not a name that the Hub could have; the caller has found no such folder.
    """
    found = _ID.fullmatch(source)
    if found is None or source.startswith("."):
        advice = " `xit import released` makes one of an id that `xit encoders` lists." if "/" not in source else ""
        raise CheckpointError(f"{source}: there is no such checkpoint folder.{advice}")
    return found["name"], found["revision"]
