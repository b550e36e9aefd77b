"""The paper stage, from files to files: what it writes, the same twice, and words that fit their numbers."""

import dataclasses
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from built_tables import inputs
from fabricated import ANALYSIS, PAPER, make_paper, parameters, scores, study_of, write_inputs
from rich.console import Console

from xit.cli.tables import results
from xit.core import registry
from xit.core.errors import DataError, XitError
from xit.core.files import sha256
from xit.paper.sentences import answer_page, sentences_of
from xit.stages.paper import paper
from xit.statistics.gains import primary_gains

ROOT = Path(__file__).parents[2]
FIGURES = ("curves-loss", "curves-validation", "gaps", "heatmap", "languages")
RISE, FALL = r"\b(raises|rises)\b", r"\b(lowers|falls)\b"
MANY = {"qqp": 4.0, "mnli": 3.0, "squad": 0.0, "cosmosqa": 0.0, "ccg": -4.0}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the paper of the default grid, to be looked at and not changed."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "lines").write_text("\n".join(make_paper(folder, scores())), encoding="utf-8")
    return folder


def test_the_paper_writes_every_table_figure_sentence_and_the_pdf(made: Path) -> None:
    generated = made / "generated"
    tables = {path.suffix for path in (generated / "tables").glob("gains.*")}
    figures = {path.name for path in (generated / "figures").iterdir() if path.suffix != ".json"}
    assert tables == {".csv", ".md", ".tex", ".json"}
    assert figures == {f"{name}.{suffix}" for name in FIGURES for suffix in ("pdf", "png")}
    assert (made / "main.pdf").read_bytes().startswith(b"%PDF")
    assert "micro source" in (generated / "answer.md").read_text(encoding="utf-8")
    first, *_, last = (made / "lines").read_text(encoding="utf-8").splitlines()
    assert first == f"read {made}/scores.csv: micro source, 696 scores"
    assert re.fullmatch(r"claims: (\d+ (reproduced|contradicted|inconclusive|not tested|not run)(, )?)+", last)


@pytest.mark.slow
def test_the_same_scores_make_the_same_bytes(made: Path, tmp_path: Path) -> None:
    make_paper(tmp_path, scores())

    assert sha256(tmp_path / "generated") == sha256(made / "generated")
    assert sha256(tmp_path / "main.pdf") == sha256(made / "main.pdf")


