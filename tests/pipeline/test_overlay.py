"""Workspaces: a profile's copy of the pipeline, which never touches what did not change."""

import os
from pathlib import Path

import pytest
import yaml

from xit.core.errors import ConfigError
from xit.pipeline import overlay, runner

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # DVC's own, of pygtrie

PARAMETERS = """
source: micro  # where texts are from
seeds: [1, 2]
files: {folder: "", sha256: ""}
pretraining: {steps: 900, batch_size: 64}
"""
PIPELINE = """
stages:
  greet:
    cmd: cat xit/greeting.py > greeting.txt
    deps: [xit/greeting.py]
    params: [seeds]
    outs: [greeting.txt]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "params.yaml": PARAMETERS,
        "dvc.yaml": PIPELINE,
        "profiles/quick.yaml": "seeds: [7]\npretraining: {steps: 20}\n",
        "profiles/published.yaml": "source: files\n",
        "xit/greeting.py": "print('hello')\n",
        "xit/old.py": "",
        "paper/main.typ": "= A paper\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_profile_replaces_lists_and_numbers_and_keeps_the_rest(project: Path) -> None:
    root = overlay.prepare(project, "quick", None)

    assert root == project / "workspaces" / "quick"
    assert yaml.safe_load((root / "params.yaml").read_text()) == {
        "source": "micro",
        "seeds": [7],
        "files": {"folder": "", "sha256": ""},
        "pretraining": {"steps": 20, "batch_size": 64},
    }
    assert (root / "paper/main.typ").read_text() == "= A paper\n"


def test_preparing_again_leaves_equal_files_alone_and_takes_changes_over(project: Path) -> None:
    root = overlay.prepare(project, "quick", None)
    for path in root.rglob("*.*"):
        os.utime(path, (0, 0))
    (project / "xit/greeting.py").write_text("print('good day')\n")
    (project / "xit/old.py").unlink()

    overlay.prepare(project, "quick", None)

    assert (root / "xit/greeting.py").read_text() == "print('good day')\n"
    assert not (root / "xit/old.py").exists()
    assert (root / "params.yaml").stat().st_mtime == (root / "dvc.yaml").stat().st_mtime == 0


def test_a_profile_of_published_files_takes_their_folder_and_hash(project: Path, tmp_path: Path) -> None:
    data = tmp_path / "published"
    data.mkdir()
    (data / "a.tsv").write_text("one\n")
    first = yaml.safe_load((overlay.prepare(project, "published", data) / "params.yaml").read_text())
    (data / "a.tsv").write_text("two\n")

    second = yaml.safe_load((overlay.prepare(project, "published", data) / "params.yaml").read_text())

    assert first["files"]["folder"] == str(data)
    assert first["files"]["sha256"] != second["files"]["sha256"]


def test_a_new_workspace_takes_over_models_where_they_could_be_its_own(project: Path) -> None:
    (project / "models/pretrained/lstm/1").mkdir(parents=True)
    (project / "models/pretrained/lstm/1/model.safetensors").write_text("weights")
    (project / "models/pretrained/lstm/2.partial").mkdir()
    (project / "profiles/more.yaml").write_text("seeds: [1, 2, 3]\n")

    more, quick = (overlay.prepare(project, name, None) for name in ("more", "quick"))

    assert [path.name for path in (more / "models/pretrained/lstm").iterdir()] == ["1"]
    assert (more / "models/pretrained/lstm/1/model.safetensors").read_text() == "weights"
    assert not (quick / "models").exists()  # its pretraining is another

    (more / "models/pretrained/lstm/1/model.safetensors").write_text("its own")
    overlay.prepare(project, "more", None)

    assert (more / "models/pretrained/lstm/1/model.safetensors").read_text() == "its own"


GRID = """
grid:
  intermediates: [ccg, mnli]
  recipes: [ccg+mlm, mnli-30]
  conditions: [none, ccg, mnli, ccg+mlm, mnli-30]
  targets: [xnli]
  tasks: [ccg, mnli, xnli]
"""
FILES = "files: {most_test: 0, misplaced_answers: error, xcopa_questions: released}\n"


@pytest.mark.parametrize("source", ["files", "hub"])
def test_a_licensed_task_that_the_source_has_not_is_passed_over_in_a_word(
    source: str, project: Path, tmp_path: Path
) -> None:
    (project / "profiles/all.yaml").write_text(f"source: {source}\n{FILES}{GRID}")
    data = tmp_path / "published"
    data.mkdir()
    told: list[str] = []

    root = overlay.prepare(project, "all", data, told.append)

    assert yaml.safe_load((root / "params.yaml").read_text())["grid"] == {
        "intermediates": ["mnli"],
        "recipes": ["mnli-30"],
        "conditions": ["none", "mnli", "mnli-30"],
        "targets": ["xnli"],
        "tasks": ["mnli", "xnli"],
    }
    assert told == [f"ccg: passed over; the {source} source has nothing of it. `xit data ccg` says which have."]


def test_a_licensed_task_that_is_in_the_folder_is_kept(project: Path, tmp_path: Path) -> None:
    (project / "profiles/all.yaml").write_text(f"source: files\n{FILES}{GRID}")
    (tmp_path / "published/ccg").mkdir(parents=True)
    (tmp_path / "published/ccg/ccg.train").write_text("A lamp\tNP/N N\n")
    told: list[str] = []

    root = overlay.prepare(project, "all", tmp_path / "published", told.append)

    assert yaml.safe_load((root / "params.yaml").read_text())["grid"]["tasks"] == ["ccg", "mnli", "xnli"]
    assert told == []


def test_an_unknown_profile_is_told_with_the_nearest_one(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"quik: no such profile\. Did you mean quick\? Profiles: default, published"):
        overlay.prepare(project, "quik", None)


@pytest.mark.parametrize(("data", "message"), [(None, "Say where they are: DATA=folder"), ("gone", "gone: no such")])
def test_published_files_that_are_not_there_are_told_and_nothing_is_written(
    project: Path, data: str | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        overlay.prepare(project, "published", data and Path(data))

    assert not (project / "workspaces/published/params.yaml").exists()


@pytest.mark.parametrize("profile", ["default", "quick"])
def test_a_folder_without_git_becomes_a_dvc_repository_that_works(project: Path, profile: str) -> None:
    root = overlay.prepare(project, profile, None)

    assert runner.run(root, 1, lambda event: None) == 1
    assert (root / "greeting.txt").read_text() == "print('hello')\n"


def test_the_committed_dvc_settings_of_a_checkout_are_not_changed(project: Path) -> None:
    (project / ".git").mkdir()
    (project / ".dvc").mkdir()
    (project / ".dvc/config").write_text("[core]\n    analytics = false\n")

    overlay.prepare(project, "default", None)

    assert [(path.name, path.read_text()) for path in (project / ".dvc").iterdir()] == [
        ("config", "[core]\n    analytics = false\n")
    ]
