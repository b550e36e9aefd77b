"""The pipeline's stage instances, independent ones side by side: DVC decides what is stale, each runs as DVC runs it.

What a serial `dvc repro` would make is made, bit for bit, since a stage instance is the same process either way
(`xit.pipeline.stage_process`). Where instances run is an executor's business: `Local` here;
`xit.pipeline.dask_workers` on many machines.
"""

import contextlib
import dataclasses
import fcntl
import functools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal, Protocol

from xit.core.settings import STAGES
from xit.pipeline import repair, stage_process
from xit.pipeline.stage_process import GridError

ATTEMPTS = 3
"""At an instance whose worker is lost, at most; a worker that it has killed three times is not given it again."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is stale: instances that changed themselves, and those that hang on them."""

    changed: frozenset[str]
    """Their code, data, parameters or outputs are not what dvc.lock says."""
    instances: tuple[str, ...]
    """All that are stale; of those that are ready at once, the first goes first."""
    needs: Mapping[str, frozenset[str]]
    """What each of them waits for, of the stale ones."""
    total: int
    """Of all instances, stale or not."""
    outs: Mapping[str, tuple[Path, ...]]
    """What each of them makes, of what DVC keeps in its cache."""
    cache: Path
    """Where DVC keeps it."""


@dataclasses.dataclass(frozen=True)
class Event:
    """An instance started, or ended in one of three ways; lost is: with its worker, and it will be tried again."""

    instance: str
    state: Literal["started", "done", "failed", "lost"]
    worker: str
    seconds: float
    done: int
    total: int


@dataclasses.dataclass(frozen=True)
class Ending:
    """How an instance ended: well, with the message of a failure, or with the worker that it was on."""

    instance: str
    failure: str = ""
    is_lost: bool = False


class Executor(Protocol):
    """Where instances run."""

    def start(self, name: str) -> str | None:
        """Start an instance and give the name of its worker, or None where there is no room for it now."""

    def ended(self, seconds: float) -> Sequence[Ending]:
        """Those that have ended since the last call; waits for one, so many seconds at most."""

    def stop(self) -> None:
        """Stop all that run: interrupt them, and kill what does not end."""


@dataclasses.dataclass(frozen=True)
class Local:
    """Instances on this machine, so many at once."""

    root: Path
    jobs: int
    imports: Sequence[str]
    running: dict[str, BaseProcess] = dataclasses.field(default_factory=dict)

    def start(self, name: str) -> str | None:
        """Start an instance, where fewer than `jobs` run."""
        if len(self.running) >= self.jobs:
            return None
        self.running[name] = stage_process.start(self.root, name, self.imports)
        return "here"

    def ended(self, seconds: float) -> Sequence[Ending]:
        """Those whose process has ended."""
        ended = [(process.name, process.exitcode) for process in stage_process.ended(self.running.values(), seconds)]
        for name, _ in ended:
            self.running.pop(name).close()
        return [Ending(name, stage_process.failure(self.root, name) if code else "") for name, code in ended]

    def stop(self) -> None:
        """Stop all."""
        stage_process.stop(self.running.values())


@contextlib.contextmanager
def local(root: Path, todo: Plan, jobs: int) -> Iterator[Executor]:
    """This machine, for a plan."""
    yield Local(root, jobs, stage_process.imported(todo.instances))


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
            cache = Path(repo.cache.local.path)
            graph = repo.index.graph  # an edge from each instance to every one that it needs
    except DvcException as error:
        if faults := repair.unreadable(root):
            lines = (
                f"{file}: {wrong}. `xit reproduce` mends it, and trains nothing again."
                for file, wrong in faults.items()
            )
            raise GridError("\n".join(lines)) from error
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
    outs = {name: tuple(Path(out.fs_path) for out in by_name[name].outs if out.use_cache) for name in stale}
    order = tuple(sorted(stale, key=lambda name: (_rank(name), name)))
    return Plan(changed, order, needs, len(by_name), outs, cache)


