"""Released encoders as encoders of the grid, from the Hub's own library and a server on loopback; and hybrids."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import encoder_fixtures
import huggingface_hub.constants
import pytest
import small_experiment
import tiny
import torch
from encoder_fixtures import RELEASED
from hub_server import HubServer
from torch import Tensor

from xit.core import hub, registry
from xit.core.errors import CheckpointError, ConfigError, DataError
from xit.core.plan import Places
from xit.core.progress import unheard
from xit.core.settings import VocabularySettings
from xit.modeling import convert, convert_rwkv_world, encoders, tokenization
from xit.modeling.encoder import Encoder
from xit.modeling.task_model import load_encoder
from xit.modeling.tokenization import Tokenizer
from xit.pipeline import config, overlay, runner
from xit.stages.intermediate import intermediate
from xit.stages.pretrain import pretrain
from xit.training.masked_lm import MaskedLanguageModel

OWN = tuple(tiny.SIZES)
FAST = ("laser2", "rwkv4_world", "rwkv7_world", "xlmr_base")
UNLIKE = ("laser2", "mt5_base", "rwkv4_world")


@pytest.fixture(scope="module")
def server() -> Iterator[HubServer]:
    with HubServer.serving(encoder_fixtures.Repositories()) as running, pytest.MonkeyPatch.context() as patch:
        running.is_the_hub(patch)
        yield running


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, server: HubServer) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    encoder_fixtures.put_laser(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(folder))
        yield folder


def test_these_tests_run_over_every_released_encoder() -> None:
    assert len(RELEASED) == 17
    assert {facts.model_type for facts in RELEASED.values()} - {""} <= set(encoder_fixtures.MODELS)
    assert set(registry.names("encoders")) == set(RELEASED) | set(OWN)
    assert RELEASED["mdeberta_v3"].overflows == RELEASED["rwkv4_world"].overflows == ("float16",)


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(n, marks=pytest.mark.slow) for n in RELEASED if n not in FAST)])
def test_a_released_encoder_becomes_the_checkpoint_of_every_seed(name: str, cache: Path, tmp_path: Path) -> None:
    lines = convert.pretrained(tiny.cells(name, seeds=(1, 2)), "released", tmp_path)

    facts = RELEASED[name]
    first, second = (tmp_path / seed for seed in "12")
    outcome, lineage = (json.loads((first / file).read_text()) for file in ("outcome.json", "lineage.json"))
    encoder, tokenizer = load_encoder(first)
    assert outcome["parameters"] == sum(p.numel() for p in encoder.parameters())
    assert (outcome["licence"], outcome["languages"]) == (facts.licence, facts.languages)
    assert all(weight.dtype == torch.float32 for weight in encoder.parameters())
    assert tokenizer.backend.encode("Ida painted", "Bo").offsets[0][0] == 0
    assert lineage["parameters"]["weights"] == outcome["weights"]
    assert ("not pinned" in lines[0]) == ("@" not in facts.repository) == (not lineage["parameters"]["is_pinned"])
    if "@" in facts.repository:
        assert outcome["weights"] == facts.repository
    assert not [file for file in lineage["inputs"] if file.endswith((".py", ".onnx", ".msgpack"))]
    assert (first / "model.safetensors").samefile(second / "model.safetensors")
    assert json.loads((second / "lineage.json").read_text())["parameters"]["seed"] == 2


def test_it_is_kept_while_what_it_was_made_of_is_the_same_and_made_offline_too(cache: Path, tmp_path: Path) -> None:
    convert.pretrained(tiny.cells("xlmr_base"), "released", tmp_path)

    hub.configure("", is_offline=True)
    lines = convert.pretrained(tiny.cells("xlmr_base", seeds=(3, 1)), "released", tmp_path)

    assert [("already made" in line) for line in lines] == [False, True]
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["1", "3"]


def test_weights_may_be_of_another_place(cache: Path, tmp_path: Path, server: HubServer) -> None:
    tiny.write_checkpoint(tmp_path / "own", "lstm")
    address = "google-bert/bert-base-multilingual-cased"

    convert.pretrained(tiny.cells("lstm"), str(tmp_path / "own"), tmp_path / "lstm")
    convert.pretrained(tiny.cells("mbert"), address, tmp_path / "mbert")

    assert encoders.load(tmp_path / "lstm/1").name == "lstm"
    found = json.loads((tmp_path / "mbert/1/lineage.json").read_text())["parameters"]
    assert (found["weights"], found["is_pinned"]) == (RELEASED["mbert"].repository, False)


def test_what_cannot_be_had_is_named(cache: Path, tmp_path: Path, server: HubServer) -> None:
    out, xlmr = tmp_path / "out", tiny.cells("xlmr_base")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"a model of type bert; xlm-roberta was expected"):
        convert.pretrained(xlmr, "google-bert/bert-base-multilingual-cased", out)
    with pytest.raises(CheckpointError, match=r"empty: not a checkpoint: there is no config.json in it"):
        convert.pretrained(xlmr, str(tmp_path / "empty"), out)
    with pytest.raises(DataError, match=r"nobody/nothing: no such repository on the Hub, or a private one"):
        convert.pretrained(xlmr, "nobody/nothing", out)
    hub.configure(str(tmp_path / "another"), is_offline=True)
    with pytest.raises(DataError, match=r"google/rembert@65da\w+: not whole in the cache, and hub.is_offline is true"):
        convert.pretrained(tiny.cells("rembert"), "released", out)
    with pytest.raises(ConfigError, match=r"lstm: an encoder from scratch, of which nothing is released"):
        convert.vocabulary(VocabularySettings("lstm", False), tmp_path / "words")


@pytest.mark.parametrize("name", ["xlmr_base", *(pytest.param(n, marks=pytest.mark.slow) for n in UNLIKE)])
def test_the_untrained_control_of_a_released_encoder_has_random_weights(name: str, cache: Path, tmp_path: Path) -> None:
    convert.pretrained(tiny.cells(name, seeds=(1, 2)), "released", tmp_path / "released")

    places = Places(tmp_path / "released", tmp_path, tmp_path / "made")
    intermediate(tiny.cells(name, "untrained", seeds=(1, 2)), places, None, unheard)

    released, one, two = (encoders.load(tmp_path / place) for place in ("released/1", "made/1", "made/2"))
    assert (one.name, one.direction, one.layers) == (released.name, released.direction, released.layers)
    matrices = [key for key, value in released.state_dict().items() if value.ndim == 2]
    for a, b in ((released, one), (one, two)):
        assert any(not torch.equal(a.state_dict()[key], b.state_dict()[key]) for key in matrices)


def test_rwkv_world_takes_the_longest_piece_at_each_place(tmp_path: Path) -> None:
    """Against the loop that its name describes; `e d` keeps words from being cut, a snowman has no piece."""
    texts = ["Ida painted the boat.\n\nThe  painting 很晚了。ok", "☃☃ a", "the the  the", "", "很晚很"]
    for extra in ([], ["e d"]):
        pieces = [
            *map(chr, range(1, 127)),
            "the",
            " the",
            "th",
            "\n\n",
            " paint",
            "painted",
            "  ",
            "晚",
            "很",
            "很晚",
            "。",
        ]
        ids = {piece: number for number, piece in enumerate([*pieces, *extra], 1)}
        (tmp_path / convert_rwkv_world.WORLD_PIECES).write_text(json.dumps(ids))
        tokenizer = convert_rwkv_world.world_tokenizer(tmp_path / convert_rwkv_world.WORLD_PIECES)

        for text in texts:
            expected, start = [], 0
            while start < len(text):
                longest = next((end for end in range(len(text), start, -1) if text[start:end] in ids), start + 1)
                expected.append((ids.get(text[start:longest], 0), (start, longest)))
                start = longest
            found = tokenizer.backend.encode(text)
            assert list(zip(found.ids, found.offsets, strict=True)) == expected


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # DVC's own, of pygtrie
def test_a_grid_of_released_encoders_alone_runs_without_text_and_tokenizer(tmp_path: Path) -> None:
    root = small_experiment.without_paper(small_experiment.small(tmp_path / "project", ["lstm"]))
    tiny.write_checkpoint(tmp_path / "own", "lstm")
    values = config.read(root / "profiles/tiny.yaml")
    values["encoders"]["lstm"] = {"weights": str(tmp_path / "own"), "size": None, "pretraining_learning_rate": None}
    (root / "profiles/released.yaml").write_text(config.written(values))
    workspace = overlay.prepare(root, "released", None)

    runner.run(workspace, 2, lambda event: None)

    assert list((workspace / "data/text").iterdir()) == list((workspace / "tokenizer").iterdir()) == []
    assert (workspace / "results/scores.csv").read_text().count("lstm") > 3
    assert not runner.plan(workspace).instances


# Hybrids


@pytest.fixture(scope="module")
def words(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vocabulary of XLM-R base, with its table."""
    out = tmp_path_factory.mktemp("words") / "made"
    return convert.vocabulary(VocabularySettings("xlmr_base", True), out)


