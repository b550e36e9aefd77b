"""What docs/ has of the code: the pages of tasks, commands and params.yaml, and the table of simulated coverage.

    python scripts/reference_pages.py        # writes them into docs/

A test fails where a committed page is not what this makes of the code beside it.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from xit.cli import tasks_page
from xit.cli.app import app
from xit.paper.render import pipe_table
from xit.pipeline import config

ROOT = Path(__file__).parents[1]
MADE = "<!-- Made by `python scripts/reference_pages.py` from {}; do not write here. -->"
COMMANDS = """\
# Commands

{made}

What `xit COMMAND --help` says, for every command. A command runs in the project's folder, where params.yaml is, unless
it says otherwise. It exits with 0 where it did what it says, and with another number after a message that says what is
wrong, what was found, and what to try; after Ctrl-C it exits with 130. `make` lists the commands of the Makefile.
"""
PARAMETERS = """\
# params.yaml

{made}

Every number and choice of the experiment is in `params.yaml`, and this page has all of them: the value that the file
has, what a value may be, and what it means, with its unit, and where the number is from if it is somebody else's. A
profile (`profiles/`) is another experiment, which holds only what differs from the file. What is unknown, missing or
out of range is refused before anything runs, all of it at once.

`ID` stands for the name of an entry, such as an encoder or a task; where the file has several entries, the values of
all are named. `null` says that the parameter has no value.
"""


def commands() -> str:
    """The page of commands."""
    parts = [COMMANDS.format(made=MADE.format("xit/cli/"))]
    group = typer.main.get_group(app)
    panels: dict[str, list[str]] = {}
    for name, command in group.commands.items():
        panels.setdefault(command.rich_help_panel, []).extend(_commands(command, f"xit {name}"))
    for title, texts in panels.items():
        parts += [f"## {title}\n", *texts]
    return "\n".join(parts)


def _commands(command: Any, name: str) -> Iterator[str]:
    if command.hidden:
        return
    if hasattr(command, "commands"):
        for below, one in command.commands.items():
            yield from _commands(one, f"{name} {below}")
        return
    context = command.make_context(name, [], resilient_parsing=True)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    yield f"### {name}\n"
    yield "\n\n".join(map(_text, command.help.split("\n\n"))) + "\n"
    yield f"```text\n{usage}\n```\n"
    rows = [_parameter(one, context) for one in command.params if not getattr(one, "hidden", False)]
    if rows:
        yield _table(("argument or option", "what it is"), rows) + "\n"


def _parameter(one: Any, context: Any) -> tuple[str, str]:
    if one.param_type_name == "argument":
        return f"`{' '.join(one.get_usage_pieces(context))}`", _text(one.help or "")
    kind = one.display_type(context).strip("<>")
    value = "" if one.is_flag else f" {kind if '|' in kind else KINDS[kind]}"
    notes = [_text(one.help)] if one.help else []
    if one.required:
        notes.append("It has to be given.")
    elif one.default not in (None, False):
        notes.append(f"Without it: `{one.default}`.")
    return f"`{', '.join(one.opts)}{value}`", " ".join(notes)


KINDS = {
    "str": "TEXT",
    "list[str]": "TEXT",
    "int range": "NUMBER",
    "float range": "NUMBER",
    "path": "PATH",
    "file": "FILE",
    "dir": "FOLDER",
}
"""What stands for a value, by Typer's name of its type."""


def parameters() -> str:
    """The page of params.yaml."""
    schema, values = config.schema(), config.read(ROOT / "params.yaml")
    parts = [PARAMETERS.format(made=MADE.format("xit/core/settings.py and params.yaml"))]
    sections = {name: _section(inner, schema) for name, inner in schema["properties"].items()}
    single = [(name, schema["properties"][name]) for name, section in sections.items() if section is None]
    parts.append(_table(HEAD, [_row(name, inner, [values[name]]) for name, inner in single]) + "\n")
    for name, section in sections.items():
        if section is None:
            continue
        described = schema["properties"][name]
        parts.append(f"## {name}\n\n{_text(described['description'])}\n")
        has_entries = "additionalProperties" in described
        held = list(values[name].values()) if has_entries else [values[name]]
        parts.append(_table(HEAD, _rows(f"{name}.ID" if has_entries else name, section, held, schema)) + "\n")
    return "\n".join(parts)


