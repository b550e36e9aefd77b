"""What commands need of the process that they run in: a user with a home, and an end when they are told to stop."""

import contextlib
import dataclasses
import importlib.abc
import os
import pwd
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import wrapt

from xit.cli import terminal
from xit.core import instructions

if TYPE_CHECKING:
    from xit.pipeline.config import Config

SLOW = "torch"
"""What takes seconds to import in libraries that hear no Ctrl-C."""


def prepare() -> None:
    """Make the process one in which every command works."""
    if "torch" not in sys.modules:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        _end_at_once_while_torch_is_imported()
    _name_user_and_home()


def pin(config: "Config") -> "Config":
    """Have this process, and those that it starts, compute with the instructions of compute.instructions."""
    for line in instructions.apply(config.compute.instructions, os.environ):
        terminal.note(line)
    return config


def computing(config: "Config", checkpoints: Sequence[str | Path] = ()) -> "Config":
    """As `pin`, for a command that computes with torch itself; its own modules are imported after this.

    Args:
        config: The settings.
        checkpoints: Folders or Hub ids that it reads. One that was not made here has no bits to give again, and is
            computed with `avx2` in place of `compatible`, which multiplies matrices at less than half the speed.
    """
    is_ours = all((Path(place) / "lineage.json").is_file() for place in checkpoints)
    if config.compute.instructions == "compatible" and not is_ours:
        config = dataclasses.replace(config, compute=dataclasses.replace(config.compute, instructions="avx2"))
    pin(config)
    import torch

    instructions.check(torch.backends.cpu.get_cpu_capability())
    return config


def _name_user_and_home() -> None:
    """Give a user without a passwd entry a name and a home, as in `docker run --user` and Kubernetes.

    Torch asks for the name, DVC and the Hub's library for the home; all of them fail where there is none.
    """
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        os.environ.setdefault("USER", f"user-{os.getuid()}")
        home = os.environ.get("HOME", "")  # Docker says / for such a user
        if home == "/" or not os.access(home, os.W_OK):
            os.environ["HOME"] = str(_own_folder(Path(tempfile.gettempdir()) / f"xit-home-{os.getuid()}"))


def _own_folder(folder: Path) -> Path:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    is_own = folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid()
    return folder if is_own else Path(tempfile.mkdtemp(prefix=f"{folder.name}-"))


class _BeforeTorch(importlib.abc.MetaPathFinder):
    """Finds nothing, and notes when the import of torch begins."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == SLOW and _hears_ctrl_c():
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _end_at_once_while_torch_is_imported() -> None:
    """Let the kernel end the process at Ctrl-C until torch is there: its libraries would load to the end before."""
    if not _hears_ctrl_c():
        return

    def after(torch: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.default_int_handler)

    sys.meta_path.insert(0, _BeforeTorch())
    wrapt.register_post_import_hook(after, SLOW)


def _hears_ctrl_c() -> bool:
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
