"""Workspaces: a profile's copy of the pipeline, which never touches what did not change."""

import os
import re
from pathlib import Path

import pytest
from fast_cases import fast

from xit.core.errors import ConfigError
from xit.core.task import task_of
from xit.pipeline import config, overlay, runner

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # DVC's own, of pygtrie

ROOT = Path(__file__).parents[2]
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
        "params.yaml": (ROOT / "params.yaml").read_text(encoding="utf-8"),
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
    values, before = config.read(root / "params.yaml"), config.read(project / "params.yaml")
    assert {key: value for key, value in values.items() if value != before[key]} == {
        "seeds": [7],
        "pretraining": {**before["pretraining"], "steps": 20},
    }
    assert list(values) == list(before)
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


def publish(folder: Path, *names: str) -> Path:
    """A data folder with an English file of each task."""
    for name in names:
        for split in task_of(name).files.values():
            path = folder / split[0].path.format(language="de", iso3="deu")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("one\n")
    return folder


@pytest.mark.slow
def test_a_profile_of_published_files_takes_their_folder_and_hash(project: Path, tmp_path: Path) -> None:
    data = publish(tmp_path / "published", *config.read(project / "params.yaml")["grid"]["tasks"])
    (data / "notes.txt").write_text("one\n")
    first = config.read(overlay.prepare(project, "published", data) / "params.yaml")
    (data / "notes.txt").write_text("two\n")
    noted = config.read(overlay.prepare(project, "published", data) / "params.yaml")
    (data / "xnli/dev-de.tsv").write_text("two\n")

    second = config.read(overlay.prepare(project, "published", data) / "params.yaml")

    assert first["files"]["folder"] == str(data)
    assert first["files"]["sha256"] == noted["files"]["sha256"] != second["files"]["sha256"]


@pytest.mark.slow
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


def test_a_folder_of_the_project_is_named_as_the_workspace_sees_it(project: Path, tmp_path: Path) -> None:
    (project / "encoders/mine").mkdir(parents=True)
    (project / "released").mkdir()
    (project / "profiles/mine.yaml").write_text(
        "grid: {encoders: [mbert, xlmr_base]}\n"
        "encoders:\n  mbert: {weights: encoders/mine}\n"
        "  gru: {vocabulary: {source: encoders/mine, has_frozen_table: true}}\n"
        "translation: {model: encoders/mine}\n"
    )

    root = overlay.prepare(project, "mine", None)

    values = config.read(root / "params.yaml")
    encoders = values["encoders"]
    for place in (
        encoders["mbert"]["weights"],
        encoders["gru"]["vocabulary"]["source"],
        values["translation"]["model"],
    ):
        assert place == "../../encoders/mine"
    assert encoders["xlmr_base"]["weights"] == "released"
    assert (root / "../../encoders/mine").is_dir()


GRID = """
analysis: {intermediates: [ccg, mnli]}
grid:
  encoders: [lstm]
  controls: [none, untrained]
  intermediates: [ccg, mnli]
  recipes: [ccg+mlm, mnli-30]
  conditions: [none, untrained, ccg, mnli, ccg+mlm, mnli-30]
  targets: [xnli]
  bare_targets: []
  tasks: [ccg, mnli, xnli]
intermediate:
  ccg: {steps: 1, batch_size: 1, micro_batches: 1, max_length_tokens: 64, learning_rate: null,
        validate_every: 0, patience: 0}
"""


@pytest.mark.parametrize("source", ["files", "hub"])
def test_a_licensed_task_that_the_source_has_not_is_passed_over_in_a_word(
    source: str, project: Path, tmp_path: Path
) -> None:
    (project / "profiles/all.yaml").write_text(f"source: {source}\n{GRID}")
    data = publish(tmp_path / "published", "mnli", "xnli")
    told: list[str] = []

    root = overlay.prepare(project, "all", data, told.append)

    grid = config.read(root / "params.yaml")["grid"]
    assert config.read(root / "params.yaml")["analysis"]["intermediates"] == ["mnli"]
    assert {key: grid[key] for key in ("intermediates", "recipes", "conditions", "tasks")} == {
        "intermediates": ["mnli"],
        "recipes": ["mnli-30"],
        "conditions": ["none", "untrained", "mnli", "mnli-30"],
        "tasks": ["mnli", "xnli"],
    }
    assert told == [
        f"ccg: passed over; the {source} source has nothing of it. `xit tasks` lists the sources of each task."
    ]


def test_a_licensed_task_that_is_in_the_folder_is_kept(project: Path, tmp_path: Path) -> None:
    (project / "profiles/all.yaml").write_text(f"source: files\n{GRID}")
    told: list[str] = []

    root = overlay.prepare(project, "all", publish(tmp_path / "published", "ccg", "mnli", "xnli"), told.append)

    assert config.read(root / "params.yaml")["grid"]["tasks"] == ["ccg", "mnli", "xnli"]
    assert told == []


@pytest.mark.parametrize(
    ("profile", "where"), [("default", "params.yaml"), ("wrong", "profiles/wrong.yaml over params.yaml")]
)
def test_what_is_wrong_is_told_at_once_and_nothing_is_written(profile: str, where: str, project: Path) -> None:
    wrong = "seeds: []\ngrid: {encoders: [lstn]}\n"
    (project / "profiles/wrong.yaml").write_text(wrong)
    if profile == "default":
        values = config.laid_over(config.read(project / "params.yaml"), config.read(project / "profiles/wrong.yaml"))
        (project / "params.yaml").write_text(config.written(values))

    with pytest.raises(ConfigError) as raised:
        overlay.prepare(project, profile, None)

    assert [line.split(": ")[:2] for line in str(raised.value).splitlines()] == [
        [where, "seeds"],
        [where, "grid.encoders.0"],
    ]
    assert not (project / ".dvc").exists()
    assert not (project / "workspaces").exists()


