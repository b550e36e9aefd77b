"""What a benchmark is: its tasks, their languages, their groups."""

import pytest
import tiny
from benchmark_languages import LANGUAGES

from xit.core.errors import ConfigError
from xit.scoring import benchmarks


@pytest.mark.parametrize("name", benchmarks.BENCHMARKS)
def test_a_benchmark_has_the_tasks_and_languages_of_its_evaluator(name: str) -> None:
    benchmark = benchmarks.load(name)

    assert len(set(benchmark.tasks)) == len(benchmark.tasks) == {"xtreme": 9, "xtreme-r": 10}[name]
    found = {task: set(benchmark.languages(task)) for task in benchmark.tasks}
    assert found == {task: set(codes.split()) for task, codes in LANGUAGES[name].items()}
    for task, codes in benchmark.without.items():
        assert set(codes.split()) <= set(tiny.task_of(task).languages)


def test_the_groups_are_those_of_the_tasks_but_xcopa_is_in_two_and_lareqa_in_none() -> None:
    for name in benchmarks.BENCHMARKS:
        benchmark = benchmarks.load(name)
        groups = {
            task: [group for group, members in benchmark.groups.items() if task in members] for task in benchmark.tasks
        }

        assert groups.pop("xcopa", None) in (None, ["classification", "multi_choice"])
        assert groups.pop("lareqa", None) in (None, [])
        assert groups == {task: [tiny.task_of(task).group] for task in groups}


def test_an_unknown_benchmark_is_refused() -> None:
    assert benchmarks.load("xtreme-r") is benchmarks.load("xtreme_r")
    with pytest.raises(
        ConfigError, match=r"xtrem: no such benchmark. Did you mean xtreme\? Benchmarks: xtreme, xtreme-r"
    ):
        benchmarks.load("xtrem")
