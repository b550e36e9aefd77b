"""Retrieval: how candidates are ranked, and exact search in blocks, vectors streamed to disk."""

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
from torch import Tensor

from xit import heads
from xit.core.errors import CheckpointError
from xit.core.settings import RetrievalSettings
from xit.evaluation import evaluate
from xit.formats import format_of
from xit.heads import EncodingOptions, _vectors, retrieval
from xit.heads._search import nearest
from xit.heads.retrieval import rank
from xit.modeling import encoders, task_model, tokenization
from xit.modeling.task_model import EncoderModel

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


@pytest.mark.parametrize("noise", [1.0, 1e-3, 1e-7], ids=["apart", "close", "all but equal"])
def test_neither_blocks_nor_threads_change_a_bit(noise: float) -> None:
    queries, candidates = tiny.unit_vectors(12, 96, 0, noise), tiny.unit_vectors(600, 96, 0, noise)[100:]
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
    queries, candidates = tiny.unit_vectors(9, 16, 0), tiny.unit_vectors(100, 16, 1)
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


@pytest.mark.slow
def test_a_killed_process_goes_on_and_ends_in_the_same_bits(tmp_path: Path) -> None:
    # Whole numbers, whose sums are exact however many threads add them.
    weights = torch.from_numpy((tiny.unit_vectors(60, 50, 0) * 100).round())
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


# Ranking


def pool_of(*rows: tuple[str, str, str, list[float]]) -> tuple[Tensor, list[dict[str, Any]]]:
    examples = [{"language": code, "role": role, "id": name, "gold": [], "text": ""} for code, role, name, _ in rows]
    return torch.tensor([vector for *_, vector in rows]), examples


def test_of_equally_near_candidates_the_first_comes_first() -> None:
    vectors, examples = pool_of(
        ("en", "query", "q", [1.0, 0.0]),
        ("en", "candidate", "far", [0.0, 1.0]),
        ("en", "candidate", "b", [1.0, 0.0]),
        ("en", "candidate", "a", [1.0, 0.0]),
    )

    assert rank(vectors, examples, tiny.task_of("tatoeba")) == {"q": ["b", "a", "far"]}


def test_a_query_is_ranked_in_its_language_or_in_all() -> None:
    vectors, examples = pool_of(
        ("de", "query", "q", [1.0, 0.0]),
        ("de", "candidate", "de-1", [0.5, 0.5]),
        ("fr", "candidate", "fr-1", [1.0, 0.0]),
    )

    assert rank(vectors, examples, tiny.task_of("tatoeba")) == {"q": ["de-1"]}
    assert rank(vectors, examples, tiny.task_of("lareqa")) == {"q": ["fr-1", "de-1"]}


def test_twenty_candidates_are_kept() -> None:
    candidates = [("en", "candidate", str(i), [1.0, float(i)]) for i in range(30)]
    vectors, examples = pool_of(("en", "query", "q", [0.0, 1.0]), *candidates)

    assert rank(vectors, examples, tiny.task_of("lareqa")) == {"q": [str(i) for i in range(29, 9, -1)]}


def test_equal_candidates_are_no_negatives_of_each_other() -> None:
    head = heads.load("retrieval").head("linear", 2, 1, tiny.task_of("lareqa"))
    same = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])  # two queries, each before its candidate

    with torch.no_grad():
        one, two = (float(head.loss(same, {"labels": torch.tensor(labels)})) for labels in ([7, 7], [7, 8]))

    assert one == pytest.approx(0.0)
    assert two == pytest.approx(0.6931, abs=1e-4)  # ln 2


def test_the_rows_of_the_nearest_candidates_are_what_tatoeba_submits() -> None:
    _, examples = pool_of(
        ("de", "candidate", "1", [1.0]),
        ("de", "query", "0", [1.0]),
        ("de", "candidate", "0", [1.0]),
        ("de", "query", "1", [1.0]),
    )

    assert format_of(tiny.task_of("tatoeba")).from_model({"0": ["0", "1"], "1": ["0", "1"]}, examples) == [1, 1]


def bare_vectors(tokenizer: tokenization.Tokenizer, **changes: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The vector that a bare encoder gives a sentence beside a longer one, and the sentence's hidden states."""
    torch.manual_seed(0)
    size = dataclasses.replace(tiny.SIZES["lstm"], layers=2)
    encoder = encoders.build("lstm", size, tokenizer.vocabulary_size)
    options = EncodingOptions(tokenizer, tiny.task_of("tatoeba"), 64)
    rows = heads.text_rows(options, ["Ida painted", "Ida painted the boat in Oslo"], "longest_first")
    settings = dataclasses.replace(RetrievalSettings(1.0, "mean"), **changes)
    ids = torch.from_numpy(rows[0].input_ids)[None]
    with torch.no_grad():
        states = encoder(ids, torch.ones_like(ids))
    model = EncoderModel(encoder, 0)
    return model.vectors(rows, settings, [model.layer(settings)])[0][0], states


@pytest.mark.parametrize(("layer", "index"), [(0.0, 0), (0.5, 1), (0.5833, 1), (1.0, 2)])
def test_the_layer_of_a_bare_encoder_is_a_part_of_its_depth(
    layer: float, index: int, tokenizer: tokenization.Tokenizer
) -> None:
    vector, states = bare_vectors(tokenizer, layer=layer)

    torch.testing.assert_close(vector, states[index][0].mean(0), atol=1e-6, rtol=0)


def test_pooling_reads_real_tokens_only(tokenizer: tokenization.Tokenizer) -> None:
    for pooling, of in (("max", lambda s: s.amax(0)), ("first", lambda s: s[0])):
        vector, states = bare_vectors(tokenizer, pooling=pooling)
        torch.testing.assert_close(vector, of(states[-1][0]), atol=1e-6, rtol=0)


def test_centring_takes_away_the_mean_of_a_language_and_role_of_validation_and_never_that_of_the_pool(
    tokenizer: tokenization.Tokenizer,
) -> None:
    vectors, examples = pool_of(
        ("de", "query", "0", [9.0, 1.0]),
        ("de", "query", "1", [9.0, -1.0]),
        ("de", "candidate", "0", [1.0, 5.0]),
        ("de", "candidate", "1", [1.0, 3.0]),
    )
    means, validation = pool_of(
        ("de", "query", "2", [9.0, 0.5]), ("de", "query", "3", [9.0, -0.5]), ("de", "candidate", "2", [1.0, 4.0])
    )
    retrieval: Any = heads.load("retrieval")
    options = EncodingOptions(tokenizer, tiny.task_of("tatoeba"), 64)

    def ranked(is_centered: bool, known: Any = validation, of: Tensor = means) -> Any:
        pool = retrieval.BarePool(examples, known, {2: vectors.numpy()}, {2: of.numpy()} if known else {})
        return retrieval.bare_answers(pool, 2, is_centered, options)

    assert ranked(is_centered=False) == {"0": ["1", "0"], "1": ["1", "0"]}
    assert ranked(is_centered=True) == {"0": ["0", "1"], "1": ["1", "0"]}
    assert ranked(is_centered=True, of=means * 0) == ranked(is_centered=False)  # the pool's own means do nothing
    assert ranked(is_centered=False, known=[]) == ranked(is_centered=False)
    assert ranked(is_centered=True, known=[]) is None
    assert ranked(is_centered=True, known=validation[:2], of=means[:2]) is None  # no mean of the candidates
