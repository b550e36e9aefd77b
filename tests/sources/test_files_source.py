"""The files source: every reader on small files of invented text, every fault by its words, and the real files."""

import collections
import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xit.core import examples, registry
from xit.core.errors import DataError
from xit.core.settings import FilesSettings
from xit.core.task import Split, task_of
from xit.formats import format_of
from xit.sources import files
from xit.sources.files import FilesSource
from xit.sources.reader_context import Group, ReaderContext
from xit.stages import data

# --- small files, one set a task ---


def json_lines(*records: Mapping[str, Any]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\r\n" for record in records)


def squad(*paragraphs: Mapping[str, Any]) -> str:
    return json.dumps({"version": "1.1", "data": [{"title": "", "paragraphs": [p]} for p in paragraphs]})


def question(name: str, text: str, answer: str, start: int) -> dict[str, Any]:
    return {"id": name, "question": text, "answers": [{"text": answer, "answer_start": start}]}


COPA = {"premise": "Rain fell.", "choice1": "It got wet.", "choice2": "It got dry.", "question": "effect", "label": 0}
SIQA = {
    "context": "Ida ran.",
    "question": "Why?",
    "answerA": "late",
    "answerB": "bored",
    "answerC": "ill",
    "correct": "C",
}
TYDIQA = "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json"
LAMP = {"context": "It is late. The lamp is green.", "qas": [question("0", "Which colour?", "green", 24)]}
TOWER = {"context": "It is 31 m high. It is old.", "qas": [question("0", "How high?", "31 m", 6)]}
POSSIBLE = [
    question("0", "Which colour?", "green", 24) | {"is_impossible": False},
    {"id": "1", "question": "How high?", "answers": [], "is_impossible": True, "plausible_answers": []},
]
SENTENCES = {"sentences": ["It is late. ", "The lamp is green."], "sentence_breaks": [[0, 12], [12, 30]]}
LAMPE = {
    "context": "Die Lampe ist grün. Es ist spät.",
    "qas": [question("0", "Welche Farbe?", "grün", 14)],
    "sentences": ["Die Lampe ist grün. ", "Es ist spät."],
    "sentence_breaks": [[0, 20], [20, 32]],
}
CONLLU = """\
# sent_id = a
# text = Im Haus
1-2\tIm\t_\t_\t_\t_\t_\t_\t_\t_
1\tin\tin\tADP\t_\t_\t3\tcase\t_\t_
2\tdem\tder\tDET\t_\t_\t3\tdet\t_\t_
3\tHaus\tHaus\tNOUN\t_\t_\t0\troot\t_\t_
3.1\tist\tsein\tVERB\t_\t_\t_\t_\t_\t_

# sent_id = b
1\tcon chim\tcon chim\tNOUN\t_\t_\t0\troot\t_\t_

# sent_id = c
1\t_\t_\tNOUN\t_\t_\t0\troot\t_\t_
2\t_\t_\tPUNCT\t_\t_\t1\tpunct\t_\t_

"""

# Twenty invented sentences in five shapes, as CCGbank tags them
SUPERTAGGED = "".join(
    f"{subject} {rest}\tN {tags}\n"
    for subject in ("Lamps", "Boats", "Ida", "Rain")
    for rest, tags in (
        ("flickers .", "S[dcl]\\NP ."),
        ("sees Bo .", "(S[dcl]\\NP)/NP N ."),
        ("left the room .", "(S[dcl]\\NP)/NP NP[nb]/N N ."),
        ("and Bo met .", "conj N S[dcl]\\NP ."),
        ("slept in Turin .", "S[dcl]\\NP ((S\\NP)\\(S\\NP))/NP N ."),
    )
)
SAMPLE, TRAINING = ("bucc2018/de-en/de-en." + split for split in ("sample", "training"))

FOLDER: dict[str, dict[str, str]] = {
    "xnli": {
        "xnli/dev-en.tsv": "".join(f"Lamp {n}.\tIt shines.\tneutral\r\n" for n in range(10)),
        "xnli/dev-sw.tsv": "".join(f"Taa {n}.\tInawaka.\tneutral\r\n" for n in range(10)),
    },
    "pawsx": {"pawsx/dev-en.tsv": 'Ida left.\t"Ida ""left"", Bo stayed."\t1\r\n' * 10},
    "sick": {
        "sick/SICK_train.txt": "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n"
        '7\tA "boat\tNobody sails\t4.5\tCONTRADICTION\n'
    },
    "qqp": {
        "qqp/train.tsv": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
        '40\t1\t2\tWhere is "the Lamp?\tWhere is it?\t1\n43\t7\t8\tWho left?\tWho came?\t0\n'
    },
    "anli_plus": {
        "anli/anli_v1.0/R1/dev.jsonl": json_lines(
            *({"uid": f"u{n}", "context": "A.", "hypothesis": "B.", "label": "e"} for n in range(10))
        )
    },
    "mnli": {
        "mnli/multinli_1.0_train.jsonl": json_lines(
            *(
                {"gold_label": label, "sentence1": "The Lamp is on.", "sentence2": text, "pairID": "7e"}
                for label, text in [("neutral", "It is big."), ("entailment", "It shines.")]
            )
        )
    },
    "xcopa": {
        "siqa/socialIQa_v1.4_dev.jsonl": json_lines(SIQA),
        "copa/train-en.jsonl": json_lines(COPA | {"idx": 0}),
        "xcopa/data/et/test.et.jsonl": json_lines(COPA | {"idx": 0, "question": "cause"}),
        "xcopa/data/tr/test.tr.jsonl": json_lines(COPA | {"idx": 0, "changed": False}),
    },
    "commonsenseqa": {
        "commonsenseqa/dev_rand_split.jsonl": json_lines(
            *(
                {
                    "id": str(n),
                    "question": "Where?",
                    "choices": {"label": ["A", "B"], "text": ["desk", "soup"]},
                    "answerKey": "B",
                }
                for n in range(10)
            )
        )
    },
    "hellaswag": {
        "hellaswag/hellaswag.jsonl": json_lines(
            *({"ind": n, "ctx_a": "A sink.", "ctx_b": "she", "endings": ["x", "y"], "label": 1} for n in range(10))
        )
    },
    "cosmosqa": {
        "cosmosqa/valid.csv": "id,context,question,answer0,answer1,answer2,answer3,label\r\n"
        + "".join(f'c{n},"It rained, so I ran.",Why?,a,b,"c ""d""",e,2\r\n' for n in range(10))
    },
    "panx": {
        "panx/train-en.tsv": "Ida\tB-PER\nleft\tO\n\n" * 20,
        "panx/dev-sw.tsv": "Ida\tB-PER\naliondoka\tO\n\nTurin\tB-LOC\n",
    },
    "udpos": {"ud/UD_German-X/de_x-ud-test.conllu": CONLLU},
    "squad": {"squad/train-v1.1.json": squad(LAMP), "squad/dev-v1.1.json": squad(TOWER)},
    "squad2": {"squad/train-v2.0.json": squad(LAMP | {"qas": POSSIBLE}), "squad/dev-v2.0.json": squad(TOWER)},
    "xquad": {TYDIQA: squad(*[LAMP] * 3, TOWER), "xquad/xquad.en.json": squad(LAMP)},
    "lareqa": {
        TYDIQA: squad(LAMP, TOWER),
        "lareqa/xquad-r/en.json": squad(LAMP | SENTENCES),
        "lareqa/xquad-r/de.json": squad(LAMPE),
    },
    "tatoeba": {
        "tatoeba/tatoeba.deu-eng.deu": "Es ist spät.\nDie Lampe ist grün.\n",
        "tatoeba/tatoeba.deu-eng.eng": "It is late.\nThe lamp is green.\n",
    },
    "ccg": {"ccg/ccg.train": SUPERTAGGED, "ccg/ccg.dev": "Lamps|NNS|N flicker|VBP|S[dcl]\\NP .|.|.\n"},
    "bucc2018": {
        f"{SAMPLE}.de": "de-1\tEs ist spät.\n",
        f"{SAMPLE}.en": "en-1\tIt is late.\n",
        f"{SAMPLE}.gold": "de-1\ten-1\n",
        f"{TRAINING}.de": "de-1\tIda ging.\nde-2\tEs ist spät.\n",
        f"{TRAINING}.en": "en-1\tIt is late.\nen-2\tBo stayed.\n",
        f"{TRAINING}.gold": "de-2\ten-1\n",
    },
    "mewslix": {
        "mewslix/wikipedia_pairs/train.jsonl": json_lines(
            {"mention": "The { Lamp } is green.", "entity": "It gives light."},
            {"mention": "{ Taa } hums.", "entity": "A village by a river."},
        ),
        "mewslix/wikipedia_pairs/dev.jsonl": json_lines({"mention": "{ Bo } ran.", "entity": "A boat of 1902."}),
        "mewslix/candidate_entities.jsonl": json_lines(
            {"entity_id": "Q1", "description": "It gives light.", "title": "Lamp"},
            {"entity_id": "Q2", "description": "Ein Dorf am Fluss.", "title": "Taa"},
        ),
        "mewslix/wikinews_mentions/en/test.jsonl": json_lines({"mention": "A { Lamp } fell.", "entity_id": "Q1"}),
        "mewslix/wikinews_mentions/de/test.jsonl": json_lines(
            {"mention": "In { Taa } ist es spät.", "entity_id": "Q2"},
            {"mention": "Das { Haus } ist alt.", "entity_id": "Q3"},
        ),
    },
}

COSMOS = FOLDER["cosmosqa"]["cosmosqa/valid.csv"]

# Another task's file that a reader needs: (task, split, language, file)
READ: list[tuple[str, Split, str, str]] = [
    ("xnli", "test", "sw", "xnli/dev-sw.tsv"),
    ("pawsx", "train", "en", "pawsx/dev-en.tsv"),
    ("sick", "train", "en", "sick/SICK_train.txt"),
    ("anli_plus", "train", "en", "anli/anli_v1.0/R1/dev.jsonl"),
    ("xcopa", "train", "en", "siqa/socialIQa_v1.4_dev.jsonl"),
    ("xcopa", "test", "tr", "xcopa/data/tr/test.tr.jsonl"),
    ("commonsenseqa", "train", "en", "commonsenseqa/dev_rand_split.jsonl"),
    ("hellaswag", "train", "en", "hellaswag/hellaswag.jsonl"),
    ("cosmosqa", "train", "en", "cosmosqa/valid.csv"),
    ("panx", "test", "sw", "panx/dev-sw.tsv"),
    ("udpos", "test", "de", "ud/UD_German-X/de_x-ud-test.conllu"),
    ("qqp", "train", "en", "qqp/train.tsv"),
    ("mnli", "train", "en", "mnli/multinli_1.0_train.jsonl"),
    ("squad", "train", "en", "squad/train-v1.1.json"),
    ("squad2", "train", "en", "squad/train-v2.0.json"),
    ("xquad", "test", "en", "xquad/xquad.en.json"),
    ("lareqa", "train", "en", TYDIQA),
    ("lareqa", "test", "de", "lareqa/xquad-r/de.json"),
    ("tatoeba", "test", "de", "tatoeba/tatoeba.deu-eng.deu"),
    ("ccg", "train", "en", "ccg/ccg.train"),
    ("bucc2018", "validation", "de", f"{SAMPLE}.de"),
    ("bucc2018", "test", "de", f"{TRAINING}.de"),
    ("mewslix", "train", "en", "mewslix/wikipedia_pairs/train.jsonl"),
    ("mewslix", "test", "de", "mewslix/wikinews_mentions/de/test.jsonl"),
]


@pytest.fixture(autouse=True, scope="module")
def uncounted() -> Iterator[None]:
    """The published numbers of records are not those of the small files."""
    with pytest.MonkeyPatch.context() as patch:
        for name in registry.names("tasks"):
            task = registry.load("tasks", name).task
            files = {
                split: tuple(dataclasses.replace(f, count=None) for f in task.files[split]) for split in task.files
            }
            patch.setattr(registry.load("tasks", name), "task", dataclasses.replace(task, files=files))
        yield


def write(folder: Path, task_id: str, changes: Mapping[str, bytes | None] | None = None) -> None:
    """A task's small files, with some replaced, or left out where None."""
    contents = {name: content.encode() for name, content in FOLDER[task_id].items()} | (changes or {})
    for name, content in contents.items():
        if content is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)


