"""Retrieval at scale: exact search in blocks, vectors streamed to disk, mining of pairs."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xit.core.errors import CheckpointError
from xit.core.plan import Places
from xit.core.progress import unheard
from xit.core.settings import MicroSettings, RetrievalSettings
from xit.evaluation import evaluate
from xit.formats import format_of
from xit.heads import EncodingOptions, _mining, _vectors, retrieval
from xit.heads._search import nearest
from xit.modeling import task_model
from xit.sources.micro import MicroSource
from xit.stages import data
from xit.stages import evaluate as evaluate_stage

BARE = RetrievalSettings(0.5, "mean")


# Search


def found(queries: Any, candidates: Any, count: int, blocks: tuple[int, int]) -> tuple[Any, Any]:
    return nearest(
        torch.as_tensor(queries), lambda start, stop: candidates[start:stop], len(candidates), count, blocks=blocks
    )


@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 9), st.integers(1, 25), st.integers(0, 10**6), st.data())
@settings(max_examples=150)
def test_search_ranks_as_a_stable_sort_of_whole_numbers(
    candidates: int, queries: int, hidden: int, count: int, seed: int, data: Any
) -> None:
    random = np.random.default_rng(seed)
    highest = data.draw(st.sampled_from([1, 3, 1000]), "highest")  # with 1 most similarities are tied
    left = random.integers(-highest, highest + 1, (queries, hidden))
    right = random.integers(-highest, highest + 1, (candidates, hidden))
    blocks = data.draw(st.integers(1, 70), "candidates a block"), data.draw(st.integers(1, 14), "queries a block")

    similarities, numbers = found(left.astype(np.float32), right.astype(np.float32), count, blocks)

    products = left @ right.T  # whole numbers: exact
    order = np.argsort(-products, axis=1, kind="stable")[:, :count]
    assert numbers.tolist() == order.tolist()
    assert similarities.tolist() == np.take_along_axis(products, order, 1).tolist()


def unit(rows: int, hidden: int, seed: int, noise: float = 1.0) -> Any:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((1, hidden)) * (noise < 1) + noise * random.standard_normal((rows, hidden))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("noise", [1.0, 1e-3, 1e-7], ids=["apart", "close", "all but equal"])
def test_neither_blocks_nor_threads_change_a_bit(noise: float) -> None:
    queries, candidates = unit(12, 96, 0, noise), unit(600, 96, 0, noise)[100:]
    expected = found(queries, candidates, 5, (500, 12))

    for blocks in [(1, 12), (7, 3), (256, 5), (499, 1), (5000, 5000)]:
        torch.set_num_threads(2 if blocks[0] == 256 else 1)
        similarities, numbers = found(queries, candidates, 5, blocks)
        torch.set_num_threads(1)
        assert similarities.tobytes() == expected[0].tobytes()
        assert numbers.tolist() == expected[1].tolist()
    exact = queries.astype(float) @ candidates.astype(float).T
    np.testing.assert_allclose(expected[0], -np.sort(-exact, axis=1)[:, :5], rtol=0, atol=1e-7)


def test_of_many_equal_candidates_the_first_come_first() -> None:
    candidates = np.tile(np.float32([[0.6, 0.8]]), (2000, 1))
    candidates[1500] = [1.0, 0.0]

    _, numbers = found(np.float32([[1.0, 0.0]]), candidates, 5, (700, 1))

    assert numbers.tolist() == [[1500, 0, 1, 2, 3]]


def test_candidates_are_read_once_in_order_and_may_lie_in_a_file(tmp_path: Path) -> None:
    queries, candidates = unit(9, 16, 0), unit(100, 16, 1)
    np.save(tmp_path / "candidates.npy", candidates)
    mapped = np.load(tmp_path / "candidates.npy", mmap_mode="r")
    read, told = [], []

    def rows(start: int, stop: int) -> Any:
        read.append((start, stop))
        return mapped[start:stop]

    _, numbers = nearest(
        torch.from_numpy(queries), rows, 100, 3, lambda done, total: told.append((done, total)), blocks=(40, 4)
    )

    assert numbers.tolist() == found(queries, candidates, 3, (100, 9))[1].tolist()
    assert read == [(0, 40), (40, 80), (80, 100)]
    assert told == [(40, 100), (80, 100), (100, 100)]


def test_a_vector_that_is_not_finite_is_no_vector() -> None:
    with pytest.raises(ValueError, match="vector 1 of a block is not finite"):
        found(np.float32([[1.0, 0.0]]), np.float32([[1.0, 0.0], [np.nan, 0.0]]), 1, (2, 1))


# Vectors

SLOW = """
import sys, time
from pathlib import Path
import torch
from xit.heads import _vectors
folder = Path(sys.argv[1])
weights = torch.load(folder / "weights.pt", weights_only=True)
def slow(start, stop):
    time.sleep(60 if start > 10 else 0)
    return weights[start:stop] @ weights.T
