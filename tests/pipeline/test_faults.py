"""What goes wrong around the experiment: disks, locks, caches, clocks, memory. Each ends in the same bits or a message.

`make torture` runs these and scripts/torture.py. A message names the file and what to do, and is never a traceback.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from xit.pipeline import runner

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import torture  # noqa: E402

pytestmark = [
    pytest.mark.torture,
    pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning"),  # DVC's own, of pygtrie
]
TOKEN = "hf_planted_token"
XIT = Path(sys.executable).with_name("xit")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny experiment of one encoder, made by `xit reproduce`."""
    root = torture.prepared(tmp_path_factory.mktemp("faults") / "finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", TOKEN)
        done = reproduce(root)
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "copy", symlinks=True)


def xit(root: Path, *arguments: str, prefix: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    """Run a command; whatever happens, it ends without a traceback."""
    done = subprocess.run([*prefix, XIT, *arguments], cwd=root, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def reproduce(root: Path) -> "subprocess.CompletedProcess[str]":
    return xit(root, "reproduce")


def bits(root: Path) -> dict[str, list[tuple[str, str]]]:
    """The outputs of each instance with their hashes, and that DVC finds them so."""
    assert not runner.plan(root).instances
    stages = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {name: [(out["path"], out["md5"]) for out in facts["outs"]] for name, facts in stages.items()}


@contextlib.contextmanager
def mounted(folder: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A small disk of its own; gives a function that mounts it anew with other options."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True) and None
    finally:
        subprocess.run(["umount", folder], check=True)


def flip(path: Path, place: float = 0.5) -> None:
    """Change one bit, and leave all that a file system tells of a file as it was."""
    facts, content = path.stat(), bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(facts.st_mode)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])


def test_a_few_kills_are_recovered() -> None:
    command = [sys.executable, ROOT / "scripts/torture.py", "--kills", "12", "--seed", "1"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert re.search(r"^(\d+) kills in(.|\n)*\n\1 recovered to the same bits, 0 lost\n$", done.stdout, re.MULTILINE)
    assert done.returncode == 0


def test_no_file_of_an_experiment_has_the_token(finished: Path) -> None:
    files = [path for path in finished.rglob("*") if path.is_file()]

    assert {"dvc.lock", "lineage.json", "audit.json", "paper.log"} <= {path.name for path in files}
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []


def cut_in_an_entry(path: Path) -> str:
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"path: ", 0, len(content) * 6 // 10) + 6])
    return "cut short, as by a kill"


def merge(path: Path) -> str:
    content = path.read_text(encoding="utf-8")
    path.write_text(f"<<<<<<< HEAD\n{content}=======\n{content}>>>>>>> other\n", encoding="utf-8")
    return "line 1 is a mark of a merge that git could not finish"


# Disks


def test_a_full_disk_is_told_and_it_goes_on_where_there_is_room(finished: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "5m") as remount:
        root = torture.prepared(tmp_path / "disk" / "project")

        full = reproduce(root)
        outs = [out for facts in torture.instances(root) for out in facts.outs]
        whole = torture.files(finished, outs)
        unlike = [name for name, content in torture.files(root, outs).items() if whole.get(name) != content]
        remount("size=100m")
        roomy = reproduce(root)

        assert (full.returncode, roomy.returncode) == (1, 0), roomy.stderr
        assert "No space left on device" in full.stderr
        assert unlike == []
        assert bits(root) == bits(finished)


def test_a_stage_on_a_full_disk_leaves_nothing_that_looks_finished(finished: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "36k") as remount:
        shutil.copyfile(finished / "params.yaml", tmp_path / "disk/params.yaml")

        full = xit(tmp_path / "disk", "data", "text")

        assert (full.returncode, full.stderr.count("\n")) == (1, 1)
        assert re.match(r"xit: data/text\S*: No space left on device\. No partial file was left behind", full.stderr)
        assert not (tmp_path / "disk/data/text").exists()
        remount("size=10m")
        assert xit(tmp_path / "disk", "data", "text").returncode == 0
        assert torture.files(tmp_path / "disk", ["data/text"]) == torture.files(finished, ["data/text"])


def test_a_disk_that_cannot_be_written_is_told(finished: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "100m") as remount:
        root = torture.prepared(tmp_path / "disk" / "project")
        remount("ro")

        stage, all_of_it, doctor = (xit(root, *a) for a in (["data", "text"], ["reproduce"], ["doctor", "--offline"]))

        assert (stage.returncode, all_of_it.returncode, doctor.returncode) == (1, 1, 1)
        assert re.match(r"xit: data\S*: Read-only file system\. No partial file was left behind", stage.stderr)
        assert re.match(r"xit: .*Read-only file system", all_of_it.stderr)
        assert re.search(r"^fault +writing .*Read-only file system", doctor.stdout, re.MULTILINE)


# Several at once


def test_two_at_once_are_one_and_a_refusal(root: Path, finished: Path) -> None:
    shutil.rmtree(root / "data")
    both = [subprocess.Popen([XIT, "reproduce"], cwd=root, stderr=subprocess.PIPE, text=True) for _ in range(2)]

    said = [process.communicate()[1] for process in both]

    assert sorted(process.returncode for process in both) == [0, 1]
    assert "another run is under way in this folder" in "".join(said)
    assert bits(root) == bits(finished)


# What is damaged on the disk


@pytest.mark.parametrize("damage", [cut_in_an_entry, merge])
def test_a_lock_that_cannot_be_read_is_set_aside_and_nothing_is_trained_again(
    damage: Callable[[Path], str], root: Path, finished: Path
) -> None:
    wrong = damage(root / "dvc.lock")
    (root / ".dvc/tmp/rwlock").write_text('{"re')
    models = {path: path.stat().st_mtime_ns for path in root.glob("models/**/lineage.json")}

    done = reproduce(root)

    assert done.returncode == 0, done.stderr
    assert re.search(rf"dvc.lock: {wrong}.*; it is set aside as dvc.lock.broken", done.stderr)
    assert bits(root) == bits(finished)
    assert {path: path.stat().st_mtime_ns for path in models} == models


def test_a_damaged_object_of_the_cache_is_named_removed_and_made_anew(root: Path, finished: Path) -> None:
    lock = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))["stages"]["data@mnli"]["outs"][0]["md5"]
    cache = root / ".dvc/cache/files/md5"
    listing = json.loads((cache / lock[:2] / lock[2:]).read_bytes())
    (name,) = [entry["md5"] for entry in listing if entry["relpath"] == "train.parquet"]
    flip(cache / name[:2] / name[2:])
    shutil.rmtree(root / "data/mnli")

    first = reproduce(root)
    doctor = xit(root, "doctor", "--offline", "--cache")
    (command,) = re.findall(r"rm -f (\S+);", doctor.stdout)
    (root / command).unlink()
    second = reproduce(root)

    assert (first.returncode, doctor.returncode, second.returncode) == (1, 1, 0), second.stderr
    assert re.search(r"data@mnli: failed\. \S*/data/mnli/train\.parquet: came damaged out of DVC's cache", first.stderr)
    assert command == f".dvc/cache/files/md5/{name[:2]}/{name[2:]}"
    assert bits(root) == bits(finished)


