"""What the page shows of an experiment, as HTML by key, with all that comes from data escaped."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from xit.core import languages
from xit.core.conditions import BASELINE
from xit.formats import format_of
from xit.paper import sentences
from xit.paper.render import interval, shown, signed
from xit.report import _figures
from xit.report._examples import Examples, Shown
from xit.report._figures import Row, differences_of, escaped, gains_of, link, row_link, rows_of
from xit.statistics.gains import Estimate, best, main_gains
from xit.statistics.study import MEAN, Study

JOIN = "|"
"""Between the parts of a key; ids have none."""


def prose(text: str) -> str:
    """Escaped, with what stands in back-ticks as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escaped(text))


def choices(study: Study) -> str:
    first = study.encoders[0]
    options = {
        "encoder": ([(name, name) for name in study.encoders], first),
        "condition": (
            [(name, name) for name in study.rows],
            best(study, first) or study.rows[0],
        ),
        "target": ([(MEAN, "mean of all"), *((name, name) for name in study.targets)], MEAN),
        "language": (
            [(code, f"{languages.facts(code).name} ({code})") for code in study.languages],
            (*study.others, *study.languages)[0],
        ),
    }
    return "\n".join(
        f'<div><label for="{name}">{name}</label><select id="{name}" name="{name}">'
        + "".join(
            f'<option value="{escaped(value)}"{" selected" * (value == default)}>{escaped(words)}</option>'
            for value, words in pairs
        )
        + "</select></div>"
        for name, (pairs, default) in options.items()
    )


def fragments(study: Study, examples: Examples) -> dict[str, str]:
    """Everything by its key, whose parts are those of a choice."""
    return {JOIN.join(key): body for key, body in _fragments(study, examples)}


def _fragments(study: Study, examples: Examples) -> Iterator[tuple[tuple[str, ...], str]]:
    yield ("answer",), f"<ul>{''.join(f'<li>{escaped(sentence)}</li>' for sentence in sentences.answer(study))}</ul>"
    yield ("choices",), choices(study)
    for encoder in study.encoders:
        figure = _figures.estimates_map(gains_of(study, encoder), study.intermediates, "gains-title")
        yield ("gains", encoder), figure
        for condition in study.rows:
            figure = _figures.languages_map(study, encoder, condition, "languages-title")
            yield ("languages", encoder, condition), figure
    for encoder in study.encoders[1:]:
        figure = _figures.estimates_map(differences_of(study, encoder), study.intermediates, "difference-title")
        yield ("difference", encoder), figure
    for cell in itertools.product(study.encoders, study.rows, (*study.targets, MEAN)):
        yield ("cell", *cell), _cell(study, *cell, has_predictions=any(key[:3] == cell for key in examples))
    for key, some in examples.items():
        yield ("examples", *key), _shown(key[1], key[3], some)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Of cells that are HTML; the first of a row is its head."""
    head = "".join(f'<th scope="col">{escaped(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{one}</td>" for one in rest)}</tr>' for first, *rest in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _words(one: Estimate | None) -> str:
    return " ".join(filter(None, shown(one)))


def _cell(study: Study, encoder: str, condition: str, target: str, has_predictions: bool) -> str:
    """What is known of a cell: in words, as a figure of its rows, and every seed."""
    title = f"{encoder}: {condition} → {'all targets' if target == MEAN else target}"
    one = main_gains(study)[condition, encoder, target]
    if one is None:
        return f"<h2>{escaped(title)}</h2><p>Not run.</p>"
    metric = "points" if target == MEAN else f"points of {study.tasks[target].metric.replace('_', ' ')}"
    seeds = f"{one.seeds} seed{'s' * (one.seeds > 1)}"
    verdict = (
        "One seed or one language shows no spread, so that there is no interval."
        if one.low is None
        else "Explored and not tested, and drawn towards the mean over targets by as much as it is noise."
        if target != MEAN
        else f"Nothing is tested below {study.analysis.fewest_seeds} seeds."
        if one.is_significant is None
        else "Differs from zero after Holm's correction for the average gains of all conditions."
        if one.is_significant
        else "Not significant: after Holm's correction for all average gains it does not differ from zero."
    )
    lead = (
        f"<strong>{signed(one.value)} {interval(one)}</strong> {escaped(metric)} over no intermediate training, "
        f"zero-shot, mean over {seeds} and {one.languages} language{'s' * (one.languages != 1)}; above zero in "
        f"{one.improved}. {verdict}"
    )
    others = [
        f"{link(escaped(other), encoder=other)}: {escaped(_words(found))}."
        for other in study.encoders
        if other != encoder and (found := main_gains(study)[condition, other, target]) is not None
    ]
    others += [
        f"{escaped(f'{study.encoders[0]} − {other}')}: {escaped(_words(found))}."
        for other in study.encoders[1:]
        if encoder in (study.encoders[0], other)
        and (found := differences_of(study, other).get((condition, target))) is not None
    ]
    if target in study.shown_only:
        others.append(escaped(f"Shown and not averaged: {study.shown_only[target]}."))
    if has_predictions and format_of(study.tasks[target]).has_example_scores:
        others.append(prose(f"Paired over examples: `xit gains {encoder} {condition} {target}`."))
    rows = rows_of(study, encoder, condition, target)
    figure = f'<div class="scroll">{_figures.scores(study, rows, condition, target)}</div>'
    table = _seeds_table(study, rows, condition, target)
    return f"<h2>{escaped(title)}</h2><p>{lead}</p><p>{' '.join(others)}</p>{figure}{table}"


def _seeds_table(study: Study, rows: Sequence[Row], condition: str, target: str) -> str:
    """The scores of every seed without and with the condition."""

    def pair(before: float | None, after: float | None) -> str:
        return "–" if before is None or after is None else f"{before:.1f} → {after:.1f}"

    lines = (
        (row_link(row, target), *(pair(*both) for both in zip(row.before, row.after, strict=True))) for row in rows
    )
    heads = ("target" if target == MEAN else "language", *(f"seed {seed}" for seed in study.seeds))
    summary = f"<summary>Every seed: {BASELINE} → {escaped(condition)}</summary>"
    return f'<details>{summary}<div class="scroll">{_table(heads, lines)}</div></details>'


def _shown(condition: str, language: str, some: Sequence[Shown]) -> str:
    def line(name: str, value: str, mark: str = "") -> str:
        return f'<dt>{escaped(name)}</dt><dd dir="auto" lang="{escaped(language)}">{escaped(value)}{mark}</dd>'

    def answer(name: str, value: str, gold: Sequence[str]) -> str:
        return line(name, value or "(nothing)", ' <span title="equals the gold answer">✓</span>' * (value in gold))

    return "".join(
        "<dl>"
        + "".join(line(name, value) for name, value in one.text)
        + line("gold", " · ".join(one.gold) or "(none)")
        + answer(BASELINE, one.before, one.gold)
        + answer(condition, one.after, one.gold)
        + "</dl>"
        for one in some
    )