def settings_of(folder: Path, **changes: Any) -> FilesSettings:
    values = {"most_test": 0, "misplaced_answers": "error", "xcopa_questions": "released"} | changes
    return FilesSettings(folder=str(folder), sha256="", **values)


def read(folder: Path, task_id: str, split: Split, language: str, **changes: Any) -> list[dict[str, Any]]:
    return list(FilesSource(settings_of(folder, **changes)).examples(task_of(task_id), split, language))


# --- each format gives its rows ---


def test_xtreme_pairs_are_cut_by_row_and_keep_quoted_text(tmp_path: Path) -> None:
    write(tmp_path, "pawsx")

    rows = read(tmp_path, "pawsx", "validation", "en")

    assert rows == [
        {"id": "6", "text_a": "Ida left.", "text_b": 'Ida "left", Bo stayed.', "label": "1", "language": "en"}
    ]


def test_train_validation_and_test_of_one_parallel_file_share_no_row(tmp_path: Path) -> None:
    write(tmp_path, "xnli")

    ids = [
        [row["id"] for row in read(tmp_path, "xnli", split, language)]
        for split, language in (("train", "en"), ("validation", "en"), ("test", "sw"))
    ]

    assert ids == [["0", "1", "2", "3", "4", "5"], ["6"], ["7", "8", "9"]]


def test_sick_is_read_without_quoting_and_with_small_labels(tmp_path: Path) -> None:
    write(tmp_path, "sick")

    rows = read(tmp_path, "sick", "train", "en")

    expected = {"id": "7", "text_a": 'A "boat', "text_b": "Nobody sails", "label": "contradiction", "language": "en"}
    assert rows == [expected]


def test_qqp_rows_that_lack_a_column_or_a_question_are_left_out_and_counted(tmp_path: Path) -> None:
    broken = '41\t3\t4\t"Who left?\n"\tWho came?\t0\n42\t5\t6\tWho left?\t\t0\n43\t'
    content = FOLDER["qqp"]["qqp/train.tsv"].replace("43\t", broken)
    write(tmp_path, "qqp", {"qqp/train.tsv": content.encode()})
    notes: collections.Counter[str] = collections.Counter()

    rows = list(FilesSource(settings_of(tmp_path)).examples(task_of("qqp"), "train", "en", notes))

    assert [(row["id"], row["text_a"], row["text_b"], row["label"]) for row in rows] == [
        ("0", 'Where is "the Lamp?', "Where is it?", "duplicate"),
        ("1", "Who left?", "Who came?", "not_duplicate"),
    ]
    assert notes == {"records left out: columns are missing": 2, "records left out: a column is empty": 1}


