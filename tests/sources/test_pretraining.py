"""Text and pairs for pretraining: how pairs are read and cleaned, and what is said of those that cannot be used."""

import collections
import gzip
import hashlib
import itertools
import json
import lzma
import os
import re
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import published_folder
import pytest
from published_folder import settings_of, write

from xit.core.errors import DataError
from xit.core.settings import MicroSettings
from xit.core.task import task_of
from xit.sources import NoPairsError, SentencePair, Source, pretraining
from xit.sources.files import FilesSource
from xit.sources.micro import MicroSource
from xit.stages import data

uncounted = published_folder.uncounted

ROWS = "A lamp.\tEine Lampe.\tmanual\nTwo boats.\tZwei Boote.\n"
DATA = Path(os.environ.get("XIT_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"no published files at {DATA}; XIT_TEST_DATA names their folder")


def put(folder: Path, contents: Mapping[str, bytes | str]) -> FilesSource:
    """A data folder with these files of pairs, by their names in `text-mine/pairs`."""
    for name, content in contents.items():
        file = folder / "text-mine/pairs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return FilesSource(settings_of(folder))


def cleaned(source: Source, language: str) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """The pairs of a language, and how many were left out by why."""
    notes: collections.Counter[str] = collections.Counter()
    english = pretraining.evaluated(source, "en")
    found = [pair[:2] for pair in pretraining.pairs(source, language, english, notes)]
    return found, dict(notes)


# --- how they are read ---


@pytest.mark.parametrize("name", ["en-de.tsv", "en-de.tsv.gz", "en-de.tsv.xz"])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_pairs_are_read_alike_packed_or_not(tmp_path: Path, name: str, ends: bytes) -> None:
    pack = {".tsv": bytes, ".gz": gzip.compress, ".xz": lzma.compress}[Path(name).suffix]
    source = put(tmp_path, {name: pack(b"\xef\xbb\xbf" + ROWS.encode().replace(b"\n", ends))})

    assert list(source.parallel("de")) == [
        SentencePair("A lamp.", "Eine Lampe.", "manual"),
        SentencePair("Two boats.", "Zwei Boote.", "text-mine"),
    ]


def test_the_pairs_of_several_folders_are_joined(tmp_path: Path) -> None:
    for folder in ("text-b", "text-a", "others"):
        (tmp_path / folder / "pairs").mkdir(parents=True)
        (tmp_path / folder / "pairs/en-de.tsv").write_text(f"{folder}\tLampe\n")

    assert [pair.english for pair in FilesSource(settings_of(tmp_path)).parallel("de")] == ["text-a", "text-b"]


def test_the_stage_writes_a_pair_a_line_in_the_order_of_the_source(tmp_path: Path) -> None:
    source = put(tmp_path, {"en-de.tsv": "A\u2028 lamp. \tEine\x85Lampe.\nTwo boats.\tZwei  Boote.\n"})

    lines = data.parallel(source, ["en", "de", "zh"], tmp_path / "out")

    content = (tmp_path / "out/de.tsv").read_bytes()
    audit = json.loads((tmp_path / "out/audit.json").read_text())
    assert content.decode() == "A lamp.\tEine Lampe.\nTwo boats.\tZwei Boote.\n"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["audit.json", "de.tsv", "zh.tsv"]
    assert (tmp_path / "out/zh.tsv").read_bytes() == b""
    assert list(audit["missing"]) == ["zh"]
    assert audit["languages"] == [
        {
            "language": "de",
            "pairs": 2,
            "sha256": hashlib.sha256(content).hexdigest(),
            "left_out": {},
            "sources": [{"source": "text-mine", "pairs": 2, "licence": "unknown"}],
        }
    ]
    assert lines[0].endswith("2 pairs in 1 language")
    assert re.search(r"no pairs of English and zh\. Looked for en-zh\.tsv, .* pairs are there with: de\. Put", lines[1])


def test_of_no_language_there_is_an_empty_folder(tmp_path: Path) -> None:
    data.parallel(FilesSource(settings_of(tmp_path / "nowhere")), [], tmp_path / "out")

    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_pairs(tmp_path: Path) -> None:
    peaks = []
    for count in (10, 10, 1_000):  # the first makes what is made once
        rows = "".join(f"The lamp {n} is {'green ' * 100}.\tDie Lampe {n} ist {'grün ' * 100}.\n" for n in range(count))
        source = put(tmp_path / str(count), {"en-de.tsv.xz": lzma.compress(rows.encode(), preset=0)})
        tracemalloc.start()
        data.parallel(source, ["de"], tmp_path / "out")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert len(rows) > 1_000_000
    assert peaks[2] < peaks[1] + len(rows) / 2


# --- what is left out ---


def test_what_stands_in_an_evaluation_set_is_left_out_on_both_sides(tmp_path: Path) -> None:
    write(tmp_path, "tatoeba")
    write(tmp_path, "chromium")
    write(tmp_path, "udpos")
    rows = [
        ("It is  late.", "Spät ist es."),  # Tatoeba, in English
        ("Come in. It is late.", "Komm herein."),  # one of two sentences
        ("The time has come.", "Es istspät."),  # Tatoeba, in German
        ("A home", "Im Haus"),  # a treebank
        ("Open a new lamp", "Lampe auf"),  # the segments
        ("Something to search", "Haus suchen"),
        ("It is later.", "Es ist später."),
    ]
    source = put(tmp_path, {"en-de.tsv": "".join(f"{one}\t{other}\n" for one, other in rows)})

    found, notes = cleaned(source, "de")

    assert found == [("It is later.", "Es ist später.")]
    assert notes == {"in an evaluation set": 6}


def test_text_is_cleaned_by_the_same_rule_and_every_split_of_a_target_counts(tmp_path: Path) -> None:
    for task in ("tatoeba", "chromium", "xnli", "panx", "xcopa"):
        write(tmp_path, task)
    (tmp_path / "text-mine").mkdir()
    lines = ["Lamp 0.", "Ida left", "The lamp is green.", "Find the lamp", "It got wet.", "Lamp 0. And more."]
    (tmp_path / "text-mine/en.txt").write_text("".join(f"{line}\n" for line in [*lines, "Nothing of it."]))
    notes: collections.Counter[str] = collections.Counter()

    found = list(pretraining.documents(FilesSource(settings_of(tmp_path)), "en", notes))

    assert found == ["Lamp 0. And more.", "Nothing of it."]  # a line goes whole or stays
    assert notes == {"in an evaluation set": 5}


@pytest.mark.parametrize("cap", ["most_train", "most_validation", "most_test"])
def test_all_examples_count_however_many_an_experiment_takes(tmp_path: Path, cap: str) -> None:
    write(tmp_path, "panx")
    (tmp_path / "panx/train-en.tsv").write_text("".join(f"Ida{n}\tB-PER\nleft\tO\n\n" for n in range(40)))
    (tmp_path / "panx/dev-en.tsv").write_text("".join(f"Bo{n}\tB-PER\nleft\tO\n\n" for n in range(9)))
    (tmp_path / "text-mine").mkdir()
    lines = [*(f"Ida{n} left" for n in range(40)), *(f"Bo{n} left" for n in range(9)), "Nothing of it."]
    (tmp_path / "text-mine/en.txt").write_text("".join(f"{line}\n" for line in lines))
    source = FilesSource(settings_of(tmp_path, **{cap: 1}))

    assert list(pretraining.documents(source, "en", collections.Counter())) == ["Nothing of it."]


def test_what_is_not_there_is_not_evaluated_and_what_is_damaged_is_told(tmp_path: Path) -> None:
    write(tmp_path, "xcopa", {"copa/train-en.jsonl": None})  # training needs both of its files
    source = put(tmp_path, {"en-tr.tsv": "Rain fell down.\tYağmur yağdı.\n"})
    assert cleaned(source, "tr") == ([("Rain fell down.", "Yağmur yağdı.")], {})

    write(tmp_path, "tatoeba", {"tatoeba/tatoeba.deu-eng.eng": b"\xff\n"})

    with pytest.raises(DataError, match=r"tatoeba.deu-eng.eng, line 1: byte 0xff is not UTF-8"):
        cleaned(source, "tr")


LEFT_OUT = {
    "an empty English side": ("de", "  ", "Lampe", "a side is empty"),
    "an empty target side": ("de", "Lamp", "", "a side is empty"),
    "a target in the letters of another language": (
        "ru",
        "The lamp",
        "ランプは緑です",
        "the target side is in another script",
    ),
    "a target that is mostly Latin": ("zh", "Open file", "Open file 文", "the target side is in another script"),
    "a German target in Cyrillic": ("de", "The lamp is green", "Лампа зелёная", "the target side is in another script"),
    "an English side in Chinese": ("zh", "灯是绿色的", "灯是绿色的", "the English side is in another script"),
    "a target that repeats the English": (
        "tl",
        "Open the file menu",
        "Open file menu na",
        "the target side is mostly English",
    ),
    "a target that is English": ("sw", "Hello", "You have to do this with that", "the target side is mostly English"),
    "equal sides": ("af", "OK", "ok", "both sides are the same"),
}
KEPT = {
    "a Dutch target with words that English has too": ("nl", "The water is in the lamp.", "Het water zit in de lamp."),
    "names in Latin letters": ("zh", "Open Chromium", "打开新的 Chromium 标签页"),
    "Japanese in its three scripts": ("ja", "The lamp is green", "ランプは緑です"),
    "Korean": ("ko", "The lamp", "램프"),
    "accents and signs of vowels": ("hi", "The lamp is green", "दीपक हरा है"),
    "Burmese": ("my", "The lamp", "မီးအိမ်"),
    "Bangla": ("bn", "The lamp", "বাতি"),
    "Vietnamese": ("vi", "The lamp is green", "Đèn màu xanh lá cây"),
    "a language whose script is not known": ("xx", "The lamp", "ლამპა"),
    "numbers": ("de", "5.0 %", "5,0 %"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_a_pair_is_left_out_and_counted(tmp_path: Path, case: str) -> None:
    language, english, target, why = LEFT_OUT[case]
    good = [pair for code, *pair in KEPT.values() if code == language] or [["The lamp is green", GOOD[language]]]
    rows = "".join(f"{one}\t{other}\n" for one, other in [*good, (english, target), *good])

    found, notes = cleaned(put(tmp_path, {f"en-{language}.tsv": rows}), language)

    assert found == [tuple(pair) for pair in [*good, *good]]
    assert notes == {why: 1}


GOOD = {"ru": "Лампа зелёная", "tl": "Berde ang lampara", "sw": "Taa ni ya kijani", "af": "Die lamp se kleur"}


@pytest.mark.parametrize("case", KEPT)
def test_a_pair_is_kept(tmp_path: Path, case: str) -> None:
    language, english, target = KEPT[case]

    assert cleaned(put(tmp_path, {f"en-{language}.tsv": f"{english}\t{target}\n"}), language) == (
        [(english, target)],
        {},
    )


# --- what cannot be used ---

FAULTS: dict[str, tuple[str, bytes, str]] = {
    "one column": (
        "en-de.tsv",
        b"A lamp. Eine Lampe.\n",
        r"line 1: 1 column, 'A lamp. Eine Lampe.'; 2 or 3 are needed: eng",
    ),
    "four columns": (
        "en-de.tsv",
        b"a\tb\tc\td\n",
        r"line 1: 4 columns, 'a\\tb\\tc\\td'; 2 or 3 are needed: english, target",
    ),
    "a blank line": ("en-de.tsv", b"a\tb\n\nc\td\n", r"line 2: 1 column, ''; 2 or 3 are needed"),
    "Latin-1": (
        "en-de.tsv",
        "a\tb\ngreen\tgrün\n".encode("latin-1"),
        r"line 2: byte 0xfc is not UTF-8. Convert the file",
    ),
    "UTF-16": ("en-de.tsv", "a\tb\n".encode("utf-16"), r"line 1: byte 0xff is not UTF-8. Convert the file to UTF-8"),
    "a NUL": ("en-de.tsv", b"a\tb\nc\0\td\n", r"line 2: has a NUL byte. Fetch it again"),
    "no content": ("en-de.tsv", b"\n", r"line 1: 1 column"),
    "no byte": ("en-de.tsv", b"", r"en-de.tsv: is empty. Fetch it again"),
    "packed without saying so": (
        "en-de.tsv",
        lzma.compress(b"a\tb\n"),
        r"is packed by xz \(unxz\), which its name does",
    ),
    "not packed though saying so": (
        "en-de.tsv.gz",
        b"a\tb\n",
        r"gz: cut off or damaged after 0 lines: Not a gzipped file",
    ),
    "xz that is cut off": (
        "en-de.tsv.xz",
        lzma.compress("".join(f"{n}\t{n * n}\n" for n in range(999)).encode())[:-30],
        r"en-de.tsv.xz: cut off or damaged after \d+ lines: .* Its name says \.xz\. Fetch it again",
    ),
    "gzip that is cut off": (
        "en-de.tsv.gz",
        gzip.compress(b"a\tb\n")[:-9],
        r"damaged after \d lines: .* Fetch it again",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_file_that_cannot_be_used_is_told_and_nothing_is_written(tmp_path: Path, case: str) -> None:
    name, content, message = FAULTS[case]
    source = put(tmp_path, {name: content, "en-es.tsv": "One lamp.\tUna lámpara.\n"})

    with pytest.raises(DataError, match=message):
        data.parallel(source, ["de", "es"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_faults_of_all_languages_are_told_together(tmp_path: Path) -> None:
    source = put(tmp_path, {"en-de.tsv": "a\n" * 3, "en-es.tsv": b"\xff", "en-tr.tsv": "b\n" * 2000})

    with pytest.raises(DataError) as raised:
        data.parallel(source, ["en", "de", "es", "tr", "zh"], tmp_path / "out")

    files = [re.search(r"en-(de|es|tr)", fault)[0] for fault in raised.value.faults]  # type: ignore[index]
    assert collections.Counter(files) == {"en-de": 3, "en-es": 1, "en-tr": 100}
    assert "The same is true of 99 further lines" in str(raised.value)


def test_a_file_that_is_there_twice_is_a_fault(tmp_path: Path) -> None:
    source = put(tmp_path, {"en-de.tsv": ROWS, "en-de.tsv.gz": gzip.compress(ROWS.encode())})

    with pytest.raises(DataError, match=r"pairs/en-de\.tsv: is also there as en-de\.tsv\.gz\. Keep one of them\."):
        list(source.parallel("de"))


def test_a_link_that_leads_nowhere_and_a_changed_file_are_told(tmp_path: Path) -> None:
    source = put(tmp_path, {"en-es.tsv": ROWS})
    (tmp_path / "text-mine/pairs/en-de.tsv").symlink_to(tmp_path / "gone")
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  text-mine/pairs/en-es.tsv\n")

    with pytest.raises(
        DataError, match=r"en-de.tsv: cannot be read: No such file.* link to .*gone, which leads nowhere"
    ):
        list(source.parallel("de"))
    with pytest.raises(
        DataError, match=r"en-es.tsv: its SHA-256 is [0-9a-f]{64}; in SHA256SUMS it is 0{64}\. Fetch it"
    ):
        list(source.parallel("es"))


def test_where_no_language_has_pairs_all_are_told(tmp_path: Path) -> None:
    (tmp_path / "text-mine").mkdir()

    with pytest.raises(DataError, match=r"(?s)English and de\..* with: no language\. Put .*English and es\.") as raised:
        data.parallel(FilesSource(settings_of(tmp_path)), ["en", "de", "es"], tmp_path / "out")
    assert len(raised.value.faults) == 2


def test_columns_in_the_wrong_order_are_told(tmp_path: Path) -> None:
    sides = [
        ("Die Lampe ist grün.", "The lamp that you have is green."),
        ("Zwei Boote.", "Two boats, and this was all that I saw."),
    ]
    source = put(tmp_path, {"en-de.tsv": "".join(f"{one}\t{other}\n" for one, other in sides)})

    with pytest.raises(
        DataError, match=r"2 of 2 are in another language \(the target side is mostly English: 2\)\. The"
    ):
        cleaned(source, "de")


# --- micro ---

MICRO = MicroSettings(20, 10, 10, 30, 12, 200, 0.65, 1)


def test_the_sides_of_a_micro_pair_say_the_same() -> None:
    from babel import Locale

    names = [Locale(code).territories for code in ("en", "de")]
    by_name = [{own[code]: code for code in own if code.isalpha()} for own in names]

    found = list(MicroSource(MICRO).parallel("de"))

    starts = [tuple(own.get(side.split(":")[0]) for own, side in zip(by_name, pair[:2], strict=True)) for pair in found]
    both = [start for start in starts if all(start)]
    numbers = [tuple(sorted(re.findall(r"\d+", side)) for side in pair[:2]) for pair in found]
    assert len(found) == 200
    assert len(both) > 40
    assert all(one == other for one, other in both)
    assert sum(one == other for one, other in numbers) > 180  # dates are written in another order, and the same digits
    assert {pair.origin for pair in found} == {"micro"}


def test_micro_pairs_are_others_in_each_language_and_as_the_seed_says() -> None:
    german, spanish = (list(MicroSource(MICRO).parallel(code)) for code in ("de", "es"))
    texts = {code: set(MicroSource(MICRO).text(code)) for code in ("en", "de")}

    assert list(MicroSource(MICRO).parallel("de")) == german
    assert len({pair.english for pair in german} & {pair.english for pair in spanish}) < 40
    assert len(texts["de"] & {pair.target for pair in german}) < 40


@pytest.mark.parametrize("task_id", ["tatoeba", "chromium", "bucc2018"])
def test_no_side_of_a_micro_pair_is_a_test_sentence(task_id: str) -> None:
    tested = {row["text"] for row in MicroSource(MICRO).examples(task_of(task_id), "test", "de")}
    sides = set(itertools.chain.from_iterable(pair[:2] for pair in MicroSource(MICRO).parallel("de")))

    assert len(tested) == 20
    assert not tested & sides


# --- the published files ---


@pytest.mark.slow
@real
def test_the_published_pairs_are_as_many_as_stated_and_of_known_licences() -> None:
    rows = {"tl": {"chromium": 6_323, "mediawiki": 2_639, "wesnoth": 61}, "sw": {"chromium": 6_816, "mediawiki": 1_541}}
    rows["sw"]["wordpress"] = 1_554

    for language, counts in rows.items():
        source = FilesSource(settings_of(DATA))
        (found,) = pretraining.audit(source, [language], lambda language, line: None).languages
        origins = collections.Counter(pair.origin for pair in source.parallel(language))
        assert origins == counts
        assert found["pairs"] + sum(found["left_out"].values()) == sum(counts.values())
        assert found["left_out"] == {"in an evaluation set": {"tl": 17, "sw": 20}[language]}
        assert all(row["licence"] != "unknown" for row in found["sources"])
    with pytest.raises(NoPairsError, match=r"pairs are there with: af, ar, bg, de, el, .* vi, zh\. Put"):
        next(iter(FilesSource(settings_of(DATA)).parallel("qu")))
