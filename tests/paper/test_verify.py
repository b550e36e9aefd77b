"""`xit verify`: scores again from predictions, tables again from scores, a reference within what seeds change."""

import dataclasses
import gzip
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fabricated
import numpy as np
import pytest
import tiny

from xit.core.errors import DataError
from xit.core.examples import write_examples
from xit.core.files import write_csv
from xit.core.scores import Score, read_scores, write_scores
from xit.core.settings import PretrainingSettings
from xit.core.texts import write_text
from xit.paper.inputs import COLUMNS
from xit.paper.verify import Verification, agreement, verify
from xit.pipeline import config, doctor
from xit.scoring import predictions

LANGUAGES = ("en", "de", "zh")
LABELS = ("contradiction", "entailment", "neutral")
PREDICTIONS = "evaluations/lstm/xnli/mnli/2/predictions/xnli/test-de.tsv"


# A whole project


def write_project(root: Path) -> dict[str, Any]:
    """Results, predictions and test data that agree, of 20 examples a language; the parameters are given back."""
    rng = np.random.default_rng(0)
    task = tiny.task_of("xnli")
    examples = [{**row, "language": code} for code in LANGUAGES for row in tiny.examples("classification", 20)]
    write_examples(root / "data/xnli/test.parquet", task, examples)
    gold = [str(row["label"]) for row in examples[:20]]
    rows = []
    for score in fabricated.scores({"none": 0.0, "mnli": 0.0}, targets=("xnli",), languages=LANGUAGES):
        right = int(rng.integers(8, 16))
        wrong = [LABELS[(LABELS.index(label) + 1) % 3] for label in gold[right:]]
        folder = root / "evaluations" / score.encoder / "xnli" / score.condition / str(score.seed) / "predictions"
        predictions.write(folder, task, score.language, gold[:right] + wrong)
        rows.append(dataclasses.replace(score, value=5.0 * right, examples=20))
    return write_results(root, rows)


