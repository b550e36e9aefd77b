"""Files are written whole or not at all, and errors of the system name the file that was asked for."""

from pathlib import Path

import pytest

from xit.core.files import atomic, write_json


def test_other_errors_pass_through_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^of another kind$"), atomic(tmp_path / "file"):
        raise RuntimeError("of another kind")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["folder", "."])
def test_a_file_does_not_take_the_place_of_a_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/thesis.txt").touch()

    with pytest.raises(IsADirectoryError):
        write_json(Path(name), {})

    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "thesis.txt"]


def test_an_error_of_the_system_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(PermissionError) as raised, atomic(tmp_path / "out") as temporary:
        raise PermissionError(13, "Permission denied", str(temporary / "inner"))

    assert raised.value.filename == str(tmp_path / "out")
