"""Scores → one HTML file to explore the grid, which opens from the disk and asks no network for anything.

Python draws every figure (plotly) and writes every table, sentence and example; the few lines of script in page.html
choose which of them are shown, as the fragment of the address says: `#encoder=lstm&intermediate=mnli&target=xnli`.
What comes from data is escaped here, once. A policy in the head of the page names its two scripts by their hashes, so
that nothing else runs, and forbids it every address.
"""

import base64
import hashlib
import html
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xit import findings, languages
from xit.conditions import BASELINE
from xit.files import atomic, sha256
from xit.report import _figures
from xit.report._examples import MOST, Examples, Shown, collect
from xit.report._figures import Row, differences, rows_of
from xit.results import read_scores
from xit.stages.paper import study_of
from xit.statistics import MEAN, Estimate, Study, best, main_gains
from xit.tables import SOURCES, interval, shown, signed

MOST_BYTES = 15_000_000
"""Of the whole file, of which plotly.js takes 4.8 million; where examples would make it larger, cells have fewer."""
JOIN = "|"
"""Between the parts of a key; ids have none."""


def report(scores: Path, evaluations: Path, data: Path, parameters: Mapping[str, Any], out: Path) -> list[str]:
    """Write the page, and give lines that say what was read and written.

    Args:
        scores: What `collect` wrote.
        evaluations: Where `xit evaluate` put the predictions; where there are none, the page says so.
        data: With test.parquet of the targets, for the texts of examples.
        parameters: params.yaml as plain values, for the order of ids.
        out: The HTML file.

    Raises:
        DataError: the scores make no study, or predictions do not fit the data.
    """
    study = study_of(read_scores(scores), parameters)
    found = collect(study, evaluations, data)
    for count in range(MOST, -1, -1):
        examples = {key: some[:count] for key, some in found.items() if count}
        text = page(study, examples, scores, is_cut=bool(found) and not examples)
        if len(text.encode()) <= MOST_BYTES:
            break
    with atomic(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    cells, megabytes = len(main_gains(study)), len(text.encode()) / 1e6
    return [
        f"read {scores}: {study.source} source, {(study.values == study.values).sum():,} scores",
        f"read {evaluations}: predictions of {len(found):,} cells and languages whose texts are in {data}"
        if found
        else f"no predictions in {evaluations}, or no test data in {data}: the page is without examples",
        f"wrote {out}: {cells} gains, {count if found else 0} examples of each in a language, {megabytes:.1f} MB",
    ]


def page(study: Study, examples: Examples, scores: Path, is_cut: bool) -> str:
    """The whole file; `is_cut` where there are examples, but not here."""
    from plotly.offline import get_plotlyjs

    here = Path(__file__).parent
    scripts = {"library": get_plotlyjs(), "script": (here / "page.js").read_text(encoding="utf-8")}
    absent = "Left out, since this page would be too large." if is_cut else "No predictions are stored for this cell."
    made = f"{SOURCES[study.source]}. Made by `xit report` from {scores}"
    parts = scripts | {
        "policy": " ".join(f"'sha256-{_digest(text)}'" for text in scripts.values()),
        "label": _text(SOURCES[study.source]),
        "made": _prose(f"{made}."),
        "made_exactly": _prose(f"{made}, sha256 {sha256(scores)[:12]}."),
        "absent": _text(absent),
        "answer": _text(" ".join(findings.findings(study)["answer"])),
        "choices": _choices(study),
        "figures": _figures.as_json(_drawn(study, examples)),
        "templates": "\n".join(_templates(study, examples)),
    }
    template = (here / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _text(text: object) -> str:
    return html.escape(str(text))


def _prose(text: str) -> str:
    """Escaped, with what stands in back-ticks as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", _text(text))


def _choices(study: Study) -> str:
    first = study.encoders[0]
    options = {
        "encoder": ([(name, name) for name in study.encoders], first),
        "intermediate": ([(name, name) for name in _conditions(study)], best(study, first) or _conditions(study)[0]),
        "target": ([(MEAN, "mean of all"), *((name, name) for name in study.targets)], MEAN),
        "language": (
            [(code, f"{languages.facts(code).name} ({code})") for code in study.languages],
            (*study.others, *study.languages)[0],
        ),
    }
    return "\n".join(
        f'<div><label for="{name}">{name}</label><select id="{name}" name="{name}">'
        + "".join(
            f'<option value="{_text(value)}"{" selected" * (value == default)}>{_text(words)}</option>'
            for value, words in pairs
        )
        + "</select></div>"
        for name, (pairs, default) in options.items()
    )


def _conditions(study: Study) -> tuple[str, ...]:
    """The rows of the grid, as in the table of gains."""
    return (*study.intermediates, *study.recipes, *study.controls)


def _cells(study: Study) -> Iterable[tuple[str, str, str]]:
    return itertools.product(study.encoders, _conditions(study), (*study.targets, MEAN))


def _drawn(study: Study, examples: Examples) -> dict[str, Any]:
    """Every figure by its key."""
    conditions = _conditions(study)
    drawn = {}
    for encoder in study.encoders:
        drawn[JOIN.join(("gains", encoder))] = _figures.gains(study, conditions, encoder)
        for condition in conditions:
            drawn[JOIN.join(("languages", encoder, condition))] = _figures.by_language(
                study, encoder, condition, examples
            )
    for encoder in study.encoders[1:]:
        drawn[JOIN.join(("difference", encoder))] = _figures.difference_map(study, encoder)
    for cell in _cells(study):
        if main_gains(study)[cell[1], cell[0], cell[2]] is not None:
            drawn[JOIN.join(("scores", *cell))] = _figures.scores(study, *cell, examples)
    return drawn


def _templates(study: Study, examples: Examples) -> Iterable[str]:
    """Every table and text by its key, inert until it is chosen."""

    def template(key: Sequence[str], body: str) -> str:
        return f'<template id="{_text(JOIN.join(key))}">{body}</template>'

    for encoder in study.encoders:
        yield template(("table", "gains", encoder), _gains_table(study, encoder))
        for condition in _conditions(study):
            yield template(("table", "languages", encoder, condition), _languages_table(study, encoder, condition))
    for encoder in study.encoders[1:]:
        yield template(("table", "difference", encoder), _difference_table(study, encoder))
    for cell in _cells(study):
        yield template(("cell", *cell), _cell(study, *cell))
    for key, some in examples.items():
        yield template(("examples", *key), _examples(key[1], key[3], some))


def _link(text: str, **choice: str) -> str:
    """To a cell of the page; what is not said stays as it was chosen."""
    data = " ".join(f'data-{name}="{_text(value)}"' for name, value in choice.items())
    return f'<a href="#" {data}>{_text(text)}</a>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Of cells that are HTML; the first of a row is its head."""
    head = "".join(f'<th scope="col">{_text(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{one}</td>" for one in rest)}</tr>' for first, *rest in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _words(one: Estimate | None) -> str:
    return " ".join(filter(None, shown(one)))


def _gains_table(study: Study, encoder: str) -> str:
    columns = (*study.targets, MEAN)
    cells = main_gains(study)
    rows = (
        (
            _text(condition),
            *(_link(_words(cells[condition, encoder, t]), intermediate=condition, target=t) for t in columns),
        )
        for condition in _conditions(study)
    )
    return _table(("after", *columns), rows)


def _difference_table(study: Study, encoder: str) -> str:
    columns = (*study.targets, MEAN)
    found = differences(study)
    rows = (
        (
            _text(condition),
            *(_link(_words(found[encoder, condition, t]), intermediate=condition, target=t) for t in columns),
        )
        for condition in study.intermediates
    )
    return _table(("after", *columns), rows)


def _languages_table(study: Study, encoder: str, condition: str) -> str:
    found = _figures.mean_gains(study, encoder, condition)

    def cell(code: str, target: str) -> str:
        value = found.get((code, target))
        return "–" if value is None else _link(signed(value), target=target, language=code)

    rows = ((_text(code), *(cell(code, target) for target in study.targets)) for code in study.languages)
    return _table(("language", *study.targets), rows)


def _cell(study: Study, encoder: str, condition: str, target: str) -> str:
    """What is known of a cell, in words and as a table of its rows."""
    title = f"{encoder}: {condition} → {'all targets' if target == MEAN else target}"
    one = main_gains(study)[condition, encoder, target]
    if one is None:
        return f"<h2>{_text(title)}</h2><p>Not run.</p>"
    metric = "points" if target == MEAN else f"points of {study.tasks[target].metric.replace('_', ' ')}"
    seeds = f"{one.seeds} seed{'s' * (one.seeds > 1)}"
    verdict = (
        "One seed or one language shows no spread, so that there is no interval."
        if one.p is None
        else "Differs from zero after Holm's correction for all gains."
        if one.is_settled
        else "Not settled: after Holm's correction for all gains it does not differ from zero."
    )
    sentences = [
        (
            f"<strong>{signed(one.value)} {interval(one)}</strong> {_text(metric)} over no intermediate training, "
            f"zero-shot, mean over {seeds} and {one.languages} language{'s' * (one.languages != 1)}; above zero in "
            f"{one.improved}. {verdict}"
        )
    ]
    sentences += [
        f"{_link(other, encoder=other)}: {_text(_words(found))}."
        for other in study.encoders
        if other != encoder and (found := main_gains(study)[condition, other, target]) is not None
    ]
    sentences += [
        f"{_text(f'{study.encoders[0]} − {other}')}: {_text(_words(found))}."
        for (other, after, over), found in differences(study).items()
        if (after, over) == (condition, target) and encoder in (study.encoders[0], other) and found is not None
    ]
    if target != MEAN:
        sentences.append(_prose(f"Paired over examples: `xit gains {encoder} {condition} {target}`."))
    return f"<h2>{_text(title)}</h2><p>{' '.join(sentences)}</p>{_rows_table(study, encoder, condition, target)}"


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


def _examples(condition: str, language: str, some: Sequence[Shown]) -> str:
    def line(name: str, value: str, mark: str = "") -> str:
        return f'<dt>{_text(name)}</dt><dd dir="auto" lang="{_text(language)}">{_text(value)}{mark}</dd>'

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
