"""What is known of the benchmarks' tasks: which there are, in which languages. What any task file keeps to is tested in
tests/sources/test_tasks.py."""

import re

import pytest

from xit.core.task import task_of

XTREME_R = "lareqa mewslix mlqa panx tatoeba tydiqa udpos xcopa xnli xquad".split()  # noqa: SIM905
XTREME_ALONE = ["bucc2018", "pawsx"]
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


def test_the_ten_tasks_of_xtreme_r_and_the_nine_intermediate_tasks_are_there() -> None:
    assert len(XTREME_R) == 10
    assert len(INTERMEDIATE) == 9
    assert all(task_of(name).group for name in [*XTREME_R, *XTREME_ALONE])
    assert not any(task_of(name).group for name in INTERMEDIATE)


@pytest.mark.parametrize("task_id", COUNTS)
def test_a_task_of_a_benchmark_has_its_languages(task_id: str) -> None:
    assert len(task_of(task_id).languages) == COUNTS[task_id]
    assert set(task_of(task_id).languages) <= set(LANGUAGES.split())


@pytest.mark.parametrize("task_id", INTERMEDIATE)
def test_an_intermediate_task_is_in_english(task_id: str) -> None:
    assert task_of(task_id).languages == ("en",)


def test_the_tasks_of_xtreme_r_together_have_its_fifty_languages() -> None:
    assert {code for name in XTREME_R for code in task_of(name).languages} == set(LANGUAGES.split())
    assert len(LANGUAGES.split()) == 50


@pytest.mark.parametrize("task_id", [*XTREME_R, *XTREME_ALONE, *INTERMEDIATE])
def test_the_citation_of_a_published_task_names_a_place(task_id: str) -> None:
    assert re.search(r"arXiv \d{4}\.\d{5}|ACL|AAAI|LREC|Computational Linguistics", task_of(task_id).citation)
