"""What an experiment of this size would find in its primary family (`xit show power`); the numbers are of
`xit.statistics.power`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xit.core.errors import ConfigError, DataError, counted
from xit.core.scores import read_scores
from xit.paper.inputs import study_of, training_beside
from xit.paper.sentences import in_points
from xit.statistics.gains import Primary
from xit.statistics.power import (
    POWER,
    Spread,
    assumed_spreads,
    minimum_detectable,
    primary_spreads,
    seeds_needed,
)
from xit.statistics.study import ENGLISH

SEEDS = (2, 3, 5, 8, 10)
"""Numbers of seeds, beside that of params.yaml, for which it is told."""


def power(
    scores: Path, parameters: Mapping[str, Any], sd_seeds: float | None, sd_languages: float | None
) -> dict[str, Any]:
    """The differences that are found, by contrast and number of seeds, with the title and caption of their table.

    Args:
        scores: Of an earlier run, which shows how gains scatter; need not be there if it is assumed.
        parameters: params.yaml, run or not.
        sd_seeds: Assumed standard deviation of an encoder's mean gain between seeds, in points; else as observed.
        sd_languages: Between languages; goes with the other.

    Raises:
        ConfigError: one is assumed and the other is not.
        DataError: nothing was observed.
    """
    analysis, planned = parameters["analysis"], len(parameters["seeds"])
    if (sd_seeds is None) != (sd_languages is None):
        raise ConfigError(
            "xit show power: one of --sd-seeds and --sd-languages is missing; found the other alone. Both are assumed, "
            "or neither, and then both are observed in the scores of a run."
        )
    spreads: Mapping[Primary, Spread | None]
    if sd_seeds is not None and sd_languages is not None:
        languages = len(set(parameters["languages"]["evaluation"]) - {ENGLISH})
        spreads = assumed_spreads(tuple(parameters["grid"]["encoders"]), sd_seeds, sd_languages, languages)
    else:
        spreads = primary_spreads(study_of(read_scores(scores), parameters, training_beside(scores)))
        if not any(spreads.values()):
            raise DataError(
                f"{scores}: one seed or one language shows no variance. Assume it: --sd-seeds and --sd-languages."
            )
    level, margin, tests = analysis["level"], analysis["margin"], len(spreads)
    numbers = sorted({planned, *SEEDS})
    rows = [
        {
            "contrast": " − ".join(key),
            "sd_seeds": spread.seeds if spread else None,
            "sd_languages": spread.languages if spread else None,
            "needed": seeds_needed(spread, margin, level, tests) if spread else None,
            "found": [minimum_detectable(spread, n, level, tests) if spread else None for n in numbers],
        }
        for key, spread in spreads.items()
    ]
    return {
        "rows": rows,
        "seeds": numbers,
        "title": f"The mean gain, and the difference of gains, that is found in {POWER:.0%} of experiments, in points",
        "caption": f"At the strictest of Holm's correction for the {tests} tests of the primary family, by number of "
        f"seeds; standard deviations are {'assumed' if sd_seeds is not None else f'observed in {scores}'}. Needed: the "
        f"seeds that find the margin, {in_points(margin)}. params.yaml has "
        f"{counted(planned, 'seed')}, and verdicts from {analysis['fewest_seeds']} on.",
    }
