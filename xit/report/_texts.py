"""The page's choices, tables and texts as HTML, with all that comes from data escaped."""

import html
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence

from xit.core import languages
from xit.core.conditions import BASELINE
from xit.formats import format_of
from xit.paper.render import interval, shown, signed
from xit.report._examples import Examples, Shown
from xit.report._figures import Row, differences_of, gains_of, mean_gains, rows_of
from xit.statistics.gains import Estimate, best, main_gains
from xit.statistics.study import MEAN, Study

JOIN = "|"
"""Between the parts of a key; ids have none."""


def escaped(text: object) -> str:
    return html.escape(str(text))


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


def cells_of(study: Study) -> Iterable[tuple[str, str, str]]:
    """Every encoder, condition and target, `mean` for all."""
    return itertools.product(study.encoders, study.rows, (*study.targets, MEAN))


def templates(study: Study, examples: Examples) -> Iterable[str]:
    """Every table and text by its key, inert until it is chosen."""

    def template(key: Sequence[str], body: str) -> str:
        return f'<template id="{escaped(JOIN.join(key))}">{body}</template>'

    for encoder in study.encoders:
        yield template(("table", "gains", encoder), _estimates_table(gains_of(study, encoder)))
        for condition in study.rows:
            yield template(("table", "languages", encoder, condition), _languages_table(study, encoder, condition))
    for encoder in study.encoders[1:]:
        yield template(("table", "difference", encoder), _estimates_table(differences_of(study, encoder)))
    for cell in cells_of(study):
        yield template(("cell", *cell), _cell(study, *cell))
    for key, some in examples.items():
        yield template(("examples", *key), _shown(key[1], key[3], some))


def _link(text: str, **choice: str) -> str:
    """To a cell of the page; what is not said stays as it was chosen."""
    data = " ".join(f'data-{name}="{escaped(value)}"' for name, value in choice.items())
    return f'<a href="#" {data}>{escaped(text)}</a>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Of cells that are HTML; the first of a row is its head."""
    head = "".join(f'<th scope="col">{escaped(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{one}</td>" for one in rest)}</tr>' for first, *rest in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _words(one: Estimate | None) -> str:
    return " ".join(filter(None, shown(one)))


def _estimates_table(found: Mapping[tuple[str, str], Estimate | None]) -> str:
    """Of estimates by (condition, target), each a link to its cell."""
    rows, columns = dict.fromkeys(c for c, _ in found), list(dict.fromkeys(t for _, t in found))
    cells = (
        (escaped(row), *(_link(_words(found[row, column]), condition=row, target=column) for column in columns))
        for row in rows
    )
    return _table(("after", *columns), cells)


def _languages_table(study: Study, encoder: str, condition: str) -> str:
    found = mean_gains(study, encoder, condition)

    def cell(code: str, target: str) -> str:
        value = found.get((code, target))
        return "–" if value is None else _link(signed(value), target=target, language=code)

    rows = ((escaped(code), *(cell(code, target) for target in study.targets)) for code in study.languages)
    return _table(("language", *study.targets), rows)


def _cell(study: Study, encoder: str, condition: str, target: str) -> str:
    """What is known of a cell, in words and as a table of its rows."""
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
    sentences = [
        (
            f"<strong>{signed(one.value)} {interval(one)}</strong> {escaped(metric)} over no intermediate training, "
            f"zero-shot, mean over {seeds} and {one.languages} language{'s' * (one.languages != 1)}; above zero in "
            f"{one.improved}. {verdict}"
        )
    ]
    sentences += [
        f"{_link(other, encoder=other)}: {escaped(_words(found))}."
        for other in study.encoders
        if other != encoder and (found := main_gains(study)[condition, other, target]) is not None
    ]
    sentences += [
        f"{escaped(f'{study.encoders[0]} − {other}')}: {escaped(_words(found))}."
        for other in study.encoders[1:]
        if encoder in (study.encoders[0], other)
        and (found := differences_of(study, other).get((condition, target))) is not None
    ]
    if target != MEAN and format_of(study.tasks[target]).has_example_scores:
        sentences.append(prose(f"Paired over examples: `xit gains {encoder} {condition} {target}`."))
    return f"<h2>{escaped(title)}</h2><p>{' '.join(sentences)}</p>{_rows_table(study, encoder, condition, target)}"


def _rows_table(study: Study, encoder: str, condition: str, target: str) -> str:
    def seeds(values: Sequence[float | None]) -> str:
        return ", ".join("–" if value is None else f"{value:.1f}" for value in values)

    def head(row: Row) -> str:
        if target == MEAN:
            return _link(row.name, target=row.name)
        return _link(f"{languages.facts(row.name).name} ({row.name})", language=row.name)

    rows = (
        (head(row), seeds(row.before), seeds(row.after), "–" if row.gain is None else signed(row.gain))
        for row in rows_of(study, encoder, condition, target)
    )
    each = ", ".join(map(str, study.seeds))
    heads = ("target" if target == MEAN else "language", f"none, seeds {each}", f"{condition}, seeds {each}", "gain")
    return f"<details><summary>As a table</summary><div class='scroll'>{_table(heads, rows)}</div></details>"


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
