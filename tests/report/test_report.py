"""`xit report`: one file that opens without a network; what it says of a cell, and how it behaves in a real browser."""

import base64
import dataclasses
import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, Browser
from fabricated import PAPER, parameters, scores, study_of

from xit import report as module
from xit.core import registry
from xit.core.errors import DataError
from xit.core.examples import write_examples
from xit.core.scores import Score, write_scores
from xit.core.task import task_of
from xit.core.texts import write_text
from xit.paper.inputs import Inputs
from xit.paper.render import shown
from xit.pipeline import config
from xit.report import report
from xit.report._examples import Shown, collect
from xit.report._figures import Axis, differences_of, estimates_map, gains_of
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


def write_reference(folder: Path, rows: Sequence[Score], values: Mapping[str, Any] | None) -> None:
    """A reference folder, without params.yaml where there are no values for it."""
    write_scores(folder / "scores.csv.gz", rows)
    write_text(folder / "tables/gains.csv", "")
    if values is not None:
        write_text(folder / "params.yaml", config.written(dict(values)))


def make(root: Path, rows: list[Score] = ROWS) -> list[str]:
    """The page at `root/report.html`."""
    places = (root / "results/scores.csv", root / "evaluations", root / "data")
    return report(*places, parameters(rows), root / "paper/reference", root / "report.html")


