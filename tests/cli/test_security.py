"""What comes from strangers is data: no pickle, no code beside the weights, no path out of a folder; secrets stay."""

import ast
import contextlib
import json
import os
import pickle
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import tiny
import torch
import yaml
from hub_server import HubServer, Repository

from xit import cli
from xit.core.errors import CheckpointError, ConfigError, DataError
from xit.core.hub import split_files
from xit.core.plan import Plan
from xit.modeling import checkpoints, convert, task_model, tokenization
from xit.modeling.encoders import load as load_encoder
from xit.modeling.released import load_released
from xit.pipeline import config
from xit.training.loop import Step, train

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("xit", "scripts", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
FORBIDDEN = re.compile(
    r"(c?[Pp]ickle|dill|joblib|marshal|shelve|cloudpickle)\.(loads?|Unpickler|open)|eval|exec|compile|__import__"
    r"|os\.(system|popen)|pandas\.read_pickle|pd\.read_pickle|\w+\.read_pickle|\w+\.extract(all)?"
    r"|shutil\.unpack_archive"
    r"|yaml\.(unsafe_|full_)?load(_all)?"
)
"""Calls that run what a file says, or write where it says."""


def dangerous(source: str) -> Iterator[str]:
    """The calls of a module that could run or place what a file says."""
    for call in [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]:
        name = ast.unparse(call.func)
        options = {word.arg: ast.unparse(word.value) for word in call.keywords}
        if FORBIDDEN.fullmatch(name):
            yield name
        if name.endswith("torch.load") and options.get("weights_only") != "True":
            yield "torch.load without weights_only"
        if (
            name.rpartition(".")[2] in ("from_pretrained", "load_dataset")
            and options.get("trust_remote_code") != "False"
        ):
            yield f"{name} without trust_remote_code=False"
        if options.get("allow_pickle", "False") != "False" or options.get("shell", "False") != "False":
            yield f"{name}({options})"


class Payload:
    """Writes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.path),))


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """What a planted payload makes."""
    path = tmp_path / "it ran"
    pickle.loads(pickle.dumps(Payload(path)))
    assert path.is_dir()  # it would
    path.rmdir()
    return path


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def released(folder: Path, **config: Any) -> None:
    """A tiny encoder of transformers whose config.json says more than it should."""
    import transformers

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    backend = tiny.tokenizer().backend
    facts = transformers.BertConfig(vocab_size=backend.get_vocab_size(), max_position_embeddings=64, **sizes)
    transformers.BertModel(facts).save_pretrained(folder)
    names = dict(tokenization.ROLES)
    transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **names).save_pretrained(folder)
    change(folder / "config.json", **config)


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


# Code


def test_no_module_runs_or_places_what_a_file_says() -> None:
    assert {path: found for path in SOURCES if (found := list(dangerous(path.read_text(encoding="utf-8"))))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "torch.load(path)",
        "pickle.loads(data)",
        "yaml.load(text)",
        "numpy.load(path, allow_pickle=True)",
        "AutoModel.from_pretrained(name)",
        "eval(text)",
        "archive.extractall(path)",
    ],
)
def test_what_is_looked_for_is_found(line: str) -> None:
    assert len(list(dangerous(line))) == 1


def test_a_yaml_that_would_run_code_is_refused(ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params.yaml").write_text(f"source: !!python/object/apply:os.mkdir ['{ran}']\n")

    with pytest.raises(ConfigError, match=r"params\.yaml, line 1: not YAML: could not determine a constructor"):
        config.load(tmp_path / "params.yaml")

    assert not ran.exists()


def test_cldr_data_can_make_nothing_but_values(ran: Path, tmp_path: Path) -> None:
    from xit.micro import rendering

    (tmp_path / "en.dat").write_bytes(pickle.dumps({"months": Payload(ran)}))

    with pytest.raises(pickle.UnpicklingError, match=r"posix\.mkdir"):
        rendering.read_locale(tmp_path / "en.dat")

    assert not ran.exists()


# Checkpoints of strangers


def test_a_pickle_in_place_of_weights_is_not_read(ran: Path, tmp_path: Path) -> None:
    released(tmp_path / "released")
    (tmp_path / "released/model.safetensors").unlink()
    torch.save({"embeddings": Payload(ran)}, tmp_path / "released/pytorch_model.bin")

    with pytest.raises(CheckpointError, match="transformers cannot load it as an encoder from safetensors"):
        task_model.load_encoder(tmp_path / "released")
    with pytest.raises(CheckpointError, match="more in its weights than tensors; nothing of it was run"):
        load_released(str(tmp_path / "released"), is_safetensors=False)

    assert not ran.exists()


def test_pickles_beside_the_weights_are_not_read(ran: Path, tmp_path: Path) -> None:
    released(tmp_path / "released")
    tiny.write_checkpoint(tmp_path / "own")
    for folder in ("released", "own"):
        for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "state.pt", "tokenizer.pkl"):
            torch.save(Payload(ran), tmp_path / folder / name)
        task_model.load_encoder(tmp_path / folder)

    assert not ran.exists()


def test_a_pickle_as_resumable_state_is_refused(ran: Path, tmp_path: Path) -> None:
    torch.save({"run": "{}", "own": Payload(ran)}, tmp_path / "state.pt")
    plan = Plan(0.1, 1, 0.0, 0.0, 1.0, tiny.COMPUTE)

    with pytest.raises(
        CheckpointError,
        match=r"state\.pt: cannot be read \(there is more in it than tensors.*Delete it to start this run over",
    ):
        train(torch.nn.Linear(1, 1), lambda step: Step([], []), plan, tmp_path, {})

    assert not ran.exists()


CODE = "import os; os.mkdir({path!r})\nfrom transformers import *\nclass Own: pass\n"


@pytest.mark.parametrize("model_type", ["bert", "their-own"])
def test_code_that_comes_with_a_checkpoint_does_not_run(model_type: str, ran: Path, tmp_path: Path) -> None:
    folder = tmp_path / "released"
    own = {"AutoConfig": "code.Own", "AutoModel": "code.Own", "AutoTokenizer": ["code.Own", "code.Own"]}
    released(folder, model_type=model_type, auto_map=own)
    change(folder / "tokenizer_config.json", auto_map=own, tokenizer_class="Own")
    (folder / "code.py").write_text(CODE.format(path=str(ran)))

    if model_type == "bert":  # transformers has an encoder of that name itself
        load_encoder(folder)
    else:
        with pytest.raises(CheckpointError, match="without code of its own"):
            load_encoder(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (folder / name).exists()
    with contextlib.suppress(CheckpointError):
        tokenization.load(folder)

    assert not ran.exists()


@pytest.mark.parametrize("encoder", ["../../code", "os", "xit.cli", ""])
def test_the_encoder_that_a_config_names_is_one_of_ours(encoder: str, tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path / "own")
    change(tmp_path / "own/config.json", encoder=encoder)

    with pytest.raises(ConfigError, match=rf"^{re.escape(encoder)}: no such encoder\."):
        load_encoder(tmp_path / "own")


@pytest.mark.parametrize(("key", "message"), [("format", "no such head"), ("task", "no such task")])
def test_the_head_that_a_checkpoint_names_is_one_of_ours(key: str, message: str, tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path / "own")
    tiny.write_head(tmp_path / "own", "xnli")
    change(tmp_path / "own/head.json", **{key: "../../code"})
    facts = checkpoints.head_config(tmp_path / "own")
    assert facts is not None

    with pytest.raises(ConfigError, match=message):
        task_model.load_task(tmp_path / "own", facts)


@pytest.mark.parametrize("inside", ["../secret.safetensors", "{absolute}"])
def test_an_index_of_weights_that_points_out_of_its_folder_is_refused(inside: str, tmp_path: Path) -> None:
    folder, secret = tmp_path / "released", tmp_path / "secret.safetensors"
    released(folder)
    (folder / "model.safetensors").rename(secret)
    from safetensors import safe_open

    with safe_open(secret, "pt") as file:
        index = dict.fromkeys(file.keys(), inside.format(absolute=secret))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))

    with pytest.raises(CheckpointError, match=r"model\.safetensors\.index\.json: names .*, which is not in its folder"):
        load_encoder(folder)


def test_importing_a_folder_of_links_writes_nothing_but_what_is_asked_for(tmp_path: Path) -> None:
    released(tmp_path / "real")
    (tmp_path / "links").mkdir()
    for path in (tmp_path / "real").iterdir():
        (tmp_path / "links" / path.name).symlink_to(path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/kept").write_text("kept")
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in tree(tmp_path) if (tmp_path / name).is_file()}

    convert.released(str(tmp_path / "links"), None, tmp_path / "out")

    assert tree(tmp_path) - set(before) >= {"out/model.safetensors"}
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in before if not name.startswith("out/")} == {
        name: moment for name, moment in before.items() if not name.startswith("out/")
    }
    assert not (tmp_path / "out").is_symlink()


# The Hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """A server whose repository names a file out of its folder, and has another that is well."""
    rows = b'{"text": "a"}\n'
    files = {"README.md": b"", "data/train-../../../../../escaped.jsonl": rows, "data/test-0.jsonl": rows}
    with HubServer.serving({"datasets/owner/name": Repository(files)}) as server:
        server.is_the_hub(monkeypatch)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "a/b/c/cache"))
        yield server
    huggingface_hub.close_session()
    split_files.cache_clear()


def test_a_file_of_the_hub_cannot_leave_the_cache(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"owner/name@\w+: Invalid filename 'data/train-.*'\.\.' path segment"):
        split_files("owner/name", "main", "default", "train")

    assert not [name for name in tree(tmp_path) if "escaped" in name]


def test_a_token_is_sent_and_written_nowhere(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setenv("HF_TOKEN", "hf_planted_token")
    answer = hub.RequestHandlerClass.do_GET  # type: ignore[attr-defined]

    def noted(handler: Any) -> None:
        sent.append(handler.headers.get("Authorization", ""))
        answer(handler)

    monkeypatch.setattr(hub.RequestHandlerClass, "do_GET", noted)

    split_files("owner/name", "main", "default", "test")

    assert "Bearer hf_planted_token" in sent
    assert [p for p in tmp_path.rglob("*") if p.is_file() and b"hf_planted" in p.read_bytes()] == []


# Without a network


def test_scoring_checkpoints_of_a_folder_opens_no_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    parameters = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    parameters["languages"] = {"pretraining": ["en"], "evaluation": ["en", "de"]}
    parameters["micro"] |= {"train": 8, "validation": 4, "test": 4}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(parameters))
    monkeypatch.chdir(tmp_path)
    released(Path("released"))
    tiny.write_checkpoint(Path("own"))

    def refuse(*arguments: Any, **others: Any) -> None:
        raise AssertionError(f"a socket was opened: {arguments}")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for command in (["data", "tatoeba"], ["eval", "released", "--task", "tatoeba"], ["eval", "own"]):
        monkeypatch.setattr(sys, "argv", ["xit", *command])
        with pytest.raises(SystemExit) as left:
            cli.main()
        assert left.value.code == 0, capfd.readouterr().err
