"""`xit score`: what is there is scored by the rules, in any order, and what is wrong is all named at once."""

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from xit import benchmarks, formats
from xit.core import registry
from xit.core.errors import ConfigError, DataError, XitError
from xit.core.task import Task
from xit.scoring import evaluator, submission

# BENCHMARK: google-research/xtreme, evaluate.py, commit 838c13b; LAReQA as XQuAD-R has it
LANGUAGES = {
    "xtreme": {
        "xnli": "ar bg de el en es fr hi ru sw th tr ur vi zh",
        "pawsx": "de en es fr ja ko zh",
        "panx": "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw yo my "
        "zh kk tr et fi hu",
        "udpos": "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh",
        "tatoeba": "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw zh kk tr "
        "et fi hu",
        "bucc2018": "de fr ru zh",
        "xquad": "en es de el ru tr ar vi th zh hi",
        "mlqa": "en es de ar hi vi zh",
        "tydiqa": "en ar bn fi id ko ru sw te",
    },
    "xtreme_r": {
        "xnli": "ar bg de el en es fr hi ru sw th tr ur vi zh",
        "xcopa": "et ht id it qu sw ta th tr vi zh",
        "panx": "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw yo my "
        "zh kk tr et fi hu qu pl uk az lt pa gu ro",
        "udpos": "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh "
        "lt pl uk wo ro",
        "tatoeba": "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw zh kk tr "
        "et fi hu az lt pl uk ro",
        "xquad": "en es de el ru tr ar vi th zh hi ro",
        "mlqa": "en es de ar hi vi zh",
        "tydiqa": "en ar bn fi id ko ru sw te",
        "mewslix": "ar de en es fa ja pl ro ta tr uk",
        "lareqa": "ar de el en es hi ru th tr vi zh",
    },
}
CELLS = [(name, task) for name, tasks in LANGUAGES.items() for task in tasks]


# What a benchmark is


@pytest.mark.parametrize("name", registry.names("benchmarks"))
def test_a_benchmark_has_the_tasks_and_languages_of_its_evaluator(name: str) -> None:
    benchmark = benchmarks.load(name)

    assert len(set(benchmark.tasks)) == len(benchmark.tasks) == {"xtreme": 9, "xtreme_r": 10}[name]
    found = {task: set(benchmark.languages(task)) for task in benchmark.tasks}
    assert found == {task: set(codes.split()) for task, codes in LANGUAGES[name].items()}
    for task, codes in benchmark.without.items():
        assert set(codes.split()) <= set(tiny.task_of(task).languages)


def test_the_groups_are_those_of_the_tasks_but_xcopa_is_in_two_and_lareqa_in_none() -> None:
    for name in registry.names("benchmarks"):
        benchmark = benchmarks.load(name)
        groups = {
            task: [group for group, members in benchmark.groups.items() if task in members] for task in benchmark.tasks
        }

        assert groups.pop("xcopa", None) in (None, ["classification", "multi_choice"])
        assert groups.pop("lareqa", None) in (None, [])
        assert groups == {task: [tiny.task_of(task).group] for task in groups}


def test_an_unknown_benchmark_is_refused() -> None:
    assert benchmarks.load("xtreme-r") is benchmarks.load("xtreme_r")
    with pytest.raises(
        ConfigError, match=r"xtrem: no such benchmark. Did you mean xtreme\? Benchmarks: xtreme, xtreme_r"
    ):
        benchmarks.load("xtrem")


# Right and wrong predictions, whatever the gold

IDS = st.from_regex(r"[a-z]{2}-[0-9]{1,4}", fullmatch=True)
WORDS = st.text(max_size=12).map(lambda text: f"{text} 7")
"""Answers of which something is left without articles and punctuation: if nothing is, F1 is 0 (evaluate_squad.py)."""


