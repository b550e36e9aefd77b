"""The Makefile: a variable reaches the command as the user wrote it, and set-up asks for what is locked."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TORCH_INDEX = "https://example.org/simple"


def planned(*arguments: str) -> list[list[str]]:
    """The commands that make would run, as the shell would take them apart; also where make runs these tests."""
    environment = {"PATH": os.environ["PATH"]}  # nothing of a make that runs these tests
    done = subprocess.run(
        ["make", "--just-print", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return [shlex.split(line, comments=True) for line in done.stdout.replace("\\\n", " ").splitlines()]


@pytest.mark.parametrize(
    "value", ["a folder with blanks", "it's", 'say "x"', "a$b", "c$(d)", "e`f`", "g\\h", "i;j&k", "*"]
)
@pytest.mark.parametrize(
    ("variable", "option", "where"),
    [
        ("DATA", "--data", []),
        ("DATA", "--data", ["IN=docker"]),
        ("PROFILE", "--profile", []),
        ("PRESET", "--preset", ["IN=docker"]),
        ("EXECUTOR", "--executor", []),
        ("SCHEDULER", "--scheduler", []),
        ("JOBS", "--jobs", []),
    ],
)
def test_a_variable_of_reproduce_reaches_the_command_as_one_argument(
    variable: str, option: str, where: list[str], value: str
) -> None:
    command = planned("reproduce", *where, f"{variable}={value}")[-1]

    assert command[command.index("reproduce") - 1].endswith("xit")
    given = command[command.index(option) + 1]
    assert given == (f"{ROOT}/{value}" if variable == "DATA" else value)
    if (variable, where) == ("DATA", ["IN=docker"]):
        assert command[command.index(given + ":" + given + ":ro") - 1] == "--volume"


def test_an_absolute_data_folder_stays_as_it_is() -> None:
    assert planned("reproduce", "DATA=/a folder")[-1][-2:] == ["--data", "/a folder"]


@pytest.mark.parametrize("command", ["test", "test-all"])
def test_the_tests_can_be_chosen_by_words_of_their_names(command: str) -> None:
    assert planned(command, "K=lstm and not slow")[-1][:7] == [
        ".venv/bin/pytest",
        "-n",
        "auto",
        "--dist",
        "worksteal",
        "-k",
        "lstm and not slow",
    ]
    assert "-k" not in planned(command)[-1]


@pytest.mark.parametrize("command", ["reproduce", "smoke"])
def test_how_many_instances_run_at_once_is_left_to_the_machine(command: str) -> None:
    assert "--jobs" not in planned(command)[-1]
    assert planned(command, "JOBS=3")[-1][-2:] == ["--jobs", "3"]


@pytest.mark.parametrize("command", ["test", "test-all", "torture"])
def test_how_many_tests_run_at_once_can_be_chosen(command: str) -> None:
    assert planned(command, "JOBS=3")[-1][1:4] != planned(command)[-1][1:4]
    assert "auto" in planned(command)[-1]


def test_torch_is_installed_in_the_locked_versions_and_only_it_asks_a_second_index() -> None:
    """Without hashes, so that a CPU build may be taken; but what comes with torch is never newer than the lock."""
    commands = planned("environment", "VENV=.none", f"TORCH_INDEX={TORCH_INDEX}")
    installs = [command for command in commands if "install" in command]
    written = next(command for command in commands if command[0] == "sed")
    done = subprocess.run(written[: written.index(">")], cwd=ROOT, capture_output=True, text=True, check=True)

    assert [TORCH_INDEX in command for command in installs] == [False, True]
    assert installs[0][-1] == "requirements/base.lock"
    assert installs[1][-5:] == ["torch", "--constraint", written[-1], "--extra-index-url", TORCH_INDEX]
    versions = done.stdout.splitlines()
    locks = "".join((ROOT / "requirements" / name).read_text() for name in ("base.lock", "cuda.lock"))
    assert [line.strip() for line in versions] == [
        line.removesuffix("\\").strip() for line in re.findall(r"^[a-z0-9].*==.*$", locks, re.MULTILINE)
    ]
    assert len(versions) > 200
    assert not [line for line in versions if "sha256" in line or "[" in line]


def test_with_cuda_every_package_is_hashed() -> None:
    installs = [command for command in planned("environment", "VENV=.none", "CUDA=1") if "install" in command]

    assert all("--require-hashes" in command for command in installs)
    assert installs[1][-1] == "requirements/cuda.lock"
