"""What the pages of docs/ show is so: files that they write, commands that they run, sessions of Python, links."""

import doctest
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from test_help import COMMANDS

from scripts import reference_pages
from xit.cli.tasks_page import markdown
from xit.core import instructions, registry
from xit.pipeline import config, overlay

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
ADDING = "adding.md"
BLOCK = re.compile(
    r"""^(?:<!--\ (?P<run>run)\ -->\n```(?P<shown>\w+) | ```(?P<written>\w+)\ title="(?P<path>[^"]+)")\n
    (?P<text>.*?)^```$""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The package and params.yaml, to change."""
    shutil.copytree(ROOT / "xit", tmp_path / "xit", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "requirements", "profiles"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the project, without published files; what it prints and says of errors, in their order."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(project), "COLUMNS": "100"}
    for name in ("XIT_TEST_DATA", *instructions.SETS["compatible"]):
        environment.pop(name, None)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.run(command, cwd=project, env=environment, check=False, **streams)


def without_scores(text: str) -> str:
    """What was printed, without the digits of scores, which another processor computes otherwise."""
    return re.sub(r"\d+\.\d+", "#", text)


def check(project: Path, language: str, what: str, text: str) -> None:
    """Write a file that a page shows, or run what it runs and compare."""
    if what != "run":
        (project / what).write_text(text, encoding="utf-8")
        if what.startswith("profiles/"):
            overlay.parameters(project, Path(what).stem)
    elif language == "python":
        (project / "session.txt").write_text(text, encoding="utf-8")
        done = run(project, sys.executable, "-m", "doctest", "-o", "ELLIPSIS", "session.txt")
        assert (done.returncode, done.stdout) == (0, "")
    else:
        for part in text.split("$ ")[1:]:
            command, _, expected = part.partition("\n")
            found = run(project, "sh", "-c", command).stdout
            same = doctest.OutputChecker().check_output(without_scores(expected), without_scores(found), FLAGS)
            assert same, f"{command}\n{found}"


def blocks(page: str) -> list[tuple[str, str, str]]:
    """The language of each block of a page that is tested, a path or `run`, and its text."""
    found = BLOCK.finditer((ROOT / "docs" / page).read_text(encoding="utf-8"))
    return [(one["shown"] or one["written"], one["run"] or one["path"], one["text"]) for one in found]


LONG = {"tutorial.md": pytest.mark.rehearsal}  # minutes


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=LONG.get(page, pytest.mark.slow)) for page in PAGES if blocks(page) and page != ADDING],
)
def test_what_a_page_runs_does_what_it_says(page: str, project: Path) -> None:
    for language, what, text in blocks(page):
        check(project, language, what, text)


@pytest.mark.rehearsal
def test_whoever_adds_a_task_an_encoder_a_table_and_a_recipe_as_told_has_a_green_suite(tmp_path: Path) -> None:
    made = ("data", "models", "tokenizer", "evaluations", "tuning", "logs", "site", "translations", "workspaces")
    made = (*made, "results", "generated", "main.pdf")
    left = shutil.ignore_patterns(".git", ".venv*", ".*_cache", "__pycache__", ".hypothesis", "cache", "tmp", *made)
    copy = shutil.copytree(ROOT, tmp_path / "copy", ignore=lambda folder, names: left(folder, names) - {"xit"})
    written = [what for _, what, _ in blocks(ADDING) if what != "run"]
    assert {Path(what).parent.as_posix() for what in written} == {"profiles", "xit/encoders", "xit/tables", "xit/tasks"}

    for language, what, text in blocks(ADDING):
        check(copy, language, what, text)

    tests = (
        "test_architecture.py",
        "benchmark_facts",
        "sources",
        "modeling",
        "paper/test_tables.py",
        "cli/test_docs.py",
    )
    names = (
        "[rain or rain] or minigru or mymodel or table or range or run_over or point_down or names_every or benchmark "
        "or protocol or current"
    )
    chosen = ("-m", "not slow", "-k", names, "-r", "p", *(f"tests/{name}" for name in tests))
    done = run(copy, sys.executable, "-m", "pytest", *chosen)
    assert done.returncode == 0, "".join(line for line in done.stdout.splitlines(True) if line[:6] != "PASSED")
    assert "[rain]" in done.stdout
    assert "[minigru]" in done.stdout
    assert run(copy, "xit", "paper").returncode == 0
    assert (copy / "paper/generated/tables/count.md").is_file()


def commands_of(page: str) -> list[list[str]]:
    """The commands of `xit`, make and Python that a page shows, in blocks and within lines, up to what a shell adds."""
    text = re.sub(r"\\\n *", "", (ROOT / page).read_text(encoding="utf-8"))
    fence = re.compile(r"^```(\w+).*?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    blocks = [block for language, block in fence.findall(text) if language in ("sh", "bash", "console")]
    prose = fence.sub("", text)
    shown = re.findall(r"`((?:xit|make|python) [^`]+)`", prose)
    for block in (*blocks, *re.findall(r"^    (.*)$", prose, re.MULTILINE)):
        lines = [re.sub(r" +#.*", "", line).removeprefix("$ ") for line in block.splitlines()]
        parts = [part for line in lines for part in re.split(r"&&|;|\||>", line)]
        shown += [part for part in parts if re.match(r"\s*(?:\w+=\S+ )*(?:xit|make|python) ", part)]
    words = [re.sub(r"^(?:\w+=\S+ )*", "", " ".join(command.split())).split() for command in shown]
    return [command for command in words if len(command) > 1 and re.match("[a-z]", command[1])]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *(f"docs/{name}" for name in PAGES)])
