"""`xit doctor`: what it says of a machine that lacks something; offline it opens no socket, and it tells no secret."""

import hashlib
import importlib.metadata
import json
import re
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from hub_server import HubServer
from huggingface_hub import constants

from xit import cli
from xit.core import instructions
from xit.pipeline import doctor

ROOT = Path(__file__).parents[2]
OBJECT = hashlib.md5(b"whole").hexdigest()


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["xit", "doctor", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def test_packages_that_are_not_as_locked_are_named_and_those_of_other_machines_are_not(tmp_path: Path) -> None:
    lines = (
        "numpy==0.1 \\",
        "    --hash=sha256:00",
        "no-such-package==1.0 \\",
        "of-others==1 ; sys_platform == 'win32'",
    )
    (tmp_path / "base.lock").write_text("\n".join(lines))

    found = doctor._versions(tmp_path)

    assert found.status == "fault"
    assert re.fullmatch(r"no-such-package is not installed; numpy is [\d.]+, locked 0\.1", found.found)


def test_the_hub_is_asked_and_a_token_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_planted")
    monkeypatch.setattr(doctor, "HUB_SECONDS", 60)
    with HubServer.serving({}) as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        answered = doctor._hub(ROOT, is_offline=False)
    huggingface_hub.close_session()
    refused = doctor._hub(ROOT, is_offline=False)

    assert (answered.status, refused.status) == ("ok", "warning")
    assert "a token is set" in answered.found
    assert "is not reached" in refused.found
    assert "hf_planted" not in str(answered) + str(refused)


def test_offline_opens_no_socket_and_everything_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    def refuse(*arguments: Any, **others: Any) -> None:
        raise AssertionError("a socket was opened")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.chdir(ROOT)

    run(["--offline", "--json", str(tmp_path / "found.json")], monkeypatch)

    found = {finding["name"]: finding for finding in json.loads((tmp_path / "found.json").read_text())}
    assert list(found)[:6] == ["packages", "driver", "GPUs", "bits", "cores", "memory"]
    assert list(found)[6:] == ["disk", "writing", "home", "params.yaml", "Hub"]
    assert found["Hub"]["found"].startswith("not asked, offline")
    assert re.search(r"^ok +home +/\S+$", capfd.readouterr().out, re.MULTILINE)


def test_a_fault_exits_with_1_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    (tmp_path / "params.yaml").write_text("source: macro\n")
    monkeypatch.chdir(tmp_path)

    code = run(["--offline"], monkeypatch)

    out = capfd.readouterr().out
    assert code == 1
    assert re.search(r"^fault +params.yaml +params.yaml: source: .*'micro'.*\n +Correct these\.$", out, re.MULTILINE)


def test_a_folder_that_cannot_be_written_is_a_fault() -> None:
    assert doctor._writing("writing", Path("/proc"), "").status == "fault"


def test_gpus_that_this_torch_cannot_use_are_told_with_their_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\necho '535.104.05, NVIDIA L4, 23034 MiB'\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    import torch

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    driver, gpus = doctor._gpus()

    assert (driver.status, driver.found) == ("fault", "535.104.05")
    assert driver.advice == "CUDA 13.0 needs driver 580 or later."
    assert (gpus.status, gpus.found) == ("fault", "NVIDIA L4, 23034 MiB")
    assert "--gpus all" in gpus.advice


def test_an_object_of_the_cache_that_is_not_what_its_name_says_is_named(tmp_path: Path) -> None:
    whole, folder = tmp_path / OBJECT[:2] / OBJECT[2:], tmp_path / OBJECT[:2] / f"{OBJECT[2:]}.dir"
    whole.parent.mkdir()
    whole.write_bytes(b"whole")
    folder.write_bytes(b"whole")
    assert doctor.cache(tmp_path).found == "2 objects, 0 MB, all whole"

    whole.write_bytes(b"whale")

    found = doctor.cache(tmp_path)
    assert (found.status, found.found) == ("fault", "1 of 2 are not what their names say")
    assert found.advice == f"rm -f {whole}; what is wanted of it is made again."


@pytest.fixture
def like_the_reference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project on a machine as the reference was made on."""
    monkeypatch.setattr(instructions, "lack", lambda: "")
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    (tmp_path / "requirements").mkdir()
    version = importlib.metadata.version("torch").partition("+")[0]
    (tmp_path / "requirements/cuda.lock").write_text(f"torch=={version} \\\n")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path


def test_a_machine_like_that_of_the_reference_gives_its_bits(like_the_reference: Path) -> None:
    found = doctor._bits(like_the_reference)

    assert (found.status, found.found, found.advice) == ("ok", "those of the reference", "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda patch, _: patch.setattr(instructions, "lack", lambda: "the processor has no avx2"), "has no avx2"),
        (lambda patch, _: patch.setattr(doctor.shutil, "which", lambda _: "/bin/x"), "training takes the GPU"),
        (
            lambda _, root: (root / "params.yaml").write_text(
                (root / "params.yaml").read_text().replace("instructions: compatible", "instructions: native")
            ),
            "compute.instructions is native",
        ),
        (lambda _, root: (root / "requirements/cuda.lock").write_text("torch==1.0 \\\n"), r"torch is .*, locked 1\.0"),
    ],
    ids=["no AVX2", "GPU", "native", "another torch"],
)
def test_what_keeps_a_machine_from_the_bits_of_the_reference_is_told(
    change: Any, reason: str, like_the_reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch, like_the_reference)

    found = doctor._bits(like_the_reference)

    assert found.status == "warning"
    assert re.search(f"others than the reference's: .*{reason}", found.found)
    assert "xit verify" in found.advice
