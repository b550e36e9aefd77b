"""`xit score`: what is wrong with predictions or gold, all named at once, and what is no fault."""

import gzip
import json
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import tiny
from benchmark_languages import LANGUAGES
from hypothesis import given, settings
from hypothesis import strategies as st

from xit.core.errors import DataError, XitError
from xit.formats import format_of
from xit.scoring import benchmarks, evaluator, predictions


def squad(*questions: tuple[Any, Any]) -> str:
    """A file of gold with these ids and answers."""
    rows = [{"id": name, "answers": answers} for name, answers in questions]
    return json.dumps({"data": [{"paragraphs": [{"qas": rows}]}]})


GOLD: Mapping[str, tuple[str, str]] = {
    "xnli": ("tsv", "neutral\nentailment\nneutral\n"),
    "xcopa": ("jsonl", '{"label": 0}\n{"label": 1}\n'),
    "udpos": ("tsv", "DET\nNOUN\n\nVERB\n"),
    "xquad": ("json", squad(("q1", [{"text": "a 7"}]), ("q2", [{"text": "b"}]))),
    "tatoeba": ("tsv", "1\n0\n"),
    "lareqa": ("json", '{"q1": ["a", "b"]}'),
    "bucc2018": ("tsv", "de-1\ten-2\nde-2\ten-1\n"),
}
"""A file of each shape."""


GOOD = {**{task: text for task, (_, text) in GOLD.items()}, "xquad": '{"q1": "7", "q2": "b"}'}


def put(folder: Path, task_id: str, said: bytes, gold: bytes | None = None) -> tuple[Path, Path, str]:
    """A folder of predictions and one of gold for one file, and a benchmark that has it."""
    name = "xtreme" if task_id == "bucc2018" else "xtreme-r"
    code = benchmarks.load(name).languages(task_id)[0]
    for side, text in (("out", said), ("gold", GOLD[task_id][1].encode() if gold is None else gold)):
        file = predictions.path(folder / side, tiny.task_of(task_id), code)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)
    return folder / "out", folder / "gold", name


@pytest.mark.parametrize("task_id", GOLD)
def test_blanks_and_carriage_returns_at_line_ends_change_nothing_on_either_side(task_id: str, tmp_path: Path) -> None:
    wide = "\u3000" * (format_of(tiny.task_of(task_id)).extension == "tsv")  # which JSON does not take for a blank

    def blanks(text: str) -> bytes:
        return "".join(f" {line}{wide}\t \r\n" for line in text.removesuffix("\n").split("\n")).encode()

    said, gold = blanks(GOOD[task_id]), blanks(GOLD[task_id][1])

    found = evaluator.score(*put(tmp_path, task_id, said, gold), is_partial=True)

    assert found["tasks"][task_id]["score"] == 100


@pytest.mark.parametrize("side", ["out", "gold"])
@pytest.mark.parametrize("task_id", GOLD)
def test_a_byte_order_mark_which_the_evaluator_reads_as_text_is_a_fault(
    task_id: str, side: str, tmp_path: Path
) -> None:
    sides = {"out": GOOD[task_id].encode(), "gold": GOLD[task_id][1].encode()}
    sides[side] = b"\xef\xbb\xbf" + sides[side]

    with pytest.raises(DataError, match=rf"{side}/{task_id}/test-\S+: begins with a byte order mark"):
        evaluator.score(*put(tmp_path, task_id, sides["out"], sides["gold"]), is_partial=True)


@pytest.mark.parametrize("blank", ["\nDET\nNOUN\n\nVERB\n", "DET\nNOUN\n\n\nVERB\n", "DET\nNOUN\n\nVERB\n\n\n"])
def test_every_blank_line_ends_a_sentence_as_in_the_evaluator(blank: str, tmp_path: Path) -> None:
    both = evaluator.score(*put(tmp_path / "both", "udpos", blank.encode(), blank.encode()), is_partial=True)

    assert both["tasks"]["udpos"]["score"] == 100
    assert list(both["tasks"]["udpos"]["examples"].values()) == [3]
    with pytest.raises(DataError, match=r"3 sentences; the gold has 2\. Sentence \d has no tag: every blank line ends"):
        evaluator.score(*put(tmp_path / "one", "udpos", blank.encode()), is_partial=True)
    ended = evaluator.score(*put(tmp_path / "end", "udpos", b"DET\nNOUN\n\nVERB\n\n"), is_partial=True)
    assert ended["tasks"]["udpos"]["score"] == 100


