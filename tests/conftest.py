"""What all tests share: property tests draw the same examples in every run, so that a failure comes again."""

import gc
import os
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

from xit.core import instructions

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # of a shell's background: tests send it to what they start
    signal.signal(signal.SIGINT, signal.default_int_handler)
for _name in tuple(os.environ):  # before anything that reads them is imported
    if _name.lower().endswith("_proxy") or _name in ("HF_HUB_OFFLINE", "HF_TOKEN", "XIT_ACCELERATE"):
        del os.environ[_name]
sys.dont_write_bytecode = False  # else each process that tests start compiles the package anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

instructions.apply("compatible", os.environ)  # as the command line does, before torch is imported

settings.register_profile("xit", deadline=None, derandomize=True)  # a busy machine is not a fault
settings.load_profile("xit")


@pytest.fixture(autouse=True)
def _instructions_as_before() -> Iterator[None]:
    """After a test, this process says again what it computes with."""
    yield
    instructions.apply("compatible", os.environ)


@pytest.fixture(autouse=True)
def _the_hub_as_before() -> Iterator[None]:
    """After a test, huggingface_hub looks where it looked before, whatever params.yaml was read."""
    from huggingface_hub import constants

    before = constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE
    yield
    constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE = before


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes is slow too, so that `-m "not slow"` leaves it out."""
    for item in items:
        if item.get_closest_marker("torture") or item.get_closest_marker("rehearsal"):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """What was imported and collected stays; a search for garbage through all of it takes longer than most tests."""
    gc.collect()
    gc.freeze()
