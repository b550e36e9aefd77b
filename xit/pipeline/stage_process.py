"""Stage instances as processes: each runs as `dvc repro` runs it, and is forked with everything already imported.

Importing torch, accelerate and DVC costs a process some 3 seconds of processor time, about what training a small model
takes. So a server (multiprocessing's own, "forkserver") imports them once, and every instance is forked from it:

    xit reproduce, or a worker ─ server ─ DVC (`repro --single-item NAME`) ─ the stage's command (`xit finetune …`)

The server imports packages of others only: our modules are read by each command anew, as the code that DVC has hashed.
No process outlives the one before it in this chain, however that ends (`prctl(2)`, PR_SET_PDEATHSIG). Where there is no
such call (not Linux), instances are plain processes, with the same results.

The only form that is safe for several at once in one workspace is `dvc --wait-for-lock repro --single-item STAGE`
(treeverse/dvc#11054), and never the same instance twice: each holds a lock of its own as long as any process of it
lives, on whatever machine that shares the disk.
"""

import contextlib
import ctypes
import fcntl
import functools
import importlib
import json
import multiprocessing
import multiprocessing.connection
import os
import re
import shlex
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NoReturn

from xit.core.errors import XitError
from xit.core.files import atomic

IMPORTED = (
    "dvc.cachemgr",
    "dvc.cli.parser",
    "dvc.commands.repro",
    "dvc.data_cloud",
    "dvc.lock",
    "dvc.repo.datasets",
    "dvc.repo.plots",
    "dvc.repo.reproduce",
    "dvc.repo.stage",
    "dvc.rwlock",
    "dvc.scm",
    "dvc.utils.strictyaml",
    "ruamel.yaml",
)
"""What every instance imports."""
IMPORTED_TO_LEARN = ("accelerate", "safetensors.torch", "tokenizers", "torch._dynamo")
"""What instances of `LEARNING` import. They start no thread that a fork would lose, and touch no GPU."""
LEARNING = {
    *("pretrain", "tune", "control", "intermediate", "recipe", "finetune"),
    *("evaluate", "retrieve", "forgetting", "upper_bound"),
}
"""The stages that load torch."""
PATIENCE = 600.0
"""Seconds that an instance waits for a lost process of its own to end: more than any network file system's lease."""
PR_SET_PDEATHSIG = 1
IS_LINUX = sys.platform == "linux"


class GridError(XitError):
    """A stage instance failed, its own message is in this one; or instances cannot be run now."""


def log_of(root: Path, name: str) -> Path:
    """Where an instance's output goes."""
    return root / "logs" / f"{name}.log"


def imported(names: Iterable[str]) -> tuple[str, ...]:
    """What the server should import for these instances; a run of `paper` alone need not wait for torch."""
    is_learning = not LEARNING.isdisjoint(name.partition("@")[0] for name in names)
    return ("xit.pipeline.stage_process", *IMPORTED, *(IMPORTED_TO_LEARN if is_learning else ()))


