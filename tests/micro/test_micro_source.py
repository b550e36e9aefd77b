"""The micro source: what it says is true, and no split sees what is another's."""

import collections
import dataclasses
import hashlib
import json
import os
import re
import subprocess
import sys

import pytest
from micro_examples import LANGUAGES, SETTINGS, SPLITS, TASKS, made, rows, statements, texts

from xit.core.errors import ConfigError, DataError
from xit.micro import rendering
from xit.micro.content import Name, Unit
from xit.micro.world import world
from xit.sources import micro
from xit.sources.micro import MicroSource


def test_there_are_tasks_to_range_over():
    assert len(TASKS) >= 20


def test_training_examples_that_the_benchmark_shares_are_shared():
    def english(name, split="train"):
        return [{**row, "id": ""} for row in rows(name, split)]

    assert english("xnli") == english("mnli")
    assert english("xquad") == english("mlqa") == english("squad")
    assert english("xquad", "validation") == english("mlqa", "validation") == english("squad", "validation")
    assert english("xcopa", "validation") == english("copa", "validation")
    assert [row for row in english("xcopa") if len(row["choices"]) == 3] == english("siqa")[: len(english("siqa"))]
    counts = [sum(row in english(whole) for row in english(part)) for part, whole in SHARING]
    assert counts == [22, 40, 22, 0, 0, 0]


SHARING = [  # of 60: 392,702 of ANLI+'s 1,104,934 are MNLI's; 86,821 of SQuAD 2.0's 130,319 SQuAD's
    ("anli_plus", "mnli"),
    ("squad2", "squad"),
    ("anli_plus", "xnli"),
    ("tydiqa", "squad"),
    ("pawsx", "qqp"),
    ("sick", "mnli"),
]


def test_xcopa_trains_on_social_iqa_and_a_few_examples_of_copa():
    found = rows("xcopa", "train", settings=dataclasses.replace(SETTINGS, train=500))

    assert [sum(len(row["choices"]) == count for row in found) for count in (2, 3)] == [5, 495]
    assert len([row for row in found[:250] if len(row["choices"]) == 2]) in (2, 3)


def test_every_stream_is_that_of_its_task():
    """A task that shares another's examples gives generator and choices again: both must be the other's own."""
    streams = [stream for task in TASKS.values() for found in task.streams.values() for stream in found]

    assert len(streams) >= 12
    for stream in streams:
        own = TASKS[stream.task]
        assert (stream.micro, stream.choices) == (own.micro, len(own.record.get("choices", ())))


def test_most_forms_of_a_continuation_are_those_of_a_cause():
    series = re.compile(r"(\w+( and |, ))+.*:$")
    prompts = [row["prompt"] for row in rows("hellaswag", "train", settings=dataclasses.replace(SETTINGS, train=300))]

    assert 0.6 < sum(series.fullmatch(prompt) is None for prompt in prompts) / len(prompts) < 0.9
    assert not any(series.fullmatch(row["prompt"]) for row in rows("xcopa", "train"))


def test_validation_of_answers_has_near_answers_which_answer_no_question():
    found = rows("lareqa", "validation")
    questions = [row for row in found if row["role"] == "query"]
    said = {row["id"]: statements(row["text"].split(". ")[0]) for row in found if row["role"] == "candidate"}

    assert (len(questions), len(said)) == (30, 90)
    for number, question in enumerate(questions):
        ((place, asked),) = statements(question["text"].rstrip("?")).items()
        ((where, near),) = said[f"en-near-{2 * number:04d}"].items()
        ((elsewhere, same),) = said[f"en-near-{2 * number + 1:04d}"].items()
        assert question["gold"] == [f"en-{number:04d}"]
        assert (where, len(set(asked) & set(near)), len(near)) == (place, 2, 4)
        assert (elsewhere == place, set(asked) < set(same), len(same)) == (False, True, 4)
        assert [name for name, what in said.items() if set(asked) <= set(what.get(place, ()))] == question["gold"]
    for split in ("train", "test"):
        assert not any("near" in row["id"] for row in rows("lareqa", split))


@pytest.mark.parametrize("name", TASKS)
def test_ids_are_unique(name):
    for split in SPLITS:
        keys = [(row.get("role"), row["id"]) for row in rows(name, split)]

        assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", TASKS)
