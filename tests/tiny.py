"""Small real things that several files of tests share: invented examples, a tokenizer, checkpoints."""

import contextlib
import dataclasses
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xit import heads
from xit.core import registry
from xit.core.errors import ConfigError
from xit.core.examples import write_examples
from xit.core.plan import Cell, Plan, TaskBatches, TextBatches
from xit.core.settings import ComputeSettings, EncoderSize
from xit.core.task import task_of
from xit.modeling import checkpoints, encoders, tokenization

torch.set_num_threads(1)  # several tests run side by side, and two threads are no faster at this size

OWN_ENCODERS = tuple(name for name in registry.names("encoders") if registry.defines("encoders", name, "Encoder"))
"""The encoders from scratch."""


def size_of(name: str, dimension: int, layers: int) -> EncoderSize:
    """A small size that an encoder from scratch takes: without attention heads, or else with two."""
    sizes = (EncoderSize(dimension, layers, dimension, 0), EncoderSize(dimension, layers, 4 * dimension, 2))
    with torch.random.fork_rng():
        for size in sizes:
            with contextlib.suppress(ConfigError):
                encoders.build(name, size, 20)
                return size
    raise AssertionError(f"{name} takes none of the sizes {sizes}; add one here that it does")


SIZES = {name: size_of(name, 16, 1) for name in OWN_ENCODERS}
COMPUTE = ComputeSettings(
    precision="float32",
    threads=1,
    instructions="compatible",
    save_every=4,
    gradient_checkpointing=False,
    compile=False,
)
TEXT = TextBatches(("en",), batch_size=4, block_tokens=16, masked_fraction=0.3, language_exponent=0.5)
ALL_OBJECTIVES = dataclasses.replace(
    TEXT,
    languages=("en", "sw", "tl"),
    objectives={"masked_lm": 0.4, "translation_lm": 0.3, "translation_ranking": 0.3},
)
BATCHES = TaskBatches(batch_size=8, micro_batches=1, max_length_tokens=64)
PLAN = Plan(
    learning_rate=0.01,
    steps=12,
    warmup_fraction=0.1,
    weight_decay=0.1,
    gradient_clip=1.0,
    compute=COMPUTE,
    validate_every=6,
    patience=5,
    head="matching",
)
"""For tasks, which are to be added."""
PRETRAINING = Plan(
    learning_rate=0.01,
    steps=20,
    warmup_fraction=0.1,
    weight_decay=0.1,
    gradient_clip=1.0,
    compute=COMPUTE,
    final_fraction=0.1,
    optimizer="muon",
    text=TEXT,
)
TASKS = {
    "classification": "xnli",
    "multiple_choice": "xcopa",
    "retrieval": "lareqa",
    "span": "xquad",
    "tagging": "panx",
}
"""A task of each format."""


def plan(*tasks: str, **changes: Any) -> Plan:
    """A plan for the tasks; a change of batches holds for each of them."""
    of_batches = {key: changes.pop(key) for key in list(changes) if hasattr(BATCHES, key)}
    batches = dataclasses.replace(BATCHES, **of_batches)
    return dataclasses.replace(PLAN, tasks=dict.fromkeys(tasks, batches), **changes)


def cells(encoder: str, condition: str = "", target: str = "", seeds: Sequence[int] = (1,)) -> dict[str, Cell]:
    """A cell a seed, each in a folder of its seed; where there is a target, below that of its condition."""
    folder = f"{condition}/" if target else ""
    return {f"{folder}{seed}": Cell(encoder, condition, target, seed) for seed in seeds}


PEOPLE = ("Ida", "Bo", "Ann", "Leo", "Mia", "Tom", "Eva", "Sam")
THINGS = ("boat", "lamp", "book", "cup", "hat", "bell", "kite", "drum")
PLACES = ("Oslo", "Turin", "Rome", "Paris", "Bonn", "Bern", "Lima", "Cairo")


