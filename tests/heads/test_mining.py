"""Mining: pairs by margin, each sentence in one of them, cut at the threshold of validation."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from xit.core.plan import Places
from xit.core.progress import unheard
from xit.core.settings import MicroSettings, RetrievalSettings
from xit.formats import format_of
from xit.heads import EncodingOptions, _mining, _vectors, retrieval
from xit.modeling import task_model
from xit.sources.micro import MicroSource
from xit.stages import data
from xit.stages import evaluate as evaluate_stage

BARE = RetrievalSettings(0.5, "mean")


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
    queries, candidates = tiny.unit_vectors(300, 32, 1), tiny.unit_vectors(400, 32, 2)
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
