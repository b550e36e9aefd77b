"""cluster/: the files that are copied to a cluster parse, and what they run exists."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from distributed.cli import dask_scheduler, dask_worker

from xit.cli.app import app

ROOT = Path(__file__).parents[2]
RECORDING = '#!/bin/bash\nprintf "%s\\n" "${0##*/}" "$@" "" >> "$RECORD"\n'
"""A command that writes down how it was called, an argument a line."""
NODE = RECORDING + '[ "$1" = -i ] && echo 10.0.0.7 10.0.0.8\nexit 0\n'
ENDING = RECORDING + "for name in dask srun; do until grep -qx $name $RECORD; do sleep 0.02; done; done\nexit 3\n"
STOPPING = RECORDING + 'trap "exit 130" TERM\ntouch running\nfor i in {1..600}; do sleep 0.05; done\n'


def check(command: list[str]) -> None:
    """What a command line names is there, with these options; nothing is run."""
    program, name, *arguments = command
    found: Any = {
        "xit": lambda: typer.main.get_group(app).commands[name],
        "dask": lambda: {"scheduler": dask_scheduler.main, "worker": dask_worker.main}[name],
    }[program]()
    found.make_context(name, list(arguments))


@pytest.fixture
def job(tmp_path: Path) -> Any:
    """The script in a project, with the commands that it runs replaced by ones that write down how they were called."""
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/activate").touch()
    commands = tmp_path / "commands"
    commands.mkdir()

    def start(xit: str, *arguments: str) -> subprocess.Popen[bytes]:
        for name, text in {"hostname": NODE, "dask": RECORDING, "srun": RECORDING, "xit": xit}.items():
            (commands / name).write_text(text)
            (commands / name).chmod(0o755)
        environment = {
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "RECORD": str(tmp_path / "record"),
            "SLURM_CPUS_PER_TASK": "8",
        }
        return subprocess.Popen(["bash", str(ROOT / "cluster/slurm.sh"), *arguments], cwd=tmp_path, env=environment)

    return start


def recorded(folder: Path) -> list[list[str]]:
    """The commands that were run."""
    return [part.splitlines() for part in (folder / "record").read_text().split("\n\n") if part.strip()]


def test_the_slurm_script_starts_scheduler_workers_and_the_run_and_ends_as_it_does(job: Any, tmp_path: Path) -> None:
    assert job(ENDING, "--profile", "reference").wait(timeout=60) == 3

    found = {command[0]: command for command in recorded(tmp_path)}
    assert found["xit"] == (
        "xit reproduce --profile reference --executor dask --scheduler tcp://10.0.0.7:8786".split()  # noqa: SIM905
    )
    assert found["srun"][1:4] == ["dask", "worker", "tcp://10.0.0.7:8786"]
    assert found["srun"][found["srun"].index("--nthreads") + 1] == "8"
    for command in (found["xit"], found["dask"], found["srun"][1:]):
        check(command)


def test_slurms_signal_stops_the_run_in_order(job: Any, tmp_path: Path) -> None:
    process = job(STOPPING)
    until = time.monotonic() + 60
    while not (tmp_path / "running").exists():
        assert time.monotonic() < until
        time.sleep(0.02)

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=60) == 130


def test_the_slurm_script_asks_slurm_before_its_first_command() -> None:
    lines = (ROOT / "cluster/slurm.sh").read_text(encoding="utf-8").splitlines()
    asked = [number for number, line in enumerate(lines) if line.startswith("#SBATCH --")]
    commands = [number for number, line in enumerate(lines) if line and not line.startswith("#")]

    assert len(asked) >= 8
    assert max(asked) < min(commands)  # sbatch passes over those behind it
    assert "--signal B:TERM@120" in "".join(lines)  # to the script, which hands it on


def test_kubernetes_gets_a_cluster_of_dask_and_a_job_that_finds_it() -> None:
    cluster, job = yaml.safe_load_all((ROOT / "cluster/kubernetes.yaml").read_text(encoding="utf-8"))
    (runner,) = job["spec"]["template"]["spec"]["containers"]
    (worker,) = cluster["spec"]["worker"]["spec"]["containers"]
    (scheduler,) = cluster["spec"]["scheduler"]["spec"]["containers"]

    assert (cluster["kind"], job["kind"]) == ("DaskCluster", "Job")
    check(runner["args"])
    check([*worker["args"], "tcp://xit-scheduler:8786"])  # the operator's environment names the scheduler
    check(scheduler["args"])
    assert f"tcp://{cluster['metadata']['name']}-scheduler:8786" in runner["args"]
    assert 8786 in [port["port"] for port in cluster["spec"]["scheduler"]["service"]["ports"]]
    for container in (runner, worker):
        (mount,) = container["volumeMounts"]
        assert container["workingDir"] == mount["mountPath"] == container["env"][0]["value"]
        assert container["image"] == scheduler["image"]