def examples(form: str, count: int = 8) -> list[dict[str, Any]]:
    """Invented English examples of a format, with labels for the task in `TASKS`; for retrieval pairs of rows."""
    rows: list[dict[str, Any]] = []
    for i in range(count):
        person, thing, place = PEOPLE[i % 8], THINGS[(i + i // 8) % 8], PLACES[(i + i // 64) % 8]
        sentence = f"{person} painted the {thing} in {place}."
        row = {"id": f"e{i}", "language": "en"}
        if form == "classification":
            label = ("contradiction", "entailment", "neutral")[i % 3]
            other = {
                "contradiction": f"Nobody painted the {thing}.",
                "entailment": f"{person} painted.",
                "neutral": "It",
            }
            rows.append({**row, "text_a": sentence, "text_b": other[label], "label": label})
        elif form == "multiple_choice":
            choices = [f"in {place}", f"in {PLACES[(i + 3) % 8]}"]
            rows.append({**row, "prompt": sentence, "choices": choices[:: 1 - 2 * (i % 2)], "label": i % 2})
        elif form == "tagging":
            words = sentence.removesuffix(".").split()
            rows.append({**row, "words": words, "tags": ["B-PER", "O", "O", "O", "O", "B-LOC"]})
        elif form == "span":
            question = f"Where did {person} paint?"
            rows.append({**row, "question": question, "context": sentence, "answers": [place]})
            rows[-1]["starts"] = [sentence.index(place)]
        else:
            rows.append({**row, "role": "query", "text": f"Where did {person} paint the {thing}?", "gold": [f"en-{i}"]})
            rows.append({**row, "id": f"en-{i}", "role": "candidate", "text": sentence, "gold": []})
    return rows


def texts() -> list[str]:
    """Lines with every word of the examples."""
    questions = [example["question"] + " Nobody It" for example in examples("span", 64)]
    return [example["context"] for example in examples("span", 64)] + questions


def write_text(root: Path) -> None:
    """Text and pairs for pretraining as the stages write them, of en, sw and tl, and a tokenizer."""
    for name in ("text", "parallel"):
        (root / name).mkdir(parents=True)
    for language in ("en", "sw", "tl"):
        (root / f"text/{language}.txt").write_text("".join(f"{line}\n" for line in texts()))
    write_pairs(root / "parallel", sw=60, tl=20)
    tokenization.save(tokenizer(), root / "tokenizer")


def write_pairs(folder: Path, **languages: int) -> None:
    """So many invented pairs of each language, in which every word is another English word."""
    lines = texts()
    words = sorted({word for line in lines for word in line.split()})
    for place, (language, count) in enumerate(languages.items()):
        said = dict(zip(words, words[place + 1 :] + words, strict=False))
        rows = [lines[i % 64].split()[: 2 + (i + place) % 5] for i in range(count)]
        text = "".join(f"{' '.join(row)}\t{' '.join(said[word] for word in row)}\n" for row in rows)
        (folder / f"{language}.tsv").write_text(text)


def three_sentences() -> tuple[torch.Tensor, torch.Tensor]:
    """The ids of three sentences of 7, 4 and 1 tokens, and their mask."""
    input_ids = torch.tensor([[5, 6, 7, 8, 9, 10, 11], [12, 13, 14, 15, 0, 0, 0], [16, 0, 0, 0, 0, 0, 0]])
    return input_ids, (input_ids != 0).long()


def unit_vectors(rows: int, hidden: int, seed: int, noise: float = 1.0) -> Any:
    """Rows of length one, in all directions, or with less noise around one of them."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((1, hidden)) * (noise < 1) + noise * random.standard_normal((rows, hidden))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def tokenizer() -> tokenization.Tokenizer:
    """A Unigram tokenizer of a hundred pieces."""
    return tokenization.train(texts(), 100)


def write_checkpoint(folder: Path, encoder: str = "transformer", seed: int = 0) -> None:
    """A bare encoder with random weights and its tokenizer."""
    pieces = tokenizer()
    torch.manual_seed(seed)
    tokenization.save(pieces, folder)
    encoders.save(encoders.build(encoder, SIZES[encoder], pieces.vocabulary_size, pieces.padding_id), folder)


def write_head(folder: Path, name: str, kind: Any = "linear") -> None:
    """A head with random weights beside the encoder of `write_checkpoint`."""
    task = task_of(name)
    loaded = encoders.load(folder)
    head = heads.load(task.format).head(kind, loaded.dimension, loaded.layers, task)
    checkpoints.save_head(folder, head, checkpoints.HeadConfig(name, task.format, kind, task.labels, 64))


def write_data(folder: Path, name: str, count: int = 24) -> None:
    """A task's data folder: the first examples validate, all train and test."""
    task = task_of(name)
    for split, some in (("train", count), ("validation", 8), ("test", count)):
        write_examples(folder / f"{split}.parquet", task, examples(task.format, some))


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As if the disk were full after so many bytes of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