@pytest.mark.parametrize(
    ("task_id", "gold", "message"),
    [
        (
            "xquad",
            squad(("q1", []), ("q2", [])),
            r"a right answer is missing in 2 of 2 examples \(q1, q2\)\. The released test",
        ),
        ("xquad", squad(("q1", {}), ("q2", [{"text": "b"}])), r"a right answer is missing in 1 of 2 examples \(q1\)"),
        (
            "mlqa",
            squad(("q1", [{"text": ""}]), ("q2", [{"text": " "}])),
            r"a right answer is missing in 2 of 2 examples",
        ),
        ("tydiqa", squad(("q1", []), ("q1", [{"text": "b"}])), r"a right answer is missing in 1 of 2 examples \(q1\)"),
        ("mewslix", '{"q1": [], "q2": ["Q1"]}', r"a right answer is missing in 1 of 2 examples \(q1\)"),
        ("lareqa", '{"q1": []}', r"a right answer is missing in 1 of 1 example \(q1\)"),
        ("lareqa", '{"q1": [""]}', r"a right answer is missing in 1 of 1 example \(q1\)"),
        ("lareqa", "{}", r"holds no example"),
        ("lareqa", '{"q1": ["a", "b", "a"]}', r"q1: a right candidate comes twice\."),
        ("xquad", squad(("q1", [{"text": 5}])), r"ids and right answers should be texts; 5 is none\."),
        ("xquad", squad((5, [{"text": "b"}])), r"ids and right answers should be texts; 5 is none\."),
        ("xquad", squad(("q1", [{"text": None}])), r"ids and right answers should be texts; null is none\."),
        ("xquad", squad(("q1", [["b"]])), r"not as SQuAD writes questions"),
        ("xquad", squad(("q1", 5)), r"not as SQuAD writes questions"),
        ("xquad", "5", r"not as SQuAD writes questions"),
        ("xnli", "\n\n\n", r"line 1: label '' is unknown \(and in 2 more\)\. Labels:"),
        ("xcopa", '{"label": null}\n', r"line 1: should be as \{\"label\": 0\}"),
        ("xcopa", '{"label": true}\n', r"line 1: should be as \{\"label\": 0\}"),
        ("tatoeba", "\n1\n", r"line 1: should be a row number; it is ''"),
        ("udpos", "\n\n", r"holds no example"),
        ("panx", "B-PER\n\nNOUN\n", r"line 3: label 'NOUN' is unknown"),
    ],
)
def test_gold_without_answers_or_of_another_kind_is_a_fault(
    task_id: str, gold: str, message: str, tmp_path: Path
) -> None:
    said = GOOD.get(task_id) or {"mlqa": "{}", "tydiqa": "{}", "mewslix": "{}", "panx": "O\n"}[task_id]

    with pytest.raises(DataError, match=rf"gold/{task_id}/test-\S+: {message}|gold/{task_id}/test-\S+, {message}"):
        evaluator.score(*put(tmp_path, task_id, said.encode(), gold.encode()), is_partial=True)