def test_splits_share_no_sentence(name):
    found = {split: {text for row in rows(name, split) for text in texts(row)} for split in SPLITS}
    if TASKS[name].micro == "linking":  # a description is of an entity, which more than one split may see
        found = {split: {text for text in found[split] if "{" in text} for split in SPLITS}

    assert found["train"].isdisjoint(found["validation"])
    assert found["train"].isdisjoint(found["test"])
    assert found["validation"].isdisjoint(found["test"])


def names_of(split):
    """The English names and signs of the part of the world that is a split's own."""
    whole = world(SETTINGS.territories, SETTINGS.units)
    owned = [code for code in whole.owner if whole.owner[code] == split]
    kinds = {code: kind for kind in ("territory", "currency", "language") for code in whole.names[kind]}
    units = [rendering.text(Unit(code), "en") for code in owned if "-" in code]
    return units + [rendering.text(Name(kinds[code], code), "en") for code in owned if "-" not in code]


@pytest.mark.parametrize("name", TASKS)
def test_what_is_held_out_is_not_in_english_training(name):
    held = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in names_of("test")))
    seen = [json.dumps(row, ensure_ascii=False) for split in ("train", "validation") for row in rows(name, split)]
    tested = [json.dumps(row, ensure_ascii=False) for row in rows(name, "test")]

    assert not [row for row in seen if held.search(row)]
    assert sum(bool(held.search(row)) for row in tested) > 0.2 * len(tested)


@pytest.mark.parametrize(
    "name", [name for name in TASKS if TASKS[name].format in ("classification", "multiple_choice")]
)
def test_labels_are_balanced(name):
    streams = TASKS[name].streams_of("train")
    counts = collections.Counter(row["label"] for row in rows(name, "train"))

    assert len(counts) == (streams[0].choices or len(TASKS[name].labels))
    assert max(counts.values()) - min(counts.values()) <= len(streams)


def test_a_third_of_squad2_has_no_answer_in_the_passage_and_half_of_what_validates_and_tests():
    assert [sum(not row["answers"] for row in rows("squad2", split)) for split in SPLITS] == [20, 15, 20]
    assert all(row["answers"] for row in rows("squad", "train"))


def test_hypotheses_in_words_follow_or_not_as_labelled():
    settings = dataclasses.replace(SETTINGS, train=600)
    checked = collections.Counter()
    for row in rows("xnli", "train", settings=settings):
        said = statements(row["text_a"])
        ((place, (attribute,)),) = statements(row["text_b"]).items()
        if place not in said and len(place) > 2:
            assert row["label"] == "neutral"
        elif place in said and re.fullmatch(r"[A-Z]\w+|\d+ [a-z]{4,}.*", attribute):
            assert (row["label"] == "entailment") == (attribute in said[place])
            same_unit = [other for other in said[place] if other.split(" ")[1:] == attribute.split(" ")[1:]]
            if row["label"] == "contradiction" and " " in attribute:
                assert same_unit
            if row["label"] == "neutral" and " " in attribute:
                assert not same_unit
        checked[row["label"]] += 1
    assert min(checked[label] for label in ("entailment", "neutral", "contradiction")) > 50


def test_paraphrases_in_words_say_the_same_as_labelled():
    checked = 0
    for row in rows("pawsx", "train"):
        first, second = statements(row["text_a"]), statements(row["text_b"])
        if all(len(place) > 2 for place in second):
            same = {key: sorted(value) for key, value in first.items()} == {k: sorted(v) for k, v in second.items()}
            assert same == (row["label"] == "1")
            checked += 1
        assert row["text_a"] != row["text_b"]
    assert checked > 15


@pytest.mark.parametrize("language", LANGUAGES)
def test_aligned_sentences_have_no_digits_and_differ(language):
    found = [row["text"] for row in rows("tatoeba", "test", language) if row["role"] == "candidate"]

    assert not any(character.isdigit() for text in found for character in text)
    assert len(set(found)) == 40


def test_tatoeba_asks_in_english_and_lareqa_in_every_language():
    tatoeba = {row["role"]: row for row in rows("tatoeba", "test", "de")[:2]}
    lareqa = {row["role"]: row for row in rows("lareqa", "test", "de")[:2]}

    assert re.fullmatch(r"[A-Z][A-Za-z ]+ and [A-Za-z ]+: [A-Za-z ,]+\.", tatoeba["query"]["text"])
    assert tatoeba["query"]["gold"] == [tatoeba["candidate"]["id"]]
    assert lareqa["query"]["text"] != rows("lareqa", "test")[0]["text"]
    assert lareqa["query"]["gold"] == [f"{language}-0000" for language in LANGUAGES]
    assert lareqa["candidate"]["id"] == "de-0000"


