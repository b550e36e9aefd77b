"""What arrives from the Hub: once, whole and unchanged, or it is told why not and how to go on."""

import resource
from pathlib import Path
from typing import Any

import hub_fixtures
import huggingface_hub.constants
import pytest
from hub_reading import COMMIT, always, of, read, uncounted_task
from hub_server import Fault, HubServer

from xit.core.errors import DataError
from xit.core.hub import split_files
from xit.core.task import Split, Task
from xit.sources.hub import HubSource


def test_a_pinned_data_set_that_has_arrived_is_not_asked_for_again(server: HubServer, tmp_path: Path) -> None:
    before = read("xnli", "test", "sw", of(tmp_path))
    asked = [path for _, path, _ in server.requests]
    server.requests.clear()
    split_files.cache_clear()

    assert any(path.endswith("/sw/test-00000-of-00001.parquet") for path in asked)
    assert not any(path.endswith("/sw/train-00000-of-00001.parquet") for path in asked)
    assert read("xnli", "test", "sw", of(tmp_path)) == before
    assert server.requests == []


def test_offline_opens_no_socket(server: HubServer, tmp_path: Path, no_sockets_after: Any) -> None:
    cells: list[tuple[str, Split, str]] = [("xnli", "test", "sw"), ("panx", "test", "gu"), ("mlqa", "test", "zh")]
    before = [read(*cell, of(tmp_path)) for cell in cells]
    split_files.cache_clear()
    no_sockets_after()

    assert [read(*cell, of(tmp_path, is_offline=True)) for cell in cells] == before
    for cell, place in (
        (("xnli", "test", "ur"), COMMIT),
        (("squad", "train", "en"), "rajpurkar/squad@7b6d24c440a36b68"),
    ):
        with pytest.raises(DataError, match=f"^{place}.*: not whole in the cache, and hub.is_offline is true, or HF"):
            read(*cell, of(tmp_path, is_offline=True))  # type: ignore[arg-type]


REFUSED = [
    (
        Fault(401, "RepoNotFound"),
        "^facebook/xnli: no such repository on the Hub, or a private one .then `hf auth login`",
    ),
    (
        Fault(404, "RepoNotFound"),
        "^facebook/xnli: no such repository on the Hub, or a private one .then `hf auth login`",
    ),
    (Fault(403, "GatedRepo"), "^facebook/xnli: gated. Accept its conditions on its page on the Hub, then `hf auth lo"),
    (Fault(401, "GatedRepo"), "^facebook/xnli: gated. Accept its conditions on its page on the Hub, then `hf auth lo"),
    (Fault(403), r"^facebook/xnli: the Hub refuses access \(403\). Is the token valid"),
    (Fault(404, "RevisionNotFound"), f"^{COMMIT}: there is no such revision or file."),
    (Fault(429), rf"^{COMMIT}: the Hub's rate limit \(429\) holds after 4 tries. What has arrived whole is kept; run "),
    (Fault(503), f"^{COMMIT}: the Hub answers 503 after 4 tries. What has arrived whole is kept; run it again later."),
]


@pytest.mark.parametrize("place", ["/api/datasets/", "/resolve/"])
@pytest.mark.parametrize(("fault", "message"), REFUSED)
def test_a_refusal_is_told_without_a_traceback(
    place: str, fault: Fault, message: str, server: HubServer, tmp_path: Path, slept: list[float]
) -> None:
    server.faults[place] = always(fault)

    with pytest.raises(DataError, match=message):
        read("xnli", "test", "sw", of(tmp_path))


@pytest.mark.parametrize("status", [429, 503])
def test_a_passing_refusal_is_waited_for(status: int, server: HubServer, tmp_path: Path, slept: list[float]) -> None:
    server.faults["/sw/test-"] = iter([Fault(status)] * 8)

    assert len(read("xnli", "test", "sw", of(tmp_path))) == 3
    assert sum(slept) > 2


def test_as_long_is_waited_as_the_answer_asks(server: HubServer, tmp_path: Path, slept: list[float]) -> None:
    server.faults["/sw/test-"] = iter([Fault(429, headers={"Retry-After": "47"})] * 8)

    assert len(read("xnli", "test", "sw", of(tmp_path))) == 3
    assert max(slept) >= 47


