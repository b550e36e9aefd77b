"""The smallest gain of one intermediate task that an experiment of this size would find (`xit show power`)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xit.core.errors import DataError
from xit.core.scores import read_scores
from xit.core.task import task_of
from xit.paper.inputs import study_of
from xit.statistics.power import POWER, VarianceComponents, minimum_detectable_gain, variance_components
from xit.statistics.study import ENGLISH, MEAN, Study

SEEDS = (2, 3, 5, 10)
"""Numbers of seeds, beside that of params.yaml, for which the gain is given."""


def power(
    scores: Path, parameters: Mapping[str, Any], sd_seeds: float | None, sd_languages: float | None
) -> dict[str, Any]:
    """The gains by target and number of seeds, with the title and caption of their table.

    Args:
        scores: Of an earlier run, which shows how gains vary; need not be there if both are assumed.
        parameters: params.yaml, run or not.
        sd_seeds: Assumed standard deviation of a gain between seeds, in points; else as observed.
        sd_languages: Between languages.

    Raises:
        DataError: nothing was observed of what is not assumed.
    """
    grid, planned = parameters["grid"], len(parameters["seeds"])
    cells = len(grid["encoders"]) * len(grid["intermediates"])
    targets = [*grid["targets"], *grid["bare_targets"]]
    observed = study_of(read_scores(scores), parameters) if sd_seeds is None or sd_languages is None else None
    seeds = sorted({planned, *SEEDS})
    rows = []
    for target in (*targets, MEAN):
        one = _components(observed, target, sd_seeds, sd_languages, scores)
        languages = _planned_languages(targets if target == MEAN else [target], parameters)
        gains = [minimum_detectable_gain(n, languages, cells, one) if one else None for n in seeds]
        deviations = {"sd_seeds": one.seeds if one else None, "sd_languages": one.languages if one else None}
        rows.append({"target": target, "languages": languages, **deviations, "gains": gains})
    return {
        "rows": rows,
        "seeds": seeds,
        "title": f"The gain that is found in {POWER:.0%} of experiments, in points",
        "caption": f"For one intermediate task and encoder, zero-shot; {cells} gains share their variance over seeds. "
        f"Standard deviations are of a gain, "
        f"{'assumed' if observed is None else f'observed in {scores}, where not assumed'}. "
        f"params.yaml has {planned} seed{'s' * (planned > 1)}. Not corrected for the size of a table.",
    }


def _components(
    observed: Study | None, target: str, sd_seeds: float | None, sd_languages: float | None, scores: Path
) -> VarianceComponents | None:
    """As assumed, else as observed; None for a target that was not run."""
    if observed is None:
        return VarianceComponents(sd_seeds or 0.0, sd_languages or 0.0)
    if target not in (*observed.targets, MEAN):
        return None
    seen = variance_components(observed, () if target == MEAN else (target,))
    if seen is None:
        raise DataError(
            f"{scores}: {target}: one seed or one language shows no variance. Assume it: --sd-seeds and --sd-languages."
        )
    return VarianceComponents(
        seen.seeds if sd_seeds is None else sd_seeds, seen.languages if sd_languages is None else sd_languages
    )


def _planned_languages(names: Sequence[str], parameters: Mapping[str, Any]) -> int:
    """In how many languages but English any of these targets is to be evaluated."""
    evaluated = set(parameters["languages"]["evaluation"]) - {ENGLISH}
    if parameters["source"] == "micro":  # has every task in every language
        return len(evaluated)
    return len(evaluated & {code for name in names for code in task_of(name).languages})
