"""How many stage instances run side by side: as the cores and the memory of the machine or its container allow."""

from pathlib import Path

import pytest

from xit.core.settings import ResourceSettings
from xit.pipeline import machine

REQUEST = ResourceSettings(cpus=1, gpus=0, memory_gib=1)


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of eight cores, without a GPU."""
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 32 * 2**18}.__getitem__)
    monkeypatch.setattr(machine.shutil, "which", lambda _: None)


@pytest.mark.usefixtures("eight")
@pytest.mark.parametrize(
    ("cpu", "memory", "request_", "expected"),
    [
        (None, None, REQUEST, 8),
        ("max 100000", "max", REQUEST, 8),
        ("250000 100000", "max", REQUEST, 2),
        ("50000 100000", "max", REQUEST, 1),
        ("1600000 100000", "max", REQUEST, 8),
        ("max 100000", str(3 * 2**30), REQUEST, 3),
        ("max 100000", str(2**29), REQUEST, 1),
        (None, None, ResourceSettings(cpus=3, gpus=0, memory_gib=1), 2),
        (None, None, ResourceSettings(cpus=16, gpus=0, memory_gib=1), 1),
        (None, None, ResourceSettings(cpus=1, gpus=0, memory_gib=10), 3),
    ],
)
def test_instances_run_side_by_side_as_cores_and_memory_allow(
    cpu: str | None, memory: str | None, request_: ResourceSettings, expected: int, tmp_path: Path
) -> None:
    for name, text in (("cpu.max", cpu), ("memory.max", memory)):
        if text is not None:
            (tmp_path / name).write_text(f"{text}\n")

    assert machine.jobs(request_, tmp_path) == expected


@pytest.mark.usefixtures("eight")
def test_instances_that_share_a_gpu_are_few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine.shutil, "which", lambda _: "/usr/bin/nvidia-smi")

    assert machine.jobs(REQUEST, tmp_path) == machine.JOBS_WITH_A_GPU
