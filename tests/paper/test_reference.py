"""The folders of paper/reference."""

import dataclasses
from pathlib import Path
from typing import Any

from xit.core.scores import Score, read_scores
from xit.paper.inputs import training_beside
from xit.paper.reference import Reference, read_reference, standard
from xit.paper.verify import compare_means, compare_scores, compare_words, words
from xit.pipeline import config

MICRO = Path(__file__).parents[2] / "paper/reference/micro"


def test_the_reference_of_a_source_has_its_name_or_names_it_and_an_encoder_in_its_parameters(tmp_path: Path) -> None:
    references = tmp_path / "paper/reference"
    for name, source, encoder in (("another", "micro", "lstm"), ("micro", "micro", "lstm"), ("text", "files", "gru")):
        (references / name / "tables").mkdir(parents=True)
        values = f"source: {source}\ngrid: {{encoders: [{encoder}, transformer]}}\n"
        for file, text in (("params.yaml", values), ("scores.csv", ""), ("tables/answer.csv", "")):
            (references / name / file).write_text(text, encoding="utf-8")
    (references / "hub").mkdir()  # as a version before left it, empty

    found = {source: standard(tmp_path, source, ["transformer"]) for source in ("micro", "files", "hub")}

    assert found == {"micro": references / "micro", "files": references / "text", "hub": None}
    assert standard(tmp_path, "files", ["lstm"]) is standard(tmp_path, "micro", ["gru"]) is None
    assert standard(tmp_path / "nowhere", "micro", ["gru"]) is None


def beside(folder: str) -> tuple[dict[str, Any], tuple[Score, ...], Reference, tuple[Score, ...]]:
    """What another machine or other instructions gave: parameters and scores; and the reference's of the same cells."""
    reference, parameters = read_reference(MICRO, "micro"), config.read(MICRO / folder / "params.yaml")
    return parameters, read_scores(MICRO / folder / "scores.csv.gz"), reference, reference.of(parameters)


def test_a_processor_of_another_maker_gives_the_bits_of_the_reference() -> None:
    parameters, found, reference, wanted = beside("other-processor")

    equal = compare_scores("scores", found, wanted)

    assert parameters["compute"]["instructions"] == reference.instructions == "compatible"
    assert (equal.compared, equal.equal, len(wanted)) == (2136, 2136, 2136)


def test_ten_seeds_with_other_bits_have_the_means_of_the_reference_and_say_the_same_of_each_encoder() -> None:
    parameters, found, reference, wanted = beside("other-bits")

    means = compare_means("means", found, wanted, reference.scores)

    assert (parameters["compute"]["instructions"], len(found)) == ("avx2", len(wanted))
    assert means.differences == []
    ours = words(found, parameters, training_beside(MICRO / "other-bits/scores.csv.gz"))
    sentences = compare_words("words", ours, words(wanted, parameters, training_beside(MICRO / "scores.csv")))
    assert sentences.differences == []
    assert [" lowers " in sentence for sentence in ours[:2]] == [True, True]  # of both encoders, as in the reference


def test_sentences_may_lose_or_gain_significance_and_not_say_the_opposite() -> None:
    opposite = compare_words("words", ["It lowers it.", "It is larger.", "…"], ["It raises it.", "It is smaller."])

    assert len(opposite.differences) == 3
    assert compare_words("words", ["It has no effect."], ["It raises it."]).differences == []


def test_a_mean_of_which_the_reference_has_one_seed_must_be_equal() -> None:
    scores = [score for score in read_reference(MICRO, "micro").scores if score.target == "xnli"]
    one = [score for score in scores if score.seed == 1]
    other = [dataclasses.replace(score, value=score.value + 0.01) for score in one]

    assert compare_means("", other, one, scores).differences == []
    assert len(compare_means("", other, one, one).differences) == len({(s.encoder, s.condition) for s in one})