def test_anli_letters_become_the_labels_of_the_task(tmp_path: Path) -> None:
    write(tmp_path, "anli_plus")

    rows = read(tmp_path, "anli_plus", "validation", "en")

    assert rows == [{"id": "u9", "text_a": "A.", "text_b": "B.", "label": "entailment", "language": "en"}]


def test_mnli_pairs_without_a_label_or_a_sentence_are_left_out_and_counted(tmp_path: Path) -> None:
    record = {"gold_label": "-", "sentence1": "The Lamp is on.", "sentence2": "Is it?"}
    added = json_lines(record, record | {"gold_label": "neutral", "sentence2": " "})
    content = added + FOLDER["mnli"]["mnli/multinli_1.0_train.jsonl"]
    write(tmp_path, "mnli", {"mnli/multinli_1.0_train.jsonl": content.encode()})
    notes: collections.Counter[str] = collections.Counter()

    rows = list(FilesSource(settings_of(tmp_path)).examples(task_of("mnli"), "train", "en", notes))

    assert [(row["id"], row["text_a"], row["text_b"], row["label"]) for row in rows] == [
        ("2", "The Lamp is on.", "It is big.", "neutral"),
        ("3", "The Lamp is on.", "It shines.", "entailment"),
    ]
    assert notes == {"records left out: no label": 1, "records left out: a sentence is empty": 1}


def test_xcopa_trains_on_siqa_and_copa_with_ids_by_file(tmp_path: Path) -> None:
    write(tmp_path, "xcopa")

    rows = read(tmp_path, "xcopa", "train", "en")

    assert [(row["id"], row["prompt"], row["choices"], row["label"]) for row in rows] == [
        ("socialIQa_v1.4_dev-0", "Ida ran. Why?", ["late", "bored", "ill"], 2),
        ("train-en-0", "Rain fell. What was the effect?", ["It got wet.", "It got dry."], 0),
    ]


@pytest.mark.parametrize(
    ("rule", "prompt", "count"),
    [("released", "Rain fell. What was the effect?", 0), ("repaired", "Rain fell. What was the cause?", 1)],
)
def test_xcopa_questions_are_released_or_taken_from_estonian(
    tmp_path: Path, rule: str, prompt: str, count: int
) -> None:
    write(tmp_path, "xcopa")
    notes: collections.Counter[str] = collections.Counter()

    (row,) = FilesSource(settings_of(tmp_path, xcopa_questions=rule)).examples(task_of("xcopa"), "test", "tr", notes)

    assert row["prompt"] == prompt
    assert notes["XCOPA questions repaired"] == count


def test_commonsenseqa_letters_become_the_index_of_the_choice(tmp_path: Path) -> None:
    write(tmp_path, "commonsenseqa")

    rows = read(tmp_path, "commonsenseqa", "validation", "en")

    assert rows == [{"id": "9", "prompt": "Where?", "choices": ["desk", "soup"], "label": 1, "language": "en"}]


def test_hellaswag_endings_begin_with_the_second_half_of_the_context(tmp_path: Path) -> None:
    write(tmp_path, "hellaswag")

    rows = read(tmp_path, "hellaswag", "validation", "en")

    assert rows == [{"id": "9", "prompt": "A sink.", "choices": ["she x", "she y"], "label": 1, "language": "en"}]


def test_cosmosqa_is_read_with_quotes_and_crlf(tmp_path: Path) -> None:
    write(tmp_path, "cosmosqa")

    rows = read(tmp_path, "cosmosqa", "validation", "en")

    assert [(row["id"], row["prompt"], row["choices"], row["label"]) for row in rows] == [
        ("c9", "It rained, so I ran. Why?", ["a", "b", 'c "d"', "e"], 2)
    ]


def test_xtreme_tags_need_no_blank_line_at_the_end(tmp_path: Path) -> None:
    write(tmp_path, "panx")

    rows = read(tmp_path, "panx", "test", "sw")

    assert [(row["id"], row["words"], row["tags"]) for row in rows] == [
        ("0", ["Ida", "aliondoka"], ["B-PER", "O"]),
        ("1", ["Turin"], ["B-LOC"]),
    ]


def test_ccg_has_a_supertag_a_word_and_labels_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "ccg")

    rows = read(tmp_path, "ccg", "train", "en")

    assert len(rows) == 20
    assert rows[4] == {
        "id": "4",
        "language": "en",
        "words": ["Lamps", "slept", "in", "Turin", "."],
        "tags": ["N", "S[dcl]\\NP", "((S\\NP)\\(S\\NP))/NP", "N", "."],
    }
    assert len({tag for row in rows for tag in row["tags"]}) == 7


def test_ccg_is_read_in_the_pipe_format_too(tmp_path: Path) -> None:
    write(tmp_path, "ccg")

    (row,) = read(tmp_path, "ccg", "validation", "en")

    assert (row["words"], row["tags"]) == (["Lamps", "flicker", "."], ["N", "S[dcl]\\NP", "."])


def test_bucc_asks_in_the_language_for_english_sentences_that_may_not_be_there(tmp_path: Path) -> None:
    write(tmp_path, "bucc2018")

    rows = read(tmp_path, "bucc2018", "test", "de")

    assert [(row["id"], row["role"], row["text"], row["gold"]) for row in rows] == [
        ("en-1", "candidate", "It is late.", []),
        ("en-2", "candidate", "Bo stayed.", []),
        ("de-1", "query", "Ida ging.", []),
        ("de-2", "query", "Es ist spät.", ["en-1"]),
    ]
    assert {row["language"] for row in rows} == {"de"}


def test_bucc_becomes_examples_with_a_validation_split_of_every_language(tmp_path: Path) -> None:
    write(tmp_path, "bucc2018")
    out = tmp_path / "out"

    assert data.data("bucc2018", FilesSource(settings_of(tmp_path)), ["en", "de", "fr"], out) == [
        f"{out}: 1 validation, 2 test"
    ]
    assert json.loads((out / "audit.json").read_text())["missing_languages"] == ["fr"]
    assert [row["id"] for row in examples.read_examples(out / "validation.parquet", "de")] == ["en-1", "de-1"]


def test_mewslix_trains_on_english_pairs_with_a_candidate_for_each_text(tmp_path: Path) -> None:
    name = "mewslix/wikipedia_pairs/train.jsonl"
    repeated = FOLDER["mewslix"][name] + json_lines({"mention": "A { light } fell.", "entity": "It gives light."})
    write(tmp_path, "mewslix", {name: repeated.encode()})

    rows = read(tmp_path, "mewslix", "train", "en")

    assert [(row["id"], row["role"], row["text"], row["gold"]) for row in rows] == [
        ("0", "query", "The { Lamp } is green.", ["0"]),
        ("0", "candidate", "It gives light.", []),
        ("1", "query", "{ Taa } hums.", ["1"]),
        ("1", "candidate", "A village by a river.", []),
        ("2", "query", "A { light } fell.", ["0"]),
    ]
    assert [row["text"] for row in read(tmp_path, "mewslix", "validation", "en")] == ["{ Bo } ran.", "A boat of 1902."]


