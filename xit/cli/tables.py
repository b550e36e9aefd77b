"""The tables of the terminal: what a command found, as rich tables and the lines between them.

No stage imports this file, so that nothing about how results are shown makes a stage stale.
"""

import collections
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.markup import escape
from rich.panel import Panel
from rich.table import Column, Table
from rich.text import Text

from xit.core.errors import counted
from xit.core.task import Task
from xit.paper.render import ranged, shown, signed
from xit.paper.verify import Agreement
from xit.statistics.gains import Estimate
from xit.statistics.paired import ExampleGain

Parts = Iterator[Any]


def tight(title: str, caption: str, gap: int = 1) -> Table:
    """An empty table, as tight as eighty columns want it, with `gap` spaces between columns."""
    left: Any = {"title_justify": "left", "caption_justify": "left"}
    return Table(title=title, caption=caption, box=box.SIMPLE, show_edge=False, padding=(0, gap - 1, 0, 0), **left)


def boxed(title: str, *columns: str | Column, numbers: Sequence[str] = ()) -> Table:
    """An empty table with lines around its cells; columns of numbers come last, and are set right."""
    table = Table(*columns, title=title, title_style="bold", title_justify="left")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


# Before an experiment


def tasks(found: Mapping[str, Task]) -> Parts:
    columns = ("id", "format", "metric", Column("languages", justify="right"), "group", "sources")
    table = Table(*columns, box=None, padding=(0, 1, 0, 0), pad_edge=False)  # fits 80 columns
    for name, task in found.items():
        sources = " ".join(["micro", *(["files"] if task.files else []), *(["hub"] if task.hub else [])])
        languages = str(len(task.languages))
        table.add_row(name, task.format, task.metric, languages, task.group or "intermediate", sources)
    yield table


ABSENT = (
    "No small multilingual xLSTM, Mamba, HGRN, minGRU or ELMo with open weights was found. RWKV-5 and -6 World have "
    "1,500 million parameters at least, and code of their own; flair's character LSTMs are not for commercial use."
)
"""What one may look for among released encoders."""


def encoders(facts: Mapping[str, Mapping[str, Any]]) -> Parts:
    table = Table("id", "title", "architecture", "direction", "starts from", box=None, padding=(0, 1, 0, 0))
    for name, values in facts.items():
        size = ", ".join(f"{key} {value}" for key, value in (values["size"] or {}).items())
        place = values["released"]["repository"].split()[0].partition("@")[0] if values["released"] else "–"
        table.add_row(name, values["title"], values["architecture"], values["direction"], size or place)
    yield table
    of = Table("released", "million", "embedding", "languages", "licence", "trained on", box=None, padding=(0, 1, 0, 0))
    for name, values in facts.items():
        if released := values["released"]:
            marks = {key: "?" if key in released["unverified"] else "" for key in ("languages", "licence")}
            languages, licence = (f"{released[key]}{mark}" for key, mark in marks.items())
            of.add_row(name, *map(str, released["millions"]), languages, licence, released["training"])
    yield of
    yield "Parameters are in millions: all, and the embedding. ? is as model cards are quoted in pages, unverified."
    yield ABSENT


def example(record: Mapping[str, Any], title: str) -> Panel:
    """An example of a task, a line a field."""
    lines = (Text.assemble((f"{key}  ", "bold"), _field(value)) for key, value in record.items())
    return Panel(Text("\n").join(lines), title=title, title_align="left", expand=False)


def _field(value: Any) -> str:
    if isinstance(value, list):
        return " | ".join(map(str, value)) or "(none)"
    return str(value)


def plan(found: Mapping[str, Any], profile: str) -> Parts:
    """What `xit grid plan` counted."""
    stale, total, cost = found["instances"]["stale"], found["instances"]["total"], found["cost"]
    title = f"{profile}: {stale} of {total} stage instances are stale, {found['trainings']:,} trainings"
    table = boxed(title, "stage", numbers=("instances", "models", "CPU time", "GPU time", "disk, GiB"))

    def costs(row: Mapping[str, float]) -> tuple[str, str, str]:
        return duration(row["cpu_hours"]), duration(row["gpu_hours"]), f"{row['disk_gib']:,.2f}"

    for row, of in zip(found["stages"], cost["stages"], strict=True):
        table.add_row(row["stage"], str(row["instances"]), f"{row['models']:,}" if row["models"] else "–", *costs(of))
    table.add_section()
    table.add_row("all", "", "", *costs(cost["sums"]))
    yield table
    if stale:
        yield (
            f"An estimate: {duration(cost['hours'])} with {cost['workers']} at once; at least "
            f"{duration(cost['at_least_hours'])}, the longest chain, with any number. `--json -` prints what it "
            "assumes."
        )


