"""What this machine, or the container on it, has for the grid's processes, and how many of them run side by side."""

import os
import shutil
from pathlib import Path

from xit.core.settings import ResourceSettings

CGROUP = Path("/sys/fs/cgroup")
JOBS_WITH_A_GPU = 2
"""Stage instances side by side where they share a GPU, whose memory is not known here."""


def cores(group: Path = CGROUP) -> int:
    """The CPU cores that this process may use; at least one."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _limit(group / "cpu.max").partition(" ")
    return count if quota == "max" else max(1, min(count, int(quota) // int(period)))


def memory_gib(group: Path = CGROUP) -> float:
    """The main memory, in GiB."""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _limit(group / "memory.max")
    return (size if limit == "max" else min(size, int(limit))) / 2**30


def _limit(file: Path) -> str:
    return file.read_text(encoding="ascii").strip() if file.is_file() else "max"


def jobs(request: ResourceSettings, group: Path = CGROUP) -> int:
    """How many stage instances run side by side where nobody says: as many as have the cores and the memory."""
    if shutil.which("nvidia-smi"):
        return JOBS_WITH_A_GPU
    return max(1, min(cores(group) // request.cpus, int(memory_gib(group) / request.memory_gib)))
