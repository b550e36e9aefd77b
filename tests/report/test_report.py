"""`xit report`: one file that opens without a network; what it says of a cell, and how it behaves in a real browser."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, Browser
from fabricated import parameters, scores, study_of

from xit import report as module
from xit.core import registry
from xit.core.errors import DataError
from xit.core.examples import write_examples
from xit.core.scores import Score, write_scores
from xit.core.task import task_of
from xit.paper.inputs import Inputs
from xit.paper.render import shown
from xit.report import report
from xit.report._examples import Shown, collect
from xit.report._figures import INK, SCALE, difference_map, gains
from xit.scoring import predictions

LANGUAGES = ("en", "de", "ar")
ROWS = scores({"none": 0.0, "mnli": 3.0, "squad": -2.0}, targets=("xquad", "tatoeba"), languages=LANGUAGES)
HOSTILE = "</script></template><script>document.title = 'broken'</script><img src=x onerror='document.title = 1'>"


def write_run(root: Path, rows: list[Score], said: Mapping[str, str]) -> None:
    """Scores, the test data of one question in each language, and what each condition answered it."""
    write_scores(root / "results/scores.csv", rows)
    task = task_of("xquad")
    examples = [{**task.record, "language": code} for code in LANGUAGES]
    write_examples(root / "data/xquad/test.parquet", task, examples)
    for encoder in ("transformer", "lstm"):
        for condition, answer in said.items():
            folder = root / f"evaluations/{encoder}/xquad/{condition}/1/predictions"
            for code in LANGUAGES:
                predictions.write(folder, task, code, {task.record["id"]: answer})


def make(root: Path, rows: list[Score] = ROWS) -> list[str]:
    """The page at `root/report.html`."""
    places = (root / "results/scores.csv", root / "evaluations", root / "data")
    return report(*places, parameters(rows), root / "report.html")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run whose predictions would run as script, if they could."""
    root = tmp_path_factory.mktemp("report")
    write_run(root, ROWS, {"none": "before", "mnli": HOSTILE})
    make(root)
    return root / "report.html"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


# What is in the file


def templates(text: str) -> dict[str, str]:
    return dict(re.findall(r'<template id="([^"]*)">(.*?)</template>', text, re.DOTALL))


def test_every_gain_has_a_figure_a_text_and_a_link(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    found = templates(text)
    figures = json.loads(text.split('<script type="application/json" id="figures">')[1].split("</script>")[0])
    cells = [
        f"{e}|{c}|{t}" for e in ("transformer", "lstm") for c in ("mnli", "squad") for t in ("xquad", "tatoeba", "mean")
    ]
    assert len(cells) == 12
    for cell in cells:
        encoder, condition, target = cell.split("|")
        assert f"scores|{cell}" in figures
        assert re.search(r"[+−]\d\.\d \[[+−]\d\.\d, [+−]\d\.\d\]", found[f"cell|{cell}"])
        assert f'data-condition="{condition}" data-target="{target}"' in found[f"table|gains|{encoder}"]
    seeds = figures["languages|lstm|mnli"]["data"][0]["hovertext"]
    assert all(re.search(r"seeds 1, 2, 3: ([+−]\d\.\d(, )?){3}", cell) for line in seeds[1:] for cell in line)


def test_the_page_names_source_and_command_at_every_figure(page: Path) -> None:
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page.read_text(encoding="utf-8"), re.DOTALL)

    assert len(captions) == 4
    assert all(
        "micro source: made from CLDR phrases" in one and "<code>xit report</code> from" in one for one in captions
    )


@pytest.mark.slow
def test_the_same_scores_make_the_same_page(page: Path) -> None:
    before = page.read_bytes()

    make(page.parent)

    assert page.read_bytes() == before


