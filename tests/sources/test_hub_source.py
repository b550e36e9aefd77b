"""The hub source, through the Hub's own library, against a server on loopback with repositories in the real layouts."""

import collections
import dataclasses
import gzip
import itertools
import json
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hub_fixtures
import huggingface_hub.constants
import pytest
import yaml
from hub_server import Fault, HubServer, Repository
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core import registry
from xit.core.errors import DataError
from xit.core.hub import AbsentError, chosen, split_files
from xit.core.settings import FilesSettings, HubSettings
from xit.core.task import Hub, Split, Task, task_of
from xit.formats import format_of
from xit.sources import NoPairsError, hub, hub_rows, pretraining, readers
from xit.sources.files import FilesSource
from xit.sources.hub import HubSource
from xit.sources.reader_context import ReaderContext, Table
from xit.stages import data

ON_HUB = [name for name in registry.names("tasks") if task_of(name).hub]


@pytest.fixture(scope="module")
def repositories() -> hub_fixtures.Repositories:
    return hub_fixtures.repositories()


@pytest.fixture(scope="module")
def running(repositories: hub_fixtures.Repositories) -> Iterator[HubServer]:
    with HubServer.serving(repositories) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(huggingface_hub.constants, "ENDPOINT", server.url)
        put_originals(server)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        patch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield server


def put_originals(server: HubServer) -> None:
    """What lies elsewhere than on the Hub."""
    folder = "/google-research-datasets/lareqa/5405d2a77e83d5ccb47623a3f9e5604c3f103193/xquad-r"
    for code, content in hub_fixtures.xquad_r().items():
        server.originals[f"{folder}/{code}.json"] = content


@pytest.fixture
def server(running: HubServer) -> Iterator[HubServer]:
    """The server without faults and without memory."""
    running.faults.clear()
    running.requests.clear()
    yield running
    running.faults.clear()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Without waiting; what would have been waited."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