def test_mewslix_has_the_candidates_of_all_languages_once_with_the_english_mentions(tmp_path: Path) -> None:
    write(tmp_path, "mewslix")
    out = tmp_path / "out"

    assert data.data("mewslix", FilesSource(settings_of(tmp_path)), ["en", "de", "tr"], out) == [
        f"{out}: 2 train, 1 validation, 3 test"
    ]

    rows = examples.read_examples(out / "test.parquet")
    assert [(row["language"], row["id"], row["role"], row["text"], row["gold"]) for row in rows] == [
        ("en", "Q1", "candidate", "It gives light.", []),
        ("en", "Q2", "candidate", "Ein Dorf am Fluss.", []),
        ("en", "0", "query", "A { Lamp } fell.", ["Q1"]),
        ("de", "0", "query", "In { Taa } ist es spät.", ["Q2"]),
        ("de", "1", "query", "Das { Haus } ist alt.", ["Q3"]),
    ]
    audit = json.loads((out / "audit.json").read_text())
    assert audit["missing_languages"] == ["tr"]
    assert [row["notes"] for row in audit["splits"]] == ["", "", "", "mentions whose entity is no candidate: 1"]


def test_a_task_that_has_no_file_says_which_files_and_sources_would_do(tmp_path: Path) -> None:
    message = (
        rf"^ccg: the files source has nothing of it in {tmp_path}\. Its licence: LDC User Agreement\. Take it from "
        r"another source, or out of the grid\. Sources: micro \(an invented counterpart\); "
        r"files \(reads ccg/ccg\.train, ccg/ccg\.dev, ccg/ccg\.test\)\.$"
    )

    with pytest.raises(DataError, match=message):
        data.data("ccg", FilesSource(settings_of(tmp_path)), ["en"], tmp_path / "out")


def test_multiword_tokens_keep_their_surface_and_the_tag_of_their_highest_part(tmp_path: Path) -> None:
    write(tmp_path, "udpos")
    notes: collections.Counter[str] = collections.Counter()

    rows = list(FilesSource(settings_of(tmp_path)).examples(task_of("udpos"), "test", "de", notes))

    assert [(row["id"], row["words"], row["tags"]) for row in rows] == [
        ("a", ["Im", "Haus"], ["ADP", "NOUN"]),  # both parts are as near to the root; ADP has precedence over DET
        ("b", ["conchim"], ["NOUN"]),
    ]
    assert dict(notes) == {
        "multiword tokens kept as surface words": 1,
        "sentences left out: their words are not released": 1,
    }


def test_treebanks_of_a_language_are_joined_in_sorted_order(tmp_path: Path) -> None:
    write(tmp_path, "udpos", {"ud/UD_German-A/de_a-ud-test.conllu": CONLLU.encode()})

    rows = read(tmp_path, "udpos", "test", "de")

    assert [row["id"] for row in rows] == ["de_a-ud-test-a", "de_a-ud-test-b", "de_x-ud-test-a", "de_x-ud-test-b"]


def test_span_questions_on_equal_contexts_stay_in_one_split(tmp_path: Path) -> None:
    others = [LAMP | {"context": f"It is late. The lamp is green {n}."} for n in range(8)]
    write(tmp_path, "xquad", {TYDIQA: squad(LAMP, *others, TOWER, TOWER, LAMP).encode()})

    train, test = (read(tmp_path, "tydiqa", split, "en") for split in ("train", "test"))

    assert [row["id"] for row in train] == ["0", "11", "1", "2", "3", "4", "5", "6", "7"]  # 8 of 10 contexts
    assert [row["id"] for row in test] == ["8", "9", "10"]


def test_xquad_rows_hold_answers_and_their_offsets(tmp_path: Path) -> None:
    write(tmp_path, "xquad")

    (row,) = read(tmp_path, "xquad", "test", "en")

    assert row == {
        "id": "0",
        "language": "en",
        "question": "Which colour?",
        "context": "It is late. The lamp is green.",
        "answers": ["green"],
        "starts": [24],
    }


def test_squad_2_has_questions_without_an_answer(tmp_path: Path) -> None:
    write(tmp_path, "squad2")

    rows = read(tmp_path, "squad2", "train", "en")

    assert [(row["id"], row["answers"], row["starts"]) for row in rows] == [("0", ["green"], [24]), ("1", [], [])]


def test_tatoeba_asks_in_english_for_lines_of_the_language(tmp_path: Path) -> None:
    write(tmp_path, "tatoeba")

    rows = read(tmp_path, "tatoeba", "test", "de")

    assert rows[2:] == [
        {"id": "1", "language": "de", "role": "query", "text": "The lamp is green.", "gold": ["1"]},
        {"id": "1", "language": "de", "role": "candidate", "text": "Die Lampe ist grün.", "gold": []},
    ]


def test_lareqa_gold_is_the_sentence_of_the_answer_in_every_language(tmp_path: Path) -> None:
    write(tmp_path, "lareqa")

    rows = read(tmp_path, "lareqa", "test", "en")

    assert [(row["id"], row["role"], row["text"], row["gold"]) for row in rows] == [
        ("en-0-0", "candidate", "It is late. It is late. The lamp is green.", []),
        ("en-0-1", "candidate", "The lamp is green.It is late. The lamp is green.", []),
        ("0", "query", "Which colour?", ["de-0-0", "en-0-1"]),
    ]


def test_lareqa_trains_on_the_sentence_that_holds_the_answer(tmp_path: Path) -> None:
    write(tmp_path, "lareqa", {TYDIQA: squad(*[TOWER] * 20).encode()})

    rows = read(tmp_path, "lareqa", "train", "en")

    assert rows[0]["text"] == "It is 31 m high. It is 31 m high. It is old."
    assert [row["gold"] for row in rows[1:]] == [["0-0"]] * 20


# --- what files may differ in without a fault ---


