"""Stage instances side by side, on a toy pipeline: what runs, what a failure tells, and that nothing outlives a run."""

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from dvc.repo import Repo

from xit.core.errors import XitError
from xit.pipeline import overlay, runner

PROJECT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # DVC's own, of pygtrie

PIPELINE = """
stages:
  make:
    matrix: {letter: [a, b]}
    cmd: sh make.sh ${item.letter}
    deps: [make.sh, "${item.letter}.in"]
    outs: ["${item.letter}.out"]
  join:
    cmd: cat a.out b.out > both
    deps: [a.out, b.out]
    outs: [both]
"""
COPY = "cp $1.in $1.out"
WAIT = "echo $$ > $1.pid; touch $1.started; while ! test -e go; do sleep 0.05; done; cp $1.in $1.out"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A pipeline that makes a.out and b.out of a.in and b.in, and joins them."""
    shutil.copyfile(PROJECT / "params.yaml", tmp_path / "params.yaml")
    overlay.prepare(tmp_path, "default", None)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "make.sh").write_text(COPY)
    (tmp_path / "a.in").write_text("A")
    (tmp_path / "b.in").write_text("B")
    return tmp_path


@pytest.fixture
def finished(root: Path) -> Path:
    """The same, all made."""
    with contextlib.chdir(root), Repo(str(root)) as repo:
        repo.reproduce()
    return root


def run(root: Path, jobs: int = 2) -> list[str]:
    """Run what is stale; what started (+) and ended (-), in order."""
    events: list[runner.Event] = []
    runner.run(root, jobs, events.append)
    signs = {"started": "+", "done": "-", "failed": "!", "lost": "?"}
    return [signs[event.state] + event.instance for event in events]


def reproduce(root: Path) -> "subprocess.Popen[str]":
    """The same from the command line."""
    xit = Path(sys.executable).with_name("xit")
    return subprocess.Popen([xit, "reproduce"], cwd=root, stderr=subprocess.PIPE, text=True)


def wait_for(*paths: Path) -> None:
    deadline = time.monotonic() + 60
    while not all(path.exists() for path in paths):
        assert time.monotonic() < deadline, f"never made: {[path.name for path in paths if not path.exists()]}"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process still runs; one that has ended and that nobody has asked after (a zombie) does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_independent_instances_run_side_by_side_and_dependents_wait(root: Path) -> None:
    assert run(root)[:2] == ["+make@a", "+make@b"]
    assert (root / "both").read_text() == "AB"


def test_one_job_runs_one_instance_at_a_time(root: Path) -> None:
    assert run(root, jobs=1) == ["+make@a", "-make@a", "+make@b", "-make@b", "+join", "-join"]


def test_what_is_up_to_date_does_not_run_again(finished: Path) -> None:
    assert run(finished) == []


def test_a_change_is_planned_with_what_hangs_on_it_and_nothing_else(finished: Path) -> None:
    (finished / "a.in").write_text("changed")

    plan = runner.plan(finished)

    assert plan.changed == {"make@a"}
    assert plan.needs == {"make@a": frozenset(), "join": frozenset({"make@a"})}


def test_a_stage_alone_runs_with_what_it_needs_and_the_rest_stays_stale(root: Path) -> None:
    ran = runner.run(root, 2, lambda event: None, only="make")

    assert ran == 2
    assert runner.plan(root).instances == ("join",)
    assert runner.run(root, 2, lambda event: None, only="make") == 0
    assert run(root) == ["+join", "-join"]


def test_an_instance_waits_for_another_whose_work_it_uses_if_that_runs_too(root: Path) -> None:
    events: list[runner.Event] = []

    runner.run(root, 2, events.append, after={"make@a": "make@b", "make@b": "make@c"})

    order = [(event.instance, event.state) for event in events]
    assert order.index(("make@b", "done")) < order.index(("make@a", "started"))


def test_a_failing_instance_tells_its_own_message_and_the_rest_is_kept(root: Path) -> None:
    (root / "make.sh").write_text(f"test $1 = b || {{ echo the lamp is purple >&2; exit 3; }}; sleep 1; {COPY}")

    with pytest.raises(XitError, match=r"make@a: failed\. the lamp is purple\n\(log: .*/logs/make@a\.log\)$"):
        run(root)

    assert (root / "b.out").read_text() == "B"
    assert not (root / "both").exists()
    assert set(runner.plan(root).instances) == {"make@a", "join"}


def test_a_failure_of_dvc_itself_is_told_too(root: Path) -> None:
    cache = root / ".dvc" / "cache"
    cache.mkdir(exist_ok=True)
    (cache / "files").write_text("no folder, so that nothing can be stored")

    with pytest.raises(XitError, match=r"make@a: failed\. .*Not a directory"):
        run(root)


def test_a_broken_pipeline_file_is_named_with_its_fault(root: Path) -> None:
    (root / "dvc.yaml").write_text(PIPELINE.replace("outs: [both]", "out: [both]"))

    with pytest.raises(XitError, match=r"dvc\.yaml(.|\n)*extra keys not allowed"):
        run(root)


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("<<<<<<< HEAD\nschema: '2.0'\n", r"line 1 is a mark of a merge that git could not finish \('<<<<<<< HEAD'\)"),
        ("schema: '2.0'\nstages:\n  make@a: {cmd", "cut short, as by a kill"),
        ("[]\n", r"not as DVC writes it \(.*\)"),
    ],
)
def test_a_plan_tells_what_is_wrong_with_the_lock_and_leaves_it(root: Path, content: str, wrong: str) -> None:
    (root / "dvc.lock").write_text(content)

    with pytest.raises(
        XitError, match=rf"^{root}/dvc.lock: {wrong}\. `xit reproduce` mends it, and trains nothing again\.$"
    ):
        runner.plan(root)
    assert (root / "dvc.lock").read_text() == content


def test_a_busy_dvc_is_a_message_and_not_a_traceback(root: Path) -> None:
    with (
        Repo(str(root)) as repo,
        repo.lock,
        pytest.raises(XitError, match="Unable to acquire lock"),
    ):
        runner.plan(root)


@pytest.mark.slow
def test_a_second_run_in_the_same_folder_is_refused_and_the_first_goes_on(root: Path) -> None:
    (root / "make.sh").write_text(WAIT)
    first = reproduce(root)
    wait_for(root / "a.started", root / "b.started")

    with pytest.raises(XitError, match=rf"another run is under way in this folder \(process {first.pid}"):
        run(root)
    (root / "go").touch()
    first.communicate(timeout=60)

    assert (root / "both").read_text() == "AB"


@pytest.mark.slow
def test_instances_end_with_a_run_that_was_killed_and_start_again(root: Path) -> None:
    (root / "make.sh").write_text(WAIT)
    killed = reproduce(root)
    wait_for(root / "a.started", root / "b.started")
    pids = [int((root / f"{letter}.pid").read_text()) for letter in "ab"]

    killed.kill()
    killed.communicate(timeout=60)
    (root / "go").touch()
    ran = run(root)

    assert not any(map(is_alive, pids))
    assert sorted(ran) == ["+join", "+make@a", "+make@b", "-join", "-make@a", "-make@b"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupted_run_stops_its_instances_and_goes_on_later(root: Path, number: signal.Signals) -> None:
    (root / "make.sh").write_text(WAIT)
    stopped = reproduce(root)
    wait_for(root / "a.started", root / "b.started")
    pids = [int((root / f"{letter}.pid").read_text()) for letter in "ab"]

    stopped.send_signal(number)
    _, said = stopped.communicate(timeout=60)
    (root / "go").touch()

    assert stopped.returncode == 130
    assert "run the same command again to go on where it stopped" in said
    assert not any(map(is_alive, pids))
    assert sorted(run(root)) == ["+join", "+make@a", "+make@b", "-join", "-make@a", "-make@b"]