def test_without_predictions_the_page_says_so(tmp_path: Path) -> None:
    write_scores(tmp_path / "results/scores.csv", ROWS)

    _, second, _ = make(tmp_path)

    assert re.fullmatch(r"no predictions in \S+, or no test data in \S+: the page is without examples", second)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No predictions are stored for this cell." in text
    assert not [key for key in templates(text) if key.startswith("examples")]


@pytest.mark.slow
def test_examples_are_left_out_of_a_page_that_would_be_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path, ROWS, {"none": "before", "mnli": "after"})
    monkeypatch.setattr(module, "MOST_BYTES", 1)

    *_, last = make(tmp_path)

    assert ", 0 examples of each in a language" in last
    assert "Left out, since this page would be too large." in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_predictions_of_other_data_are_refused(tmp_path: Path) -> None:
    task = task_of("xnli")
    write_examples(tmp_path / "data/xnli/test.parquet", task, [{**task.record, "language": "en"}])
    for condition in ("none", "mnli"):
        folder = tmp_path / f"evaluations/lstm/xnli/{condition}/1/predictions"
        predictions.write(folder, task, "en", ["neutral", "neutral"])
    rows = scores({"none": 0.0, "mnli": 3.0}, encoders=("lstm",), targets=("xnli",), languages=("en",))

    with pytest.raises(
        DataError, match=r"test-en\.tsv: does not fit the test examples of xnli in en: 2 lines; the gold has 1\. Evalu"
    ):
        collect(study_of(rows), tmp_path / "evaluations", tmp_path / "data")


CANDIDATES = [{"id": str(i), "language": "de", "role": "candidate", "text": f"text {i}", "gold": []} for i in range(3)]


@pytest.mark.parametrize(
    ("target", "said", "shown", "gold"),
    [
        ("xnli", ["neutral"], "neutral", None),
        ("xcopa", [1], None, None),
        ("xquad", {"id": "somewhere"}, "somewhere", None),
        ("tatoeba", [2], "text 2", "text 0"),
        ("mewslix", {"id": ["1", "0"]}, "text 1", "text 0"),
    ],
)
def test_predictions_of_every_shape_are_shown_as_text(
    tmp_path: Path, target: str, said: Any, shown: str | None, gold: str | None
) -> None:
    task = task_of(target)
    row = {**task.record, "language": "de"} | ({"gold": ["0"], "role": "query"} if task.format == "retrieval" else {})
    write_examples(
        tmp_path / f"data/{target}/test.parquet", task, [row, *(CANDIDATES if task.format == "retrieval" else [])]
    )
    if isinstance(said, dict):
        said = {row["id"] + (f"_{row['language']}" if task.pool == "all" else ""): said["id"]}
    for condition in ("none", "mnli"):
        predictions.write(tmp_path / f"evaluations/lstm/{target}/{condition}/1/predictions", task, "de", said)
    rows = scores({"none": 0.0, "mnli": 3.0}, encoders=("lstm",), targets=(target,), languages=("de",))

    ((one,),) = collect(study_of(rows), tmp_path / "evaluations", tmp_path / "data").values()

    assert (one.before, one.after) == (shown or row["choices"][1],) * 2
    if gold:
        assert one.gold == (gold,)


def test_a_row_that_is_no_candidate_of_the_test_data_is_refused(tmp_path: Path) -> None:
    task = task_of("tatoeba")
    row = {**task.record, "language": "de", "gold": ["0"], "role": "query"}
    write_examples(tmp_path / "data/tatoeba/test.parquet", task, [row, *CANDIDATES])
    for condition in ("none", "mnli"):
        predictions.write(tmp_path / f"evaluations/lstm/tatoeba/{condition}/1/predictions", task, "de", [3])
    rows = scores({"none": 0.0, "mnli": 3.0}, encoders=("lstm",), targets=("tatoeba",), languages=("de",))

    with pytest.raises(
        DataError, match=r"test-de\.tsv: names a candidate .* tatoeba in de do not have\. Evaluate again"
    ):
        collect(study_of(rows), tmp_path / "evaluations", tmp_path / "data")