def write_results(root: Path, rows: Sequence[Score]) -> dict[str, Any]:
    """What `collect` would have written, and paper/inputs."""
    fabricated.write_inputs(root / "results", rows)
    shutil.copytree(fabricated.PAPER / "inputs", root / "paper/inputs", dirs_exist_ok=True)
    return fabricated.parameters(rows)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A project with a reference of its own results, not to be changed, and its parameters."""
    root = tmp_path_factory.mktemp("written")
    parameters = write_project(root)
    verify(root, parameters, out=root / "paper/reference/micro")
    return root, parameters


@pytest.fixture
def project(written: tuple[Path, dict[str, Any]], tmp_path: Path) -> Callable[..., Verification]:
    """Verifies a copy of the project, which a test may change."""
    root, parameters = written
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    return lambda *arguments: verify(tmp_path, parameters, *arguments)


def test_results_that_were_not_touched_are_reproduced(project: Callable[..., Verification]) -> None:
    found = project()

    assert (found.verdict, found.differences) == ("reproduced", ())
    assert [str(one).partition(": ")[0].partition(",")[0] for one in found.comparisons] == [
        "scores from predictions",
        "scores",
        "tables from the scores of the reference",
    ]
    assert [one.equal for one in found.comparisons] == [one.compared for one in found.comparisons]
    assert [one.compared > 11 for one in found.comparisons] == [True] * 3
    assert found.notes[0] == "paper/generated/tables: no such folder, so tables were not compared with those on disk"


def test_a_prediction_that_was_changed_is_found(project: Callable[..., Verification], tmp_path: Path) -> None:
    file = tmp_path / PREDICTIONS
    file.write_text("".join(f"{label}\n" for label in ["neutral"] * 20), encoding="utf-8")

    found = project()

    assert found.verdict == f"not reproduced: what differs: {len(found.differences)}"
    assert found.differences[0].startswith("lstm.mnli.xnli.2.de.test.micro.accuracy: 30, where ")
    assert found.differences[0].endswith(" apart")
    assert len(found.comparisons[0].differences) == 1
    assert found.comparisons[-1].differences == []  # the tables of the reference follow from its own scores


def test_a_score_that_was_changed_is_not_what_its_predictions_give(
    project: Callable[..., Verification], tmp_path: Path
) -> None:
    scores = list(read_scores(tmp_path / "results/scores.csv"))
    scores[3] = dataclasses.replace(scores[3], value=scores[3].value + 0.001)
    write_scores(tmp_path / "results/scores.csv", scores)

    assert len(project().differences) == 1


def test_every_missing_file_of_predictions_is_listed(project: Callable[..., Verification], tmp_path: Path) -> None:
    (tmp_path / PREDICTIONS).unlink()
    shutil.rmtree(tmp_path / "evaluations/transformer/xnli/none/1")

    with pytest.raises(DataError, match=r"lstm/xnli/mnli/2.*test-de\.tsv: no such file") as caught:
        project()

    assert len(str(caught.value).splitlines()) == 1 + len(LANGUAGES)


def test_missing_test_data_say_what_writes_them(project: Callable[..., Verification], tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "data")

    with pytest.raises(DataError, match=r"data/xnli/test\.parquet: no such file\. `xit data xnli` writes it"):
        project()


def test_a_language_that_the_test_data_lack_is_named(project: Callable[..., Verification], tmp_path: Path) -> None:
    task = tiny.task_of("xnli")
    write_examples(tmp_path / "data/xnli/test.parquet", task, tiny.examples("classification", 20))

    with pytest.raises(DataError, match=r"xnli/test\.parquet: no examples in de, zh, of which there are scores"):
        project()


def test_predictions_of_other_test_data_are_refused(project: Callable[..., Verification], tmp_path: Path) -> None:
    (tmp_path / PREDICTIONS).write_text("neutral\n", encoding="utf-8")

    with pytest.raises(
        DataError, match=r"test-de\.tsv: does not fit the test examples of xnli in de: 1 line; the gold has 20\. E"
    ):
        project()


def test_without_predictions_scores_and_tables_are_still_compared(
    project: Callable[..., Verification], tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "evaluations")

    found = project()

    assert found.verdict == "reproduced"
    assert found.notes[0] == "evaluations: no such folder, so no score was computed again from predictions"
    assert len(found.comparisons) == 2


def test_tables_on_disk_that_were_edited_are_found(project: Callable[..., Verification], tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "paper/reference/micro/tables", tmp_path / "paper/generated/tables")
    file = tmp_path / "paper/generated/tables/gains.csv"
    first, second, *rest = file.read_text(encoding="utf-8").splitlines(keepends=True)
    cells = second.split(",")
    cells[2] = "9.5"
    file.write_text("".join([first, ",".join(cells), *rest]), encoding="utf-8")

    (line,) = project().differences
    with_write = project(None, tmp_path / "not-written")

    assert (with_write.differences, (tmp_path / "not-written").exists()) == ((line,), False)
    assert re.fullmatch(r"gains: line 2 \(mnli, transformer\), xnli: -?[\d.]+, where 9\.5 was expected", line)


@pytest.mark.slow
def test_a_number_of_a_table_may_differ_in_its_seventh_digit_and_not_in_its_sixth(
    project: Callable[..., Verification], tmp_path: Path
) -> None:
    folder = tmp_path / "paper/reference/micro/tables"
    rows = (folder / "gains.csv").read_text(encoding="utf-8").split(",")
    place, value = next((i, float(cell)) for i, cell in enumerate(rows) if re.fullmatch(r"-?\d+\.\d{10,}", cell))
    counts = []
    for change in (1e-9, 1e-5):
        rows[place] = str(value * (1 + change))
        (folder / "gains.csv").write_text(",".join(rows), encoding="utf-8")
        counts.append(len(project().differences))

    assert counts == [0, 1]


def test_a_table_of_the_reference_that_its_scores_do_not_give_is_found(
    project: Callable[..., Verification], tmp_path: Path
) -> None:
    file = tmp_path / "paper/reference/micro/tables/claims.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("inconclusive", "reproduced"), encoding="utf-8")

    (line,) = project().differences

    assert line.startswith("claims: ")
    assert line.endswith("verdict: inconclusive, where reproduced was expected")


def test_what_is_measured_beside_the_scores_is_kept_with_them(tmp_path: Path) -> None:
    parameters = {**write_project(tmp_path), "retrieval": {"layer": 1.0}}
    reference, file = tmp_path / "paper/reference/micro", tmp_path / "results/representations.csv"
    keys = [(e, c, str(s)) for e in ("transformer", "lstm") for c in ("none", "mnli") for s in (1, 2, 3)]
    rows = [(*key[:2], "xnli", key[2], "de", 2, "similarity_to_english", 40.0 + int(key[2])) for key in keys]
    write_csv(file, [dict(zip(COLUMNS["representations"], row, strict=True)) for row in rows])

    verify(tmp_path, parameters, out=reference)
    file.write_text(file.read_text(encoding="utf-8").replace(",41.0", ",99.0"), encoding="utf-8")
    of_another_run = verify(tmp_path, parameters)

    assert (reference / "tables/representations.csv").is_file()
    assert of_another_run.differences == ()
    file.unlink()
    verify(tmp_path, parameters, out=reference)
    assert not list(reference.rglob("representations.csv"))


def test_a_table_of_another_shape_and_one_that_is_gone_are_named(
    project: Callable[..., Verification], tmp_path: Path
) -> None:
    tables = tmp_path / "paper/reference/micro/tables"
    (tables / "gains.csv").write_text("condition\nmnli\n", encoding="utf-8")
    shutil.copyfile(tables / "audit.csv", tables / "other.csv")

    found = project()

    assert len(found.differences) == 2
    assert found.differences[0].startswith("gains: 4 rows of 12 columns, where 1 of 1 were expected; not in both: enc")
    assert found.differences[1].startswith("other: no such table")


def test_a_reference_is_written_anew_beside_what_else_is_in_its_folder(
    project: Callable[..., Verification], tmp_path: Path
) -> None:
    folder = tmp_path / "paper/reference/micro"
    (folder / "README.md").write_text("What this is.", encoding="utf-8")
    (folder / "tables/gone.csv").write_text("a\n", encoding="utf-8")
    (folder / "tables/gains.csv").write_text("a\n", encoding="utf-8")

    project(None, folder)

    assert project().verdict == "reproduced"
    assert (folder / "README.md").is_file()
    assert not (folder / "tables/gone.csv").exists()


def test_a_reference_holds_the_tables_of_the_run_packed_its_figure_and_its_paper(
    project: Callable[..., Verification], tmp_path: Path
) -> None:
    folder = tmp_path / "paper/reference/micro"
    packed = {path.name: path.read_bytes() for path in folder.glob("*.gz")}
    made = tmp_path / "paper/main.pdf", tmp_path / "paper/generated/figures/heatmap.png"
    copies = folder / "paper.pdf", folder / "heatmap.png"
    copied = []
    for text in ("of the run", ""):
        for file in made:
            write_text(file, text) if text else file.unlink()
        project(None, folder)
        copied.append([copy.is_file() and copy.read_text(encoding="utf-8") for copy in copies])
    assert {name: gzip.decompress(content) for name, content in packed.items()} == {
        f"{path.name}.gz": path.read_bytes() for path in (tmp_path / "results").iterdir()
    }
    assert {path.name: path.read_bytes() for path in folder.glob("*.gz")} == packed
    assert copied == [["of the run"] * 2, [False] * 2]  # without them in the run, they would be of another one


def test_a_reference_that_is_not_packed_is_read_and_packed_when_it_is_written_anew(
    project: Callable[..., Verification], tmp_path: Path
) -> None:
    folder = tmp_path / "paper/reference/micro"
    for path in folder.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    (folder / "curves.csv").unlink()  # which references of former versions lack

    found = project()
    project(None, folder)

    assert found.verdict == "reproduced"
    assert "micro/scores.csv: " in str(found.comparisons[1])
    assert sorted(path.name for path in folder.glob("*.csv*")) == [
        f"{name}.csv.gz" for name in ("audit", "curves", "encoders", "scores", "training")
    ]
    assert "micro/scores.csv.gz: " in str(project().comparisons[1])


def test_without_anything_to_compare_with_it_says_so(tmp_path: Path) -> None:
    parameters = write_results(tmp_path, fabricated.scores())

    with pytest.raises(DataError, match=r"nothing to compare results/scores\.csv with: no evaluations, no paper/gen"):
        verify(tmp_path, parameters)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (
            shutil.rmtree,
            r"reference: no such folder\. A reference holds scores\.csv\.gz and tables/\*\.csv, which `xit",
        ),
        (
            lambda folder: (folder / "scores.csv.gz").unlink(),
            r"reference: not a reference\. A reference holds scores\.cs",
        ),
        (
            lambda folder: write_scores(folder / "scores.csv.gz", fabricated.scores(source="files")),
            r"reference: is of the source files; these results are of micro\.",
        ),
        (lambda folder: (folder / "audit.csv.gz").write_bytes(b"audit"), r"audit\.csv\.gz: cannot be unpacked"),
        (lambda folder: (folder / "tables/gains.csv").write_text(""), r"gains\.csv: not a table: it is empty"),
        (lambda folder: (folder / "tables/gains.csv").write_text("a,b\n1\n"), r"gains\.csv: not a table.*equally long"),
    ],
    ids=["gone", "no scores", "other source", "damaged", "empty table", "ragged table"],
)
def test_what_is_no_reference_is_refused(
    break_it: Callable[[Path], object], message: str, project: Callable[..., Verification], tmp_path: Path
) -> None:
    shutil.copytree(tmp_path / "paper/reference/micro", tmp_path / "reference")
    break_it(tmp_path / "reference")

    with pytest.raises(DataError, match=message):
        project(tmp_path / "reference")


# Fresh seeds


def with_noise(seed: int, seeds: int = 3) -> list[Score]:
    """One experiment out of many that are alike: fresh seeds, the same effects."""
    rng = np.random.default_rng(seed)
    options: Any = {"noise": 0, "seeds": seeds, "targets": ("xnli",), "languages": ("en", "de", "sw", "tr")}
    rows = fabricated.scores({"none": 0.0, "mnli": 3.0}, **options)
    return [dataclasses.replace(row, value=row.value + rng.normal(0, 2)) for row in rows]


def compared(folder: Path, found: Sequence[Score], wanted: Sequence[Score]) -> Verification:
    """The verification of one run with another as its reference."""
    verify(folder, write_results(folder, wanted), out=folder / "reference")
    return verify(folder, write_results(folder, found), folder / "reference")


@pytest.mark.slow
def test_fresh_seeds_reproduce_and_a_shifted_run_does_not(tmp_path: Path) -> None:
    wanted = with_noise(0)
    moved = [
        dataclasses.replace(row, value=row.value + 20 * ((row.encoder, row.condition) == ("lstm", "mnli")))
        for row in with_noise(1)
    ]

    fresh, other = (compared(tmp_path, found, wanted) for found in (with_noise(1), moved))

    assert fresh.verdict == "reproduced"
    assert str(fresh.comparisons[0]).endswith(f": 0 of {len(wanted)} equal, {len(wanted)} need not be")
    assert str(fresh.comparisons[1]).endswith(": 0 of 6 equal, 6 within what fresh seeds would change")
    assert {line.partition(":")[0] for line in other.differences} == {"lstm.mnli.xnli.accuracy"}


def test_one_score_far_off_among_equal_ones_is_no_difference(tmp_path: Path) -> None:
    first, *rest = with_noise(0)

    found = compared(tmp_path, [dataclasses.replace(first, value=first.value - 12), *rest], [first, *rest])

    assert found.verdict == "reproduced"
    assert f"{len(rest)} of {len(rest) + 1} equal, 1 need not be" in str(found.comparisons[0])


def test_with_one_seed_numbers_must_be_equal(tmp_path: Path) -> None:
    wanted = with_noise(0, seeds=1)
    moved = [dataclasses.replace(wanted[0], value=wanted[0].value + 0.01), *wanted[1:]]

    same, other = (compared(tmp_path, found, wanted) for found in (wanted, moved))

    assert same.verdict == "reproduced"
    assert other.differences[0].startswith("transformer.none.xnli.1.en.test.micro.accuracy: ")


@pytest.mark.slow
def test_scores_that_are_missing_or_of_other_data_differ(tmp_path: Path) -> None:
    wanted = with_noise(0)
    found = [row for row in wanted if (row.encoder, row.seed) != ("lstm", 3)]
    found[0] = dataclasses.replace(found[0], examples=99)

    lines = compared(tmp_path, found, wanted).differences

    assert sum(line.endswith("of 99 examples, where 100 were expected") for line in lines) == 1
    assert sum("not there, where" in line for line in lines) == sum(r.encoder == "lstm" and r.seed == 3 for r in wanted)


# Where bits are equal, and where words are


def other_machine(monkeypatch: pytest.MonkeyPatch, *reasons: str) -> None:
    """As if the machine were another than the reference's for these reasons, or one like it without any."""
    monkeypatch.setattr(doctor, "other_bits", lambda _: list(reasons))


