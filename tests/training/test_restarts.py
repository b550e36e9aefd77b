"""A training that fails is started again with another head and order, and a killed one goes on where it was."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import test_loop
import tiny
from fast_cases import fast

from xit.core.plan import Places, Plan
from xit.core.progress import Report, unheard
from xit.stages.finetune import finetune
from xit.stages.intermediate import intermediate
from xit.training import mixtures
from xit.training.mixtures import attempt_seed

HOPELESS = tiny.plan("xnli", learning_rate=1e-9, steps=6, validate_every=3, restarts=2)
"""So small a rate that nothing is learned."""
ABLE = tiny.plan("xnli", learning_rate=0.02, steps=60, validate_every=10, restarts=2)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("restarts")
    tiny.write_checkpoint(folder / "parents/none/1", "lstm")
    tiny.write_checkpoint(folder / "pretrained/1", "lstm")
    for name in ("xnli", "mnli"):
        tiny.write_data(folder / "data" / name, name)
        tiny.write_examples(folder / f"data/{name}/validation.parquet", tiny.task_of(name), many(name))
    return folder


def many(name: str) -> list[dict[str, Any]]:
    """Enough examples that chance is told from what is learned."""
    return tiny.examples(tiny.task_of(name).format, 48)


def trained(root: Path, out: Path, plan: Plan, report: Report = unheard) -> str:
    places = Places(root / "parents", root / "data", out)
    (line,) = finetune(tiny.cells("lstm", "none", "xnli"), places, plan, report)
    return line


def outcome(folder: Path) -> Any:
    return json.loads((folder / "outcome.json").read_text())


def test_a_training_that_fails_is_started_again_so_many_times_and_marked(root: Path, tmp_path: Path) -> None:
    line = trained(root, tmp_path, HOPELESS)

    found = outcome(tmp_path / "none/1")
    assert (found["attempts"], found["is_failed"]) == (3, True)
    assert found["chance"] == pytest.approx(100 / 3)
    assert found["best_score"] <= 100 / 3 + 15
    assert "attempt 3" in line
    assert "FAILED: not above chance, 33.3, by two standard errors" in line
    assert [path.name for path in (tmp_path / "none").iterdir()] == ["1"]


def test_each_attempt_has_another_head_and_order_and_the_last_one_stands(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[Plan] = []
    heads: list[bytes] = []
    train = mixtures.train

    def seen(model: Any, step_at: Any, plan: Plan, *rest: Any) -> Any:
        plans.append(plan)
        heads.append(b"".join(value.numpy().tobytes() for value in model.head.state_dict().values()))
        return train(model, step_at, plan, *rest)

    monkeypatch.setattr(mixtures, "train", seen)
    trained(root, tmp_path / "all", HOPELESS)
    alone = dataclasses.replace(HOPELESS, restarts=0)
    trained(root, tmp_path / "first", alone)

    seeds = [plan.seed for plan in plans[:3]]
    assert seeds == [1, attempt_seed(1, 1), attempt_seed(1, 2)]
    assert len(set(seeds)) == len(set(heads[:3])) == 3
    assert plans[3].seed == 1
    first, last = (tmp_path / name / "none/1/log.jsonl" for name in ("first", "all"))
    assert first.read_text() != last.read_text()


@pytest.mark.slow
def test_one_that_learns_is_not_started_again_and_restarts_change_no_bit_of_it(root: Path, tmp_path: Path) -> None:
    made = []
    for restarts in (0, 1, 3):
        trained(root, tmp_path / f"{restarts}", dataclasses.replace(ABLE, restarts=restarts))
        made.append(test_loop.files(tmp_path / f"{restarts}/none/1"))
        found = outcome(tmp_path / f"{restarts}/none/1")
        assert (found["attempts"], found["is_failed"]) == (1, False)

    first, *others = made
    assert {name for some in others for name in some if some[name] != first[name]} <= {"lineage.json"}


def stopping(attempt: int, step: int) -> Callable[..., None]:
    """A report that stops a training at a step of an attempt, each of which begins with step 1."""
    begun = 0

    def report(what: str, done: int, total: int, figures: Any) -> None:
        nonlocal begun
        begun += done == 1
        if (begun, done) == (attempt, step):
            raise KeyboardInterrupt

    return report


SAVING = dataclasses.replace(HOPELESS, compute=dataclasses.replace(HOPELESS.compute, save_every=2))


@pytest.fixture(scope="module")
def undisturbed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What three attempts leave that nobody stops."""
    folder = tmp_path_factory.mktemp("undisturbed")
    trained(root, folder / "xnli", SAVING)
    return test_loop.files(folder / "none/1")


@pytest.mark.parametrize(
    ("attempt", "step"), fast(lambda case: case == (2, 5), [(1, 5), (1, 6), (2, 1), (2, 5), (2, 6), (3, 2), (3, 6)])
)
def test_a_stopped_attempt_goes_on_in_its_own_bits(
    attempt: int, step: int, undisturbed: Any, root: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained(root, tmp_path / "stopped/xnli", SAVING, stopping(attempt, step))
    steps: list[int] = []

    def report(what: str, done: int, total: int, figures: Any) -> None:
        steps.append(done)

    trained(root, tmp_path / "stopped/xnli", SAVING, report)

    assert test_loop.files(tmp_path / "stopped/none/1") == undisturbed
    saved = min(step, 5) // 2 * 2  # a state is saved at every second step but the last
    assert len(steps) == 6 * (4 - attempt) - saved


def test_intermediate_training_is_started_again_alike_and_shuffled_labels_are_not(root: Path, tmp_path: Path) -> None:
    hopeless = tiny.plan("mnli", learning_rate=1e-9, steps=4, validate_every=2, restarts=1)
    shuffled = tiny.plan("mnli", learning_rate=1e-9, steps=4, validate_every=0, restarts=1, is_shuffled=True)
    for condition, plan in (("mnli", hopeless), ("mnli+shuffled", shuffled)):
        places = Places(root / "pretrained", root / "data", tmp_path / condition)
        intermediate(tiny.cells("lstm", condition), places, plan, unheard)

    found = [outcome(tmp_path / condition / "1") for condition in ("mnli", "mnli+shuffled")]
    assert [(one["attempts"], one["is_failed"]) for one in found] == [(2, True), (1, None)]
    assert found[1]["chance"] is None


def test_several_tasks_are_judged_by_their_means() -> None:
    def stream(by_chance: float, validated: int) -> mixtures.Stream:
        return mixtures.Stream("", None, None, lambda: None, validated=validated, chance=by_chance)  # type: ignore[arg-type, return-value]

    assert mixtures.judged(36.0, [stream(40.0, 200), stream(20.0, 500)]) == (30.0, False)  # 6.0 is 2.5 of 400 examples
    assert mixtures.judged(34.0, [stream(40.0, 200), stream(20.0, 500)]) == (30.0, True)
    assert mixtures.judged(36.0, [stream(30.0, 200)]) == (30.0, True)  # 1.8
    assert mixtures.judged(None, []) == (None, None)
