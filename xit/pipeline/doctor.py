"""What this machine has that the experiment needs and no other tool tells; and where that is not "ok", what to do.

`pip check` tells of packages that do not fit together, `accelerate env` of torch and its devices, `dvc doctor` of DVC.
"""

import contextlib
import dataclasses
import importlib.metadata
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from xit.core import instructions
from xit.core.errors import ConfigError
from xit.pipeline import config, machine, repair

DRIVER = 580
"""The oldest for CUDA 13.0, which the locked torch is built with (docs.nvidia.com/cuda: release notes, table 3)."""
DISK_GB = 4
"""An environment without CUDA takes 2.1, the default experiment with its cache under one."""
MEMORY_GB = 2
"""Two stage instances of the default experiment side by side, at under one each."""
HUB_SECONDS = 3
PINNED = "compatible"
"""The instructions of the committed reference; the lock has the version of its torch."""
LOCKS = ("base.lock", "cuda.lock")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str
    status: Literal["ok", "warning", "fault"]
    found: str
    advice: str = ""
    """What to do; empty where nothing is to be done."""


def examine(project: Path, is_offline: bool, has_cache: bool = False) -> Iterator[Finding]:
    """Look at everything, one after the other.

    Args:
        project: The folder of params.yaml, where the experiment writes.
        is_offline: Whether no socket may be opened.
        has_cache: Whether each object of DVC's cache is read and compared with its name as well.
    """
    yield _versions(project / "requirements")
    yield from _gpus()
    yield _bits(project)
    yield _cores()
    yield _memory()
    yield _disk(project)
    yield _writing("writing", project, "The experiment writes here: make the folder yours, or mount it writable.")
    yield _writing("home", Path.home(), "DVC and the Hub's library write here: set HOME to a folder of yours.")
    yield _parameters(project)
    yield _hub(project, is_offline)
    if has_cache:
        yield cache(project / ".dvc" / "cache" / "files" / "md5")


def _versions(folder: Path) -> Finding:
    """Installed packages against those of the locks; which build of torch it is does not count."""
    locked, required = _locked(folder)
    if not locked:
        return Finding("packages", "warning", f"no locks in {folder}", "Run it in the project's folder to compare.")
    count, faults = 0, []
    for name, versions in sorted(locked.items()):
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if name in required:
                faults.append(f"{name} is not installed")
            continue
        count += 1
        if installed.partition("+")[0] not in versions:
            faults.append(f"{name} is {installed}, locked {' or '.join(sorted(versions))}")
    if faults:
        shown = "; ".join(faults[:6]) + (f"; … {len(faults)} in all" if len(faults) > 6 else "")
        return Finding("packages", "fault", shown, "Install what is locked: rm -rf .venv; make setup")
    return Finding("packages", "ok", f"{count}, as locked")


def _locked(folder: Path) -> tuple[dict[str, set[str]], set[str]]:
    """The versions of each locked package, without the name of a build; and the packages that every machine has."""
    locked: dict[str, set[str]] = {}
    required: set[str] = set()
    for name in LOCKS:
        text = (folder / name).read_text(encoding="utf-8") if (folder / name).is_file() else ""
        for package, version, marker in re.findall(r"^([a-z0-9._-]+)(?:\[.*?\])?==(\S+)( ;)?", text, re.MULTILINE):
            locked.setdefault(package, set()).add(version.partition("+")[0])
            if not marker:  # what a marker leaves out on this machine need not be there
                required.add(package)
    return locked, required


def _gpus() -> Iterator[Finding]:
    """Driver and GPUs, as nvidia-smi says, and whether torch can use them."""
    command = shutil.which("nvidia-smi")
    listed: list[str] = []
    if command:
        asked = [command, "--query-gpu=driver_version,name,memory.total", "--format=csv,noheader"]
        try:
            done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=30)
        except (subprocess.TimeoutExpired, OSError) as error:
            yield Finding("driver", "fault", f"{command}: {error}", "Restart the machine, or mend its driver.")
            return
        listed = done.stdout.splitlines() if done.returncode == 0 else []
    try:
        import torch
    except (ImportError, OSError):
        return
    if not listed:
        yield Finding("driver", "ok", "no NVIDIA driver: everything runs on the CPU")
    else:
        driver = listed[0].partition(",")[0]
        is_old = torch.version.cuda is not None and int(driver.partition(".")[0]) < DRIVER
        advice = f"CUDA {torch.version.cuda} needs driver {DRIVER} or later." if is_old else ""
        yield Finding("driver", "fault" if is_old else "ok", driver, advice)
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        has = "has" if torch.cuda.is_bf16_supported() else "has not"
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        yield Finding("GPUs", "ok", f"{len(names)}: {', '.join(names)}, {memory:.0f} GiB each; {has} bfloat16")
    elif listed:
        gpus = "; ".join(line.partition(", ")[2] for line in listed)
        why = "This torch is built for the CPU only: rm -rf .venv; make setup CUDA=1"
        if torch.version.cuda:
            why = "torch cannot use them. In a container: docker run --gpus all …"
        yield Finding("GPUs", "fault" if torch.version.cuda else "warning", gpus, why)
    else:
        yield Finding("GPUs", "ok", "none")


