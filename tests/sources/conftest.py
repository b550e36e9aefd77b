"""A server on loopback with repositories in the layouts of the Hub, and a cache for what arrives."""

import dataclasses
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hub_fixtures
import huggingface_hub.constants
import pytest
from hub_reading import LARGE, LARGE_ROWS, put_originals, uncounted_task
from hub_server import HubServer, Repository

from xit.core.task import Task


@pytest.fixture(scope="module")
def repositories() -> hub_fixtures.Repositories:
    return hub_fixtures.repositories()


@pytest.fixture(scope="module")
def running(repositories: hub_fixtures.Repositories) -> Iterator[HubServer]:
    with HubServer.serving(repositories) as server, pytest.MonkeyPatch.context() as patch:
        server.is_the_hub(patch)
        put_originals(server)
        yield server


@pytest.fixture
def server(running: HubServer) -> Iterator[HubServer]:
    """The server without faults and without memory."""
    running.faults.clear()
    running.requests.clear()
    yield running
    running.faults.clear()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Without waiting; what would have been waited."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


@pytest.fixture
def no_sockets_after(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Forbids sockets from the call on: they raise this error."""

    def forbid(error: Exception | None = None) -> None:
        def refuse(*arguments: Any, **others: Any) -> None:
            raise error or AssertionError(f"a socket was opened: {arguments}")

        for name in ("connect", "connect_ex"):
            monkeypatch.setattr(socket.socket, name, refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        huggingface_hub.close_session()

    return forbid


@pytest.fixture
def large(server: HubServer, repositories: hub_fixtures.Repositories) -> Task:
    """A data set of more than the ten mebibytes that the library fetches at once."""
    content = hub_fixtures.parquet(LARGE_ROWS, hub_fixtures.PAIR, compression="none")
    repositories["datasets/owner/large"] = Repository({"data/train-00000-of-00001.parquet": content})
    return dataclasses.replace(uncounted_task("mnli"), hub={"train": (LARGE,)})
