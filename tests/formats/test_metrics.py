"""Metrics, by values written out by hand."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xit.formats import _metrics as metrics


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(metrics) == (0, 2)


def test_accuracy_is_the_share_of_equal_labels() -> None:
    assert metrics.accuracy(["a", "b", "c", "c"], ["a", "b", "c", "d"]) == 75.0


def test_accuracy_refuses_sides_of_different_length() -> None:
    with pytest.raises(ValueError, match="longer"):
        metrics.accuracy(["a"], ["a", "b"])


def test_a_score_over_no_example_is_refused() -> None:
    with pytest.raises(ValueError, match="no example to score"):
        metrics.squad({}, {})


def test_entity_spans_need_type_and_both_ends() -> None:
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-ORG"]]
    predicted = [["B-PER", "O", "O", "B-LOC"], ["O", "B-LOC"]]

    assert metrics.span_overlap(predicted, gold, metrics.entity_spans) == pytest.approx((100 / 3, 100 / 3, 100 / 3))


def test_an_inside_tag_without_a_beginning_opens_an_entity() -> None:
    assert metrics.span_overlap([["O", "I-LOC"]], [["O", "B-LOC"]], metrics.entity_spans).f1 == 100.0


def test_no_predicted_span_scores_zero() -> None:
    assert metrics.span_overlap([["O"]], [["B-LOC"]], metrics.entity_spans) == (0.0, 0.0, 0.0)


def test_part_of_speech_runs_are_spans_but_symbols_and_subordinators_are_not_merged() -> None:
    gold = [["NOUN", "NOUN", "SYM", "SYM", "VERB"]]
    predicted = [["NOUN", "NOUN", "SYM", "VERB", "VERB"]]

    # gold: NOUN 0-1, SYM 2, SYM 3, VERB 4; predicted: NOUN 0-1, SYM 2, VERB 3-4
    overlap = metrics.span_overlap(predicted, gold, metrics.part_of_speech_spans)

    assert overlap == pytest.approx((200 / 3, 50.0, 400 / 7))
    assert metrics.token_accuracy(predicted, gold) == 80.0


def test_spans_of_sentences_of_different_length_are_refused_by_number() -> None:
    with pytest.raises(ValueError, match="sentence 1 has 2 words and 1 predicted tags"):
        metrics.span_overlap([["X"], ["X"]], [["X"], ["X", "X"]], metrics.part_of_speech_spans)


def test_squad_ignores_case_articles_and_ascii_punctuation_and_counts_shared_words() -> None:
    gold = {"1": ["the Red house."], "2": ["red house", "blue"], "3": ["x"]}
    predicted = {"1": "red HOUSE", "2": "a big red house"}

    # 1: equal; 2: 2 shared of 3 and 2 words, F1 4/5; 3: unanswered
    assert metrics.squad(predicted, gold) == pytest.approx((100 / 3, 60.0))


def test_squad_keeps_punctuation_of_other_scripts_and_leaves_chinese_unsegmented() -> None:
    assert metrics.squad({"1": "北京。"}, {"1": ["北京"]}) == (0.0, 0.0)
    assert metrics.squad({"1": "北京"}, {"1": ["北京市"]}) == (0.0, 0.0)


def test_an_answer_of_nothing_but_an_article_matches_exactly_and_shares_no_word() -> None:
    assert metrics.squad({"1": "The"}, {"1": ["a"]}) == (100.0, 0.0)


@pytest.mark.parametrize(("predicted", "value"), [("", 100.0), ("the", 100.0), ("Paris", 0.0)])
def test_an_unanswerable_question_wants_the_empty_answer(predicted: str, value: float) -> None:
    assert metrics.squad({"1": predicted}, {"1": []}) == (value, value)


def test_a_question_without_a_prediction_scores_zero_even_if_unanswerable() -> None:
    assert metrics.squad({}, {"1": []}) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("language", "predicted", "gold", "exact_match", "f1"),
    [
        ("en", "the «house»", "A house", 100.0, 100.0),
        ("de", "dem Haus", "das Haus!", 100.0, 100.0),
        ("es", "unas casas", "las casas", 100.0, 100.0),
        ("vi", "những ngôi nhà", "ngôi nhà", 100.0, 100.0),
        ("ar", "البيت", "بيت", 100.0, 100.0),
        ("ar", "والبيت", "بيت", 0.0, 200 / 3),  # inside a word too: two words are left
        ("hi", "घर।", "घर", 100.0, 100.0),
        ("zh", "北京", "北京市", 0.0, 80.0),
        ("zh", "2 北京", "2北京。", 100.0, 100.0),
    ],
)
def test_mlqa_normalizes_by_the_rules_of_the_language(
    language: str, predicted: str, gold: str, exact_match: float, f1: float
) -> None:
    assert metrics.mlqa({"1": predicted}, {"1": [gold]}, language) == pytest.approx((exact_match, f1))


def test_mlqa_refuses_a_language_without_rules() -> None:
    with pytest.raises(ValueError, match="fr: MLQA has rules for ar, de, en, es, hi, vi, zh only"):
        metrics.mlqa({"1": "x"}, {"1": ["x"]}, "fr")


def test_reciprocal_rank_stops_at_twenty_and_looks_at_the_first_gold_id() -> None:
    others = [f"Q{i}" for i in range(20)]
    rankings = {"1": ["Q0", "right"], "2": [*others, "right"], "3": ["second"]}

    assert metrics.reciprocal_rank(rankings, {"1": ["right"], "2": ["right"], "3": ["right", "second"]}) == (
        pytest.approx(50 / 3)
    )


def test_average_precision_is_divided_by_as_many_as_could_be_found() -> None:
    # right at ranks 1 and 3 of 3 gold: (1/1 + 2/3) / 3
    assert metrics.average_precision({"1": ["a", "x", "b"]}, {"1": {"a", "b", "c"}}) == pytest.approx(500 / 9)
    # 2 of 4 gold could be found in the first 2, 1 was
    assert metrics.average_precision({"1": ["a", "x", "b"]}, {"1": set("abcd")}, most=2) == 50.0


tags = st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "SYM", "NOUN"]), min_size=1)
sentences = st.lists(tags, min_size=1)
words = st.lists(st.sampled_from(["red", "blue", "Haus", "北京", "نهر"]), min_size=1, max_size=3).map(" ".join)
answers = st.dictionaries(st.text(max_size=3), st.lists(words, max_size=3), min_size=1)


@given(sentences)
def test_gold_tags_score_100(gold: list[list[str]]) -> None:
    has_entity = any(tag != "O" and tag not in {"SYM", "NOUN"} for tags in gold for tag in tags)

    assert metrics.span_overlap(gold, gold, metrics.part_of_speech_spans).f1 == 100.0
    assert metrics.token_accuracy(gold, gold) == 100.0
    if has_entity:
        assert metrics.span_overlap(gold, gold, metrics.entity_spans).f1 == 100.0


@given(answers)
def test_gold_answers_score_100(gold: dict[str, list[str]]) -> None:
    predicted = {name: right[-1] if right else "" for name, right in gold.items()}

    assert metrics.squad(predicted, gold) == (100.0, 100.0)
    for language in ("ar", "zh", "hi"):
        assert metrics.mlqa(predicted, gold, language) == (100.0, 100.0)


@given(st.data())
def test_the_order_of_questions_and_sentences_does_not_matter(data: st.DataObject) -> None:
    gold = data.draw(answers)
    predicted = {name: data.draw(st.sampled_from(["", "red", *right])) for name, right in gold.items()}
    names = data.draw(st.permutations(sorted(gold)))
    assert metrics.squad(predicted, {name: gold[name] for name in names}) == (
        pytest.approx(metrics.squad(predicted, gold))
    )

    pairs = [(tags, data.draw(st.permutations(tags))) for tags in data.draw(sentences)]
    moved = data.draw(st.permutations(pairs))
    for spans in (metrics.entity_spans, metrics.part_of_speech_spans):
        assert metrics.span_overlap([p for p, _ in moved], [g for _, g in moved], spans) == (
            metrics.span_overlap([p for p, _ in pairs], [g for _, g in pairs], spans)
        )


@given(
    st.dictionaries(
        st.text(max_size=2), st.lists(st.text(max_size=2), min_size=1, max_size=30, unique=True), min_size=1
    )
)
def test_gold_ranked_first_scores_100(gold: dict[str, list[str]]) -> None:
    assert metrics.average_precision(gold, gold) == pytest.approx(100.0)
    assert metrics.reciprocal_rank(gold, gold) == 100.0
