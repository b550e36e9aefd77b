"""The pipeline's stage instances, independent ones side by side: DVC decides what is stale, each runs as DVC runs it.

The only form that is safe for several at once in one workspace is `dvc --wait-for-lock repro --single-item STAGE`
(treeverse/dvc#11054), so that is what runs here, and never the same instance twice at once. What a serial `dvc repro`
would make is made, bit for bit, since a stage instance is the same process either way.
"""

import contextlib
import dataclasses
import fcntl
import functools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from xit.errors import XitError

ORDER = (
    "text",
    "data",
    "tokenizer",
    "translate",
    "pretrain",
    "control",
    "intermediate",
    "recipe",
    "finetune",
    "evaluate",
    "retrieve",
)
"""Of instances that are ready at once, those of the earlier stage go first: long chains hang on them."""


class GridError(XitError):
    """A stage instance failed, its own message is in this one; or instances cannot be run now."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is stale: instances that changed themselves, and those that hang on them."""

    changed: frozenset[str]
    """Their code, data, parameters or outputs are not what dvc.lock says."""
    instances: tuple[str, ...]
    """All that are stale; of those that are ready at once, the first goes first."""
    needs: Mapping[str, frozenset[str]]
    """What each of them waits for, of the stale ones."""


@dataclasses.dataclass(frozen=True)
class Event:
    """An instance started (`seconds` is None) or ended."""

    instance: str
    seconds: float | None
    done: int
    total: int


def plan(root: Path) -> Plan:
    """Ask DVC which stage instances are stale; what hangs on a stale one counts as stale until it has run.

    Raises:
        GridError: DVC cannot say: dvc.yaml is broken, or another DVC process is at work in the same folder.
    """
    from dvc.dependency import param
    from dvc.exceptions import DvcException
    from dvc.repo import Repo, lock_repo

    root = root.resolve()
    param.load_path = functools.cache(load := param.load_path)  # DVC parses params.yaml anew for each instance
    try:
        # DVC reads addresses relative to the working directory, and dvc.lock again after each lock.
        with contextlib.chdir(root), Repo(str(root)) as repo, lock_repo(repo):
            changed = frozenset(name.partition(":")[2] or name for name in repo.status())
            graph = repo.index.graph  # an edge from each instance to every one that it needs
    except DvcException as error:
        why = ": ".join(str(part) for part in (error, error.__cause__) if part)
        raise GridError(f"{root / 'dvc.yaml'}: DVC cannot say what is stale. {why}") from error
    finally:
        param.load_path = load
    by_name = {stage.name: stage for stage in graph.nodes}
    stale, waiting = set(changed), list(changed)
    while waiting:
        for dependent in graph.predecessors(by_name[waiting.pop()]):
            if dependent.name not in stale:
                stale.add(dependent.name)
                waiting.append(dependent.name)
    needs = {name: frozenset(s.name for s in graph.successors(by_name[name])) & stale for name in stale}
    return Plan(changed, tuple(sorted(stale, key=lambda name: (_rank(name), name))), needs)


def run(root: Path, jobs: int, report: Callable[[Event], None]) -> int:
    """Run what is stale, at most `jobs` instances at once; how many ran.

    Raises:
        GridError: an instance failed (those that were running have been let finish, the rest has not been started); or
            another run is under way in the same folder.
        KeyboardInterrupt: Ctrl-C, or asked to end: everything was stopped; what was finished is kept, the rest resumes.
    """
    logs = root / "logs"
    logs.mkdir(exist_ok=True)
    done: set[str] = set()
    running: dict[subprocess.Popen[bytes], tuple[str, float]] = {}
    failed: list[str] = []
    with _alone(logs / ".lock") as lock, _ending_as_interrupt():
        todo = plan(root)
        try:
            while len(done) < len(todo.instances):
                taken = done | {name for name, _ in running.values()}
                ready = [n for n in todo.instances if n not in taken and todo.needs[n] <= done]
                while ready and len(running) < jobs and not failed:
                    name = ready.pop(0)
                    running[_start(root, name, logs, lock)] = (name, time.monotonic())
                    report(Event(name, None, len(done), len(todo.instances)))
                if not running:
                    break
                process = _first_finished(running)
                name, started = running.pop(process)
                if process.returncode:
                    failed.append(name)
                else:
                    done.add(name)
                    report(Event(name, time.monotonic() - started, len(done), len(todo.instances)))
        finally:
            _stop(running)
    if failed:
        raise GridError("\n".join(f"{name}: failed. {_tail(logs / f'{name}.log')}" for name in failed))
    return len(todo.instances)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[int]:
    """Hold the file's lock, as one run in a folder may; instances hold it too, so that none outlives it unseen."""
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise GridError(
                f"{path}: another run is under way in this folder (process {file.read().strip()}, or stage instances "
                "that it left behind). Wait for it, or stop it; nothing was started."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


@contextlib.contextmanager
def _ending_as_interrupt() -> Iterator[None]:
    """Being asked to end (a container that stops, a terminal that closes) is taken as Ctrl-C: children end too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.default_int_handler) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _rank(name: str) -> int:
    stage = name.partition("@")[0]
    return ORDER.index(stage) if stage in ORDER else len(ORDER)


def _start(root: Path, name: str, logs: Path, lock: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", name]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # where `xit` is
    with (logs / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=root,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[lock],
        )


def _first_finished(running: Mapping["subprocess.Popen[bytes]", Any]) -> "subprocess.Popen[bytes]":
    while True:
        for process in running:
            if process.poll() is not None:
                return process
        time.sleep(0.05)


def _stop(running: Mapping["subprocess.Popen[bytes]", Any]) -> None:
    """Interrupt what runs, and kill what has not ended after ten seconds, or at a second Ctrl-C."""
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
    deadline = time.monotonic() + 10
    try:
        while any(process.poll() is None for process in running) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        for process in running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _tail(log: Path) -> str:
    """The stage's own message, without what DVC says around it."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    around = re.compile(r"Running stage|> |ERROR: failed to reproduce .* exited with -?\d+$")
    own = [line for line in lines if line.strip() and not around.match(line)]
    return "\n".join([*own[-12:], f"(log: {log})"])
