"""Stage instances on a cluster of two nodes, each with its own nanny: one worker and one whole node are killed."""

import contextlib
import fcntl
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from dvc import rwlock
from dvc.fs import localfs
from small_experiment import bits, small, without_paper
from test_runner import WAIT, is_alive, wait_for

from xit.core.errors import XitError
from xit.core.settings import ResourceSettings
from xit.pipeline import config, dask_workers, overlay, runner, stage_process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning"),  # DVC's own, of pygtrie
]

PROJECT = Path(__file__).parents[2]
BINARIES = Path(sys.executable).parent
PIPELINE = """
stages:
  make:
    matrix: {letter: [a, b, c, d, e, f]}
    cmd: sh make.sh ${item.letter}
    deps: [make.sh, "${item.letter}.in"]
    outs: ["${item.letter}.out"]
  join:
    cmd: cat a.out b.out c.out d.out e.out f.out > all
    deps: [a.out, b.out, c.out, d.out, e.out, f.out]
    outs: [all]
"""
WATCHED = """
exec 9> $1.alone
flock --nonblock 9 || echo $1 >> twice
echo $$ >> pids
sleep 3
cp $1.in $1.out
"""
"""Makes an output in three seconds, and tells where two processes ever make the same one at once."""
REQUESTS = {"default": ResourceSettings(cpus=1, gpus=0, memory_gib=0.1)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "make.sh").write_text(WATCHED)
    for letter in "abcdef":
        (tmp_path / f"{letter}.in").write_text(letter)
    shutil.copyfile(PROJECT / "params.yaml", tmp_path / "params.yaml")
    return overlay.prepare(tmp_path, "default", None)


Nodes = dict[str, "subprocess.Popen[bytes]"]


@pytest.fixture
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Nodes]]:
    """The address of a scheduler, and two nodes by name: a nanny each, with a worker."""
    folder = tmp_path_factory.mktemp("cluster")
    started: Nodes = {}

    def start(name: str, *arguments: str) -> None:
        with (folder / f"{name}.log").open("wb") as log:
            command = [str(BINARIES / "dask"), *arguments, "--no-dashboard"]
            started[name] = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, start_new_session=True)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    try:
        start("scheduler", "scheduler", "--host", address)
        for name in ("one", "two"):
            start(name, "worker", address, "--nthreads", "1", "--name", name, "--local-directory", name)
        yield address, started
    finally:
        for process in started.values():
            kill_node(process)


def kill_node(nanny: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(nanny.pid, signal.SIGKILL)
    nanny.wait()


def kill_worker(nanny: "subprocess.Popen[bytes]") -> None:
    """Kill the worker below a nanny, which will start another."""
    (worker,) = [p for p in psutil.Process(nanny.pid).children() if "spawn_main" in " ".join(p.cmdline())]
    worker.kill()


class Killing:
    """Reports events; some seconds after an instance has started, what it runs on is killed, once."""

    def __init__(self, nodes: Nodes, **kills: Callable[["subprocess.Popen[bytes]"], None]) -> None:
        self.nodes, self.kills = nodes, {name.replace("__", "@").replace("_", "-"): k for name, k in kills.items()}
        self.events: list[runner.Event] = []

    def __call__(self, event: runner.Event) -> None:
        self.events.append(event)
        if event.state == "started" and event.instance in self.kills:
            node = self.nodes[event.worker.split()[-1]]
            threading.Timer(1.5, self.kills.pop(event.instance), [node]).start()

    def of(self, state: str) -> list[str]:
        return [event.instance for event in self.events if event.state == state]


@pytest.mark.torture
def test_what_is_lost_with_a_worker_and_with_a_node_is_made_again_and_nothing_twice_at_once(
    root: Path, nodes: tuple[str, Nodes]
) -> None:
    executor = functools.partial(dask_workers.opened, nodes[0], REQUESTS)
    killing = Killing(nodes[1], make__a=kill_worker, make__c=kill_node)

    ran = runner.run(root, 2, killing, executor)

    assert ran == 7
    assert sorted(killing.of("lost")) == ["make@a", "make@c"]
    assert sorted(killing.of("done")) == sorted(["join", *(f"make@{letter}" for letter in "abcdef")])
    assert (root / "all").read_text() == "abcdef"
    assert not (root / "twice").exists()
    assert not any(is_alive(int(pid)) for pid in (root / "pids").read_text().split())
    assert runner.run(root, 2, killing, executor) == 0


@pytest.mark.torture
def test_an_experiment_on_a_cluster_that_loses_a_worker_and_a_node_has_the_bits_of_another_run(
    finished: Path, tmp_path: Path, nodes: tuple[str, Nodes]
) -> None:
    root = overlay.prepare(without_paper(small(tmp_path / "grid", ["lstm"])), "tiny", None)
    executor = functools.partial(dask_workers.opened, nodes[0], config.load(root / "params.yaml").resources)
    killing = Killing(nodes[1], pretrain__lstm=kill_worker, finetune__lstm_udpos=kill_node)

    runner.run(root, 2, killing, executor)

    assert set(killing.of("lost")) == {"pretrain@lstm", "finetune@lstm-udpos"}
    found, expected = bits(root), bits(finished)
    assert [name for name in found if found[name] != expected[name]] == ["collect"]  # which has two encoders there
    assert runner.run(root, 2, killing, executor) == 0


@pytest.mark.torture
def test_an_interrupted_run_stops_what_runs_on_workers_and_goes_on_later(root: Path) -> None:
    (root / "params.yaml").write_bytes((PROJECT / "params.yaml").read_bytes())
    (root / "make.sh").write_text(WAIT)
    command = [BINARIES / "xit", "reproduce", "--executor", "dask"]
    stopped = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)
    wait_for(root / "a.started", root / "b.started")
    pids = [int((root / f"{letter}.pid").read_text()) for letter in "ab"]

    stopped.send_signal(signal.SIGINT)
    _, said = stopped.communicate(timeout=60)
    (root / "go").touch()

    assert stopped.returncode == 130
    assert "run the same command again to go on where it stopped" in said
    assert not any(map(is_alive, pids))
    assert runner.run(root, 2, lambda event: None) == 7


