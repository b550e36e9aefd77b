"""What it costs to run a stage instance at all, beside what the instance does: the command line, imports, DVC.

    python benchmarks/overhead.py --json overhead.json

In the folder of a finished experiment (`make reproduce`), which stays as it is: instances are timed in a copy of the
pipeline without data and models, with a command in place of `xit` that does nothing. On a machine with other work, the
lowest processor time tells most.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from xit.pipeline import stage_process as processes

BINARIES = Path(sys.executable).parent
XIT, DVC, PYTHON = str(BINARIES / "xit"), str(BINARIES / "dvc"), sys.executable
STEP = (
    "import torch; p = torch.nn.Parameter(torch.zeros(2, 2)); p.sum().backward(); "
    "torch.optim.AdamW([p], fused=True).step()"
)
REPRO = (DVC, "--wait-for-lock", "repro", "--single-item")


@dataclasses.dataclass(frozen=True)
class Cost:
    """Seconds of one thing, over runs: wall time, and the lowest processor time."""

    what: str
    median: float
    lowest: float
    highest: float
    processor: float | None


def cost(what: str, commands: Sequence[Sequence[str]], folder: Path, before: Callable[[], None] | None = None) -> Cost:
    """Time each of the commands, which must succeed; `before` is called before each, and not timed."""
    walls, processors = [], []
    environment = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{BINARIES}{os.pathsep}{os.environ['PATH']}"}
    for command in commands:
        if before:
            before()
        used, started = _processor(), time.monotonic()
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        walls.append(time.monotonic() - started)
        processors.append(_processor() - used)
        if done.returncode:
            sys.exit(f"{' '.join(command)}: failed.\n{done.stdout[-500:]}{done.stderr[-1500:]}")
    return Cost(what, statistics.median(walls), min(walls), max(walls), min(processors))


def forked(root: Path, name: str, runs: int) -> list[Cost]:
    """An instance that is up to date, as `xit reproduce` starts it; its processor time is not ours to read."""
    imports = processes.imported(["pretrain"])
    walls = []
    for _ in range(runs + 1):
        started = time.monotonic()
        process = processes.start(root, name, imports)
        process.join()
        walls.append(time.monotonic() - started)
        if process.exitcode:
            sys.exit(processes.failure(root, name))
    first, others = walls[0], walls[1:]
    return [
        Cost("the first that is forked, with the start of the server", first, first, first, None),
        Cost("another that is forked", statistics.median(others), min(others), max(others), None),
    ]


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def pipeline(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """A copy of the pipeline with dvc.lock, and its instances of `data`, of which any can run: they need code only.

    In place of `xit` stands a command that makes an empty output.
    """
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for path in ("dvc.yaml", "dvc.lock", "params.yaml", ".dvc/config"):
            (copy / path).parent.mkdir(exist_ok=True)
            shutil.copyfile(root / path, copy / path)
        shutil.copytree(root / "xit", copy / "xit", ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run([DVC, "config", "--local", "core.no_scm", "true"], cwd=copy, check=True)
        stand_in = copy / "bin" / "xit"
        stand_in.parent.mkdir()
        stand_in.write_text("#!/bin/sh\nmkdir -p data/$2\n")
        stand_in.chmod(0o755)
        listed = subprocess.run(
            [DVC, "stage", "list", "--name-only"], cwd=copy, check=True, capture_output=True, text=True
        )
        yield copy, [line for line in listed.stdout.split() if line.startswith("data@")]


def measure(root: Path, runs: int) -> list[Cost]:
    """All costs, the cheap ones first."""
    costs = [
        cost("xit --help", [[XIT, "--help"]] * runs, root),
        cost("import torch", [[PYTHON, "-c", "import torch"]] * runs, root),
        cost("import a training stage", [[PYTHON, "-c", "import xit.stages.finetune"]] * runs, root),
        cost("import torch, first optimizer step", [[PYTHON, "-c", STEP]] * runs, root),
        cost("dvc status, nothing stale", [[DVC, "status", "-q"]] * runs, root),
        cost("dvc repro, nothing stale", [[DVC, "repro", "-q"]] * runs, root),
        cost("xit reproduce, nothing stale", [[XIT, "reproduce"]] * runs, root),
    ]
    with pipeline(root) as (copy, instances):
        one, some = instances[0], instances[:4]

        def change() -> None:
            with (copy / "xit" / "examples.py").open("a") as file:
                file.write("\n")

        costs += [
            cost("an instance that runs, of nothing", [[*REPRO, one]] * runs, copy, change),
            cost("an instance that is up to date", [[*REPRO, one]] * runs, copy),
            *forked(copy, one, runs),
            cost(f"{len(some)} instances that run, in one call", [[*REPRO, *some]] * runs, copy, change),
        ]
    return costs


def show(costs: Sequence[Cost], title: str) -> None:
    """The costs as a table."""
    table = Table("what", title=title, title_justify="left")
    for column in ("median seconds", "lowest to highest", "of processor, lowest"):
        table.add_column(column, justify="right")
    for c in costs:
        processor = "–" if c.processor is None else f"{c.processor:.2f}"
        table.add_row(c.what, f"{c.median:.2f}", f"{c.lowest:.2f} to {c.highest:.2f}", processor)
    Console(width=None if os.isatty(1) else 120).print(table)


def main() -> None:
    """Measure and print; `--json` also writes the records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(), help="the folder of a finished experiment (default: here)")
    parser.add_argument("--runs", type=int, default=5, help="of each thing (default 5)")
    parser.add_argument("--json", type=Path, help="a file for the records")
    chosen = parser.parse_args()
    root = chosen.root.resolve()
    if subprocess.run([DVC, "status", "-q"], cwd=root, check=False).returncode:
        sys.exit(f"{root}: something is stale, so nothing could be timed without running it. First: make reproduce")
    costs = measure(root, chosen.runs)
    lock = (root / "dvc.lock").read_text(encoding="utf-8")
    facts: dict[str, Any] = {"lock_kilobytes": len(lock) // 1000, "runs": chosen.runs}
    facts["instances"] = sum(line.startswith("  ") and line[2] not in " -" for line in lock.splitlines())
    show(costs, f"{facts['instances']} instances, dvc.lock of {facts['lock_kilobytes']} kB; {chosen.runs} runs")
    if chosen.json:
        records = [dataclasses.asdict(c) for c in costs]
        chosen.json.write_text(json.dumps({**facts, "records": records}, indent=2) + "\n")


if __name__ == "__main__":
    main()