@pytest.mark.slow
@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(
            scores({"mnli": 1.0, "none": 0.0}, encoders=("transformer", "lstm", "gru")),
            id="three encoders",
            marks=pytest.mark.slow,
        ),
        pytest.param(scores(seeds=1), id="one seed", marks=pytest.mark.slow),
        pytest.param(scores({**MANY, "multitask": 2.0}), id="five tasks and a recipe", marks=pytest.mark.slow),
        pytest.param(scores(seeds=1, languages=("en", "de"), targets=("xnli",), encoders=("lstm",)), id="tiny"),
        pytest.param(scores(source="files", targets=("xnli", "panx", "xquad")), id="files", marks=pytest.mark.slow),
        pytest.param(scores(source="hub", encoders=("lstm",)), id="hub, one encoder", marks=pytest.mark.slow),
        pytest.param(
            [row for row in scores() if (row.encoder, row.condition, row.target) != ("lstm", "mnli", "xnli")],
            id="a cell missing",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_paper_is_typeset_for_other_grids(tmp_path: Path, rows: list[Any]) -> None:
    make_paper(tmp_path, rows)

    assert (tmp_path / "main.pdf").stat().st_size > 10_000
    values = json.loads((tmp_path / "generated/values.json").read_text(encoding="utf-8"))
    sentences = [sentence for group in values["sentences"].values() for sentence in group]
    assert sentences
    assert not re.search(r"\bnan\b|None|\{|\}", " ".join(sentences))


def sentences(effects: Mapping[str, float], **options: Any) -> str:
    return " ".join(sentences_of(study_of(scores(effects, encoders=("lstm",), **options)))["answer"])


@pytest.mark.slow
def test_words_of_direction_follow_the_scores() -> None:
    up, down = sentences({"none": 0.0, "mnli": 4.0}), sentences({"none": 0.0, "mnli": -4.0})
    flat = sentences({"none": 0.0, "mnli": 0.0}, noise=2.0)

    assert re.search(RISE, up)
    assert not re.search(FALL, up)
    assert re.search(FALL, down)
    assert not re.search(RISE, down)
    assert not re.search(f"{RISE}|{FALL}", flat)
    assert "has no statistically significant effect" in flat


def test_of_many_tasks_a_sentence_names_the_ends_and_those_that_move_the_score() -> None:
    study = study_of(scores(MANY, encoders=("lstm",)))
    few = study_of(scores(MANY, encoders=("lstm",), seeds=2))

    (told,) = sentences_of(study)["tasks"]
    (estimated,) = sentences_of(few)["tasks"]

    between = r".* moves by between −4\.\d \[.*\] after ccg and \+4\.\d \[.*\] after qqp, of 5 tasks"
    assert re.fullmatch(f"{between}; after correction qqp and mnli raise it and ccg lowers it.", told)
    assert re.fullmatch(f"{between}.", estimated)


def test_the_short_answer_has_the_declared_tasks_and_no_others(tmp_path: Path) -> None:
    of = inputs(tmp_path, scores(MANY))
    analysis = dataclasses.replace(ANALYSIS, intermediates=("mnli", "ccg"))
    study = dataclasses.replace(of.study, analysis=analysis)

    page = answer_page(study, registry.load("tables", "answer").build(dataclasses.replace(of, study=study)))

    assert re.findall(r"^\| ([a-z][^|]*?) \|", page, re.MULTILINE) == ["intermediate", "mean of 2", "mnli", "ccg"]


def test_one_seed_gives_a_number_and_no_direction() -> None:
    text = sentences({"none": 0.0, "mnli": 4.0}, seeds=1)

    assert not re.search(f"{RISE}|{FALL}", text)
    assert "With 1 seed these are estimates: no word of direction is given below 3 seeds." in text


def test_a_comparison_says_which_encoder_gains_more() -> None:
    rows = [row for row in scores({"none": 0.0, "mnli": 0.0}) if row.encoder == "transformer"]
    rows += [row for row in scores({"none": 0.0, "mnli": 5.0}) if row.encoder == "lstm"]

    last = sentences_of(study_of(rows))["answer"][-1]

    assert last.startswith("The mean gain is smaller for the transformer than for the lstm encoder: −5.")
    assert "equal" in sentences_of(study_of(scores({"mnli": 0.0}, noise=9.0)))["answer"][-1]


def test_single_tasks_whose_differences_cancel_are_named() -> None:
    rows = [row for row in scores({"mnli": 5.0, "squad": 0.0}) if row.encoder == "transformer"]
    rows += [row for row in scores({"mnli": 0.0, "squad": 5.0}) if row.encoder == "lstm"]

    (told,) = sentences_of(study_of(rows))["differences"]

    assert re.fullmatch(
        r"By single tasks the gain is larger for the transformer than for the lstm encoder after mnli \(\+5\.\d .*\), "
        r"and smaller after squad \(−5\.\d .*\): the mean hides opposite differences\.",
        told,
    )
    assert sentences_of(study_of(scores({"mnli": 0.0}, noise=2.0)))["differences"] == []


def test_the_document_types_no_result() -> None:
    text = (PAPER / "main.typ").read_text(encoding="utf-8")
    prose = text[text.index("*Abstract.*") :]

    assert set(re.findall(r"[+−]?\d+\.\d+(?![\d.]*(?:pt|em|cm))|\d+ %", prose)) == set()
    assert not re.findall(f"{RISE}|{FALL}|improves|significant", prose)


@pytest.mark.slow
def test_a_document_that_cannot_be_typeset_leaves_the_old_files(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    before = sha256(tmp_path / "generated"), sha256(tmp_path / "main.pdf")
    folder = tmp_path / "paper"
    shutil.copytree(PAPER, folder, ignore=shutil.ignore_patterns("generated", "*.pdf", "reference"))
    (folder / "main.typ").write_text("#let broken = (\n", encoding="utf-8")

    with pytest.raises(XitError, match=r"main\.typ cannot be typeset\.\nerror: unclosed delimiter"):
        make_paper(tmp_path, scores({"mnli": 9.0}), main=folder / "main.typ")

    assert (sha256(tmp_path / "generated"), sha256(tmp_path / "main.pdf")) == before


def test_a_table_of_results_without_a_column_is_refused(tmp_path: Path) -> None:
    rows = scores()
    write_inputs(tmp_path, rows)
    (tmp_path / "encoders.csv").write_text("encoder,parameters\nlstm,1\n", encoding="utf-8")

    with pytest.raises(
        DataError, match=r"encoders\.csv: no column embedding_parameters, .*; it has encoder, parameters"
    ):
        paper(
            tmp_path / "scores.csv", tmp_path, parameters(rows), tmp_path / "g", PAPER / "main.typ", tmp_path / "p.pdf"
        )


@pytest.mark.parametrize("name", ["audit", "curves"])
def test_a_missing_table_of_results_is_named_with_what_makes_it(tmp_path: Path, name: str) -> None:
    rows = scores()
    write_inputs(tmp_path, rows)
    (tmp_path / f"{name}.csv").unlink()

    with pytest.raises(DataError, match=rf"{name}\.csv: no such file\. `xit collect` writes it"):
        paper(
            tmp_path / "scores.csv", tmp_path, parameters(rows), tmp_path / "g", PAPER / "main.typ", tmp_path / "p.pdf"
        )


def test_a_target_that_is_declared_to_be_shown_only_is_in_no_mean_and_the_sentences_say_so() -> None:
    rows = scores()
    declared = dataclasses.replace(ANALYSIS, not_averaged=("tatoeba", "bucc2018"))
    study = study_of(rows, declared, {"udpos": "lstm learns it no better", "tatoeba": "lstm does not learn it"})
    without = study_of([row for row in rows if row.target == "xnli"])

    assert study.averaged == ("xnli",)
    assert primary_gains(study)[("lstm",)] == primary_gains(without)[("lstm",)]
    assert sentences_of(study)["answer"][-1] == (
        "Averages are over 1 of 3 targets; shown and not averaged, by English validation alone, is udpos (lstm learns "
        "it no better); shown and not averaged, as declared, is tatoeba."
    )


def test_the_summary_fits_a_screen_with_the_answer_and_the_places(made: Path) -> None:
    console = Console(width=80, record=True, file=io.StringIO())

    for part in results(made / "generated", made / "main.pdf"):
        console.print(part)

    text = console.export_text()
    assert text.count("\n") < 40
    assert "For the transformer encoder English intermediate training raises the average" in text
    assert re.search(r"this run, \d seeds +over \d targets? *\n  mean of \d +\+\d\.\d\*? \[", text)
    assert re.sub(r"\s", "", str(made / "main.pdf")) in re.sub(r"\s", "", text)


def test_the_readme_has_the_answer_of_the_committed_reference() -> None:
    """No run writes it: who commits a reference puts its answer.md between the two marks."""
    answer = (ROOT / "paper/reference/micro/answer.md").read_text(encoding="utf-8")
    _, begin, rest = (ROOT / "README.md").read_text(encoding="utf-8").partition("<!-- answer:begin -->\n")

    assert begin
    assert rest.partition("<!-- answer:end -->")[0] == answer


def test_no_table_imports_torch() -> None:
    code = (
        "import sys; import xit.stages.paper; from xit.core import registry\n"
        "names = registry.names('tables'); assert len(names) > 10\n"
        "for name in names: registry.load('tables', name)\n"
        "print(sorted({'torch', 'transformers', 'datasets', 'matplotlib', 'statsmodels'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
