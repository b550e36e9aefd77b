"""What holds for every data set: its record fits its format, its languages are the benchmark's, its sources exist."""

import importlib
import inspect
import re

import pytest

from xit.core import examples, registry
from xit.core.task import Task
from xit.sources import readers

IDS = registry.names("tasks")

XTREME_R = "lareqa mewslix mlqa panx tatoeba tydiqa udpos xcopa xnli xquad".split()  # noqa: SIM905
INTERMEDIATE = "anli_plus ccg commonsenseqa cosmosqa hellaswag mnli qqp squad squad2".split()  # noqa: SIM905

# The union of XTREME-R's languages (Ruder et al. 2021, table 7)
LANGUAGES = """
af ar az bg bn de el en es et eu fa fi fr gu he hi ht hu id it ja jv ka kk ko lt ml mr ms my nl pa pl pt qu ro ru sw ta
te th tl tr uk ur vi wo yo zh
"""

COUNTS = {  # google-research/xtreme:evaluate.py, the second version's lists; LAReQA as XQuAD-R has them
    "xnli": 15,
    "xcopa": 11,
    "udpos": 38,
    "panx": 48,
    "xquad": 12,
    "mlqa": 7,
    "tydiqa": 9,
    "tatoeba": 41,
    "mewslix": 11,
    "lareqa": 11,
    "bucc2018": 4,
    "pawsx": 7,
}

METRICS = {
    "classification": {"accuracy"},
    "multiple_choice": {"accuracy"},
    "tagging": {"f1", "accuracy"},
    "span": {"f1", "exact_match"},
    "retrieval": {"accuracy", "f1", "map_at_20", "mrr_at_20"},
}


def load(task_id: str) -> Task:
    task: Task = registry.load("tasks", task_id).task
    return task


def test_the_ten_tasks_of_xtreme_r_and_the_nine_intermediate_tasks_are_there() -> None:
    assert set(XTREME_R) | set(INTERMEDIATE) <= set(IDS)
    assert {name for name in IDS if load(name).group} == {*XTREME_R, "pawsx", "bucc2018"}


@pytest.mark.parametrize("task_id", IDS)
def test_the_record_of_a_task_fits_its_format(task_id: str) -> None:
    task = load(task_id)

    assert set(task.record) == {"id", "language", *examples.COLUMNS[task.format]}
    assert examples.faults(task.record, task) == []


@pytest.mark.parametrize("task_id", IDS)
def test_a_task_has_the_languages_of_the_benchmark(task_id: str) -> None:
    languages = load(task_id).languages

    assert len(languages) == len(set(languages)) == COUNTS.get(task_id, 1)
    assert set(languages) <= set(LANGUAGES.split())
    assert "en" not in languages[1:]


def test_the_tasks_together_have_the_fifty_languages_of_xtreme_r() -> None:
    assert {code for name in XTREME_R for code in load(name).languages} == set(LANGUAGES.split())


@pytest.mark.parametrize("task_id", IDS)
def test_a_task_has_a_metric_of_its_format_and_labels_where_it_needs_them(task_id: str) -> None:
    task = load(task_id)

    assert task.metric in METRICS[task.format]
    assert len(set(task.labels)) == len(task.labels)
    needs_labels = task.format in ("classification", "tagging") and task_id != "ccg"  # its tags are those of the data
    assert bool(task.labels) == needs_labels


@pytest.mark.parametrize("task_id", IDS)
def test_a_citation_has_a_year_and_a_place(task_id: str) -> None:
    task = load(task_id)

    assert re.search(r"\b(19|20)\d\d\b", task.citation)
    assert re.search(r"arXiv \d{4}\.\d{5}|ACL|AAAI|LREC|Computational Linguistics", task.citation)
    assert task.title
    assert task.licence


@pytest.mark.parametrize("task_id", [name for name in IDS if load(name).files])
def test_files_name_readers_and_their_options(task_id: str) -> None:
    task = load(task_id)
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

    assert callable(getattr(generators, load(task_id).micro, None))
