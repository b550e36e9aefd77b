"""params.yaml → plans: whose value holds, and what a change of one task's value leaves alone."""

import copy
from pathlib import Path
from typing import Any

import pytest
import tiny

from xit.core.plan import Places
from xit.core.progress import unheard
from xit.pipeline import config, plans
from xit.stages.finetune import finetune

VALUES = config.read(Path(__file__).parents[2] / "params.yaml")


def changed(rates: dict[str, float] | None, **sections: Any) -> config.Config:
    """The parameters with these rates of the lstm on tasks, all others 0.004, and further sections laid over."""
    values = copy.deepcopy(VALUES)
    values["encoders"]["lstm"] |= {"learning_rate": 0.004, "learning_rates": rates}
    return config.check(config.laid_over(values, sections), "params.yaml")


RATES = {"xnli": 0.002, "mnli": 0.001, "squad": 0.003}


@pytest.mark.parametrize(
    ("condition", "rate"),
    [
        ("mnli", 0.001),
        ("mnli+mlm", 0.001),
        ("squad-10", 0.003),
        ("mnli+shuffled", 0.001),
        ("hellaswag", 0.004),
        ("multitask", 0.004),
        ("mlm", 0.004),
    ],
)
def test_a_condition_is_trained_at_the_rate_of_its_task_or_else_at_that_of_the_encoder(
    condition: str, rate: float
) -> None:
    plan = plans.intermediate(changed(RATES), condition, "lstm")

    assert plan is not None
    assert plan.learning_rate == rate


def test_a_rate_is_that_of_a_trial_else_of_the_task_else_of_the_encoder_for_it_else_of_the_encoder() -> None:
    own = changed(RATES, targets={"xnli": {"learning_rate": 0.1}})

    assert plans.target(own, "xnli", "lstm").learning_rate == 0.1
    assert plans.target(changed(RATES), "xnli", "lstm").learning_rate == 0.002
    assert plans.target(changed(RATES), "udpos", "lstm").learning_rate == 0.004
    assert plans.target(changed(None), "xnli", "lstm").learning_rate == 0.004


def test_a_rate_of_one_task_keeps_the_models_of_the_others(tmp_path: Path) -> None:
    def made(rates: dict[str, float] | None, target: str) -> str:
        batch = {"steps": 2, "batch_size": 8, "max_length_tokens": 64, "validate_every": 0}
        plan = plans.target(changed(rates, targets={target: batch}), target, "lstm")
        places = Places(tmp_path / "parents", tmp_path / "data", tmp_path / target)
        (line,) = finetune(tiny.cells("lstm", "none", target), places, plan, unheard)
        return line

    tiny.write_checkpoint(tmp_path / "parents/none/1", "lstm")
    for target in ("xnli", "xquad"):
        tiny.write_data(tmp_path / "data" / target, target)
        made(None, target)

    assert "already made, of the same lineage" in made({"xnli": 0.002}, "xquad")
    assert "already made" not in made({"xnli": 0.002}, "xnli")
    assert "already made" in made({"xnli": 0.002, "xquad": 0.1}, "xnli")
    assert "already made" in made({"xnli": 0.004}, "xquad")  # said or not, the value counts


def test_the_objectives_of_pretraining_are_those_with_a_share_and_text_between_tasks_is_masked_lm_alone() -> None:
    shares = {"masked_lm": 0.25, "translation_lm": 0.0, "translation_ranking": 0.75}
    found = changed(None, pretraining={"objectives": shares})

    pretraining, mixed = plans.pretraining(found, "lstm").text, plans.intermediate(found, "mnli+mlm", "lstm")

    assert pretraining is not None
    assert pretraining.objectives == {"masked_lm": 0.25, "translation_ranking": 0.75}
    assert mixed is not None
    assert mixed.text is not None
    assert mixed.text.objectives == {"masked_lm": 1.0}
    default = plans.pretraining(changed(None), "lstm").text
    assert default is not None
    assert default.objectives == {"masked_lm": 1.0}
