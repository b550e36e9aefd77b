"""What exact search costs beside the bare matrix product in the same blocks, and beside faiss, on generated vectors.

    python benchmarks/retrieval.py --json retrieval.json

1,000,000 candidates of 256 numbers in a file, 15,000 queries, the nearest 20 of each (Mewsli-X has 1,003,893 and
14,624). They take turns on a part of the queries in one process, since the machine may have other work: ours beside the
product, then faiss beside the product; the time of processors tells most. `--all` searches all queries once, too.
faiss (IndexFlatIP) is no dependency, and measured where it is installed: pip install faiss-cpu.
"""

import argparse
import dataclasses
import importlib
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from xit.heads._search import CANDIDATES, QUERIES, nearest

COUNT = 20


@dataclasses.dataclass(frozen=True)
class Turn:
    """Seconds of one search of a part of the queries: on the clock, and of processors."""

    what: str
    seconds: float
    processor: float


def generated(path: Path, rows: int, dimension: int, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Random vectors of length one, as a memory map of a file that is written first."""
    vectors = np.lib.format.open_memmap(path, "w+", np.float32, (rows, dimension))
    random = np.random.default_rng(seed)
    for start in range(0, rows, CANDIDATES):
        part = random.standard_normal((min(CANDIDATES, rows - start), dimension), dtype=np.float32)
        vectors[start : start + len(part)] = part / np.linalg.norm(part, axis=1, keepdims=True)
    vectors.flush()
    return np.lib.format.open_memmap(path, "r")


def bare_product(queries: torch.Tensor, candidates: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    """The matrix product alone, in the blocks and the order of our search, into memory that is used again."""
    space = torch.empty(QUERIES * CANDIDATES)
    for start in range(0, len(candidates), CANDIDATES):
        block = torch.from_numpy(np.array(candidates[start : start + CANDIDATES]))
        for part in queries.split(QUERIES):
            torch.mm(part, block.T, out=space[: len(part) * len(block)].view(len(part), len(block)))


def timed(what: str, run: Callable[[], Any]) -> tuple[Turn, Any]:
    """A turn, and what it gave."""
    wall, processor = time.perf_counter(), time.process_time()
    found = run()
    turn = Turn(what, time.perf_counter() - wall, time.process_time() - processor)
    Console(stderr=True).print(turn)
    return turn, found


def main() -> None:
    """Measure and print; `--json` also writes the records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=15_000)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--part", type=int, default=1_024, help="queries of a turn (default 1024)")
    parser.add_argument("--turns", type=int, default=5, help="of each (default 5)")
    parser.add_argument("--threads", type=int, default=2, help="of torch and faiss (default 2)")
    parser.add_argument("--all", action="store_true", help="then search all queries, once")
    parser.add_argument("--json", type=Path, help="a file for the records")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    with tempfile.TemporaryDirectory() as folder:
        candidates = generated(Path(folder) / "candidates.npy", chosen.candidates, chosen.dimension, 0)
        queries = torch.from_numpy(
            np.array(generated(Path(folder) / "queries.npy", chosen.queries, chosen.dimension, 1))
        )
        part = queries[: chosen.part]

        def ours(some: torch.Tensor) -> Any:
            return nearest(some, lambda start, stop: candidates[start:stop], len(candidates), COUNT)

        runs: dict[str, Callable[[], Any]] = {
            "search": lambda: ours(part),
            "matrix product": lambda: bare_product(part, candidates),
        }
        facts: dict[str, Any] = {
            **vars(chosen),
            "json": None,
            "threads": torch.get_num_threads(),
            "load": os.getloadavg(),
        }
        turns, found = [], {}
        for _ in range(chosen.turns):
            for what, run in runs.items():
                turn, found[what] = timed(what, run)
                turns.append(turn)
        facts["peak_gigabytes"] = _peak()
        if chosen.all:
            facts["all_queries"] = dataclasses.asdict(timed("search", lambda: ours(queries))[0])
            facts["peak_gigabytes"] = _peak()
        try:
            faiss: Any = importlib.import_module("faiss")
        except ImportError:
            faiss = None
            Console(stderr=True).print("faiss is not installed (pip install faiss-cpu): not measured.")
        if faiss:
            faiss.omp_set_num_threads(chosen.threads)
            index = faiss.IndexFlatIP(chosen.dimension)
            for start in range(0, len(candidates), CANDIDATES):
                index.add(np.array(candidates[start : start + CANDIDATES]))
            del runs["search"]
            runs["faiss"] = lambda: index.search(part.numpy(), COUNT)
            for _ in range(chosen.turns):
                for what, run in runs.items():
                    turn, found[what] = timed(what, run)
                    turns.append(turn)
            facts["equal_to_faiss"] = float((found["faiss"][1] == found["search"][1]).mean())
            facts["peak_gigabytes_with_faiss"] = _peak()
    show(turns, facts)
    if chosen.json:
        records = [dataclasses.asdict(turn) for turn in turns]
        chosen.json.write_text(json.dumps({**facts, "turns": records}, indent=2) + "\n")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def show(turns: list[Turn], facts: dict[str, Any]) -> None:
    """Medians as a table, then the other figures."""
    table = Table("what", title=f"{facts['part']} queries, {facts['candidates']:,} × {facts['dimension']}")
    for column in ("median seconds", "lowest to highest", "of processor, median", "processor, to the product"):
        table.add_column(column, justify="right")
    product = statistics.median(t.processor for t in turns if t.what == "matrix product")
    for what in dict.fromkeys(t.what for t in turns):
        own = [t for t in turns if t.what == what]
        walls, used = [t.seconds for t in own], statistics.median(t.processor for t in own)
        low_high = f"{min(walls):.2f} to {max(walls):.2f}"
        table.add_row(what, f"{statistics.median(walls):.2f}", low_high, f"{used:.2f}", f"{used / product:.2f}")
    console = Console(width=None if os.isatty(1) else 120)
    console.print(table)
    console.print(
        {key: value for key, value in facts.items() if key not in ("json", "part", "candidates", "dimension")}
    )


if __name__ == "__main__":
    main()
