"""Readers of pairs of texts."""

import collections
from pathlib import Path

import published_folder
from published_folder import FOLDER, json_lines, read, settings_of, write

from xit.core.task import task_of
from xit.sources.files import FilesSource

uncounted = published_folder.uncounted


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