def examples(task: Task) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Examples of a language, as far as gold is made of them."""
    names = st.lists(IDS, min_size=2, max_size=5, unique=True)
    match submission.shape(task):
        case "labels":
            return st.lists(st.fixed_dictionaries({"label": st.sampled_from(task.labels)}), min_size=2, max_size=5)
        case "choices":
            return st.lists(st.fixed_dictionaries({"label": st.sampled_from([0, 1])}), min_size=2, max_size=5)
        case "tags":
            # A sentence without an entity has no span, and F1 over none at all is 0.
            some = st.lists(st.sampled_from(task.labels), min_size=1, max_size=4).map(lambda t: [*t, task.labels[1]])
            return st.lists(st.fixed_dictionaries({"tags": some}), min_size=2, max_size=5)
        case "answers":
            row = st.tuples(st.text(max_size=5), st.lists(WORDS, min_size=1, max_size=2))
            return st.lists(row, min_size=2, max_size=5, unique_by=lambda row: row[0]).map(
                lambda rows: [
                    {"id": name, "question": "", "context": "", "answers": said, "starts": [0] * len(said)}
                    for name, said in rows
                ]
            )
        case _:
            return names.map(
                lambda found: [
                    *({"id": name, "role": "query", "gold": [found[number - 1]]} for number, name in enumerate(found)),
                    *({"id": name, "role": "candidate", "gold": []} for name in found),
                ]
            )


def perfect(task: Task, rows: list[dict[str, Any]]) -> Any:
    """Predictions that are all right."""
    gold = submission.gold(task, rows)
    return {name: said[0] for name, said in gold} if submission.shape(task) == "answers" else gold


def scored(
    name: str,
    task_id: str,
    rows: Sequence[Any],
    predicted: Any,
    order: Callable[[Sequence[str]], Sequence[str]] = tuple,
) -> dict[str, Any]:
    """The scores of a task that has these examples and predictions in every language."""
    task = tiny.task_of(task_id)
    with TemporaryDirectory() as folder:
        out, gold = Path(folder, "out"), Path(folder, "gold")
        for code in order(benchmarks.load(name).languages(task_id)):
            submission.write(out, task_id, task, code, predicted)
            submission.write_gold(gold, task_id, task, code, rows)
        return evaluator.score(out, gold, name, is_partial=True)


@pytest.mark.parametrize(("name", "task_id"), CELLS)
@settings(max_examples=3)
@given(data=st.data())
def test_perfect_predictions_score_100_in_every_task_and_language(name: str, task_id: str, data: st.DataObject) -> None:
    task = tiny.task_of(task_id)
    rows = data.draw(examples(task))

    found = scored(name, task_id, rows, perfect(task, rows))

    assert found["tasks"][task_id]["score"] == pytest.approx(100)
    languages = found["tasks"][task_id]["languages"]
    assert set(languages) == set(LANGUAGES[name][task_id].split())
    assert {value for values in languages.values() for value in values.values()} == {100.0}


def shuffled(task: Task, rows: list[dict[str, Any]], predicted: Any, seed: int) -> tuple[list[dict[str, Any]], Any]:
    """Examples in another order, and their predictions."""
    chance = random.Random(seed)
    if isinstance(predicted, dict) or task.is_mined:
        pairs = list(predicted.items() if isinstance(predicted, dict) else predicted)
        chance.shuffle(pairs)
        return chance.sample(rows, len(rows)), dict(pairs) if isinstance(predicted, dict) else pairs
    asked = [row for row in rows if row.get("role") != "candidate"]
    order = chance.sample(range(len(asked)), len(asked))
    others = [row for row in rows if row.get("role") == "candidate"]  # rows are numbered in their order
    return [asked[number] for number in order] + others, [predicted[number] for number in order]


def worse(predicted: Any, seed: int) -> Any:
    """Some predictions exchanged for those of others, and of sentences some tags."""
    chance = random.Random(seed)
    values = list(predicted.values()) if isinstance(predicted, dict) else list(predicted)
    mixed = [chance.choice(values) if chance.random() < 0.5 else value for value in values]
    if isinstance(values[0], list) and not isinstance(predicted, dict):
        tags = [tag for sentence in values for tag in sentence]
        mixed = [[chance.choice(tags) if chance.random() < 0.5 else tag for tag in sentence] for sentence in values]
    return dict(zip(predicted, mixed, strict=True)) if isinstance(predicted, dict) else mixed


@pytest.mark.parametrize(("name", "task_id"), CELLS)
@settings(max_examples=5)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_order_of_examples_and_files_never_changes_a_score(
    name: str, task_id: str, data: st.DataObject, seed: int
) -> None:
    task = tiny.task_of(task_id)
    rows = data.draw(examples(task))
    predicted = worse(perfect(task, rows), seed)

    once = scored(name, task_id, rows, predicted, lambda codes: codes[:3])
    again = scored(name, task_id, *shuffled(task, rows, predicted, seed), lambda codes: codes[2::-1])

    assert again["tasks"][task_id]["score"] == pytest.approx(once["tasks"][task_id]["score"], abs=1e-9)
    for code, values in once["tasks"][task_id]["languages"].items():
        assert again["tasks"][task_id]["languages"][code] == pytest.approx(values, abs=1e-9)


def test_perfect_predictions_score_100_overall() -> None:
    rows: dict[str, list[dict[str, Any]]] = {form: tiny.examples(form, 3) for form in tiny.TASKS}
    for name in registry.names("benchmarks"):
        with TemporaryDirectory() as folder:
            for task_id in benchmarks.load(name).tasks:
                task = tiny.task_of(task_id)
                own = rows[task.format]
                if task.format in ("classification", "tagging"):
                    own = [{**row, "label": task.labels[0], "tags": [task.labels[1]]} for row in own]
                for code in benchmarks.load(name).languages(task_id):
                    submission.write(Path(folder, "out"), task_id, task, code, perfect(task, own))
                    submission.write_gold(Path(folder, "gold"), task_id, task, code, own)

            found = evaluator.score(Path(folder, "out"), Path(folder, "gold"), name)

        assert found["overall"] == 100
        assert set(found["groups"].values()) == {100.0}
        assert (found["missing"], found["notes"]) == ({}, [])


@pytest.mark.parametrize("form", sorted(tiny.TASKS))
def test_scores_are_those_of_the_format(form: str) -> None:
    task = tiny.task_of(tiny.TASKS[form])
    rows = tiny.examples(form, 8)
    predicted = worse(perfect(task, rows), 1)

    found = evaluator.values(task, "en", predicted, submission.gold(task, rows))

    of_format = formats.load(form).score(predicted, rows, task, "en")
    assert 0 < of_format[task.metric] < 100
    assert {metric: found[metric] for metric in of_format} == of_format


def test_lareqa_is_scored_over_all_questions_and_the_others_over_languages(tmp_path: Path) -> None:
    for task_id in ("lareqa", "mewslix"):
        task = tiny.task_of(task_id)
        for code, right in (("en", 3), ("de", 0)):  # 3 of 3 questions, 0 of 1
            gold = {f"{code}{number}": ["a"] for number in range(max(right, 1))}
            submission.write(tmp_path / "gold", task_id, task, code, gold)
            submission.write(tmp_path / "out", task_id, task, code, dict.fromkeys(gold, ["a"] if right else ["b"]))

    found = evaluator.score(tmp_path / "out", tmp_path / "gold", "xtreme-r", is_partial=True)["tasks"]

    assert found["lareqa"]["score"] == 75
    assert found["mewslix"]["score"] == 50


# What is wrong

QUESTIONS = [{"id": "q1", "answers": [{"text": "a 7"}]}, {"id": "q2", "answers": [{"text": "b"}]}]
GOLD: Mapping[str, tuple[str, str]] = {
    "xnli": ("tsv", "neutral\nentailment\nneutral\n"),
    "xcopa": ("jsonl", '{"label": 0}\n{"label": 1}\n'),
    "udpos": ("tsv", "DET\nNOUN\n\nVERB\n"),
    "xquad": ("json", json.dumps({"data": [{"paragraphs": [{"qas": QUESTIONS}]}]})),
    "tatoeba": ("tsv", "1\n0\n"),
    "lareqa": ("json", '{"q1": ["a", "b"]}'),
    "bucc2018": ("tsv", "de-1\ten-2\nde-2\ten-1\n"),
}
"""A file of each shape."""
GOOD = {**{task: text for task, (_, text) in GOLD.items()}, "xquad": '{"q1": "7", "q2": "b"}'}


def put(folder: Path, task_id: str, said: bytes) -> tuple[Path, Path, str]:
    """A folder of predictions and one of gold for one file, and a benchmark that has it."""
    extension, gold = GOLD[task_id]
    name = "xtreme" if task_id == "bucc2018" else "xtreme-r"
    code = benchmarks.load(name).languages(task_id)[0]
    for side, text in (("out", said), ("gold", gold.encode())):
        (folder / side / task_id).mkdir(parents=True, exist_ok=True)
        (folder / side / task_id / f"test-{code}.{extension}").write_bytes(text)
    return folder / "out", folder / "gold", name


@pytest.mark.parametrize("task_id", GOLD)
def test_a_byte_order_mark_and_windows_line_ends_change_nothing(task_id: str, tmp_path: Path) -> None:
    plain = evaluator.score(*put(tmp_path / "plain", task_id, GOOD[task_id].encode()), is_partial=True)
    text = b"\xef\xbb\xbf" + GOOD[task_id].replace("\n", "\r\n").encode()

    found = evaluator.score(*put(tmp_path / "windows", task_id, text), is_partial=True)

    assert found["tasks"] == plain["tasks"]
    assert found["tasks"][task_id]["score"] == 100


@pytest.mark.parametrize(
    ("task_id", "said", "message"),
    [
        ("xnli", "neutral\nentailment\n", r"test-en.tsv: 2 lines; the gold has 3."),
        ("xnli", "", r"test-en.tsv: 0 lines; the gold has 3."),
        (
            "xnli",
            "neutral\nentailmnt\nneutral\n",
            r"label 'entailmnt', on 1 line, is unknown. Did you mean entailment\?",
        ),
        ("xnli", b"neutral\n\xff\nneutral\n", r"test-en.tsv, line 2: byte 0xff is not UTF-8"),
        ("xnli", "neutral\nneu\0tral\nneutral\n", r"test-en.tsv: has a NUL byte"),
        ("xcopa", '{"label": 0}\n{"label": 2}\n', r"label '2', on 1 line, is unknown. Labels: 0, 1."),
        (
            "xcopa",
            '{"label": 0}\n{"label": "1"}\n',
            r"""line 2: should be as \{"label": 0\}; it is '\{"label": "1"\}'""",
        ),
        ("xcopa", '0\n{"label": true}\n', r"line 1: should be as .* So are 1 more lines."),
        ("udpos", "DET\nNOUN\n", r"test-en.tsv: 1 sentences; the gold has 2."),
        ("udpos", "DET\n\nVERB\n", r"sentence 1 has 1 tags; it has 2 words in the gold."),
        ("udpos", "DET\nNOUN\n\nVREB\n", r"label 'VREB', on 1 line, is unknown. Did you mean VERB\?"),
        ("xquad", '{"q1": "7", "q3": "b"}', r"test-en.json: q3: no such id in the gold."),
        ("xquad", '{"q1": "7", "q1": "b"}', r"test-en.json: q1 comes twice; an id names one."),
        ("xquad", '{"q1": ["7"], "q2": "b"}', r"q1 should be a text; the first is \[\"7\"\]"),
        ("xquad", '{"q1": "7", "q2', r"line 1: not JSON"),
        ("xquad", '["7"]', r"should be one JSON object of ids; it is a list"),
        ("xquad", '{"q1": ' + "9" * 5000 + "}", r"not what a submission holds: Exceeds the limit"),
        ("xquad", '{"q1": "7", "\\ud800": "b"}', r"test-en.json: \?: no such id in the gold."),
        ("tatoeba", "[1]\n0\n", r"line 1: should be a row number; it is '\[1\]'"),
        ("tatoeba", "-1\n0\n", r"line 1: should be a row number; it is '-1'"),
        ("lareqa", '{"q1": ["a", "a"]}', r"q1: a candidate comes twice in the ranking."),
        ("lareqa", '{"q1": "a"}', r"q1 should be a list of ids; the first is \"a\""),
        ("bucc2018", "de-1 en-2\n", r"line 1: should be two ids with a tab between them; it is 'de-1 en-2'"),
    ],
)
def test_a_fault_is_named(task_id: str, said: str | bytes, message: str, tmp_path: Path) -> None:
    text = said if isinstance(said, bytes) else said.encode()

    with pytest.raises(DataError, match=message):
        evaluator.score(*put(tmp_path, task_id, text), is_partial=True)


def test_faults_of_all_files_are_named_together(tmp_path: Path) -> None:
    for task_id, said in (("xnli", b"neutral\n"), ("xquad", b'{"q9": "7"}'), ("xcopa", b"")):
        out, gold, name = put(tmp_path, task_id, said)
    (gold / "xcopa" / "test-et.jsonl").write_text("")
    (gold / "udpos").mkdir()
    (gold / "udpos" / "test-eng.tsv").write_text("DET\n")

    with pytest.raises(DataError) as error:
        evaluator.score(out, gold, name)

    lines = str(error.value).splitlines()
    for wanted in (
        r".*out/xnli/test-en.tsv: 1 lines; the gold has 3.",
        r".*out/xnli/test-ar.tsv: no such file. Missing of xnli: ar, bg, de, el, es, fr, hi, ru, sw, th",
        r".*gold/udpos/test-en.tsv: no such file. Did you mean test-eng.tsv\? Missing of udpos: en, af, ar",
        r".*out/xquad/test-en.json: q9: no such id in the gold.",
        r".*gold/xcopa/test-et.jsonl: holds no example.",
        r".*out/mewslix: no such folder. It should hold test-en.json and so on.",
        r".*gold/mewslix: no such folder.",
    ):
        assert len([line for line in lines if re.match(wanted, line)]) == 1, wanted
    assert len(lines) == len(set(lines)) > 20


def test_what_is_missing_is_named_where_it_may_be(tmp_path: Path) -> None:
    out, gold, name = put(tmp_path, "xquad", b'{"q1": "7"}')
    (out / "notes.txt").write_text("mine")

    found = evaluator.score(out, gold, name, is_partial=True)

    assert found["tasks"]["xquad"]["score"] == 50
    assert found["missing"]["xquad"] == [code for code in tiny.task_of("xquad").languages if code != "en"]
    assert set(found["missing"]) == set(LANGUAGES["xtreme_r"])
    assert (found["overall"], set(found["groups"].values())) == (None, {None})
    silent, idle = found["notes"]
    assert silent == "xquad: questions without an answer, each of which scores 0: en 1 of 2."
    assert idle == f"{out}: the benchmark does not ask for notes.txt; not scored."


def test_gold_that_is_no_squad_file_is_named(tmp_path: Path) -> None:
    out, gold, name = put(tmp_path, "xquad", b"{}")
    (gold / "xquad" / "test-en.json").write_text('{"data": [{"qas": []}]}')

    with pytest.raises(DataError, match=r"gold/xquad/test-en.json: not as SQuAD writes questions, .*: 'paragraphs'"):
        evaluator.score(out, gold, name, is_partial=True)


@pytest.mark.parametrize(
    ("out", "message"), [("out", "no task and language of XTREME-R is in both"), ("no", "no: no such")]
)
def test_nothing_to_score_is_an_error(out: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    with pytest.raises(DataError, match=message):
        evaluator.score(tmp_path / out, tmp_path / "out", "xtreme-r", is_partial=True)


@pytest.mark.parametrize("task_id", GOLD)
@settings(max_examples=20)
@given(data=st.data())
def test_a_mutated_file_is_scored_or_named(task_id: str, data: st.DataObject) -> None:
    text = GOOD[task_id].encode()
    first, last = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    mutated = text[:first] + data.draw(st.binary(max_size=4)) + text[last:]

    with TemporaryDirectory() as folder:
        try:
            found = evaluator.score(*put(Path(folder), task_id, mutated), is_partial=True)
        except XitError as error:
            assert f"{task_id}/test-" in str(error)  # noqa: PT017  either is right
            str(error).encode()
        else:
            assert 0 <= found["tasks"][task_id]["score"] <= 100
            json.dumps(found)