def duration(hours: float) -> str:
    """In minutes or hours; a dash for none."""
    if hours < 1.5:
        return f"{hours * 60:.1f} min" if hours else "–"
    return f"{hours:,.0f} h"


def power(rows: Sequence[Mapping[str, Any]], seeds: Sequence[int], title: str, caption: str) -> Parts:
    """The smallest differences that an experiment finds, a row a contrast, for each of these numbers of seeds."""
    table = tight(title, caption)
    table.add_column("contrast")
    for head in ("sd seeds", "sd languages", "needed", *(f"{n} seed{'s' * (n > 1)}" for n in seeds)):
        table.add_column(head, justify="right")
    for row in rows:
        needed = "–" if row["needed"] is None else str(row["needed"])
        sds, found = (
            [shown(cell)[0] for cell in cells] for cells in ((row["sd_seeds"], row["sd_languages"]), row["found"])
        )
        table.add_row(row["contrast"], *sds, needed, *found)
    yield table


# The data


AUDITED = {
    "duplicates": "twice",
    "shared_with_earlier_splits": "in an earlier split",
    "parts_shared_with_earlier_splits": "a part in an earlier split",
    "shared_between_languages": "in another language",
    "placeholders": "filler",
    "empty_fields": "empty",
    "repaired": "repaired",
    "dropped": "dropped",
    "faults": "faulty",
}
"""What the audit counts, and the heading of its column, which is shown where there is any."""


def audit(found: Mapping[str, Any]) -> Parts:
    """A table a task, with notes; and how many examples there are in all."""
    for name, facts in found["tasks"].items():
        title = f"{facts['title']} ({found['source']} source)" + (f", {facts['revision']}" if facts["revision"] else "")
        columns = [key for key in AUDITED if any(row[key] for row in facts["splits"])]
        table = boxed(title, "split", "", numbers=("examples", "published"))
        for key in columns:
            table.add_column(AUDITED[key], justify="right", no_wrap=True)
        table.add_column("sha256", no_wrap=True)
        for row in facts["splits"]:
            published = "–" if row["published"] is None else f"{row['published']:,}"
            counts = (f"{row[key]:,}" if row[key] else "" for key in columns)
            table.add_row(row["split"], row["language"], f"{row['examples']:,}", published, *counts, row["sha256"][:8])
        yield table
        yield from (f"  {line}" for line in _audit_notes(name, facts))
        yield ""
    if found["parallel"]:
        yield from _pairs(found["parallel"], found["source"])
    if found["places"]:
        yield _places(found["places"])
    splits = [row for facts in found["tasks"].values() for row in facts["splits"]]
    sizes = {"example": sum(row["examples"] for row in splits), "split": len(splits), "task": len(found["tasks"])}
    examples, places, tasks = (counted(size, noun) for noun, size in sizes.items())
    total = f"{examples} in {places} of {tasks}"
    absent = f"; the {found['source']} source has nothing of {', '.join(found['absent'])}" if found["absent"] else ""
    yield f"{total}{absent}."


def _pairs(found: Mapping[str, Any], source: str) -> Parts:
    """The pairs for pretraining: of each language what is left out; then the licence of each source of them."""
    reasons = list(dict.fromkeys(why for row in found["languages"] for why in row["left_out"]))
    table = boxed(f"Pairs with English ({source} source)", "", numbers=("pairs",))
    for why in reasons:
        table.add_column(why, justify="right")
    table.add_column("sha256", no_wrap=True)
    origins: collections.Counter[tuple[str, str]] = collections.Counter()
    for row in found["languages"]:
        counts = (f"{row['left_out'][why]:,}" if why in row["left_out"] else "" for why in reasons)
        table.add_row(row["language"], f"{row['pairs']:,}", *counts, row["sha256"][:8])
        for origin in row["sources"]:
            origins[origin["source"], origin["licence"]] += origin["pairs"]
    yield table
    yield from (f"  {name}: {counted(count, 'pair')}; licence: {licence}" for (name, licence), count in origins.items())
    yield from ([f"  no pairs: {' '.join(found['missing'])}"] if found["missing"] else [])
    yield ""