def hybrid(name: str, tokenizer: Tokenizer, table: Tensor) -> Encoder:
    torch.manual_seed(0)
    made = encoders.build(name, tiny.SIZES[name], tokenizer.vocabulary_size, tokenizer.padding_id)
    made.freeze_table(table)
    return made


@pytest.mark.parametrize("name", OWN)
def test_every_trainable_parameter_of_a_hybrid_gets_a_gradient_and_its_table_none(name: str, words: Path) -> None:
    from safetensors.torch import load_file

    tokenizer, table = tokenization.load(words), load_file(words / convert.TABLE)["weight"]
    encoder = hybrid(name, tokenizer, table)
    input_ids = torch.arange(5, 12)[None]

    MaskedLanguageModel(encoder)(
        {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids), "labels": input_ids}
    ).backward()

    without = [key for key, p in encoder.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == ["embedding.weight"]
    assert encoders.parameters(encoder).frozen == table.numel() == tokenizer.vocabulary_size * 16


def test_a_hybrid_is_pretrained_saved_and_loaded_with_the_table_as_it_was(words: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file
    from transformers import AutoModel

    (tmp_path / "text").mkdir()
    (tmp_path / "text/en.txt").write_text("\n".join(tiny.texts()), encoding="utf-8")
    out = tmp_path / "out"

    plan = dataclasses.replace(tiny.PRETRAINING, steps=3, size=tiny.SIZES["gru"])
    pretrain(tiny.cells("gru"), Places(words, tmp_path, out), plan, unheard)
    places = Places(out, tmp_path, tmp_path / "controls")
    intermediate(tiny.cells("gru", "untrained"), places, None, unheard)

    table = load_file(words / convert.TABLE)["weight"]
    loaded, other = encoders.load(out / "1"), encoders.load(tmp_path / "controls/1")
    assert torch.equal(loaded.embedding.weight, table)
    assert torch.equal(other.embedding.weight, table)
    assert not torch.equal(loaded.embedding.project.weight, other.embedding.project.weight)  # type: ignore[union-attr]
    outcome = json.loads((out / "1/outcome.json").read_text())
    assert outcome["vocabulary"] == RELEASED["xlmr_base"].repository
    assert (outcome["frozen_parameters"], outcome["weights"]) == (table.numel(), "random")
    batch = torch.arange(5, 12)[None]
    states = AutoModel.from_pretrained(out / "1")(batch).last_hidden_state
    torch.testing.assert_close(states, loaded(batch, torch.ones_like(batch))[-1])