def start(root: Path, name: str, imports: Sequence[str]) -> BaseProcess:
    """Start a stage instance; it ends with exit code 0 where it has been made, or is up to date.

    Args:
        root: The folder of dvc.yaml.
        name: Of the instance.
        imports: What the server imports; the first call in a process starts it.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # where `xit` is
    environment = {"TOKENIZERS_PARALLELISM": "false", **os.environ, "PATH": path}
    log_of(root, name).parent.mkdir(exist_ok=True)
    arguments = (root, name, environment)
    process: BaseProcess  # daemon: what starts it does not wait for it when it ends itself
    if IS_LINUX:
        warm = multiprocessing.get_context("forkserver")
        warm.set_forkserver_preload(list(imports))
        process = warm.Process(target=_reproduce, args=arguments, name=name, daemon=True)
    else:
        plain = multiprocessing.get_context("spawn")
        process = plain.Process(target=_reproduce, args=arguments, name=name, daemon=True)
    process.start()
    return process


def ended(processes: Iterable[BaseProcess], seconds: float) -> list[BaseProcess]:
    """Those that have ended; waits for one, so many seconds at most."""
    by_sentinel: dict[Any, BaseProcess] = {process.sentinel: process for process in processes}
    return [by_sentinel[sentinel] for sentinel in multiprocessing.connection.wait(list(by_sentinel), seconds)]


def stop(processes: Iterable[BaseProcess], seconds: float = 10) -> None:
    """Interrupt instances, and kill what has not ended after so many seconds, or at a second Ctrl-C."""
    alive = [process for process in processes if process.is_alive()]
    for process in alive:
        signal_group(process, signal.SIGINT)
    deadline = time.monotonic() + seconds
    try:
        for process in alive:
            process.join(max(0.0, deadline - time.monotonic()))
    finally:
        for process in alive:
            if process.is_alive():
                signal_group(process, signal.SIGKILL)
                process.join()


def signal_group(process: BaseProcess, number: signal.Signals) -> None:
    """Signal DVC and the command that it runs."""
    assert process.pid is not None
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:  # it has ended, or has not come to make its group yet
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def settle(root: Path, seconds: float = 15) -> None:
    """Wait until nothing of a killed run is left, and free what it held of DVC's locks.

    Raises:
        GridError: an instance that it left behind has not ended in so many seconds.
    """
    for lock in sorted((root / "logs").glob(".?*.lock")):
        if lock.stat().st_size:
            with _alone(root, lock.name.removeprefix(".").removesuffix(".lock"), seconds):
                pass


def failure(root: Path, name: str) -> str:
    """The message of an instance that failed: the stage's own, without what DVC says around it."""
    log = log_of(root, name)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    around = re.compile(r"Running stage|> |ERROR: failed to reproduce .* exited with \d+$")
    own = [line for line in lines if line.strip() and not around.match(line)]
    if lines and lines[-1].endswith(("exited with -9", "exited with 137")):
        own.append("It was killed, as the system does where memory is short: JOBS=1, or smaller batches; run it again.")
    return "\n".join([f"{name}: failed. " + "\n".join(own[-12:]), f"(log: {log})"])


# In the process of an instance


