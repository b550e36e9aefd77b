"""Facts of languages and their gains: the closed form is the mixed model, and what cannot be told has no slope."""

import math

import numpy as np
import pytest

from xit.statistics.covariates import slopes

NAMES = ("script", "shared", "tokens")


def drawn(seed: int, languages: int = 12) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Gains that rise by 2 points a standard deviation of `shared` and with nothing else, with a little noise."""
    rng = np.random.default_rng(seed)
    facts = {f"l{i}": {name: float(rng.normal()) for name in NAMES} for i in range(languages)}
    spread = np.std([of["shared"] for of in facts.values()], ddof=1)
    return {code: 1 + 2 * of["shared"] / spread + float(rng.normal(0, 0.5)) for code, of in facts.items()}, facts


def test_the_closed_form_is_the_mixed_model_with_a_random_intercept_for_each_language() -> None:
    lm = pytest.importorskip("statsmodels.regression.mixed_linear_model")
    gains, facts = drawn(0, languages=30)
    rng = np.random.default_rng(1)
    noise = {code: rng.normal(0, 0.3, 5) for code in gains}  # of seeds, which has no part in the means
    table = np.array([[facts[code][name] for name in NAMES] for code in gains])
    model = np.column_stack([np.ones(len(table)), (table - table.mean(0)) / table.std(0, ddof=1)])
    long = [
        (code, row, gains[code] + one - noise[code].mean())
        for code, row in zip(gains, model, strict=True)
        for one in noise[code]
    ]
    groups, rows, values = zip(*long, strict=True)

    fitted = lm.MixedLM(np.array(values), np.array(rows), groups=np.array(groups)).fit(reml=True)
    ours = slopes(gains, facts, NAMES, 0.95, 5)

    for number, name in enumerate(NAMES, 1):
        one = ours[name]
        assert one is not None
        assert one.high is not None
        assert one.value == pytest.approx(fitted.params[number], abs=1e-4)
        assert (one.high - one.value) / 2.0555 == pytest.approx(fitted.bse[number], rel=0.02)  # t of 26 degrees


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held = [
        one.low <= truth <= one.high
        for seed in range(400)
        for name, truth in (("shared", 2.0), ("script", 0.0))
        if (one := slopes(*drawn(seed), NAMES, 0.95, 3)[name]) and one.low is not None and one.high is not None
    ]

    assert len(held) == 800
    assert 0.93 <= np.mean(held) <= 0.97


def test_what_does_not_vary_or_says_the_same_or_has_too_few_languages_has_no_slope() -> None:
    gains, facts = drawn(0)
    constant = {code: {**of, "script": 1.0} for code, of in facts.items()}
    twice = {code: {**of, "tokens": 3 * of["shared"] - 1} for code, of in facts.items()}
    unknown = {code: {**of, "tokens": math.nan} for code, of in facts.items()}
    few = dict(list(gains.items())[:6])

    assert slopes(gains, constant, NAMES, 0.95, 3) == dict.fromkeys(NAMES)
    assert slopes(gains, constant, ["script"], 0.95, 3) == {"script": None}
    assert slopes(gains, twice, NAMES, 0.95, 3) == dict.fromkeys(NAMES)
    assert slopes(gains, twice, ["tokens"], 0.95, 3)["tokens"] == slopes(gains, facts, ["shared"], 0.95, 3)["shared"]
    assert slopes(gains, unknown, ["tokens"], 0.95, 3) == {"tokens": None}
    assert slopes(few, facts, NAMES, 0.95, 3) == dict.fromkeys(NAMES)
    assert slopes(few, facts, ["shared"], 0.95, 3)["shared"] is not None
