"""The protocol of every task as Markdown: all that its file says, in the order of the benchmark's groups."""

import json
from collections.abc import Iterator, Mapping

from xit.core import registry
from xit.core.task import Files, Hub, Task, task_of
from xit.formats import format_of

HEAD = """\
# Protocol of every task

<!-- Made by `xit tasks --markdown`; the facts are those of xit/tasks/. -->

Of each task: what it is and where it differs from the benchmark; its metric; what it is trained, validated and tested
on in each source; its licence. Training is in English; every other language is tested only. The embedded `micro` source
makes a counterpart of the same format, which no table calls by the benchmark's name without saying so. Numbers of
training (steps, batch, rates, length) are in params.yaml; `xit show task TASK` prints examples.
"""
GROUPS = {
    "classification": "Classification",
    "tagging": "Structured prediction",
    "qa": "Question answering",
    "retrieval": "Retrieval",
    None: "Intermediate and further tasks",
}
"""Of XTREME-R, in its order."""


def markdown() -> str:
    """The whole page."""
    tasks: dict[str, Task] = {name: task_of(name) for name in registry.names("tasks")}
    parts = [HEAD]
    for group, title in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += ["\n".join(_task(name, task)) for name, task in tasks.items() if task.group == group]
    return "\n".join(parts)


def _task(name: str, task: Task) -> Iterator[str]:
    yield f"### {name}: {task.title}\n"
    yield f"{str(registry.load('tasks', name).__doc__).strip()}\n"
    yield "| | |\n|---|---|"
    facts = {
        "format": task.format.replace("_", " "),
        "metric": task.metric,
        "languages": f"{len(task.languages)}: {' '.join(task.languages)}",
        "labels": ", ".join(task.labels),
        "training": "English" if task.is_trained else "none: the encoder as it is",
        **format_of(task).facts(),
        "micro counterpart": f"`{task.micro}`",
        "micro training data": " and ".join(
            "its own" if stream.task == task.id else f"those of {stream.task}"
            for stream in task.streams.get("train", ())
        ),
        "citation": task.citation,
        "licence": task.licence,
    }
    yield from (f"| {key} | {value} |" for key, value in facts.items() if value)
    rows = [
        f"| {split} | {source} | {place} | {_count(task.published.get(split))} |"
        for source, splits in (("files", task.files), ("hub", task.hub))
        for split, places in splits.items()
        for place in map(_place, places)
    ]
    if rows:
        yield "\n| split | source | where | published |\n|---|---|---|--:|"
        yield from rows
    if task.faults:
        yield "\nKnown faults of the published data:\n"
        yield from (f"- {fault}" for fault in task.faults)
    yield f"\n```json\n{json.dumps(task.record, ensure_ascii=False)}\n```\n"


def _place(place: Files | Hub) -> str:
    if isinstance(place, Files):
        address = f" from {place.url}" if place.url else ""
        return f"`{place.path}`{_part(place.rows)}{address}"
    where = f"`{place.repository}`" + (f", {place.split}" if place.split else "")
    return f"{where}{_part(place.rows)}" + "".join(f"; else {_place(other)}" for other in place.fallbacks)


def _part(rows: tuple[float, float]) -> str:
    first, last = rows
    return "" if rows == (0.0, 1.0) else f", rows {first:.0%} to {last:.0%}"


def _count(count: int | Mapping[str, int] | None) -> str:
    if count is None:
        return ""
    if isinstance(count, int):
        return f"{count:,}"
    low, high = min(count.values()), max(count.values())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
