"""What a change makes stale, asked of DVC on the real dvc.yaml and params.yaml; and, slowly, what then runs."""

import contextlib
import csv
import fnmatch
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo, lock_repo
from small_experiment import PROJECT, bits, copy_pipeline, set_parameter, without_paper

from xit.pipeline import overlay, runner

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning"),  # DVC's own, of pygtrie
]

SPLITS = ("train.parquet", "validation.parquet", "test.parquet")
GRID = {
    "grid.controls": ["none", "untrained"],
    "grid.intermediates": ["mnli", "squad"],
    "grid.conditions": ["none", "untrained", "mnli", "squad"],
    "grid.targets": ["xnli", "panx", "lareqa"],
    "grid.tasks": ["mnli", "squad", "xnli", "panx", "lareqa", "tatoeba"],
    "analysis.intermediates": ["mnli", "squad"],
}
"""Of the default experiment, a grid with every stage and two or more names on every axis."""
TRAINING = ("pretrain@*", "control@*", "intermediate@*", "finetune@*")


def record(stages: Sequence[Any]) -> None:
    """Take inputs and outputs of stages as they are into dvc.lock: `dvc commit`, with one writing of the file."""
    for stage in stages:
        stage.save()
        stage.commit()
    stages[0].dvcfile.dump_stages(stages, update_pipeline=False)


