"""Files of predictions and of gold, in the benchmark's layout (google-research/xtreme: evaluate.py).

They are `<folder>/<task>/test-<language>.<extension>`; what stands in them the format of the task says (`xit.formats`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xit.core.errors import DataError
from xit.core.examples import Example
from xit.core.files import atomic
from xit.core.task import Task
from xit.formats import format_of
from xit.formats._submission import SubmissionFile

PREDICTIONS, CENTERED_PREDICTIONS = "predictions", "predictions-centered"
"""The folders of an evaluation: what a checkpoint predicts, and what a bare encoder does by centred vectors."""


def path(folder: Path, task: Task, language: str) -> Path:
    """Where the predictions, or the gold, of one task and language belong."""
    return folder / task.id / f"test-{language}.{format_of(task).extension}"


def write(folder: Path, task: Task, language: str, predictions: Any) -> Path:
    """Write the predictions of one task and language, atomically, and return the file."""
    return _write(path(folder, task, language), format_of(task).text(predictions))


def write_gold(folder: Path, task: Task, language: str, examples: Sequence[Example]) -> Path:
    """Write the gold of one task and language, atomically, and return the file."""
    return _write(path(folder, task, language), format_of(task).gold_text(examples))


def _write(file: Path, text: str) -> Path:
    with atomic(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return file


def read(folder: Path, task: Task, language: str) -> Any:
    """Read the predictions of one task and language.

    Raises:
        DataError: the file is missing, or is not what the task asks for; a line for every fault.
    """
    place = path(folder, task, language)
    file = SubmissionFile(place, f"Predictions of {task.id} in {language} belong there.")
    predictions = format_of(task).parse(file)
    file.raise_faults()
    return predictions


def read_gold(folder: Path, task: Task, language: str) -> Any:
    """Read the gold of one task and language.

    Raises:
        DataError: as `read`; or there is no example, or an example without an answer.
    """
    file = SubmissionFile(path(folder, task, language), f"The gold of {task.id} in {language} belongs there.")
    gold = format_of(task).parse_gold(file)
    if not gold and not file.faults:
        file.fault("holds no example.")
    file.raise_faults()
    return gold


def read_for(folder: Path, task: Task, language: str, gold: Any) -> Any:
    """Read predictions that were stored for test examples, of which this is the gold.

    Raises:
        DataError: as `read`; or they are not of these examples.
    """
    predictions = read(folder, task, language)
    faults = format_of(task).check(predictions, gold, language)
    if faults:
        raise DataError(
            f"{path(folder, task, language)}: does not fit the test examples of {task.id} in {language}: "
            f"{' '.join(faults)} Evaluate again, or make the data again, so that both are of one run."
        )
    return predictions
