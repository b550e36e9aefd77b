"""Where predictions are right: the main metric of a task by length, answer length, script, family, seen or not.

After the fine-grained analysis of XTREME-R (Ruder et al. 2021, section 5), whose buckets ExplainaBoard makes. Lengths
are compared within a language, by quarters of its examples, since a character says more in one script than in another;
a quarter is scored in each language by itself, and the mean over languages is what a table shows.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xit.core import languages
from xit.core.errors import ConfigError, DataError
from xit.core.examples import Example, asked
from xit.core.task import task_of
from xit.formats import format_of
from xit.scoring import predictions

if TYPE_CHECKING:
    from xit.sources import Source

QUARTERS = ("shortest quarter", "second quarter", "third quarter", "longest quarter")


@dataclasses.dataclass(frozen=True)
class Bucket:
    """Some examples of a language, and the main metric of them.

    Attributes:
        attribute: What they have in common: `length`, `answer length`, `script`, `family`, `pretraining`.
        name: Its value.
        bounds: Of a length: the least and the most in the bucket.
    """

    attribute: str
    name: str
    language: str
    examples: int
    value: float
    bounds: tuple[int, int] | None = None


def languages_of(folder: Path, task_id: str, available: Sequence[str]) -> list[str]:
    """The languages that a folder has predictions of a task in.

    Raises:
        DataError: there are none, or of a language that the gold data do not have.
    """
    found = {file.stem.removeprefix("test-") for file in (folder / task_id).glob("test-*")}
    if not found or found - set(available):
        there = ", ".join(sorted(found)) or "no language"
        raise DataError(
            f"{folder / task_id}: has predictions (test-<language>.*) in {there}, and the data are in "
            f"{', '.join(available) or 'no language'}. `xit eval CHECKPOINT --predictions {folder}` writes predictions."
        )
    return [code for code in available if code in found]


def analyse(folder: Path, task_id: str, examples: Sequence[Example], pretraining: Sequence[str]) -> list[Bucket]:
    """Score the predictions of a task bucket by bucket, language by language.

    Args:
        folder: Predictions in the benchmark's submission layout, in all languages of the examples.
        task_id: The task.
        examples: The test examples that were predicted.
        pretraining: Languages that the encoder has seen.

    Raises:
        DataError: predictions are missing, or are not as many as the examples.
    """
    task = task_of(task_id)
    form = format_of(task)
    examples = form.named(examples)
    buckets = []
    for code in dict.fromkeys(example["language"] for example in examples):
        members = [example for example in examples if example["language"] == code]
        rows = asked(members)
        gold = form.gold(members)
        try:
            answers = predictions.read_for(folder, task, code, gold)
        except DataError as error:
            raise DataError(f"{error} Predictions of a grid with most_test are analysed with --most.") from None
        fact = languages.facts(code)
        parts = [
            ("script", fact.script, rows, None),
            ("family", fact.family, rows, None),
            ("pretraining", "seen" if code in pretraining else "not seen", rows, None),
            *_quarters(rows, form.lengths),
        ]
        number = {example["id"]: position for position, example in enumerate(rows)}
        for attribute, name, some, bounds in parts:
            part = form.part(answers, gold, [number[example["id"]] for example in some])
            value = form.score(*part, code)[task.metric]
            buckets.append(Bucket(attribute, name, code, len(some), value, bounds))
    return buckets


def _quarters(
    examples: Sequence[Example], lengths_of: Callable[[Example], Mapping[str, int]]
) -> list[tuple[str, str, list[Example], tuple[int, int]]]:
    """Examples by quarters of each of their lengths; equal ones stay together, so that quarters may differ in size."""
    measured = [(example, lengths_of(example)) for example in examples]
    parts = []
    for attribute in dict.fromkeys(attribute for _, lengths in measured for attribute in lengths):
        having = [(example, lengths[attribute]) for example, lengths in measured if attribute in lengths]
        ordered = sorted(length for _, length in having)
        limits = [ordered[(len(ordered) * part) // 4] for part in (1, 2, 3)]
        for number, name in enumerate(QUARTERS):
            members = [(e, length) for e, length in having if sum(length >= limit for limit in limits) == number]
            if members:
                bounds = (min(length for _, length in members), max(length for _, length in members))
                parts.append((attribute, name, [example for example, _ in members], bounds))
    return parts


def means(buckets: Sequence[Bucket]) -> list[dict[str, Any]]:
    """Of each attribute and value: in how many languages, of how many examples, and the mean over languages."""
    order = {name: number for number, name in enumerate(QUARTERS)}
    keys = dict.fromkeys((bucket.attribute, bucket.name) for bucket in buckets)
    attributes = list(dict.fromkeys(attribute for attribute, _ in keys))
    found = []
    for attribute, name in sorted(keys, key=lambda key: (attributes.index(key[0]), order.get(key[1], 0), key[1])):
        members = [bucket for bucket in buckets if (bucket.attribute, bucket.name) == (attribute, name)]
        found.append(
            {
                "attribute": attribute,
                "bucket": name,
                "languages": sorted(bucket.language for bucket in members),
                "examples": sum(bucket.examples for bucket in members),
                "value": sum(bucket.value for bucket in members) / len(members),
            }
        )
    return found


def report_of(
    folder: Path,
    task_id: str,
    chosen: Sequence[str] | None,
    source: "Source",
    pretraining: Sequence[str],
) -> dict[str, Any]:
    """What `xit analyse` says: buckets of each language, and their means.

    Args:
        folder: Predictions in the benchmark's submission layout.
        task_id: The task.
        chosen: Languages; else all that the folder has.
        source: The source of the examples that were predicted.
        pretraining: Languages that the encoder has seen.

    Raises:
        ConfigError: a language without predictions.
        DataError: as `analyse`.
    """
    task = task_of(task_id)
    if task.is_mined:
        raise ConfigError(f"{task_id}: its predictions are pairs, not answers to examples that buckets could hold.")
    there = languages_of(folder, task_id, source.languages(task))
    if unknown := [code for code in chosen or () if code not in there]:
        raise ConfigError(f"--language: {', '.join(unknown)}: no predictions. There are: {', '.join(there)}.")
    examples = [row for code in there for row in source.examples(task, "test", code)]
    buckets = analyse(folder, task_id, examples, pretraining)
    kept = [bucket for bucket in buckets if not chosen or bucket.language in chosen]
    return {
        "task": task_id,
        "metric": task.metric,
        "source": source.name,
        "buckets": [dataclasses.asdict(bucket) for bucket in kept],
        "means": means(kept),
    }
