"""What a damaged checkpoint says, one of another task, and one without a head."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
from safetensors.torch import load_file, save_file

from xit import heads
from xit.core.errors import CheckpointError, ConfigError
from xit.core.settings import MicroSettings, RetrievalSettings
from xit.evaluation.evaluate import EvaluationOptions, evaluate, report_of
from xit.modeling import checkpoints, task_model, tokenization
from xit.sources.micro import MicroSource

RETRIEVAL = RetrievalSettings(1.0, "mean")


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