def test_examples_whose_answer_changed_come_first(tmp_path: Path) -> None:
    task = task_of("udpos")
    words = [[f"word{i}", "stop"] for i in range(5)]
    rows = [{"id": str(i), "language": "en", "words": pair, "tags": ["NOUN", "PUNCT"]} for i, pair in enumerate(words)]
    write_examples(tmp_path / "data/udpos/test.parquet", task, rows)
    for condition, last in (("none", "NOUN"), ("mnli", "VERB")):
        tags = [["NOUN", "PUNCT"]] * 4 + [[last, "PUNCT"]]
        predictions.write(tmp_path / f"evaluations/lstm/udpos/{condition}/1/predictions", task, "en", tags)
    study = study_of(scores({"none": 0.0, "mnli": 3.0}, encoders=("lstm",), targets=("udpos",), languages=("en",)))

    (found,) = collect(study, tmp_path / "evaluations", tmp_path / "data").values()

    assert found[0] == Shown((), ("word4/NOUN stop/PUNCT",), "word4/NOUN stop/PUNCT", "word4/VERB stop/PUNCT")
    assert [one.before for one in found[1:]] == ["word0/NOUN stop/PUNCT", "word1/NOUN stop/PUNCT"]


def test_print_on_every_shade_of_the_heat_maps_has_enough_contrast() -> None:
    def luminance(colour: str) -> float:  # WCAG 2.2, relative luminance
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    assert min((luminance(shade) + 0.05) / (luminance(INK) + 0.05) for _, shade in SCALE) > 4.5


def test_the_page_has_the_stars_of_the_paper() -> None:
    rows = [
        dataclasses.replace(row, value=row.value + 6.0 * ((row.encoder, row.condition) == ("gru", "mnli")))
        for row in scores({"none": 0.0, "mnli": 3.0, "squad": -2.0}, encoders=("transformer", "lstm", "gru"), noise=2.0)
    ]
    study = study_of(rows)
    inputs = Inputs(study=study, parameters=parameters(rows))

    (table,) = registry.load("tables", "architectures").build(inputs)

    maps = [difference_map(study, encoder)["data"][0]["meta"] for encoder in ("lstm", "gru")]
    maps = [*(gains(study, encoder)["data"][0]["meta"][:2] for encoder in study.encoders), *maps]
    on_page = [tuple(one[task][target] for one in maps) for task in range(2) for target in range(4)]
    assert on_page == [tuple(shown(cell)[0] for cell in row[2:]) for row in table.rows]
    assert len({text.endswith("*") for row in on_page for text in row[3:]}) == 2


# How it behaves

STATUS = "document.getElementById('status').textContent"
CELL = "#encoder=lstm&condition=mnli&target=xquad&language=de"


@pytest.fixture(scope="module")
def cell(chromium: Browser, page: Path) -> Browser:
    """The page at one cell, to be looked at and not changed."""
    chromium.size(1280)
    chromium.open(page, CELL)
    return chromium


def test_the_page_is_quiet_and_asks_the_network_for_nothing(cell: Browser, page: Path) -> None:
    assert cell.run("document.querySelectorAll('.plot .main-svg').length") >= 4
    assert cell.complaints() == []
    assert {one for one in cell.requests() if not one.startswith("data:")} == {page.as_uri()}


def test_an_address_names_a_cell_and_its_language(cell: Browser) -> None:
    assert cell.run(STATUS).startswith("lstm: mnli → xquad: +")
    assert cell.run("document.getElementById('examples-title').textContent") == "Predictions: xquad in German (de)"
    assert cell.run("[...document.querySelectorAll('select')].map((s) => s.value)") == ["lstm", "mnli", "xquad", "de"]


