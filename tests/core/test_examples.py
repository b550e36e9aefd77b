"""Files of examples: a changed bit is told or changes nothing."""

import re
from pathlib import Path

import pytest
import tiny

from xit.core.errors import DataError
from xit.core.examples import read_examples


@pytest.mark.parametrize("form", sorted(tiny.TASKS))
def test_a_changed_bit_in_examples_is_told_or_changes_nothing(form: str, tmp_path: Path) -> None:
    tiny.write_data(tmp_path, tiny.TASKS[form])
    path = tmp_path / "train.parquet"
    content, rows, told = path.read_bytes(), read_examples(path), 0

    for place in range(0, len(content), 11):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            found = read_examples(path)
        except DataError as error:
            assert re.match(r".*/train\.parquet: .*Delete it and run `dvc repro`\.$", str(error))  # noqa: PT017
            told += 1
        else:
            assert found == rows

    assert told > 20