HEAD = ("parameter", "in params.yaml", "may be", "meaning")


def _text(*texts: str) -> str:
    """Sentences of the code as one line of Markdown: what is not in backticks has no marks of HTML or of bold type."""
    line = " ".join(" ".join(texts).split())
    parts = line.split("`")
    parts[::2] = [part.replace("<", "&lt;").replace("*", "\\*") for part in parts[::2]]
    return "`".join(parts) + ("" if line.endswith((".", ")")) else ".")


def _section(inner: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The section that a parameter is, or that each of its entries is."""
    entries = inner.get("additionalProperties")
    options = [inner, *inner.get("anyOf", ()), *([entries] if isinstance(entries, dict) else [])]
    found = next((option["$ref"] for option in options if "$ref" in option), None)
    return schema["$defs"][found.rpartition("/")[2]] if found else None


def _rows(
    place: str, section: Mapping[str, Any], held: list[Any], schema: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, str]]:
    """A row a parameter of a section, and then those of the sections in it."""
    for name, inner in section["properties"].items():
        if "not in params.yaml" in inner.get("description", ""):
            continue
        values = [one[name] for one in held if isinstance(one, Mapping) and name in one]
        below = _section(inner, schema)
        if below is None or any(one is None for one in values):
            yield _row(f"{place}.{name}", inner, values)
        if below is not None:
            yield from _rows(f"{place}.{name}", below, [one for one in values if one is not None], schema)


def _row(name: str, inner: Mapping[str, Any], values: list[Any]) -> tuple[str, str, str, str]:
    return f"`{name}`", _held(values), _range(inner), _text(inner["description"])


def _held(values: list[Any]) -> str:
    """The values of the file, each once; of many entries the first ones."""
    if not values:
        return "not given"
    texts = list(dict.fromkeys(json.dumps(value, ensure_ascii=False).replace('"', "") or '""' for value in values))
    shown = ", ".join(f"`{text or '(empty)'}`" for text in texts[:4])
    return shown + (", …" if len(texts) > 4 else "")


def _range(inner: Mapping[str, Any]) -> str:
    """What a value may be, in words."""
    if "anyOf" in inner:
        return " or ".join(_range(one) for one in inner["anyOf"])
    if "enum" in inner:
        return " or ".join(f"`{value}`" for value in inner["enum"])
    kind = inner.get("type")
    if kind == "array":
        return f"a list; each is {_range(inner['items'])}"
    if kind == "object" and isinstance(inner.get("additionalProperties"), dict):
        return f"entries; each is {_range(inner['additionalProperties'])}"
    if "$ref" in inner:
        return "the section below"
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "`true` or `false`",
        "string": "text",
        "null": "`null`",
    }
    if kind == "integer" and inner.get("exclusiveMinimum") == 0:
        inner = {**inner, "minimum": 1, "exclusiveMinimum": None}
    bounds = [
        f"{word} {_number(inner[key])}"
        for key, word in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "above"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "below"),
        )
        if inner.get(key) is not None
    ]
    return ", ".join(filter(None, (words[str(kind)], " and ".join(bounds))))


def _number(value: float) -> str:
    return "2^32" if value == 2**32 else f"{value:g}"


def _table(head: tuple[str, ...], rows: Any) -> str:
    return pipe_table([head, ("---",) * len(head), *rows])


def statistics() -> str:
    """The page about statistics, with the simulated coverage of today."""
    before, begin, rest = (
        (ROOT / "docs/statistics.md").read_text(encoding="utf-8").partition("<!-- coverage:begin -->\n")
    )
    _, end, after = rest.partition("<!-- coverage:end -->")
    with (ROOT / "paper/inputs/coverage.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    settings = list(dict.fromkeys(row["setting"] for row in rows))
    held: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        held.setdefault((row["row"], row["setting"]), []).append(f"{float(row['held']):.1f}")
    table = [
        (kind, *(" / ".join(held[kind, setting]) for setting in settings))
        for kind in dict.fromkeys(row["row"] for row in rows)
    ]
    return f"{before}{begin}\n{_table(('row', *settings), table)}\n\n{end}{after}"


PAGES = {
    "tasks.md": tasks_page.markdown,
    "commands.md": commands,
    "params.md": parameters,
    "statistics.md": statistics,
}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (ROOT / "docs" / name).write_text(make(), encoding="utf-8")