@pytest.mark.parametrize(("task_id", "split", "language", "name"), READ)
def test_a_byte_order_mark_and_either_line_end_change_nothing(
    tmp_path: Path, task_id: str, split: Split, language: str, name: str
) -> None:
    write(tmp_path, task_id)
    plain = read(tmp_path, task_id, split, language)
    raw = FOLDER[task_id][name].replace("\r\n", "\n").encode()

    write(tmp_path, task_id, {name: b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n")})

    assert read(tmp_path, task_id, split, language) == plain


def test_most_test_takes_the_first_queries_and_every_candidate(tmp_path: Path) -> None:
    write(tmp_path, "tatoeba")

    rows = read(tmp_path, "tatoeba", "test", "de", most_test=1)

    assert [(row["role"], row["id"]) for row in rows] == [("query", "0"), ("candidate", "0"), ("candidate", "1")]


def test_only_languages_with_a_file_are_listed(tmp_path: Path) -> None:
    write(tmp_path, "xnli")

    assert FilesSource(settings_of(tmp_path)).languages(task_of("xnli")) == ("en", "sw")
    assert FilesSource(settings_of(tmp_path)).languages(task_of("mnli")) == ()


# --- faults, by their words ---

# (task, split, language, file): what is replaced (its first occurrence), by what, and the message
FAULTS: dict[tuple[str, Split, str, str], list[tuple[str, str, str]]] = {
    ("xnli", "train", "en", "xnli/dev-en.tsv"): [
        (
            "neutral",
            "neutrl",
            r"dev-en.tsv, line 1: label 'neutrl' is unknown. Did you mean neutral\? Labels: contradiction, ",
        ),
        ("\tneutral", "", r"line 1: 2 columns; 3 are needed: first sentence, second sentence, label\."),
        ("It shines.", " ", r"line 1: second sentence is empty\."),
        ("Lamp 0", '"Lamp 0', r"line 1: quotes or line ends do not match"),
        ("Lamp 0.", '"Lamp\n0."', r"line 1: a row runs over 2 lines. Is a quote not closed\?"),
        ("Lamp 3", "Lamp\x003", r"dev-en.tsv, line 4: has a NUL byte"),
    ],
    ("xnli", "test", "sw", "xnli/dev-sw.tsv"): [
        ("neutral", "CONJ", r"dev-sw.tsv, line 1: label 'CONJ' is unknown. Labels: contradiction"),
    ],
    ("pawsx", "train", "en", "pawsx/dev-en.tsv"): [
        ("\t1\r", "\t2\r", r"label '2' is unknown. Labels: 0, 1\."),
        ('\t"Ida ""', '\tIda ""', r"line 1: second sentence has a quote but is not in quotes. Is one lost\?"),
    ],
    ("sick", "train", "en", "sick/SICK_train.txt"): [
        ("sentence_B", "sentence_C", r"line 1: the header is \['pair_ID', .*; it should be \['pair_ID'"),
        ("CONTRADICTION", "CONTRADICTS", r"line 2: label 'CONTRADICTS' is unknown. Did you mean CONTRADICTION\?"),
    ],
    ("qqp", "train", "en", "qqp/train.tsv"): [
        ("\tquestion2", "", r"train.tsv, line 1: the header is \['id', .*; it should be \['id', 'qid1'"),
        ("\t1\n", "\t2\n", r"line 2: label '2' is unknown. Labels: 0, 1\."),
        ("\t1\n", "\t1\t\n", r"line 2: 7 columns; 6 are needed: id, qid1, qid2"),
    ],
    ("anli_plus", "train", "en", "anli/anli_v1.0/R1/dev.jsonl"): [
        ('"label": "e"', '"label": "x"', r"dev.jsonl, line 1: label 'x' is unknown. Labels: c, e, n\."),
        ('"uid": "u0"', '"uid": "u1"', r"R1/dev.jsonl, record u1: the id occurs 2 times; it should name one\."),
        ('"e"}', "", r"line 1: not JSON: .*Is the file cut off\?"),
    ],
    ("mnli", "train", "en", "mnli/multinli_1.0_train.jsonl"): [
        ("entailment", "entails", r"train.jsonl, line 2: label 'entails' is unknown\."),
        ("gold_label", "label", r"line 1: gold_label is missing\. Did you mean label\?"),
    ],
    ("xcopa", "test", "tr", "xcopa/data/tr/test.tr.jsonl"): [
        (
            '"effect"',
            '"efect"',
            r"line 1: question 'efect' is unknown. Did you mean effect\? It is one of 'cause' or 'effect'\.",
        ),
        ('"label": 0', '"label": 2', r"line 1: label 2 is unknown. It is one of 0 or 1\."),
        ('"premise"', '"premisse"', r"line 1: premise is missing. Did you mean premisse\?"),
        ('"idx": 0', '"idx": "0"', r"line 1: idx is '0': Input should be a valid integer\."),
    ],
    ("xcopa", "train", "en", "siqa/socialIQa_v1.4_dev.jsonl"): [
        ('"late"', '""', r"socialIQa_v1.4_dev.jsonl, line 1: answerA is empty\."),
    ],
    ("commonsenseqa", "train", "en", "commonsenseqa/dev_rand_split.jsonl"): [
        ('"answerKey": "B"', '"answerKey": "C"', r"line 1: answerKey 'C' is not one of A, B\."),
        ('"A", "B"', '"A"', r"line 1: 1 letters for 2 choices\."),
    ],
    ("hellaswag", "train", "en", "hellaswag/hellaswag.jsonl"): [
        ('"label": 1', '"label": 2', r"line 1: label 2 is not the index of one of 2 endings\."),
    ],
    ("cosmosqa", "train", "en", "cosmosqa/valid.csv"): [
        (",2\r", ",4\r", r"valid.csv, line 2: label '4' is unknown. Labels: 0, 1, 2, 3\."),
        (",e,2\r", ",2\r", r"line 2: 7 columns; 8 are needed: id, context, question, answer0"),
    ],
    ("panx", "test", "sw", "panx/dev-sw.tsv"): [
        ("B-PER", "B-PERS", r"dev-sw.tsv, line 1: label 'B-PERS' is unknown. Did you mean B-PER\?"),
        ("\tO", "", r"line 2: 1 columns; 2 are needed: word, tag\."),
        ("Ida", "", r"line 1: word is empty\."),
    ],
    ("udpos", "test", "de", "ud/UD_German-X/de_x-ud-test.conllu"): [
        ("ADP", "CONJ", r"label 'CONJ' is unknown. Universal Dependencies 2 calls it CCONJ: take a release of version"),
        ("ADP", "ADPP", r"line 1, sentence a: label 'ADPP' is unknown. Did you mean ADP\?"),
        ("NOUN\t_\t_", "NOUN\t_", r"line 6: 9 columns; 10 are needed: ID, FORM"),
        ("con chim", "con  chim", r"line 10: has two blanks in a row"),
        ("3\tHaus", "2\tHaus", r"line 1, sentence a: its 3 words are not numbered from 1 to 3\."),
        ("\n\n# sent_id = b", "\n## sent_id = b", r"line 1, sentence a: its 4 words are not numbered from 1 to 4\."),
        ("1-2\tIm", "1-3\tIm", r"line 1, sentence a: its words are not those of its text 'Im Haus'\."),
        ("2\tdem", "4\tdem", r"sentence a: its 3 words are not numbered from 1 to 3\."),
        ("1-2", "2-9", r"sentence a: the range 2-9 does not fit its words\."),
        ("_\t3\tcase", "_\t9\tcase", r"sentence a: word 1 has head 9; the sentence has 3 words\."),
        ("1\tin", "x\tin", r"line 1: not CoNLL-U: .*'x' is not a valid ID"),
        ("# sent_id = a\n", "", r"line 1: the sentence has no sent_id\."),
        ("= a\n#", "= a #", r"line 1: sent_id 'a # text = Im Haus' is not one word\."),
        ("sent_id = b", "sent_id = a", r"de_x-ud-test.conllu, record a: the id occurs 2 times"),
        ("punct\t_\t_\n\n", "punct\t_\t_\n", r"does not end with a blank line. Is it cut off\?"),
    ],
    ("squad", "train", "en", "squad/train-v1.1.json"): [
        ('[{"text": "green", "answer_start": 24}]', "[]", r"train-v1.1.json, record 0: has no answer\."),
    ],
    ("squad2", "train", "en", "squad/train-v2.0.json"): [
        ("false", "true", r"record 0: is_impossible is True, but it has 1 answers\."),
        ('"is_impossible": true', '"is_impossible": false', r"record 1: is_impossible is False, but it has 0 answers"),
    ],
    ("xquad", "test", "en", "xquad/xquad.en.json"): [
        (
            "24",
            "17",
            r"record 0: answer 'green' is not in its context at 17. Its nearest place is 24\. misplaced",
        ),
        (
            "lamp is green",
            "lamp is red",
            r"record 0: answer 'green' is not in its context at 24. It is nowhere in it\.",
        ),
        ("]}]}]}", "", r"xquad.en.json: not JSON: EOF while parsing .*Is the file cut off\?"),
        ('[{"text": "green", "answer_start": 24}]', "[]", r"record 0: has no answer\. \(The benchmark's test files"),
        ('"paragraphs"', '"paragraf"', r"data\[0\].paragraphs is missing. Did you mean paragraf\?"),
    ],
    ("lareqa", "test", "en", "lareqa/xquad-r/en.json"): [
        ("[12, 30]", "[12, 31]", r"en.json, paragraph 0: the break 12 to 31 leaves the context of 30 characters\."),
        ("[12, 30]", "[30, 12]", r"en.json, paragraph 0: the break 30 to 12 leaves the context of 30 characters\."),
        ("[12, 30]", "[25, 30]", r"en.json, record 0: its answer at 24 is in none of the sentences\."),
    ],
    ("lareqa", "test", "en", "lareqa/xquad-r/de.json"): [
        ('"id": "0"', '"id": "1"', r"en.json, record 0: is not once in each of the parallel files de.json, en.json\."),
    ],
    ("lareqa", "test", "de", "lareqa/xquad-r/de.json"): [
        (
            '"sentence_breaks": [[0, 20]',
            '"sentence_breaks": [[0, 9]',
            r"record 0: its answer at 14 is in none of the sentences\.",
        ),
    ],
    ("tatoeba", "test", "de", "tatoeba/tatoeba.deu-eng.eng"): [
        ("It is late.\n", "", r"deu: 2 lines, but tatoeba.deu-eng.eng has 1\. Line i of one must translate"),
    ],
    ("tatoeba", "test", "de", "tatoeba/tatoeba.deu-eng.deu"): [
        ("Es ist spät.", "", r"eng.deu, line 1: is empty\."),
        ("grün.\n", "gr", r"deu: the last line has no line end. Is the file cut off\?"),
    ],
    ("ccg", "train", "en", "ccg/ccg.train"): [
        ("flickers .", "flickers", r"ccg.train, line 1: 2 words but 3 supertags\."),
        (".\tN", ". N", r"line 1: 1 columns; 2 are needed: words, supertags. Or one, of word\|POS\|supertag with"),
        ("Boats flickers", "\nBoats flickers", r"ccg.train, line 6: is empty\."),
    ],
    ("ccg", "validation", "en", "ccg/ccg.dev"): [
        ("|NNS|", "|", r"ccg.dev, line 1: 1 columns; 2 are needed"),
        ("Lamps", "", r"line 1: a word or a supertag is empty\."),
        (".|.|.\n", ".|.|.", r"ccg.dev: the last line has no line end. Is the file cut off\?"),
    ],
    ("bucc2018", "test", "de", f"{TRAINING}.de"): [
        ("de-1\tIda", "de-1 Ida", r"de-en.training.de, line 1: 1 columns; 2 are needed: id, sentence\."),
        ("de-1", "de-2", r"training.de, line 2: id de-2 is on line 1 already; an id names one\."),
    ],
    ("bucc2018", "test", "de", f"{TRAINING}.en"): [
        ("en-1", "en-3", r"de-en.training.gold, line 1: id 'en-1' is not in de-en.training.en\."),
    ],
    ("bucc2018", "validation", "de", f"{SAMPLE}.gold"): [
        ("de-1\ten-1", "en-1\tde-1", r"gold, line 1: id 'en-1' is not in de-en.sample.de\."),
        ("de-1\ten-1\n", "de-1\ten-1\n" * 2, r"gold, line 2: de-1 and en-1 are a pair already\."),
    ],
    ("mewslix", "train", "en", "mewslix/wikipedia_pairs/train.jsonl"): [
        ('"entity"', '"entiti"', r"train.jsonl, line 1: entity is missing\. Did you mean entiti\?"),
        ("{ Taa } hums.", " ", r"train.jsonl, line 2: mention is empty\."),
    ],
    ("mewslix", "test", "de", "mewslix/wikinews_mentions/de/test.jsonl"): [
        ('"Q3"', "3", r"de/test.jsonl, line 2: entity_id is 3: Input should be a valid string\."),
    ],
    ("mewslix", "test", "en", "mewslix/candidate_entities.jsonl"): [
        ("It gives light.", "", r"candidate_entities.jsonl, line 1: description is empty\."),
        ("Q2", "Q1", r"entities.jsonl, line 2: id Q1 is on line 1 already; an id names one\."),
    ],
}


@pytest.mark.parametrize(
    ("case", "old", "new", "message"), [(case, *fault) for case, faults in FAULTS.items() for fault in faults]
)
def test_a_fault_is_named_with_its_place(
    tmp_path: Path, case: tuple[str, Split, str, str], old: str, new: str, message: str
) -> None:
    task_id, split, language, name = case
    content = FOLDER[task_id][name]
    assert old in content
    write(tmp_path, task_id, {name: content.replace(old, new, 1).encode()})

    with pytest.raises(DataError, match=message):
        read(tmp_path, task_id, split, language)


@pytest.mark.parametrize(("task_id", "split", "language", "name"), READ)
def test_a_missing_file_is_named_with_its_folder(
    tmp_path: Path, task_id: str, split: Split, language: str, name: str
) -> None:
    write(tmp_path, task_id, {name: None})
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)

    with pytest.raises(DataError, match=r"no such file\..* Looked in .*, which holds \d+ files\."):
        read(tmp_path, task_id, split, language)


def test_a_missing_file_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    write(tmp_path, "xquad", {"xquad/xquad.en.json": None, "xquad/xquad-en.json": b""})

    with pytest.raises(DataError, match=r"xquad/xquad.en.json: no such file. Did you mean xquad-en.json\?"):
        read(tmp_path, "xquad", "test", "en")


def test_a_missing_data_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: no such data folder\. Give it with DATA="):
        read(tmp_path / "nowhere", "xquad", "test", "en")
    with pytest.raises(DataError, match=r"nowhere: no such data folder\. Give it with DATA="):
        FilesSource(settings_of(tmp_path / "nowhere")).languages(task_of("xquad"))


@pytest.mark.parametrize(("task_id", "split", "language", "name"), READ)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty\. Fetch it again\."),
        (b"a\nb\xff\n", r", line 2: byte 0xff is not UTF-8\."),
        (b"\0\n", "NUL byte"),
    ],
)
def test_an_empty_or_binary_file_is_a_fault_in_every_format(
    tmp_path: Path, task_id: str, split: Split, language: str, name: str, content: bytes, message: str
) -> None:
    write(tmp_path, task_id, {name: content})

    with pytest.raises(DataError, match=message):
        read(tmp_path, task_id, split, language)


