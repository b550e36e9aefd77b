"""Remotes: what one machine made, another pulls from a folder or from S3, and writes the paper without training."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from small_experiment import PROJECT

from xit.pipeline import runner

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning"),  # DVC's own, of pygtrie
]

BINARIES = Path(sys.executable).parent
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


def run(folder: Path, *command: str) -> str:
    path = os.pathsep.join([str(BINARIES), os.environ["PATH"]])
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **KEYS, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def commit(root: Path, message: str) -> None:
    run(root, "git", "add", ".")
    run(root, "git", "-c", "user.name=Ida", "-c", "user.email=ida@example.org", "commit", "--quiet", "-m", message)


@pytest.fixture(scope="module")
def project(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small experiment in a git repository of its own: dvc.lock is in it, and what was made is in DVC's cache."""
    root = shutil.copytree(finished, tmp_path_factory.mktemp("project") / "tiny", symlinks=True)
    for name in (".gitignore", ".dvcignore", ".dvc/config", ".dvc/.gitignore"):
        shutil.copyfile(PROJECT / name, root / name)
    run(root, "git", "init", "--quiet")
    commit(root, "The small experiment")
    return root


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of an S3 server on this machine, with a bucket `xit`."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys).create_bucket(Bucket="xit")
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.parametrize("kind", ["folder", pytest.param("s3", marks=pytest.mark.rehearsal)])
def test_a_fresh_clone_pulls_and_writes_the_paper_without_training(
    kind: str, project: Path, bucket: str, tmp_path: Path
) -> None:
    if kind == "folder":
        run(project, "dvc", "remote", "add", "--force", "--default", "store", str(tmp_path / "store"))
    else:
        run(project, "dvc", "remote", "add", "--force", "--default", "store", "s3://xit/experiment")
        run(project, "dvc", "remote", "modify", "store", "endpointurl", bucket)
    commit(project, f"A remote: {kind}")
    run(project, "dvc", "push")

    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "--quiet", str(project), str(clone))
    assert not any((clone / name).exists() for name in ("models", "results", "paper/generated", "paper/main.pdf"))
    assert run(project, "git", "status", "--porcelain") == ""
    run(clone, "dvc", "pull")
    assert (clone / "paper/main.pdf").read_bytes() == (project / "paper/main.pdf").read_bytes()
    figures = {path.name: path.read_bytes() for path in (clone / "paper/generated/tables").iterdir()}
    shutil.rmtree(clone / "paper/generated")
    run(clone, "xit", "paper")

    assert {path.name: path.read_bytes() for path in (clone / "paper/generated/tables").iterdir()} == figures
    assert len(figures) > 10
    assert (clone / "models/finetuned/lstm/udpos/mnli/1/model.safetensors").is_file()
    run(clone, "dvc", "status", "--quiet")
    assert runner.run(clone, 2, lambda event: None) == 0