def test_text_of_data_is_shown_and_never_run(cell: Browser) -> None:
    answers = cell.run("[...document.querySelectorAll('[data-template=examples] dd')].map((e) => e.textContent)")

    assert answers[-2:] == ["before", HOSTILE]
    assert cell.run("document.title").startswith("English intermediate training")
    assert cell.run("document.images.length") == 0


CONTRASTS = """
(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
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


def test_all_text_has_enough_contrast(cell: Browser) -> None:
    found = cell.run(CONTRASTS)

    assert len(found) > 50
    assert [one for one in found if one[0] < 4.5] == []


@pytest.mark.slow
def test_a_cell_without_predictions_says_so(chromium: Browser, page: Path) -> None:
    chromium.open(page, "#encoder=lstm&condition=squad&target=tatoeba&language=de")

    said = chromium.run("document.getElementById('examples-note').textContent")
    assert said == "No predictions are stored for this cell."


def place(browser: Browser, figure: str, across: float, down: float) -> tuple[float, float]:
    """A place of a figure in the window, from fractions of its plot."""
    plot = f"document.querySelector('[data-figure={figure}] .nsewdrag')"
    browser.run(f"{plot}.scrollIntoView({{ block: 'center' }})")
    box = f"{plot}.getBoundingClientRect()"
    left, top, width, height = browser.run(f"(({{ x, y, width, height }}) => [x, y, width, height])({box})")
    return left + across * width, top + down * height


@pytest.mark.slow
def test_hovering_shows_seeds_and_an_example_as_text(chromium: Browser, page: Path) -> None:
    chromium.size(1280)
    chromium.open(page, CELL)

    chromium.hover(*place(chromium, "languages", 0.25, 0.5))  # the first of two targets, the second of three languages

    shown = "document.querySelector('[data-figure=languages] .hoverlayer').textContent"
    chromium.until(f"{shown}.includes('seeds 1, 2: ')")
    told = chromium.run(shown)
    assert "xquad in German, lstm after mnli" in told
    assert HOSTILE[:60] in told
    assert chromium.run("document.title").startswith("English intermediate training")


@pytest.mark.slow
def test_a_click_on_a_cell_chooses_it(chromium: Browser, page: Path) -> None:
    chromium.size(1280)
    chromium.open(page)

    chromium.click(*place(chromium, "gains", 0.5, 0.5))  # the second of three targets, the second of three conditions

    chromium.until(f"{STATUS}.startsWith('transformer: squad → tatoeba: −')")
    assert chromium.run("location.hash") == "#encoder=transformer&condition=squad&target=tatoeba&language=de"


@pytest.mark.slow
def test_everything_can_be_chosen_with_the_keyboard(chromium: Browser, page: Path) -> None:
    chromium.size(1280)
    chromium.open(page)

    chromium.press("Tab")
    chromium.press("ArrowDown")
    assert chromium.run("document.activeElement.id") == "encoder"
    assert chromium.run("document.getElementById('encoder').value") == "lstm"
    while chromium.run("document.activeElement.tagName") != "SUMMARY":
        chromium.press("Tab")
    outline = "getComputedStyle(document.activeElement)"
    assert chromium.run(f"[{outline}.outlineStyle, {outline}.outlineWidth]") == ["solid", "3px"]
    chromium.press("Enter", "\r")
    chromium.press("Tab")
    assert re.match(r"[+−]\d", chromium.run("document.activeElement.textContent"))
    chromium.press("Enter", "\r")

    chromium.until(f"{STATUS}.startsWith('lstm: mnli → xquad: +')")
    assert chromium.run("document.activeElement.getAttribute('aria-current')") == "true"


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_does_not_scroll_sideways(chromium: Browser, page: Path, width: int) -> None:
    chromium.size(width)
    chromium.open(page, "#encoder=lstm&condition=mnli&target=xquad&language=ar")
    chromium.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    assert chromium.run("document.documentElement.scrollWidth") <= width
    assert chromium.run("document.querySelector('[data-figure=scores]').getBoundingClientRect().width") > width / 3
