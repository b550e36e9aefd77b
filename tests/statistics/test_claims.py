"""Claims: verdicts follow from estimates, stars and margins, and find the effects that were put in."""

import csv
import dataclasses
from pathlib import Path

import pytest
from built_tables import inputs
from fabricated import ANALYSIS, LANGUAGES, PAPER, scores, study_of

from xit.core.scores import Score
from xit.paper.sentences import answer
from xit.statistics.claims import CLAIMS, Verdict, entries, verdict
from xit.statistics.claims import results as ruled
from xit.statistics.gains import Estimate, main_gains, primary_gains


@pytest.mark.parametrize(
    ("value", "is_significant", "expected"),
    [
        (0.5, True, "reproduced"),
        (-0.5, True, "contradicted"),
        (0.5, False, "inconclusive"),
        (-0.5, False, "inconclusive"),
        (0.5, None, "not tested"),
    ],
)
def test_a_verdict_follows_from_sign_and_star(value: float, is_significant: bool | None, expected: Verdict) -> None:
    assert verdict(Estimate(value, 0.1, 2.0, 0.01, 1, 2, 3, is_significant)) == expected
    assert verdict(None) == "not run"


@pytest.mark.parametrize(
    ("effect", "noise", "margin", "expected"),
    [
        (0.0, 0.2, 1.0, "reproduced"),
        (0.8, 0.1, 1.0, "reproduced"),  # unequal, and by less than counts
        (1.2, 0.1, 1.0, "contradicted"),
        (1.2, 3.0, 1.0, "inconclusive"),  # its interval holds the margin, and may exclude zero
        (1.2, 0.1, 1.2, "inconclusive"),
    ],
)
def test_equality_is_judged_by_the_margin_and_not_by_zero(
    effect: float, noise: float, margin: float, expected: Verdict
) -> None:
    rows = [
        dataclasses.replace(row, value=row.value + effect)
        if (row.encoder, row.condition) == ("transformer", "mnli")
        else row
        for row in scores({"mnli": 0.0}, noise=noise)
    ]

    found = ruled(study_of(rows, dataclasses.replace(ANALYSIS, margin=margin)))

    assert found["same", "lstm"].verdict == expected


def test_a_sentence_a_star_and_a_verdict_never_disagree() -> None:
    seen = set()
    for draw in range(12):
        rows = scores({"mnli": 0.5}, noise=3.0, languages=LANGUAGES[: 3 + draw % 4])
        rows = [dataclasses.replace(row, value=row.value + draw / 6 * (row.condition == "mnli")) for row in rows]
        of = study_of(rows)
        for encoder in of.encoders:
            star = main_gains(of)["mnli", encoder, "mean"]
            assert star is not None
            expected = ("reproduced" if star.value > 0 else "contradicted") if star.is_significant else "inconclusive"
            assert ruled(of)["mnli", encoder].verdict == expected
            primary = primary_gains(of)[(encoder,)]
            assert primary is not None
            sentence = next(one for one in answer(of) if f"For the {encoder} encoder" in one)
            assert (" raises " in sentence or " lowers " in sentence) == bool(primary.is_significant)
            assert (ruled(of)["intermediate", encoder].verdict != "inconclusive") == bool(primary.is_significant)
            seen.add((expected, primary.is_significant))
    assert len({one for one, _ in seen}) > 1


def test_every_published_number_of_a_claim_has_a_claim() -> None:
    with (PAPER / "inputs/published.csv").open(encoding="utf-8") as file:
        keys = [row["key"] for row in csv.DictReader(file) if row["key"]]

    ids = [claim.id for claim in CLAIMS]
    assert len(set(ids)) == len(ids) >= 12
    assert set(keys) <= set(ids)


def test_claims_find_the_effects_that_were_put_in() -> None:
    verdicts = {key: one.verdict for key, one in ruled(study_of(scores())).items()}

    for encoder in ("transformer", "lstm"):
        assert verdicts["pretraining", encoder] == "reproduced"
        assert verdicts["mnli", encoder] == "reproduced"
        assert verdicts["squad", encoder] == "contradicted"
        assert verdicts["best", encoder] == "reproduced"
        assert verdicts["hellaswag", encoder] == "not run"
        assert verdicts["tydiqa", encoder] == "not run"
    assert verdicts["same", "lstm"] == "reproduced"
    assert ("same", "transformer") not in verdicts


def test_gains_on_retrieval_and_differences_between_encoders_are_found() -> None:
    rows = [
        dataclasses.replace(row, value=row.value + 6)
        if row.condition == "mnli" and row.target == "tatoeba" and row.encoder == "transformer"
        else row
        for row in scores({"mnli": 0.0})
    ]

    found = ruled(study_of(rows))

    assert found["retrieval", "transformer"].verdict == "reproduced"
    assert found["retrieval", "lstm"].verdict == "inconclusive"
    assert found["same", "lstm"].verdict == "contradicted"


