"""Training examples in another language: micro's own renderings, what is carried over, and a model that translates."""

import collections
import dataclasses
import io
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import tokenizers
import torch
import yaml
from hub_server import HubServer, Repository
from tokenizers import models, pre_tokenizers, trainers
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core import files, hub, languages, registry
from xit.core.errors import CheckpointError, ConfigError, DataError
from xit.core.examples import read_examples, write_examples
from xit.core.settings import MicroSettings, TranslationSettings
from xit.core.task import Task, task_of
from xit.formats import format_of
from xit.micro import rendering
from xit.micro.content import Name, Unit
from xit.micro.world import world
from xit.sources import machine_translation, translation
from xit.sources.micro import MicroSource

PROJECT = Path(__file__).parents[2]
TASKS: dict[str, Task] = {name: task_of(name) for name in registry.names("tasks")}
TRAINED = [name for name, task in TASKS.items() if task.is_trained]
MICRO = MicroSettings(24, 30, 40, 40, 14, 1500, 0.35, 0, ("en", "de"))


def training(name: str, language: str) -> list[dict[str, Any]]:
    return list(MicroSource(MICRO).examples(TASKS[name], "train", language))


# --- the micro source ---

# By task and number; after each, what is English
GERMAN: dict[tuple[str, int], dict[str, Any]] = {
    ("mnli", 5): {  # Italy: Friday, 47 years, and 47 Nepalese rupees. / Italy: 50 years.
        "text_a": "Italien: Freitag, 47 Jahre und 47 Nepalesische Rupien.",
        "text_b": "Italien: 50 Jahre.",
        "label": "contradiction",
    },
    ("hellaswag", 3): {  # January, February, and March: / July and October / …
        "prompt": "Januar, Februar und März:",
        "choices": ["Juli und Oktober", "Juni und Januar", "Juli und November", "April und Mai"],
        "label": 3,
    },
    ("squad", 5): {  # Germany: hours? / Iceland: 73 hours and 43 kilometers; Türkiye: … Saturday and 15 hours.
        "question": "Deutschland: Stunden?",
        "context": "Island: 73 Stunden und 43 Kilometer; Türkei: 47 Wochen und Samstag; Deutschland: Samstag und "
        "15 Stunden.",
        "answers": ["15 Stunden"],
        "starts": [93],
    },
    ("squad2", 7): {  # Kenya: grams? / Kenya: 19 days and Monday; France: Saturday and 50 Argentine pesos.
        "question": "Kenia: Gramm?",
        "context": "Kenia: 19 Tage und Montag; Frankreich: Samstag und 50 Argentinische Pesos.",
        "answers": [],
        "starts": [],
    },
    ("panx", 6): {  # Morocco and 30 hours : Mexican Peso .
        "words": ["Marokko", "und", "30", "Stunden", ":", "Mexikanischer", "Peso", "."],
        "tags": ["B-LOC", "O", "O", "O", "O", "B-ORG", "I-ORG", "O"],
    },
    ("ccg", 6): {  # Ethiopian Birr : Chinese Yuan , French , or Mexico .
        "words": ["Äthiopischer", "Birr", ":", "Renminbi", "Yuan", ",", "Französisch", "oder", "Mexiko", "."],
        "tags": ["N/N", "N", ":", "N/N", "N", ",", "N", "conj", "N", "."],
    },
    ("lareqa", 2): {  # Chile: United States, Euro, and Italian?
        "role": "query",
        "text": "Chile: Vereinigte Staaten, Euro und Italienisch?",
        "gold": ["de-0001"],
    },
}


@pytest.mark.parametrize(("name", "number"), GERMAN)
def test_micro_says_it_in_german(name: str, number: int) -> None:
    row = training(name, "de")[number]

    assert {TASKS[name].format for name, _ in GERMAN} == set(registry.names("heads"))
    assert {key: value for key, value in row.items() if key != "id"} == {"language": "de", **GERMAN[name, number]}


def test_a_rendering_has_the_labels_ids_and_order_of_the_english_examples_and_no_fault() -> None:
    for name in TRAINED:
        english = training(name, "en")
        for language in ("de", "zh"):
            rows = training(name, language)
            assert [format_of(TASKS[name]).faults(row) for row in rows] == [[]] * len(english)
            assert [row.get("label") for row in rows] == [row.get("label") for row in english]
            own = [row["id"].replace(f"{language}-", "en-") for row in rows]
            assert own == [row["id"] for row in english]
    assert len(TRAINED) > 15


