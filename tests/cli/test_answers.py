"""Answers, from the scores: claims, the report, what is verified, gains, power, the paper."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import fabricated
import pytest
import tiny
from command_line import LANGUAGES, ROOT, Xit, assert_one_line

from xit.core.examples import write_examples
from xit.scoring import predictions
from xit.statistics.power import Spread, minimum_detectable


@pytest.fixture
def scored(xit: Xit, parameters: dict[str, Any]) -> None:
    """A folder with fabricated results, as `collect` writes them."""
    fabricated.write_inputs(Path("results"), fabricated.scores())
    shutil.copytree(ROOT / "paper", "paper", ignore=shutil.ignore_patterns("generated", "*.pdf", "reference"))


def test_claims_are_shown_for_each_encoder_and_written_as_json(xit: Xit, scored: None) -> None:
    done = xit("claims", "--json", "claims.json")

    assert (done.code, done.err) == (0, "")
    transformer, _, lstm = done.out.partition("lstm (micro source")
    for part in (transformer, lstm):
        assert re.search(r"SQuAD raises the average\. +\+8\.2 +−\d\.\d +\[−\d\.\d, −\d\.\d\] +contradicted", part)
    found = json.loads(Path("claims.json").read_text())
    assert found == json.loads(xit("claims", "--json", "-").out)
    assert {one["id"]: one["by_encoder"]["lstm"]["verdict"] for one in found}["squad"] == "contradicted"


def test_report_writes_the_page_of_the_folder_with_or_without_predictions(xit: Xit, scored: None) -> None:
    done = xit("report", "--out", "page.html")

    assert (done.code, done.err) == (0, "")
    read, none, wrote = done.out.splitlines()
    assert read.startswith("read results/scores.csv: ")
    assert read.endswith("made tasks · 3 seeds · transformer and lstm · 2 intermediate tasks")
    assert none == "no predictions in evaluations, or no test data in data: the page is without examples"
    assert re.fullmatch(r"wrote page\.html: 24 gains of 1 experiment, 0\.\d MB", wrote)
    assert Path("page.html").stat().st_size < 5_000_000


@pytest.mark.slow
def test_the_tables_of_a_reference_answer_as_those_of_a_run(xit: Xit, scored: None) -> None:
    commands = [
        *(("claims",), ("show", "power"), ("scaling",), ("verify", "--reference", "own")),
        ("scaling", "results/scores.csv"),
    ]
    written = xit("verify", "--write", "own")
    run = [xit(*command).out for command in commands]
    shutil.rmtree("results")
    Path("results").mkdir()
    for path in Path("own").glob("*.csv.gz"):
        shutil.copy(path, "results")
    reference = [xit(*command).out for command in commands]
    by_name = xit("scaling", "own/scores.csv.gz").out
    paper = xit("paper")

    assert written.code == 0
    assert "own/scores.csv.gz: 32 of 32 equal" in run[3]
    assert reference == run
    assert by_name == run[4]
    assert (paper.code, Path("paper/main.pdf").read_bytes()[:4]) == (0, b"%PDF")


@pytest.mark.slow
def test_verify_says_reproduced_or_names_the_cells_and_exits_1(xit: Xit, scored: None) -> None:
    wrote = xit("verify", "--write", "paper/reference/micro")
    same = xit("verify")
    shutil.rmtree("results")
    moved = [dataclasses.replace(row, value=row.value + 30 * (row.seed == 1)) for row in fabricated.scores()]
    fabricated.write_inputs(Path("results"), moved)
    other = xit("verify", "--reference", "paper/reference/micro")

    assert (wrote.code, wrote.out.splitlines()[-1]) == (0, "wrote paper/reference/micro")
    assert (same.code, same.err, same.out.splitlines()[-1]) == (0, "", "reproduced")
    assert "scores, with paper/reference/micro/scores.csv.gz: 32 of 32 equal\n" in same.out
    assert (other.code, other.err) == (1, "")
    lines = other.out.splitlines()
    assert re.fullmatch(r"not reproduced: what differs: \d+", lines[-1])
    assert re.search(
        r"^  transformer\.none\.xnli\.1\.en\S+: \d+\.\d+, where \d+\.\d+ was expected: \d", other.out, re.MULTILINE
    )


def test_gains_over_examples_are_shown_by_language_and_seed(xit: Xit) -> None:
    rows = fabricated.scores(encoders=("lstm",), targets=("xnli",), languages=LANGUAGES, seeds=2)
    fabricated.write_inputs(Path("results"), rows)
    task, right = tiny.task_of("xnli"), [row["label"] for row in tiny.examples("classification")]
    examples = [{**row, "language": code} for code in LANGUAGES for row in tiny.examples("classification")]
    write_examples(Path("data/xnli/test.parquet"), task, examples)
    for row in rows:
        folder = Path("evaluations/lstm/xnli") / row.condition / str(row.seed) / "predictions"
        wrong = 2 * (row.condition == "none") * row.seed
        others = [task.labels[task.labels.index(label) - 1] for label in right]
        predictions.write(folder, task, row.language, others[:wrong] + right[wrong:])

    done = xit("gains", "lstm", "mnli", "xnli")

    assert (done.code, done.err) == (0, "")
    found = re.findall(r"^(\w\w) +(\d) +(\+\d+\.\d) +\[\S+, \S+\] +(\d) +(\d) +(\d\.\d+)", done.out, re.MULTILINE)
    assert found == [
        (code, seed, *cells)
        for code in ("en", "de", "zh")
        for seed, *cells in (("1", "+25.0", "2", "0", "0.500"), ("2", "+50.0", "4", "0", "0.125"))
    ]


def test_the_power_of_the_experiment_is_shown_before_it_is_run(
    xit: Xit, scored: None, parameters: dict[str, Any]
) -> None:
    observed = xit("show", "power")
    shutil.rmtree("results")
    assumed = xit("show", "power", "--sd-seeds", "2", "--sd-languages", "3")
    neither = xit("show", "power", "--sd-seeds", "2")
    nothing = xit("show", "power")

    assert (observed.code, observed.err) == (0, "")
    assert re.search(r"^lstm +\d\.\d +\d\.\d +", observed.out, re.MULTILINE)
    assert "observed in results/scores.csv" in " ".join(observed.out.split())
    found = minimum_detectable(Spread(2.0, 3.0, 1, 2), 5, 0.95, len(parameters["grid"]["encoders"]) * 2 - 1)
    assert re.search(rf"^lstm +2\.0 +3\.0 .* {found:.1f} ", assumed.out, re.MULTILINE)
    assert_one_line(neither, 2, r"xit show power: one of --sd-seeds and --sd-languages is missing")
    assert_one_line(nothing, 1, r"results/scores.csv: no such file")


@pytest.mark.slow
def test_the_paper_needs_no_torch(xit: Xit, scored: None) -> None:
    code = (
        "import sys; from xit.cli import main; sys.argv = ['xit', 'paper']\n"
        "try: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = done.stderr.split()
    assert "xit.statistics.claims" in loaded
    assert {"torch", "transformers", "datasets", "accelerate"}.isdisjoint(loaded)