@pytest.mark.parametrize(
    ("task_id", "said"),
    [
        ("xnli", "neutral\n" + "a" * 5_000_000 + "\nneutral\n"),
        ("xnli", "".join(f"label{number}\n" for number in range(100_000))),
        ("udpos", "A" * 5_000_000 + "\n"),
        ("xcopa", '{"label": 0}\n' + "[" * 200_000 + "\n"),
        ("xcopa", '{"label": ' + "9" * 4_000 + '}\n{"label": 0}\n'),
        ("xquad", json.dumps({"q" * 5_000_000: "7"})),
        ("xquad", json.dumps({"q1": ["7" * 5_000_000]})),
        ("xquad", '{"q1": ' + "[" * 200_000),
        ("tatoeba", "1" * 4_000 + "\n0\n"),
        ("lareqa", json.dumps({"q1": [{"a": "b" * 5_000_000}]})),
        ("lareqa", json.dumps({f"q{number}": ["a"] for number in range(100_000)})),
        ("bucc2018", "de" * 2_500_000 + "\n"),
    ],
    ids=lambda value: value[:12],
)
def test_what_a_file_holds_is_cut_in_a_message(task_id: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{task_id}/test-") as error:
        evaluator.score(*put(tmp_path, task_id, said.encode()), is_partial=True)

    assert len(str(error.value)) < 2_000


@pytest.mark.parametrize(
    ("task_id", "said", "message"),
    [
        ("xnli", "neutral\nentailment\n", r"test-en.tsv: 2 lines; the gold has 3."),
        ("xnli", "", r"test-en.tsv: 0 lines; the gold has 3."),
        ("xnli", "neutral\nentailment\nneutral\n\n", r"test-en.tsv, line 4: label '' is unknown."),
        (
            "xnli",
            "neutral\tA man.\nentailment\tA dog.\nneutral\tA cat.\n",
            r"line 1: label 'neutral\\tA man.' is unknown. Did you mean neutral\? The benchmark's evaluator",
        ),
        ("udpos", "DET\nNOUN\tdog\n\nVERB\n", r"line 2: label 'NOUN\\tdog' is unknown. .* takes the whole line"),
        ("udpos", "DET\nchurch\tNOUN\n\nVERB\n", r"line 2: label 'church\\tNOUN' is unknown. Did you mean NOUN\? The"),
        (
            "xquad",
            "version https://git-lfs.github.com/spec/v1\n",
            r"test-en.json: is a pointer of Git LFS, not the file",
        ),
        ("xnli", "a\nb\nc\nd\ne\n", r"test-en.tsv: has 2 other unknown labels."),
        (
            "xnli",
            "neutral\nentailmnt\nneutral\n",
            r"test-en.tsv, line 2: label 'entailmnt' is unknown. Did you mean entailment\? Labels: contradiction, ",
        ),
        (
            "xnli",
            gzip.compress(b"neutral\n", mtime=0),
            r"test-en.tsv: is packed by gzip \(gunzip\), which its name",
        ),
        ("xnli", b"neutral\n\xff\nneutral\n", r"test-en.tsv, line 2: byte 0xff is not UTF-8"),
        ("xnli", "neutral\nneu\0tral\nneutral\n", r"test-en.tsv: has a NUL byte"),
        ("xcopa", '{"label": 0}\n{"label": 2}\n', r"line 2: label '2' is unknown. Labels: 0, 1."),
        (
            "xcopa",
            '{"label": 0}\n{"label": "1"}\n',
            r"""line 2: should be as \{"label": 0\}; it is '\{"label": "1"\}'""",
        ),
        ("xcopa", '0\n{"label": true}\n', r"line 1: should be as .* \(and 1 more\)\."),
        ("udpos", "DET\nNOUN\n", r"test-en.tsv: 1 sentence; the gold has 2."),
        ("udpos", "DET\n\nVERB\n", r"sentence 1, from line 1, has 1 tag; the gold has 2 words there."),
        ("udpos", "DET\nNOUN\n\nVREB\n", r"line 4: label 'VREB' is unknown. Did you mean VERB\?"),
        ("xquad", '{"q1": "7", "q3": "b"}', r"test-en.json: q3: no such id in the gold."),
        ("xquad", '{"q1": "7", "q1": "b"}', r"test-en.json: q1 comes twice; a key is given once."),
        ("xquad", '{"q1": ["7"], "q2": "b"}', r"q1 should be a text; the first is \[\"7\"\]"),
        ("xquad", '{"q1": "7", "q2', r"line 1: not JSON"),
        ("xquad", '["7"]', r"should be one JSON object of ids; it is a list"),
        ("xquad", '{"q1": ' + "9" * 5000 + "}", r"not what a submission holds: Exceeds the limit"),
        ("xquad", '{"q1": "7", "\\ud800": "b"}', r"test-en.json: \?: no such id in the gold."),
        ("tatoeba", "1\n999999\n", r"test-ar.tsv: line 2: row 999999 is none of the 1,000 candidates."),
        ("tatoeba", "01\n0\n", r"line 1: should be a row number; it is '01'"),
        ("xcopa", '{"label": 1, "label": 0}\n{"label": 1}\n', r"line 1: should be as .*; it is .*label.*label"),
        ("xcopa", '{"label": 0}\n\n', r"line 2: should be as .*; it is ''"),
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
        r".*out/xnli/test-en.tsv: 1 line; the gold has 3.",
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
    assert set(found["missing"]) == set(LANGUAGES["xtreme-r"])
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


@pytest.mark.parametrize("name", ["xquad/en.json", "XQuAD/test-en.json", "test-en.json", "xquad/test-xx.json"])
def test_files_of_other_names_are_shown_where_nothing_can_be_scored(name: str, tmp_path: Path) -> None:
    (tmp_path / "out" / name).parent.mkdir(parents=True)
    (tmp_path / "out" / name).write_text("{}")
    (tmp_path / "gold").mkdir()

    with pytest.raises(
        DataError, match=rf"is in both: .*/out has {name}; .*/gold has no file\. Files are found as <task>/"
    ):
        evaluator.score(tmp_path / "out", tmp_path / "gold", "xtreme-r", is_partial=True)


@pytest.mark.slow
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
