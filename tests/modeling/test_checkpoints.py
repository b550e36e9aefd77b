"""Checkpoints: what identifies a run, that a folder appears whole or not at all, and what it holds."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file

from xit import heads
from xit.core import instructions, registry
from xit.core.errors import CheckpointError
from xit.core.files import write_json
from xit.core.plan import Places, Plan
from xit.core.progress import unheard
from xit.core.settings import EncoderSize
from xit.heads import EncodingOptions
from xit.modeling import checkpoints, encoders, task_model, tokenization
from xit.stages.intermediate import intermediate
from xit.training.loop import Step, train

CODE = ("xit.formats._metrics",)
SIZE = EncoderSize(8, 1, 8, 0)


# A run


def lineage(**parameters: Any) -> dict[str, Any]:
    return checkpoints.lineage("finetune", CODE, {}, **parameters)


def test_equal_runs_have_equal_lineages_and_json_keeps_them() -> None:
    size = EncoderSize(8, 1, 8, 0)

    run = lineage(size=size, seed=1, languages=("en", "de"))

    assert run == lineage(size=size, seed=1, languages=("en", "de"))
    assert json.loads(json.dumps(run)) == run
    assert run["parameters"]["size"] == {"dimension": 8, "layers": 1, "inner": 8, "heads": 0}


def test_a_lineage_changes_with_parameters_inputs_and_code(folder: Path) -> None:
    inputs = {"model": folder / "model.safetensors"}
    runs = [
        checkpoints.lineage("finetune", CODE, inputs, seed=1),
        checkpoints.lineage("pretrain", CODE, inputs, seed=1),
        checkpoints.lineage("finetune", CODE, inputs, seed=2),
        checkpoints.lineage("finetune", ("xit.core.scores",), inputs, seed=1),
    ]
    inputs["model"].write_bytes(b"other weights")
    runs.append(checkpoints.lineage("finetune", CODE, inputs, seed=1))

    assert all(run != other for i, run in enumerate(runs) for other in runs[:i])


def test_settings_that_change_no_bit_stand_in_no_lineage() -> None:
    def of(**changes: Any) -> dict[str, Any]:
        compute = dataclasses.replace(tiny.COMPUTE, **changes)
        return lineage(plan=dataclasses.replace(tiny.PLAN, compute=compute))

    assert of() == of(save_every=1)
    assert of() != of(precision="bfloat16")


def test_the_threads_that_compute_stand_in_every_lineage() -> None:
    before = lineage()
    torch.set_num_threads(2)
    try:
        assert lineage() != before
    finally:
        torch.set_num_threads(1)


def test_the_instructions_of_the_processor_stand_in_every_lineage() -> None:
    before, name = lineage(), instructions.applied()
    instructions.apply("native" if name != "native" else "avx2", {})
    try:
        assert (lineage() == before) == bool(instructions.lack())
    finally:
        instructions.apply(name, {})
    assert lineage() == before


def test_the_values_of_a_task_that_models_read_stand_in_place_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> dict[str, Any]:
        return checkpoints.lineage("finetune", (*CODE, "xit.tasks.panx"), {})

    def with_other(**values: Any) -> dict[str, Any]:
        monkeypatch.setattr(panx, "task", dataclasses.replace(task, **values))
        return run()

    panx = registry.load("tasks", "panx")
    before, task = run(), panx.task

    assert before["tasks"]["panx"]["labels"] == list(task.labels)
    assert with_other(citation="Nobody 2026", published={"train": 1}, languages=("en",), hub={}) == before
    assert with_other(labels=task.labels[::-1]) != before
    assert with_other(metric="accuracy") != before
    assert with_other(pool="all") != before


@dataclasses.dataclass(frozen=True)
class Before:
    """Settings, as they were when a model was made."""

    steps: int
    size: EncoderSize


@dataclasses.dataclass(frozen=True)
class After:
    """The same, with a field more, a field less, and a field more inside."""

    size: Any
    smoothing: float = 0.1


@dataclasses.dataclass(frozen=True)
class Size(EncoderSize):
    """With a field more."""

    experts: int = 4


def test_a_field_that_was_added_to_the_settings_or_taken_from_them_makes_nothing_again(tmp_path: Path) -> None:
    checkpoints.run_once(tmp_path / "1", lineage(settings={"xnli": Before(3, SIZE)}), write("first"))

    assert checkpoints.is_finished(tmp_path / "1", lineage(settings={"xnli": After(Size(8, 1, 8, 0))}))
    assert not checkpoints.is_finished(tmp_path / "1", lineage(settings={"xnli": After(Size(8, 2, 8, 0))}))


@pytest.mark.parametrize(
    "settings",
    [
        {"xnli": Before(4, SIZE)},
        {},
        {"xnli": Before(3, SIZE), "panx": Before(3, SIZE)},
        {"panx": Before(3, SIZE)},
        [Before(3, SIZE)],
        None,
    ],
)
def test_any_other_difference_of_settings_makes_it_again(settings: Any, tmp_path: Path) -> None:
    checkpoints.run_once(tmp_path / "1", lineage(settings={"xnli": Before(3, SIZE)}), write("first"))

    assert not checkpoints.is_finished(tmp_path / "1", lineage(settings=settings))


def test_code_for_released_encoders_counts_only_where_one_is_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bert").mkdir()
    write_json(tmp_path / "bert/config.json", {"model_type": "bert"})

    def code(config: Path, *more: str) -> Any:
        return checkpoints.lineage("finetune", ("xit.modeling.task_model", *more), {"config.json": config})["code"]

    ours, released = folder / "config.json", tmp_path / "bert/config.json"
    assert code(ours) != code(released) == code(ours, "xit.modeling.released")
    assert "xit.modeling.released" not in registry.imports(["xit.modeling.task_model"])


def test_a_parents_head_log_and_lineage_are_no_inputs(folder: Path) -> None:
    names = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert set(checkpoints.encoder_files(folder)) == names


@pytest.mark.parametrize("change", [{"pad_token": "</s>"}, {tokenization.NORMALIZATION: "sentencepiece"}])
def test_what_a_parents_tokenizer_config_says_makes_again_what_starts_from_it(
    change: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    cells, places = tiny.cells("transformer", "none"), Places(tmp_path / "parents", tmp_path, tmp_path / "out")
    shutil.copytree(folder, tmp_path / "parents/1")
    intermediate(cells, places, None, unheard)
    path = tmp_path / "parents/1/tokenizer_config.json"
    write_json(path, json.loads(path.read_text()) | change)

    [again] = intermediate(cells, places, None, unheard)
    [kept] = intermediate(cells, places, None, unheard)

    assert "already made" not in again
    assert "already made" in kept
    assert json.loads((tmp_path / "out/1/tokenizer_config.json").read_text()).items() >= change.items()


def test_a_parent_that_is_not_whole_names_what_is_missing(folder: Path) -> None:
    (folder / "model.safetensors").unlink()

    with pytest.raises(CheckpointError, match=r"checkpoint: not a whole checkpoint: it lacks model.safetensors. Run"):
        checkpoints.encoder_files(folder)


# Whole or not at all


def write(text: str, calls: list[str] | None = None) -> Callable[[Path, Path], str]:
    def make(folder: Path, working: Path) -> str:
        if calls is not None:
            calls.append(text)
        (folder / "weights").write_text(text)
        return "figure"

    return make


def test_a_finished_folder_of_equal_lineage_is_kept(tmp_path: Path) -> None:
    calls: list[str] = []
    first = checkpoints.run_once(tmp_path / "1", lineage(seed=1), write("first", calls))

    second = checkpoints.run_once(tmp_path / "1", lineage(seed=1), write("second", calls))

    assert first.endswith("1: figure")
    assert second.endswith("1: already made, of the same lineage")
    assert calls == ["first"]
    assert (tmp_path / "1/weights").read_text() == "first"


def test_a_folder_of_another_lineage_is_replaced_as_a_whole(tmp_path: Path) -> None:
    checkpoints.run_once(tmp_path / "1", lineage(seed=1), write("first"))
    (tmp_path / "1/left over").write_text("")

    checkpoints.run_once(tmp_path / "1", lineage(seed=2), write("second"))

    assert {path.name: path.read_text() for path in (tmp_path / "1").iterdir() if path.name != "lineage.json"} == {
        "weights": "second"
    }


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff"])
def test_a_folder_with_a_damaged_lineage_is_made_again(text: bytes, tmp_path: Path) -> None:
    checkpoints.run_once(tmp_path / "1", lineage(seed=1), write("first"))
    (tmp_path / "1/lineage.json").write_bytes(text)

    checkpoints.run_once(tmp_path / "1", lineage(seed=1), write("second"))

    assert (tmp_path / "1/weights").read_text() == "second"


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("fir5t")], ids=["gone", "changed"])
def test_a_finished_folder_whose_file_is_not_what_was_written_is_made_again(
    damage: Callable[[Path], Any], tmp_path: Path
) -> None:
    checkpoints.run_once(tmp_path / "1", lineage(seed=1), write("first"))
    damage(tmp_path / "1/weights")

    checkpoints.run_once(tmp_path / "1", lineage(seed=1), write("first"))

    assert (tmp_path / "1/weights").read_text() == "first"


@pytest.mark.parametrize("stopped_by", [ValueError, KeyboardInterrupt])
def test_a_run_that_stops_leaves_what_was_there_and_its_state_only(
    stopped_by: type[BaseException], tmp_path: Path
) -> None:
    def make(folder: Path, working: Path) -> str:
        write("second")(folder, working)
        working.mkdir()
        (working / "state").write_text("to resume from")
        raise stopped_by

    checkpoints.run_once(tmp_path / "old", lineage(seed=1), write("first"))
    for name in ("old", "new"):
        with pytest.raises(stopped_by):
            checkpoints.run_once(tmp_path / name, lineage(seed=2), make)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.partial", "old", "old.partial"]
    assert (tmp_path / "old/weights").read_text() == "first"
    assert checkpoints.is_finished(tmp_path / "old", lineage(seed=1))


def test_a_kill_while_a_folder_is_replaced_leaves_none_rather_than_half_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(folder: Path) -> None:
        if folder.exists():
            (folder / "weights").unlink()
            raise Killed

    checkpoints.run_once(tmp_path / "1", lineage(seed=1), write("first"))
    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(Killed):
        checkpoints.run_once(tmp_path / "1", lineage(seed=2), write("second"))

    monkeypatch.undo()
    assert not checkpoints.is_finished(tmp_path / "1", lineage(seed=1))
    checkpoints.run_once(tmp_path / "1", lineage(seed=1), write("first"))
    checkpoints.keep_only(tmp_path, ["1"])
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
    assert (tmp_path / "1" / "weights").read_text() == "first"


def test_the_state_goes_when_the_run_has_finished(tmp_path: Path) -> None:
    (tmp_path / "1.partial").mkdir()

    checkpoints.run_once(tmp_path / "1", lineage(seed=1), write("first"))

    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_what_the_grid_no_longer_names_and_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    for name in ("1", "2", "3", ".1.partial", "2.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text("")
    (tmp_path / "stray").write_text("")

    checkpoints.keep_only(tmp_path, ["1", "2"])

    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]
    checkpoints.keep_only(tmp_path / "nowhere", ["1"])


# A full disk


def weights(folder: Path) -> None:
    encoders.save(encoders.build("lstm", EncoderSize(16, 1, 16, 0), 100), folder)


def head(folder: Path) -> None:
    folder.mkdir()
    facts = checkpoints.HeadConfig("xnli", "classification", "matching", ("a", "b"), 64)
    checkpoints.save_head(folder, torch.nn.Linear(100, 100), facts)


def released(folder: Path) -> None:
    import transformers

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    transformers.BertModel(transformers.BertConfig(vocab_size=100, **sizes)).save_pretrained(folder)


def state(folder: Path) -> None:
    class Large(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = torch.nn.Parameter(torch.zeros(10_000))

        def forward(self, batch: Any) -> torch.Tensor:
            return (self.w - batch["labels"]).square().mean()

    plan = Plan(0.1, 2, 0.0, 0.0, 1.0, dataclasses.replace(tiny.COMPUTE, save_every=1))
    train(Large(), lambda step: Step([{"labels": torch.ones(1)}], ["e"]), plan, folder, {})


WRITERS = {
    "weights": weights,
    "head": head,
    "released weights": released,
    "resumable state": state,
    "tokenizer": lambda folder: tokenization.save(tiny.tokenizer(), folder),
    "examples": lambda folder: tiny.write_data(folder, "xquad"),
    "json": lambda folder: write_json(folder / "scores.json", ["x" * 10_000]),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_named_and_nothing_is_left(name: str, tmp_path: Path) -> None:
    def make(folder: Path, working: Path) -> str:
        WRITERS[name](folder / "inner")
        return "figure"

    checkpoints.run_once(tmp_path / "1", {}, make)  # where there is room
    shutil.rmtree(tmp_path / "1")
    with tiny.files_of_at_most(2000), pytest.raises(OSError, match="File too large") as raised:
        checkpoints.run_once(tmp_path / "1", {}, make)

    assert raised.value.filename.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


# What a checkpoint holds


def test_a_checkpoint_gives_back_encoder_and_head(folder: Path) -> None:
    facts = checkpoints.head_config(folder)
    assert facts is not None
    task = tiny.task_of("xnli")

    model, tokenizer = task_model.load_task(folder, facts)

    assert facts == checkpoints.HeadConfig("xnli", "classification", "matching", task.labels, 64)
    assert all(torch.equal(model.head.state_dict()[k], v) for k, v in load_file(folder / "head.safetensors").items())
    predictions = heads.load("classification").predict(
        model, tiny.examples("classification"), EncodingOptions(tokenizer, task, 64)
    )
    assert set(predictions) <= set(task.labels)


def test_a_head_does_not_travel(folder: Path, tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "child", encoders.load(folder), folder)

    assert {path.name for path in (tmp_path / "child").iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    for name in ("model.safetensors", "tokenizer.json"):
        assert (tmp_path / "child" / name).read_bytes() == (folder / name).read_bytes()
    assert checkpoints.head_config(tmp_path / "child") is None


def test_a_checkpoint_made_here_knows_its_place_in_the_grid(folder: Path) -> None:
    write_json(folder / "lineage.json", lineage(encoder="lstm", condition="mnli", seed=2))
    assert checkpoints.origin(folder) == ("lstm", "mnli", 2)

    write_json(folder / "lineage.json", lineage(encoder="lstm", seed=2))  # pretraining
    assert checkpoints.origin(folder) == ("lstm", "none", 2)


@pytest.mark.parametrize("text", [None, b"{", b"{}", b"[]", b"\xff"])
def test_a_checkpoint_from_elsewhere_goes_by_its_name(text: bytes | None, folder: Path) -> None:
    if text is not None:
        (folder / "lineage.json").write_bytes(text)

    assert checkpoints.origin(folder) == ("checkpoint", "unknown", 0)
    assert checkpoints.origin("owner/name") == ("name", "unknown", 0)
