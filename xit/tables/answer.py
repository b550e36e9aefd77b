"""The short answer: the average gain of each encoder, their difference, and what hangs on what. The README shows it."""

from xit.core.errors import counted
from xit.paper.inputs import Inputs
from xit.paper.render import FEW_TASKS, Cell, Table
from xit.paper.sentences import contrast_name, flipped, left_out, median_target, starred
from xit.statistics.gains import (
    Estimate,
    Primary,
    encoder_differences,
    gain_array,
    main_gains,
    primary_gains,
)
from xit.statistics.study import MEAN, Study, mean_of_present, weights
from xit.tables.architectures import difference_heads


def build(inputs: Inputs) -> tuple[Table, ...]:
    """The answer; its primary family, looked at otherwise; and the gains in English and as shares of the headroom."""
    return (_answer(inputs), _robustness(inputs), _headroom(inputs))


def _answer(inputs: Inputs) -> Table:
    """Rows are the primary mean and the intermediate tasks, columns encoders, and the first minus each other."""
    study = inputs.study
    first, *rest = study.encoders
    primary = primary_gains(study)
    rows: list[tuple[Cell, ...]] = [
        (
            f"mean of {len(study.primary)}",
            *(primary[(encoder,)] for encoder in study.encoders),
            *(primary[first, encoder] for encoder in rest),
        )
    ]
    rows += [
        (
            task,
            *(main_gains(study)[task, encoder, MEAN] for encoder in study.encoders),
            *(encoder_differences(study)[task, encoder, MEAN] for encoder in rest),
        )
        for task in study.intermediates
    ]
    return Table(
        name="answer",
        title=f"Average gain of intermediate training ({inputs.label})",
        caption=(
            f"Points, zero-shot, mean over {counted(len(study.averaged), 'target')}, {len(study.others)} languages and "
            f"{counted(len(study.seeds), 'seed')}, with {study.analysis.level:.0%} intervals over seeds and languages. "
            f"The first row is the primary family, the mean over {', '.join(study.primary)}. "
            f"{starred(study, 'the primary family', 'all average gains', 'all differences')} Made by `xit paper` from "
            "results/scores.csv."
        ),
        columns=("intermediate", *study.encoders, *difference_heads(study)),
        rows=tuple(rows),
        sections=(1,),
        span="page" if len(study.intermediates) > FEW_TASKS else "column",
    )


def _robustness(inputs: Inputs) -> Table:
    """A row a contrast of the primary family; columns what it is without each target, its median, its sign-flip
    test."""
    study = inputs.study
    rows = tuple(_looked_at(study, key, one) for key, one in primary_gains(study).items())
    return Table(
        name="answer-robustness",
        title=f"The primary family without each target ({inputs.label})",
        caption=(
            "Points, as in the table of the answer, then the mean over the other targets where one is left out, and "
            "the median over targets. Sign-flip: the exact two-sided p of all signs that the seeds' means could have "
            "had, not corrected, from six seeds on; a difference pairs the seeds. Made by "
            "`xit paper` from results/scores.csv."
        ),
        columns=("contrast", "all", *(f"without {name}" for name in study.averaged), "median", "sign-flip p"),
        rows=rows,
    )


def _looked_at(study: Study, key: Primary, one: Estimate | None) -> tuple[Cell, ...]:
    others, p = left_out(study, key), flipped(study, key)
    return (
        contrast_name(key),
        one,
        *(others[name].value if name in others else None for name in study.averaged),
        median_target(study, key),
        None if p is None else f"{p:.3f}",
    )


def _headroom(inputs: Inputs) -> Table:
    """A row an intermediate task and encoder: its gain in English, zero-shot, and as a share of what was left to
    gain."""
    study = inputs.study
    rows: list[tuple[Cell, ...]] = [
        (
            task if encoder == study.encoders[0] else "",
            encoder,
            _english(study, encoder, task),
            main_gains(study)[task, encoder, MEAN],
            _share(study, encoder, task),
        )
        for task in study.intermediates
        for encoder in study.encoders
    ]
    return Table(
        name="answer-headroom",
        title=f"Gains in English, zero-shot, and of what was left to gain ({inputs.label})",
        caption=(
            "English: points, mean over the averaged targets that have English. Zero-shot: as in the table of the "
            "answer. Of headroom: the zero-shot gain of every target in percent of 100 minus its score without "
            "intermediate training, mean over targets. Made by `xit paper` from results/scores.csv."
        ),
        columns=("intermediate", "encoder", "English", "zero-shot", "of headroom, %"),
        rows=tuple(rows),
        sections=tuple(range(0, len(rows), len(study.encoders))),
        texts=2,
        span="column",
    )


def _english(study: Study, encoder: str, task: str) -> float | None:
    gains = mean_of_present(gain_array(study, encoder, [task], is_english=True), axis=(0, 1))[weights(study) > 0]
    mean = float(mean_of_present(gains, axis=0))
    return None if mean != mean else mean


def _share(study: Study, encoder: str, task: str) -> float | None:
    chosen = weights(study) > 0
    gains = mean_of_present(gain_array(study, encoder, [task]), axis=(0, 1))[chosen]
    before = mean_of_present(study.scores(encoder, "none"), axis=(0, 1))[chosen]
    shares = gains[before < 100] / (100 - before[before < 100])
    return 100 * float(shares.mean()) if len(shares) and not (shares != shares).any() else None
