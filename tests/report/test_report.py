"""`xit report`: one file that opens without a network, and what it says of an experiment and its cells."""

import base64
import dataclasses
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from fabricated import PAPER, parameters, scores, study_of
from pages import ROWS, make, write_reference, write_run

from xit import report as module
from xit.core import registry
from xit.core.errors import DataError
from xit.core.examples import write_examples
from xit.core.scores import write_scores
from xit.core.task import task_of
from xit.paper.inputs import Inputs
from xit.paper.render import shown
from xit.report._examples import Shown, collect
from xit.report._figures import Axis, differences_of, estimates_map, gains_of
from xit.scoring import predictions


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
    sentences = re.findall(r"<li>(.*?)</li>", found["reference/micro"]["answer"])
    assert len(sentences) == 4
    assert all(sentence in answer.replace("\n", " ") for sentence in sentences)
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