def make(root: Path) -> None:
    """Invent a file for every output of the pipeline, and record all in dvc.lock as if the stages had made them."""
    with contextlib.chdir(root), Repo(str(root)) as repo, lock_repo(repo):
        for stage in repo.index.stages:
            inner = SPLITS if stage.name.startswith("data@") else ("made",)
            for output in [Path(out.fs_path) for out in stage.outs]:
                for path in [output] if output.suffix else [output / name for name in inner]:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text("{}")
        record(repo.index.stages)
    assert not runner.plan(root).instances


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small pipeline as it is when everything has run."""
    root = overlay.prepare(copy_pipeline(tmp_path_factory.mktemp("made")), "default", None)
    for key, names in GRID.items():
        set_parameter(root, key, names)
    make(root)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "copy", symlinks=True)


def append_line(path: Path) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write("\n")


def every(root: Path, *patterns: str) -> set[str]:
    """The instances that the patterns name; each pattern must name some."""
    parameters = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    names = []
    for stage, facts in yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"].items():
        places = [axis.removeprefix("${").removesuffix("}").split(".") for axis in facts.get("matrix", {}).values()]
        axes = [parameters[section][key] for section, key in places]
        names += [f"{stage}@{'-'.join(cell)}" if cell else stage for cell in itertools.product(*axes)]
    found = {pattern: set(fnmatch.filter(names, pattern)) for pattern in patterns}
    assert all(found.values()), f"nothing is named by {[pattern for pattern in found if not found[pattern]]}"
    return set().union(*found.values())


def test_what_stages_make_is_kept_out_of_git_and_images_and_is_removed_by_make_clean(made: Path) -> None:
    with contextlib.chdir(made), Repo(str(made)) as repo:
        outs = {Path(out.fs_path).relative_to(made) for stage in repo.index.stages for out in stage.outs}
    (clean,) = re.findall(r"^\trm -rf (data .*)$", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    ignored = (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    left_out = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    for names in ([line.strip("/") for line in ignored if line.startswith("/")], left_out, clean.split()):
        assert [out for out in outs if not any(out.is_relative_to(name) for name in names)] == []
    assert {"results", "paper/generated", "paper/main.pdf", "data/xnli"} <= set(map(Path.as_posix, outs))


def recorded(root: Path) -> dict[str, tuple[Any, ...]]:
    """The command, parameters and outputs of each instance in dvc.lock."""
    stages = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {
        name: (facts["cmd"], facts.get("params"), [out["path"] for out in facts["outs"]])
        for name, facts in stages.items()
    }


def test_the_lock_that_is_committed_is_of_the_default_experiment(tmp_path: Path) -> None:
    """Whoever changes params.yaml or a stage runs `make reproduce` in a fresh clone, and commits dvc.lock."""
    whole = overlay.prepare(copy_pipeline(tmp_path), "default", None)
    make(whole)
    assert recorded(PROJECT) == recorded(whole)


CHANGES: dict[str, tuple[Callable[[Path], None], tuple[str, ...], tuple[str, ...]]] = {
    "an encoder's size re-runs that encoder's chain": (
        lambda root: set_parameter(root, "encoders.lstm.size.inner", lambda width: width + 1),
        ("pretrain@lstm", "intermediate@lstm-*", "finetune@lstm-*", "collect", "paper"),
        ("control@lstm-*", "evaluate@lstm-*", "retrieve@lstm-*", "forgetting@lstm-*"),
    ),
    "an encoder's code re-runs that encoder's chain": (
        lambda root: append_line(root / "xit/encoders/transformer.py"),
        ("*@transformer", "*@transformer-*"),
        ("collect", "paper"),
    ),
    "an encoder's learning rate re-runs its training on tasks": (
        lambda root: set_parameter(root, "encoders.lstm.learning_rate", lambda rate: rate / 2),
        ("intermediate@lstm-*", "finetune@lstm-*", "collect", "paper"),
        ("evaluate@lstm-*", "retrieve@lstm-*", "forgetting@lstm-*"),
    ),
    "an encoder's learning rate of one task has its training on tasks looked at": (
        lambda root: set_parameter(root, "encoders.lstm.learning_rates", {"xnli": 0.00123}),
        ("intermediate@lstm-*", "finetune@lstm-*", "collect", "paper"),
        ("evaluate@lstm-*", "retrieve@lstm-*", "forgetting@lstm-*"),
    ),
    "an intermediate task's steps re-run its training and what may start from it": (
        lambda root: set_parameter(root, "intermediate.squad.steps", lambda steps: steps + 1),
        ("intermediate@*-squad", "paper"),
        ("finetune@*", "evaluate@*", "retrieve@*", "forgetting@*", "collect"),
    ),
    "a target's learning rate re-runs that target": (
        lambda root: set_parameter(root, "targets.xnli.learning_rate", 0.00123),
        ("finetune@*-xnli", "paper"),
        ("evaluate@*-xnli", "collect"),
    ),
    "a target's file re-runs that target, and has the text looked at, which leaves out what the target holds": (
        lambda root: append_line(root / "xit/tasks/panx.py"),
        ("text", "parallel", "data@panx", "finetune@*-panx", "evaluate@*-panx", "collect", "paper"),
        ("tokenizer", *TRAINING, "evaluate@*", "retrieve@*", "forgetting@*"),
    ),
    "a seed re-runs training and what it makes": (
        lambda root: set_parameter(root, "seeds", lambda seeds: [*seeds, 99]),
        (*TRAINING, "evaluate@*", "retrieve@*", "forgetting@*", "collect", "paper"),
        (),
    ),
    "the layer of retrieval re-runs evaluation": (
        lambda root: set_parameter(root, "retrieval.layer", lambda layer: layer / 2),
        ("evaluate@*", "retrieve@*", "paper"),
        ("collect",),
    ),
    "a language of pretraining re-runs what is made of the text": (
        lambda root: set_parameter(root, "languages.pretraining", lambda codes: codes[:-1]),
        ("text", "parallel", "tokenizer", "pretrain@*", "paper"),
        ("control@*", "intermediate@*", "finetune@*", "evaluate@*", "retrieve@*", "forgetting@*", "collect"),
    ),
    "an objective of pretraining re-runs what it reads and pretraining": (
        lambda root: set_parameter(root, "pretraining.objectives.translation_lm", 0.5),
        ("parallel", "pretrain@*", "paper"),
        (
            "tokenizer",
            "control@*",
            "intermediate@*",
            "finetune@*",
            "evaluate@*",
            "retrieve@*",
            "forgetting@*",
            "collect",
        ),
    ),
    "the training loop's source re-runs training": (
        lambda root: append_line(root / "xit/training/loop.py"),
        (*TRAINING, "forgetting@*"),
        ("evaluate@*", "retrieve@*", "collect", "paper"),
    ),
    "a table's source re-runs the paper": (
        lambda root: append_line(root / "xit/tables/heatmap.py"),
        ("paper",),
        (),
    ),
    "the text of the paper re-runs the paper": (
        lambda root: append_line(root / "paper/main.typ"),
        ("paper",),
        (),
    ),
    "a new target runs itself": (
        lambda root: [
            set_parameter(root, "grid.targets", lambda names: [*names, "mlqa"]),
            set_parameter(root, "grid.tasks", lambda names: [*names, "mlqa"]),
            set_parameter(root, "targets", lambda sections: {**sections, "mlqa": sections["xquad"]}),
        ],
        ("data@mlqa", "finetune@*-mlqa", "evaluate@*-mlqa", "collect", "paper"),
        (),
    ),
    "a translated task runs itself": (
        lambda root: [
            set_parameter(root, "grid.translated_tasks", ["mnli", "squad"]),
            set_parameter(root, "grid.translation_languages", ["de"]),
        ],
        ("translate@*", "collect", "paper"),
        (),
    ),
    "a new encoder runs itself": (
        lambda root: [
            set_parameter(root, "grid.encoders", lambda names: [*names, "elman"]),
            set_parameter(root, "encoders", lambda sections: {**sections, "elman": sections["lstm"]}),
            shutil.copyfile(root / "xit/encoders/lstm.py", root / "xit/encoders/elman.py"),
        ],
        ("*@elman", "*@elman-*", "collect", "paper"),
        (),
    ),
}
"""A sentence: the change, the instances that changed themselves, and those that only hang on them."""


@pytest.mark.parametrize(
    ("change", "changed", "hanging"),
    [pytest.param(*row, id=sentence) for sentence, row in CHANGES.items()],
)
def test_a_change_makes_stale_exactly(
    root: Path, change: Callable[[Path], None], changed: tuple[str, ...], hanging: tuple[str, ...]
) -> None:
    change(root)

    plan = runner.plan(root)

    assert plan.changed == every(root, *changed)
    assert set(plan.instances) - plan.changed == (every(root, *hanging) if hanging else set()) - plan.changed


def test_a_new_language_re_runs_its_data_and_evaluation_but_no_training(root: Path) -> None:
    set_parameter(root, "languages.evaluation", lambda codes: [*codes, "fr"])

    before = runner.plan(root)
    for path in root.glob(
        "data/*/test.parquet"
    ):  # as the data stage does: a language more, the training split as it was
        path.write_text("with fr")
    with contextlib.chdir(root), Repo(str(root)) as repo, lock_repo(repo):
        record([stage for stage in repo.index.stages if stage.name.startswith("data@")])
    after = runner.plan(root)

    assert before.changed == every(root, "data@*", "evaluate@*", "retrieve@*", "paper")
    assert not set(before.instances) & every(root, "text", "parallel", "tokenizer", "pretrain@*", "control@*")
    assert after.changed == every(root, "evaluate@*", "retrieve@*", "forgetting@*", "collect", "paper")
    assert not set(after.instances) - after.changed


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """The finished workspace, whose own code the commands run: what Python compiles of that is no input."""
    root = shutil.copytree(finished, tmp_path / "copy", symlinks=True)
    (root / ".dvcignore").write_text("__pycache__/\n", encoding="utf-8")
    return root


@pytest.fixture
def of_lstm(copy: Path) -> Path:
    """The finished workspace, of one encoder."""
    set_parameter(copy, "grid.encoders", ["lstm"])
    for path in [*copy.glob("models/*/transformer"), copy / "evaluations/transformer"]:
        shutil.rmtree(path)
    return copy


def made_at(root: Path) -> dict[str, int]:
    """When each model and each evaluation, a folder with a lineage, was made."""
    return {
        path.parent.relative_to(root).as_posix(): path.stat().st_mtime_ns
        for folder in ("models", "evaluations")
        for path in root.glob(f"{folder}/**/lineage.json")
    }


def models(root: Path) -> dict[str, int]:
    """When each model was made."""
    return {name: time for name, time in made_at(root).items() if name.startswith("models/")}


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text, f"{path} has no {before!r} any more"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def reproduce(root: Path) -> str:
    """Run what is stale with the code that lies in the folder; what it said."""
    command = [Path(sys.executable).with_name("xit"), "reproduce"]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not runner.plan(root).instances
    return done.stderr


def made_again(root: Path) -> set[str]:
    """What `xit reproduce` makes anew of all that has a lineage."""
    before = made_at(root)
    said = reproduce(root)
    after = made_at(root)
    assert after.keys() == before.keys()
    assert "stage instances ran" in said
    return {name for name in after if after[name] != before[name]}


def test_a_finished_experiment_has_its_paper_and_runs_nothing_again(finished: Path) -> None:
    assert (finished / "paper/main.pdf").read_bytes().startswith(b"%PDF")
    with (finished / "results/forgetting.csv").open(encoding="utf-8", newline="") as file:
        measured = {(row["condition"], row["language"]) for row in csv.DictReader(file)}
    assert measured == {(name, code) for name in ("none", "mnli") for code in ("en", "de", "zh")}
    assert runner.run(finished, 2, lambda event: None) == 0


def test_a_new_seed_and_a_new_language_train_the_models_of_that_seed_only(of_lstm: Path) -> None:
    before = models(of_lstm)
    set_parameter(without_paper(of_lstm), "seeds", [1, 2])
    set_parameter(of_lstm, "languages.evaluation", ["en", "de", "zh", "es"])

    runner.run(of_lstm, 2, lambda event: None)

    after = models(of_lstm)
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {f"{name.removesuffix('/1')}/2" for name in before}
    with (of_lstm / "results/scores.csv").open(encoding="utf-8", newline="") as file:
        scored = {(row["target"], row["language"], row["seed"]) for row in csv.DictReader(file)}
    assert {row for row in scored if row[1] == "es"} == set(itertools.product(("udpos", "tatoeba"), ["es"], "12"))
    assert not runner.plan(of_lstm).instances


def test_what_changes_no_result_trains_nothing_and_evaluates_nothing(of_lstm: Path) -> None:
    loop = of_lstm / "xit/training/loop.py"
    edit(loop, "import json\n", "import json  # for the log\n")
    edit(loop, '"""', '"""A better docstring. ')
    edit(loop, "Delete it to start this run over", "Remove it, and this run starts over")
    edit(of_lstm / "xit/core/settings.py", "    epochs: P", "    label_smoothing: float = 0.1\n    epochs: P")
    edit(of_lstm / "xit/tasks/mnli.py", "Williams et al. 2018", "Williams et al. 2019")
    edit(of_lstm / "xit/tasks/mnli.py", "nyu-mll/glue@bcdcba7", "nyu-mll/glue@0000000")
    edit(of_lstm / "xit/encoders/lstm.py", "Hochreiter and Schmidhuber 1997", "Hochreiter 1997")
    edit(of_lstm / "xit/modeling/released.py", "import torch\n", "import torch\n\nX = 1\n")
    edit(of_lstm / "xit/tables/heatmap.py", "\nfrom ", "\nX = 1\nfrom ")
    edit(of_lstm / "paper/main.typ", "= Question\n", "= Question\n\nThis sentence is new.\n")
    set_parameter(of_lstm, "compute.save_every", lambda steps: steps + 1)
    paper = (of_lstm / "paper/main.pdf").stat().st_mtime_ns

    again = made_again(of_lstm)

    assert again == set()
    assert (of_lstm / "paper/main.pdf").stat().st_mtime_ns > paper  # so that what was changed has been looked at


def test_a_change_makes_again_exactly_what_hangs_on_it(copy: Path) -> None:
    """An encoder's forward, a format's head and a learning rate at once: the other encoder tells them apart."""
    edit(without_paper(copy) / "xit/encoders/transformer.py", "F.layer_norm(state,", "2 * F.layer_norm(state,")
    edit(copy / "xit/heads/tagging.py", "self.output(self", "2 * self.output(self")
    set_parameter(copy, "intermediate.mnli.learning_rate", 0.00123)
    names = made_at(copy)

    again = made_again(copy)

    assert names.keys() - again == {
        "models/pretrained/lstm/1",
        "models/intermediate/lstm/none/1",
        "evaluations/lstm/forgetting/tatoeba/none/1",
        "evaluations/lstm/tatoeba/none/1",
    }


def test_the_arithmetic_of_the_loop_makes_everything_again(of_lstm: Path) -> None:
    edit(without_paper(of_lstm) / "xit/training/loop.py", "plan.gradient_clip", "2 * plan.gradient_clip")

    assert made_again(of_lstm) == made_at(of_lstm).keys()


def test_a_language_of_pretraining_makes_pretraining_again(of_lstm: Path) -> None:
    """And with it all that hangs on pretrained models, as the arithmetic of the loop does."""
    before = made_at(of_lstm)
    set_parameter(without_paper(of_lstm), "languages.pretraining", ["en", "de"])

    dvc_alone(of_lstm, "pretrain@lstm")

    assert made_at(of_lstm)["models/pretrained/lstm/1"] > before["models/pretrained/lstm/1"]


def dvc_alone(root: Path, *targets: str) -> None:
    """Run what is stale of the targets, or of all, as somebody does who types `dvc repro`."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "dvc", "repro", "--quiet", *targets]
    subprocess.run(command, cwd=root, env=environment, check=True)


