"""Checkpoints: what identifies a run, that a folder appears whole or not at all, and what a damaged one says."""

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file

from xit import heads
from xit.core import instructions, registry
from xit.core.errors import CheckpointError, ConfigError, DataError
from xit.core.examples import read_examples
from xit.core.files import atomic, write_json
from xit.core.plan import Places, Plan
from xit.core.progress import unheard
from xit.core.settings import EncoderSize, MicroSettings, RetrievalSettings
from xit.evaluation.evaluate import EvaluationOptions, evaluate, report_of
from xit.heads import EncodingOptions
from xit.modeling import checkpoints, encoders, task_model, tokenization
from xit.sources.micro import MicroSource
from xit.stages.intermediate import intermediate
from xit.training.loop import Step, train

RETRIEVAL = RetrievalSettings(1.0, "mean")
CODE = ("xit.formats._metrics",)
SIZE = EncoderSize(8, 1, 8, 0)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of XNLI."""
    folder = tmp_path_factory.mktemp("original")
    tiny.write_checkpoint(folder)
    tiny.write_head(folder, "xnli", "matching")
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return shutil.copytree(original, tmp_path / "checkpoint")


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

    with pytest.raises(CheckpointError, match=r"checkpoint: not a whole checkpoint: model.safetensors is missing. Run"):
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


def test_other_errors_pass_through_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^of another kind$"), atomic(tmp_path / "file"):
        raise RuntimeError("of another kind")

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


# What damage to a file says


@pytest.mark.parametrize("form", sorted(tiny.TASKS))
def test_a_changed_bit_in_examples_is_told_or_changes_nothing(form: str, tmp_path: Path) -> None:
    tiny.write_data(tmp_path, tiny.TASKS[form])
    path = tmp_path / "train.parquet"
    content, rows, told = path.read_bytes(), read_examples(path), 0

    for place in range(0, len(content), 11):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            found = read_examples(path)
        except DataError as error:
            assert re.match(r".*/train\.parquet: .*Delete it and run `dvc repro`\.$", str(error))  # noqa: PT017
            told += 1
        else:
            assert found == rows

    assert told > 20


def load(folder: Path) -> None:
    facts = checkpoints.head_config(folder)
    assert facts is not None
    task_model.load_task(folder, facts)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def larger_tokenizer(folder: Path) -> None:
    signs = "".join(chr(code) for code in range(0x4E00, 0x4E80))
    tokenization.save(tokenization.train([signs], 200), folder)


def change_facts(folder: Path, **values: Any) -> None:
    path = folder / "head.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def head_of_another_size(folder: Path) -> None:
    task = tiny.task_of("xnli")
    other = heads.load("classification").head("matching", 8, 1, task)
    checkpoints.save_head(folder, other, checkpoints.HeadConfig("xnli", task.format, "matching", task.labels, 64))


def rename_tensors(folder: Path) -> None:
    tensors = {f"other.{name}": value for name, value in load_file(folder / "head.safetensors").items()}
    save_file(tensors, folder / "head.safetensors")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda f: (f / "tokenizer.json").unlink(),
            r"checkpoint: there is no tokenizer in it. Copy the tokenizer.json",
        ),
        (lambda f: cut(f / "tokenizer.json"), r"tokenizer.json: not a tokenizer, or cut short"),
        (larger_tokenizer, r"the tokenizer has \d+ pieces, the encoder's embedding only \d+ rows. Copy the tokenizer"),
        (
            lambda f: cut(f / "model.safetensors"),
            r"model.safetensors: cannot be read as safetensors, perhaps cut short",
        ),
        (lambda f: cut(f / "head.safetensors"), r"head.safetensors: cannot be read as safetensors, perhaps cut short"),
        (
            lambda f: (f / "head.safetensors").unlink(),
            r"head.json is there but head.safetensors is not. Fine-tune again",
        ),
        (head_of_another_size, r"head.safetensors: does not fit this encoder and xnli: .*size mismatch"),
        (rename_tensors, r"head.safetensors: does not fit this encoder and xnli: .*Missing key"),
        (
            lambda f: change_facts(f, task="pawsx"),
            r"head.json: its head answers contradiction, entailment, neutral; pawsx has 0, 1",
        ),
        (lambda f: cut(f / "head.json"), r"head.json: not the facts of a head .*Fine-tune again: `xit finetune`"),
        (lambda f: change_facts(f, size=3), r"head.json: not the facts of a head .*size"),
        (lambda f: (f / "head.json").write_text("{}"), r"head.json: not the facts of a head .*labels"),
        (lambda f: (f / "head.json").write_text("[]"), r"head.json: not the facts of a head"),
        (lambda f: (f / "head.json").write_bytes(b"\xff"), r"head.json: not the facts of a head"),
        (
            lambda f: change_facts(f, task="xcopa"),
            r"head.json: its head is of the format classification; xcopa is of multiple_choice. Fine-tune again",
        ),
        (lambda f: change_facts(f, task=3), r"head.json: not the facts of a head \(task: .*string"),
        (
            lambda f: change_facts(f, labels=[[1], [2]]),
            r"head.json: not the facts of a head \(labels: 0: .*; labels: 1",
        ),
        (lambda f: change_facts(f, kind="other"), r"head.json: not the facts of a head \(kind: .*'matching'"),
        (lambda f: change_facts(f, max_length_tokens="64"), r"not the facts of a head \(max_length_tokens: .*integer"),
        (lambda f: change_facts(f, max_length_tokens=None), r"not the facts of a head \(max_length_tokens: .*integer"),
        (lambda f: change_facts(f, max_length_tokens=0), r"not the facts of a head \(max_length_tokens: .* than 0"),
        (lambda f: change_facts(f, max_length_tokens=-5), r"not the facts of a head \(max_length_tokens: .* than 0"),
    ],
    ids=[
        "no tokenizer",
        "tokenizer cut",
        "tokenizer larger",
        "weights cut",
        "head cut",
        "no head",
        "head of another size",
        "head of other names",
        "labels of another task",
        "facts cut",
        "facts too many",
        "facts empty",
        "facts a list",
        "facts not UTF-8",
        "task of another format",
        "task a number",
        "labels of lists",
        "kind that there is not",
        "length a text",
        "length null",
        "length 0",
        "length negative",
    ],
)
def test_a_damaged_checkpoint_is_named_with_its_fault(
    damage: Callable[[Path], Any], message: str, folder: Path
) -> None:
    damage(folder)

    with pytest.raises(CheckpointError, match=f"(?s){message}"):
        load(folder)


def test_a_checkpoint_of_another_task_is_refused(folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"checkpoint: its head is of xnli, not of xquad"):
        evaluate(folder, "xquad", tiny.examples("span"), EvaluationOptions(RETRIEVAL))


def test_all_tasks_and_languages_are_looked_at_before_any_is_scored(folder: Path) -> None:
    change_facts(folder, max_length_tokens=1)  # so that scoring anything ends in another error
    settings = MicroSettings(4, 4, 4, 20, 10, 4, 0.5, 0, ("en", "de"))

    faults = (
        r"^xnly: no such task.*\n.*: its head is of xnli, not of xquad.\n.*tatoeba: --language en: English is the.*$"
    )
    with pytest.raises(ConfigError, match=faults):
        report_of(
            str(folder),
            ["xnli", "xnly", "xquad", "tatoeba"],
            ["en", "de"],
            MicroSource(settings),
            EvaluationOptions(RETRIEVAL),
        )
    with pytest.raises(CheckpointError, match=r"its head is of xnli, not of xquad.$"):
        report_of(str(folder), ["xnli", "xquad"], None, MicroSource(settings), EvaluationOptions(RETRIEVAL))
    with pytest.raises(ConfigError, match=r"max_length_tokens: 1: too few for XNLI"):
        report_of(str(folder), ["xnli"], None, MicroSource(settings), EvaluationOptions(RETRIEVAL))


def test_a_bare_encoder_says_what_to_do(folder: Path) -> None:
    (folder / "head.json").unlink()

    with pytest.raises(
        CheckpointError, match=r"a bare encoder, without a head for xnli. Fine-tune it first, .*tatoeba"
    ):
        evaluate(folder, "xnli", tiny.examples("classification"), EvaluationOptions(RETRIEVAL))


@pytest.mark.parametrize("name", ["folder", "."])
def test_a_file_does_not_take_the_place_of_a_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/thesis.txt").touch()

    with pytest.raises(IsADirectoryError):
        write_json(Path(name), {})

    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "thesis.txt"]


def test_an_error_of_the_system_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(PermissionError) as raised, atomic(tmp_path / "out") as temporary:
        raise PermissionError(13, "Permission denied", str(temporary / "inner"))

    assert raised.value.filename == str(tmp_path / "out")
