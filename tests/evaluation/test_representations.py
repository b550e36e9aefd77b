"""Probes of vectors of parallel sentences: which language a sentence is in, and how like English a language is."""

import dataclasses
import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from xit.core.examples import write_examples
from xit.core.plan import Places
from xit.core.progress import unheard
from xit.core.settings import RetrievalSettings
from xit.core.task import task_of
from xit.evaluation.representations import identified, measures, parallel, similarity
from xit.pipeline import config
from xit.sources.micro import MicroSource
from xit.stages.evaluate import evaluate


def normal(rows: int, hidden: int, seed: int) -> Any:
    return np.random.default_rng(seed).standard_normal((rows, hidden))


def test_languages_with_means_of_their_own_are_told_apart_and_others_are_guessed() -> None:
    shifts = {code: 5 * normal(1, 16, number) for number, code in enumerate(("en", "de", "zh", "sw"))}

    apart = identified({code: shift + normal(200, 16, 9 + len(code)) for code, shift in shifts.items()})
    alike = identified({code: normal(400, 16, 20 + number) for number, code in enumerate(shifts)})

    assert all(value > 0.98 for value in apart.values())
    assert np.mean(list(alike.values())) == pytest.approx(0.25, abs=0.04)


def test_a_language_of_one_sentence_has_nothing_to_ask_about() -> None:
    found = identified({"en": normal(8, 4, 0), "de": normal(1, 4, 1)})

    assert np.isnan(found["de"])
    assert not np.isnan(found["en"])


def test_similarity_sees_neither_rotation_nor_scale_nor_shift_and_is_zero_of_what_is_unrelated() -> None:
    vectors = normal(60, 30, 0)
    rotation, _ = np.linalg.qr(normal(30, 30, 1))

    assert similarity(vectors, 4 * vectors @ rotation + 2) == pytest.approx(1)
    # 200 draws of 40 rows in 64 dimensions: the biased estimate would be above 0.6
    unrelated = [similarity(normal(40, 64, 2 * n), normal(40, 64, 2 * n + 1)) for n in range(200)]
    assert np.mean(unrelated) == pytest.approx(0, abs=0.02)
    assert 0.3 < similarity(vectors, vectors + normal(60, 30, 2)) < 0.8
    assert np.isnan(similarity(vectors[:3], vectors[:3]))
    assert np.isnan(similarity(vectors * 0, vectors))


def test_pairs_are_those_of_query_and_right_candidate() -> None:
    examples = [
        {"id": "0", "role": "candidate", "gold": []},
        {"id": "5", "role": "query", "gold": ["1"]},
        {"id": "1", "role": "candidate", "gold": []},
        {"id": "6", "role": "query", "gold": ["0"]},
    ]

    [(queries, candidates)] = parallel(examples, {2: np.arange(4)[:, None]}).values()

    assert (queries.ravel().tolist(), candidates.ravel().tolist()) == ([1, 3], [2, 0])


def test_measures_are_of_every_language_and_layer_and_a_probe_has_english_too() -> None:
    pairs = {code: {layer: (normal(12, 6, layer), normal(12, 6, 5)) for layer in (0, 1)} for code in ("de", "zh")}

    rows = measures(pairs)

    value = {(row["measure"], row["language"], row["layer"]): row["value"] for row in rows}
    assert set(value) == {
        ("language_identification", code, layer) for code in ("en", "de", "zh") for layer in (0, 1)
    } | {("similarity_to_english", code, layer) for code in ("de", "zh") for layer in (0, 1)}
    assert measures({}) == []


def test_a_language_is_the_side_of_the_candidates_as_in_the_data_of_micro() -> None:
    """The queries are English in every language: a probe that took them for the language's would tell none apart."""
    settings = config.load(Path(__file__).parents[2] / "params.yaml").micro
    rows = MicroSource(dataclasses.replace(settings, test=12, languages=("en", "el", "zh")))
    pools = {code: list(rows.examples(task_of("tatoeba"), "test", code)) for code in ("el", "zh")}

    def letters(text: str) -> list[float]:
        """How many letters are Latin, Greek and others."""
        scripts = [unicodedata.name(c, "").partition(" ")[0] for c in text if c.isalpha()]
        return [scripts.count("LATIN"), scripts.count("GREEK"), sum(s not in ("LATIN", "GREEK") for s in scripts)]

    found = measures(
        {code: parallel(pool, {0: np.array([letters(row["text"]) for row in pool])}) for code, pool in pools.items()}
    )

    told = {row["language"]: row["value"] for row in found if row["measure"] == "language_identification"}
    assert told == {"en": 100, "el": 100, "zh": 100}


@pytest.mark.parametrize("has_validation", [True, False])
def test_a_bare_encoder_is_scored_in_every_layer_and_probed(has_validation: bool, tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path / "models/none/1")
    examples = [{**row, "language": code} for code in ("de", "zh") for row in tiny.examples("retrieval", 8)]
    write_examples(tmp_path / "data/tatoeba/test.parquet", task_of("tatoeba"), examples)
    if has_validation:
        write_examples(tmp_path / "data/tatoeba/validation.parquet", task_of("tatoeba"), examples[::-1])
    places = Places(tmp_path / "models", tmp_path / "data", tmp_path / "out")
    settings = RetrievalSettings(0.5833, "mean")

    evaluate(tiny.cells("transformer", "none", "tatoeba"), places, ["en", "de", "zh"], "micro", settings, unheard)

    folder = tmp_path / "out/none/1"
    layers, scores, probes = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("layers", "scores", "representations")
    )
    depth = max(row["layer"] for row in layers)
    assert len(layers) == 2 * (depth + 1) * (1 + has_validation)
    at = {(row["language"], row["layer"], row["is_centered"]): row["value"] for row in layers}
    for score in scores:
        layer, is_centered = round(0.5833 * depth), score["metric"] == "accuracy_centered"
        assert at[score["language"], layer, is_centered] == score["value"]
    assert len(scores) == 2 * (1 + has_validation)
    assert (folder / "predictions-centered").is_dir() == has_validation
    assert {row["layer"] for row in probes} == set(range(depth + 1))
    assert all(-100 <= row["value"] <= 100 for row in probes)
