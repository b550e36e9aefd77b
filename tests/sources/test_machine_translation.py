"""A model that translates: batches, stops, its cache, what it is told and which models are refused."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
from hub_server import HubServer, Repository
from translation_models import m2m100, settings, write_nllb, write_opus

from xit.core import hub, languages
from xit.core.errors import CheckpointError, ConfigError, DataError
from xit.sources import machine_translation

SENTENCES = [row["context"] for row in tiny.examples("span", 20)]
SPELT = {"max_length_tokens": 40}
"""Where nearly every letter is a piece."""


@pytest.fixture(scope="module")
def nllb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nllb(tmp_path_factory.mktemp("nllb"))


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


@pytest.mark.slow
def test_a_model_of_the_hub_at_its_commit_and_then_without_a_network(
    nllb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    repository = Repository({path.name: path.read_bytes() for path in nllb.iterdir()}, "c" * 40)
    of_hub = {"model": "owner/tiny-nllb", "commit": "c" * 40}
    with HubServer.serving({"models/owner/tiny-nllb": repository}) as server:
        server.is_the_hub(monkeypatch)
        hub.configure(str(tmp_path / "hub"), is_offline=False)
        monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between the attempts of huggingface_hub
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
