"""Where examples and text come from, one source a file or folder; the data stage gives them all one schema.

A source exports `languages(task, settings)`, `has(task, settings)`, `text(language, settings)` and
`examples(task_id, task, split, language, settings, notes)`. No later stage knows which source an example is from.
"""

from xit.core.task import Task


def absent(task_id: str, task: Task, source: str, folder: str = "") -> str:
    """What to say where a source has nothing of a task: which have, and which files would do."""
    paths = dict.fromkeys(files.path for split in task.files.values() for files in split)
    having = {
        "micro (an invented counterpart)": task.micro,
        f"files (reads {', '.join(paths)})": task.files,
        "hub": task.hub and source != "hub",
    }
    place = f" in {folder}" if folder else ""
    others = "; ".join(name for name, has in having.items() if has)
    return (
        f"{task_id}: the {source} source has nothing of it{place}. Its licence: {task.licence}. Take it from another "
        f"source, or out of the grid. Sources: {others}."
    )
