"""The paper's profile: the benchmark's grid, equal sizes, the sources' numbers; and a dry run of all of it."""

import contextlib
import copy
import csv
import math
from pathlib import Path
from typing import Any

import encoder_fixtures
import hub_fixtures
import hub_reading
import pytest
import small_experiment
import torch
import yaml
from dvc.repo import Repo
from hub_server import HubServer
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core import registry
from xit.core.task import task_of
from xit.modeling import encoders
from xit.pipeline import config, overlay
from xit.pipeline.config import Config
from xit.scoring.benchmarks import XTREME_R

ROOT = Path(__file__).parents[2]
NINE = {"anli_plus", "mnli", "qqp", "squad2", "squad", "hellaswag", "ccg", "cosmosqa", "commonsenseqa"}
EPOCHS = {"xnli": 2, "udpos": 10, "panx": 10, "xquad": 2, "mlqa": 2, "tydiqa": 2}
"""Of nyu-mll/jiant:guides/benchmarks/xtreme.md; its default, 3, elsewhere."""


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    """params.yaml under phang-jiant under the profile, with CCG."""
    return config.laid_over(config.read(ROOT / "params.yaml"), overlay.load(ROOT / "profiles", "xtreme-r").values)


@pytest.fixture(scope="module")
def profile(values: dict[str, Any]) -> Config:
    return config.check(values, "xtreme-r")


def test_it_compares_what_is_promised(profile: Config) -> None:
    languages = {code for name in XTREME_R.tasks for code in task_of(name).languages}

    assert {"xlmr_large", "xlmr_base", "laser2", "rwkv7_world", "transformer", "lstm"} <= set(profile.grid.encoders)
    assert set(profile.grid.intermediates) == set(profile.recipes.multitask.tasks) == NINE
    assert set(profile.grid.targets + profile.grid.bare_targets) == set(XTREME_R.tasks)
    assert set(profile.languages.evaluation) == languages
    assert len(languages) == 50
    assert len(profile.seeds) == 3
    assert {"multitask", "mnli+shuffled"} <= set(profile.grid.recipes)


def test_masked_lm_is_compared_for_the_encoders_that_have_a_head_for_it() -> None:
    values = config.laid_over(config.read(ROOT / "params.yaml"), overlay.load(ROOT / "profiles", "xtreme-r-mlm").values)

    found = config.check(values, "xtreme-r-mlm")

    assert {"mlm", "mnli+mlm", "multitask+mlm"} <= set(found.grid.recipes)
    assert {"xlmr_large", "xlmr_base", "lstm"} <= set(found.grid.encoders)
    assert not {"laser2", "rwkv7_world"} & set(found.grid.encoders)


def test_encoders_from_scratch_have_about_a_hundred_million_parameters_within_five_percent(profile: Config) -> None:
    with torch.device("meta"):
        counts = {
            name: encoders.parameters(encoders.build(name, one.size, profile.tokenizer.vocabulary))
            for name, one in profile.encoders.items()
            if one.size
        }

    assert set(counts) == {"transformer", "lstm", "gru", "mingru"}
    assert all(95e6 < count.total < 105e6 for count in counts.values())
    for numbers in ([c.total for c in counts.values()], [c.body for c in counts.values()]):
        assert max(numbers) / min(numbers) < 1.05


def test_training_is_as_long_as_that_of_the_authors_and_each_encoder_has_its_own_rate(profile: Config) -> None:
    tasks = {n: one for n, one in (profile.intermediate | profile.targets).items() if n in profile.grid.tasks}

    assert len(tasks) == 18
    assert {name: (one.steps, one.epochs) for name, one in tasks.items()} == {
        name: (None, EPOCHS.get(name, 3)) for name in tasks
    }
    assert {one.learning_rate for one in tasks.values()} == {None}
    assert (profile.encoders["xlmr_large"].learning_rate, profile.compute.precision) == (0.00001, "bfloat16")


def test_show_tells_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    done = CliRunner().invoke(app, ["show", "--profile", "xtreme-r"], catch_exceptions=False)

    words = " ".join(done.output.split())
    assert done.exit_code == 0
    for name in ("xlmr_large", "rwkv7_world"):
        assert encoder_fixtures.RELEASED[name].repository.partition("@")[2] in words
    assert "fine-tunings 2,592 encoders × conditions × trained targets × seeds" in words
    assert "ccg: passed over" in words
    assert "udpos (universal-dependencies/universal_dependencies): its commit is not pinned" in words
    assert "panx (unimelb" not in words


@pytest.mark.parametrize("command", [["show"], ["grid", "plan"], ["reproduce"]], ids=" ".join)
def test_all_faults_are_told_at_once_and_before_anything_runs(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small_experiment.copy_pipeline(tmp_path))
    (tmp_path / "profiles/wrong.yaml").write_text("seeds: []\nencoders: {xlmr_base: {weights: random}}\n")
    (tmp_path / "profiles/heads.yaml").write_text(
        "encoders: {lstm: {size: {heads: 2}}, transformer: {size: {heads: 5}}}\n"
    )

    wrong = CliRunner().invoke(app, [*command, "--profile", "wrong"])
    heads = CliRunner().invoke(app, [*command, "--profile", "heads"])

    assert [line.split(": ")[1] for line in str(wrong.exception).splitlines()] == [
        "seeds",
        "encoders.xlmr_base.weights",
    ]
    assert [line.split(": ")[1] for line in str(heads.exception).splitlines()] == [
        "encoders.transformer.heads",
        "encoders.lstm.heads",
    ]


