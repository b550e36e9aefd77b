"""A dvc.lock or rwlock that DVC would refuse to read: it is set aside, and what is wrong with it is said."""

import json
from pathlib import Path

import pytest

from xit.pipeline import repair

LOCK = """schema: '2.0'
stages:
  tokenizer:
    cmd: xit tokenizer
    deps:
    - path: data/text
      hash: md5
      md5: 0123456789abcdef0123456789abcdef.dir
      size: 3
      nfiles: 1
"""
MERGE = LOCK.replace("      size: 3\n", "<<<<<<< HEAD\n      size: 3\n=======\n      size: 4\n>>>>>>> other\n")


def told(root: Path, content: str | bytes) -> list[str]:
    (root / "dvc.lock").write_bytes(content if isinstance(content, bytes) else content.encode())
    lines = repair.set_aside(root)
    return [line.removeprefix(f"{root}/") for line in lines]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (MERGE, "line 9 is a mark of a merge that git could not finish ('<<<<<<< HEAD')"),
        (MERGE.replace("<<<<<<< HEAD\n", ""), "line 10 is a mark of a merge that git could not finish ('=======')"),
        ("<<<<<<< ours\n", "line 1 is a mark of a merge that git could not finish ('<<<<<<< ours')"),
        ("||||||| merged\n" + LOCK, "line 1 is a mark of a merge that git could not finish ('||||||| merged')"),
        ("", "cut short, as by a kill"),
        (LOCK[:-20], "cut short, as by a kill"),
        (LOCK[: LOCK.index("data/text")], "cut short, as by a kill"),
        (LOCK.encode()[:50] + b"\xff\xfe", "cut short, as by a kill"),
    ],
)
def test_a_lock_that_cannot_be_read_is_set_aside_with_what_is_wrong(
    content: str | bytes, wrong: str, tmp_path: Path
) -> None:
    said = told(tmp_path, content)

    assert said == [f"dvc.lock: {wrong}; it is set aside as dvc.lock.broken, and what was made is found again."]
    assert not (tmp_path / "dvc.lock").exists()
    assert (tmp_path / "dvc.lock.broken").exists()


@pytest.mark.parametrize(
    "content",
    [
        LOCK.replace("    cmd: xit tokenizer\n", ""),
        LOCK.replace("stages:", "steps:"),
        LOCK.replace("  tokenizer:", "\ttokenizer:"),
        LOCK + "stages: {}\n",
        LOCK.encode().replace(b"xit", b"\x00\xff"),
        "[]\n",
    ],
    ids=["no command", "an unknown key", "a tab", "a key twice", "no text", "a list"],
)
def test_a_lock_of_another_form_is_told_as_such_and_not_as_cut_short(content: str | bytes, tmp_path: Path) -> None:
    (said,) = told(tmp_path, content)

    assert said.startswith("dvc.lock: not as DVC writes it (")
    assert len(said) < 350


def test_a_whole_lock_is_left_alone(tmp_path: Path) -> None:
    assert told(tmp_path, LOCK) == []
    assert (tmp_path / "dvc.lock").read_text() == LOCK


def test_a_table_of_paths_in_use_that_was_cut_short_is_removed(tmp_path: Path) -> None:
    table = tmp_path / ".dvc/tmp/rwlock"
    table.parent.mkdir(parents=True)
    table.write_text(json.dumps({"read": {}})[:-3])

    assert [line.rpartition("/")[2] for line in repair.set_aside(tmp_path)] == [
        "rwlock: cut short, as by a kill; it was removed, since no process holds it."
    ]
    assert not table.exists()
