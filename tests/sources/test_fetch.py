"""Originals from a server on loopback into a data folder: what arrives, what is refused, and what is by hand."""

import dataclasses
import hashlib
import io
import itertools
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
from hub_server import Fault, HubServer
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core import registry
from xit.core.task import Files, Task, task_of
from xit.sources import fetch
from xit.sources.files import sums_of

CONTENT = b"Es ist sp\xc3\xa4t.\n" * 9


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with HubServer.serving({}) as running:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("inner/x-de.json", CONTENT)
        running.originals = {"/x.deu": CONTENT, "/x.eng": CONTENT[::-1], "/all.zip": packed.getvalue()}
        yield running


def task(server: HubServer, url: str, **changes: object) -> Task:
    file = Files("aligned", "own/x.{iso3}", url=f"{server.url}/{url}")
    changed = dataclasses.replace(file, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(task_of("tatoeba"), languages=("de",), files={"test": (changed,)})


def test_files_arrive_once_with_those_beside_them_and_their_hashes_are_noted(server: HubServer, tmp_path: Path) -> None:
    wanted = [task(server, "x.{iso3}", beside=("own/x.eng",))]

    first = fetch.fetch(wanted, tmp_path / "data")
    server.requests.clear()
    again = fetch.fetch(wanted, tmp_path / "data")

    assert (first.arrived, first.present, first.by_hand, first.faults) == (("own/x.deu", "own/x.eng"), (), {}, ())
    assert (again.arrived, again.present, again.faults) == ((), ("own/x.deu", "own/x.eng"), ())
    assert server.requests == []
    assert (tmp_path / "data/own/x.deu").read_bytes() == CONTENT
    lines = (tmp_path / "data/SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"{hashlib.sha256(CONTENT).hexdigest()}  own/x.deu"
    assert len(lines) == 2


def test_a_member_of_an_archive_is_taken_out(server: HubServer, tmp_path: Path) -> None:
    found = fetch.fetch([task(server, "all.zip!inner/x-{language}.json")], tmp_path)

    assert found.arrived == ("own/x.deu",)
    assert (tmp_path / "own/x.deu").read_bytes() == CONTENT
    (fault,) = fetch.fetch([task(server, "all.zip!none")], tmp_path / "other").faults
    assert "all.zip has no none: " in fault


def test_what_differs_is_refused_and_what_is_there_stays(server: HubServer, tmp_path: Path) -> None:
    wanted = [task(server, "x.{iso3}")]
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  own/x.deu\n", encoding="utf-8")
    (fault,) = fetch.fetch(wanted, tmp_path).faults
    assert f"{server.url}/x.deu has another file now: its SHA-256 is " in fault
    assert not (tmp_path / "own/x.deu").exists()

    (tmp_path / "own").mkdir(exist_ok=True)
    (tmp_path / "own/x.deu").write_bytes(b"mine")
    (fault,) = fetch.fetch(wanted, tmp_path).faults
    assert fault.endswith(f"it should be {'0' * 64}. Delete it, and the same command fetches it anew.")
    assert (tmp_path / "own/x.deu").read_bytes() == b"mine"


def test_a_download_that_breaks_off_goes_on_where_it_was(server: HubServer, tmp_path: Path) -> None:
    server.originals["/x.deu"] = CONTENT * 90_000  # the library keeps what it has in parts of ten mebibytes
    server.faults["/x.deu"] = itertools.chain([Fault(cut_after=11_000_000)], itertools.repeat(Fault(503)))
    (fault,) = fetch.fetch([task(server, "x.{iso3}")], tmp_path).faults
    assert "answers 503 after 4 tries. What has arrived whole is kept" in fault
    server.faults.clear()
    server.requests.clear()

    assert fetch.fetch([task(server, "x.{iso3}")], tmp_path).arrived == ("own/x.deu",)
    assert (tmp_path / "own/x.deu").read_bytes() == CONTENT * 90_000
    assert server.requests[0][2] == "bytes=10485760-"


def test_what_has_no_address_is_by_hand(tmp_path: Path) -> None:
    found = fetch.fetch([task_of("ccg")], tmp_path)

    assert found.by_hand == {"ccg": ("ccg/ccg.train", "ccg/ccg.dev", "ccg/ccg.test")}
    assert (found.arrived, found.faults) == ((), ())


def test_the_command_says_what_is_by_hand_and_under_which_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params.yaml").write_bytes((Path(__file__).parents[2] / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(app, ["fetch", "ccg", "--to", "folder"], catch_exceptions=False)

    by_hand = "ccg: 3 files have to be had by hand, as no address is known. Licence: LDC User Agreement. They are read"
    assert done.output.splitlines() == [
        "folder: 0 files fetched, 0 were there",
        f"{by_hand} as: ccg/ccg.train, ccg/ccg.dev, ccg/ccg.test",
    ]


def test_known_hashes_are_of_files_that_tasks_read_and_that_have_an_address() -> None:
    tasks = [task_of(name) for name in registry.names("tasks")]
    addresses = {path: url for one in tasks for path, url in fetch._originals(one)}
    known = {path.as_posix() for path in sums_of(fetch.KNOWN, Path())}

    assert len(known) == 90
    assert known <= set(addresses)
    assert all(url.startswith("https://") and "{" not in url for url in addresses.values())
