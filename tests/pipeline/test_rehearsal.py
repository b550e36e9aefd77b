"""Profiles real and real-cpu from start to end: every command, on a loopback Hub with small stand-ins in true layout.

The stand-ins have few rows, so the copy of the package that runs here names no published counts; and the profile is
laid over with a few examples and steps. All else is what a user runs: `make rehearse` shows it with times and memory.
"""

import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import encoder_fixtures
import hub_fixtures
import pytest
import small_experiment
from hub_server import HubServer

from xit.core import registry
from xit.core.languages import facts
from xit.core.task import task_of
from xit.pipeline import config, overlay

PROJECT = Path(__file__).parents[2]
UNCOUNTED = '''

def uncounted(task):
    """Without published counts, which stand-ins do not have."""

    def without(place):
        return dataclasses.replace(place, count=None, fallbacks=tuple(map(without, place.fallbacks)))

    return dataclasses.replace(task, hub={split: tuple(map(without, places)) for split, places in task.hub.items()})
'''
FEW = {
    "hub": {"most_train": 8, "most_validation": 4, "most_test": 2, "most_candidates": 1},
    "seeds": [1],
    "compute": {"precision": "float32", "threads": 1},
    "training": {"restarts": 0},
}
STEPS = {"steps": 2, "epochs": None, "batch_size": 2, "max_length_tokens": 32, "validate_every": 1}


@pytest.fixture
def server() -> Iterator[HubServer]:
    repositories = {**hub_fixtures.repositories(), **dict(encoder_fixtures.Repositories())}
    with HubServer.serving(repositories) as running:
        yield running


def project_of(root: Path, profile: str) -> Path:
    """A copy of the project with the profile `rehearsal`, which is `profile` turned down."""
    small_experiment.copy_pipeline(root)
    for path in (root / "xit/tasks").glob("[a-z]*.py"):
        with path.open("a") as file:
            file.write("\nfrom xit.core.task import uncounted\n\ntask = uncounted(task)\n")
    with (root / "xit/core/task.py").open("a") as file:
        file.write(UNCOUNTED)
    values = overlay.parameters(PROJECT, profile)
    few = {section: dict.fromkeys(values[section], STEPS) for section in ("intermediate", "targets")}
    rates = {"tuning": {"learning_rates": [0.001, 0.002]}}
    turned_down = config.laid_over(config.read(PROJECT / f"profiles/{profile}.yaml"), {**FEW, **few, **rates})
    (root / "profiles/rehearsal.yaml").write_text(config.written(turned_down))
    return root


def cache_with_originals(folder: Path) -> Path:
    """A cache of the Hub that has the files which lie elsewhere: LASER2's and XQuAD-R's."""
    encoder_fixtures.put_laser(folder)
    place = task_of("lareqa").hub["test"][0].repository.partition("://")[2]
    for code, content in hub_fixtures.xquad_r().items():
        path = folder / "originals" / place.format(language=code, iso3=facts(code).iso3)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.mark.rehearsal
@pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # DVC's own, of pygtrie
@pytest.mark.parametrize("profile", ["real-cpu", "real"])
def test_a_profile_of_released_encoders_runs_from_the_hub_to_the_paper(
    profile: str, tmp_path: Path, server: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project_of(tmp_path / "project", profile)
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "HF_ENDPOINT": server.url,
        "HF_HUB_CACHE": str(cache_with_originals(tmp_path / "cache")),
    }

    def run(*command: str) -> str:
        xit = Path(sys.executable).with_name("xit")
        done = subprocess.run([xit, *command], cwd=root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout + done.stderr

    cost = json.loads(run("grid", "plan", "--profile", "rehearsal", "--json", "-"))["cost"]
    started = time.monotonic()
    run("reproduce", "--profile", "rehearsal", "--jobs", "2")
    seconds = time.monotonic() - started

    workspace = root / "workspaces/rehearsal"
    values = config.load(workspace / "params.yaml")
    with (workspace / "results/scores.csv").open() as file:
        found = {(row["encoder"], row["condition"], row["target"]) for row in csv.DictReader(file)}
    targets = (*values.grid.targets, *values.grid.bare_targets)
    wanted = {(e, c, t) for e in values.grid.encoders for c in values.grid.conditions for t in targets}
    assert found == wanted
    assert cost["sums"]["cpu_hours" if profile == "real-cpu" else "gpu_hours"] > 0
    for encoder in values.grid.encoders:
        assert set(values.encoders[encoder].learning_rates or {}) == set(values.tuning.tasks)
        shared = [
            workspace / f"models/finetuned/{encoder}/{name}/none/1/model.safetensors" for name in ("xquad", "mlqa")
        ]
        assert shared[0].read_bytes() == shared[1].read_bytes()
    assert (workspace / "paper/generated/tables/gains.md").is_file()
    assert not any(part in path for _, path, _ in server.requests for part in ("loader.py", ".msgpack", ".onnx"))
    again = run("reproduce", "--profile", "rehearsal", "--jobs", "2")
    assert "Nothing is stale" in again
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    with capsys.disabled():
        sys.stdout.write(
            f"\n{profile}: {len(wanted)} cells in {seconds:.0f} s, at most {memory:.2f} GiB in one process\n"
        )
    shutil.rmtree(root)


def test_a_rehearsal_is_of_every_encoder_and_task_of_its_profile() -> None:
    """Every place that the profiles read has a stand-in."""
    there = {*hub_fixtures.repositories(), *encoder_fixtures.Repositories()}
    for profile in ("real", "real-cpu"):
        values = overlay.check(overlay.parameters(PROJECT, profile), profile)
        for name in values.grid.encoders:
            place = registry.load("encoders", name).RELEASED.repository.split()[0]
            assert "://" in place or f"models/{place.partition('@')[0]}" in there, name
        for name in values.grid.tasks:
            places = [place for split in task_of(name).hub.values() for place in split]
            for place in places:
                assert "://" in place.repository or all(
                    f"datasets/{one.partition('@')[0]}" in there for one in place.repository.split()
                ), name