def test_a_folder_in_place_of_a_file_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, "xquad", {"xquad/xquad.en.json": None, "xquad/xquad.en.json/x": b""})

    with pytest.raises(DataError, match=r"xquad.en.json: cannot be read: Is a directory\."):
        read(tmp_path, "xquad", "test", "en")


def test_every_fault_of_a_file_is_listed_at_once(tmp_path: Path) -> None:
    broken = FOLDER["xnli"]["xnli/dev-en.tsv"].replace("neutral", "maybe", 2).replace("Lamp 5.\t", "")
    write(tmp_path, "xnli", {"xnli/dev-en.tsv": broken.encode()})

    with pytest.raises(DataError, match=r"(?s)line 1: label.*line 2: label.*line 6: 2 columns"):
        read(tmp_path, "xnli", "train", "en")


def test_training_examples_of_another_language_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "xnli")

    with pytest.raises(DataError, match=r"xnli: its train split is in English only, not in sw\."):
        read(tmp_path, "xnli", "train", "sw")


def test_a_split_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sick: the files source has no test split of it. It has: train, validation\."):
        read(tmp_path, "sick", "test", "en")


# --- answers away from their offset, repaired ---


def test_a_misplaced_answer_moves_to_its_nearest_occurrence(tmp_path: Path) -> None:
    paragraph = {"context": "red, green, red, red", "qas": [question("0", "Which?", "red", 13)]}
    write(tmp_path, "xquad", {"xquad/xquad.en.json": squad(paragraph).encode()})
    notes: collections.Counter[str] = collections.Counter()
    values = settings_of(tmp_path, misplaced_answers="repair")

    (row,) = FilesSource(values).examples(task_of("xquad"), "test", "en", notes)

    assert row["starts"] == [12]
    assert dict(notes) == {"answers moved to their nearest occurrence": 1}


