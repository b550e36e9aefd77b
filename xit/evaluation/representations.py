"""What vectors of parallel sentences tell beside retrieval: which language each is of, and how like English it is.

Both are closed forms without a training loop, on the test pairs of aligned retrieval (Tatoeba), in every layer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xit.core.examples import Example

Floats = npt.NDArray[Any]
Pairs = Mapping[int, tuple[Floats, Floats]]
"""Of a language, by layer: vectors of English sentences and of their translations, <float>[pairs, hidden] each."""

MOST_PAIRS = 100
"""Of a language: enough for both measures, and few enough to hold every layer of every language in memory."""

RIDGE = 0.01
"""The penalty of the classifier, as a part of the mean variance of a dimension."""


def parallel(examples: Sequence[Example], vectors: Mapping[int, Floats]) -> Pairs:
    """The pairs of a language's pool: its queries are in English, and have one right candidate each."""
    row = {example["id"]: number for number, example in enumerate(examples) if example["role"] == "candidate"}
    queries = [number for number, example in enumerate(examples) if example["role"] == "query"][:MOST_PAIRS]
    candidates = [row[examples[number]["gold"][0]] for number in queries]
    return {layer: (values[queries], values[candidates]) for layer, values in vectors.items()}


def measures(pairs: Mapping[str, Pairs]) -> list[dict[str, Any]]:
    """Rows with `language`, `layer`, `measure` and `value`, from 0 to 100.

    `language_identification` is the share of a language's sentences that a ridge classifier assigns to it, among all
    languages and English (whose sentences are the translations of the first language); it learns from every other
    sentence and is asked about the rest. `similarity_to_english` is that of the sentences and their translations.
    """
    rows: list[dict[str, Any]] = []
    for layer in next(iter(pairs.values()), {}):
        own = {language: of_language[layer][1] for language, of_language in pairs.items()}
        english = next(iter(pairs.values()))[layer][0]
        found = [
            ("language_identification", {"en": english, **own}, identified({"en": english, **own})),
            ("similarity_to_english", own, {code: similarity(*pairs[code][layer]) for code in own}),
        ]
        for measure, languages, values in found:
            rows += [
                {"language": code, "layer": layer, "measure": measure, "value": 100 * values[code]}
                for code in languages
                if np.isfinite(values[code])
            ]
    return rows


def identified(vectors: Mapping[str, Floats]) -> dict[str, float]:
    """The share of each language's odd-numbered vectors that are assigned to it by what the even-numbered ones teach.

    Examples:
        >>> apart = {"en": np.array([[1.0, 0.0]] * 4), "de": np.array([[0.0, 1.0]] * 4)}
        >>> identified(apart)
        {'en': 1.0, 'de': 1.0}
    """
    known = np.concatenate([values[::2] for values in vectors.values()]).astype(np.float64)
    labels = np.repeat(np.arange(len(vectors)), [len(values[::2]) for values in vectors.values()])
    targets = np.eye(len(vectors))[labels]
    mean, share = known.mean(0), targets.mean(0)
    centered = known - mean
    covariance = centered.T @ centered / len(known)
    penalty = RIDGE * np.trace(covariance) / len(covariance) + 1e-12
    weights = np.linalg.solve(covariance + penalty * np.eye(len(covariance)), centered.T @ (targets - share))
    return {
        language: float(np.mean(np.argmax((values[1::2] - mean) @ weights / len(known) + share, axis=1) == number))
        if len(values) > 1
        else float("nan")
        for number, (language, values) in enumerate(vectors.items())
    }


def similarity(first: Floats, second: Floats) -> float:
    """Linear CKA of two matrices of vectors whose rows belong together: 1 for the same up to rotation and scale.

    Kornblith et al. 2019, arXiv 1905.00414, with the unbiased estimate of HSIC (Song et al. 2012), since sentences are
    few beside dimensions: of unrelated vectors it is 0 in the mean. NaN for fewer than four rows or equal ones.

    Examples:
        >>> some = np.array([[0.0, 1.0], [2.0, 0.5], [1.0, 3.0], [4.0, 1.0], [0.5, 0.1]])
        >>> round(similarity(some, 3 * some[:, ::-1] + 7), 6)
        1.0
    """
    if len(first) < 4:
        return float("nan")
    one, two = (_gram(values) for values in (first, second))
    scale = _hsic(one, one) * _hsic(two, two)
    return float(_hsic(one, two) / np.sqrt(scale)) if scale > 0 else float("nan")


def _gram(vectors: Floats) -> Floats:
    """Products of all pairs of rows, less their mean; 0 for a row with itself."""
    values = vectors.astype(np.float64)
    values = values - values.mean(0)
    products: Floats = values @ values.T
    np.fill_diagonal(products, 0.0)
    return products


def _hsic(one: Floats, two: Floats) -> float:
    """The unbiased estimate of the Hilbert-Schmidt independence criterion, up to a factor that CKA does not see."""
    count = len(one)
    whole = one.sum() * two.sum() / ((count - 1) * (count - 2))
    return float((one * two).sum() + whole - 2 / (count - 2) * (one.sum(0) @ two.sum(0)))
