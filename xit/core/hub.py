"""The Hugging Face Hub: whether it may be asked and where downloads lie, and the names of what is there.

Names are as users write them: `owner/name`, since it takes bare names no more.
"""

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