def _places(found: Sequence[Mapping[str, Any]]) -> Table:
    """The places on the Hub: which hold, in how many languages, and which are no commits."""
    table = boxed("Places on the Hub", "task", "split", "asked", "place", "pinned", "holds", "lacks")
    for row in found:
        total = len(row["holds"]) + len(row["lacks"])
        count = f"{len(row['holds'])} of {total}" if total else "none"
        wrong = f"; {len(row['faults'])} faults" if row["faults"] else ""
        lacks = " ".join(row["lacks"]) if len(row["lacks"]) <= 6 else f"{len(row['lacks'])} languages"
        place = row["place"].partition("@")[0]
        pinned = "yes" if row["is_pinned"] else "no"
        table.add_row(row["task"], row["split"], str(row["order"]), place, pinned, f"{count}{wrong}", lacks)
    return table


def _audit_notes(task: str, facts: Mapping[str, Any]) -> list[str]:
    """What the table of a task does not say."""
    rules: collections.Counter[str] = collections.Counter()
    for note in (note for row in facts["splits"] for note in row["notes"].split("; ") if note):
        rule, _, count = note.rpartition(": ")
        rules[rule] += int(count)
    notes = [f"noted: {rule}: {count:,}" for rule, count in sorted(rules.items())]
    changed = {code: entry["questions_changed"] for code, entry in facts["variants"].get("repaired", {}).items()}
    if changed:
        counts = ", ".join(f"{code} {count}" for code, count in changed.items())
        command = f"`xit eval CHECKPOINT --task {task} --xcopa-questions released` (or `repaired`)"
        notes.append(f"questions unlike the Estonian ones: {counts}. To score either variant: {command}")
    notes += [f"known: {fault}" for fault in facts["known_faults"]]
    if facts["missing_splits"]:
        notes.append(f"missing splits, of which no file is there: {' '.join(facts['missing_splits'])}")
    if facts["missing_languages"]:
        notes.append(f"missing languages: {' '.join(facts['missing_languages'])}")
    zero = [heading for key, heading in AUDITED.items() if not any(row[key] for row in facts["splits"])]
    return [*notes, f"nothing found of: {'; '.join(zero)}"]


# A checkpoint, and predictions


def evaluation(found: Mapping[str, Any], source: str) -> Parts:
    """The scores of a checkpoint, a table a task."""
    yield f"{found['checkpoint']} ({found['direction']})"
    yield from found["notes"]
    for task, values in found["tasks"].items():
        table = boxed(f"{task} ({source} source)", "language", numbers=(values["metric"], "examples"))
        scores = values["languages"]
        for code, value in scores.items():
            table.add_row(code, f"{value:.1f}", f"{values['examples'][code]:,}")
        table.add_section()
        table.add_row("mean", f"{values['mean']:.1f}")
        others = [value for code, value in scores.items() if code != "en"]
        if "en" in scores and others:
            table.add_row("transfer gap", f"{scores['en'] - sum(others) / len(others):.1f}")
        yield table


def submission(found: Mapping[str, Any]) -> Parts:
    """What `xit score` found: by language, a table for each group; means; what is missing, notes and rules."""
    from xit.core.task import task_of
    from xit.formats import format_of
    from xit.scoring import benchmarks

    benchmark = benchmarks.load(found["benchmark"])
    scored = {name: task_of(name) for name in found["tasks"]}
    for group in dict.fromkeys(task.group for task in scored.values()):
        columns = [
            (name, metric)
            for name, task in scored.items()
            if task.group == group
            for metric in format_of(task).reported
        ]
        cells = {name: found["tasks"][name]["languages"] for name, _ in columns}
        headings = [f"{name}\n{metric}" for name, metric in columns]
        table = boxed(f"{benchmark.title}, {group}: by language", "language", numbers=headings)
        for code in sorted({code for codes in cells.values() for code in codes}, key=lambda code: (code != "en", code)):
            row = (f"{cells[name][code][metric]:.1f}" if code in cells[name] else "" for name, metric in columns)
            table.add_row(code, *row)
        yield table
    table = boxed(f"{benchmark.title}: scores", "", "metric", numbers=("score", "languages", "examples"))
    for name in benchmark.tasks:
        its = found["tasks"].get(name, {"metric": "–", "score": None, "examples": {}})
        covered = f"{len(its['examples'])} of {len(benchmark.languages(name))}"
        table.add_row(name, its["metric"], _number(its["score"]), covered, f"{sum(its['examples'].values()):,}")
    table.add_section()
    for name, members in benchmark.groups.items():
        mean = f"mean of {', '.join(members)}"
        table.add_row(name, mean, _number(found["groups"][name]), _completeness(found, members))
    table.add_section()
    overall = (f"mean of the {len(benchmark.tasks)} tasks", _number(found["overall"]))
    table.add_row("overall", *overall, _completeness(found, benchmark.tasks), style="bold")
    yield table
    for name, codes in found["missing"].items():
        languages = benchmark.languages(name)
        yield f"Missing: {name} in {', '.join(codes) if len(codes) < len(languages) else f'all {len(languages)}'}."
    yield from found["notes"]
    yield from found["rules"]