def test_a_training_question_without_its_answer_is_left_out_and_counted(tmp_path: Path) -> None:
    wrong = {"context": "It is late. It is dark.", "qas": [question("0", "Which colour?", "green", 3)]}
    write(tmp_path, "xquad", {TYDIQA: squad(LAMP, wrong).encode()})
    notes: collections.Counter[str] = collections.Counter()
    values = settings_of(tmp_path, misplaced_answers="repair")

    rows = list(FilesSource(values).examples(task_of("xquad"), "train", "en", notes))

    assert [row["context"] for row in rows] == [LAMP["context"]]
    assert dict(notes) == {"questions left out of training: their answer is not in the context": 1}


def test_a_test_question_without_its_answer_is_a_fault_even_where_answers_are_repaired(tmp_path: Path) -> None:
    wrong = {"context": "It is late.", "qas": [question("0", "Which colour?", "green", 3)]}
    write(tmp_path, "xquad", {"xquad/xquad.en.json": squad(wrong).encode()})

    with pytest.raises(DataError, match=r"answer 'green' is not in its context at 3. It is nowhere in it\.$"):
        read(tmp_path, "xquad", "test", "en", misplaced_answers="repair")


# --- sums ---


def test_a_file_unlike_its_sum_is_a_fault_even_where_it_can_be_read(tmp_path: Path) -> None:
    write(tmp_path, "tatoeba")
    name = "tatoeba/tatoeba.deu-eng.eng"
    right = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{right}  ./{name}\n")
    assert read(tmp_path, "tatoeba", "test", "de")

    write(tmp_path, "tatoeba", {name: b"It is late.\nThe lamb is green.\n"})

    with pytest.raises(DataError, match=rf"eng: its SHA-256 is [0-9a-f]+; in SHA256SUMS it is {right}\. Fetch it"):
        read(tmp_path, "tatoeba", "test", "de")


def test_a_list_of_sums_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, "tatoeba")
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  ./a\n{'0' * 63}\n")

    with pytest.raises(DataError, match=r"SHA256SUMS, line 2: should be a SHA-256, two blanks and a path\."):
        read(tmp_path, "tatoeba", "test", "de")


# --- damaged files: the right rows or a fault, never another error, never fewer rows ---


def groups_of(folder: Path, task_id: str, split: Split, language: str, name: str) -> tuple[list[Group], ReaderContext]:
    task = task_of(task_id)
    sources = task.files[split]
    source = next(s for s in sources if files._filled(s.path, language).split("*")[0] in name)
    reader = ReaderContext(split, labels={label: label for label in task.labels})
    return files._read(folder / name, source, reader), reader


def damaged(folder: Path, case: tuple[str, Split, str, str], content: bytes) -> list[Group] | None:
    """What a reader makes of a file with that content; None where it finds faults, each with its file and place.

    None too where it has left out and counted rows, of which none of the small files has any.
    """
    task_id, split, language, name = case
    file = folder / task_id / name
    file.write_bytes(content)
    try:
        groups, reader = groups_of(folder / task_id, *case)
        if not reader.faults:
            with contextlib.suppress(DataError):  # two equal ids, or too few rows for the split
                read(folder / task_id, task_id, split, language)
            return None if any(note.startswith("records left out") for note in reader.notes) else groups
        with pytest.raises(DataError):
            read(folder / task_id, task_id, split, language)
    finally:
        file.write_bytes(FOLDER[task_id][name].encode())
    assert [fault for fault in reader.faults if not PLACE.match(fault.removeprefix(f"{folder / task_id}/"))] == []
    return None


PLACE = re.compile(r"[\w./-]+\.\w+(, (line|record|paragraph) [^:]+)?: \S")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    for task_id in FOLDER:
        write(folder / task_id, task_id)
    return folder


def texts(groups: list[Group], *, is_derived: bool) -> list[Group]:
    """Rows to compare: not the candidates that are cut from a text, and repeat it."""
    return [[row for row in group if not is_derived or row["role"] == "query"] for group in groups]


def is_near(found: Any, expected: Any) -> bool:
    """Whether values are equal but for one place in each text and one tag, of a changed head; labels may differ."""
    if isinstance(expected, dict):
        if "tags" in expected and "tags" in found:
            pairs = zip(found["tags"], expected["tags"], strict=True)
            found = found | {"tags": expected["tags"]} if sum(one != other for one, other in pairs) <= 1 else found
        compared = expected.keys() - {"label"}
        return list(found) == list(expected) and all(is_near(found[key], expected[key]) for key in compared)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(is_near, found, expected))
    if isinstance(expected, str):
        same = shared(found, expected)
        ends = shared(found[same:][::-1], expected[same:][::-1])
        return same + ends >= max(len(found), len(expected)) - 2  # a backslash takes the next character
    return type(found) is type(expected)


