"""The small experiment, really run, once for all tests that look at it or change a copy."""

from pathlib import Path

import pytest
from filelock import FileLock
from small_experiment import small

from xit.pipeline import overlay, runner


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of the small experiment, made by the worker that needs it first; not to be changed."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if shared.name.startswith("popen-") else shared
    root = shared / "finished" / "workspaces" / "tiny"
    with FileLock(shared / "finished.lock"):
        if not (shared / "finished.done").exists():
            overlay.prepare(small(shared / "finished", ["transformer", "lstm"]), "tiny", None)
            runner.run(root, 2, lambda event: None)
            (shared / "finished.done").touch()
    return root