def test_the_best_task_for_a_target_is_chosen_on_the_other_seeds() -> None:
    effects = {("mnli", 1): 10.0, ("mnli", 2): 0.0, ("squad", 1): 0.0, ("squad", 2): 4.0}
    rows = [
        Score(
            "lstm", task, "xnli", language, "test", "micro", "accuracy", seed, 50 + effects.get((task, seed), 0.0), 10
        )
        for task in ("none", "mnli", "squad")
        for seed in (1, 2)
        for language in ("de", "sw")
    ]

    one = ruled(study_of(rows))["best", "lstm"].estimate

    assert one is not None
    assert one.value == 0.0  # squad for seed 1, mnli for seed 2; their own luck would have given 7


def test_the_three_best_tasks_are_compared_with_the_rest() -> None:
    effects = {"squad": 5.0, "mnli": 4.0, "hellaswag": 3.0, "qqp": 1.0}

    one = ruled(study_of(scores(effects, noise=0)))["largest", "lstm"].estimate

    assert one is not None
    assert one.value == pytest.approx(3.0)


def test_all_tasks_at_once_are_compared_with_the_best_of_the_others_alone() -> None:
    effects = {"squad": 5.0, "mnli": 1.0, "multitask": 8.0, "mnli+mlm": 20.0}

    found = ruled(study_of(scores(effects, noise=0.1)))

    one = found["multitask-best", "lstm"]
    assert one.estimate is not None
    assert one.estimate.value == pytest.approx(3.0, abs=0.2)
    assert (one.verdict, found["multitask", "lstm"].verdict) == ("reproduced", "reproduced")


@pytest.mark.parametrize(
    ("effects", "most", "none"),
    [
        ({"squad": 6.0, "mnli": 4.0, "qqp": -3.0}, "reproduced", "contradicted"),
        ({"squad": -6.0, "mnli": -4.0, "qqp": 3.0}, "contradicted", "contradicted"),
        ({"squad": 0.1, "mnli": -4.0, "qqp": 0.0}, "inconclusive", "reproduced"),
    ],
)
def test_gains_from_most_tasks_and_from_none_are_told_apart(
    effects: dict[str, float], most: Verdict, none: Verdict
) -> None:
    found = ruled(study_of(scores(effects, targets=("xnli", "tydiqa"), noise=0.2)))

    assert found["tydiqa-most", "lstm"].verdict == most
    assert found["xnli-none", "lstm"].verdict == none


def test_what_is_added_to_the_same_tasks_is_compared_with_the_margin() -> None:
    effects = {"mnli": 4.0, "squad": 9.0, "mnli+mlm": 1.0, "mnli+de": 6.0, "mnli+sw": 6.0}

    found = ruled(study_of(scores(effects, noise=0.1)))

    plain = found["mlm", "lstm"].estimate, found["translated", "lstm"].estimate
    assert [round(one.value) for one in plain if one] == [
        1 + 3,
        1 - 2,
    ]  # the margin; squad, which has neither, stays out
    assert (found["mlm", "lstm"].verdict, found["translated", "lstm"].verdict) == ("reproduced", "contradicted")


def test_conditions_that_were_not_run_leave_their_claims_not_run() -> None:
    found = ruled(study_of(scores()))

    for name in ("multitask", "multitask-best", "tydiqa-most", "mlm", "translated"):
        assert found[name, "lstm"].verdict == "not run"


def test_the_entries_have_each_claim_with_source_and_verdict_by_encoder(tmp_path: Path) -> None:
    of = inputs(tmp_path, scores())

    found = {one["id"]: one for one in entries(of.study, of.published)}

    assert list(found) == [claim.id for claim in CLAIMS]
    keys = ["id", "statement", "source", "published", "differs", "by_encoder"]
    assert all(list(one) == keys for one in found.values())
    squad = found["squad"]
    assert (squad["published"], squad["source"]) == ("+8.2", "Phang et al. 2020, arXiv 2005.13013")
    assert list(squad["by_encoder"]) == ["transformer", "lstm"]
    lstm = squad["by_encoder"]["lstm"]
    assert lstm["verdict"] == "contradicted"
    assert lstm["interval"][0] < lstm["estimate"] < lstm["interval"][1] < 0
    assert found["mlm"]["by_encoder"]["lstm"] == {"estimate": None, "interval": None, "verdict": "not run"}
    assert (found["same"]["published"], found["same"]["source"]) == (None, None)
    assert "transformer" in found["same"]["statement"]