_vectors.encoded(slow, 60, folder / "work" / "de", {"checkpoint": "a"}, shard=2)
"""


def test_a_killed_process_goes_on_and_ends_in_the_same_bits(tmp_path: Path) -> None:
    # Whole numbers, whose sums are exact however many threads add them.
    weights = torch.from_numpy((unit(60, 50, 0) * 100).round())
    torch.save(weights, tmp_path / "weights.pt")
    place = tmp_path / "work" / "de"
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(tmp_path)])
    deadline = time.monotonic() + 120
    while not place.with_suffix(".json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL  # it was killed, it did not end
    done = json.loads(place.with_suffix(".json").read_text())["done"]
    assert 0 < done < 60
    assert sorted(path.suffix for path in place.parent.glob("de.*")) == [".json", ".partial"]
    told: list[int] = []

    def encode(start: int, stop: int) -> torch.Tensor:
        return weights[start:stop] @ weights.T

    resumed = _vectors.encoded(encode, 60, place, {"checkpoint": "a"}, lambda done, total: told.append(done), shard=2)

    whole = _vectors.encoded(encode, 60, shard=2)
    assert told[0] == done + 2
    assert resumed.tobytes() == whole.tobytes()
    assert sorted(path.suffix for path in place.parent.iterdir()) == [".json", ".npy"]
    assert np.load(place.with_suffix(".npy")).tobytes() == whole.tobytes()


@pytest.fixture
def half_done(tmp_path: Path) -> Path:
    """Six of ten vectors, each its own number."""
    place = tmp_path / "work" / "de"

    def broken(start: int, stop: int) -> torch.Tensor:
        if start == 6:
            raise KeyboardInterrupt
        return numbered(start, stop)

    with pytest.raises(KeyboardInterrupt):
        _vectors.encoded(broken, 10, place, {"checkpoint": "a"}, shard=3)
    return place


def numbered(start: int, stop: int) -> torch.Tensor:
    return torch.arange(start, stop)[:, None].float()


def begun_at(place: Path, **made_of: str) -> int:
    """The number of the first text that is encoded by the next run, which ends right."""
    begun: list[int] = []

    def encode(start: int, stop: int) -> torch.Tensor:
        begun.append(start)
        return numbered(start, stop)

    vectors = _vectors.encoded(encode, 10, place, {"checkpoint": "a", **made_of}, shard=3)
    assert vectors[:, 0].tolist() == list(range(10))
    return begun[0] if begun else 10


def test_work_of_equal_origin_is_gone_on_with_and_then_kept(half_done: Path) -> None:
    assert begun_at(half_done) == 6
    assert begun_at(half_done) == 10


def test_work_of_other_origin_is_begun_again(half_done: Path) -> None:
    assert begun_at(half_done, checkpoint="b") == 0
    assert begun_at(half_done, checkpoint="b") == 10
    assert begun_at(half_done) == 0


@pytest.mark.parametrize("suffix", [".json", ".partial"])
def test_work_that_cannot_be_read_is_begun_again(suffix: str, half_done: Path) -> None:
    path = half_done.with_suffix(suffix)
    path.write_bytes(path.read_bytes()[:-9])

    assert begun_at(half_done) == 0


def test_a_full_disk_leaves_no_vectors_that_look_finished(tmp_path: Path) -> None:
    with tiny.files_of_at_most(4096), pytest.raises(OSError, match="File too large"):
        _vectors.encoded(lambda start, stop: torch.ones(stop - start, 500), 10, tmp_path / "de", {}, shard=3)

    assert not (tmp_path / "de.npy").exists()


def test_vectors_have_length_one_and_do_not_depend_on_what_is_read_with_them() -> None:
    vectors = np.random.default_rng(0).standard_normal((300, 65)).astype(np.float32)
    groups = ["a", "b", "b"] * 100
    made = _vectors.NormalizedVectors(vectors, groups, _vectors.means_of(vectors, groups))

    together = made[np.arange(300)]

    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    for rows in (np.arange(300)[::-1], np.arange(17, 40), np.array([5])):
        assert made[rows].tobytes() == together[rows].tobytes()
    expected = vectors[0] - vectors[::3].mean(0)
    np.testing.assert_allclose(together[0], expected / np.linalg.norm(expected), atol=1e-6)


def test_a_vector_that_is_not_finite_names_its_text() -> None:
    vectors = np.ones((4, 2), dtype=np.float32)
    vectors[2, 1] = np.inf

    with pytest.raises(CheckpointError, match=r"text 2 .* not finite"):
        _vectors.NormalizedVectors(vectors)[np.arange(1, 4)]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two texts are a large pool."""
    monkeypatch.setattr(retrieval, "LARGE", 1)