def _reproduce(root: Path, name: str, environment: Mapping[str, str]) -> None:
    """Run one instance by DVC, which hands its command to a process forked before DVC has started a thread."""
    os.setsid()
    _end_with_parent()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(root)
    output = os.open(log_of(root, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    for number in (1, 2):
        os.dup2(output, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    with _as_exit(), _alone(root, name, PATIENCE):
        command = _Command() if IS_LINUX else None
        threading.Thread(target=_end_with_starter, daemon=True).start()
        sys.argv = ["dvc", "--wait-for-lock", "repro", "--single-item", name]  # DVC writes it into its own locks
        from dvc import rwlock
        from dvc.cli import main
        from dvc.stage import run

        if command:
            run._run = command.run
        rwlock._edit_rwlock = functools.partial(_edit_whole, rwlock._edit_rwlock)
        code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.exit(code)


@contextlib.contextmanager
def _alone(root: Path, name: str, seconds: float) -> Iterator[None]:
    """Hold the instance's lock, once no process of a lost attempt at it is left, on any machine that shares the disk.

    The file names the attempt while it lasts. Where it names another, that one was killed, and what it held of DVC's
    own locks is freed: DVC does so itself only where the dead process was one of the same machine.

    Raises:
        GridError: a lost attempt has not ended in so many seconds.
    """
    with (root / "logs" / f".{name}.lock").open("a+") as file:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() > deadline:
                file.seek(0)
                raise GridError(
                    f"{name}: still at work, on {file.read().strip()}, left behind by another run. Wait for it, or end "
                    "it; then run the same command again."
                )
            time.sleep(0.1)
        file.seek(0)
        if file.read().strip():
            _free_locks_of_dvc(root, name)
        file.truncate(0)
        file.write(f"{socket.gethostname()} process {os.getpid()}")
        file.flush()
        os.set_inheritable(file.fileno(), True)
        yield
        file.truncate(0)


@contextlib.contextmanager
def _as_exit() -> Iterator[None]:
    try:
        yield
    except GridError as error:
        sys.exit(str(error))


class _WholeFiles:
    """DVC's files, of which one that is written takes the place of the old one at the end."""

    def __init__(self, files: Any) -> None:
        self.files, self.join = files, files.join

    @contextlib.contextmanager
    def open(self, path: str, mode: str = "r", **options: Any) -> Iterator[Any]:
        """As the built-in `open`."""
        writing = atomic(Path(path)) if mode == "w" else contextlib.nullcontext(path)
        with writing as place, self.files.open(str(place), mode, **options) as file:
            yield file


def _edit_whole(edit: Callable[..., Any], folder: str, files: Any, *options: Any) -> Any:
    """DVC's editing of its table of paths in use, which a kill in the middle would leave empty for other instances."""
    return edit(folder, _WholeFiles(files), *options)


def _free_locks_of_dvc(root: Path, name: str) -> None:
    """Remove an instance's entries in DVC's table of paths in use; whoever calls holds the instance's lock."""
    from dvc.fs import localfs
    from dvc.repo import Repo
    from dvc.rwlock import _edit_rwlock

    def is_other(entry: Mapping[str, Any]) -> bool:
        return not str(entry["cmd"]).endswith(f" {name}")

    with Repo(str(root)) as repo:
        editing = _edit_whole(_edit_rwlock, repo.tmp_dir, localfs, repo.config["core"]["hardlink_lock"])
        with editing as table:
            table["write"] = {path: entry for path, entry in table["write"].items() if is_other(entry)}
            readers = {path: [e for e in entries if is_other(e)] for path, entries in table["read"].items()}
            table["read"] = {path: entries for path, entries in readers.items() if entries}


class _Command:
    """A process that waits for a command line and becomes it; `run` stands in for DVC's own start of a shell."""

    def __init__(self) -> None:
        reading, self.writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.writing)
            _end_with_parent()
            with os.fdopen(reading) as file:
                line = file.read()
            if not line:
                os._exit(0)  # DVC found nothing to run
            _become(**json.loads(line))
        os.close(reading)

    def run(self, executable: str, cmd: str, cwd: str, env: Mapping[str, str], **_: Any) -> None:
        """Hand over the command and wait for its end, deaf to Ctrl-C as DVC is: the command hears it.

        Raises:
            StageCmdFailedError: it failed.
        """
        from dvc.stage.exceptions import StageCmdFailedError

        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with os.fdopen(self.writing, "w") as file:
                json.dump({"executable": executable, "cmd": cmd, "cwd": cwd, "env": dict(env)}, file)
            code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        finally:
            signal.signal(signal.SIGINT, before)
        if code:
            raise StageCmdFailedError(cmd, code)


def _become(executable: str, cmd: str, cwd: str, env: Mapping[str, str]) -> NoReturn:
    """Run a command line: one of ours in this process, any other in a shell."""
    os.chdir(cwd)
    if not re.fullmatch(r"xit( [\w.+/@-]+)+", cmd) or _has_touched_a_gpu():
        os.execve(executable, [executable, "-c", cmd], dict(env))
    os.environ.clear()
    os.environ.update(env)
    sys.argv = shlex.split(cmd)
    code: Any = 1
    try:
        importlib.import_module("xit.cli").main()
    except SystemExit as error:
        code = error.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1 if code else 0)
    raise AssertionError


def _has_touched_a_gpu() -> bool:
    """Whether torch has asked for devices before the fork, and CUDA would not work in this process."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda._is_in_bad_fork())


def _end_with_parent() -> None:
    """Have the kernel kill this process when its parent dies."""
    if IS_LINUX:
        parent = os.getppid()
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _end_with_starter() -> None:
    """Kill this process and its own when the process that asked for it, not its parent, has died."""
    starter = multiprocessing.parent_process()
    assert starter is not None
    starter.join()
    os.killpg(0, signal.SIGKILL)