def pinned(root: Path, rows: Sequence[Score]) -> dict[str, Any]:
    return write_results(root, rows) | {"compute": {"instructions": "compatible"}}


@pytest.fixture
def larger(tmp_path: Path) -> list[Score]:
    """The scores of a reference with more seeds and conditions than the runs that are compared with it."""
    rows = [
        *with_noise(0),
        *(dataclasses.replace(r, condition="squad") for r in with_noise(5) if r.condition == "mnli"),
    ]
    verify(tmp_path, pinned(tmp_path, rows), out=tmp_path / "paper/reference/micro")
    return rows


def smaller(rows: Sequence[Score]) -> list[Score]:
    return [row for row in rows if row.seed < 3 and row.condition != "squad"]


def test_a_run_with_fewer_seeds_and_conditions_is_compared_where_it_has_scores(
    larger: list[Score], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_machine(monkeypatch)
    parameters = pinned(tmp_path, smaller(larger))

    found, stands = verify(tmp_path, parameters), agreement(tmp_path, parameters)

    assert found.verdict == "reproduced"
    assert f"has {len(larger)} scores, of which {len(smaller(larger))} are of this experiment" in str(found.notes)
    assert "params.yaml: is another than params.yaml in seeds, grid" in found.notes[-1]
    assert stands is not None
    assert stands.sentence.startswith(f"All {len(smaller(larger))} scores that ")
    assert (stands.seeds, stands.reference[0]["intermediate"]) == (len({row.seed for row in larger}), "mean of 2")


def test_bits_are_demanded_where_they_can_be_equal_and_else_the_words(
    larger: list[Score], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = [dataclasses.replace(row, value=row.value + 0.01) for row in smaller(larger)]
    parameters = pinned(tmp_path, near)

    other_machine(monkeypatch)
    here, at_once = verify(tmp_path, parameters), agreement(tmp_path, parameters)
    other_machine(monkeypatch, "the processor has no avx2")
    there, elsewhere = verify(tmp_path, parameters), agreement(tmp_path, parameters)

    assert here.verdict == f"not reproduced: what differs: {len(near)}"
    assert there.verdict == "reproduced"
    assert "bits need not be those of " in str(there.notes)
    assert at_once is not None
    assert elsewhere is not None
    assert "0.01 points apart in the mean, 0.01 at most. This machine should give the same bits." in at_once.sentence
    assert "They need not be: the processor has no avx2." in elsewhere.sentence


def test_significance_that_is_lost_is_told_and_no_difference(
    larger: list[Score], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_machine(monkeypatch, "training takes the GPU")
    fallen = [dataclasses.replace(row, value=row.value - 7 * (row.condition in ("mnli", "squad"))) for row in larger]

    found = verify(tmp_path, pinned(tmp_path, fallen))

    scores, means, sentences, _ = found.comparisons
    assert scores.differences == means.differences == sentences.differences == []
    assert sentences.equal < sentences.compared
    assert "with significance lost or gained, as fresh seeds do" in str(sentences)
    assert found.verdict == "reproduced"


def test_a_run_of_other_settings_is_not_set_beside_the_reference(larger: list[Score], tmp_path: Path) -> None:
    parameters = pinned(tmp_path, smaller(larger))
    changed = {**parameters, "pretraining": {"steps": 7}}

    assert agreement(tmp_path, parameters) is not None
    assert agreement(tmp_path, changed) is None


def test_a_parameter_that_came_after_the_reference_counts_with_its_default(larger: list[Score], tmp_path: Path) -> None:
    parameters, file = pinned(tmp_path, smaller(larger)), tmp_path / "paper/reference/micro/params.yaml"
    values = config.read(Path(__file__).parents[2] / "params.yaml")
    today = {name: values[name] for name in ("pretraining", "retrieval", "encoders")}
    before = dict(today["pretraining"])
    assert before.pop("optimizer") == PretrainingSettings.optimizer
    file.write_text(config.written({**config.read(file), **today, "pretraining": before}), encoding="utf-8")

    assert agreement(tmp_path, {**parameters, **today}) is not None
    assert agreement(tmp_path, {**parameters, **today, "pretraining": {**before, "optimizer": "adamw"}}) is None
    assert agreement(tmp_path, {**parameters, **today, "pretraining": {**before, "steps": 7}}) is None


def test_a_run_that_shares_no_cell_with_the_reference_is_told(larger: list[Score], tmp_path: Path) -> None:
    parameters = pinned(tmp_path, [dataclasses.replace(row, seed=row.seed + 7) for row in smaller(larger)])

    assert agreement(tmp_path, parameters) is None
    with pytest.raises(DataError, match=r"micro: has no cell of this experiment: .* Name another: --reference FOLDER"):
        verify(tmp_path, parameters)


def test_without_a_reference_nothing_is_said_of_one(tmp_path: Path) -> None:
    assert agreement(tmp_path, write_results(tmp_path, smaller(with_noise(0)))) is None