@pytest.mark.torture
def test_an_interrupted_run_continued_by_dvc_alone_ends_in_the_same_bits(finished: Path, of_lstm: Path) -> None:
    forget(without_paper(of_lstm), "finetune@", "evaluate@", "retrieve@", "forgetting@", "collect")
    command = [Path(sys.executable).with_name("xit"), "reproduce"]
    (of_lstm / "logs/finetune@lstm-udpos.log").unlink()
    with subprocess.Popen(command, cwd=of_lstm, stderr=subprocess.DEVNULL) as running:
        while not (of_lstm / "logs/finetune@lstm-udpos.log").exists():
            assert running.poll() is None, "it ended before it came to fine-tuning"
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
    assert "finetune@lstm-udpos" not in bits(of_lstm)

    dvc_alone(of_lstm)

    assert running.returncode == 130
    found, expected = bits(of_lstm), bits(finished)
    assert {"finetune@lstm-udpos", "forgetting@lstm-tatoeba"} <= found.keys()
    assert [name for name in found if found[name] != expected[name]] == ["collect"]  # which has two encoders there


def forget(root: Path, *starts: str) -> None:
    """As if the instances whose names start so had never run; and all of other encoders."""
    lock = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))
    for name in [*lock["stages"]]:
        if name.startswith(starts) or "@transformer" in name or name == "paper":
            for out in lock["stages"].pop(name)["outs"]:
                shutil.rmtree(root / out["path"], ignore_errors=True)
    (root / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False), encoding="utf-8")
    shutil.rmtree(root / ".dvc/cache")
