"""Recipes: what their ids say, what they train on, and that one stream alone is the plain task, to the bit."""

import dataclasses
import doctest
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import pytest
import tiny
import torch
from safetensors.torch import load_file

from xit import formats
from xit.core import conditions
from xit.core.conditions import parse
from xit.core.errors import ConfigError, TrainingError
from xit.core.examples import write_examples
from xit.core.plan import Places, Plan
from xit.core.progress import unheard
from xit.modeling.checkpoints import MASKED_LM_HEAD
from xit.modeling.task_model import load_encoder
from xit.stages.intermediate import intermediate
from xit.training import mixtures
from xit.training.draws import draws
from xit.training.masked_lm import MaskedLanguageModel
from xit.training.streams import training_examples

TEXT = dataclasses.replace(tiny.TEXT, languages=("en", "de"), language_exponent=0.3)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipes")
    tiny.write_checkpoint(folder / "pretrained/1")
    for name, form in (("mnli", "classification"), ("squad", "span")):
        for split, count in (("train", 24), ("validation", 8)):
            rows = [{**row, "language": "en"} for row in tiny.examples(form, count)]
            write_examples(folder / f"data/{name}/{split}.parquet", tiny.task_of(name), rows)
    translated = [{**row, "language": "de"} for row in tiny.examples("classification", 24)]
    write_examples(folder / "data/mnli+de/train.parquet", tiny.task_of("mnli"), translated)
    (folder / "data/text").mkdir()
    for language in ("en", "de"):
        (folder / f"data/text/{language}.txt").write_text("\n".join(tiny.texts()))
    return folder


def trained(root: Path, condition: str, out: Path, plan: Plan) -> Path:
    places = Places(root / "pretrained", root / "data", out)
    intermediate(tiny.cells("transformer", condition), places, plan, unheard)
    return out / "1"


def outcome(folder: Path) -> Any:
    return json.loads((folder / "outcome.json").read_text())


def test_what_an_id_says() -> None:
    assert doctest.testmod(conditions) == (0, 2)
    assert doctest.testmod(mixtures) == (0, 1)
    assert doctest.testmod(sys.modules["xit.training.draws"]) == (0, 1)
    kinds = {name: parse(name).kind for name in ("none", "untrained", "mlm", "mnli+shuffled", "mnli-30+shuffled")}
    assert set(kinds.values()) == {"control"}
    assert {parse(name).kind for name in ("multitask", "squad+de", "squad+mlm", "multitask-30+de+mlm")} == {"recipe"}


@pytest.mark.parametrize("text", ["mnli-0", "mnli+mlm+de", "Mnli", "mnli+", "mnli-3e2", "", "mnli+shuffled+mlm"])
def test_another_form_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ConfigError, match=r"not a condition\. Conditions: none, untrained, mlm, a task, or multitask"):
        parse(text)


def test_steps_are_drawn_by_the_shares_and_each_stream_counts_its_own() -> None:
    drawn = draws([0.25, 0.75], 4000, seed=3)

    counts = Counter(part for part, _ in drawn)
    assert counts[0] == pytest.approx(1000, abs=80)
    for part in (0, 1):
        assert [place for other, place in drawn if other == part] == list(range(counts[part]))
    assert drawn == draws([0.25, 0.75], 4000, seed=3)
    assert drawn != draws([0.25, 0.75], 4000, seed=4)


