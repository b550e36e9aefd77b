"""Odd circumstances: terminals of other encodings, users without a home, colours that nobody wants, an early Ctrl-C."""

import io
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fast_cases import fast

from xit.cli import environment, terminal
from xit.core import instructions
from xit.pipeline import config

ROOT = Path(__file__).parents[2]
XIT = [sys.executable, "-c", "from xit.cli import main; main()"]


def run(
    *arguments: str, before: tuple[str, ...] = (), folder: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """The command line in the project's folder or another, with nothing in its environment but what is given."""
    environment |= {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [*before, *XIT, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False, timeout=300)


@pytest.mark.skipif(bool(instructions.lack()), reason="nothing can be pinned here")
def test_a_checkpoint_from_elsewhere_is_computed_with_the_faster_instructions(tmp_path: Path) -> None:
    settings, ours = config.load(ROOT / "params.yaml"), tmp_path / "ours"
    ours.mkdir()
    (ours / "lineage.json").write_text("{}")

    def chosen(*checkpoints: str | Path) -> str:
        computed = environment.computing(settings, checkpoints).compute.instructions
        assert computed == instructions.applied()
        return computed

    assert (chosen(), chosen(ours), chosen(ours, tmp_path), chosen("someone/encoder")) == (
        "compatible",
        "compatible",
        "avx2",
        "avx2",
    )


@pytest.mark.parametrize(
    ("encoding", "line"),
    [
        ("utf-8", "−1.0 → “müde”, 半 …"),
        ("latin-1", "-1.0 -> ?müde?, ? ..."),
        ("cp1252", "-1.0 -> “müde”, ? …"),
        ("ascii", "-1.0 -> ?mude?, ? ..."),
    ],
)
def test_what_a_terminal_cannot_show_is_replaced_on_both_streams_and_json_stays_utf_8(
    encoding: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    terminal.prepare()

    text = "−1.0 → “müde”, 半 …"
    terminal.print_lines([text])
    terminal.show([text])
    terminal.print_json({"text": text})
    terminal.note(text)
    with pytest.raises(SystemExit):
        terminal.fail(text, 1)

    for stream in (out, err):
        stream.flush()
    printed, told = out.buffer.getvalue(), err.buffer.getvalue()  # type: ignore[attr-defined]
    shown, _, written = printed.partition(b"{")
    assert shown.decode(encoding).split("\n")[:2] == [line, line]
    assert json.loads(b"{" + written) == {"text": text}
    assert told.decode(encoding) == f"{line}\nxit: {line}\n"


@pytest.mark.slow
def test_a_name_that_is_no_unicode_is_shown_too(capfd: Any) -> None:
    done = run("eval", os.fsdecode(b"folder-\xff"), LC_ALL="C.UTF-8")

    assert done.returncode == 1
    assert b"xit: folder-?" in done.stderr


def test_a_whole_command_in_ascii_ends_well(tmp_path: Path) -> None:
    for name in ("params.yaml", "paper"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "results").mkdir()
    shutil.copy(ROOT / "paper/reference/micro/scores.csv.gz", tmp_path / "results")

    assert not run("claims", folder=tmp_path, PYTHONIOENCODING="utf-8").stdout.isascii()
    done = run("claims", folder=tmp_path, PYTHONIOENCODING="ascii:strict", LC_ALL="C")

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"claim" in done.stdout
    assert done.stdout.isascii()


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare, to be a user without a passwd entry")
@pytest.mark.parametrize(
    "home",
    fast(lambda home: "/not/there" in home.values(), [{}, {"HOME": "/"}, {"HOME": "/not/there"}]),
    ids=str,
)
def test_a_user_without_a_passwd_entry_and_a_home_can_work(home: dict[str, str], tmp_path: Path) -> None:
    other = ("unshare", "--user", "--map-user=54321", "--map-group=54321")
    if subprocess.run([*other, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody be another user")
    code = "import getpass, pathlib; print(getpass.getuser(), pathlib.Path.home())"
    if not home:  # torch asks for both, and takes seconds
        code = f"import torch; {code}"

    command = [*other, sys.executable, "-c", f"from xit.cli import environment as e; e.prepare(); {code}"]
    python = subprocess.run(
        command, env={"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), **home}, capture_output=True, check=True
    )

    assert python.stdout.decode().split() == ["user-54321", f"{tmp_path}/xit-home-54321"]
    assert (tmp_path / "xit-home-54321").stat().st_mode & 0o777 == 0o700
    if home == {"HOME": "/"}:
        done = run("doctor", "--offline", "--json", "-", before=other, TMPDIR=str(tmp_path), **home)

        found = {finding["name"]: finding for finding in json.loads(done.stdout)}
        assert done.stderr == b""
        assert found["home"] == {"name": "home", "status": "ok", "found": f"{tmp_path}/xit-home-54321", "advice": ""}


@pytest.mark.parametrize(("wish", "has_colours"), [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)])
def test_errors_have_no_colours_where_nobody_wants_them(wish: dict[str, str], has_colours: bool) -> None:
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm", **wish}

    subprocess.run([*XIT, "show", "xnly"], cwd=ROOT, env=environment, stderr=theirs, check=False)

    os.close(theirs)
    told = os.read(ours, 10_000)
    os.close(ours)
    assert b"xnly: no such task" in told
    assert (b"\x1b[" in told) == has_colours


@pytest.mark.parametrize(
    "arguments",
    [
        ("claims", "--json"),
        ("eval", "nothing", "--json"),
        ("audit", "--json"),
        ("analyse", "predictions", "--task", "xnli", "--csv"),
        ("report", "--out"),
        ("tune", "lstm", "--record"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_mistyped_path_makes_no_folder(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments, str(tmp_path / "mistyped" / "file"))

    assert done.returncode == 2
    assert f"xit: {arguments[-1]}: {tmp_path}/mistyped/file: there is no folder".encode() in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc, to see libraries being loaded")
def test_ctrl_c_while_torch_is_imported_ends_at_once() -> None:
    """By the kernel, so that nothing waits for libraries that load to their end; nothing is at stake yet."""
    code = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {XIT[-1]}"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "finetune", "lstm", "xnli"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    maps, deadline = Path(f"/proc/{process.pid}/maps"), time.monotonic() + 120
    while b"libtorch" not in maps.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.002)

    process.send_signal(signal.SIGINT)

    assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == -signal.SIGINT