@pytest.mark.usefixtures("large")
def test_a_large_pool_scores_the_same_and_leaves_nothing_behind(tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path / "checkpoint")
    tiny.write_head(tmp_path / "checkpoint", "lareqa")
    examples, told = tiny.examples("retrieval", 24), []

    def report(what: str, done: int, total: int) -> None:
        told.append((what, done, total))
        if what == "search":
            assert (tmp_path / "work" / "all.npy").is_file()

    options = evaluate.EvaluationOptions(BARE, working=tmp_path / "work", report=report)
    found = evaluate.evaluate(tmp_path / "checkpoint", "lareqa", examples, options)

    assert told == [("encode", 48, 48), ("search", 24, 24)]
    assert not (tmp_path / "work").exists()
    assert found == evaluate.evaluate(tmp_path / "checkpoint", "lareqa", examples, evaluate.EvaluationOptions(BARE))


@pytest.mark.usefixtures("large")
def test_what_was_encoded_before_a_stop_is_encoded_by_the_same_checkpoint_only(tmp_path: Path) -> None:
    task, examples = tiny.task_of("tatoeba"), tiny.examples("retrieval", 24)
    encoded: list[int] = []

    def encode(seed: int, layer: float = 0.5) -> None:
        tiny.write_checkpoint(tmp_path / "checkpoint", seed=seed)
        encoder, tokenizer = task_model.load_encoder(tmp_path / "checkpoint")
        options = EncodingOptions(
            tokenizer, task, 64, working=tmp_path / "work", report=lambda what, done, total: encoded.append(seed)
        )
        pool = retrieval.bare_pool(encoder, examples, [], options, RetrievalSettings(layer, "mean"))
        [made] = pool.vectors
        assert retrieval.bare_answers(pool, made, False, options)

    for seed, layer, runs in ((0, 0.5, [0, 0]), (0, 0.5, [0]), (1, 0.5, [1, 1]), (1, 1.0, [1, 1])):
        encoded.clear()
        encode(seed, layer)
        assert encoded == runs  # encoded and searched; only searched


# Mining


def at(*degrees: float) -> Any:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_pairs_have_the_cosine_over_the_mean_cosine_of_their_neighbours() -> None:
    pairs, margins = _mining.mine(at(0, 60), at(10, 90))

    # neighbours of 0°: cos 10°, cos 90°; of 60°: cos 50°, cos 30°; of 10°: cos 10°, cos 50°; of 90°: cos 90°, cos 30°
    # 0° and 10°: 0.9848 / ((0.4924 + 0.8138) / 2); 60° and 90°: 0.8660 / ((0.7544 + 0.4330) / 2)
    assert pairs.tolist() == [[0, 0], [1, 1]]
    assert margins.tolist() == pytest.approx([1.5079, 1.4587], abs=1e-4)


def test_a_sentence_is_in_one_pair_the_best() -> None:
    pairs, margins = _mining.mine(at(0, 5, 80), at(1, 79))

    assert sorted(pairs.tolist()) == [[0, 0], [2, 1]]
    assert margins.tolist() == sorted(margins, reverse=True)


def test_known_pairs_among_sentences_without_a_partner_are_mined_first() -> None:
    random = np.random.default_rng(0)
    queries, candidates = unit(300, 32, 1), unit(400, 32, 2)
    partners = random.permutation(400)[:60]
    near = queries[:60] + 0.02 * random.standard_normal((60, 32))
    candidates[partners] = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)

    pairs, margins = _mining.mine(queries, candidates)

    assert {tuple(pair) for pair in pairs[:60].tolist()} == set(zip(range(60), partners.tolist(), strict=True))
    assert margins[59] > margins[60]
    assert all(len(set(side)) == len(side) for side in pairs.T.tolist())


