"""The command line: what it prints, how it fails, and `xit eval` on checkpoints of ours and of transformers."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import fabricated
import pytest
import tiny
import tokenizers
import torch
import typer
import yaml

from xit import cli
from xit.cli import stages
from xit.cli.app import app
from xit.core import registry
from xit.core.examples import write_examples
from xit.formats import _metrics as metrics
from xit.modeling import tokenization
from xit.pipeline import config, overlay
from xit.scoring import predictions
from xit.sources.micro import MicroSource
from xit.statistics.power import Spread, minimum_detectable

ROOT = Path(__file__).parents[2]
COMMANDS = ("data", "translate", "tokenizer", "pretrain", "intermediate", "finetune", "evaluate", "collect", "paper")
COMMANDS += ("reproduce", "tasks", "encoders", "show", "eval", "score", "submit")
COMMANDS += ("audit", "fetch", "analyse", "checklist", "import")
COMMANDS += ("claims", "verify", "gains", "report")
COMMANDS += ("doctor", "grid", "scaling", "tune")
LANGUAGES = ("en", "de", "zh")
TEST = 6
"""Test examples of a task and language."""


class Done(NamedTuple):
    code: int
    out: str
    err: str


Xit = Callable[..., Done]


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    """The tiny profile, smaller still."""
    merged = overlay.parameters(ROOT, "tiny")
    merged["languages"] = {"pretraining": list(LANGUAGES), "evaluation": list(LANGUAGES)}
    merged["micro"] |= {"train": 16, "validation": 8, "test": TEST, "documents_per_language": 40}
    merged["analysis"] |= {"fewest_seeds": 3}
    return dict(merged)


@pytest.fixture
def xit(parameters: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Xit:
    """Runs a command as the console script does, in a folder with params.yaml."""
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(parameters))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["xit", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        return Done(int(left.value.code or 0), *capfd.readouterr())

    return run


def shown(value: object) -> str:
    """The arguments of a command, as the name of a test."""
    return " ".join(value) if isinstance(value, tuple) else ""


def assert_one_line(done: Done, code: int, message: str) -> None:
    assert (done.code, done.out) == (code, "")
    assert len(done.err.splitlines()) == 1
    assert re.match(f"xit: {message}", done.err), done.err


# Help


def test_the_help_lists_every_command(xit: Xit) -> None:
    done = xit("--help")

    assert done.code == 0
    assert {command for command in COMMANDS if re.search(rf"^[│ ]+{command}  ", done.out, re.MULTILINE)} == set(
        COMMANDS
    )
    assert set(typer.main.get_group(app).commands) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command: str, xit: Xit) -> None:
    done = xit(command, "--help")

    assert done.code == 0
    assert f"Usage: xit {command}" in done.out


def test_the_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from xit.cli import main; sys.argv = ['xit', '--help']\n"
        "try: main()\nexcept SystemExit: print(*sys.modules, file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "finetune" in done.stdout
    heavy = {
        "torch",
        "transformers",
        "pydantic",
        "numpy",
        "pandas",
        "yaml",
        "dvc",
        "babel",
        "pyarrow",
        "xit.pipeline.config",
    }
    assert heavy.isdisjoint(done.stderr.split())


# Listings


def test_tasks_are_listed_with_all_their_facts(xit: Xit) -> None:
    done = xit("tasks", "--json")

    listed = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert tuple(listed) == registry.names("tasks")
    assert listed["xquad"]["metric"] == "em_f1"
    assert listed["xquad"]["languages"][:3] == ["en", "es", "de"]
    assert listed["tatoeba"]["is_trained"] is False


def test_encoders_are_listed_with_their_size_of_params_yaml(xit: Xit, parameters: dict[str, Any]) -> None:
    done = xit("encoders", "--json")

    listed = json.loads(done.out)
    assert tuple(listed) == registry.names("encoders")
    assert listed["lstm"]["architecture"] == "recurrent"
    assert listed["lstm"]["size"] == parameters["encoders"]["lstm"]["size"]
    assert (listed["lstm"]["released"], listed["xlmr_large"]["size"]) == (None, None)
    assert listed["xlmr_large"]["released"]["repository"].startswith("FacebookAI/xlm-roberta-large@")


@pytest.mark.parametrize("command", ["tasks", "encoders"])
def test_listings_are_tables_too_and_need_no_params_yaml(command: str, xit: Xit) -> None:
    Path("params.yaml").unlink()

    done = xit(command)

    assert done.code == 0
    listing, _, released = done.out.partition("released ")
    listed = [line.split()[0] for line in listing.splitlines() if not line.startswith(("id ", " "))]
    assert tuple(listed) == registry.names(command)
    if command == "encoders":
        assert re.search(r"^minilm +118 +96 +100 +MIT +distilled", released, re.MULTILINE)
        assert re.search(r"^mbert +178 +92 +104\? +Apache 2.0\?", released, re.MULTILINE)
        assert "No small multilingual xLSTM, Mamba" in released


def test_examples_are_shown_as_models_get_them(xit: Xit) -> None:
    done = xit("show", "xquad", "--language", "de", "--language", "zh", "--count", "2")

    assert done.code == 0
    assert [line for line in done.out.splitlines() if line.startswith("╭")] == [
        line for line in done.out.splitlines() if "XQuAD, micro source, test, " in line
    ]
    assert (done.out.count(", de "), done.out.count(", zh ")) == (2, 2)
    assert done.out.count("question  ") == done.out.count("answers  ") == 4


# Answers, from the scores


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
    assert read == "read results/scores.csv: micro source, 696 scores"
    assert none == "no predictions in evaluations, or no test data in data: the page is without examples"
    assert re.fullmatch(r"wrote page\.html: 24 gains, 0 examples of each in a language, [5-9]\.\d MB", wrote)
    assert Path("page.html").stat().st_size < 15_000_000


@pytest.mark.slow
def test_verify_says_reproduced_or_names_the_cells_and_exits_1(xit: Xit, scored: None) -> None:
    wrote = xit("verify", "--write", "paper/reference/micro")
    same = xit("verify")
    shutil.rmtree("results")
    moved = [dataclasses.replace(row, value=row.value + 30 * (row.seed == 2)) for row in fabricated.scores()]
    fabricated.write_inputs(Path("results"), moved)
    other = xit("verify", "--reference", "paper/reference/micro")

    assert (wrote.code, wrote.out.splitlines()[-1]) == (0, "wrote paper/reference/micro")
    assert (same.code, same.err, same.out.splitlines()[-1]) == (0, "", "reproduced")
    assert "scores, with paper/reference/micro/scores.csv: 696 of 696 equal\n" in same.out
    assert (other.code, other.err) == (1, "")
    lines = other.out.splitlines()
    assert re.fullmatch(r"not reproduced: what differs: \d+", lines[-1])
    assert re.search(
        r"^  transformer\.none\.xnli\.2\.en\S+: \d+\.\d+, where \d+\.\d+ was expected: \d", other.out, re.MULTILINE
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


# What a user can do wrong


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("data", "xnly"), r"xnly: no such task. Did you mean xnli\? Tasks: anli_plus, bucc2018, ccg"),
        (("show", "xnly"), r"xnly: no such task. Did you mean xnli\? Tasks: anli_plus"),
        (("evaluate", "lstm", "xnly"), r"xnly: no such task. Did you mean xnli\?"),
        (("eval", ".", "--task", "xnly"), r"xnly: no such task. Did you mean xnli\?"),
        (("eval", ".", "--language", "xx"), r"--language xx: CLDR has no such language"),
        (("eval", ".", "--language", "DE"), r"--language DE: CLDR has no such language. Did you mean de\?"),
        (("show", "xnli", "--language", "xx"), r"--language xx: CLDR has no such language"),
        (
            ("eval", ".", "--task", "tatoeba", "--language", "en", "--language", "de"),
            r"tatoeba: --language en: English is the other side of all its pairs. Leave it out.\n$",
        ),
        (("finetune", "lstm", "xnly"), r"params.yaml: targets.xnly: missing. Did you mean xnli\? There is: .*xnli"),
        (("intermediate", "lstm", "mnly"), r"params.yaml: intermediate.mnly: missing. Did you mean mnli\?"),
        (("pretrain", "lstn"), r"params.yaml: encoders.lstn: missing. Did you mean lstm\? There is: "),
        (
            ("show", "memory", "--rows", "64"),
            r"xit show memory: .* Run: python benchmarks/memory.py --rows 64",
        ),
        (("show", "--memory", "--rows=64"), r"xit show memory: .* Run: python benchmarks/memory.py --rows=64"),
        (("reproduce", "--scheduler", "tcp://a:1"), r"--scheduler: only dask has one\. Add --executor dask"),
        (("show", "xnli", "--split", "dev"), r"--split: dev: no such split. Splits: train, validation, test"),
        (
            ("show", "xnli", "--source", "macro"),
            r"--source: macro: no such source. Did you mean micro\?",
        ),
        (("show", "xnli", "--source", "files"), r"--source files: say where the published files are: --data FOLDER"),
        (
            ("show", "profile", "tiny"),
            r"tiny: no such profile; profiles/ is not here. Run xit in the project.s folder.",
        ),
        (("reproduce", "--profile", "tiny"), r"dvc.yaml: no such file. Run xit in the project.s folder, where it is."),
    ],
    ids=shown,
)
def test_what_does_not_exist_is_one_line_and_exit_code_2(arguments: tuple[str, ...], message: str, xit: Xit) -> None:
    assert_one_line(xit(*arguments), 2, message)


@pytest.mark.parametrize(
    "arguments",
    [
        ("evl",),
        ("show", "xnli", "--count", "0"),
        ("show", "power", "--sd-seeds", "-1"),
        ("finetune", "lstm"),
        ("tasks", "--jsn"),
    ],
    ids=shown,
)
def test_wrong_arguments_show_the_usage_and_exit_code_2(arguments: tuple[str, ...], xit: Xit) -> None:
    done = xit(*arguments)

    assert (done.code, done.out) == (2, "")
    assert "Usage: xit" in done.err
    assert "Traceback" not in done.err


def test_outside_the_project_a_stage_says_where_to_run(xit: Xit) -> None:
    Path("params.yaml").unlink()

    assert_one_line(xit("pretrain", "lstm"), 2, r"params.yaml: no such file. Run xit in the project's folder, where")


def test_every_fault_of_params_yaml_has_its_line(xit: Xit) -> None:
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["seed"] = values.pop("seeds")
    Path("params.yaml").write_text(yaml.safe_dump(values))

    done = xit("tokenizer")

    assert done.code == 2
    assert sorted(line.partition(".")[0] for line in done.err.splitlines()) == ["xit: params", "xit: params"]
    assert re.search(r"seed: no such parameter. Did you mean seeds\?", done.err)
    assert "seeds: missing" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pretrain", "lstm"), r"tokenizer: there is no such checkpoint folder|tokenizer: there is no tokenizer"),
        (("intermediate", "lstm", "none"), r"models/pretrained/lstm/1: not a whole checkpoint: config.json, "),
        (("evaluate", "lstm", "xnli"), r"data/xnli/test.parquet: no such file. `xit data xnli` writes it"),
        (("gains", "lstm", "mnli", "xnli"), r"results/scores.csv: no such file"),
        (("verify",), r"results/scores.csv: no such file. `xit collect` writes it after evaluation"),
        (("claims",), r"results/scores.csv: no such file. `xit collect` writes it after evaluation"),
        (("collect",), r"evaluations/.*scores.json: missing. `dvc repro` makes it"),
        (("eval", "nowhere/at/all"), r"nowhere/at/all: there is no such checkpoint folder"),
    ],
    ids=shown,
)
def test_what_a_stage_needs_and_does_not_find_is_named(arguments: tuple[str, ...], message: str, xit: Xit) -> None:
    done = xit(*arguments)

    assert (done.code, done.out) == (1, "")
    assert re.match(f"xit: ({message})", done.err), done.err
    assert "Traceback" not in done.err


def write_text() -> None:
    Path("data/text").mkdir(parents=True)
    for language in LANGUAGES:
        Path(f"data/text/{language}.txt").write_text("".join(line + "\n" for line in tiny.texts()))


def test_a_stage_prints_what_it_wrote_and_the_figure_that_tells_whether_it_worked(xit: Xit) -> None:
    write_text()

    done = xit("tokenizer")

    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(r"tokenizer: \d+ pieces, \d+\.\d tokens a document in 3 languages\n", done.out)


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(xit: Xit) -> None:
    write_text()

    with tiny.files_of_at_most(2000):
        done = xit("tokenizer")

    assert_one_line(done, 1, r"tokenizer: File too large. No partial file was left behind")
    assert [path for path in Path("tokenizer").rglob("*") if path.is_file()] == []


def test_ctrl_c_exits_130_and_keeps_what_can_be_resumed(xit: Xit) -> None:
    write_text()
    tokenization.save(tiny.tokenizer(), Path("tokenizer"))
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["pretraining"] |= {"steps": 100_000, "block_tokens": 8, "batch_size": 2}
    values["compute"] |= {"save_every": 5}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    state = Path("models/pretrained/lstm/1.partial/state.pt")

    command = [sys.executable, "-c", "from xit.cli import main; main()", "pretrain", "lstm"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 300
        while not state.is_file() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()

    assert (process.returncode, out) == (130, "")
    assert err == "xit: stopped. What was finished is kept; run the same command again to go on where it stopped.\n"
    assert torch.load(state, weights_only=True)["own"]["step"] >= 5
    assert not Path("models/pretrained/lstm/1").exists()


# Scoring a checkpoint


def questions(task_id: str, parameters: dict[str, Any], language: str) -> list[dict[str, Any]]:
    """The micro test examples of a task and language."""
    settings = config.check(parameters, "").micro
    settings = type(settings)(**{**vars(settings), "languages": LANGUAGES})
    return list(MicroSource(settings).examples(tiny.task_of(task_id), "test", language))


def scored_again(task_id: str, folder: Path, examples: list[dict[str, Any]], language: str) -> float:
    """The main metric of predictions in submission layout, by the metrics and the gold answers alone."""
    task = tiny.task_of(task_id)
    found: Any = predictions.read(folder, task, language)
    if task.format in ("classification", "multiple_choice"):
        return metrics.accuracy(found, [e["label"] for e in examples])
    if task.format == "tagging":
        return metrics.span_overlap(found, [e["tags"] for e in examples], metrics.entity_spans).f1
    if task.format == "span":
        both = metrics.squad(found, {e["id"]: e["answers"] for e in examples})
        return (both.exact_match + both.f1) / 2
    queries = [e for e in examples if e["role"] == "query"]
    if task_id == "tatoeba":
        rows = [e["id"] for e in examples if e["role"] == "candidate"]
        return metrics.accuracy([rows[row] for row in found], [e["gold"][0] for e in queries])
    return metrics.average_precision(found, {f"{e['id']}_{language}": e["gold"] for e in queries})


@pytest.mark.parametrize("task_id", sorted(tiny.TASKS.values()))
def test_a_fine_tuned_checkpoint_is_scored_on_its_task(task_id: str, xit: Xit, parameters: dict[str, Any]) -> None:
    tiny.write_checkpoint(Path("checkpoint"))
    tiny.write_head(Path("checkpoint"), task_id, "matching")
    Path("checkpoint/lineage.json").write_text('{"parameters": {"encoder": "lstm", "condition": "mnli", "seed": 2}}')
    task = tiny.task_of(task_id)

    done = xit("eval", "checkpoint", "--json", "scores.json", "--predictions", "predictions")

    assert (done.code, done.err) == (0, "")
    found = json.loads(Path("scores.json").read_text())
    assert set(found) == {"checkpoint", "direction", "notes", "scores", "tasks"}
    assert found["direction"] == "bidirectional"
    assert (found["checkpoint"], list(found["tasks"])) == ("checkpoint", [task_id])
    of_task = found["tasks"][task_id]
    assert set(of_task) == {"mean", "metric", "languages", "examples"}
    assert of_task["examples"] == dict.fromkeys(LANGUAGES, TEST)
    assert of_task["metric"] == task.metric
    assert set(of_task["languages"]) == set(LANGUAGES)
    assert of_task["mean"] == pytest.approx(sum(of_task["languages"].values()) / 3)
    for language, value in of_task["languages"].items():
        assert scored_again(task_id, Path("predictions"), questions(task_id, parameters, language), language) == value
        (score,) = [s for s in found["scores"] if (s["language"], s["metric"]) == (language, task.metric)]
        assert score == {
            "encoder": "lstm",
            "condition": "mnli",
            "target": task_id,
            "language": language,
            "split": "test",
            "source": "micro",
            "metric": task.metric,
            "seed": 2,
            "value": value,
            "examples": TEST,
        }
    assert f"{task_id} (micro source)" in done.out
    rows = [cells for line in done.out.splitlines() if len(cells := re.findall(r"[^│\s]+(?: gap)?", line)) in (2, 3)]
    assert [cells[2] for cells in rows if cells[0] in LANGUAGES] == ["6", "6", "6"]
    assert [row[0] for row in rows if row[0] in (*LANGUAGES, "mean", "transfer gap")] == [
        "en",
        "de",
        "zh",
        "mean",
        "transfer gap",
    ]


def test_a_submission_is_written_and_scored_again(xit: Xit) -> None:
    tiny.write_checkpoint(Path("checkpoint"))
    tiny.write_head(Path("checkpoint"), "xquad", "matching")
    arguments = ("--benchmark", "xtreme", "--json", "scores.json")

    written = xit("submit", "checkpoint", "--out", "out", "--gold", "gold", *arguments)
    first = json.loads(Path("scores.json").read_text())
    scored = xit("score", "out", "gold", "--partial", *arguments)

    assert (written.code, written.err, scored.code, scored.err) == (0, "", 0, "")
    assert json.loads(Path("scores.json").read_text())["tasks"] == first["tasks"]
    assert set(first["tasks"]["xquad"]["languages"]) == set(LANGUAGES)
    for done in (written, scored):
        assert re.search(r"xquad +│ em_f1 +│ +\d+\.\d │ +3 of 11", done.out)
        assert "Missing: xquad in es, el, ru, tr, ar, vi, th, hi." in done.out
        assert "Overall: the plain mean over the nine tasks" in done.out
    assert "The examples are those of the micro source." in written.out


def test_all_faults_of_a_submission_are_shown_and_nothing_is_written(xit: Xit) -> None:
    for side in ("out", "gold"):
        Path(side, "xnli").mkdir(parents=True)
        for code in ("de", "en"):
            Path(side, "xnli", f"test-{code}.tsv").write_text("neutral\nentailment\n")
    Path("out/xnli/test-de.tsv").write_text("neutral\n")
    Path("out/xnli/test-en.tsv").write_text("neutral\nentailmnt\n")

    done = xit("score", "out", "gold", "--benchmark", "xtreme-r", "--partial", "--json", "scores.json")

    assert (done.code, done.out) == (1, "")
    english, german = done.err.splitlines()
    assert german == "xit: out/xnli/test-de.tsv: 1 line; the gold has 2."
    assert english.startswith(
        "xit: out/xnli/test-en.tsv, line 2: label 'entailmnt' is unknown. Did you mean entailment?"
    )
    assert not Path("scores.json").exists()


def test_the_limit_of_the_grid_cuts_no_evaluation_and_no_submission_unless_asked(
    xit: Xit, parameters: dict[str, Any]
) -> None:
    tiny.write_checkpoint(Path("checkpoint"))
    Path("data/tatoeba").mkdir(parents=True)
    lines = dict.fromkeys(tiny.texts())
    for side in ("deu", "eng"):
        Path(f"data/tatoeba/tatoeba.deu-eng.{side}").write_text("".join(f"{line}\n" for line in lines))
    limited = {**parameters, "files": {**parameters["files"], "most_test": 5}}
    Path("params.yaml").write_text(yaml.safe_dump(limited))
    source = ("--source", "files", "--data", "data", "--language", "de", "--json", "-")

    whole = json.loads(xit("eval", "checkpoint", *source, "--predictions", "all").out)
    first = json.loads(xit("eval", "checkpoint", *source, "--predictions", "first", "--most", "7").out)
    submitted = json.loads(xit("submit", "checkpoint", "--benchmark", "xtreme-r", "--out", "out", *source).out)
    few = json.loads(xit("submit", "checkpoint", "--benchmark", "xtreme-r", "--out", "7", "--most", "7", *source).out)

    assert len(lines) > 50
    assert [score["examples"] for score in whole["scores"] + first["scores"]] == [len(lines), 7]
    assert (whole["tasks"]["tatoeba"]["examples"], first["tasks"]["tatoeba"]["examples"]) == (
        {"de": len(lines)},
        {"de": 7},
    )
    assert Path("out/tatoeba/test-de.tsv").read_text() == Path("all/tatoeba/test-de.tsv").read_text()
    assert [found["tasks"]["tatoeba"]["examples"] for found in (submitted, few)] == [{"de": len(lines)}, {"de": 7}]
    assert few["notes"][0] == "The examples are those of the files source, of each task and language the first 7."
    analysed = ("--task", "tatoeba", "--source", "files", "--data", "data")
    assert_one_line(xit("analyse", "first", *analysed), 1, r".*7 lines; the gold has .* are analysed with --most\.")
    assert xit("analyse", "first", *analysed, "--most", "7").code == 0
    assert_one_line(
        xit("eval", "checkpoint", "--source", "micro", "--most", "7"), 2, r"--most: the micro source makes as many"
    )


def released(kind: str, folder: Path) -> None:
    """A tiny encoder of transformers with random weights, and a fast tokenizer that transformers has written."""
    import transformers

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    torch.manual_seed(0)
    if kind == "bert":
        signs = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz"]
        pieces = {sign: number for number, sign in enumerate([*signs, *(f"##{sign}" for sign in signs[5:])])}
        backend = tokenizers.Tokenizer(tokenizers.models.WordPiece(pieces, unk_token="[UNK]"))
        backend.normalizer = tokenizers.normalizers.BertNormalizer(strip_accents=True)
        backend.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
        backend.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), signs, strict=False))
        config = transformers.BertConfig(vocab_size=len(pieces), max_position_embeddings=64, **sizes)
        model: Any = transformers.BertModel(config)
    else:
        backend, names = tiny.tokenizer().backend, dict(tokenization.ROLES)
        config = transformers.XLMRobertaConfig(
            vocab_size=backend.get_vocab_size(), max_position_embeddings=66, pad_token_id=0, **sizes
        )
        model = transformers.XLMRobertaModel(config)
    model.save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **names).save_pretrained(folder)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_a_released_encoder_is_scored_on_retrieval_without_training(
    kind: str, xit: Xit, parameters: dict[str, Any]
) -> None:
    released(kind, Path("released"))

    languages = ("--language", "de", "--language", "zh")
    done = xit("eval", "released", "--task", "tatoeba", "--json", "-", "--predictions", "predictions", *languages)

    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert list(found["tasks"]) == ["tatoeba"]
    assert list(found["tasks"]["tatoeba"]["languages"]) == ["de", "zh"]
    for language, value in found["tasks"]["tatoeba"]["languages"].items():
        examples = questions("tatoeba", parameters, language)
        assert scored_again("tatoeba", Path("predictions"), examples, language) == value
    assert {(s["encoder"], s["condition"], s["seed"]) for s in found["scores"]} == {("released", "unknown", 0)}


def test_pairs_are_mined_with_a_bare_encoder(xit: Xit, parameters: dict[str, Any]) -> None:
    tiny.write_checkpoint(Path("checkpoint"))

    done = xit("eval", "checkpoint", "--task", "bucc2018", "--predictions", "predictions", "--json", "-")

    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)["tasks"]["bucc2018"]
    assert found["metric"] == "f1"
    for language, value in found["languages"].items():
        rows = questions("bucc2018", parameters, language)
        gold = {(row["id"], name) for row in rows if row["role"] == "query" for name in row["gold"]}
        lines = Path(f"predictions/bucc2018/test-{language}.tsv").read_text().splitlines()
        pairs = [tuple(line.split("\t")) for line in lines]
        for side in (0, 1):
            assert len({pair[side] for pair in pairs}) == len(pairs)
        assert value == pytest.approx(200 * len(gold & set(pairs)) / (len(gold) + len(pairs)))
    assert not Path("vectors.partial").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--task", "xnli"), 1, r"checkpoint: a bare encoder, without a head for xnli. Fine-tune it first, .*tatoeba"),
        (("--language", "ht"), 2, r".*ht"),
        (("--source", "macro"), 2, r"--source: macro: no such source. Did you mean micro\?"),
    ],
    ids=shown,
)
def test_what_cannot_be_scored_says_what_to_do(arguments: tuple[str, ...], code: int, message: str, xit: Xit) -> None:
    tiny.write_checkpoint(Path("checkpoint"))

    done = xit("eval", "checkpoint", *arguments, "--json", "scores.json")

    assert_one_line(done, code, message)
    assert not Path("scores.json").exists()


# Several processes; memory


def test_a_configuration_of_accelerate_that_is_none_is_named(xit: Xit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIT_ACCELERATE", "two.yaml")
    assert_one_line(
        xit("pretrain", "lstm"), 2, r"XIT_ACCELERATE: two.yaml: no such file. Configurations are in launch/"
    )

    Path("two.yaml").write_text("distributed_type: MULTI_GPU")
    assert_one_line(xit("pretrain", "lstm"), 2, r"XIT_ACCELERATE: two.yaml: .* it does not say num_processes")


def test_one_process_where_two_are_asked_for_is_an_error(xit: Xit, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `accelerate launch --num_processes 2 --cpu`, which silently starts one."""
    monkeypatch.setenv("XIT_ACCELERATE", "two.yaml")
    monkeypatch.setenv("XIT_LAUNCHED", "1")
    Path("two.yaml").write_text("num_processes: 2")

    done = xit("finetune", "lstm", "xnli")

    assert_one_line(done, 2, r"two.yaml: 2 processes are asked for, and this is one of 1. Set num_processes to the")


