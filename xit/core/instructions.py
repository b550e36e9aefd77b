"""Which instructions of an x86-64 processor a process computes with, so that other processors give the same bits.

Torch, oneDNN and MKL choose their kernels by what the processor offers, and kernels add up in different orders. Each
reads a variable of the environment that tells it to offer less, when it first computes.
"""

import platform
import re
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from pathlib import Path

from xit.core.errors import ConfigError

_TORCH = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
SETS: Mapping[str, Mapping[str, str]] = {
    "compatible": {**_TORCH, "MKL_CBWR": "COMPATIBLE"},
    "avx2": {**_TORCH, "MKL_CBWR": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "native": {},
}
"""By the values of compute.instructions, the variables that they set."""
CAPABILITY = "AVX2"
"""What `torch.backends.cpu.get_cpu_capability()` says where a set other than `native` is in force."""

CPU_INFO = Path("/proc/cpuinfo")

_applied: ContextVar[str] = ContextVar("instructions", default="native")


def lack(machine: str | None = None, cpu_info: Path = CPU_INFO) -> str:
    """What this machine lacks for a set, or nothing: its processor is an x86-64 one with AVX2 and FMA."""
    machine = machine or platform.machine()
    if machine.lower() not in ("x86_64", "amd64"):
        return f"the processor is no x86-64 one, but {machine}"
    text = cpu_info.read_text(encoding="utf-8", errors="replace") if cpu_info.is_file() else ""
    flags = re.search(r"^flags\s*: *(.*)$", text, re.MULTILINE)
    missing = [name for name in ("avx2", "fma") if flags and name not in flags[1].split()]
    return f"the processor has no {' and no '.join(missing)}" if missing else ""


def applied() -> str:
    """The set that this process computes with; `native` where none has been applied, or the machine has none."""
    return _applied.get()


def apply(name: str, environment: MutableMapping[str, str]) -> list[str]:
    """Set the variables of a set, before anything is computed; where the machine lacks it, leave all as they are.

    Args:
        name: A key of `SETS`.
        environment: That of this process, which the libraries read.

    Returns:
        A line for each variable that had another value, not set here before, which is not taken.
    """
    if lack():
        name = "native"
    told = [
        f"{variable}: is {environment[variable]} in the environment; compute.instructions: {name} takes {value} "
        "instead. Write compute.instructions: native in params.yaml to keep yours."
        for variable, value in SETS[name].items()
        if environment.get(variable, value) not in (value, SETS[applied()].get(variable))
    ]
    environment.update(SETS[name])
    _applied.set(name)
    return told


def check(capability: str) -> None:
    """Compare what torch says of itself (`torch.backends.cpu.get_cpu_capability()`) with the applied set.

    Raises:
        ConfigError: torch had computed in this process before the set was applied, and keeps to what it took then.
    """
    name = applied()
    if name != "native" and capability != CAPABILITY:
        raise ConfigError(
            f"compute.instructions: {name}: torch computes with other instructions; found {capability}, where "
            f"{CAPABILITY} was expected. It had computed in this process before. Call xit in a process of its own; or "
            f"set {' '.join(f'{key}={value}' for key, value in SETS[name].items())} before Python starts."
        )