def test_commands_that_a_page_shows_are_there_with_their_options(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    variables = re.findall(r"^([A-Z_]+) \?=", makefile, re.MULTILINE)
    faults = []
    for program, *words in commands_of(page):
        given = [word.partition("=")[0] for word in words]
        if program == "make":
            known = {*targets, *variables}
            faults += [
                f"make {' '.join(words)}" for word in given if re.match("[a-z-]+$|[A-Z]+$", word) and word not in known
            ]
        elif program == "python":
            script = next((word for word in words if word.endswith(".py")), "")
            is_there = (ROOT / script).is_file() or f'title="{script}"' in (ROOT / page).read_text(encoding="utf-8")
            faults += [] if is_there else [script]
        else:
            name = " ".join([program, *given[:1]])
            name = name if name in COMMANDS or len(given) < 2 else " ".join([name, given[1]])
            if words[:1] == ["show"] and name not in COMMANDS:
                name = "xit show task"  # `xit show xquad`
            options = {option for p in COMMANDS[name].params for option in p.opts} if name in COMMANDS else set()
            faults += [] if name in COMMANDS else [name]
            faults += [f"{name} {word}" for word in given if word.startswith("--") and word not in {*options, "--help"}]

    assert faults == []


def test_commands_are_found_in_blocks_and_lines() -> None:
    found = [command for page in PAGES for command in commands_of(f"docs/{page}")]

    assert len(found) > 100
    assert ["make", "reproduce", "PROFILE=reference"] in found
    assert ["xit", "finetune", "transformer", "xnli"] in found  # behind a variable of the environment
    assert {command[0] for command in found} == {"xit", "make", "python"}


def test_pages_have_something_to_run() -> None:
    kinds = [(language, what if what == "run" else "file") for page in PAGES for language, what, _ in blocks(page)]

    assert kinds.count(("console", "run")) >= 4
    assert kinds.count(("python", "run")) >= 4
    assert kinds.count(("python", "file")) >= 3


@pytest.mark.parametrize("page", reference_pages.PAGES)
def test_a_page_that_is_made_from_the_code_is_current(page: str) -> None:
    made = reference_pages.PAGES[page]()

    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == made, "run: python scripts/reference_pages.py"


def test_the_protocol_has_every_task_and_the_reference_every_command_and_parameter() -> None:
    assert len(re.findall("^### ", markdown(), re.MULTILINE)) == len(registry.names("tasks"))
    assert sorted(re.findall("^### (.+)$", reference_pages.commands(), re.MULTILINE)) == sorted(COMMANDS)
    named = set(re.findall(r"^\| `([\w.]+)`", reference_pages.parameters(), re.MULTILINE))
    assert {"seeds", "micro.train", "encoders.ID.size.layers", "recipes.multitask.steps", "resources.ID.gpus"} <= named
    assert {name.partition(".")[0] for name in named} == set(config.read(ROOT / "params.yaml"))


def test_the_reference_says_what_a_value_is_and_may_be() -> None:
    rows = {line.split(" | ")[0]: line for line in reference_pages.parameters().splitlines()}

    def of(name: str) -> list[str]:
        return rows[f"| `{name}`"].split(" | ")

    assert of("micro.territories")[1:3] == ["`32`", "a whole number, at least 10 and at most 60"]
    assert of("pretraining.masked_fraction")[1:3] == ["`0.3`", "a number, above 0 and below 1"]
    assert of("compute.precision")[2] == "`float32` or `bfloat16`"
    assert of("targets.ID.steps")[1:3] == ["`300`, `150`, `100`", "a whole number, at least 1 or `null`"]
    assert of("encoders.ID.vocabulary.source")[1] == "not given"
    assert "become &lt;mask>," in of("pretraining.masked_fraction")[3]
    assert "`--executor local\\|dask`" in reference_pages.commands()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *(f"docs/{name}" for name in PAGES)])
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page

    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8"))

    assert [name for name in targets if not (path.parent / name).exists()] == []


def test_the_citation_is_of_this_version_and_of_works_as_the_paper_cites_them() -> None:
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entries = (ROOT / "paper/references.bib").read_text(encoding="utf-8").replace("{XTREME-R}", "XTREME-R").split("@")

    assert (found["version"], found["license"]) == (project["version"], project["license"])
    assert len(found["references"]) == 3
    for work in found["references"]:
        (entry,) = [one for one in entries if f"arXiv {work['url'].rpartition('/')[2]}" in one]
        authors = " and ".join(f"{one['family-names']}, {one['given-names']}" for one in work["authors"])
        for text in (work["title"], authors, work["collection-title"], str(work["year"])):
            assert f"{{{text}}}" in entry