@pytest.mark.parametrize(
    ("scored", "threshold"),
    [
        ({"aA": 5.0, "bB": 4.0, "cX": 3.0, "dX": 2.0}, 3.5),  # 2 of 2, 3 gold: 0.8; all others lower it
        ({"aX": 5.0, "aA": 4.0, "bB": 3.0, "cC": 2.0}, 2.0),  # all: 6 / 7
        ({"aA": 4.0, "bB": 4.0, "bX": 4.0, "dX": 2.0}, 3.0),  # equal margins are taken together
        ({"aX": 5.0}, 0.0),
        ({}, 0.0),
    ],
)
def test_the_threshold_is_that_of_the_best_f1(scored: dict[str, float], threshold: float) -> None:
    pairs = {(pair[0], pair[1]): margin for pair, margin in scored.items()}

    assert _mining.threshold(pairs, {("a", "A"), ("b", "B"), ("c", "C")}) == threshold


def sentences(role: str, *texts: str, prefix: str) -> list[dict[str, Any]]:
    return [
        {"id": f"{prefix}{number}", "language": "de", "role": role, "text": text, "gold": []}
        for number, text in enumerate(texts)
    ]


def test_equal_sentences_take_part_once_and_are_in_no_pair() -> None:
    examples = [
        *sentences("query", "eins", "zwei", " zwei ", "drei", prefix="de-"),
        *sentences("candidate", "one", "two", "three", prefix="en-"),
    ]
    vectors = np.concatenate([at(0, 40, 40, 80), at(1, 41, 81)])

    found = retrieval._margins(_vectors.NormalizedVectors(vectors), examples)

    assert set(found) == {("de-0", "en-0"), ("de-3", "en-2")}


def test_the_threshold_of_validation_cuts_the_pairs_of_test(tmp_path: Path) -> None:
    task, texts = tiny.task_of("bucc2018"), tiny.texts()[:40]
    tiny.write_checkpoint(tmp_path / "checkpoint")
    encoder, tokenizer = task_model.load_encoder(tmp_path / "checkpoint")
    options = EncodingOptions(tokenizer, task, 64)

    def pool(first: int) -> list[dict[str, Any]]:
        """Ten queries, and as candidates five of them word for word, their translations, and five others."""
        rows = sentences("query", *texts[first : first + 10], prefix="de-")
        rows += sentences("candidate", *texts[first : first + 5], *texts[first + 10 : first + 15], prefix="en-")
        return [{**row, "gold": [f"en-{n}"]} if row["role"] == "query" and n < 5 else row for n, row in enumerate(rows)]

    made = retrieval.bare_pool(encoder, pool(0), pool(20), options, BARE)

    for is_centered in (False, True):
        pairs: Any = retrieval.bare_answers(made, encoder.layer(BARE), is_centered, options)
        assert set(pairs) >= {(f"de-{n}", f"en-{n}") for n in range(5)}
        scores = format_of(task).score(pairs, format_of(task).gold(pool(0)), "de")
        assert scores["recall"] == 100.0
        assert scores["f1"] > 60


def test_the_stages_mine_with_the_validation_split_of_every_language(tmp_path: Path) -> None:
    languages = ("en", "de", "zh")
    source = MicroSettings(
        train=8, validation=12, test=9, territories=20, units=12, documents_per_language=5, anchor_fraction=0.5, seed=1
    )
    tiny.write_checkpoint(tmp_path / "models" / "none" / "0")

    micro = MicroSource(dataclasses.replace(source, languages=languages))
    lines = data.data("bucc2018", micro, languages, tmp_path / "data/bucc2018")
    places = Places(tmp_path / "models", tmp_path / "data", tmp_path / "out")
    cells = tiny.cells("transformer", "none", "bucc2018", seeds=(0,))
    evaluate_stage.evaluate(cells, places, languages, "micro", BARE, unheard)

    assert lines == [f"{tmp_path / 'data/bucc2018'}: 24 validation, 18 test"]
    scores = json.loads((tmp_path / "out" / "none" / "0" / "scores.json").read_text())
    assert {(score["language"], score["metric"]) for score in scores} == {
        (code, metric) for code in ("de", "zh") for metric in ("f1", "f1_centered", "precision", "recall")
    }
    lineage = json.loads((tmp_path / "out" / "none" / "0" / "lineage.json").read_text())
    assert {"test", "validation"} < set(lineage["inputs"])
    assert not (tmp_path / "out" / "none" / "0.partial").exists()