def run(
    root: Path,
    jobs: int,
    report: Callable[[Event], None],
    executor: Callable[[Path, Plan, int], AbstractContextManager[Executor]] = local,
    tell: Callable[[str], None] = lambda message: None,
    after: Mapping[str, str] = {},
    only: str = "",
) -> int:
    """Run what is stale; how many instances ran.

    Args:
        root: The folder of dvc.yaml.
        jobs: How many instances run at once: of the executor.
        report: Told of every start and end.
        executor: Where instances run; entered only where something is stale.
        tell: Takes a line for each of DVC's own files that a kill has cut short and that is set aside.
        after: Instances that use what another one makes, where both are to run, though they could do without it.

        only: A stage, of which nothing runs but the instances, and what they need.

    Raises:
        GridError: an instance failed (those that were running have been let finish, the rest has not been started); or
            another run is under way in the same folder; or something is stale after all.
        KeyboardInterrupt: Ctrl-C, or asked to end: everything was stopped; what was finished is kept, the rest resumes.
    """
    root = root.resolve()
    logs = root / "logs"
    logs.mkdir(exist_ok=True)
    with _alone(logs / ".lock"), _ending_as_interrupt():
        todo = _restricted(_settled(root, tell), only)
        if not todo.instances:
            return 0
        with executor(root, todo, jobs) as pool:
            try:
                failures = _run(root, _ordered(todo, after), pool, report)
            finally:
                pool.stop()
        if failures:
            raise GridError("\n".join(failures))
        if left := _restricted(plan(root), only).instances:  # the last word is DVC's, whatever the processes said
            raise GridError(
                f"{root}: all {len(todo.instances)} instances ended well, and yet {', '.join(left)}: stale. Was a file "
                "or parameter changed meanwhile? Run the same command again."
            )
    return len(todo.instances)


def _settled(root: Path, tell: Callable[[str], None]) -> Plan:
    """The plan, once nothing of a killed run is left; what it had cut short of DVC's own files is set aside."""
    from dvc.exceptions import DvcException

    def is_mended() -> bool:
        lines = repair.set_aside(root)
        for line in lines:
            tell(line)
        return bool(lines)

    try:
        stage_process.settle(root)
    except DvcException:
        if not is_mended():
            raise
        stage_process.settle(root)
    try:
        return plan(root)
    except GridError:
        if not is_mended():
            raise
    return plan(root)


def _restricted(todo: Plan, stage: str) -> Plan:
    """The plan of one stage's instances and of what they need; of all without a stage."""
    if not stage:
        return todo
    kept: set[str] = set()
    waiting = [name for name in todo.instances if name.partition("@")[0] == stage]
    while waiting:
        kept.add(name := waiting.pop())
        waiting += todo.needs[name] - kept
    return dataclasses.replace(todo, instances=tuple(name for name in todo.instances if name in kept))


def _ordered(todo: Plan, after: Mapping[str, str]) -> Plan:
    """The plan in which an instance waits for the other one that it uses, where that one is stale too."""
    more = {name: frozenset({after[name]}) & set(todo.instances) for name in todo.instances if name in after}
    return dataclasses.replace(todo, needs={name: of | more.get(name, frozenset()) for name, of in todo.needs.items()})


def _run(root: Path, todo: Plan, pool: Executor, report: Callable[[Event], None]) -> list[str]:
    """Start what is ready where there is room, until all is done or something failed; the failures."""
    done: set[str] = set()
    running: dict[str, tuple[str, float]] = {}
    attempts = dict.fromkeys(todo.instances, 0)
    failures: list[str] = []

    def tell(name: str, state: Literal["started", "done", "failed", "lost"]) -> None:
        worker, started = running[name]
        report(Event(name, state, worker, time.monotonic() - started, len(done), len(todo.instances)))

    while len(done) < len(todo.instances) and (running or not failures):
        ready = [n for n in todo.instances if n not in done | running.keys() and todo.needs[n] <= done]
        for name in ready if not failures else ():
            worker = pool.start(name)
            if worker is not None:
                running[name] = (worker, time.monotonic())
                attempts[name] += 1
                tell(name, "started")
        for ending in pool.ended(1.0):
            name = ending.instance
            is_given_up = ending.is_lost and attempts[name] >= ATTEMPTS
            failure = ending.failure or ("" if ending.is_lost else _damage(root, todo, name))
            if is_given_up:
                failures.append(
                    f"{name}: failed. Its worker was lost {ATTEMPTS} times, the last time {running[name][0]}: as when "
                    "memory does not suffice. See the worker's own log, and resources in params.yaml."
                )
            elif failure:
                failures.append(failure)
            elif not ending.is_lost:
                done.add(name)
            tell(name, "failed" if is_given_up or failure else "lost" if ending.is_lost else "done")
            del running[name]
    return failures


def _damage(root: Path, todo: Plan, name: str) -> str:
    """What is wrong with what an instance has made, where DVC took it from its cache."""
    if "checking out outputs" not in stage_process.log_of(root, name).read_text(encoding="utf-8", errors="replace"):
        return ""
    return "\n".join(f"{name}: failed. {fault}" for fault in repair.restored(todo.outs[name], todo.cache))


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the file's lock, as one run in a folder may."""
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise GridError(
                f"{path}: another run is under way in this folder (process {file.read().strip()}). Wait for "
                "it, or stop it; nothing was started."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


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
    """Of instances that are ready at once, those of the earlier stage go first: long chains hang on them."""
    stage = name.partition("@")[0]
    return STAGES.index(stage) if stage in STAGES else len(STAGES)
