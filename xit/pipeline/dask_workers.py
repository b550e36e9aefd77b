"""Stage instances on many machines, or on several workers of one: the grid on dask.distributed.

Dask rather than Ray because of its weight (10 MB against 240), and since it starts where clusters start things: a
worker is one command under `srun`, dask-jobqueue writes the Slurm jobs, and Kubernetes has Dask's own operator. Of Dask
we use the workers, their heartbeats and restarts, and the transport; what is ready is decided by
`xit.pipeline.runner`, which
knows DVC's graph, and where it goes by the resources that an instance asks for and a worker offers.

All workers share the disk of the workspace, with file locks that hold between machines, which DVC itself relies on. A
worker that is lost takes its instances with it (`xit.pipeline.stage_process`); they are started again elsewhere, and
wait there for
their own lock, which a process that still lives somewhere holds.
"""

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xit.core.settings import ResourceSettings
from xit.pipeline import stage_process
from xit.pipeline.runner import Ending, Executor, Plan
from xit.pipeline.stage_process import GridError

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_SECONDS = 30
UNFIT_SECONDS = 60.0
"""How long no worker may be able to hold an instance, though there are some, before that is an error."""


@contextlib.contextmanager
def opened(
    scheduler: str | None, requests: Mapping[str, ResourceSettings], root: Path, todo: Plan, jobs: int
) -> Iterator[Executor]:
    """The workers of a scheduler; or, without an address, `jobs` workers on this machine for as long as it takes.

    Raises:
        GridError: no scheduler answers at the address.
    """
    from distributed import Client, LocalCluster

    with contextlib.ExitStack() as stack:
        where: Any = scheduler
        if where is None:  # encrypted, so that nobody else on this machine can make the workers run anything
            options = {"dashboard_address": None, "security": True, "silence_logs": 50}
            where = stack.enter_context(LocalCluster(n_workers=jobs, threads_per_worker=1, **options))
        try:
            client = stack.enter_context(Client(where, timeout=CONNECT_SECONDS))
        except (OSError, ValueError) as error:
            raise GridError(
                f"{scheduler}: no scheduler answers there ({error}). Start one (`dask scheduler`); or leave the "
                "address out, for workers on this machine."
            ) from error
        yield Cluster(client, root, requests, stage_process.imported(todo.instances))


