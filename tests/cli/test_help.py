"""Help texts: every command has one, in whole sentences, with an example that is right."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from command_line import Xit

from xit.cli.app import app
from xit.core import hub


def commands(group: Any, path: tuple[str, ...] = ("xit",)) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        elif not command.hidden:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands(typer.main.get_group(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_help_text_begins_with_a_sentence_and_ends_with_an_example_that_the_command_takes(name: str) -> None:
    command = COMMANDS[name]
    paragraphs = str(command.help).split("\n\n")
    sentence, example = " ".join(paragraphs[0].split()), re.fullmatch(r"Example: `(.*)`\.", paragraphs[-1].strip())

    assert re.match(r"[A-Z][a-z-]+ .*\.$", sentence), sentence  # a verb first
    assert example, paragraphs[-1]
    assert example[1].startswith(name)
    options = {option for parameter in command.params for option in parameter.opts}
    given = shlex.split(example[1].removeprefix(name))
    assert {word for word in given if word.startswith("--")} <= options
    needed = {option for p in command.params if p.required and p.param_type_name == "option" for option in p.opts}
    assert needed <= set(given)


def test_an_encoder_of_the_hub_is_named_with_its_owner() -> None:
    examples = {name: str(command.help).rpartition("Example:")[2] for name, command in COMMANDS.items()}

    assert {name for name, text in examples.items() if "xlm-roberta" in text} == {"xit eval", "xit import released"}
    for name in ("xit eval", "xit import released"):
        found = re.search(r"\S*xlm-roberta\S*", examples[name])
        assert found
        assert hub.repository(found[0]) == ("FacebookAI/xlm-roberta-base", None)


def test_there_is_a_command_for_every_stage_and_more() -> None:
    assert len(COMMANDS) > 25
    assert {"xit finetune", "xit show profile", "xit grid plan", "xit import laser2"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_what_stands_in_angle_brackets_is_shown(name: str) -> None:
    texts = [str(COMMANDS[name].help), *(str(getattr(p, "help", "")) for p in COMMANDS[name].params)]
    bare = [text for text in texts if re.search(r"<\w+>", re.sub(r"`[^`]*`", "", text))]

    assert not bare, "Markdown takes <this> for a tag of HTML and leaves it out; write it in backticks"


FIRST_WORDS = ("data", "translate", "tokenizer", "pretrain", "intermediate", "finetune", "evaluate", "collect", "paper")
FIRST_WORDS += ("reproduce", "tasks", "encoders", "show", "eval", "score", "submit")
FIRST_WORDS += ("audit", "fetch", "analyse", "checklist", "import", "export")
FIRST_WORDS += ("claims", "verify", "gains", "report")
FIRST_WORDS += ("doctor", "grid", "scaling", "tune", "forgetting", "upper-bound")


def test_the_help_lists_every_command(xit: Xit) -> None:
    done = xit("--help")

    assert done.code == 0
    assert {command for command in FIRST_WORDS if re.search(rf"^[│ ]+{command}  ", done.out, re.MULTILINE)} == set(
        FIRST_WORDS
    )
    assert set(typer.main.get_group(app).commands) == set(FIRST_WORDS)


@pytest.mark.parametrize("command", FIRST_WORDS)
def test_every_command_says_what_it_does(command: str, xit: Xit) -> None:
    done = xit(command, "--help")

    assert done.code == 0
    assert f"Usage: xit {command}" in done.out


def test_the_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from xit.cli import main; sys.argv = ['xit', '--help']\n"
        "try: main()\nexcept SystemExit: print(*sys.modules, file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "finetune" in done.stdout
    heavy = {
        "torch",
        "transformers",
        "pydantic",
        "numpy",
        "pandas",
        "yaml",
        "dvc",
        "babel",
        "pyarrow",
        "xit.pipeline.config",
    }
    assert heavy.isdisjoint(done.stderr.split())
