"""Translation by an encoder-decoder of transformers, of which nothing is lost when its process is killed.

Sentences are sorted by length and cut into batches; the translations of a batch are written to one file, atomically. So
whatever is killed and however often, each sentence is translated among the same others, and the result is the same to
the last bit. Beams or greedy, nothing is drawn.
"""

import contextlib
import dataclasses
import hashlib
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import huggingface_hub
import torch
import transformers

from xit.core import instructions, languages
from xit.core.errors import CheckpointError, ConfigError, DataError, near
from xit.core.files import sha256, write_json
from xit.core.hub import repository
from xit.core.settings import TranslationSettings

MACROLANGUAGES = {"ar": "ara", "fa": "fas", "ms": "msa", "sw": "swa", "zh": "cmn_Hans"}
"""Other codes that OPUS-MT has for these."""
AT_ONCE = 10_000
"""Sentences that are tokenized at once."""
Report = Callable[[int, int, Mapping[str, float]], None]


@dataclasses.dataclass(frozen=True)
class Translator:
    """A model that translates from English into one language.

    Attributes:
        model: A model of transformers, on its device.
        tokenizer: The model's tokenizer, which marks what it reads as English.
        prefix: What is written before a sentence to say the language; empty where a token says it, or nothing need.
        first: The id of the token that every translation begins with, where that says the language.
        settings: How it translates.
        origin: The model and its commit, or a folder and the SHA-256 of its files.
        identity: All that a translation depends on, beside the sentence.
    """

    model: Any
    tokenizer: Any
    prefix: str
    first: int | None
    settings: TranslationSettings
    origin: str
    identity: str


def load(settings: TranslationSettings, language: str) -> Translator:
    """The model that the settings name, for a language: float32 on a CPU, bfloat16 on a GPU.

    Args:
        settings: Model and commit, and how it translates.
        language: An ISO code.

    Raises:
        ConfigError: no model is named, it does not translate from English into the language, or it reads less than
            `max_length_tokens`.
        CheckpointError: transformers cannot load it as an encoder-decoder from safetensors.
    """
    if not settings.model:
        raise ConfigError("translation.model: empty. Give a folder, or owner/name of the Hub and translation.commit.")
    where = f"translation.model: {settings.model}"
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = torch.bfloat16 if device.type == "cuda" else torch.float32
    tokenizer, model = _loaded(settings, precision, where)
    longest = getattr(model.config, "max_position_embeddings", settings.max_length_tokens)
    if settings.max_length_tokens > longest:
        raise ConfigError(
            f"translation.max_length_tokens: {settings.max_length_tokens}: {settings.model} reads {longest}."
        )
    prefix, first = _direction(tokenizer, language, where)
    origin = f"{settings.model}{_version(settings)}"
    facts = {
        "origin": origin,
        "language": language,
        "batch_size": settings.batch_size,
        "beams": settings.beams,
        "max_length_tokens": settings.max_length_tokens,
        "precision": str(precision),
        "threads": torch.get_num_threads(),
        "instructions": instructions.applied(),
    }
    return Translator(model.to(device), tokenizer, prefix, first, settings, origin, json.dumps(facts, sort_keys=True))


def _loaded(settings: TranslationSettings, precision: torch.dtype, where: str) -> tuple[Any, Any]:
    """Tokenizer and model, of a folder or of the Hub."""
    options: dict[str, Any] = {}
    if Path(settings.model).is_dir():
        if settings.commit:
            raise ConfigError(f"translation.commit: {settings.commit}: {settings.model} is a folder, which has none.")
    else:
        repository(settings.model)
        options["revision"] = settings.commit or None
    weights = {"dtype": precision, "use_safetensors": True, "output_loading_info": True}
    try:
        with _quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(settings.model, trust_remote_code=False, **options)
            auto = transformers.AutoModelForSeq2SeqLM
            model, found = auto.from_pretrained(settings.model, trust_remote_code=False, **weights, **options)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise CheckpointError(
            f"{where}: transformers cannot load it as a model for translation from safetensors, without code of its "
            f"own: {str(error).strip()} Where the Hub has only other weights, a commit of its pull requests "
            "(refs/pr/…) often has these; name it as translation.commit."
        ) from error
    if found["missing_keys"]:
        lacking = sorted(found["missing_keys"])
        raise CheckpointError(f"{where}: its weights lack {len(lacking)} that the model has, {lacking[0]} first.")
    return tokenizer, model.eval()


def _version(settings: TranslationSettings) -> str:
    """The SHA-256 of a folder, or the commit of what was just loaded of the Hub, which its library caches by it."""
    folder = Path(settings.model)
    if folder.is_dir():
        return f", {sha256(folder)}"
    found = huggingface_hub.try_to_load_from_cache(settings.model, "config.json", revision=settings.commit or None)
    assert isinstance(found, str)
    return f"@{Path(found).parent.name}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars, and without advice to install a normaliser that transformers then never calls."""
    logging = transformers.utils.logging
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Recommended: pip install sacremoses")
            yield
    finally:
        logging.set_verbosity(verbosity)
        logging.enable_progress_bar()


