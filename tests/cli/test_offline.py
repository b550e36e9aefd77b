"""`hub.is_offline: true` and `hub.cache` hold for every command that could ask the Hub: no socket is opened."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import encoder_fixtures
import huggingface_hub
import pytest
import yaml
from hub_server import HubServer
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core.errors import XitError
from xit.pipeline import config

ROOT = Path(__file__).parents[2]
BERT = "google-bert/bert-base-multilingual-cased"
COMMANDS = {
    "eval": ("eval", BERT, "--task", "tatoeba", "--language", "de"),
    "submit": ("submit", BERT, "--benchmark", "xtreme-r", "--language", "de", "--out", "out"),
    "import": ("import", "released", BERT, "--out", "out"),
    "pretrain": ("pretrain", "mbert"),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What has arrived of an encoder, for each way in which it is loaded."""
    root = tmp_path_factory.mktemp("online")
    with (
        HubServer.serving(encoder_fixtures.Repositories()) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        server.is_the_hub(patch)
        patch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", "nowhere")
        patch.chdir(root)
        write_parameters(root, root / "cache", is_offline=False)
        for name in ("import", "eval"):
            assert run(COMMANDS[name]) == ""
        assert not Path("nowhere").exists()
    huggingface_hub.close_session()
    return root / "cache"


def write_parameters(root: Path, cache: Path, is_offline: bool) -> None:
    values = config.read(ROOT / "params.yaml")
    values["hub"] |= {"cache": str(cache), "is_offline": is_offline}
    values["micro"] |= {"train": 12, "validation": 6, "test": 6}
    values["seeds"] = [1]
    (root / "params.yaml").write_text(yaml.safe_dump(values))


def run(arguments: tuple[str, ...]) -> str:
    """The error that a command ends with, or nothing."""
    done = CliRunner().invoke(app, arguments)
    if isinstance(done.exception, XitError):
        return str(done.exception)
    assert done.exit_code == 0, (done.output, done.exception)
    return ""


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The sockets that were asked for; none is opened."""
    found: list[Any] = []

    def refuse(*arguments: Any, **others: Any) -> None:
        found.append(arguments)
        raise OSError("no network")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    huggingface_hub.close_session()
    yield found
    huggingface_hub.close_session()


@pytest.mark.parametrize("name", COMMANDS)
def test_offline_a_command_takes_what_has_arrived_and_opens_no_socket(
    name: str, cache: Path, opened: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_parameters(tmp_path, cache, is_offline=True)

    assert run(COMMANDS[name]) == ""
    assert opened == []


@pytest.mark.parametrize("name", COMMANDS)
def test_offline_a_command_says_what_has_not_arrived_and_opens_no_socket(
    name: str, opened: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_parameters(tmp_path, tmp_path / "empty", is_offline=True)

    assert BERT in run(COMMANDS[name])
    assert opened == []


@pytest.mark.slow
def test_without_offline_a_socket_is_asked_for(
    opened: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the tests above would pass on commands that never ask."""
    monkeypatch.chdir(tmp_path)
    write_parameters(tmp_path, tmp_path / "empty", is_offline=False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between the attempts of huggingface_hub

    assert run(COMMANDS["eval"])
    assert opened
