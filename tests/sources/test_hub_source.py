"""The hub source, through the Hub's own library: every task, and the rules for what is known to be wrong."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import hub_fixtures
import pytest
from hub_reading import ON_HUB, noted, of, read, uncounted, uncounted_task
from hub_server import Fault, HubServer, Repository

from xit.core import registry
from xit.core.errors import DataError
from xit.core.hub import split_files
from xit.core.task import Hub, Split, task_of
from xit.formats import format_of
from xit.sources import hub, hub_rows, readers
from xit.sources.hub import HubSource
from xit.sources.reader_context import ReaderContext, Table

YES = {"text_a": "Lamp 0.", "text_b": "It shines.", "label": "entailment"}
CAUSE = {"prompt": "Rain fell. What was the effect?", "choices": ["Wet.", "Dry."], "label": 0}
RAN = {"prompt": "Ida ran. Why?", "choices": ["late", "bored", "ill"], "label": 2}
GREEN = {"question": "Which colour?", "context": "It is late. The lamp is green.", "answers": ["green"], "starts": [24]}
LAMPS = {"words": ["Two", "lamps", "."], "tags": ["NUM", "NOUN", "PUNCT"]}
FIRST: list[tuple[str, Split, str, dict[str, Any]]] = [
    ("anli_plus", "train", "en", {**YES, "id": "mnli-train-0"}),
    ("anli_plus", "validation", "en", {**YES, "id": "mnli-validation_matched-0"}),
    ("bucc2018", "validation", "ru", {"id": "en-1", "role": "candidate", "text": "Sentence 1."}),
    ("bucc2018", "test", "de", {"id": "en-2", "role": "candidate", "text": "Sentence 2."}),
    ("commonsenseqa", "train", "en", {"id": "q", "prompt": "Where?", "choices": ["desk", "soup"], "label": 1}),
    ("copa", "validation", "en", CAUSE),
    ("cosmosqa", "train", "en", {"prompt": "It rained. So?", "choices": ["a", "b", "c", "d"], "label": 2}),
    ("hellaswag", "train", "en", {"prompt": "A sink.", "choices": ["she x", "she y", "she z", "she w"], "label": 3}),
    ("lareqa", "train", "en", {"id": "0-0", "text": "It is late. It is late. The lamp is green."}),
    ("lareqa", "test", "th", {"id": "th-0-0", "text": "It is late. It is late. The lamp is green."}),
    ("mewslix", "train", "en", {"role": "query", "text": "She saw { Turin }.", "gold": ["0"]}),
    ("mewslix", "test", "de", {"role": "query", "text": "de: { Bonn }", "gold": ["Q2"]}),
    ("mlqa", "test", "de", GREEN),
    ("mlqa", "test", "zh", GREEN),
    ("mnli", "validation", "en", YES),
    ("panx", "test", "gu", {"words": ["Ida", "Holm", "left", "Turin"], "tags": ["B-PER", "I-PER", "O", "B-LOC"]}),
    ("pawsx", "test", "ko", {"text_a": "Ida left.", "text_b": "Ida went.", "label": "0"}),
    ("qqp", "train", "en", {"text_a": "How?", "text_b": "In what way?", "label": "duplicate"}),
    ("sick", "train", "en", {"text_a": "A boat.", "text_b": "No boat.", "label": "entailment"}),
    ("siqa", "train", "en", RAN),
    ("squad", "train", "en", {**GREEN, "id": "a"}),
    ("squad2", "validation", "en", {**GREEN, "id": "a"}),
    ("tatoeba", "test", "de", {"role": "query", "text": "It is late.", "gold": ["0"]}),
    ("tatoeba", "test", "zh", {"role": "query", "text": "It is late.", "gold": ["0"]}),
    ("tatoeba", "test", "ro", {"role": "query", "text": "It is late.", "gold": ["0"]}),
    ("tydiqa", "train", "en", {"context": "The tower of english is 10 m high.", "answers": ["10 m"], "starts": [24]}),
    ("tydiqa", "test", "sw", {"context": "The tower of swahili is 10 m high.", "answers": ["10 m"], "starts": [24]}),
    ("udpos", "test", "de", LAMPS),
    ("udpos", "test", "wo", {"words": ["del", "mar", "."], "tags": ["ADP", "NOUN", "PUNCT"]}),
    ("xcopa", "train", "en", {**RAN, "id": "default-train-0"}),
    ("xcopa", "test", "tr", {**CAUSE, "prompt": "Rain fell. What was the cause?"}),
    ("xnli", "train", "en", YES),
    ("xnli", "test", "ur", YES),
    ("xquad", "test", "ro", {**GREEN, "id": "a"}),
]


def test_twenty_three_tasks_are_on_the_hub_and_each_has_an_example_here() -> None:
    assert len(ON_HUB) == 23
    assert {name for name, *_ in FIRST} == set(ON_HUB)


@pytest.mark.parametrize(("name", "split", "language", "expected"), FIRST, ids=lambda value: str(value)[:12])
def test_a_task_is_read_with_its_labels_by_name(
    name: str, split: Split, language: str, expected: dict[str, Any], server: HubServer, cache: Path
) -> None:
    found = read(name, split, language, of(cache))

    assert found[0]["language"] == language
    assert {key: found[0][key] for key in expected} == expected


ENTRIES = [
    (task, split, place, repository)
    for task in ON_HUB
    for split, sources in task_of(task).hub.items()
    for source in sources
    for place in (source, *source.fallbacks)
    for repository in place.repository.split()
]


LACKED = {
    ("google/xtreme", "tatoeba"): {"az", "lt", "pl", "ro", "uk"},
    ("google/xtreme", "udpos"): {"lt", "pl", "ro", "uk", "wo"},
    ("universal-dependencies/universal_dependencies", "udpos"): set(task_of("udpos").languages)
    - {"lt", "pl", "ro", "uk", "wo"},
}
"""Languages of a task that a place does not have; every other entry has all of them."""


@pytest.mark.parametrize(("task", "split", "place", "repository"), ENTRIES, ids=lambda value: str(value)[:30])
def test_every_entry_of_every_task_is_read(
    task: str, split: Split, place: Hub, repository: str, server: HubServer, cache: Path
) -> None:
    alone = dataclasses.replace(uncounted(place), fallbacks=())
    if "://" not in repository:
        alone = dataclasses.replace(alone, repository=repository)
    changed = dataclasses.replace(task_of(task), hub={split: (alone,)})
    codes = {place.language or code for code in (changed.languages if split == "test" or changed.is_mined else ("en",))}
    lacked = LACKED.get((repository.partition("@")[0], task), set()) if split == "test" else set()

    for code in sorted(codes):
        if code in lacked:
            with pytest.raises(DataError, match=r"^\S+: no Parquet or JSON files of "):
                HubSource(of(cache)).examples(changed, split, code)
        else:
            rows = list(HubSource(of(cache)).examples(changed, split, code))
            assert rows
            assert [fault for row in rows for fault in format_of(changed).faults(row)] == []
    assert len(ENTRIES) > 50


def test_places_are_asked_in_their_order_and_others_only_where_one_has_it_not(
    server: HubServer, repositories: hub_fixtures.Repositories, tmp_path: Path
) -> None:
    source, task = HubSource(of(tmp_path)), uncounted_task("tatoeba")
    commits = {
        name: repositories[f"datasets/{name}"].commit for name in ("mteb/tatoeba-bitext-mining", "google/xtreme")
    }
    for name, place in (
        ("mteb/tatoeba-bitext-mining", "deu-eng/test"),
        ("google/xtreme", "tatoeba.deu/validation"),
    ):
        assert source.origins(task, "test", "de") == (f"{name}@{commits[name]}, {place}",)
        assert [row["text"] for row in source.examples(task, "test", "de")] == ["It is late.", "Late: de"]
        server.faults["mteb/tatoeba"] = itertools.repeat(Fault(404, "RepoNotFound"))
        split_files.cache_clear()
        source = HubSource(of(tmp_path / "another"))
    with pytest.raises(DataError) as caught:
        source.examples(task, "test", "lt")
    assert "mteb/tatoeba-bitext-mining: no such repository" in str(caught.value)
    assert f"google/xtreme@{commits['google/xtreme']}: no Parquet or JSON files of tatoeba.lit" in str(caught.value)


def test_the_surface_words_of_treebanks_are_joined_in_their_order(server: HubServer, cache: Path) -> None:
    found = read("udpos", "test", "lt", of(cache))

    assert [(row["id"], row["words"], row["tags"]) for row in found] == [
        ("0", ["del", "mar", "."], ["ADP", "NOUN", "PUNCT"]),
        ("1", ["de", "el", "mar", "."], ["ADP", "DET", "NOUN", "PUNCT"]),
    ]
    assert noted("udpos", "test", "lt", of(cache)) == {"multiword tokens kept as surface words": 1}
    (origin,) = HubSource(of(cache)).origins(uncounted_task("udpos"), "test", "lt")
    assert origin.endswith(", parquet/lt_*/test.parquet, not pinned")


def test_every_tenth_sentence_of_bucc_validates_with_what_translates_it(server: HubServer, cache: Path) -> None:
    validation, test = (read("bucc2018", split, "fr", of(cache)) for split in ("validation", "test"))

    for role, total in (("query", 30), ("candidate", 30)):
        parts = [[row["id"] for row in rows if row["role"] == role] for rows in (validation, test)]
        assert [len(part) for part in parts] == ([3, 27] if role == "query" else [6, 24])
        assert len({*parts[0], *parts[1]}) == total
    gold = {row["id"]: row["gold"] for row in (*validation, *test) if row["gold"]}
    assert gold == {str(n): [f"en-{31 - n}"] for n in (5, 10, 15, 20, 25, 30)}
    for rows in (validation, test):
        candidates = {row["id"] for row in rows if row["role"] == "candidate"}
        assert {name for row in rows for name in row["gold"]} <= candidates


def test_the_gold_pairs_of_a_table_of_one_row_are_counted(server: HubServer, cache: Path) -> None:
    with pytest.raises(DataError, match=r"^mteb/BUCC, zh-en/test: 6 gold, but 1,899 are published. Has the data set"):
        HubSource(of(cache)).examples(task_of("bucc2018"), "test", "zh")


@pytest.mark.parametrize("name", ON_HUB)
def test_every_split_in_every_language_fits_the_format(name: str, server: HubServer, cache: Path) -> None:
    task = uncounted_task(name)
    cells = [("train", "en"), ("validation", "en")] if task.is_trained else []
    cells += [("test", code) for code in HubSource(of(cache)).languages(task)]

    rows = [row for split, code in cells for row in read(name, split, code, of(cache))]  # type: ignore[arg-type]

    assert rows
    assert [fault for row in rows for fault in format_of(task).faults(row)] == []
    assert {row["language"] for row in rows} >= {code for _, code in cells}


def test_the_candidates_of_all_languages_come_once_under_their_own_ids(server: HubServer, cache: Path) -> None:
    english, german = (read("mewslix", "test", code, of(cache)) for code in ("en", "de"))

    candidates = [row for row in english if row["role"] == "candidate"]
    assert [(row["id"], row["text"]) for row in candidates] == [("Q1", "Town1."), ("Q2", "Town2.")]
    assert [row["gold"] for row in english + german if row["role"] == "query"] == [["Q2"], ["Q2"]]
    assert {row["role"] for row in german} == {"query"}


def test_a_task_that_cannot_be_had_says_so(cache: Path) -> None:
    absent = [name for name in registry.names("tasks") if not HubSource(of(cache)).has(uncounted_task(name))]

    assert absent == ["ccg", "chromium"]
    assert (
        HubSource(of(cache)).languages(uncounted_task("ccg"))
        == HubSource(of(cache)).languages(uncounted_task("mnli"))
        == ()
    )
    with pytest.raises(
        DataError, match=r"^ccg: the hub source has nothing of it. Its licence: LDC User Agreement. Take "
    ):
        read("ccg", "train", "en", of(cache))
    with pytest.raises(DataError, match=r"^mnli: the hub source has no test split of it. It has: train, validation.$"):
        read("mnli", "test", "en", of(cache))
    with pytest.raises(DataError, match=r"^xnli: its train split is in English only, not in de"):
        read("xnli", "train", "de", of(cache))


def test_the_revision_of_a_task_says_what_is_pinned() -> None:
    assert (
        HubSource(of(Path())).revision(uncounted_task("xnli"))
        == "facebook/xnli@b8dd5d7af51114dbda02c0e3f6133f332186418e"
    )
    unpinned = {
        "owner/name": "owner/name@main (not pinned)",
        "owner/name@2.7": "owner/name@2.7 (not pinned)",
        "owner/name@main owner/other@b8dd5d7af51114dbda02c0e3f6133f332186418e": "owner/name@main (not pinned)",
    }
    for repository, expected in unpinned.items():
        (place,) = uncounted_task("mnli").hub["train"]
        moved = {"train": (dataclasses.replace(place, repository=repository),)}
        assert HubSource(of(Path())).revision(dataclasses.replace(task_of("mnli"), hub=moved)) == expected
    assert HubSource(of(Path())).revision(uncounted_task("ccg")) == ""


def test_the_names_of_the_file_go_before_those_that_the_task_expects(
    server: HubServer, repositories: hub_fixtures.Repositories, tmp_path: Path
) -> None:
    names = hub_fixtures.ClassLabel(names=["contradiction", "entailment", "neutral"])
    features = hub_fixtures.Features(hub_fixtures.PAIR | {"label": names})
    content = hub_fixtures.parquet([{"premise": "A.", "hypothesis": "B.", "label": 0}], features)
    repositories["datasets/owner/other-order"] = Repository({"data/train-0.parquet": content})
    (place,) = uncounted_task("mnli").hub["train"]
    task = dataclasses.replace(
        uncounted_task("mnli"), hub={"train": (dataclasses.replace(place, repository="owner/other-order"),)}
    )

    (row,) = HubSource(of(tmp_path)).examples(task, "train", "en")

    assert row["label"] == "contradiction"


def test_rows_without_a_label_or_text_are_left_out_of_training_and_counted(server: HubServer, cache: Path) -> None:
    assert noted("anli_plus", "train", "en", of(cache)) == {"records left out: no label": 1}
    assert noted("qqp", "train", "en", of(cache)) == {"records left out: a sentence is empty": 1}
    assert noted("hellaswag", "train", "en", of(cache)) == {}
    assert noted("sick", "train", "en", of(cache)) == {}
    assert noted("udpos", "train", "en", of(cache)) == {"sentences left out: their words are not released": 1}


def test_an_answer_of_a_stripped_context_is_moved_and_counted(server: HubServer, cache: Path) -> None:
    assert noted("mlqa", "test", "de", of(cache)) == {"answers moved to their nearest occurrence": 1}
    with pytest.raises(
        DataError, match=r"MLQA.de.de/test, record m: answer 'green' is not in its context at 26. Its near"
    ):
        read("mlqa", "test", "de", of(cache, misplaced_answers="error"))


def test_xcopa_takes_the_estonian_question_where_it_is_repaired(server: HubServer, cache: Path) -> None:
    found = read("xcopa", "test", "tr", of(cache, xcopa_questions="repaired"))

    assert found[0]["prompt"] == "Rain fell. What was the effect?"
    assert noted("xcopa", "test", "tr", of(cache, xcopa_questions="repaired")) == {"XCOPA questions repaired": 2}


def test_most_test_keeps_the_first_examples(server: HubServer, cache: Path) -> None:
    assert [row["id"] for row in read("xnli", "test", "sw", of(cache, most_test=2))] == ["0", "1"]
    assert len(read("xnli", "train", "en", of(cache, most_test=2))) == 3


def table(*rows: dict[str, Any]) -> Table:
    return Table("owner/name, train", rows, lambda language: table())


SOCIAL = {"context": "Ida ran.", "question": "Why?", "answerA": "a", "answerB": "b", "answerC": "c"}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [((0, 2), [0, 2]), ((1, 3), [0, 2]), (("3", "1"), [2, 0]), (("A", "C", "B"), [0, 2, 1]), ((0, 1, 2), [0, 1, 2])],
)
def test_the_number_from_which_labels_count_is_told_by_their_set(labels: tuple[Any, ...], expected: list[int]) -> None:
    rows = table(*(SOCIAL | {"label": label} for label in labels))

    found = hub_rows.social(rows, ReaderContext("train"))

    assert [group[0]["label"] for group in found] == expected


@pytest.mark.parametrize("labels", [(1, 2), (0, 1, 2, 3), ("x",)])
def test_labels_that_do_not_show_from_which_number_they_count_are_a_fault(labels: tuple[Any, ...]) -> None:
    reader = ReaderContext("train")

    assert list(hub_rows.social(table(*(SOCIAL | {"label": label} for label in labels)), reader)) == []
    assert reader.faults[0].startswith("owner/name, train: labels ")
    assert reader.faults[0].endswith(" do not show whether they count from 0 or from 1.")


PAIR = {"text_a": "A.", "text_b": "B.", "label": "entailment"}
FAULTS = [
    (hub_rows.pairs, PAIR | {"label": None}, "row 0: no label."),
    (hub_rows.pairs, PAIR | {"text_b": " "}, "row 0: a sentence is empty."),
    (hub_rows.pairs, PAIR | {"label": "7"}, "row 0: label '7' is unknown. Labels: entailment, neutral."),
    (hub_rows.pairs, PAIR | {"text_a": None}, "row 0: text_a is None: Input should be a valid string."),
    (hub_rows.tagged, {"words": ["a", "b"], "tags": ["entailment"]}, "row 0: 2 words but 1 tags."),
    (
        hub_rows.hellaswag,
        {"ctx_a": "A.", "ctx_b": "b", "endings": ["x", "y"], "label": "2"},
        "row 0: label '2' is not",
    ),
    (hub_rows.hellaswag, {"ctx_a": "A.", "ctx_b": "b", "endings": ["x", "y"], "label": ""}, "row 0: no label."),
    (
        hub_rows.bitext,
        {"source": "a", "target": "b", "source_language": "deu", "target_language": "fra"},
        "row 0: languages deu, fra: one of them should be eng.",
    ),
    (
        readers.squad,
        {"id": "a", "question": "Who?", "context": "Ida.", "answers": {"text": ["Ida"], "answer_start": []}},
        "row 0: 1 answers but 0 offsets.",
    ),
    (
        readers.squad,
        {"id": "a", "question": "Who?", "context": "Ida.", "answers": {"text": [""], "answer_start": [0]}},
        "row 0: an answer is empty.",
    ),
]


@pytest.mark.parametrize(("read", "row", "message"), FAULTS)
def test_a_fault_of_a_test_row_is_named(read: Any, row: dict[str, Any], message: str) -> None:
    reader = ReaderContext("test", labels={"entailment": "entailment", "neutral": "neutral"})

    list(read(table(row), reader))

    assert len(reader.faults) == 1
    assert reader.faults[0].startswith(f"owner/name, train, {message}")


def test_row_counts_are_compared_with_the_published_ones(server: HubServer, cache: Path) -> None:
    assert hub.count_faults(3, 3) == hub.count_faults(None, 3) == []
    assert hub.count_faults(5_010, 5_009) == [
        "5,009 rows, but 5,010 are published. Has the data set changed, or is a file missing?"
    ]
    assert hub.count_faults(None, 0) == ["no rows."]
    xnli = task_of("xnli")
    with pytest.raises(DataError, match=r"^facebook/xnli, sw/test: 3 rows, but 5,010 are published. Has the data set"):
        HubSource(of(cache)).examples(xnli, "test", "sw")