def _direction(tokenizer: Any, language: str, where: str) -> tuple[str, int | None]:
    """How the model is told to translate from English into a language: a prefix, or a first token; or neither.

    NLLB and M2M100 begin a translation with a token of its language, and mark what they read with one of its own. Of
    OPUS-MT, some models have one target language, and others read `>>deu<<` before each sentence.

    Raises:
        ConfigError: the model has another direction, or does not say which.
    """
    codes = dict.fromkeys([language, *filter(None, (languages.facts(language).flores, MACROLANGUAGES.get(language)))])
    codes |= dict.fromkeys(code.partition("_")[0] for code in list(codes))
    tokens: dict[str, int] = getattr(tokenizer, "lang_code_to_id", None) or {  # M2M100, or else NLLB
        token: tokenizer.convert_tokens_to_ids(token)
        for token in (known.flores for known in languages.LANGUAGES.values())
        if tokenizer.convert_tokens_to_ids(token) != tokenizer.unk_token_id
    }
    prefixes = {code.strip("<>"): code for code in getattr(tokenizer, "supported_language_codes", ())}
    known = prefixes or tokens
    found = next((code for code in codes if code in known), None)
    source = str(getattr(tokenizer, "source_lang", None) or "")
    target = str(getattr(tokenizer, "target_lang", None) or "")
    if tokens and found:
        tokenizer.src_lang = next(code for code in ("en", languages.facts("en").flores) if code in tokens)
        return "", tokens[found]
    if source in ("en", "eng") and prefixes and found:
        return f"{prefixes[found]} ", None
    if source in ("en", "eng") and not prefixes and target in codes:
        return "", None
    into = ", ".join(sorted(known)) or target or "a language that its tokenizer does not name"
    of = "English" if tokens or source in ("en", "eng") else source or "a language that its tokenizer does not name"
    raise ConfigError(
        f"{where}: translates from {of} into {into}; not from English into {language}.{near(language, known)}"
    )


def translations(sentences: Sequence[str], translator: Translator, folder: Path, report: Report) -> list[str | None]:
    """The translation of each sentence; None where it, or its translation, is longer than `max_length_tokens`.

    Args:
        sentences: Each once.
        translator: The model.
        folder: Holds a file for each batch that is done; the same batch is not translated again.
        report: Told after each batch: sentences done, sentences in all that were not done before, and their rate.

    Raises:
        DataError: the file of a batch is damaged.
    """
    lengths = _lengths(sentences, translator)
    limit, size = translator.settings.max_length_tokens, translator.settings.batch_size
    fitting = sorted((text for text in sentences if lengths[text] <= limit), key=lambda text: (-lengths[text], text))
    batches = [fitting[start : start + size] for start in range(0, len(fitting), size)]
    files = [folder / f"{_hash([translator.identity, *batch])}.json" for batch in batches]
    waiting = [(file, batch) for file, batch in zip(files, batches, strict=True) if not file.exists()]
    total, done, started = sum(len(batch) for _, batch in waiting), 0, time.monotonic()
    for file, batch in waiting:
        write_json(file, _translated(batch, translator))
        done += len(batch)
        report(done, total, {"sentences/s": done / (time.monotonic() - started)})
    found: dict[str, str | None] = dict.fromkeys(sentences)
    for file, batch in zip(files, batches, strict=True):
        found.update(zip(batch, _read(file, len(batch)), strict=True))
    return [found[sentence] for sentence in sentences]


def _hash(texts: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:32]


def _read(file: Path, size: int) -> list[str | None]:
    """The translations of a batch."""
    try:
        found: list[str | None] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        found = []
    if not isinstance(found, list) or len(found) != size:
        raise DataError(f"{file}: is not the {size} translations of its batch. Delete it to translate them again.")
    return found


def _lengths(sentences: Sequence[str], translator: Translator) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(sentences), AT_ONCE):
        part = sentences[start : start + AT_ONCE]
        ids = translator.tokenizer([translator.prefix + sentence for sentence in part])["input_ids"]
        found |= zip(part, map(len, ids), strict=True)
    return found


@torch.inference_mode()
def _translated(sentences: Sequence[str], translator: Translator) -> list[str | None]:
    """The translations of a batch; None of one that did not end within `max_length_tokens`."""
    tokenizer, model, settings = translator.tokenizer, translator.model, translator.settings
    batch = tokenizer([translator.prefix + text for text in sentences], return_tensors="pt", padding=True)
    output = model.generate(
        input_ids=batch["input_ids"].to(model.device),
        attention_mask=batch["attention_mask"].to(model.device),
        num_beams=settings.beams,
        do_sample=False,
        max_length=None,
        max_new_tokens=settings.max_length_tokens,
        forced_bos_token_id=translator.first,
        forced_eos_token_id=None,  # else what is cut off would look as if it had ended
    ).tolist()
    texts = tokenizer.batch_decode(output, skip_special_tokens=True)
    has_ended = [tokenizer.eos_token_id in row[1:] for row in output]  # the first token may be that one, to begin with
    return [text if ended else None for text, ended in zip(texts, has_ended, strict=True)]