@pytest.mark.parametrize(("task", "form"), [("mnli", "classification"), ("squad", "span")])
def test_a_mixture_of_one_stream_is_that_stream_to_the_bit(
    task: str, form: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream alone is trained as its own model; as a mixture of itself it would end in the same bits."""
    alone = trained(root, task, tmp_path / "alone", tiny.plan(task))
    stream = mixtures.task_stream

    def doubled(*arguments: Any) -> mixtures.Stream:
        found = stream(*arguments)
        steps = mixtures.mixed_steps([found], [(0, step) for step in range(12)])
        return dataclasses.replace(found, model=Holder(found.model), step_at=steps)

    class Holder(mixtures.Mixture):
        def __init__(self, model: torch.nn.Module) -> None:
            super().__init__([model])
            self.head = model.head

    monkeypatch.setattr(mixtures, "task_stream", doubled)
    mixed = trained(root, task, tmp_path / "mixed", tiny.plan(task))

    for name in ("model.safetensors", "head.safetensors", "log.jsonl"):
        assert (mixed / name).read_bytes() == (alone / name).read_bytes()


def test_a_subset_of_everything_is_the_plain_task_to_the_bit(root: Path, tmp_path: Path) -> None:
    plain = trained(root, "mnli", tmp_path / "plain", tiny.plan("mnli"))

    folder = trained(root, "mnli-24", tmp_path / "subset", tiny.plan("mnli", examples=24))

    for name in ("model.safetensors", "head.safetensors", "log.jsonl"):
        assert (folder / name).read_bytes() == (plain / name).read_bytes()


def test_subsets_of_a_seed_are_nested_and_those_of_another_seed_differ(root: Path) -> None:
    def ids(count: int, seed: int) -> list[str]:
        batches = dataclasses.replace(tiny.BATCHES, examples=count)
        return [example["id"] for example in training_examples("mnli", batches, root / "data", seed)[0]]

    few, more, others = ids(4, 1), ids(12, 1), ids(4, 2)

    assert (len(few), len(more)) == (4, 12)
    assert set(few) < set(more)
    assert few != others


def test_a_subset_larger_than_its_task_says_what_there_is(root: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"mnli-100: .*mnli/train.parquet has only 24 training examples"):
        trained(root, "mnli-100", tmp_path, tiny.plan("mnli", examples=100))


def test_a_subset_of_as_many_epochs_has_steps_in_proportion(root: Path, tmp_path: Path) -> None:
    folder = trained(root, "mnli-8", tmp_path, tiny.plan("mnli", examples=8, subset_budget="epochs"))

    assert outcome(folder)["steps"] == 4  # 12 · 8 / 24


def test_many_tasks_share_an_encoder_by_capped_shares_and_keep_no_head(root: Path, tmp_path: Path) -> None:
    folder = trained(root, "multitask", tmp_path, tiny.plan("mnli", "squad", most_examples=16))

    found = outcome(folder)
    assert found["shares"] == {"mnli": 0.5, "squad": 0.5}  # 24 examples each, of which 16 count
    assert sum(found["batches"].values()) == found["steps"] == 12
    assert min(found["batches"].values()) > 0
    assert not (folder / "head.safetensors").exists()
    before, after = (load_file(path / "model.safetensors") for path in (root / "pretrained/1", folder))
    assert not any(torch.equal(before[name], after[name]) for name in before)


def test_masked_lm_comes_on_top_of_the_steps_of_the_task(root: Path, tmp_path: Path) -> None:
    text = dataclasses.replace(TEXT, share=0.5)

    found = outcome(trained(root, "mnli+mlm", tmp_path, tiny.plan("mnli", text=text)))

    assert found["shares"] == {"mnli": 0.5, "mlm": 0.5}
    assert found["steps"] == 24
    assert found["best_score"] is not None


def test_translated_examples_are_those_of_the_other_folder(root: Path, tmp_path: Path) -> None:
    folder = trained(root, "mnli+de", tmp_path / "de", tiny.plan("mnli", language="de"))

    lineage = json.loads((folder / "lineage.json").read_text())
    assert set(lineage["inputs"]) >= {"mnli train", "mnli validation"}
    examples, _ = training_examples("mnli", dataclasses.replace(tiny.BATCHES, language="de"), root / "data", 1)
    assert {example["language"] for example in examples} == {"de"}


def test_masked_lm_goes_on_with_the_head_of_pretraining(root: Path, tmp_path: Path) -> None:
    bare, _ = load_encoder(root / "pretrained/1")
    torch.manual_seed(5)
    model = MaskedLanguageModel(bare.encoder)  # type: ignore[arg-type]

    assert not model.load_head(root / "pretrained/1")
    model.save_head(tmp_path)
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    other = MaskedLanguageModel(bare.encoder)  # type: ignore[arg-type]

    assert other.load_head(tmp_path)
    assert all(torch.equal(tensor, kept[name]) for name, tensor in other.state_dict().items())
    assert set(load_file(tmp_path / MASKED_LM_HEAD)) == {
        "transform.weight",
        "transform.bias",
        "norm.weight",
        "norm.bias",
        "bias",
    }


def test_the_control_of_masked_lm_trains_as_many_steps_and_looks_at_nothing(root: Path, tmp_path: Path) -> None:
    found = outcome(trained(root, "mlm", tmp_path, tiny.plan(text=TEXT)))

    assert (found["steps"], found["best_step"], found["best_score"]) == (12, 12, None)


@pytest.mark.parametrize("form", sorted(tiny.TASKS))
def test_shuffled_labels_are_the_same_ones_elsewhere(form: str) -> None:
    examples = tiny.examples(form, 40)

    found = formats.format_of(tiny.task_of(tiny.TASKS[form])).shuffled(examples, numpy.random.default_rng(0))

    assert labels(form, found) != labels(form, examples)
    if form == "span":
        for example in found:
            (answer,), (start,) = example["answers"], example["starts"]
            assert example["context"][start : start + len(answer)] == answer
            assert start == 0 or example["context"][start - 1] == " "
    else:
        assert Counter(map(str, labels(form, found))) == Counter(map(str, labels(form, examples)))
    texts = [{k: v for k, v in e.items() if k not in ("label", "tags", "answers", "starts", "gold")} for e in found]
    assert len(texts) == len(examples)
    assert all(text.items() <= example.items() for text, example in zip(texts, ordered(form, examples), strict=True))


def labels(form: str, examples: Sequence[Mapping[str, Any]]) -> list[Any]:
    if form == "tagging":
        return [tag for example in examples for tag in example["tags"]]
    if form == "retrieval":
        return [example["gold"] for example in examples if example["role"] == "query"]
    return [example["starts"] if form == "span" else example["label"] for example in examples]


def ordered(form: str, examples: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """As retrieval returns them: queries, then candidates."""
    if form != "retrieval":
        return list(examples)
    return sorted(examples, key=lambda example: example["role"] != "query")


def test_shuffled_labels_are_trained_for_all_steps_without_validation(root: Path, tmp_path: Path) -> None:
    found = outcome(trained(root, "squad+shuffled", tmp_path, tiny.plan("squad", is_shuffled=True)))

    assert (found["steps"], found["best_step"], found["best_score"]) == (12, 12, None)