def test_the_shipped_configurations_say_how_many_processes() -> None:
    found = {path.stem: stages._configured_processes(path) for path in (ROOT / "launch").glob("*.yaml")}

    assert found == {"one-gpu": 1, "several-gpus": 8, "several-nodes-fsdp": 16}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["torchrun", "accelerate"])
def test_the_command_line_trains_in_two_processes(launcher: str, xit: Xit) -> None:
    """As a user starts it, on CPUs; the number of processes stands in the lineage."""
    for arguments in (("data", "text"), ("data", "mnli"), ("tokenizer",)):
        assert xit(*arguments).code == 0
    script = Path(sys.executable).parent / "xit"
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true"}
    start: tuple[str, ...] = ()
    if launcher == "torchrun":
        start = (str(script.with_name("torchrun")), "--standalone", "--nproc_per_node", "2", "--no-python")
    else:
        text = (ROOT / "launch/several-gpus.yaml").read_text().replace("num_processes: 8", "num_processes: 2")
        Path("two.yaml").write_text(text)
        environment["XIT_ACCELERATE"] = "two.yaml"

    for arguments in (("pretrain", "lstm"), ("intermediate", "lstm", "mnli")):
        done = subprocess.run([*start, str(script), *arguments], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("models/") == 1  # the main process speaks, alone

    for lineage in Path("models").rglob("lineage.json"):
        assert json.loads(lineage.read_text())["processes"] == 2
    assert len(list(Path("models").rglob("lineage.json"))) == 2
