"""Cases of a test of which a few are among the fast tests, and the others among the slow ones."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def fast(is_fast: Callable[[Any], bool], cases: Iterable[Any]) -> list[Any]:
    """The cases for `pytest.mark.parametrize`; those that are not fast are marked as slow."""

    def marked(case: Any) -> Any:
        return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)

    return [case if is_fast(case) else marked(case) for case in cases]