def _completeness(found: Mapping[str, Any], tasks: Sequence[str]) -> str:
    return "incomplete" if any(name in found["missing"] for name in tasks) else ""


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def buckets(found: Mapping[str, Any], title: str) -> Parts:
    """The scores of kinds of examples, as means over languages."""
    table = boxed(title, "", "", numbers=("languages", "examples", found["metric"]))
    before = None
    for row in found["means"]:
        attribute = row["attribute"]
        if attribute != before:
            table.add_section()
        counts = (str(len(row["languages"])), f"{row['examples']:,}", f"{row['value']:.1f}")
        table.add_row("" if attribute == before else attribute, row["bucket"], *counts)
        before = attribute
    yield table


def checklist(found: Mapping[str, Any]) -> Parts:
    """The failures of a checkpoint, a row a language and a column a test."""
    tests = found["tests"]
    title = f"failed cases in % (failed questions in %), templates: {found['templates']}"
    table = boxed(title, "", numbers=tuple(tests))
    for code in next(iter(tests.values())):
        values = [by_language[code] for by_language in tests.values()]
        table.add_row(code, *(f"{v['failed_cases']:.1f} ({v['failed_questions']:.1f})" for v in values))
    table.add_section()
    means = [
        [sum(v[key] for v in by_language.values()) / len(by_language) for key in ("failed_cases", "failed_questions")]
        for by_language in tests.values()
    ]
    table.add_row("mean", *(f"{cases:.1f} ({questions:.1f})" for cases, questions in means))
    yield table


# Answers


def results(generated: Path, pdf: Path, found: Agreement | None = None) -> Parts:
    """What `make reproduce` ends with: the answer beside that of the reference, where everything lies, and the bits."""
    values = json.loads((generated / "values.json").read_text(encoding="utf-8"))
    table = json.loads((generated / "tables/answer.json").read_text(encoding="utf-8"))
    yield from map(escape, values["sentences"]["answer"])
    yield ""
    yield _beside_the_reference(table, (values["seeds"], values["averaged"]), found)
    yield f"\npaper     {pdf}\ntables    {generated / 'tables'}\nfigures   {generated / 'figures'}"
    yield "more      `xit claims`: what was published, tested; `xit report`: a page to explore; `xit verify`\n"
    if found is not None:
        yield found.sentence


def _beside_the_reference(table: Mapping[str, Any], rests_on: tuple[int, int], found: Agreement | None) -> Table:
    """The table of the answer, which rests on so many seeds and targets; where there is a reference, its rows below."""
    caption = "Points, zero-shot, with intervals over seeds and languages. * differs from zero."
    if found is not None and found.averaged != rests_on[1]:
        caption += " A target that an encoder does not learn in English, by the seeds at hand, is in no mean."
    grid = tight(escape(table["title"]), caption)
    for number, name in enumerate(table["columns"]):
        grid.add_column(name, justify="right" if number else "left")
    whole = [[(text, detail.replace(", ", ",")) for text, detail in row] for row in table["rows"]]
    parts = [("this run", rests_on, whole)]
    if found is not None:
        tasks = {task for (task, _), *_ in whole}
        read = [[_of_csv(row, name) for name in table["columns"]] for row in found.reference]
        read = [row for row in read if row[0][0] in tasks]  # a reference may have more of them
        parts.append(("reference", (found.seeds, found.averaged), read))
    for name, (seeds, targets), rows in parts:
        grid.add_row(f"{name}, {counted(seeds, 'seed')}", f"over {counted(targets, 'target')}")
        for (task, _), *row in rows:
            cells = (Text.assemble(text, (f" {detail}" if detail else "", "dim")) for text, detail in row)
            grid.add_row(f"  {task}", *cells)
    return grid


