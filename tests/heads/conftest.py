"""A tokenizer of a hundred pieces."""

import pytest
import tiny

from xit.modeling import tokenization


@pytest.fixture(scope="module")
def tokenizer() -> tokenization.Tokenizer:
    return tiny.tokenizer()