@pytest.mark.parametrize(
    ("changes", "languages", "has_tokenizer"),
    fast(
        lambda case: case[1] == 0 or case[2],
        [
            ("grid: {encoders: [mbert, xlmr_base]}", 0, False),
            ("grid: {encoders: [mbert, lstm]}", 13, True),
            ("grid: {encoders: [mbert]}\ntuning: {encoders: [gru]}", 13, True),
            (
                "grid: {encoders: [mbert], recipes: [mlm], conditions: [none, mnli, squad, ccg, mlm]}",
                13,
                False,
            ),
            (
                "grid: {encoders: [lstm]}\nencoders: {lstm: {vocabulary: {source: mbert, has_frozen_table: false}}}",
                13,
                False,
            ),
        ],
    ),
)
def test_no_text_and_no_tokenizer_are_made_that_nobody_reads(
    changes: str, languages: int, has_tokenizer: bool, project: Path
) -> None:
    (project / "profiles/some.yaml").write_text(changes)

    values = config.read(overlay.prepare(project, "some", None) / "params.yaml")

    assert len(values["languages"]["pretraining"]) == languages
    assert (values["tokenizer"] is not None) == has_tokenizer
    config.check(values, "the workspace")


def test_in_the_project_itself_text_and_tokenizer_that_nobody_reads_are_faults(project: Path) -> None:
    path = project / "params.yaml"
    path.write_text(path.read_text().replace("encoders: [transformer, lstm]", "encoders: [mbert]"))

    with pytest.raises(ConfigError) as caught:
        overlay.prepare(project, "default", None)
    path.write_text(path.read_text().replace("tokenizer:\n  vocabulary: 2000\n  lines: 1500\n", "tokenizer: null\n"))
    path.write_text(re.sub(r"pretraining: \[en,.*\]", "pretraining: []", path.read_text()))
    overlay.prepare(project, "default", None)

    first, second = (re.sub("found .* Write", "found … Write", fault) for fault in caught.value.faults)
    assert first.startswith("params.yaml: languages.pretraining: should be empty, since no encoder is pretrained here")
    assert (
        second
        == "params.yaml: tokenizer: should be null, since each encoder of the grid has its own; found … Write null."
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("encoders: [transformer, lstm]", "encoders: [mbert, lstn]"),
        ("encoders: [transformer, lstm]", "encoders: [mbert, xlmr]"),
        ("mbert: {weights: released", "mbert: {weights: 3"),
    ],
)
def test_what_is_idle_is_not_told_where_an_encoder_is_not_valid(before: str, after: str, project: Path) -> None:
    path = project / "params.yaml"
    path.write_text(
        path.read_text().replace(before, after).replace("encoders: [transformer, lstm]", "encoders: [mbert]")
    )

    with pytest.raises(ConfigError, match=r"lstn|xlmr|encoders.mbert.weights") as caught:
        overlay.prepare(project, "default", None)

    assert "should be null" not in str(caught.value)
    assert "should be empty" not in str(caught.value)


def test_all_tasks_without_a_file_are_told_before_anything_runs(project: Path, tmp_path: Path) -> None:
    (project / "profiles/published.yaml").write_text("source: files\nseeds: [-1]\n")
    data = publish(tmp_path / "published", "xnli", "xcopa", "tatoeba", "squad")

    with pytest.raises(ConfigError) as raised:
        overlay.prepare(project, "published", data)

    told = [line.split(": ", 1)[1] for line in str(raised.value).splitlines()]
    assert [line.split(": ")[0] for line in told] == ["seeds.0", *["grid.tasks"] * 3]
    assert [line.split(": ")[1] for line in told[1:]] == ["mnli", "udpos", "panx"]
    assert "it reads mnli/multinli_1.0_train.jsonl, mnli/multinli_1.0_dev_matched.jsonl. Put them there" in told[1]


def test_all_languages_of_which_cldr_has_too_little_are_told_before_anything_runs(project: Path) -> None:
    (project / "profiles/many.yaml").write_text("languages: {pretraining: [en, wo], evaluation: [en, de, ht, xx]}\n")

    with pytest.raises(ConfigError) as raised:
        overlay.prepare(project, "many", None)

    told = [line.split(": ", 1)[1] for line in str(raised.value).splitlines()]
    assert [line.split(": ")[:2] for line in told] == [
        ["languages.pretraining", "wo"],
        ["languages.evaluation", "ht"],
        ["languages.evaluation", "xx"],
    ]


def test_an_unknown_profile_is_told_with_the_nearest_one(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"quik: no such profile\. Did you mean quick\? Profiles: default, published"):
        overlay.prepare(project, "quik", None)


@pytest.mark.parametrize(
    ("data", "message"), [(None, "Say where they are: DATA=folder"), ("gone", "--data gone: no such folder")]
)
def test_published_files_that_are_not_there_are_told_and_nothing_is_written(
    project: Path, data: str | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        overlay.prepare(project, "published", data and Path(data))

    assert not (project / "workspaces/published/params.yaml").exists()


@pytest.mark.slow
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