@dataclasses.dataclass
class Cluster:
    """Instances on the workers of a scheduler."""

    client: "Client"
    root: Path
    requests: Mapping[str, ResourceSettings]
    imports: Sequence[str]
    running: dict[str, tuple[str, "Future"]] = dataclasses.field(default_factory=dict)
    unfit_since: float | None = None

    def start(self, name: str) -> str | None:
        """Start an instance on the worker with the fewest, of those with room for it.

        Raises:
            GridError: no worker could ever hold it, for a minute; or the scheduler is gone.
        """
        workers = self._workers()
        request = self._request(name)
        loads = {address: [n for n, (at, _) in self.running.items() if at == address] for address in workers}
        if not any(_fits([request], worker) for worker in workers.values()):
            self._wait_for_a_fit(name, request, workers)
            return None
        self.unfit_since = None
        for address in sorted(workers, key=lambda address: len(loads[address])):
            taken = [self._request(other) for other in loads[address]]
            if _fits([*taken, request], workers[address]):
                arguments = (str(self.root), name, self.imports)
                future = self.client.submit(
                    make, *arguments, key=f"{name} {time.time()}", workers=[address], pure=False
                )
                self.running[name] = (address, future)
                return f"{workers[address]['host']} {workers[address]['name']}"
        return None

    def ended(self, seconds: float) -> Sequence[Ending]:
        """Those that have ended, and those whose worker is gone."""
        from distributed import wait

        futures = [future for _, future in self.running.values()]
        if futures:
            with contextlib.suppress(TimeoutError):
                wait(futures, timeout=seconds, return_when="FIRST_COMPLETED")
        else:
            time.sleep(seconds)
        workers = self._workers()
        endings = []
        for name, (address, future) in list(self.running.items()):
            if future.status == "finished":
                endings.append(Ending(name, future.result()))
            elif future.status == "error" and not _is_loss(future):
                endings.append(Ending(name, f"{name}: failed on {address}. {future.exception()!r}"))
            elif future.status != "pending" or address not in workers:
                future.cancel()
                endings.append(Ending(name, is_lost=True))
        for ending in endings:
            del self.running[ending.instance]
        return endings

    def stop(self) -> None:
        """Interrupt all, and kill what has not ended after ten seconds, or at a second Ctrl-C."""
        from distributed import wait

        if not self.running or self.client.status != "running":
            return  # a worker whose scheduler is gone ends, and its instances with it
        futures = [future for _, future in self.running.values()]
        try:
            self.client.run(_signal_all, str(self.root), signal.SIGINT, on_error="ignore")
            with contextlib.suppress(TimeoutError):
                wait(futures, timeout=10)
        finally:
            self.client.run(_signal_all, str(self.root), signal.SIGKILL, on_error="ignore")

    def _request(self, name: str) -> dict[str, float]:
        """What a worker must offer."""
        request = self.requests.get(name.partition("@")[0], self.requests["default"])
        return {"cpus": request.cpus, "gpus": request.gpus, "memory_gib": request.memory_gib}

    def _workers(self) -> Mapping[str, Mapping[str, Any]]:
        if self.client.status != "running":
            raise GridError(
                f"{self.client}: the scheduler is gone. What was finished is kept; run the same command again to go on."
            )
        workers: Mapping[str, Mapping[str, Any]] = self.client.scheduler_info(n_workers=-1)["workers"]
        return workers

    def _wait_for_a_fit(self, name: str, request: Mapping[str, Any], workers: Mapping[str, Any]) -> None:
        """A cluster without workers may be waited for; one of which none suits is an error, if no other comes soon."""
        if self.running or not workers:
            self.unfit_since = None
            return
        self.unfit_since = self.unfit_since or time.monotonic()
        if time.monotonic() - self.unfit_since > UNFIT_SECONDS:
            offers = sorted({_told(_offered(worker)) for worker in workers.values()})
            raise GridError(
                f"{name}: no worker can hold it. It asks for {_told(request)} (resources in params.yaml); the "
                f"{len(workers)} workers offer {'; or '.join(offers)}. Ask for less, or start a worker with more: "
                "dask worker ADDRESS --nthreads CPUS --resources 'gpus=1 memory_gib=64'"
            )


def _offered(worker: Mapping[str, Any]) -> dict[str, float]:
    """What a worker offers: its threads and memory limit, and whatever it was started with as --resources."""
    limit = worker["memory_limit"]
    memory = limit / 2**30 if limit else float("inf")
    return {"cpus": worker["nthreads"], "gpus": 0, "memory_gib": memory, **worker["resources"]}


def _fits(requests: Sequence[Mapping[str, Any]], worker: Mapping[str, Any]) -> bool:
    offered = _offered(worker)
    return len(requests) <= worker["nthreads"] and all(
        sum(request[key] for request in requests) <= offered[key] for key in requests[0]
    )


def _told(resources: Mapping[str, float]) -> str:
    return ", ".join(f"{key} {value:.3g}" for key, value in resources.items())


def _is_loss(future: "Future") -> bool:
    from distributed import KilledWorker

    return isinstance(future.exception(), KilledWorker)


# On a worker

_RUNNING: dict[tuple[str, str], BaseProcess] = {}


def make(root: str, name: str, imports: Sequence[str]) -> str:
    """Run a stage instance, on a worker; the message of its failure, or nothing."""
    if not (Path(root) / "dvc.yaml").is_file():
        return f"{name}: failed. {root}: no such folder on {os.uname().nodename}. All workers must share its disk."
    multiprocessing.current_process().daemon = False  # Dask's workers are daemons, which may have no children
    process = _RUNNING[root, name] = stage_process.start(Path(root), name, imports)
    try:
        process.join()
    finally:
        del _RUNNING[root, name]
    return stage_process.failure(Path(root), name) if process.exitcode else ""


def _signal_all(root: str, number: int) -> None:
    for (at, _), process in list(_RUNNING.items()):
        if at == root:
            stage_process.signal_group(process, signal.Signals(number))
