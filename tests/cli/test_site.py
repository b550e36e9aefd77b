"""The site of docs/: it is built without a warning, has every page, and asks nothing of another host."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
RESOURCE = re.compile(r'<(?:script|img|iframe|link)\b[^>]*?(?:src|href)="?([^"> ]+)')

needs_zensical = pytest.mark.skipif(
    importlib.util.find_spec("zensical") is None, reason="zensical is not installed: make setup"
)


def copied(folder: Path) -> Path:
    """The pages, to build them."""
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    return folder


def build(project: Path) -> subprocess.CompletedProcess[str]:
    """Build the site, as `make docs` does."""
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = copied(tmp_path_factory.mktemp("project"))
    done = build(project)
    assert (done.returncode, done.stderr) == (0, "No issues found\n")
    return project / "site"


def named(entries: Any) -> Iterator[str]:
    """The pages that the navigation names."""
    for entry in entries.values() if isinstance(entries, dict) else entries:
        if isinstance(entry, str):
            yield entry
        else:
            yield from named(entry)


def test_the_navigation_names_every_page_once() -> None:
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]

    assert sorted(named(navigation)) == PAGES


def test_the_makefile_builds_the_site_as_the_tests_do() -> None:
    done = subprocess.run(["make", "--just-print", "docs"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "zensical build --strict --clean" in done.stdout


@needs_zensical
def test_every_page_is_built_with_its_blocks_of_code(site: Path) -> None:
    assert {path.stem for path in site.glob("*.html")} == {"404", *(Path(page).stem for page in PAGES)}
    for page in PAGES:
        html = (site / page).with_suffix(".html").read_text(encoding="utf-8")
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")

        assert "```" not in html, page  # a block that was not understood
        assert html.count('<div class="highlight">') == len(re.findall("^```[a-z]", text, re.MULTILINE)), page


@needs_zensical
def test_a_page_loads_nothing_from_another_host(site: Path) -> None:
    found = [address for path in site.glob("*.html") for address in RESOURCE.findall(path.read_text(encoding="utf-8"))]

    assert len(found) > len(PAGES)
    assert [address for address in found if re.match("(https?:)?//", address)] == []


@needs_zensical
def test_links_that_lead_nowhere_end_the_build(tmp_path: Path) -> None:
    project = copied(tmp_path)
    with (project / "docs/index.md").open("a", encoding="utf-8") as file:
        file.writelines(f"\n[a page]({link})\n" for link in ("nowhere.md", "index.md#nowhere", "../README.md"))

    done = build(project)

    assert done.returncode != 0
    assert "3 issues found" in done.stderr