PUBLISHED = scores(
    {"none": 0.0, "sick": 1.0}, encoders=("gru",), targets=("xnli",), languages=("en", "de", "sw"), source="hub"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run whose predictions would run as script, if they could, and of a reference."""
    root = tmp_path_factory.mktemp("report")
    write_run(root, ROWS, {"none": "before", "mnli": HOSTILE})
    write_reference(root / "paper/reference/released", PUBLISHED, parameters(PUBLISHED))
    make(root)
    return root / "report.html"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page where nothing was run: of the references that are committed."""
    out = tmp_path_factory.mktemp("clone") / "report.html"
    report(out / "scores.csv", out / "evaluations", out / "data", parameters(ROWS), PAPER / "reference", out)
    return out


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


# What is in the file


def fragments(page: Path) -> dict[str, dict[str, str]]:
    """Of each experiment its fragments of HTML by key."""
    packs = re.findall(r'data-experiment="([^"]*)">([^<]*)</script>', page.read_text(encoding="utf-8"))
    return {name: json.loads(gzip.decompress(base64.b64decode(packed))) for name, packed in packs}


def test_every_gain_has_a_figure_a_text_and_a_link(page: Path) -> None:
    found = fragments(page)["run"]

    cells = [
        f"{e}|{c}|{t}" for e in ("transformer", "lstm") for c in ("mnli", "squad") for t in ("xquad", "tatoeba", "mean")
    ]
    assert len(cells) == 12
    for cell in cells:
        encoder, condition, target = cell.split("|")
        text = found[f"cell|{cell}"]
        assert re.search(r"[+−]\d\.\d \[[+−]\d\.\d, [+−]\d\.\d\]", text)
        assert text.count("<svg") == (2 if target != "xquad" else 3)
        assert f'data-condition="{condition}" data-target="{target}"' in found[f"gains|{encoder}"]
    head, *seeds = re.findall(r"<tr>(.*?)</tr>", found["cell|lstm|mnli|xquad"].split("<details>")[1])
    assert re.findall(r"seed \d", head) == ["seed 1", "seed 2", "seed 3"]
    assert len(seeds) == 3
    assert all(len(re.findall(r"<td>\d\d\.\d → \d\d\.\d</td>", line)) == 3 for line in seeds)


def test_each_experiment_is_labelled_as_what_it_is(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    labels = dict(re.findall(r'value="([^"]*)"[^>]*><span>.*?<small>(.*?)</small>', text))
    assert labels == {
        "run": "made tasks · 3 seeds · transformer and lstm · 2 intermediate tasks",
        "reference/released": "published data (hub) · 3 seeds · gru · 1 intermediate task",
    }
    made = {name: found["made"] for name, found in fragments(page).items()}
    assert made["run"].startswith("micro source: made from CLDR phrases")
    assert made["reference/released"].startswith("hub source: the published data sets")
    assert all(re.search(r"<code>xit report</code> from \S+, sha256 \w{12}\.$", one) for one in made.values())


def test_a_fresh_clone_shows_the_committed_references(clone: Path) -> None:
    found = fragments(clone)

    assert "reference/micro" in found
    assert "run" not in found
    answer = (PAPER / "reference/micro/answer.md").read_text(encoding="utf-8")
    assert found["reference/micro"]["answer"][:100] in answer.replace("\n", " ")
    assert clone.stat().st_size < 5_000_000


def test_a_reference_that_cannot_be_read_is_left_out_and_named(tmp_path: Path) -> None:
    references = tmp_path / "paper/reference"
    write_scores(tmp_path / "results/scores.csv", ROWS)
    write_reference(references / "of_before", ROWS, None)
    write_reference(references / "other_parameters", ROWS, {"analysis": {"margin": 1.0}})
    write_reference(references / "whole", ROWS, parameters(ROWS))
    (references / "empty").mkdir()

    lines = make(tmp_path)

    assert list(fragments(tmp_path / "report.html")) == ["run", "reference/whole"]
    left_out = [line for line in lines if line.startswith("left out: ")]
    assert re.search(r"empty: not a reference\. .* --write FOLDER", left_out[0])
    assert re.search(r"of_before: has no params\.yaml, .* --write FOLDER", left_out[1])
    assert re.search(r"other_parameters/params\.yaml: its parameters are not those of this version: ", left_out[2])
    assert len(left_out) == 3


def test_with_nothing_to_show_it_says_what_would_make_something(tmp_path: Path) -> None:
    write_reference(tmp_path / "paper/reference/of_before", ROWS, None)

    with pytest.raises(
        DataError,
        match=r"scores\.csv: no such file, and .*reference has no .*`make reproduce`[^\n]*\nleft out: .*of_before",
    ):
        make(tmp_path)

    assert not (tmp_path / "report.html").exists()


@pytest.mark.slow
def test_the_same_scores_make_the_same_page(page: Path) -> None:
    before = page.read_bytes()

    make(page.parent)

    assert page.read_bytes() == before


def test_without_predictions_the_page_says_so(tmp_path: Path) -> None:
    write_scores(tmp_path / "results/scores.csv", ROWS)

    _, second, _ = make(tmp_path)

    assert re.fullmatch(r"no predictions in \S+, or no test data in \S+: the page is without examples", second)
    found = fragments(tmp_path / "report.html")["run"]
    assert found["absent"] == "No predictions are stored for this cell."
    assert not [key for key in found if key.startswith("examples")]


@pytest.mark.slow
def test_examples_are_left_out_of_a_page_that_would_be_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path, ROWS, {"none": "before", "mnli": "after"})
    monkeypatch.setattr(module, "MOST_BYTES", 1)

    *_, last = make(tmp_path)

    assert ", 0 examples of each in a language" in last
    assert fragments(tmp_path / "report.html")["run"]["absent"] == "Left out, since this page would be too large."


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


def test_the_page_has_the_stars_of_the_paper() -> None:
    rows = [
        dataclasses.replace(row, value=row.value + 6.0 * ((row.encoder, row.condition) == ("gru", "mnli")))
        for row in scores({"none": 0.0, "mnli": 3.0, "squad": -2.0}, encoders=("transformer", "lstm", "gru"), noise=2.0)
    ]
    study = study_of(rows)
    inputs = Inputs(study=study, parameters=parameters(rows))

    (table,) = registry.load("tables", "architectures").build(inputs)

    maps = [gains_of(study, encoder) for encoder in study.encoders]
    maps += [differences_of(study, encoder) for encoder in ("lstm", "gru")]
    texts = [re.findall(r"<a [^>]*>([^ <]*)", estimates_map(one, study.intermediates, "title")) for one in maps]
    on_page = [tuple(one[4 * task + target] for one in texts) for task in range(2) for target in range(4)]
    assert on_page == [tuple(shown(cell)[0] for cell in row[2:]) for row in table.rows]
    assert len({text.endswith("*") for row in on_page for text in row[3:]}) == 2


def test_a_gain_and_a_loss_differ_in_more_than_colour() -> None:
    study = study_of(ROWS)

    text = estimates_map(gains_of(study, "lstm"), study.intermediates, "title")

    cells = re.findall(r'<td class="(gain|loss)" style="--w:(\d+)%"><a [^>]*>([+−])', text)
    assert len(cells) == 9
    assert all((kind == "gain") == (sign == "+") for kind, _, sign in cells)
    widths = [int(width) for _, width, _ in cells]
    assert max(widths) == 50  # of a hundred: to one side
    assert all(25 < width < 40 for width in widths[3:6])  # two points beside three
    assert widths[6:] == [50] * 3  # untrained, far beyond


@pytest.mark.parametrize(
    ("values", "low", "high", "ticks"),
    [
        ((41.0, 58.3), 40, 60, [40, 50, 60]),
        ((3.0, 97.0), 0, 100, [0, 20, 40, 60, 80, 100]),
        ((50.0, 50.0), 50, 60, [50, 60]),
    ],
)
def test_an_axis_is_around_its_scores_and_begins_and_ends_with_tens(
    values: tuple[float, float], low: float, high: float, ticks: list[float]
) -> None:
    axis = Axis.of(values)

    assert (axis.low, axis.high, axis.ticks) == (low, high, ticks)
    assert (axis.place(low), axis.place(high)) == (0, 1000)


# How it behaves

STATUS = "document.getElementById('status').textContent"
SHOWN = "performance.getEntriesByName('shown').length > 0"
FOCUS = "document.activeElement"
CELL = "#encoder=lstm&condition=mnli&target=xquad&language=de"


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