def _bits(project: Path) -> Finding:
    reasons = other_bits(project)
    if reasons:
        advice = "Scores may differ from the reference's as those of other seeds do; `xit verify` compares the words."
        return Finding("bits", "warning", f"others than the reference's: {'; '.join(reasons)}", advice)
    return Finding("bits", "ok", "those of the reference")


def other_bits(project: Path) -> list[str]:
    """Why the default experiment need not end here in the bits of the committed reference; nothing where it does."""
    reasons = [instructions.lack()]
    if shutil.which("nvidia-smi"):
        reasons.append("training takes the GPU")
    with contextlib.suppress(ConfigError, OSError):
        chosen = config.load(project / "params.yaml").compute.instructions
        reasons.append("" if chosen == PINNED else f"compute.instructions is {chosen}")
    locked = _locked(project / "requirements")[0].get("torch", set())
    installed = importlib.metadata.version("torch").partition("+")[0]
    if locked and installed not in locked:
        reasons.append(f"torch is {installed}, locked {' or '.join(sorted(locked))}")
    return [reason for reason in reasons if reason]


def _cores() -> Finding:
    count = machine.cores()
    if count < 2:
        return Finding("cores", "warning", "1", "JOBS=1: two stage instances side by side want a core each.")
    return Finding("cores", "ok", str(count))


def _memory() -> Finding:
    size = machine.memory_gib()
    if size < MEMORY_GB:
        return Finding("memory", "warning", f"{size:.1f} GiB", f"Under {MEMORY_GB} GiB: JOBS=1.")
    return Finding("memory", "ok", f"{size:.1f} GiB")


def _disk(project: Path) -> Finding:
    free = shutil.disk_usage(project).free / 1e9
    if free < DISK_GB:
        status: Literal["warning", "fault"] = "fault" if free < 1 else "warning"
        return Finding("disk", status, f"{free:.1f} GB free", f"Make room: {DISK_GB} GB do for the default experiment.")
    return Finding("disk", "ok", f"{free:.0f} GB free")


def _writing(name: str, folder: Path, advice: str) -> Finding:
    """Whether a file can be made in a folder."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            pass
    except OSError as error:
        return Finding(name, "fault", f"{folder.resolve()}: {error.strerror}", advice)
    return Finding(name, "ok", str(folder.resolve()))


def _parameters(project: Path) -> Finding:
    path = project / "params.yaml"
    if not path.is_file():
        return Finding("params.yaml", "warning", f"none in {project.resolve()}", "Run it in the project's folder.")
    try:
        loaded = config.load(path)
    except ConfigError as error:
        return Finding("params.yaml", "fault", "; ".join(str(error).splitlines()), "Correct these.")
    return Finding("params.yaml", "ok", f"source {loaded.source}, {len(loaded.grid.encoders)} encoders")


def _hub(project: Path, is_offline: bool) -> Finding:
    """Whether the Hugging Face Hub answers; a token is told, not shown."""
    import huggingface_hub
    from huggingface_hub import constants

    try:
        settings = config.load(project / "params.yaml")
        needs = settings.source == "hub" and not settings.hub.is_offline
    except ConfigError:
        needs = False
    token = "a token is set" if huggingface_hub.get_token() else "no token is set"
    if is_offline or constants.HF_HUB_OFFLINE:
        return Finding("Hub", "ok", f"not asked, offline; {token}")
    try:
        status = huggingface_hub.get_session().head(constants.ENDPOINT, timeout=HUB_SECONDS).status_code
    except Exception as error:  # of the HTTP library, whichever huggingface_hub has
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        found = f"{constants.ENDPOINT} is not reached: {reason}"
        advice = "source: micro and files need no network; of hub, hub.is_offline: true takes what is cached."
        return Finding("Hub", "fault" if needs else "warning", found, advice)
    return Finding("Hub", "ok", f"{constants.ENDPOINT} answers {status}; {token}")


def cache(folder: Path) -> Finding:
    """Whether each object of DVC's cache is what its name says."""
    objects, damaged = repair.damaged(folder)
    if damaged:
        advice = f"rm -f {' '.join(map(str, damaged))}; what is wanted of it is made again."
        return Finding("DVC cache", "fault", f"{len(damaged)} of {len(objects):,} are not what their names say", advice)
    size = sum(path.stat().st_size for path in objects) / 1e6
    return Finding("DVC cache", "ok", f"{len(objects):,} objects, {size:,.0f} MB, all whole")