FILES = {
    "data/mnli/train.parquet": ("intermediate", "lstm", "mnli"),
    "models/pretrained/lstm/1/model.safetensors": ("intermediate", "lstm", "mnli"),
    "models/pretrained/lstm/1/tokenizer.json": ("intermediate", "lstm", "mnli"),
    "models/finetuned/lstm/xnli/mnli/1/head.safetensors": ("evaluate", "lstm", "xnli"),
    "models/finetuned/lstm/xnli/mnli/1/head.json": ("evaluate", "lstm", "xnli"),
    "evaluations/lstm/xnli/mnli/1/scores.json": ("collect",),
    "results/scores.csv": ("paper",),
    "tokenizer/tokenizer.json": ("pretrain", "lstm"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_named_by_its_stage_and_made_again_by_all_of_it(
    name: str, root: Path, finished: Path
) -> None:
    cut(root / name)
    for out in (out for facts in torture.instances(root) if facts.arguments == FILES[name] for out in facts.outs):
        torture.clear(root, [out])

    stage, all_of_it = xit(root, *FILES[name]), reproduce(root)

    assert stage.returncode == 1
    assert re.match(rf"xit: \S*{re.escape(name)}", stage.stderr), stage.stderr
    assert all_of_it.returncode == 0, all_of_it.stderr
    assert bits(root) == bits(finished)


# Clocks


@pytest.mark.parametrize("moment", [0, 4102444800], ids=["1970", "2100"])
def test_a_clock_that_jumped_changes_no_bit(moment: int, root: Path, finished: Path) -> None:
    for path in root.rglob("*"):
        if path.is_file() and ".dvc/cache" not in path.as_posix():
            os.utime(path, (moment, moment))
    torture.clear(root, ["models", "evaluations", ".dvc/cache"])  # so that they are made again

    done = reproduce(root)

    assert done.returncode == 0, done.stderr
    assert bits(root) == bits(finished)


# Memory


def test_a_stage_without_memory_says_so(root: Path) -> None:
    torture.clear(root, ["models/pretrained/lstm"])
    parameters = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    parameters["pretraining"]["batch_size"] = 1_000_000
    (root / "params.yaml").write_text(yaml.safe_dump(parameters), encoding="utf-8")

    done = xit(root, "pretrain", "lstm", prefix=("prlimit", "--data=3000000000", "--"))

    assert done.returncode == 1
    assert re.match(r"xit: out of memory .*allocate.*Less at once: JOBS=1, more micro_batches", done.stderr)
    assert torture.files(root, ["models/pretrained"]) == {}


def test_a_stage_that_the_system_kills_says_so_and_goes_on_later(root: Path, finished: Path) -> None:
    torture.clear(root, ["models/intermediate/lstm/mnli", ".dvc/cache", "evaluations"])
    (root / "params.yaml").write_text((root / "params.yaml").read_text().replace("save_every: 10", "save_every: 1"))
    running = subprocess.Popen([XIT, "reproduce"], cwd=root, stderr=subprocess.PIPE, text=True)
    while not list(root.glob("models/**/*.partial/state.pt")):
        assert running.poll() is None
        time.sleep(0.02)
    victims = [pid for pid in (int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()) if is_stage(pid, root)]
    os.kill(max(victims, key=ticks), signal.SIGKILL)  # the one that trains; others may not have begun

    _, said = running.communicate()

    assert running.returncode == 1
    assert "It was killed, as the system does where memory is short: JOBS=1, or smaller batches" in said
    assert reproduce(root).returncode == 0
    assert torture.files(root, ["results"]) == torture.files(finished, ["results"])


def is_stage(pid: int, root: Path) -> bool:
    """Whether a process is a stage's own: in this folder, as the one that forked it (DVC) is, and without a child."""
    try:
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        here = [Path(f"/proc/{each}/cwd").readlink() == root for each in (pid, parent)]
        words = [Path(f"/proc/{each}/cmdline").read_text() for each in (pid, parent)]
        return all(here) and all("forkserver" in each for each in words) and not _children(pid)
    except (OSError, IndexError):
        return False


def ticks(pid: int) -> int:
    """Of processor time."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def _children(pid: int) -> str:
    return "".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
