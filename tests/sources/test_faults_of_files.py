"""What is wrong with published files is told with its place, all of it at once."""

import hashlib
from pathlib import Path

import published_folder
import pytest
from published_folder import FOLDER, READ, SAMPLE, TRAINING, read, settings_of, write

from xit.core.errors import DataError
from xit.core.task import Split, task_of
from xit.sources.files import FilesSource

uncounted = published_folder.uncounted

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
        ("\tO", "", r"line 2: 1 column; 2 are needed: word, tag\."),
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
        (".\tN", ". N", r"line 1: 1 column; 2 are needed: words, supertags. Or one, of word\|POS\|supertag with"),
        ("Boats flickers", "\nBoats flickers", r"ccg.train, line 6: is empty\."),
    ],
    ("ccg", "validation", "en", "ccg/ccg.dev"): [
        ("|NNS|", "|", r"ccg.dev, line 1: 1 column; 2 are needed"),
        ("Lamps", "", r"line 1: a word or a supertag is empty\."),
        (".|.|.\n", ".|.|.", r"ccg.dev: the last line has no line end. Is the file cut off\?"),
    ],
    ("bucc2018", "test", "de", f"{TRAINING}.de"): [
        ("de-1\tIda", "de-1 Ida", r"de-en.training.de, line 1: 1 column; 2 are needed: id, sentence\."),
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
    with pytest.raises(DataError, match=r"nowhere: no such data folder\. Give it with --data"):
        read(tmp_path / "nowhere", "xquad", "test", "en")
    with pytest.raises(DataError, match=r"nowhere: no such data folder\. Give it with --data"):
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
