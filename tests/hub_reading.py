"""How tests read tasks of the Hub from a server on loopback."""

import collections
import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hub_fixtures
import huggingface_hub.constants
from hub_server import Fault, HubServer, Repository

from xit.core import registry
from xit.core.hub import split_files
from xit.core.settings import HubSettings
from xit.core.task import Hub, Split, Task, task_of
from xit.sources.hub import HubSource

ON_HUB = [name for name in registry.names("tasks") if task_of(name).hub]


def put_originals(server: HubServer) -> None:
    """What lies elsewhere than on the Hub."""
    folder = "/google-research-datasets/lareqa/5405d2a77e83d5ccb47623a3f9e5604c3f103193/xquad-r"
    for code, content in hub_fixtures.xquad_r().items():
        server.originals[f"{folder}/{code}.json"] = content


def of(cache: Path, **changes: Any) -> HubSettings:
    """Settings; from now on the Hub is asked and its files are kept as they say."""
    constants, place = huggingface_hub.constants, (str(cache), changes.get("is_offline", False))
    if place != (constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE):
        split_files.cache_clear()
    constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE = place
    defaults: dict[str, Any] = {"cache": str(cache), "is_offline": False, "most_test": 0}
    rules: dict[str, Any] = {"misplaced_answers": "repair", "xcopa_questions": "released", "sha256": {}}
    return HubSettings(**{**defaults, **rules, **changes})


def uncounted(source: Hub) -> Hub:
    """Without the published number of rows; what lies elsewhere, on the server as well."""
    moved = source.repository.replace("https://raw.githubusercontent.com", huggingface_hub.constants.ENDPOINT)
    source = dataclasses.replace(source, repository=moved)
    return dataclasses.replace(source, count=None, fallbacks=tuple(map(uncounted, source.fallbacks)))


def uncounted_task(name: str) -> Task:
    """A task as it is, but for the published numbers of rows, which invented data sets do not have."""
    task = task_of(name)
    return dataclasses.replace(task, hub={key: tuple(map(uncounted, split)) for key, split in task.hub.items()})


def read(name: str, split: Split, language: str, settings: HubSettings) -> list[dict[str, Any]]:
    return list(HubSource(settings).examples(uncounted_task(name), split, language))


def noted(name: str, split: Split, language: str, settings: HubSettings) -> dict[str, int]:
    notes: collections.Counter[str] = collections.Counter()
    list(HubSource(settings).examples(uncounted_task(name), split, language, notes))
    return {note: count for note, count in notes.items() if note != "rows that repeat an earlier one"}


COMMIT = "facebook/xnli@b8dd5d7af51114dbda02c0e3f6133f332186418e"


def always(fault: Fault) -> Iterator[Fault]:
    return itertools.repeat(fault)


LARGE_ROWS = [
    {"premise": "Lamp.", "hypothesis": "x" * 12_000_000, "label": 0},
    {"premise": "A", "hypothesis": "B", "label": 1},
]
LARGE = Hub("pairs", "owner/large", "plain_text/train", "text_a:premise text_b:hypothesis label", labels="no yes")


def broken(files: dict[str, bytes], repositories: hub_fixtures.Repositories) -> Task:
    repositories["datasets/owner/broken"] = Repository(files)
    place = dataclasses.replace(LARGE, repository="owner/broken")
    return dataclasses.replace(uncounted_task("mnli"), hub={"train": (place,)})
