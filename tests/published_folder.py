"""An invented data folder with a file of every task, as its publisher writes it, and how tests read it."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from xit.core import registry
from xit.core.settings import FilesSettings
from xit.core.task import Split, task_of
from xit.sources.files import FilesSource


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
    "chromium": {
        "text-parallel/heldout/de.txt": "Haus suchen\nNeue Lampe öffnen\n",
        "text-parallel/heldout/en.txt": "Find the lamp\nOpen a new lamp\n",
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
    ("chromium", "test", "de", "text-parallel/heldout/de.txt"),
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
