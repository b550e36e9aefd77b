"""How the page of `xit report` behaves in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from pages import HOSTILE

STATUS = "document.getElementById('status').textContent"
SHOWN = "performance.getEntriesByName('shown').length > 0"
FOCUS = "document.activeElement"
CELL = "#encoder=lstm&condition=mnli&target=xquad&language=de"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


def show(browser: Browser, page: Path, fragment: str = "", width: int = 1280) -> Browser:
    """Open a page, and wait for what it shows."""
    browser.size(width)
    browser.open(page, fragment)
    browser.until(SHOWN)
    return browser


@pytest.fixture(scope="module")
def cell(chromium: Browser, page: Path) -> Browser:
    """The page at one cell, to be looked at and not changed."""
    return show(chromium, page, CELL)


def test_the_page_is_quiet_and_asks_the_network_for_nothing(cell: Browser, page: Path) -> None:
    assert cell.run("document.querySelectorAll('[role=grid]').length") == 3
    assert cell.run("document.querySelectorAll('svg').length") == 3
    assert cell.complaints() == []
    assert {one for one in cell.requests() if not one.startswith("data:")} == {page.as_uri()}


def test_an_address_names_a_cell_and_its_language(cell: Browser) -> None:
    assert cell.run(STATUS).startswith("lstm: mnli → xquad: +")
    assert cell.run("document.getElementById('examples-title').textContent") == "Predictions: xquad in German (de)"
    assert cell.run("[...document.querySelectorAll('select')].map((s) => s.value)") == ["lstm", "mnli", "xquad", "de"]


def test_text_of_data_is_shown_and_never_run(cell: Browser) -> None:
    answers = cell.run("[...document.querySelectorAll('[data-fragment=examples] dd')].map((e) => e.textContent)")

    assert answers[-2:] == ["before", HOSTILE]
    assert cell.run("document.title").startswith("English intermediate training")
    assert cell.run("document.images.length") == 0


CONTRASTS = """
(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map((part) => part * (colour.startsWith("color(srgb") ? 255 : 1));
  const luminance = (colour) => parts(colour).slice(0, 3)
    .map((part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (parts(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("body *")]
    .filter((element) => !element.closest("svg, script, template, noscript"))
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((element) => {
      const [light, dark] = [getComputedStyle(element).color, ground(element)].map(luminance).sort((a, b) => b - a);
      return [(light + 0.05) / (dark + 0.05), element.outerHTML.slice(0, 80)];
    });
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(cell: Browser, scheme: str) -> None:
    cell.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    found = cell.run(CONTRASTS)

    cell.ask("Emulation.setEmulatedMedia", features=[])
    assert len(found) > 50
    assert [one for one in found if one[0] < 4.5] == []


def test_another_experiment_keeps_what_it_has_of_the_choice(chromium: Browser, page: Path) -> None:
    show(chromium, page, CELL)

    chromium.run("document.querySelector('[value=\"reference/released\"]').click()")

    chromium.until(f"{STATUS}.startsWith('gru: sick → all targets: +')")
    assert chromium.run("location.hash").startswith("#experiment=reference/released&")
    assert chromium.run("document.getElementById('encoder').value") == "gru"
    assert chromium.run("document.getElementById('language').value") == "de"
    assert chromium.run("document.getElementById('examples-note').textContent").startswith("A reference has scores")
    assert chromium.run("document.getElementById('difference').hidden")
    assert "hub source" in chromium.run("document.querySelector('footer').textContent")

    chromium.run("document.querySelector('[value=run]').click()")
    chromium.until(f"{STATUS}.startsWith('lstm: mnli → xquad: +')")  # as it was left


def test_a_click_on_a_cell_chooses_it(chromium: Browser, page: Path) -> None:
    show(chromium, page)

    x, y = chromium.run(
        "(({ x, y, width, height }) => [x + width / 2, y + height / 2])"
        "(document.querySelectorAll('[data-fragment=gains] a')[4].getBoundingClientRect())"
    )
    chromium.click(x, y)

    chromium.until(f"{STATUS}.startsWith('transformer: squad → tatoeba: −')")
    assert chromium.run("location.hash").endswith("encoder=transformer&condition=squad&target=tatoeba&language=de")


def test_everything_can_be_chosen_with_the_keyboard(chromium: Browser, page: Path) -> None:
    show(chromium, page)
    outline = f"(({{ outlineStyle, outlineWidth }}) => [outlineStyle, outlineWidth])(getComputedStyle({FOCUS}))"

    chromium.press("Tab")
    assert chromium.run(f"{FOCUS}.value") == "run"
    seen = []
    for _ in range(4):
        chromium.press("Tab")
        seen.append(chromium.run(f"{FOCUS}.name"))
    assert seen == ["encoder", "condition", "target", "language"]
    while chromium.run(f"{FOCUS}.closest('[role=grid]') === null"):
        chromium.press("Tab")
    assert chromium.run(f"{FOCUS}.dataset.target") == "mean"  # one stop, at the cell that is chosen
    assert chromium.run(outline) == ["solid", "3px"]
    for key in ("ArrowDown", "Home", "ArrowRight", "ArrowRight", "ArrowLeft"):
        chromium.press(key)
    chromium.press("Enter", "\r")
    chromium.until(f"{STATUS}.startsWith('transformer: squad → tatoeba: −')")
    assert chromium.run(f"{FOCUS}.getAttribute('aria-current')") == "true"

    chromium.press("Enter", "\r")
    chromium.until(f"{FOCUS}.dataset.fragment === 'cell'")
    chromium.press("Tab")
    chromium.press("Escape")
    assert chromium.run(f"[{FOCUS}.dataset.condition, {FOCUS}.dataset.target]") == ["squad", "tatoeba"]
    chromium.press("Tab")
    assert chromium.run(f"{FOCUS}.closest('[data-fragment]').dataset.fragment") == "difference"


def test_arrow_keys_stay_where_a_map_has_no_further_cell(chromium: Browser, page: Path) -> None:
    show(chromium, page)
    chromium.run("document.querySelector('[data-fragment=languages] a').focus()")

    found = []
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowDown", "ArrowDown"):
        chromium.press(key)
        found.append(chromium.run(f"[{FOCUS}.dataset.language, {FOCUS}.dataset.target].join(' ')"))

    assert found == ["en xquad", "de xquad", "de tatoeba", "de tatoeba", "ar tatoeba", "ar tatoeba"]  # no en tatoeba
    assert chromium.run("document.querySelectorAll('[data-fragment=languages] [tabindex=\"0\"]').length") == 1


@pytest.mark.parametrize("width", [1280, 420])
def test_the_page_does_not_scroll_sideways(chromium: Browser, clone: Path, width: int) -> None:
    show(chromium, clone, "#encoder=lstm&condition=mnli&target=xquad&language=ar", width)
    chromium.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    assert chromium.run("document.documentElement.scrollWidth") <= width
    plot = chromium.run("document.querySelector('.scores svg').getBoundingClientRect().width")
    assert plot > width / 8


def test_the_committed_references_are_shown_in_under_two_seconds(chromium: Browser, clone: Path) -> None:
    chromium.ask("Performance.enable", timeDomain="threadTicks")  # so that it does not wait for other programs

    show(chromium, clone)

    found = {one["name"]: one["value"] for one in chromium.ask("Performance.getMetrics")["metrics"]}
    chromium.ask("Performance.disable")
    assert 0 < found["TaskDuration"] < 2
