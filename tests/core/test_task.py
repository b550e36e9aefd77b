"""What training and evaluation read of a task is what stands in the lineage of a model."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny

from xit.core import registry
from xit.core.examples import write_examples
from xit.core.plan import Cell, Places
from xit.core.progress import unheard
from xit.core.settings import RetrievalSettings
from xit.core.task import NEARNESS, READ_BY_MODELS, Task, nearness
from xit.stages.evaluate import evaluate
from xit.stages.finetune import finetune

RETRIEVAL = RetrievalSettings(1.0, "mean")


@pytest.mark.parametrize("name", [*tiny.TASKS.values(), "tatoeba"])
def test_training_and_evaluation_read_of_a_task_what_stands_in_a_lineage(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = set()

    class Watched(Task):
        def __getattribute__(self, word: str) -> Any:
            if sys._getframe(1).f_code.co_filename not in (dataclasses.__file__, __file__):  # copies read everything
                read.add(word)
            return super().__getattribute__(word)

    module = registry.load("tasks", name)
    values = {field.name: getattr(module.task, field.name) for field in dataclasses.fields(Task)}
    tiny.write_data(tmp_path / "data" / name, name)
    german = [{**example, "language": "de"} for example in tiny.examples(module.task.format, 24)]
    write_examples(tmp_path / "data" / name / "test.parquet", module.task, german)
    tiny.write_checkpoint(tmp_path / "parents/none/1")
    monkeypatch.setattr(module, "task", Watched(**values))
    cells = {"none/1": Cell("transformer", "none", name, 1)}
    models = "parents"
    if module.task.is_trained:
        models = "models"
        plan = tiny.plan(name, steps=2, validate_every=1)
        finetune(cells, Places(tmp_path / "parents", tmp_path / "data", tmp_path / models), plan, unheard)
    places = Places(tmp_path / models, tmp_path / "data", tmp_path / "out")
    evaluate(cells, places, ["de"], "micro", RETRIEVAL, unheard)

    assert {"format", "metric", "is_trained"} <= read
    assert {word for word in read if not word.startswith("__")} - {"id", "in_training", "with_labels"} <= set(
        READ_BY_MODELS
    )


@pytest.mark.parametrize(
    ("source", "intermediate", "target", "expected"),
    [
        ("micro", "mnli", "xnli", "same data"),
        ("micro", "anli_plus", "xnli", "same data"),
        ("micro", "squad", "xquad", "same data"),
        ("micro", "squad2", "mlqa", "same data"),
        ("micro", "siqa", "xcopa", "same data"),
        ("micro", "squad", "tydiqa", "same generator"),
        ("micro", "hellaswag", "xcopa", "same generator"),
        ("micro", "qqp", "pawsx", "same generator"),
        ("micro", "qqp", "xnli", "same format"),
        ("micro", "ccg", "panx", "same format"),
        ("micro", "squad", "lareqa", "other"),
        ("micro", "ccg", "xquad", "other"),
        ("micro", "mnli", "tatoeba", "other"),
        ("hub", "squad", "xquad", "same data"),
        ("hub", "squad", "lareqa", "same data"),
        ("hub", "mnli", "anli_plus", "same data"),
        ("hub", "siqa", "xcopa", "same data"),
        ("hub", "squad", "tydiqa", "same format"),
        ("hub", "qqp", "pawsx", "same format"),
        ("files", "mlqa", "xquad", "same data"),
        ("files", "tydiqa", "lareqa", "same data"),
        ("files", "squad", "xquad", "same format"),
        ("files", "mnli", "udpos", "other"),
    ],
)
def test_nearness_is_by_what_two_tasks_train_on_in_a_source(
    source: str, intermediate: str, target: str, expected: str
) -> None:
    first, second = tiny.task_of(intermediate), tiny.task_of(target)

    assert expected in NEARNESS
    assert nearness(first, second, source) == nearness(second, first, source) == expected
