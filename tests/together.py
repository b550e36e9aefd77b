"""Functions run in processes of their own, alone or in two that train together, as a launcher would start them."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from typing import Any

from xit.core import distributed

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["torch._dynamo", "xit.stages.finetune", "xit.stages.pretrain"])
"""Forked from a process that has imported torch and what its optimizers import."""


def run(count: int, work: Callable[..., None], *arguments: Any) -> list[int | None]:
    """The exit codes of so many processes, one or two, that have called a function."""
    if count == 1:
        running = [CONTEXT.Process(target=work, args=arguments)]
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        running = [CONTEXT.Process(target=_as_launched, args=(r, count, port, work, arguments)) for r in range(count)]
    for process in running:
        process.start()
    for process in running:
        process.join(300)
        process.kill()  # one that waits for ever for another
        process.join()
    return [process.exitcode for process in running]


def _as_launched(rank: int, count: int, port: int, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    os.environ |= {"ACCELERATE_USE_CPU": "true", "MASTER_ADDR": "127.0.0.1", **{k: str(v) for k, v in place.items()}}
    assert (distributed.count(), distributed.is_main()) == (count, rank == 0)  # accelerate may silently make it one
    work(*arguments)
