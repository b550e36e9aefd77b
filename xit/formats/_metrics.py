"""The benchmark's metrics, from 0 to 100, as its own evaluator gives them (google-research/xtreme: evaluate.py,
third_party/evaluate_squad.py, third_party/evaluate_mlqa.py, commit 838c13b).

Predictions and gold are plain sequences or mappings; nothing here knows of tasks, files or tensors.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

Span = tuple[str, int, int]
"""A type, its first and its last token."""


class PrecisionRecallF1(NamedTuple):
    """How far a set of predicted things agrees with a gold set; 0 where a denominator would be 0."""

    precision: float
    recall: float
    f1: float


class ExactMatchF1(NamedTuple):
    """Extractive question answering; the task score of XTREME is the mean of the two (`em_f1`)."""

    exact_match: float
    f1: float


def accuracy(predictions: Sequence[Hashable], gold: Sequence[Hashable]) -> float:
    """The share of predictions that equal their gold label.

    Aligned retrieval (Tatoeba) is scored by it too: the prediction is the row of the nearest candidate.
    """
    return _mean(float(p == g) for p, g in zip(predictions, gold, strict=True))


def overlap(predictions: Collection[Hashable], gold: Collection[Hashable]) -> PrecisionRecallF1:
    """Precision, recall and F1 of two sets: of spans in tagging, of sentence pairs in BUCC."""
    predicted, right = frozenset(predictions), frozenset(gold)
    both = 100.0 * len(predicted & right)
    precision = both / len(predicted) if predicted else 0.0
    recall = both / len(right) if right else 0.0
    return PrecisionRecallF1(precision, recall, 2 * precision * recall / (precision + recall) if both else 0.0)


# Tagging


def token_accuracy(predictions: Iterable[Sequence[str]], gold: Iterable[Sequence[str]]) -> float:
    """The share of words with the right tag, over all sentences: what papers often print for UD-POS."""
    pairs = [pair for p, g in zip(predictions, gold, strict=True) for pair in zip(p, g, strict=True)]
    return accuracy([p for p, _ in pairs], [g for _, g in pairs])


def span_overlap(
    predictions: Sequence[Sequence[str]],
    gold: Sequence[Sequence[str]],
    spans: Callable[[Sequence[str]], Iterable[Span]],
) -> PrecisionRecallF1:
    """Precision, recall and F1 of the spans of all sentences, each right only with its type and both its ends."""
    for number, (p, g) in enumerate(zip(predictions, gold, strict=True)):
        if len(p) != len(g):
            raise ValueError(f"sentence {number} has {len(g)} words and {len(p)} predicted tags")
    return overlap(
        *({(i, *span) for i, tags in enumerate(side) for span in spans(tags)} for side in (predictions, gold))
    )


def entity_spans(tags: Sequence[str]) -> Iterator[Span]:
    """Spans of IOB2 tags, read leniently: an I- after O or after another type opens a span (PAN-X; seqeval).

    >>> list(entity_spans(["B-PER", "I-PER", "I-LOC", "O", "B-LOC", "B-LOC"]))
    [('PER', 0, 1), ('LOC', 2, 2), ('LOC', 4, 4), ('LOC', 5, 5)]
    """
    first, kind = 0, ""
    for position, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        if kind and (prefix != "I" or name != kind):
            yield kind, first, position - 1
            kind = ""
        if prefix != "O" and not kind:
            first, kind = position, name


def part_of_speech_spans(tags: Sequence[str]) -> Iterator[Span]:
    """Spans of bare tags: maximal runs of equal tags, but every SCONJ and every SYM is one by itself (UD-POS).

    That is how the benchmark's seqeval 0.0.12 reads tags without a prefix: the first letter is taken for the prefix,
    and S stands for a span of one token. The benchmark's own unit test expects it; later seqeval differs.

    >>> list(part_of_speech_spans(["NOUN", "NOUN", "SYM", "SYM", "SCONJ", "SCONJ"]))
    [('NOUN', 0, 1), ('SYM', 2, 2), ('SYM', 3, 3), ('SCONJ', 4, 4), ('SCONJ', 5, 5)]
    """
    first = 0
    for position, tag in enumerate(tags):
        if position + 1 == len(tags) or tags[position + 1] != tag or tag in {"SCONJ", "SYM"}:
            yield tag, first, position
            first = position + 1


def spans_of(tags: Collection[str]) -> Callable[[Sequence[str]], Iterator[Span]]:
    """How spans of a tag set are read: as entities where it has prefixes, else as parts of speech."""
    return entity_spans if any(tag.startswith("B-") for tag in tags) else part_of_speech_spans


# Question answering


def squad(predictions: Mapping[str, str], gold: Mapping[str, Sequence[str]]) -> ExactMatchF1:
    """Exact match and F1 by the rules of SQuAD 1.1, in every language (XQuAD, TyDiQA-GoldP; evaluate_squad.py).

    English articles and ASCII punctuation are removed whatever the language; words are what white space separates, so
    an unspaced script has one. A question without a prediction scores 0; one without gold answers (SQuAD 2.0) is
    answered rightly by the empty string.
    """
    return _answers(predictions, gold, _squad_words)


def mlqa(predictions: Mapping[str, str], gold: Mapping[str, Sequence[str]], language: str) -> ExactMatchF1:
    """Exact match and F1 by the rules of MLQA (facebookresearch/MLQA: mlqa_evaluation_v1.py).

    Articles are the language's own, all Unicode punctuation is removed, and Chinese characters are words.

    Args:
        language: Of context and answer; one of MLQA's seven.
    """
    if language not in _ARTICLES:
        raise ValueError(f"{language}: MLQA has rules for {', '.join(sorted(_ARTICLES))} only")
    return _answers(predictions, gold, lambda answer: _mlqa_words(answer, language))


# A word of its own, but Arabic's al- anywhere, inside words too (mlqa_evaluation_v1.py).
_ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "ar": "ال",
    "hi": None,
    "zh": None,
}


def _squad_words(answer: str) -> list[str]:
    text = "".join(c for c in answer.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def _mlqa_words(answer: str, language: str) -> list[str]:
    text = "".join(c for c in answer.lower() if c not in string.punctuation and unicodedata.category(c)[0] != "P")
    if article := _ARTICLES[language]:
        text = re.sub(article, " ", text)
    return re.findall(r"[\u4e00-\u9fa5]|[^\s\u4e00-\u9fa5]+", text) if language == "zh" else text.split()


def _answers(
    predictions: Mapping[str, str], gold: Mapping[str, Sequence[str]], words: Callable[[str], list[str]]
) -> ExactMatchF1:
    scores = [_answer(predictions.get(name), right, words) for name, right in gold.items()]
    return ExactMatchF1(_mean(s.exact_match for s in scores), _mean(s.f1 for s in scores))


def _answer(prediction: str | None, gold: Sequence[str], words: Callable[[str], list[str]]) -> ExactMatchF1:
    if prediction is None:
        return ExactMatchF1(0.0, 0.0)
    said, right = words(prediction), [words(answer) for answer in gold]
    if not right:
        return ExactMatchF1(float(not said), float(not said))
    return ExactMatchF1(max(float(said == other) for other in right), max(_bag_f1(said, other) for other in right))


def _bag_f1(prediction: Sequence[str], gold: Sequence[str]) -> float:
    shared = (Counter(prediction) & Counter(gold)).total()
    return 2 * shared / (len(prediction) + len(gold)) if shared else 0.0


# Ranking


def reciprocal_rank(rankings: Mapping[str, Sequence[str]], gold: Mapping[str, Sequence[str]], most: int = 20) -> float:
    """The mean of 1 / rank of the first gold id among the first `most`, else 0 (Mewsli-X).

    The evaluator prints it as mAP@20 and looks at the first gold id only; the data have one. A query without a
    ranking scores 0, and so does one whose gold id is no candidate, of which it has none here.
    """
    return _mean(
        next((1 / rank for rank, c in enumerate(rankings.get(q, ())[:most], 1) if [c] == list(right[:1])), 0.0)
        for q, right in gold.items()
    )


def average_precision(
    rankings: Mapping[str, Sequence[str]], gold: Mapping[str, Collection[str]], most: int = 20
) -> float:
    """Mean average precision over the first `most` candidates (LAReQA; google-research-datasets/lareqa).

    Precision at each right candidate, summed and divided by as many as could be there: all gold ones, or `most`.
    """
    return _mean(_average_precision(rankings.get(q, ())[:most], right, most) for q, right in gold.items())


def _average_precision(ranking: Sequence[str], gold: Collection[str], most: int) -> float:
    hits = [rank for rank, candidate in enumerate(ranking, 1) if candidate in gold]
    return sum(number / rank for number, rank in enumerate(hits, 1)) / min(len(gold), most)


def _mean(shares: Iterable[float]) -> float:
    """100 times the mean; a metric over nothing is an error, not a number."""
    values = list(shares)
    if not values:
        raise ValueError("no example to score")
    return 100.0 * sum(values) / len(values)
