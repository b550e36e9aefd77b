"""Checkpoints that transformers has fine-tuned: their heads give transformers' own logits, labels go by name."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import transformers
from typer.testing import CliRunner

from xit import heads
from xit.cli import app as cli
from xit.core.errors import CheckpointError, ConfigError
from xit.core.settings import RetrievalSettings
from xit.core.task import task_of
from xit.evaluation import evaluate
from xit.heads import EncodingOptions
from xit.modeling import convert, encoders, released_heads, task_model, tokenization

RETRIEVAL = RetrievalSettings(1.0, "mean")
KINDS = {
    "SequenceClassification": "xnli",
    "TokenClassification": "panx",
    "QuestionAnswering": "xquad",
    "MultipleChoice": "xcopa",
}
"""The kinds of heads, and a task of each."""
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
MODELS = {
    "bert": (transformers.BertConfig, {}),
    "xlm-roberta": (transformers.XLMRobertaConfig, {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}),
    "electra": (transformers.ElectraConfig, {"embedding_size": 8}),
    "distilbert": (transformers.DistilBertConfig, {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 16}),
}

TYPED = ("bert", "electra")
"""Those whose tokenizer tells the two texts of a pair apart."""


def names_of(task: str) -> list[str]:
    """The labels of a task, not in its order."""
    return [*task_of(task).labels[1:], *task_of(task).labels[:1]]


def write(folder: Path, kind: str, model_type: str = "bert", names: list[str] | None = None, **more: Any) -> Any:
    """A model of random weights with a head, as transformers writes it; weights are large, so that answers differ."""
    config_type, sizes = MODELS[model_type]
    names = names_of(KINDS[kind]) if names is None else names
    labels = {"id2label": dict(enumerate(names)), "label2id": {name: number for number, name in enumerate(names)}}
    tokenizer = tiny.tokenizer()
    torch.manual_seed(0)
    config = config_type(vocab_size=tokenizer.vocabulary_size, **SIZES, **sizes, **(labels if names else {}), **more)
    model = getattr(transformers, f"AutoModelFor{kind}").from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) / 4)
    model.save_pretrained(folder)
    inputs = ["input_ids", *(["token_type_ids"] if model_type in TYPED else []), "attention_mask"]
    roles: dict[str, Any] = {**tokenization.ROLES, "model_input_names": inputs}
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend, **roles)
    fast.save_pretrained(folder)
    return model


def texts_of(task: str) -> list[Any]:
    """What a tokenizer of transformers is given for each row of a few examples."""
    examples: list[Any] = tiny.examples(task_of(task).format, 8)
    if task == "xnli":
        return [(e["text_a"], e["text_b"]) for e in examples]
    if task == "xcopa":
        return [(e["prompt"], choice) for e in examples for choice in e["choices"]]
    return [(e["question"], e["context"]) for e in examples]


@pytest.mark.parametrize("model_type", MODELS)
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_logits_are_those_of_transformers(kind: str, model_type: str, tmp_path: Path) -> None:
    task = task_of(KINDS[kind])
    theirs = write(tmp_path, kind, model_type)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    examples: list[Any] = tiny.examples(task.format, 8)

    head = evaluate.head_for(tmp_path, task.id)
    model, own = task_model.load_task(tmp_path, head)
    encoded = heads.load(task.format).encode(examples, EncodingOptions(own, task, 512))
    logits = model.logits([row for one in encoded for row in one.rows])

    if kind == "TokenClassification":
        batches = [tokenizer(e["words"], is_split_into_words=True, return_tensors="pt") for e in examples]
    else:
        batches = [tokenizer(*pair, return_tensors="pt") for pair in texts_of(task.id)]
    has_types = any("token_type_ids" in batch and (batch["token_type_ids"] == 1).any() for batch in batches)
    assert has_types == (kind != "TokenClassification" and model_type in TYPED)
    assert len(logits) == len(batches)
    for found, batch in zip(logits, batches, strict=True):
        inputs = dict(batch)
        if kind == "MultipleChoice":
            expected = theirs(**{k: v[None] for k, v in inputs.items()}).logits[0, 0]
        elif kind == "QuestionAnswering":
            output = theirs(**inputs)
            expected = torch.stack([output.start_logits[0], output.end_logits[0]])
        else:
            order = [theirs.config.label2id[label] for label in task.labels]
            expected = theirs(**inputs).logits[0][..., order]
        without_padding = found[tuple(slice(size) for size in expected.shape)]
        torch.testing.assert_close(without_padding, expected, atol=1e-5, rtol=0)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    parameters = (Path(__file__).parents[2] / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(re.sub(r"(?m)^  test: \d+", "  test: 12", parameters, count=1))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli.app, list(arguments))


@torch.no_grad()
def test_labels_go_by_name_from_the_command_to_the_predictions(project: Path) -> None:
    theirs = write(project / "named", "SequenceClassification")
    write(project / "unnamed", "SequenceClassification", names=["LABEL_0", "LABEL_1", "LABEL_2"])
    common = ("--source", "micro", "--language", "de", "--json", "out.json")

    plain = run("eval", "named", "--task", "xnli", *common, "--predictions", "one")
    mapped = run("eval", "unnamed", *common, "--predictions", "two", "--labels", ",".join(names_of("xnli")))

    assert (plain.exit_code, mapped.exit_code) == (0, 0), unwrapped(plain) + unwrapped(mapped)
    assert json.loads(Path("out.json").read_text())["tasks"].keys() == {"xnli"}
    rows = [line.split("\t") for line in Path("one/xnli/test-de.tsv").read_text().splitlines()]
    assert Path("one/xnli/test-de.tsv").read_bytes() == Path("two/xnli/test-de.tsv").read_bytes()
    assert len({row[0] for row in rows}) > 1
    from xit.pipeline import config
    from xit.sources import open_source

    source = open_source(config.load(Path("params.yaml")), "micro", None, ("de",))
    tokenizer = transformers.AutoTokenizer.from_pretrained("named")
    for row, example in zip(rows, source.examples(task_of("xnli"), "test", "de"), strict=False):
        batch = tokenizer(example["text_a"], example["text_b"], return_tensors="pt")
        assert row[0] == theirs.config.id2label[int(theirs(**batch).logits.argmax())]


@pytest.mark.parametrize("kind", KINDS)
def test_every_head_is_scored_submitted_and_names_its_tasks(kind: str, project: Path) -> None:
    write(project / "tuned", kind)
    task = KINDS[kind]
    expected = {"xquad": {"xquad", "mlqa", "tydiqa"}}.get(task, {task})

    common = ("--source", "micro", "--language", "zh")  # which every benchmark of these tasks has

    scored = run("eval", "tuned", *common, "--json", "scores.json")
    sent = run("submit", f"{task}=tuned", "--benchmark", "xtreme_r", "--out", "sent", *common)

    assert scored.exit_code == 0, unwrapped(scored)
    assert set(json.loads(Path("scores.json").read_text())["tasks"]) == expected
    assert set(evaluate.tasks_of(project / "tuned")) == expected
    assert sent.exit_code == 0, unwrapped(sent)
    assert not Path("sent/tatoeba").exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["LABEL_0", "LABEL_1", "LABEL_2"], r"answers LABEL_0, LABEL_1, LABEL_2; xnli has contradiction, .*--labels"),
        ([], r"answers (LABEL_0, LABEL_1|what config.json does not name); xnli has contradiction"),
        (["yes", "maybe", "no"], r"answers yes, maybe, no; xnli has contradiction, entailment, neutral. Say what"),
        (["NEUTRAL", "Entailment", "contradiction"], r"same in this order: --labels neutral,entailment,contradiction"),
        (["entailment", "not_entailment"], r"2 outputs for 3 labels: it was fine-tuned on another task"),
        (["neutral", "neutral", "entailment"], r"answers neutral, neutral, entailment; xnli has"),
    ],
)  # fmt: skip
def test_labels_of_other_names_are_refused_with_both_lists(names: list[str], message: str, tmp_path: Path) -> None:
    write(tmp_path, "SequenceClassification", names=names)

    with pytest.raises(CheckpointError, match=message):
        evaluate.head_for(tmp_path, "xnli")


@pytest.mark.parametrize("numbers", [("0", "2", "5"), ("1", "2", "3"), ("0", "1", "x"), ("00", "1", "2")])
def test_labels_whose_numbers_are_not_those_of_outputs_are_not_taken(numbers: tuple[str, ...], tmp_path: Path) -> None:
    write(tmp_path, "SequenceClassification")
    config = json.loads((tmp_path / "config.json").read_text())
    config["id2label"] = dict(zip(numbers, names_of("xnli"), strict=True))
    (tmp_path / "config.json").write_text(json.dumps(config))

    head = released_heads.read(tmp_path)

    assert head is not None
    with pytest.raises(CheckpointError, match=r"answers what config.json does not name; xnli has"):
        released_heads.for_task(tmp_path, head, task_of("xnli"))


def test_a_mapping_that_is_of_no_task_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--labels yes,no: the labels of no task.*\n  panx: "):
        released_heads.parse_labels(["yes,no"])
    assert released_heads.parse_labels(["neutral, entailment,contradiction"]) == [
        ("neutral", "entailment", "contradiction")
    ]


def write_unread(folder: Path, architecture: str) -> None:
    write(folder, "TokenClassification")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": [architecture]}))


@pytest.mark.parametrize("architecture", ["BertForNextSentencePrediction", "BertCrfForTokenTagging", "BertCrfTagger"])
def test_a_head_that_is_not_read_is_refused_for_its_task_and_told_where_it_is_not_used(
    architecture: str, project: Path
) -> None:
    write_unread(project / "tuned", architecture)

    trained = run("eval", "tuned", "--task", "udpos", "--source", "micro", "--language", "de")
    imported = run("import", "released", "tuned", "--out", "made")

    assert isinstance(trained.exception, CheckpointError)
    assert f"({architecture}) is of a kind that is not read. Those that are: ForSeq" in unwrapped(trained)
    assert imported.exit_code == 0, unwrapped(imported)
    assert f"its head ({architecture}) is not used here" in unwrapped(imported)


def test_a_head_that_is_not_read_is_told_by_every_command(project: Path) -> None:
    write_unread(project / "tuned", "BertCrfTagger")
    common = ("--source", "micro", "--language", "de")

    bare = run("eval", "tuned", *common)
    sent = run("submit", "tuned", "--benchmark", "xtreme_r", "--out", "sent", *common)
    asked = run("checklist", "tuned", "--language", "de", "--samples", "1")

    assert isinstance(asked.exception, CheckpointError)
    assert "BertCrfTagger" in unwrapped(asked)
    for told in (bare, sent):
        assert told.exit_code == 0, unwrapped(told)
        assert "its head (BertCrfTagger) is not used here" in unwrapped(told)


def test_a_data_folder_is_no_part_of_the_micro_source(project: Path) -> None:
    write(project / "tuned", "SequenceClassification")

    told = run("eval", "tuned", "--source", "micro", "--data", str(project), "--language", "de")

    assert "the micro source reads no files. Leave --data out, or name --source files." in unwrapped(told)
    assert isinstance(told.exception, ConfigError)


def unwrapped(result: Any) -> str:
    """What a command prints, or what is wrong, in one line."""
    return " ".join(f"{result.output} {result.exception or ''}".split())


def test_a_head_is_told_where_only_the_encoder_is_used(project: Path) -> None:
    write(project / "tuned", "TokenClassification")

    bare = run("eval", "tuned", "--task", "tatoeba", "--source", "micro", "--language", "de")
    lines = convert.released("tuned", None, project / "made")

    assert bare.exit_code == 0, unwrapped(bare)
    assert "tuned: its head (BertForTokenClassification) is not used here, its encoder alone is." in unwrapped(bare)
    assert lines[1].endswith("its encoder alone is.")
    assert released_heads.read(project / "made") is None
    assert encoders.load(project / "made").name == "bert"


def test_a_head_of_another_format_or_of_lost_weights_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    write(tmp_path, "TokenClassification")
    with pytest.raises(CheckpointError, match=r"is for tagging; xnli is a task of classification. Name .*: panx"):
        evaluate.head_for(tmp_path, "xnli")
    tensors = load_file(tmp_path / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith("classifier")}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(CheckpointError, match=r"its weights lack 2 that a bert .*, classifier.bias first"):
        task_model.load_task(tmp_path, evaluate.head_for(tmp_path, "panx"))


def test_small_questions_are_asked_of_a_head_for_questions(project: Path) -> None:
    write(project / "tuned", "QuestionAnswering")

    asked = run("checklist", "tuned", "--language", "de", "--samples", "1", "--json", "found.json")

    assert asked.exit_code == 0, unwrapped(asked)
    assert json.loads(Path("found.json").read_text())["tests"]


def test_two_heads_for_questions_are_told_apart_by_their_tasks(project: Path) -> None:
    for name in ("one", "two"):
        write(project / name, "QuestionAnswering")
    common = ("--benchmark", "xtreme_r", "--source", "micro", "--language", "en")

    both = run("submit", "one", "two", *common, "--out", "sent")
    apart = run("submit", "one", "tydiqa=two", *common, "--out", "sent")

    assert isinstance(both.exception, ConfigError)
    assert (
        "two: one is of mlqa too. Give one checkpoint a task. Of several that it answers, name the one: mlqa=two"
        in (unwrapped(both))
    )
    assert apart.exit_code == 0, unwrapped(apart)
    assert {path.name for path in Path("sent").iterdir()} >= {"xquad", "mlqa", "tydiqa"}