@pytest.fixture
def no_sockets_after(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Forbids sockets from the call on: they raise this error."""

    def forbid(error: Exception | None = None) -> None:
        def refuse(*arguments: Any, **others: Any) -> None:
            raise error or AssertionError(f"a socket was opened: {arguments}")

        for name in ("connect", "connect_ex"):
            monkeypatch.setattr(socket.socket, name, refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        huggingface_hub.close_session()

    return forbid


def of(cache: Path, **changes: Any) -> HubSettings:
    """Settings; from now on the Hub is asked and its files are kept as they say."""
    constants, place = huggingface_hub.constants, (str(cache), changes.get("is_offline", False))
    if place != (constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE):
        split_files.cache_clear()
    constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE = place
    defaults: dict[str, Any] = {"cache": str(cache), "is_offline": False, "most_test": 0}
    rules: dict[str, Any] = {"misplaced_answers": "repair", "xcopa_questions": "released", "sha256": {}}
    return HubSettings(**{**defaults, **rules, **changes})


def uncounted(source: Hub) -> Hub:
    """Without the published number of rows; what lies elsewhere, on the server as well."""
    moved = source.repository.replace("https://raw.githubusercontent.com", huggingface_hub.constants.ENDPOINT)
    source = dataclasses.replace(source, repository=moved)
    return dataclasses.replace(source, count=None, fallbacks=tuple(map(uncounted, source.fallbacks)))


def uncounted_task(name: str) -> Task:
    """A task as it is, but for the published numbers of rows, which invented data sets do not have."""
    task = task_of(name)
    return dataclasses.replace(task, hub={key: tuple(map(uncounted, split)) for key, split in task.hub.items()})


def read(name: str, split: Split, language: str, settings: HubSettings) -> list[dict[str, Any]]:
    return list(HubSource(settings).examples(uncounted_task(name), split, language))


# --- every task ---

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


def test_text_is_that_of_the_first_file_of_a_language(server: HubServer, cache: Path) -> None:
    lines = list(HubSource(of(cache)).text("sw"))

    assert (len(lines), lines[0]) == (200, "The lamp 0\n\nis a lamp in sw.")
    with pytest.raises(DataError, match=r"no Parquet or JSON files of 20231101.xx, train"):
        list(HubSource(of(cache)).text("xx"))


def test_articles_are_cleaned_of_evaluated_sentences(
    server: HubServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ON_HUB:
        monkeypatch.setattr(registry.load("tasks", name), "task", uncounted_task(name))
    notes: collections.Counter[str] = collections.Counter()

    found = list(pretraining.documents(HubSource(of(cache)), "de", notes))

    assert len(found) == 200
    assert found[:2] == ["Intro.\nA lamp. ", "The lamp 1\nis a lamp in de."]
    assert notes == {"in an evaluation set": 4}


def test_pairs_are_those_of_opus_100_whichever_language_comes_first(server: HubServer, cache: Path) -> None:
    source = HubSource(of(cache))

    assert [pair[:2] for pair in source.parallel("af")] == [(f"The lamp {n}\tis on.", f"{n} af") for n in range(3)]
    assert [pair.target for pair in source.parallel("zh")] == ["0 灯", "1 灯", "2 灯"]
    assert {pair.origin for pair in source.parallel("zh")} == {hub.OPUS100}
    for code in hub_fixtures.NO_PAIRS:
        with pytest.raises(
            NoPairsError, match=rf"no pairs of English and {code}\. OPUS-100 has none of ht, jv, qu, sw, tl a"
        ):
            next(source.parallel(code))


def test_pairs_that_cannot_be_had_are_another_matter_than_none(server: HubServer, tmp_path: Path) -> None:
    with pytest.raises(AbsentError, match=r"not whole in the cache, and hub\.is_offline is true"):
        next(HubSource(of(tmp_path, is_offline=True)).parallel("de"))


def test_the_stage_writes_the_pairs_of_the_hub_and_says_which_languages_have_none(
    server: HubServer, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ON_HUB:
        monkeypatch.setattr(registry.load("tasks", name), "task", uncounted_task(name))

    lines = data.parallel(HubSource(of(cache)), ["en", "el", "sw", "zh"], tmp_path / "out")

    audit = json.loads((tmp_path / "out/audit.json").read_text(encoding="utf-8"))
    assert (tmp_path / "out/zh.tsv").read_text(encoding="utf-8") == "".join(
        f"The lamp {n} is on.\t{n} 灯\n" for n in range(3)
    )
    assert (tmp_path / "out/sw.tsv").read_bytes() == b""
    assert audit["missing_languages"] == ["sw"]
    assert [(row["language"], row["pairs"]) for row in audit["languages"]] == [("el", 3), ("zh", 3)]
    assert audit["languages"][0]["sources"] == [{"source": hub.OPUS100, "pairs": 3, "licence": "unknown"}]
    assert len(lines) == 2
    assert "no pairs of English and sw" in lines[1]


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


# --- the rules for what is known to be wrong ---


def noted(name: str, split: Split, language: str, settings: HubSettings) -> dict[str, int]:
    notes: collections.Counter[str] = collections.Counter()
    list(HubSource(settings).examples(uncounted_task(name), split, language, notes))
    return {note: count for note, count in notes.items() if note != "rows that repeat an earlier one"}


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


# --- what arrives ---


def test_row_counts_are_compared_with_the_published_ones(server: HubServer, cache: Path) -> None:
    assert hub.count_faults(3, 3) == hub.count_faults(None, 3) == []
    assert hub.count_faults(5_010, 5_009) == [
        "5,009 rows, but 5,010 are published. Has the data set changed, or is a file missing?"
    ]
    assert hub.count_faults(None, 0) == ["no rows."]
    xnli = task_of("xnli")
    with pytest.raises(DataError, match=r"^facebook/xnli, sw/test: 3 rows, but 5,010 are published. Has the data set"):
        HubSource(of(cache)).examples(xnli, "test", "sw")


COMMIT = "facebook/xnli@b8dd5d7af51114dbda02c0e3f6133f332186418e"


def test_a_pinned_data_set_that_has_arrived_is_not_asked_for_again(server: HubServer, tmp_path: Path) -> None:
    before = read("xnli", "test", "sw", of(tmp_path))
    asked = [path for _, path, _ in server.requests]
    server.requests.clear()
    split_files.cache_clear()

    assert any(path.endswith("/sw/test-00000-of-00001.parquet") for path in asked)
    assert not any(path.endswith("/sw/train-00000-of-00001.parquet") for path in asked)
    assert read("xnli", "test", "sw", of(tmp_path)) == before
    assert server.requests == []


def test_offline_opens_no_socket(server: HubServer, tmp_path: Path, no_sockets_after: Any) -> None:
    cells: list[tuple[str, Split, str]] = [("xnli", "test", "sw"), ("panx", "test", "gu"), ("mlqa", "test", "zh")]
    before = [read(*cell, of(tmp_path)) for cell in cells]
    split_files.cache_clear()
    no_sockets_after()

    assert [read(*cell, of(tmp_path, is_offline=True)) for cell in cells] == before
    for cell, place in (
        (("xnli", "test", "ur"), COMMIT),
        (("squad", "train", "en"), "rajpurkar/squad@7b6d24c440a36b68"),
    ):
        with pytest.raises(DataError, match=f"^{place}.*: not whole in the cache, and hub.is_offline is true, or HF"):
            read(*cell, of(tmp_path, is_offline=True))  # type: ignore[arg-type]


def always(fault: Fault) -> Iterator[Fault]:
    return itertools.repeat(fault)


REFUSED = [
    (
        Fault(401, "RepoNotFound"),
        "^facebook/xnli: no such repository on the Hub, or a private one .then `hf auth login`",
    ),
    (
        Fault(404, "RepoNotFound"),
        "^facebook/xnli: no such repository on the Hub, or a private one .then `hf auth login`",
    ),
    (Fault(403, "GatedRepo"), "^facebook/xnli: gated. Accept its conditions on its page on the Hub, then `hf auth lo"),
    (Fault(401, "GatedRepo"), "^facebook/xnli: gated. Accept its conditions on its page on the Hub, then `hf auth lo"),
    (Fault(403), r"^facebook/xnli: the Hub refuses access \(403\). Is the token valid"),
    (Fault(404, "RevisionNotFound"), f"^{COMMIT}: there is no such revision or file."),
    (Fault(429), rf"^{COMMIT}: the Hub's rate limit \(429\) holds after 4 tries. What has arrived whole is kept; run "),
    (Fault(503), f"^{COMMIT}: the Hub answers 503 after 4 tries. What has arrived whole is kept; run it again later."),
]


@pytest.mark.parametrize("place", ["/api/datasets/", "/resolve/"])
@pytest.mark.parametrize(("fault", "message"), REFUSED)
def test_a_refusal_is_told_without_a_traceback(
    place: str, fault: Fault, message: str, server: HubServer, tmp_path: Path, slept: list[float]
) -> None:
    server.faults[place] = always(fault)

    with pytest.raises(DataError, match=message):
        read("xnli", "test", "sw", of(tmp_path))


@pytest.mark.parametrize("status", [429, 503])
def test_a_passing_refusal_is_waited_for(status: int, server: HubServer, tmp_path: Path, slept: list[float]) -> None:
    server.faults["/sw/test-"] = iter([Fault(status)] * 8)

    assert len(read("xnli", "test", "sw", of(tmp_path))) == 3
    assert sum(slept) > 2


def test_as_long_is_waited_as_the_answer_asks(server: HubServer, tmp_path: Path, slept: list[float]) -> None:
    server.faults["/sw/test-"] = iter([Fault(429, headers={"Retry-After": "47"})] * 8)

    assert len(read("xnli", "test", "sw", of(tmp_path))) == 3
    assert max(slept) >= 47


def test_an_answer_that_does_not_come_is_told(
    server: HubServer, tmp_path: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    server.faults["/resolve/"] = iter([Fault(), Fault(), *([Fault(delay=1)] * 20)])

    with pytest.raises(DataError, match=f"^{COMMIT}: the connection broke off or was not to be had: .*kept; run it"):
        read("xnli", "test", "sw", of(tmp_path))


def test_a_repository_that_was_renamed_is_followed(
    server: HubServer, repositories: hub_fixtures.Repositories, tmp_path: Path
) -> None:
    server.renamed["owner/old-name"] = "facebook/xnli"
    (place,) = uncounted_task("xnli").hub["train"]
    moved = dataclasses.replace(place, repository=place.repository.replace("facebook/xnli", "owner/old-name"))
    task = dataclasses.replace(uncounted_task("xnli"), hub={"train": (moved,)})

    found = list(HubSource(of(tmp_path)).examples(task, "train", "en"))
    server.renamed.clear()

    assert len(found) == 3


def test_a_full_disk_is_told_and_the_same_command_goes_on(
    large: Task, server: HubServer, tmp_path: Path, slept: list[float]
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"^owner/large@\w+: no space for it: File too large. What has arrived wh"):
            list(HubSource(of(tmp_path)).examples(large, "train", "en"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert [len(row["text_b"]) for row in HubSource(of(tmp_path)).examples(large, "train", "en")] == [12_000_000, 1]


def test_a_half_written_cache_is_completed(server: HubServer, tmp_path: Path) -> None:
    read("xnli", "test", "sw", of(tmp_path))
    (file,) = tmp_path.rglob("sw/test-*.parquet")
    blob = file.resolve()
    blob.rename(blob.with_name(f"{blob.name}.incomplete"))
    file.unlink()
    split_files.cache_clear()

    assert len(read("xnli", "test", "sw", of(tmp_path))) == 3


def test_a_part_that_is_missing_in_the_repository_is_named(
    server: HubServer, repositories: hub_fixtures.Repositories, tmp_path: Path
) -> None:
    content = hub_fixtures.parquet([{"premise": "A", "hypothesis": "B", "label": 0}], hub_fixtures.PAIR)
    task = broken({f"data/train-0000{n}-of-00003.parquet": content for n in (0, 2)}, repositories)

    with pytest.raises(DataError) as caught:
        HubSource(of(tmp_path)).examples(task, "train", "en")
    assert str(caught.value) == (
        "owner/broken@main: 1 of the files of plain_text, train are missing in the repository: "
        "data/train-00001-of-00003.parquet. It has 2. Take another commit of it, or tell its owner."
    )


def test_a_server_that_cannot_be_reached_is_told(
    server: HubServer, tmp_path: Path, slept: list[float], no_sockets_after: Any
) -> None:
    no_sockets_after(ConnectionRefusedError(111, "Connection refused"))

    with pytest.raises(DataError, match=f"^{COMMIT}: the connection broke off or was not to be had: .*refused"):
        read("xnli", "test", "sw", of(tmp_path))


def test_an_original_file_is_fetched_once_and_its_faults_are_told(
    server: HubServer, tmp_path: Path, slept: list[float]
) -> None:
    url = f"{server.url}/google-research-datasets/lareqa/5405d2a77e83d5ccb47623a3f9e5604c3f103193/xquad-r/el.json"
    for fault, message in (
        (Fault(404), f"^{url}: there is no such revision or file."),
        (Fault(503), f"^{url}: the Hub answers 503 after 4 tries. What has arrived whole"),
        (Fault(cut_after=9), f"^{url}: the connection broke off or was not to be had: .*What has arrived whole"),
    ):
        server.faults["/el.json"] = always(fault)
        with pytest.raises(DataError, match=message):
            read("lareqa", "test", "th", of(tmp_path))
    with pytest.raises(DataError, match=f"^{url}: not in the cache, and hub.is_offline is true, or HF"):
        read("lareqa", "test", "th", of(tmp_path, is_offline=True))
    server.faults.clear()
    found = read("lareqa", "test", "th", of(tmp_path))
    server.requests.clear()

    assert found[2]["gold"] == [f"{code}-0-1" for code in sorted(uncounted_task("lareqa").languages)]
    assert read("lareqa", "test", "th", of(tmp_path, is_offline=True)) == found
    assert server.requests == []
    assert HubSource(of(tmp_path)).origins(uncounted_task("lareqa"), "test", "el") == (url,)


LARGE_ROWS = [
    {"premise": "Lamp.", "hypothesis": "x" * 12_000_000, "label": 0},
    {"premise": "A", "hypothesis": "B", "label": 1},
]
LARGE = Hub("pairs", "owner/large", "plain_text/train", "text_a:premise text_b:hypothesis label", labels="no yes")


@pytest.fixture
def large(server: HubServer, repositories: hub_fixtures.Repositories) -> Task:
    """A data set of more than the ten mebibytes that the library fetches at once."""
    content = hub_fixtures.parquet(LARGE_ROWS, hub_fixtures.PAIR, compression="none")
    repositories["datasets/owner/large"] = Repository({"data/train-00000-of-00001.parquet": content})
    return dataclasses.replace(uncounted_task("mnli"), hub={"train": (LARGE,)})


def test_a_download_that_breaks_off_is_resumed(
    large: Task, server: HubServer, tmp_path: Path, slept: list[float]
) -> None:
    server.faults["/data/train-"] = iter([Fault(), Fault(cut_after=11_000_000)])  # the first is asked for the size

    found = list(HubSource(of(tmp_path)).examples(large, "train", "en"))

    assert [len(row["text_b"]) for row in found] == [12_000_000, 1]
    assert "bytes=10485760-" in [part for _, _, part in server.requests]


def test_a_download_that_keeps_breaking_off_is_told_and_started_over_next_time(
    server: HubServer, tmp_path: Path, slept: list[float]
) -> None:
    server.faults["/sw/test-"] = always(Fault(cut_after=10))
    with pytest.raises(DataError, match=f"^{COMMIT}: the connection broke off or was not to be had: .*What has arr"):
        read("xnli", "test", "sw", of(tmp_path))
    server.faults.clear()

    assert len(read("xnli", "test", "sw", of(tmp_path))) == 3
    assert not list(tmp_path.rglob("*.incomplete"))


def test_a_file_that_is_cut_off_or_changed_is_told_and_fetched_anew(
    server: HubServer, repositories: hub_fixtures.Repositories, tmp_path: Path
) -> None:
    content = repositories["datasets/facebook/xnli"].files["sw/test-00000-of-00001.parquet"]
    wrong = {
        f"^{COMMIT}: Consistency check failed: file should be of size {len(content)} but has size {len(content) - 9}": (
            content[:-9]
        ),
        f"^{COMMIT}, sw/test-00000-of-00001.parquet: its hash is [0-9a-f]{{12}}…, not [0-9a-f]{{12}}…. It was ": (
            content[:-9] + b"incorrect"
        ),
    }
    for message, other in wrong.items():
        server.faults["/sw/test-"] = always(Fault(content=other))
        with pytest.raises(DataError, match=message):
            read("xnli", "test", "sw", of(tmp_path))
    server.faults.clear()

    assert len(read("xnli", "test", "sw", of(tmp_path))) == 3


def test_a_file_that_was_damaged_in_the_cache_is_told_and_fetched_anew(server: HubServer, tmp_path: Path) -> None:
    read("xnli", "test", "sw", of(tmp_path))
    (file,) = tmp_path.rglob("sw/test-*.parquet")
    file.write_bytes(file.read_bytes()[:100])
    split_files.cache_clear()

    with pytest.raises(
        DataError, match=r"sw/test-00000-of-00001.parquet: cut off, 100 bytes of \d+. It was removed; r"
    ):
        read("xnli", "test", "sw", of(tmp_path))
    assert len(read("xnli", "test", "sw", of(tmp_path))) == 3


def broken(files: dict[str, bytes], repositories: hub_fixtures.Repositories) -> Task:
    repositories["datasets/owner/broken"] = Repository(files)
    place = dataclasses.replace(LARGE, repository="owner/broken")
    return dataclasses.replace(uncounted_task("mnli"), hub={"train": (place,)})


OTHER = hub_fixtures.parquet([{"sentence1": "A", "label": 0}], hub_fixtures.Features({"sentence1": hub_fixtures.TEXT}))
BROKEN = [
    ({"data/train-0.parquet": OTHER}, "plain_text/train: no column premise, hypothesis, label. It has: sentence1. xit"),
    ({"data/train-0.parquet": OTHER[:-20]}, "plain_text/train, train-0.parquet: cannot be read: "),
    ({"train.jsonl": b'{"premise": "A"'}, "plain_text/train, train.jsonl: cannot be read: Expecting ',' delimiter"),
    ({"train.jsonl": b"[1]\n"}, "plain_text/train, train.jsonl: not JSON lines: each line should be an object."),
    ({"train.jsonl": b"\xff\n"}, "plain_text/train, train.jsonl: cannot be read: 'utf-8' codec can't decode byte 0xff"),
    ({"train.jsonl.gz": b"\x1f\x8b\x08"}, "plain_text/train, train.jsonl.gz: cannot be read: "),
    ({"train.jsonl.gz": gzip.compress(b"{}" * 99)[:-20]}, "plain_text/train, train.jsonl.gz: cannot be read: "),
    ({"train.jsonl": b"\n"}, "plain_text/train: no rows."),
]


@pytest.mark.parametrize(("files", "message"), BROKEN, ids=range(len(BROKEN)))
def test_a_published_file_with_a_fault_is_named(
    files: dict[str, bytes],
    message: str,
    server: HubServer,
    repositories: hub_fixtures.Repositories,
    tmp_path: Path,
) -> None:
    task = broken(files, repositories)

    with pytest.raises(DataError) as caught:
        HubSource(of(tmp_path)).examples(task, "train", "en")
    assert str(caught.value).startswith(f"owner/broken, {message}")


@pytest.mark.parametrize(
    "header", [b"---\nconfigs: [\n---\n", b"---\nconfigs: 3\n---\n", b"---\nconfigs: [{a: b}]\n---\n"]
)
def test_a_card_that_cannot_be_understood_is_told(
    header: bytes, server: HubServer, repositories: hub_fixtures.Repositories, tmp_path: Path
) -> None:
    task = broken({"README.md": header, "data/train-0.parquet": OTHER}, repositories)

    with pytest.raises(DataError, match=r"README.md: its header says in no known way which files make which split: "):
        HubSource(of(tmp_path)).examples(task, "train", "en")


def test_a_repository_with_a_script_only_is_told(
    server: HubServer, repositories: hub_fixtures.Repositories, tmp_path: Path
) -> None:
    task = broken(hub_fixtures.SCRIPT, repositories)

    with pytest.raises(DataError) as caught:
        HubSource(of(tmp_path)).examples(task, "train", "en")
    assert str(caught.value).splitlines() == [
        "owner/broken@main: no Parquet or JSON files of plain_text, train. Data lies in: none; a script loads it.",
        "owner/broken@refs/convert/parquet: there is no such revision or file.",
    ]


CARD = {"a": {"train": ["a/train-*"]}, "b": {"train": ["b/*.jsonl"], "test": ["b/test.csv"]}}


@pytest.mark.parametrize(
    ("paths", "configs", "config", "split", "expected"),
    [
        (["a/train-0.parquet", "a/train-1.parquet", "b/train.jsonl"], CARD, "a", "train", ("0", "1")),
        (["b/x.jsonl"], CARD, "b", "train", ("x",)),
        (["b/x.jsonl", "c/train-0.parquet"], CARD, "c", "train", ()),
        (["b/test.csv"], CARD, "b", "test", ()),
        (["data/train-0.parquet", "data/test-0.parquet"], {}, "plain_text", "train", ("0",)),
        (["mlqa.de/test/0000.parquet", "mlqa.en/test/0000.parquet"], {}, "mlqa.en", "test", ("0000",)),
        (["default/train/0000.parquet"], {}, "plain_text", "train", ("0000",)),
        (["only/train-0.parquet"], {"only": {"train": ["only/train-*"]}}, "plain_text", "train", ("0",)),
        (["train.py", "train.txt"], {}, "plain_text", "train", ()),
    ],
)
def test_the_files_of_a_split_are_those_of_the_card_or_of_the_usual_layouts(
    paths: list[str], configs: Any, config: str, split: str, expected: tuple[str, ...]
) -> None:
    found = chosen(paths, configs, config, split)

    assert tuple(Path(path).name.split(".")[0].removeprefix("train-") for path in found) == expected


# --- the commands ---


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with params.yaml, whose source is the hub, and the tasks without their published counts."""
    values = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8"))
    values |= {"source": "hub", "hub": dataclasses.asdict(of(tmp_path / "cache"))}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ON_HUB:
        monkeypatch.setattr(registry.load("tasks", name), "task", uncounted_task(name))
    return tmp_path


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_the_data_stage_records_what_it_read_and_reports_what_is_not_pinned(server: HubServer, project: Path) -> None:
    assert len(invoke("data", "xnli").splitlines()) == 1
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    values["languages"]["evaluation"] += ["lt"]
    (project / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    printed = invoke("data", "udpos").splitlines()
    audit = json.loads((project / "data/xnli/audit.json").read_text(encoding="utf-8"))["splits"]

    name = "universal-dependencies/universal_dependencies"
    commit = server.repositories[f"datasets/{name}"].at("2.7")[0]  # type: ignore[index]
    assert audit[0]["origin"] == f"{COMMIT}, en/train"
    assert {row["source"] for row in audit} == {"hub"}
    assert printed[1:] == [f"data/udpos: {name}@{commit} is not pinned; its file of xit/tasks can pin it"]


def test_a_hash_that_the_settings_give_is_compared(server: HubServer, project: Path) -> None:
    invoke("data", "xnli")
    audit = json.loads((project / "data/xnli/audit.json").read_text(encoding="utf-8"))["splits"]
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    values["hub"]["sha256"] = {"xnli train en": audit[0]["sha256"], "xnli test sw": "0" * 64}
    (project / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")

    with pytest.raises(DataError, match=r"^xnli test sw: its hash is [0-9a-f]{64}, but hub.sha256 has 0{64}. The da"):
        CliRunner().invoke(app, ["data", "xnli"], catch_exceptions=False)


def test_the_audit_says_in_one_table_which_places_hold(server: HubServer, project: Path) -> None:
    server.faults["/mteb/tatoeba-bitext-mining/resolve/"] = itertools.repeat(Fault(404))
    result = CliRunner().invoke(
        app, ["audit", "--source", "hub", "--task", "tatoeba", "--task", "siqa"], env={"COLUMNS": "160"}
    )
    server.faults.clear()
    split_files.cache_clear()
    printed = invoke("audit", "--source", "hub", "--task", "tatoeba", "--task", "siqa", "--json", "-")
    places = {(row["place"].partition("@")[0], row["split"]): row for row in json.loads(printed)["places"]}

    assert isinstance(result.exception, DataError)
    assert "Places on the Hub" in result.output
    assert "36 of 41" in result.output
    assert {key: (row["order"], len(row["holds"]), row["lacks"], row["faults"]) for key, row in places.items()} == {
        ("mteb/tatoeba-bitext-mining", "test"): (1, 41, [], []),
        ("google/xtreme", "test"): (2, 36, ["az", "lt", "pl", "uk", "ro"], []),
        ("allenai/social_i_qa", "train"): (1, 1, [], []),
        ("tasksource/social_i_qa", "train"): (2, 1, [], []),
        ("allenai/social_i_qa", "validation"): (1, 1, [], []),
        ("tasksource/social_i_qa", "validation"): (2, 1, [], []),
    }
    assert all(row["is_pinned"] for row in places.values())


def test_show_prints_examples_of_the_hub(server: HubServer, project: Path) -> None:
    printed = invoke("show", "xcopa", "--source", "hub", "--language", "tr", "--count", "1")

    assert "XCOPA, hub source, test, tr" in printed
    assert "What was the cause?" in printed


def test_eval_scores_an_encoder_of_the_hub_on_data_of_the_hub(
    server: HubServer,
    repositories: hub_fixtures.Repositories,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import transformers
    from tiny import tokenizer

    from xit.modeling import tokenization

    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    pieces = tokenizer()
    config = transformers.XLMRobertaConfig(**sizes, vocab_size=pieces.vocabulary_size, pad_token_id=pieces.padding_id)
    transformers.XLMRobertaModel(config).save_pretrained(project / "tiny")
    tokenization.save(pieces, project / "tiny")
    files = {file.name: file.read_bytes() for file in (project / "tiny").iterdir()}
    repositories["models/owner/tiny-xlm-roberta"] = Repository(files)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(project / "models"))

    printed = invoke("eval", "owner/tiny-xlm-roberta", "--task", "tatoeba", "--language", "de", "--json", "-")

    assert json.loads(printed)["tasks"]["tatoeba"] == {
        "metric": "accuracy",
        "mean": 100.0,
        "languages": {"de": 100.0},
        "examples": {"de": 1},
    }
    asked = {path.rpartition("/")[2] for _, path, _ in server.requests if "/owner/tiny-xlm-roberta/resolve/" in path}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= asked


# --- the published files, in the layouts of the Hub ---

DATA = Path(os.environ.get("XIT_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"no published files at {DATA}; XIT_TEST_DATA names their folder")
UNCHECKED = FilesSettings(str(DATA), "", 0, "error", "released")


def published(name: str, language: str) -> bytes:
    """A published file as the Hub has it; written without our readers."""
    if name == "xquad":
        articles = json.loads((DATA / f"xquad/xquad.{language}.json").read_text(encoding="utf-8"))["data"]
        rows = [
            hub_fixtures.question(
                asked["id"],
                paragraph["context"].strip(),  # as in google/xtreme, its offsets as they were
                asked["question"],
                *((answer["text"], answer["answer_start"]) for answer in asked["answers"]),
            )
            for article in articles
            for paragraph in article["paragraphs"]
            for asked in paragraph["qas"]
        ]
        return hub_fixtures.parquet(rows, hub_fixtures.SQUAD)
    if name == "xcopa":
        return (DATA / f"xcopa/data/{language}/test.{language}.jsonl").read_bytes()
    if name == "commonsenseqa":
        return (DATA / "commonsenseqa/dev_rand_split.jsonl").read_bytes()
    if name == "hellaswag":
        rows = [json.loads(line) for line in (DATA / "hellaswag/hellaswag.jsonl").read_bytes().splitlines()]
        return hub_fixtures.json_lines([row | {"label": str(row["label"])} for row in rows])
    if name == "tatoeba":
        sides = [DATA / f"tatoeba/tatoeba.deu-eng.{side}" for side in ("deu", "eng")]
        lines = zip(*(side.read_text(encoding="utf-8").splitlines() for side in sides), strict=True)
        return hub_fixtures.json_lines(
            [{"sentence1": f"{foreign}\n", "sentence2": f"{english}\n"} for foreign, english in lines]
        )
    words = [
        [line.split("\t") for line in sentence.split("\n")]
        for sentence in (DATA / f"panx/dev-{language}.tsv").read_text(encoding="utf-8").strip("\n").split("\n\n")
    ]
    rows = [
        {"tokens": [w for w, _ in pairs], "ner_tags": [hub_fixtures.IOB.index(t) for _, t in pairs]} for pairs in words
    ]
    return hub_fixtures.json_lines(rows)


@real
@pytest.mark.parametrize(
    ("name", "split", "language"),
    [
        ("xquad", "test", "de"),
        ("xquad", "test", "zh"),
        ("xcopa", "test", "tr"),
        ("commonsenseqa", "train", "en"),
        ("hellaswag", "train", "en"),
        ("tatoeba", "test", "de"),
        ("panx", "test", "sw"),
    ],
)
def test_published_files_are_read_alike_from_the_hub(
    name: str,
    split: Split,
    language: str,
    server: HubServer,
    repositories: hub_fixtures.Repositories,
    tmp_path: Path,
) -> None:
    task = uncounted_task(name)
    (place,) = task.hub[split]
    path = f"data/{place.split.rpartition('/')[2]}.{'parquet' if name == 'xquad' else 'jsonl'}"
    repositories["datasets/owner/published"] = Repository({path: published(name, language)})
    task = dataclasses.replace(task, hub={split: (dataclasses.replace(place, repository="owner/published"),)})

    found = list(HubSource(of(tmp_path)).examples(task, split, language))
    expected = list(FilesSource(UNCHECKED).examples(task, split, language))

    assert len(found) >= len(expected) > 300
    for row, other in zip(found, expected, strict=split == "test"):  # from files only nine tenths train
        if name == "hellaswag":
            row["id"] = other["id"]
        if name == "xquad":  # an answer stands where it stood, less the blanks at the start
            other["context"], blanks = other["context"].strip(), other["context"].index(other["context"].strip())
            other["starts"] = [start - blanks for start in other["starts"]]
        assert row == other
