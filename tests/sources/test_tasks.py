"""What every task file keeps to, whichever there are: its record fits its format, its readers and generator exist."""

import importlib
import inspect
import re

import pytest

from xit.core import registry
from xit.core.task import task_of
from xit.formats import format_of
from xit.sources import readers

IDS = registry.names("tasks")


def test_there_are_tasks_of_every_format_to_range_over() -> None:
    assert {task_of(name).format for name in IDS} == set(registry.names("formats")) == set(registry.names("heads"))


@pytest.mark.parametrize("task_id", IDS)
def test_the_record_of_a_task_fits_its_format(task_id: str) -> None:
    task = task_of(task_id)

    assert set(task.record) == {"id", "language", *format_of(task).columns}
    assert format_of(task).faults(task.record) == []


@pytest.mark.parametrize("task_id", IDS)
def test_a_task_names_each_language_once_and_english_first(task_id: str) -> None:
    languages = task_of(task_id).languages

    assert languages
    assert len(languages) == len(set(languages))
    assert "en" not in languages[1:]


@pytest.mark.parametrize("task_id", IDS)
def test_a_task_has_labels_where_its_format_has_any(task_id: str) -> None:
    task = task_of(task_id)

    assert len(set(task.labels)) == len(task.labels)
    assert task.labels or task.format != "classification"
    assert not task.labels or format_of(task).has_labels  # tags may be those of the data (CCG)


@pytest.mark.parametrize("task_id", IDS)
def test_a_task_has_a_title_a_licence_and_a_citation_with_a_year(task_id: str) -> None:
    task = task_of(task_id)

    assert re.search(r"\b(19|20)\d\d\b", task.citation)
    assert task.title
    assert task.licence


@pytest.mark.parametrize("task_id", [name for name in IDS if task_of(name).files])
def test_files_name_readers_and_their_options(task_id: str) -> None:
    task = task_of(task_id)
    sources = [source for split in task.files.values() for source in split]

    for source in sources:
        parameters = inspect.signature(getattr(readers, source.reader)).parameters
        assert set(source.options) - {"labels"} <= set(parameters)
        assert set(source.options.get("labels", {}).values()) <= set(task.labels)
        assert 0 <= source.rows[0] < source.rows[1] <= 1
    assert ("train" in task.files) == task.is_trained
    assert ("validation" in task.files) == (task.is_trained or task.is_mined)


@pytest.mark.parametrize("task_id", IDS)
def test_the_micro_generator_of_a_task_exists(task_id: str) -> None:
    generators = importlib.import_module("xit.micro.generators")

    assert callable(getattr(generators, task_of(task_id).micro, None))