PROFILES = ["default", *overlay.names(ROOT / "profiles")]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_shown(profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny too, whose encoders are of unlike size."""
    monkeypatch.chdir(ROOT)
    (tmp_path / "published").mkdir()
    values = overlay.load(ROOT / "profiles", profile).values
    reads_files = values.get("source") == "files"
    for name in values["grid"]["tasks"] if reads_files else ():
        for split in task_of(name).files.values():
            path = tmp_path / "published" / split[0].path.format(language="de", iso3="deu")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("a file\n")
    data = ["--data", str(tmp_path / "published")] if reads_files else []

    done = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["show", "--profile", profile, *data], catch_exceptions=False)

    assert (done.exit_code, f"{profile}: " in done.output) == (0, True)
    assert ("differ by more than 5 % of their parameters: transformer 55," in done.output) == (profile == "tiny")


# The dry run

SMALL = {"transformer": (16, 1, 32, 2), "lstm": (16, 1, 12, 0), "gru": (16, 1, 14, 0), "mingru": (16, 1, 24, 0)}


CUTS: dict[str, dict[str, Any]] = {
    "all conditions on two targets": {"targets": ["xnli"]},
    "all targets after two conditions": {
        "controls": ["none"],
        "intermediates": ["mnli"],
        "recipes": [],
        "conditions": ["none", "mnli"],
    },
}
"""Together they have every id of the grid, in a quarter of the time that the whole takes."""


def cut(values: Any, grid: dict[str, Any]) -> dict[str, Any]:
    """The profile in one seed, at the smallest sizes and numbers of steps."""
    keys = ("dimension", "layers", "inner", "heads")
    found: dict[str, Any] = copy.deepcopy(values)
    found |= {"seeds": [1]}
    found["grid"] |= grid
    kept = {name for key in ("intermediates", "targets", "bare_targets") for name in found["grid"][key]}
    found["grid"]["tasks"] = [name for name in found["grid"]["tasks"] if name in kept]
    found["tokenizer"] = {"vocabulary": 600, "lines": 20}
    for name, size in SMALL.items():
        found["encoders"][name]["size"] = dict(zip(keys, size, strict=True))
    found["pretraining"] |= {"steps": 1, "batch_size": 2, "block_tokens": 8}
    found["recipes"]["multitask"] |= {"steps": 3, "validate_every": 3}
    found["recipes"]["mlm"] |= {"steps": 1, "batch_size": 2}
    for one in (*found["intermediate"].values(), *found["targets"].values()):
        one |= {"steps": 1, "epochs": None, "validate_every": 1, "max_length_tokens": 64}
    return found


@pytest.mark.rehearsal
@pytest.mark.parametrize("name", CUTS)
@pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # DVC's own, of pygtrie
def test_a_dry_run_with_stand_ins_of_every_repository_starts_runs_and_finishes(
    name: str, values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of every stage instance, in DVC's order, in one process; only numbers of rows are not compared."""
    values = cut(values, CUTS[name])
    root = small_experiment.copy_pipeline(tmp_path / "project")
    repositories = {**hub_fixtures.repositories(), **encoder_fixtures.Repositories()}
    encoder_fixtures.put_laser(tmp_path / "cache")
    values["hub"]["cache"] = str(tmp_path / "cache")
    (root / "profiles/dry.yaml").write_text(yaml.safe_dump(values))
    with HubServer.serving(repositories) as server:
        server.is_the_hub(monkeypatch)
        hub_reading.put_originals(server)
        for task in registry.names("tasks"):
            monkeypatch.setattr(registry.load("tasks", task), "task", hub_reading.uncounted_task(task))
        told: list[str] = []
        workspace_root = overlay.prepare(root, "dry", None, told.append)
        monkeypatch.chdir(workspace_root)
        for command in commands(workspace_root):
            done = CliRunner().invoke(app, command, catch_exceptions=False)
            assert done.exit_code == 0, (command, done.output)

    grid = config.load(workspace_root / "params.yaml").grid
    with Path("results/scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    cells = {(row["encoder"], row["condition"], row["target"]) for row in rows}
    assert len(cells) == len(grid.encoders) * len(grid.conditions) * len(grid.targets + grid.bare_targets)
    assert all(math.isfinite(float(row["value"])) for row in rows)
    assert Path("paper/main.pdf").stat().st_size > 10_000
    if "ccg" in values["grid"]["tasks"]:
        assert told == [
            "ccg: passed over; the hub source has nothing of it. `xit tasks` lists the sources of each task."
        ]


def commands(root: Path) -> list[list[str]]:
    """What DVC would run, in its order, without the name of the program."""
    import networkx

    with contextlib.chdir(root), Repo(str(root)) as repo:
        graph = repo.index.graph
        return [str(stage.cmd).split()[1:] for stage in networkx.dfs_postorder_nodes(graph)]