def test_two_thirds_of_the_sentences_to_mine_have_a_partner_which_is_their_translation(monkeypatch):
    found = rows("bucc2018", "test", "de")
    english = {row["id"]: row["text"] for row in found if row["role"] == "candidate"}
    queries = [row for row in found if row["role"] == "query"]
    with monkeypatch.context() as patch:
        segments = rendering.segments
        patch.setattr(rendering, "segments", lambda phrase, code: segments(phrase, "en"))
        translations = {row["id"]: row["text"] for row in made("bucc2018", "test", "de") if row["role"] == "query"}

    assert (len(queries), len(english)) == (40, 40)
    assert [len(row["gold"]) for row in queries[:6]] == [1, 1, 0, 1, 1, 0]
    for row in queries:
        assert (english[row["id"]] == translations[row["id"]]) == (row["gold"] == [row["id"]])


def test_a_question_is_answered_by_one_statement_alone():
    found = rows("lareqa", "test")
    answers = {row["id"]: statements(row["text"].split(". ")[0]) for row in found if row["role"] == "candidate"}
    for query in (row for row in found if row["role"] == "query"):
        ((place, asked),) = statements(query["text"].rstrip("?")).items()

        good = [name for name, said in answers.items() if set(asked) < set(said.get(place, ()))]

        assert good == [f"en-{query['id']}"]


def test_every_linked_entity_has_one_description_in_all_languages_together():
    found = [row for language in LANGUAGES for row in rows("mewslix", "test", language)]
    candidates = [row["id"] for row in found if row["role"] == "candidate"]

    assert len(candidates) == len(set(candidates))
    assert {row["gold"][0] for row in found if row["role"] == "query"} <= set(candidates)
    assert len({row["language"] for row in found if row["role"] == "candidate"}) == len(LANGUAGES)


def test_supertags_are_those_of_ccgbank():
    tags = {tag for row in rows("ccg", "train") for tag in row["tags"]}

    assert tags <= {"N", "N/N", "N[num]", "N/N[num]", "conj", ",", ":", ";", "."}


def test_a_world_too_small_for_the_examples_asked_for_is_refused(monkeypatch):
    monkeypatch.setattr(micro, "MOST_IN_VAIN", 200)
    settings = dataclasses.replace(SETTINGS, test=5000, territories=10, units=10)

    with pytest.raises(
        ConfigError, match=r"^micro\.test: 5000: the world has not so many different examples of lareqa"
    ):
        list(MicroSource(settings).examples(TASKS["lareqa"], "test", "en"))


def test_an_unknown_generator_is_refused():
    task = dataclasses.replace(TASKS["xnli"], micro="inferences")

    with pytest.raises(
        DataError, match=r"^xnli: the micro source has no generator inferences\. Did you mean inference\?"
    ):
        list(MicroSource(SETTINGS).examples(task, "test", "en"))


def test_tasks_of_one_generator_ask_different_things():
    assert {row["question"] for row in rows("xquad", "test")} != {row["question"] for row in rows("mlqa", "test")}


def test_more_test_examples_leave_the_first_ones_as_they_were():
    more = dataclasses.replace(SETTINGS, test=60)

    assert rows("xnli", "test", settings=more)[:40] == rows("xnli", "test")


PROGRAM = """
import hashlib, json, sys
from xit.core import registry
from xit.core.settings import MicroSettings
from xit.core.task import task_of
from xit.sources import micro
from xit.sources.micro import MicroSource
settings = MicroSettings(20, 10, 10, 40, 14, 50, 0.35, 0, ("en", "ru"))
digest = hashlib.sha256()
for language in sys.argv[1].split(","):
    list(MicroSource(settings).text(language))
for language in ("en", "ru"):
    digest.update("\\n".join(MicroSource(settings).text(language)).encode())
    for name in registry.names("tasks"):
        task = task_of(name)
        for split in ("train", "test"):
            digest.update(json.dumps(list(MicroSource(settings).examples(task, split, language))).encode())
print(digest.hexdigest())
"""


@pytest.mark.slow
def test_data_are_the_same_in_every_process_whatever_locale_was_loaded_first():
    def digest(hash_seed, first):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, first], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert digest("1", "ja") == digest("2", "en") != hashlib.sha256().hexdigest()
