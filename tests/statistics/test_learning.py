"""Targets that an encoder does not learn, by English validation alone."""

import pytest

from xit.statistics.learning import unlearnt


def rows(
    encoder: str = "lstm", target: str = "xnli", failed: int = 0, **by_condition: list[float]
) -> list[dict[str, str]]:
    """Rows of training.csv: a condition's scores are of seeds 1, 2, …, of which the first so many failed."""
    return [
        {
            "stage": "finetune",
            "encoder": encoder,
            "condition": condition,
            "target": target,
            "seed": str(seed),
            "validation_score": str(score),
            "is_failed": str(seed <= failed and condition == "none"),
        }
        for condition, values in by_condition.items()
        for seed, score in enumerate(values, 1)
    ]


def test_a_target_that_is_learnt_better_than_from_random_weights_is_averaged() -> None:
    assert unlearnt(rows(none=[80, 82, 81], untrained=[60, 62, 61]), ["lstm"], 0.95) == {}


@pytest.mark.parametrize("untrained", [[80.5, 82, 81], [90, 91, 92], [79, 81, 80.5]])
def test_a_target_that_random_weights_learn_as_well_is_not(untrained: list[float]) -> None:
    found = unlearnt(rows(none=[80, 82, 81], untrained=untrained), ["lstm"], 0.95)

    assert found == {"xnli": "lstm learns it no better than random weights do"}


def test_noise_is_pooled_over_conditions() -> None:
    alone = rows(none=[80, 84], untrained=[77, 75])
    others = rows(mnli=[80, 84], squad=[79, 82], hellaswag=[81, 84])

    assert unlearnt(alone, ["lstm"], 0.95)
    assert not unlearnt([*alone, *others], ["lstm"], 0.95)


def test_one_seed_is_judged_by_its_score() -> None:
    assert not unlearnt(rows(none=[80], untrained=[79]), ["lstm"], 0.95)
    assert unlearnt(rows(none=[79], untrained=[80]), ["lstm"], 0.95)


def test_without_random_weights_only_failure_counts() -> None:
    assert not unlearnt(rows(none=[33, 34, 33], failed=1), ["lstm"], 0.95)
    found = unlearnt(rows(none=[33, 34, 33], failed=2), ["lstm"], 0.95)
    assert found == {"xnli": "lstm does not learn it in 2 of 3 seeds"}


def test_one_encoder_is_enough_and_both_are_named() -> None:
    learnt = rows("transformer", none=[80, 82, 81], untrained=[60, 62, 61])
    failed = rows("lstm", none=[33, 33, 33], failed=3)
    other = rows("gru", none=[33, 33, 33], failed=3)

    assert list(unlearnt([*learnt, *failed], ["transformer", "lstm"], 0.95)) == ["xnli"]
    assert unlearnt([*failed, *other], ["lstm", "gru"], 0.95)["xnli"].count("does not learn it") == 2
    assert unlearnt([*learnt, *failed], ["transformer"], 0.95) == {}


def test_other_trainings_and_scores_that_are_missing_say_nothing() -> None:
    kept = rows(none=[80, 82], untrained=[60, 62])
    noise = [{**row, "stage": "intermediate", "validation_score": "0"} for row in kept]
    bare = [{**row, "validation_score": ""} for row in rows(target="tatoeba", none=[1, 2], untrained=[1, 2])]

    assert unlearnt([*kept, *noise, *bare], ["lstm"], 0.95) == {}