def shared(one: str, other: str) -> int:
    """How many first characters are equal."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


@given(case=st.sampled_from(READ), where=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
@settings(max_examples=500)
@example(case=READ[10], where=CONLLU.index("\n\n# sent_id = b") / len(CONLLU), byte=ord("#"))
@example(case=READ[8], where=COSMOS.index('"c ') / len(COSMOS), byte=1)
def test_a_changed_byte_changes_a_text_or_a_label_or_is_a_fault(
    small: Path, case: tuple[str, Split, str, str], where: float, byte: int
) -> None:
    task_id, _, _, name = case
    raw = FOLDER[task_id][name].encode()
    whole, _ = groups_of(small / task_id, *case)
    place = int(where * len(raw))
    if task_id == "panx" and raw[place - 1 : place + 1] == b"\n\n":
        return  # two sentences become one of good words and tags, which only its SHA-256 would tell

    groups = damaged(small, case, raw[:place] + bytes([byte]) + raw[place + 1 :])

    if groups is None:
        return
    task = task_of(task_id)
    assert [fault for group in groups for row in group for fault in format_of(task).faults(row)] == []
    assert is_near(*(texts(side, is_derived=task_id == "lareqa") for side in (groups, whole)))


@given(case=st.sampled_from(READ), where=st.floats(0, 1, exclude_max=True))
@settings(max_examples=300)
def test_a_truncated_file_is_a_fault_unless_it_ends_between_two_lines(
    small: Path, case: tuple[str, Split, str, str], where: float
) -> None:
    task_id, _, _, name = case
    raw = FOLDER[task_id][name].encode()
    whole, _ = groups_of(small / task_id, *case)
    cut = raw[: int(where * len(raw))]

    groups = damaged(small, case, cut)

    if groups is None:
        return
    assert FOLDER[task_id][name].split()[: len(cut.split())] == cut.decode().split()
    if name.endswith("json"):
        assert groups == whole
    same = len(groups) - (task_id == "panx")  # a sentence cut between lines cannot be told from a shorter one
    assert groups[:same] == whole[:same]


@given(case=st.sampled_from(READ), where=st.floats(0, 1))
@settings(max_examples=150)
def test_a_nul_byte_anywhere_is_a_fault(small: Path, case: tuple[str, Split, str, str], where: float) -> None:
    raw = FOLDER[case[0]][case[3]].encode()
    place = int(where * len(raw))

    assert damaged(small, case, raw[:place] + b"\0" + raw[place:]) is None


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "utf-32", "gb18030", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("case", READ, ids=lambda case: case[3])
def test_another_encoding_than_utf_8_is_a_fault(small: Path, case: tuple[str, Split, str, str], encoding: str) -> None:
    content = ACCENTS.sub("\\1é", FOLDER[case[0]][case[3]])
    assert "é" in content

    groups = damaged(small, case, content.encode(encoding))

    if encoding.startswith("utf-8"):
        assert "é" in str(groups)
    else:
        assert groups is None


ACCENTS = re.compile(r"\b(Lamp|Taa|Ida|Rain|Where|It rained|sink|boat|A(?=[.])|Haus|colour|Welche|spät)\b")


# --- text for pretraining ---


def test_text_joins_the_folders_without_evaluated_sentences(tmp_path: Path) -> None:
    write(tmp_path, "tatoeba")
    write(tmp_path, "udpos")
    for name, content in {"lingua": "Guten Tag.\x85Ja.\nEs ist  spät.\n", "udhr": "\nAlle Menschen\nIm Haus\n"}.items():
        (tmp_path / f"text-{name}").mkdir()
        (tmp_path / f"text-{name}" / "de.txt").write_text(content, encoding="utf-8")

    lines = list(FilesSource(settings_of(tmp_path)).text("de"))

    assert lines == ["Guten Tag.\x85Ja.", "Alle Menschen"]


def test_a_language_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no text in xx\. Looked for xx.txt in text-lingua, text-udhr, text-bible\."):
        FilesSource(settings_of(tmp_path)).text("xx")


# --- the real files ---

DATA = Path(os.environ.get("XIT_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"no published files at {DATA}; XIT_TEST_DATA names their folder")

ISO = {  # languages by the number of test examples
    "panx 1000": "af az bn hi kk ml mr ms sw ta te tl ur",
    "panx 100": "gu jv my pa qu yo",
    "tatoeba 1000": "af ar az bn de el es et eu fa fi fr he hi id ja ko mr nl pl pt ro ru tl tr uk ur vi zh",
    "xcopa 500": "et id it qu sw ta tr zh",
    "xquad 1190": "ar de en es tr zh",
}

TEST_COUNTS = {  # examples, of retrieval queries; from the table of the files' README
    "xnli": {"en": 747, "sw": 747, "zh": 747},  # 30 % of 2490
    "pawsx": {"en": 600, "de": 600},  # 30 % of 2000
    "xcopa": dict.fromkeys(ISO["xcopa 500"].split(), 500),
    "udpos": {"en": 153, "af": 425, "id": 1000, "lt": 55, "mr": 47, "ta": 120, "te": 146, "tl": 128, "tr": 1000}
    | {"vi": 800, "wo": 470, "yo": 318, "zh": 1000},
    "panx": {"en": 10000} | dict.fromkeys(ISO["panx 1000"].split(), 1000) | dict.fromkeys(ISO["panx 100"].split(), 100),
    "xquad": dict.fromkeys(ISO["xquad 1190"].split(), 1190),
    "mlqa": {"de": 512, "en": 1148},
    "tydiqa": {"en": 523},  # the last 15 % of 3429 contexts
    "tatoeba": {"jv": 205, "ka": 746, "ml": 687, "sw": 390, "ta": 307, "th": 548}
    | dict.fromkeys(ISO["tatoeba 1000"].split(), 1000),
    "lareqa": {"de": 1190, "en": 1190, "zh": 1190},
}

TRAINING_COUNTS = {  # train and validation together
    "sick": 4500 + 500,
    "anli_plus": 1000,
    "cosmosqa": 2985,
    "commonsenseqa": 1221,
    "hellaswag": 1000,
    "siqa": 1954,
    "copa": 400 + 100,
    "xnli": 1743,  # 70 % of 2490
    "pawsx": 1400,
    "xcopa": 1954 + 400 + 100,
    "udpos": 1781 + 156,
    "panx": 20000,
    "xquad": 3696,
    "mlqa": 3696,
    "tydiqa": 3696 - 523,
    "lareqa": 3696,
}


def count(rows: list[dict[str, Any]]) -> int:
    return sum(row.get("role") != "candidate" for row in rows)


@real
@pytest.mark.parametrize("task_id", TEST_COUNTS)
def test_the_published_files_hold_as_many_test_examples_as_stated(task_id: str) -> None:
    task = task_of(task_id)

    languages = FilesSource(settings_of(DATA)).languages(task)

    found = {language: count(read(DATA, task_id, "test", language)) for language in languages}
    assert found == TEST_COUNTS[task_id]


@real
@pytest.mark.parametrize("task_id", TRAINING_COUNTS)
def test_the_published_files_hold_as_many_training_examples_as_stated(task_id: str) -> None:
    found = sum(count(read(DATA, task_id, split, "en")) for split in ("train", "validation"))

    assert found == TRAINING_COUNTS[task_id]


@real
def test_these_tests_read_every_task_that_has_files_but_those_that_are_not_here() -> None:
    with_files = {task_id for task_id in registry.names("tasks") if task_of(task_id).files}

    assert with_files - {"squad", "squad2", "mnli", "qqp", "ccg", "bucc2018", "mewslix"} == set(TEST_COUNTS) | set(
        TRAINING_COUNTS
    )


@real
@pytest.mark.parametrize("task_id", ["xnli", "pawsx", "tydiqa"])
def test_splits_of_one_published_file_share_no_row(task_id: str) -> None:
    splits: tuple[Split, ...] = ("train", "validation", "test")
    ids = [row["id"] for split in splits for row in read(DATA, task_id, split, "en")]

    assert len(ids) == len(set(ids)) >= 2000


@real
def test_xnli_shares_no_premise_between_training_and_test() -> None:
    train, test = ({row["text_a"] for row in read(DATA, "xnli", split, "en")} for split in ("train", "test"))

    assert len(train) > 400
    assert not train & test


@real
@pytest.mark.parametrize("task_id", TEST_COUNTS)
def test_every_published_example_fits_its_format(task_id: str) -> None:
    task = task_of(task_id)
    language = FilesSource(settings_of(DATA)).languages(task)[-1]

    faults = [fault for row in read(DATA, task_id, "test", language) for fault in format_of(task).faults(row)]

    assert faults == []


@real
@pytest.mark.parametrize(("language", "count"), [("tr", 51), ("sw", 37), ("id", 4), ("it", 4), ("qu", 0), ("zh", 0)])
def test_xcopa_has_as_many_wrong_questions_as_known(language: str, count: int) -> None:
    notes: collections.Counter[str] = collections.Counter()
    values = settings_of(DATA, xcopa_questions="repaired")

    list(FilesSource(values).examples(task_of("xcopa"), "test", language, notes))

    assert notes["XCOPA questions repaired"] == count


@real
def test_text_leaves_out_the_known_overlap_with_evaluation_files() -> None:
    codes = sorted({path.stem for folder in files.TEXT_FOLDERS for path in (DATA / folder).glob("??.txt")})
    lines = {
        code: [
            line
            for folder in files.TEXT_FOLDERS
            if (DATA / folder / f"{code}.txt").exists()
            for line in (DATA / folder / f"{code}.txt").read_text(encoding="utf-8").split("\n")
            if line.strip()
        ]
        for code in codes
    }

    kept = {code: list(FilesSource(settings_of(DATA)).text(code)) for code in codes}

    assert len(codes) == 50
    assert sum(map(len, lines.values())) - sum(map(len, kept.values())) == 18
