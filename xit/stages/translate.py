"""Training examples in another language: rendered by the micro source itself, or translated by a model.

The condition `mnli+de` trains on them in place of the English ones (Phang et al. 2020); validation stays
English. What is said, ids and labels are those of the English examples, in their order.
"""

import collections
import functools
from collections.abc import Mapping
from typing import Any

from xit.core.errors import DataError
from xit.core.examples import Example, audited, read_examples, write_examples
from xit.core.files import atomic, write_json
from xit.core.plan import Places
from xit.core.progress import Report
from xit.core.settings import MicroSettings, TranslationSettings
from xit.core.task import task_of
from xit.sources.micro import MicroSource


def translate(
    task_id: str,
    language: str,
    source: str,
    settings: MicroSettings | TranslationSettings,
    places: Places,
    report: Report,
) -> list[str]:
    """Training examples of a task → the same ones in another language, and their audit.

    The micro source says the same in every language, so that its own rendering is a perfect translation.

    Args:
        task_id: A task that is trained.
        language: An ISO code, not English.
        source: Where the English examples are from.
        settings: What the micro source makes; of another source, the model that translates.
        places: The translations that were made so far, of which none is made again; the folder of all data; and the
            folder to write. The micro source reads neither.
        report: Progress.

    Raises:
        DataError: the task has no training examples, or they cannot be carried over; or none was.
    """
    task = task_of(task_id)
    if not task.is_trained:
        raise DataError(
            f"{task_id}: it is not trained, so there is nothing to translate. `xit tasks` lists the others."
        )
    notes: collections.Counter[str] = collections.Counter()
    origin = ""
    rows: list[Example]
    if isinstance(settings, MicroSettings):
        rows = list(MicroSource(settings).examples(task, "train", language, notes))
    else:
        from xit.sources import machine_translation, translation

        translation.check(task_id, task)
        examples = read_examples(places.data / task_id / "train.parquet")
        translator = machine_translation.load(settings, language)
        origin, told = translator.origin, functools.partial(report, "sentences")

        def said(sentences: list[str]) -> list[str | None]:
            return machine_translation.translations(sentences, translator, places.parent, told)

        rows = translation.carried_over(examples, task, language, said, notes)
        if not rows:
            raise DataError(f"{task_id}+{language}: no example came through. {_listed(notes)}; see translation.model.")
    audit: dict[str, Any] = audited(task_id, "train", language, source, rows, notes)
    with atomic(places.out) as folder:
        write_examples(folder / "train.parquet", task, rows)
        write_json(folder / "audit.json", {"splits": [audit], "missing_languages": [], "model": origin})
    lost = f"; {audit['dropped']} left out ({_listed(notes)})" if audit["dropped"] else ""
    return [f"{places.out}: {audit['examples']} train{lost}"]


def _listed(notes: Mapping[str, int]) -> str:
    return "; ".join(f"{note}: {count}" for note, count in sorted(notes.items()))