def test_a_failure_on_a_worker_tells_its_own_message(root: Path, nodes: tuple[str, Nodes]) -> None:
    (root / "make.sh").write_text("test $1 = b || { echo the lamp is purple >&2; exit 3; }; cp $1.in $1.out")

    with pytest.raises(XitError, match=r"make@a: failed\. the lamp is purple\n\(log: .*/logs/make@a\.log\)"):
        runner.run(root, 2, lambda event: None, functools.partial(dask_workers.opened, nodes[0], REQUESTS))

    assert (root / "b.out").read_text() == "b"


def test_an_instance_that_no_worker_can_hold_is_told_with_what_they_offer(
    root: Path, nodes: tuple[str, Nodes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_workers, "UNFIT_SECONDS", 2.0)
    requests = {"default": ResourceSettings(cpus=1, gpus=2, memory_gib=0.1)}

    with pytest.raises(XitError, match=r"make@a: no worker can hold it\. It asks for .*gpus 2.*workers offer .*gpus 0"):
        runner.run(root, 2, lambda event: None, functools.partial(dask_workers.opened, nodes[0], requests))


def test_a_scheduler_that_does_not_answer_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_workers, "CONNECT_SECONDS", 1)

    with pytest.raises(XitError, match=r"tcp://127\.0\.0\.1:9: no scheduler answers there"):
        runner.run(root, 2, lambda event: None, functools.partial(dask_workers.opened, "tcp://127.0.0.1:9", REQUESTS))


def test_an_instance_waits_for_a_lost_process_of_its_own(root: Path) -> None:
    """As after the loss of a node that still runs: what it holds is the lock on the shared disk."""
    (root / "logs").mkdir()
    with (root / "logs" / ".make@a.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write("another machine")
        held.flush()

        process = stage_process.start(root, "make@a", stage_process.imported(["make@a"]))
        process.join(5)
        was_waiting = process.is_alive() and not (root / "pids").exists()

    process.join(60)
    assert was_waiting
    assert process.exitcode == 0
    assert (root / "a.out").read_text() == "a"


def test_the_table_of_dvc_stays_whole_where_one_who_writes_it_is_lost(tmp_path: Path) -> None:
    def edit() -> Any:
        return stage_process._edit_whole(rwlock._edit_rwlock, str(tmp_path), localfs, False)

    with edit() as table:
        table["read"]["a.in"] = [{"pid": 1, "cmd": "dvc repro"}]
    with pytest.raises(TypeError), edit() as table:
        table["write"]["a.out"] = {"pid": object()}  # which ends the writing in the middle

    assert json.loads((tmp_path / "rwlock").read_text())["read"].keys() == {"a.in"}
    with edit() as table:
        assert dict(table["write"]) == {}


def test_locks_of_dvc_that_a_lost_machine_holds_are_freed(root: Path) -> None:
    """Its process number may be that of another process here, which DVC takes for the holder."""
    (root / "logs").mkdir()
    (root / "logs" / ".make@a.lock").write_text("another machine")
    path = str(root / "a.out")
    entry = {"pid": os.getpid(), "cmd": "dvc --wait-for-lock repro --single-item make@a"}
    (root / ".dvc" / "tmp").mkdir(parents=True, exist_ok=True)
    (root / ".dvc" / "tmp" / "rwlock").write_text(json.dumps({"write": {path: entry}, "read": {}}))

    assert runner.run(root, 2, lambda event: None) == 7
