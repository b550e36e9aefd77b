"""The command line: what its listings and stages print, and how it fails."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import yaml
from command_line import LANGUAGES, ROOT, Xit, assert_one_line, shown

from xit.core import registry
from xit.modeling import tokenization

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


def test_outside_the_project_a_look_at_data_takes_the_settings_of_the_package(xit: Xit) -> None:
    look = "show", "task", "xquad", "--language", "de", "--count", "1"
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    inside = xit(*look)
    Path("params.yaml").unlink()

    outside = xit(*look)

    assert (outside.code, outside.out) == (0, inside.out)
    assert inside.err == ""
    assert outside.err.splitlines() == [
        "There is no params.yaml in this folder, so the package's own settings are taken."
    ]


def test_every_fault_of_params_yaml_has_its_line(xit: Xit) -> None:
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["seed"] = values.pop("seeds")
    Path("params.yaml").write_text(yaml.safe_dump(values))

    done = xit("tokenizer")

    assert done.code == 2
    assert sorted(line.partition(".")[0] for line in done.err.splitlines()) == ["xit: params", "xit: params"]
    assert re.search(r"seed: no such parameter. Did you mean seeds\?", done.err)
    assert "seeds: missing" in done.err


def test_a_task_without_examples_in_a_source_is_told(tmp_path: Path, xit: Xit) -> None:
    (tmp_path / "readme").write_text("no data")

    done = xit("show", "task", "xquad", "--source", "files", "--data", str(tmp_path))

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("xit: xquad: the files source has no test examples of it. `xit tasks` lists ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pretrain", "lstm"), r"tokenizer: there is no such checkpoint folder|tokenizer: there is no tokenizer"),
        (("intermediate", "lstm", "none"), r"models/pretrained/lstm/1: not a whole checkpoint: it lacks config.json, "),
        (("evaluate", "lstm", "xnli"), r"data/xnli/test.parquet: no such file. `xit data xnli` writes it"),
        (("gains", "lstm", "mnli", "xnli"), r"results/scores.csv: no such file"),
        (("verify",), r"results/scores.csv: no such file. `make reproduce` ends by writing it, or `xit collect`"),
        (("claims",), r"results/scores.csv: no such file. `make reproduce` ends by writing it, or `xit collect`"),
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


@pytest.mark.slow
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