def test_a_rendering_says_nothing_that_is_held_out_of_training() -> None:
    whole = world(MICRO.territories, MICRO.units)
    held = [code for code in whole.owner if whole.owner[code] != "train"]
    kinds: Any = {code: kind for kind in ("territory", "currency", "language") for code in whole.names[kind]}
    names = [rendering.text(Unit(code) if "-" in code else Name(kinds[code], code), "de") for code in held]
    of_them = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names))

    for name in TRAINED:
        assert not [row for row in training(name, "de") if of_them.search(json.dumps(row, ensure_ascii=False))]
    assert {"validation", "test"} == {whole.owner[code] for code in held}
    assert of_them.search("Indien: Watt.")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default parameters, with a smaller micro source."""
    values = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    values["micro"] |= {"train": 30, "validation": 10, "test": 10}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def xit(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_translate_writes_a_task_in_another_language_and_its_audit(project: Path) -> None:
    printed = xit("translate", "squad+sw")

    rows = read_examples(project / "data/squad+sw/train.parquet")
    audit = json.loads((project / "data/squad+sw/audit.json").read_text(encoding="utf-8"))["splits"]
    assert printed == "data/squad+sw: 30 train\n"
    assert rows == list(MicroSource(micro_settings(project)).examples(TASKS["squad"], "train", "sw"))
    assert [row["id"] for row in rows] == [f"{number:04d}" for number in range(30)]
    assert {key: audit[0][key] for key in ("task", "split", "language", "source", "examples", "dropped")} == {
        "task": "squad",
        "split": "train",
        "language": "sw",
        "source": "micro",
        "examples": 30,
        "dropped": 0,
    }


def micro_settings(project: Path) -> MicroSettings:
    return MicroSettings(**yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))["micro"])


@pytest.mark.parametrize(
    ("condition", "error", "message"),
    [
        ("nmli+de", ConfigError, r"nmli: no such task. Did you mean xnli\? Tasks: anli_plus"),
        ("mnli+ht", ConfigError, r"^ht: CLDR has too little of it .* Leave it out."),
        ("mnli+xx", ConfigError, r"^xx: CLDR has no such language."),
        ("mnli+en", ConfigError, r"^mnli\+en: should be a task, \+ and a language other than English, as in mnli\+de"),
        ("mnli-30+de", ConfigError, r"^mnli-30\+de: should be a task, \+ and a language"),
        ("mnli+de+mlm", ConfigError, r"^mnli\+de\+mlm: should be a task, \+ and a language"),
        ("none", ConfigError, r"^none: should be a task, \+ and a language"),
        ("mnli de", ConfigError, r"^mnli de: not a condition."),
        ("tatoeba+de", DataError, r"^tatoeba: it is not trained, so there is nothing to translate. `xit tasks` lists"),
    ],
)
def test_what_cannot_be_translated_is_refused(
    condition: str, error: type[Exception], message: str, project: Path
) -> None:
    with pytest.raises(error, match=message):
        xit("translate", condition)
    assert not list(project.glob("data/*"))


GRIDS: list[tuple[dict[str, Any], str]] = [
    ({"translated_tasks": ["mnli"]}, r"\[mnli\], \[\]: each task is translated into each language, so both are empty"),
    (
        {"translated_tasks": ["xnli"], "translation_languages": ["de"]},
        r"translated_tasks: xnli: no intermediate task or",
    ),
    ({"translated_tasks": ["mnli"], "translation_languages": ["de", "de"]}, r"translation_languages: de is there twi"),
    ({"translated_tasks": ["mnli"], "translation_languages": ["en"]}, r"translation_languages: en: training examples"),
    (
        {"recipes": ["mnli+de"]},
        r"recipes: mnli\+de: nothing makes its examples. Put mnli into grid.translated_tasks and",
    ),
]


@pytest.mark.parametrize(("changes", "message"), GRIDS)
def test_a_grid_of_translations_is_checked(changes: dict[str, Any], message: str) -> None:
    from xit.pipeline import config

    values = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    values["grid"] |= changes

    with pytest.raises(ConfigError, match=message):
        config.check(values, "params.yaml")


def test_a_grid_of_translations_needs_a_model_where_the_source_is_not_micro() -> None:
    from xit.pipeline import config

    values = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    values["grid"] |= {"translated_tasks": ["mnli"], "translation_languages": ["de"]}
    config.check(values, "params.yaml")

    with pytest.raises(ConfigError, match=r"translation.model: empty, but grid.translated_tasks names mnli. Give a"):
        config.check({**values, "source": "files"}, "params.yaml")


# --- what is carried over ---

WORDS = {
    "What colour is the boat?": "Welche Farbe hat das Boot?",
    "Where is it?": "Wo ist es?",
    "Ida has a boat.": "Ida hat ein Boot.",
    "It is [green].": "Es ist [grün].",
    "It is green.": "Es ist grün.",
    "It lies in Oslo.": "Es liegt in Oslo.",
    "It lies in [Oslo].": "Es liegt in 【 Oslo 】.",
    "Yes.": "Ja.",
    "No.": "Nein.",
}
PASSAGE = "Ida has a boat. It is green. It lies in Oslo."


def german(sentences: list[str]) -> list[str | None]:
    return [WORDS[sentence] for sentence in sentences]


def carried(
    name: str, row: dict[str, Any], language: str = "de", say: Any = german
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    notes: collections.Counter[str] = collections.Counter()
    found = translation.carried_over([{"id": "7", "language": "en", **row}], TASKS[name], language, say, notes)
    assert [format_of(TASKS[name]).faults(each) for each in found] == [[]] * len(found)
    return [dict(each) for each in found], dict(notes)


def question(text: str, answer: str, context: str = PASSAGE) -> dict[str, Any]:
    return {"question": text, "context": context, "answers": [answer], "starts": [context.index(answer)]}


def test_a_pair_and_choices_keep_their_labels() -> None:
    pair = {"text_a": "Ida has a boat. It is green.", "text_b": "Yes.", "label": "neutral"}
    choices = {"prompt": "Where is it?", "choices": ["No.", "Yes.", "It is green.", "It lies in Oslo."], "label": 3}

    assert carried("mnli", pair)[0] == [
        {"id": "7", "language": "de", "text_a": "Ida hat ein Boot. Es ist grün.", "text_b": "Ja.", "label": "neutral"}
    ]
    assert carried("hellaswag", choices)[0] == [
        {
            "id": "7",
            "language": "de",
            "prompt": "Wo ist es?",
            "choices": ["Nein.", "Ja.", "Es ist grün.", "Es liegt in Oslo."],
            "label": 3,
        }
    ]


@pytest.mark.parametrize(
    ("asked", "answer", "translated", "start"),
    [("What colour is the boat?", "green", "grün", 25), ("Where is it?", "Oslo", "Oslo", 43)],
)
def test_an_answer_is_what_is_between_the_brackets_that_come_back(
    asked: str, answer: str, translated: str, start: int
) -> None:
    ((row,), notes) = carried("squad", question(asked, answer))

    assert row["context"] == "Ida hat ein Boot. Es ist grün. Es liegt in Oslo."
    assert (row["question"], row["answers"], row["starts"]) == (WORDS[asked], [translated], [start])
    assert notes == {}


def test_a_question_without_an_answer_stays_one() -> None:
    ((row,), _) = carried("squad2", {"question": "Where is it?", "context": PASSAGE, "answers": [], "starts": []})

    assert (row["context"], row["answers"]) == ("Ida hat ein Boot. Es ist grün. Es liegt in Oslo.", [])


def test_an_answer_of_two_sentences_is_not_cut() -> None:
    asked: list[str] = []

    ((row,), _) = carried(
        "squad",
        question("Yes.", "green. It lies"),
        say=lambda texts: asked.extend(texts) or [text.upper() for text in texts],
    )

    assert asked == ["Yes.", "It is [green. It lies] in Oslo.", "Ida has a boat."]
    assert (row["context"], row["answers"], row["starts"]) == (PASSAGE.upper(), ["GREEN. IT LIES"], [22])


def test_chinese_sentences_follow_without_a_blank() -> None:
    chinese = {"It is green.": "它是绿色的。", "It lies in [Oslo].": "它在［奥斯陆］。", "Where is it?": "它在哪里?"}

    ((row,), _) = carried(
        "squad",
        question("Where is it?", "Oslo", "It is green. It lies in Oslo."),
        "zh",
        lambda texts: [chinese[text] for text in texts],
    )

    assert (row["context"], row["answers"], row["starts"]) == ("它是绿色的。它在奥斯陆。", ["奥斯陆"], [8])


def test_a_sentence_is_asked_for_once() -> None:
    asked: list[list[str]] = []
    rows = [
        {"id": str(n), "language": "en", **question("Where is it?", answer)}
        for n, answer in enumerate(["green", "Oslo"])
    ]

    found = translation.carried_over(
        rows, TASKS["squad"], "de", lambda texts: asked.append(texts) or german(texts), collections.Counter()
    )

    assert [row["id"] for row in found] == ["0", "1"]
    assert asked == [
        ["Where is it?", "It is [green].", "Ida has a boat.", "It lies in Oslo.", "It lies in [Oslo].", "It is green."]
    ]


LOST: list[tuple[dict[str, str | None], str]] = [
    ({"It is [green].": "Es ist grün."}, "an answer whose marks did not come back left out"),
    ({"It is [green].": "Es ist [grün."}, "an answer whose marks did not come back left out"),
    ({"It is [green].": "[Es] ist [grün]."}, "an answer whose marks did not come back left out"),
    ({"It is [green].": "Es ist [ ] grün."}, "an answer whose marks did not come back left out"),
    ({"It is [green].": None}, "a sentence that is too long, or whose translation is left out"),
    ({"Where is it?": " "}, "a sentence that came back empty left out"),
]


@pytest.mark.parametrize(("changes", "note"), LOST)
def test_what_does_not_come_through_is_left_out_and_counted(changes: dict[str, str | None], note: str) -> None:
    words = WORDS | changes

    found, notes = carried(
        "squad", question("Where is it?", "green"), say=lambda texts: [words[text] for text in texts]
    )

    assert found == []
    assert notes == {note: 1}


def test_choices_that_become_equal_and_answers_beside_brackets_are_left_out() -> None:
    choices = {"prompt": "Where is it?", "choices": ["Yes.", "No.", "It is green.", "It lies in Oslo."], "label": 0}

    assert carried("hellaswag", choices, say=lambda texts: ["Ja."] * len(texts)) == (
        [],
        {"choices that became equal left out": 1},
    )
    assert carried("squad", question("Yes.", "green", "It [the boat] is green."), say=lambda texts: texts) == (
        [],
        {"an answer in a sentence that has square brackets of its own left out": 1},
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ccg", "^ccg: tagging cannot be translated by a model: its labels are of words, and a translation has other"),
        (
            "lareqa",
            "^lareqa: retrieval cannot be translated by a model: a query names its candidates, so that none may",
        ),
    ],
)
def test_formats_whose_labels_cannot_travel_are_refused(name: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason + ".* Formats that can: classification, multiple choice, span; the mic"):
        translation.check(name, TASKS[name])


# --- a model ---

SENTENCES = [row["context"] for row in tiny.examples("span", 20)]
SIZE = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
SIZE |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_position_embeddings": 48}
SPELT = {"max_length_tokens": 40}
"""Where nearly every letter is a piece."""


def nllb_tokenizer(texts: list[str], pieces: int, **languages: str) -> Any:
    """A tokenizer as that of NLLB."""
    import transformers

    backend = tokenizers.Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(vocab_size=pieces, special_tokens=special, show_progress=False)
    backend.train_from_iterator(texts, trainer)
    facts = json.loads(backend.to_str())["model"]
    return transformers.NllbTokenizer(
        vocab=facts["vocab"], merges=[tuple(pair) for pair in facts["merges"]], **languages
    )


def m2m100(pieces: int, **sizes: Any) -> Any:
    """A model as NLLB is, with random weights; seed and scale are such that it says different things."""
    import transformers

    ids = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}
    options = {**SIZE, **ids, "init_std": 1.0, "scale_embedding": False, "tie_word_embeddings": False, **sizes}
    torch.manual_seed(1)
    return transformers.M2M100ForConditionalGeneration(transformers.M2M100Config(vocab_size=pieces, **options))


def write_nllb(folder: Path) -> Path:
    """A random model and its tokenizer; it comes to an end in most sentences."""
    tokenizer = nllb_tokenizer(tiny.texts(), 120)
    tokenizer.save_pretrained(folder)
    model = m2m100(len(tokenizer))
    with torch.no_grad():
        end = model.lm_head.weight[2]
        model.model.decoder.layer_norm.bias += 3 * end / end.norm()
    with machine_translation._quiet():
        model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def nllb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nllb(tmp_path_factory.mktemp("nllb"))


def settings(model: Path | str, **changes: Any) -> TranslationSettings:
    return TranslationSettings(
        **{"model": str(model), "commit": "", "batch_size": 4, "beams": 2, "max_length_tokens": 16, **changes}
    )


def translated(
    model: Path | str, folder: Path, language: str = "de", sentences: list[str] = SENTENCES, **changes: Any
) -> tuple[list[str | None], list[int]]:
    """The translations, and how many sentences were done after each batch."""
    done: list[int] = []
    translator = machine_translation.load(settings(model, **changes), language)
    found = machine_translation.translations(
        sentences, translator, folder, lambda count, total, figures: done.append(count)
    )
    return found, done


@pytest.mark.slow
def test_batches_do_not_change_translations(nllb: Path, tmp_path: Path) -> None:
    for beams in (1, 3):
        found, done = translated(nllb, tmp_path, beams=beams)
        together, at_once = translated(nllb, tmp_path, beams=beams, batch_size=32)
        alone, _ = translated(nllb, tmp_path, beams=beams, batch_size=1)

        assert found == together == alone
        assert (done, at_once) == ([4, 8, 12, 16, 20], [20])
        assert len(set(found) - {None}) > 4
        assert None in found


def test_a_run_that_was_stopped_goes_on_where_it_was_and_ends_the_same(nllb: Path, tmp_path: Path) -> None:
    expected, _ = translated(nllb, tmp_path / "undisturbed")
    translator = machine_translation.load(settings(nllb), "de")

    def stop(done: int, total: int, figures: Any) -> None:
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        machine_translation.translations(SENTENCES, translator, tmp_path / "stopped", stop)
    found, done = translated(nllb, tmp_path / "stopped")

    assert found == expected
    assert done == [4, 8, 12]


@pytest.mark.slow
def test_what_was_translated_once_is_not_translated_again(nllb: Path, tmp_path: Path) -> None:
    some, _ = translated(nllb, tmp_path, sentences=SENTENCES[:6])

    again, none = translated(nllb, tmp_path, sentences=SENTENCES[5::-1])
    more, rest = translated(nllb, tmp_path)
    _, with_other_settings = translated(nllb, tmp_path, sentences=SENTENCES[:6], beams=1)
    _, into_another_language = translated(nllb, tmp_path, "sw", sentences=SENTENCES[:6])

    assert (some[::-1], none) == (again, [])
    assert (more[:6], rest) == (some, [4, 8, 12, 16, 20])
    assert with_other_settings == into_another_language == [4, 6]


def test_a_sentence_that_is_too_long_has_no_translation(nllb: Path, tmp_path: Path) -> None:
    found, done = translated(nllb, tmp_path, sentences=["Ida " * 30, "Ida"])

    assert (found[0], done) == (None, [1])


@pytest.mark.slow
def test_the_model_is_told_both_languages(nllb: Path, tmp_path: Path) -> None:
    german, swahili = (machine_translation.load(settings(nllb), code) for code in ("de", "sw"))
    said = german.tokenizer.convert_tokens_to_ids

    assert (german.first, swahili.first) == (said("deu_Latn"), said("swh_Latn"))
    assert german.tokenizer("Ida")["input_ids"][0] == said("eng_Latn")
    assert translated(nllb, tmp_path)[0] != translated(nllb, tmp_path, "sw")[0]


def test_the_codes_of_flores_are_those_of_nllb() -> None:
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

    assert {language.flores for language in languages.LANGUAGES.values()} <= set(FAIRSEQ_LANGUAGE_CODES)


def damaged(folder: Path) -> Path:
    (folder / "config.json").write_text("{")
    return folder


def encoder_only(folder: Path) -> Path:
    (folder / "config.json").write_text('{"model_type": "bert"}')
    return folder


def pickled(folder: Path) -> Path:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    return folder


def without_a_weight(folder: Path) -> Path:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


REFUSALS: list[tuple[Callable[[Path], Path], dict[str, Any], str, type[Exception], str]] = [
    (Path, {}, "xx", ConfigError, "translates from English into afr_Latn, arb_Arab, .*; not from English into xx"),
    (Path, {"model": ""}, "de", ConfigError, "^translation.model: empty. Give a folder, or owner/name of the Hub and"),
    (Path, {"commit": "1a2b"}, "de", ConfigError, "^translation.commit: 1a2b: .* is a folder, which has none"),
    (Path, {"model": "./nowhere"}, "de", CheckpointError, "^./nowhere: there is no such checkpoint folder"),
    (Path, {"max_length_tokens": 64}, "de", ConfigError, "^translation.max_length_tokens: 64: .* reads 48"),
    (damaged, {}, "de", CheckpointError, "transformers cannot load it as a model for translation from safetensors"),
    (encoder_only, {}, "de", CheckpointError, "transformers cannot load it as a model for translation"),
    (pickled, {}, "de", CheckpointError, r"Where the Hub has only other weights, a commit of its pull requests"),
    (without_a_weight, {}, "de", CheckpointError, "its weights lack 1 that the model has, lm_head.weight first"),
]


@pytest.mark.parametrize(("change", "changes", "language", "error", "message"), REFUSALS)
def test_a_model_that_cannot_do_it_is_refused(
    change: Callable[[Path], Path],
    changes: dict[str, Any],
    language: str,
    error: type[Exception],
    message: str,
    nllb: Path,
    tmp_path: Path,
) -> None:
    folder = change(shutil.copytree(nllb, tmp_path / "model"))

    with pytest.raises(error, match=message):
        machine_translation.load(settings(**{"model": folder, **changes}), language)


@pytest.mark.slow
def test_a_damaged_cache_is_told(nllb: Path, tmp_path: Path) -> None:
    translated(nllb, tmp_path)
    file = min(tmp_path.glob("*.json"))
    whole = file.read_text()
    for content in ("", whole[:-5], "{}", "[]", whole.replace("[", '["more",', 1)):
        file.write_text(content)

        with pytest.raises(DataError, match=r"\.json: is not the 4 translations of its batch\. Delete it to translate"):
            translated(nllb, tmp_path)


def of_files(project: Path, model: Path, **changes: Any) -> None:
    """As `project`, with the examples and the model of a files experiment."""
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    values |= {"source": "files", "translation": dataclasses.asdict(settings(model, **changes))}
    (project / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")


@pytest.mark.slow
def test_translate_of_files_asks_the_model_and_counts_what_is_lost(nllb: Path, project: Path) -> None:
    of_files(project, nllb)
    tiny.write_data(project / "data/mnli", "mnli")
    tiny.write_data(project / "data/squad", "squad")

    printed = xit("translate", "mnli+de")

    rows = read_examples(project / "data/mnli+de/train.parquet")
    audit = json.loads((project / "data/mnli+de/audit.json").read_text(encoding="utf-8"))
    english = {row["id"]: row["label"] for row in read_examples(project / "data/mnli/train.parquet")}
    lost = audit["splits"][0]["dropped"]
    assert 0 < lost == 24 - len(rows) < 24
    assert printed.startswith(f"data/mnli+de: {len(rows)} train; {lost} left out (a sentence that ")
    assert audit["model"] == f"{nllb}, {files.sha256(nllb)}"
    assert [(row["label"], row["language"]) for row in rows] == [(english[row["id"]], "de") for row in rows]
    with pytest.raises(DataError, match=r"squad\+de: no example came through. .*: \d+; see translation.model"):
        xit("translate", "squad+de")


@pytest.mark.slow
def test_a_process_that_is_killed_again_and_again_ends_in_the_same_bits(
    nllb: Path, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    of_files(project, nllb, batch_size=1)
    write_examples(project / "data/mnli/train.parquet", TASKS["mnli"], tiny.examples("classification", 60))
    xit("translate", "mnli+de")
    expected = {path.name: path.read_bytes() for path in (project / "data/mnli+de").iterdir()}
    root = shutil.copytree(project, tmp_path_factory.mktemp("killed"), dirs_exist_ok=True)
    shutil.rmtree(root / "data/mnli+de")
    shutil.rmtree(root / "translations")
    command = [sys.executable, "-c", "from xit.cli import main; main()", "translate", "mnli+de"]
    kills = []

    for most in (5, 11, 30, 31, 50):
        with subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
            while running.poll() is None and (done := sentences_done(root)) < most:
                time.sleep(0.001)
            running.kill()
        kills.append((running.returncode, done))
        assert not (root / "data/mnli+de").exists()
    subprocess.run(command, cwd=root, check=True)

    assert [code for code, _ in kills] == [-signal.SIGKILL] * 5
    assert [done for _, done in kills] == sorted({done for _, done in kills})
    assert {path.name: path.read_bytes() for path in (root / "data/mnli+de").iterdir()} == expected


def sentences_done(root: Path) -> int:
    return len(list(root.glob("translations/*.json")))


@pytest.mark.slow
def test_a_model_of_the_hub_at_its_commit_and_then_without_a_network(
    nllb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    repository = Repository({path.name: path.read_bytes() for path in nllb.iterdir()}, "c" * 40)
    of_hub = {"model": "owner/tiny-nllb", "commit": "c" * 40}
    with HubServer.serving({"models/owner/tiny-nllb": repository}) as server:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        hub.configure(str(tmp_path / "hub"), is_offline=False)
        arrived = machine_translation.load(settings(**of_hub), "de")
        with pytest.raises(
            CheckpointError, match="owner/absent: transformers cannot load it as a model for translation"
        ):
            machine_translation.load(settings("owner/absent"), "de")
        asked = len(server.requests)
        hub.configure("", is_offline=True)
        cached = machine_translation.load(settings(**of_hub), "de")
        assert len(server.requests) == asked

    assert arrived.origin == cached.origin == f"owner/tiny-nllb@{'c' * 40}"
    assert arrived.identity == cached.identity
    found = machine_translation.translations(SENTENCES, cached, tmp_path / "cache", lambda *_: None)
    assert found == translated(nllb, tmp_path / "folder")[0]


def write_opus(folder: Path, *codes: str, **languages: str) -> Path:
    """A model as those of OPUS-MT: SentencePiece, a vocabulary, the languages that its tokenizer names, and weights."""
    import transformers

    sentencepiece = pytest.importorskip("sentencepiece")
    folder.mkdir()
    pieces = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(tiny.texts()),
        model_writer=pieces,
        vocab_size=90,
        bos_id=-1,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    read = sentencepiece.SentencePieceProcessor(model_proto=pieces.getvalue())
    own = [read.id_to_piece(number) for number in range(read.get_piece_size())]
    vocabulary = ["</s>", "<unk>", *(piece for piece in own if piece not in ("</s>", "<unk>")), *codes, "<pad>"]
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(pieces.getvalue())
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(vocabulary)}))
    last = len(vocabulary) - 1
    config = transformers.MarianConfig(
        vocab_size=len(vocabulary),
        **SIZE,
        pad_token_id=last,
        eos_token_id=0,
        decoder_start_token_id=last,
        forced_eos_token_id=0,
        init_std=1.0,
    )
    torch.manual_seed(1)
    model = transformers.MarianMTModel(config)
    model.final_logits_bias[0, 0], model.final_logits_bias[0, last] = 2.0, -1e9
    with machine_translation._quiet():
        model.save_pretrained(folder)
        paths = [str(folder / name) for name in ("source.spm", "target.spm", "vocab.json")]
        transformers.MarianTokenizer(*paths, **languages).save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_a_model_of_opus_mt_translates_in_its_own_direction_only(tmp_path: Path) -> None:
    model = write_opus(tmp_path / "en-de", source_lang="en", target_lang="de")
    other = write_opus(tmp_path / "fi-de", source_lang="fi", target_lang="de")

    found, _ = translated(model, tmp_path / "cache", **SPELT)
    alone, _ = translated(model, tmp_path / "cache", **SPELT, batch_size=1)

    assert found == alone
    assert None in found  # what is cut off is known, though the model's own settings would force an end
    assert len(set(found) - {None}) > 2
    with pytest.raises(ConfigError, match=r"en-de: translates from English into de; not from English into sw"):
        translated(model, tmp_path / "cache", "sw")
    with pytest.raises(ConfigError, match=r"fi-de: translates from fi into de; not from English into de"):
        translated(other, tmp_path / "cache")


@pytest.mark.slow
def test_a_model_of_opus_mt_with_several_languages_is_told_which_before_each_sentence(tmp_path: Path) -> None:
    model = write_opus(tmp_path / "en-mul", ">>deu<<", ">>swa<<", ">>fr<<", source_lang="en", target_lang="mul")

    vocabulary = json.loads((model / "vocab.json").read_text())

    for code, token in {"de": ">>deu<<", "sw": ">>swa<<", "fr": ">>fr<<"}.items():
        translator = machine_translation.load(settings(model), code)
        read = translator.tokenizer(f"{translator.prefix}Ida")["input_ids"]
        assert read == [vocabulary[token], *translator.tokenizer("Ida")["input_ids"]]
    with pytest.raises(ConfigError, match=r"translates from English into deu, fr, swa; not from English into zh"):
        translated(model, tmp_path / "cache", "zh")


@pytest.mark.slow
def test_a_model_of_m2m100_begins_with_a_token_of_the_language(tmp_path: Path) -> None:
    import transformers

    opus = write_opus(tmp_path / "opus")
    pieces = json.loads((opus / "vocab.json").read_text())
    order = ["<s>", "<pad>", "</s>", "<unk>", *(piece for piece in pieces if piece[0] != "<")]
    vocabulary, model = tmp_path / "vocab.json", tmp_path / "m2m100"
    vocabulary.write_text(json.dumps({piece: number for number, piece in enumerate(order)}))
    tokenizer = transformers.M2M100Tokenizer(str(vocabulary), str(opus / "source.spm"))
    tokenizer.save_pretrained(model)
    with machine_translation._quiet():
        m2m100(tokenizer.vocab_size + len(tokenizer.lang_code_to_id) + 8).save_pretrained(model)

    translator = machine_translation.load(settings(model), "de")

    assert translator.first == tokenizer.get_lang_id("de")
    assert translator.tokenizer("Ida")["input_ids"][0] == tokenizer.get_lang_id("en")
    assert translated(model, tmp_path / "cache", beams=1, **SPELT)[1] == [4, 8, 12, 16, 20]
    with pytest.raises(ConfigError, match=r"translates from English into af, am, ar, .*; not from English into xx"):
        translated(model, tmp_path / "cache", "xx")


GERMAN_WORDS = {"boat": "das Boot", "lamp": "die Lampe", "book": "das Buch", "cup": "die Tasse"}
GERMAN_PLACES = {"Oslo": "Oslo", "Turin": "Turin", "Rome": "Rom", "Paris": "Paris"}


@pytest.mark.slow
def test_a_model_that_has_learnt_german_carries_questions_passages_and_answers_over(
    project: Path, tmp_path: Path
) -> None:
    people = tiny.PEOPLE[:4]
    told = [(who, thing, place) for who in people for thing in GERMAN_WORDS for place in GERMAN_PLACES]
    pairs = {f"Where did {who} paint?": f"Wo malte {who}?" for who in people}
    for who, thing, place in told:
        for mark in ("{}", "[{}]"):
            german = f"In {mark.format(GERMAN_PLACES[place])} malte {who} {GERMAN_WORDS[thing]}."
            pairs[f"{who} painted the {thing} in {mark.format(place)}."] = german
    write_trained(tmp_path / "model", pairs)
    examples = []
    for number, ((who, thing, place), other) in enumerate(zip(told, told[7:] + told[:7], strict=True)):
        context = f"{other[0]} painted the {other[1]} in {other[2]}. {who} painted the {thing} in {place}."
        row = {"id": str(number), "language": "en", **question(f"Where did {who} paint?", place, context)}
        examples.append(row | {"starts": [context.rindex(place)]})
    write_examples(project / "data/squad/train.parquet", TASKS["squad"], examples)
    of_files(project, tmp_path / "model", batch_size=16, max_length_tokens=32)

    xit("translate", "squad+de")

    rows = {row["id"]: row for row in read_examples(project / "data/squad+de/train.parquet")}
    right = 0
    for number, ((who, thing, place), other) in enumerate(zip(told, told[7:] + told[:7], strict=True)):
        before = f"In {GERMAN_PLACES[other[2]]} malte {other[0]} {GERMAN_WORDS[other[1]]}. "
        right += rows.get(str(number)) == {
            "id": str(number),
            "language": "de",
            "question": f"Wo malte {who}?",
            "context": f"{before}In {GERMAN_PLACES[place]} malte {who} {GERMAN_WORDS[thing]}.",
            "answers": [GERMAN_PLACES[place]],
            "starts": [len(before) + 3],
        }
    assert right >= 58  # of 64


def write_trained(folder: Path, pairs: dict[str, str]) -> None:
    """Teach a tiny model these translations."""
    tokenizer = nllb_tokenizer([*pairs, *pairs.values()], 400, src_lang="eng_Latn", tgt_lang="deu_Latn")
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    model = m2m100(
        len(tokenizer), d_model=64, encoder_ffn_dim=64, decoder_ffn_dim=64, init_std=0.1, dropout=0.0, **heads
    )
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.0)
    draw = random.Random(0)
    for step in range(600):
        for group in optimizer.param_groups:
            group["lr"] = 5e-3 * min(1, (step + 1) / 30) * (1 - step / 600)
        some = draw.sample(list(pairs), 32)
        batch = tokenizer(some, text_target=[pairs[text] for text in some], return_tensors="pt", padding=True)
        batch["labels"][batch["labels"] == tokenizer.pad_token_id] = -100
        model(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    with machine_translation._quiet():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
