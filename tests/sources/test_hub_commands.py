"""Commands that read the Hub: data, audit, show and eval."""

import dataclasses
import itertools
import json
from pathlib import Path

import hub_fixtures
import huggingface_hub.constants
import pytest
import yaml
from hub_reading import COMMIT, ON_HUB, of, uncounted_task
from hub_server import Fault, HubServer, Repository
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core import registry
from xit.core.errors import DataError
from xit.core.hub import split_files


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with params.yaml, whose source is the hub, and the tasks without their published counts."""
    values = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8"))
    values |= {"source": "hub", "hub": dataclasses.asdict(of(tmp_path / "cache"))}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ON_HUB:
        monkeypatch.setattr(registry.load("tasks", name), "task", uncounted_task(name))
    return tmp_path


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_the_data_stage_records_what_it_read_and_reports_what_is_not_pinned(server: HubServer, project: Path) -> None:
    assert len(invoke("data", "xnli").splitlines()) == 1
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    values["languages"]["evaluation"] += ["lt"]
    (project / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    printed = invoke("data", "udpos").splitlines()
    audit = json.loads((project / "data/xnli/audit.json").read_text(encoding="utf-8"))["splits"]

    name = "universal-dependencies/universal_dependencies"
    commit = server.repositories[f"datasets/{name}"].at("2.7")[0]  # type: ignore[index]
    assert audit[0]["origin"] == f"{COMMIT}, en/train"
    assert {row["source"] for row in audit} == {"hub"}
    assert printed[1:] == [f"data/udpos: {name}@{commit} is not pinned; its file of xit/tasks can pin it"]


def test_a_hash_that_the_settings_give_is_compared(server: HubServer, project: Path) -> None:
    invoke("data", "xnli")
    audit = json.loads((project / "data/xnli/audit.json").read_text(encoding="utf-8"))["splits"]
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    values["hub"]["sha256"] = {"xnli train en": audit[0]["sha256"], "xnli test sw": "0" * 64}
    (project / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")

    with pytest.raises(DataError, match=r"^xnli test sw: its hash is [0-9a-f]{64}, but hub.sha256 has 0{64}. The da"):
        CliRunner().invoke(app, ["data", "xnli"], catch_exceptions=False)


def test_the_audit_says_in_one_table_which_places_hold(server: HubServer, project: Path) -> None:
    server.faults["/mteb/tatoeba-bitext-mining/resolve/"] = itertools.repeat(Fault(404))
    result = CliRunner().invoke(
        app, ["audit", "--source", "hub", "--task", "tatoeba", "--task", "siqa"], env={"COLUMNS": "160"}
    )
    server.faults.clear()
    split_files.cache_clear()
    printed = invoke("audit", "--source", "hub", "--task", "tatoeba", "--task", "siqa", "--json", "-")
    places = {(row["place"].partition("@")[0], row["split"]): row for row in json.loads(printed)["places"]}

    assert isinstance(result.exception, DataError)
    assert "Places on the Hub" in result.output
    assert "36 of 41" in result.output
    assert {key: (row["order"], len(row["holds"]), row["lacks"], row["faults"]) for key, row in places.items()} == {
        ("mteb/tatoeba-bitext-mining", "test"): (1, 41, [], []),
        ("google/xtreme", "test"): (2, 36, ["az", "lt", "pl", "uk", "ro"], []),
        ("allenai/social_i_qa", "train"): (1, 1, [], []),
        ("tasksource/social_i_qa", "train"): (2, 1, [], []),
        ("allenai/social_i_qa", "validation"): (1, 1, [], []),
        ("tasksource/social_i_qa", "validation"): (2, 1, [], []),
    }
    assert all(row["is_pinned"] for row in places.values())


def test_the_audit_of_pairs_says_which_languages_their_place_holds(server: HubServer, project: Path) -> None:
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    values["languages"]["pretraining"] = ["en", "el", "sw", "zh"]
    (project / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")

    found = json.loads(invoke("audit", "--source", "hub", "--task", "parallel", "--json", "-"))

    (place,) = found["places"]
    assert (place["task"], place["is_pinned"], place["holds"], place["lacks"]) == (
        "parallel",
        True,
        ["el", "zh"],
        ["sw"],
    )
    assert [(row["language"], row["pairs"]) for row in found["parallel"]["languages"]] == [("el", 3), ("zh", 3)]


def test_show_prints_examples_of_the_hub(server: HubServer, project: Path) -> None:
    printed = invoke("show", "xcopa", "--source", "hub", "--language", "tr", "--count", "1")

    assert "XCOPA, hub source, test, tr" in printed
    assert "What was the cause?" in printed


@pytest.mark.slow
def test_eval_scores_an_encoder_of_the_hub_on_data_of_the_hub(
    server: HubServer,
    repositories: hub_fixtures.Repositories,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import transformers
    from tiny import tokenizer

    from xit.modeling import tokenization

    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    pieces = tokenizer()
    config = transformers.XLMRobertaConfig(**sizes, vocab_size=pieces.vocabulary_size, pad_token_id=pieces.padding_id)
    transformers.XLMRobertaModel(config).save_pretrained(project / "tiny")
    tokenization.save(pieces, project / "tiny")
    files = {file.name: file.read_bytes() for file in (project / "tiny").iterdir()}
    repositories["models/owner/tiny-xlm-roberta"] = Repository(files)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(project / "models"))

    printed = invoke("eval", "owner/tiny-xlm-roberta", "--task", "tatoeba", "--language", "de", "--json", "-")

    assert json.loads(printed)["tasks"]["tatoeba"] == {
        "metric": "accuracy",
        "mean": 100.0,
        "languages": {"de": 100.0},
        "examples": {"de": 1},
    }
    asked = {path.rpartition("/")[2] for _, path, _ in server.requests if "/owner/tiny-xlm-roberta/resolve/" in path}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= asked