def test_an_answer_that_does_not_come_is_told(
    server: HubServer, tmp_path: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    server.faults["/resolve/"] = iter([Fault(), Fault(), *([Fault(delay=1)] * 20)])

    with pytest.raises(DataError, match=f"^{COMMIT}: the connection broke off or was not to be had: .*kept; run it"):
        read("xnli", "test", "sw", of(tmp_path))


def test_a_full_disk_is_told_and_the_same_command_goes_on(
    large: Task, server: HubServer, tmp_path: Path, slept: list[float]
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"^owner/large@\w+: no space for it: File too large. What has arrived wh"):
            list(HubSource(of(tmp_path)).examples(large, "train", "en"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert [len(row["text_b"]) for row in HubSource(of(tmp_path)).examples(large, "train", "en")] == [12_000_000, 1]


def test_a_half_written_cache_is_completed(server: HubServer, tmp_path: Path) -> None:
    read("xnli", "test", "sw", of(tmp_path))
    (file,) = tmp_path.rglob("sw/test-*.parquet")
    blob = file.resolve()
    blob.rename(blob.with_name(f"{blob.name}.incomplete"))
    file.unlink()
    split_files.cache_clear()

    assert len(read("xnli", "test", "sw", of(tmp_path))) == 3


def test_a_server_that_cannot_be_reached_is_told(
    server: HubServer, tmp_path: Path, slept: list[float], no_sockets_after: Any
) -> None:
    no_sockets_after(ConnectionRefusedError(111, "Connection refused"))

    with pytest.raises(DataError, match=f"^{COMMIT}: the connection broke off or was not to be had: .*refused"):
        read("xnli", "test", "sw", of(tmp_path))


def test_an_original_file_is_fetched_once_and_its_faults_are_told(
    server: HubServer, tmp_path: Path, slept: list[float]
) -> None:
    url = f"{server.url}/google-research-datasets/lareqa/5405d2a77e83d5ccb47623a3f9e5604c3f103193/xquad-r/el.json"
    for fault, message in (
        (Fault(404), f"^{url}: there is no such revision or file."),
        (Fault(503), f"^{url}: the Hub answers 503 after 4 tries. What has arrived whole"),
        (Fault(cut_after=9), f"^{url}: the connection broke off or was not to be had: .*What has arrived whole"),
    ):
        server.faults["/el.json"] = always(fault)
        with pytest.raises(DataError, match=message):
            read("lareqa", "test", "th", of(tmp_path))
    with pytest.raises(DataError, match=f"^{url}: not in the cache, and hub.is_offline is true, or HF"):
        read("lareqa", "test", "th", of(tmp_path, is_offline=True))
    server.faults.clear()
    found = read("lareqa", "test", "th", of(tmp_path))
    server.requests.clear()

    assert found[2]["gold"] == [f"{code}-0-1" for code in sorted(uncounted_task("lareqa").languages)]
    assert read("lareqa", "test", "th", of(tmp_path, is_offline=True)) == found
    assert server.requests == []
    assert HubSource(of(tmp_path)).origins(uncounted_task("lareqa"), "test", "el") == (url,)


def test_a_download_that_breaks_off_is_resumed(
    large: Task, server: HubServer, tmp_path: Path, slept: list[float]
) -> None:
    server.faults["/data/train-"] = iter([Fault(), Fault(cut_after=11_000_000)])  # the first is asked for the size

    found = list(HubSource(of(tmp_path)).examples(large, "train", "en"))

    assert [len(row["text_b"]) for row in found] == [12_000_000, 1]
    assert "bytes=10485760-" in [part for _, _, part in server.requests]


def test_a_download_that_keeps_breaking_off_is_told_and_started_over_next_time(
    server: HubServer, tmp_path: Path, slept: list[float]
) -> None:
    server.faults["/sw/test-"] = always(Fault(cut_after=10))
    with pytest.raises(DataError, match=f"^{COMMIT}: the connection broke off or was not to be had: .*What has arr"):
        read("xnli", "test", "sw", of(tmp_path))
    server.faults.clear()

    assert len(read("xnli", "test", "sw", of(tmp_path))) == 3
    assert not list(tmp_path.rglob("*.incomplete"))


def test_a_file_that_is_cut_off_or_changed_is_told_and_fetched_anew(
    server: HubServer, repositories: hub_fixtures.Repositories, tmp_path: Path
) -> None:
    content = repositories["datasets/facebook/xnli"].files["sw/test-00000-of-00001.parquet"]
    wrong = {
        f"^{COMMIT}: Consistency check failed: file should be of size {len(content)} but has size {len(content) - 9}": (
            content[:-9]
        ),
        f"^{COMMIT}, sw/test-00000-of-00001.parquet: its hash is [0-9a-f]{{12}}…, not [0-9a-f]{{12}}…. It was ": (
            content[:-9] + b"incorrect"
        ),
    }
    for message, other in wrong.items():
        server.faults["/sw/test-"] = always(Fault(content=other))
        with pytest.raises(DataError, match=message):
            read("xnli", "test", "sw", of(tmp_path))
    server.faults.clear()

    assert len(read("xnli", "test", "sw", of(tmp_path))) == 3


def test_a_file_that_was_damaged_in_the_cache_is_told_and_fetched_anew(server: HubServer, tmp_path: Path) -> None:
    read("xnli", "test", "sw", of(tmp_path))
    (file,) = tmp_path.rglob("sw/test-*.parquet")
    file.write_bytes(file.read_bytes()[:100])
    split_files.cache_clear()

    with pytest.raises(
        DataError, match=r"sw/test-00000-of-00001.parquet: cut off, 100 bytes of \d+. It was removed; r"
    ):
        read("xnli", "test", "sw", of(tmp_path))
    assert len(read("xnli", "test", "sw", of(tmp_path))) == 3