def _of_csv(row: Mapping[str, str], name: str) -> tuple[str, str]:
    """A cell of a table that was written as CSV, as `of_paper` has it."""
    if f"{name}_low" not in row:
        return row.get(name) or "–", ""
    if not row[name]:
        return "–", ""
    ends = [row[f"{name}_low"], row[f"{name}_high"]]
    interval = "[{},{}]".format(*(signed(float(end)) for end in ends)) if all(ends) else ""
    return signed(float(row[name])) + "*" * (row[f"{name}_significant"] == "True"), interval


def of_paper(table: Mapping[str, Any]) -> Table:
    """A table of the paper, as `xit.paper.render.printed` gives it."""
    over = [text for text, count in table["groups"] for _ in range(count)] or [""] * len(table["columns"])
    grid = tight(escape(table["title"]), escape(table["caption"]))
    for number, (group, name) in enumerate(zip(over, table["columns"], strict=True)):
        left = number < table["texts"] or number == table["stretch"]
        grid.add_column(f"{group}\n{name}" if group else name, justify="left" if left else "right")
    for number, row in enumerate(table["rows"]):
        if number and number in table["sections"]:
            grid.add_section()
        whole = [(text, detail.replace(", ", ",")) for text, detail in row]  # no line ends within an interval
        grid.add_row(*(Text.assemble(text, (f" {detail}" if detail else "", "dim")) for text, detail in whole))
    return grid


def claims(label: str, entries: Sequence[Mapping[str, Any]]) -> Parts:
    """A table an encoder: claims down, with all that decided them."""
    for encoder in dict.fromkeys(name for one in entries for name in one["by_encoder"]):
        grid = tight(f"{encoder} ({label})", "", gap=2)
        grid.add_column("claim")
        for name in ("published", "estimate", "interval"):
            grid.add_column(name, justify="right", no_wrap=name != "published")
        grid.add_column("verdict", no_wrap=True)
        for one in entries:
            if encoder in one["by_encoder"]:
                found = one["by_encoder"][encoder]
                interval = "[{}, {}]".format(*map(signed, found["interval"])) if found["interval"] else "–"
                cells = (one["published"] or "–", _estimate(found) or "–", Text(interval))
                grid.add_row(one["statement"], *cells, _verdict(found))
        yield grid


STYLES = {"reproduced": "green", "contradicted": "red", "inconclusive": "yellow", "not tested": "dim", "not run": "dim"}


def _verdict(found: Mapping[str, Any]) -> Text:
    return Text(found["verdict"], STYLES[found["verdict"]])


def _estimate(found: Mapping[str, Any]) -> str:
    return "" if found["estimate"] is None else signed(found["estimate"])


def gains(title: str, found: Mapping[tuple[str, int], ExampleGain]) -> Parts:
    """Gains over examples, a row a language and seed."""
    caption = "Points, with 95 % intervals over examples; p is of McNemar's exact test, not corrected for their number."
    table = tight(title, caption, gap=2)
    table.add_column("language")
    for head in ("seed", "gain", "interval", "better", "worse", "p"):
        table.add_column(head, justify="right", no_wrap=True)
    for (language, seed), one in found.items():
        interval = Text(f"[{signed(one.low)}, {signed(one.high)}]")
        table.add_row(language, str(seed), signed(one.value), interval, str(one.better), str(one.worse), f"{one.p:.3f}")
    yield table


def scaling(found: Sequence[Mapping[str, Any]], ahead: int) -> Parts:
    """Pairs of an intermediate and a target task, and what is predicted at so many times the examples."""
    caption = (
        "Points over no intermediate training, zero-shot, with intervals over seeds. The last column is what two laws "
        f"say of {ahead} times the examples."
    )
    table = tight("Whether a gain grows with the examples of the intermediate task", caption)
    for head in ("after", "encoder", "target", "verdict"):
        table.add_column(head)
    for head in ("examples", "gain", "per tenfold", f"at {ahead} times"):
        table.add_column(head, justify="right")
    for one in found:
        estimates = [Estimate(**one[key]) if one[key] else None for key in ("gain", "per_tenfold")]
        cells = (one["intermediate"], one["encoder"], one["target"], one["verdict"], f"{one['examples'][-1]:,.0f}")
        later = ranged(one["predicted"]) if one["predicted"] else "–"
        table.add_row(*cells, *(" ".join(shown(each)).strip() for each in estimates), later)
    yield table
