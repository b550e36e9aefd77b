"""What each table promises alone."""

import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from built_tables import RECIPES, built, inputs, row_of, table
from fabricated import LANGUAGES, scores, study_of
from rich.console import Console

from xit.cli.tables import of_paper
from xit.core import registry
from xit.core.scores import Score
from xit.paper import observations
from xit.paper.inputs import Inputs
from xit.paper.render import Table, as_csv, as_latex, as_markdown, printed
from xit.paper.sentences import sentences_of
from xit.statistics.claims import CLAIMS
from xit.statistics.claims import results as ruled
from xit.statistics.gains import Estimate


def test_the_main_table_has_each_encoder_beside_the_others(tmp_path: Path) -> None:
    gains = table(tmp_path, "gains", scores())

    assert [row[:2] for row in gains.rows[:4]] == [
        ("mnli", "transformer"),
        ("", "lstm"),
        ("squad", "transformer"),
        ("", "lstm"),
    ]
    assert gains.rows[-2][0] == "untrained"
    assert [round(cell.value) for cell in row_of(gains, "mnli", "transformer")] == [3, 3, 3, 3]


def test_the_terminal_table_fits_eighty_columns_on_one_line_a_cell(tmp_path: Path) -> None:
    rows = scores({"mnli": -11.0, "hellaswag": -12.0}, targets=("xnli", "tatoeba", "lareqa"), noise=2.0)
    console = Console(width=80, file=io.StringIO())

    console.print(of_paper(printed(table(tmp_path, "architectures", rows))))

    text = console.file.getvalue()  # type: ignore[attr-defined]
    lines = [line for line in text.splitlines() if "tatoeba" in line]
    assert len(lines) == 2
    assert all(line.count("[") == line.count("]") == 3 for line in lines)


def test_scores_by_language_are_means_over_seeds_with_mean_and_gap(tmp_path: Path) -> None:
    rows = [
        Score("lstm", condition, "xnli", language, "test", "micro", "accuracy", seed, value + seed, 10)
        for seed in (0, 2)
        for condition, shift in (("none", 0.0), ("mnli", 10.0))
        for language, value in (("en", 80.0 + shift), ("de", 60.0), ("sw", 40.0 + shift))
    ]

    one = table(tmp_path, "scores-xnli", rows)

    assert one.rows == (
        ("en", 81.0, 91.0),
        ("de", 61.0, 61.0),
        ("sw", 41.0, 51.0),
        ("mean of others", 51.0, 56.0),
        ("transfer gap", 30.0, 35.0),
    )


def test_published_scores_stand_alone_beside_micro(tmp_path: Path) -> None:
    one = table(tmp_path, "published", scores())

    assert row_of(one, "xnli", "accuracy") == ["15", 79.2, 80.0, None, None, "micro source: another task"]


def test_published_scores_stand_beside_ours_only_for_the_same_data_metric_and_languages(tmp_path: Path) -> None:
    languages = ("en", *(f"l{number}" for number in range(14)))

    same = table(tmp_path, "published", scores(source="hub", languages=languages, targets=("xnli", "xquad"), noise=0))
    other = table(tmp_path, "published", scores(source="files", languages=languages, targets=("xnli",)))

    ours = row_of(same, "xnli", "accuracy")
    assert ours[-1] == "–"
    assert ours[3] == pytest.approx((70 + 14 * 50) / 15)
    assert row_of(same, "xquad", "em_f1")[-3:] == [None, None, "15 languages"]
    assert row_of(same, "pawsx", "accuracy")[-3:] == [None, None, "not run"]
    assert row_of(other, "xnli", "accuracy")[-3:] == [None, None, "other test data"]


def test_the_audit_counts_each_split_and_all_languages(tmp_path: Path) -> None:
    audit = table(tmp_path, "audit", scores())

    training, validation, test, languages, repaired, dropped, digest = row_of(audit, "xnli")
    assert (training, validation, test, languages) == ("100", "–", "100", str(len(LANGUAGES)))
    assert (repaired, dropped) == (str(len(LANGUAGES) + 1), "0")
    assert len(digest) == 12


def test_the_hash_of_the_audit_changes_with_one_split(tmp_path: Path) -> None:
    of = inputs(tmp_path, scores())
    changed = [dict(row) for row in of.audit]
    changed[-1]["sha256"] = "other"

    build = registry.load("tables", "audit").build
    (before,), (after,) = build(of), build(dataclasses.replace(of, audit=changed))

    assert before.rows[:-1] == after.rows[:-1]
    assert before.rows[-1] != after.rows[-1]


def test_nearness_has_a_row_an_intermediate_task_and_a_column_a_target(tmp_path: Path) -> None:
    rows = scores({"none": 0.0, "mnli": 1.0, "ccg": 1.0, "qqp": 1.0}, targets=("xnli", "udpos", "pawsx", "tatoeba"))

    found = table(tmp_path, "nearness", rows)

    assert found.columns == ("intermediate task", "xnli", "udpos", "pawsx", "tatoeba")
    assert row_of(found, "mnli") == ["same data", "other", "same format", "other"]
    assert row_of(found, "ccg") == ["other", "same format", "other", "other"]
    assert row_of(found, "qqp") == ["same format", "other", "same generator", "other"]
    assert (
        row_of(table(tmp_path, "nearness", scores({"none": 0.0, "mnli": 1.0}, source="files")), "mnli")[0]
        != "same data"
    )


def test_conditions_that_share_training_data_with_a_target_are_marked_in_print_and_in_no_csv(tmp_path: Path) -> None:
    rows = scores(dict.fromkeys(("none", "mnli", "ccg", "mnli+shuffled", "multitask"), 1.0), targets=("xnli", "udpos"))
    of = inputs(tmp_path, rows)

    (gains,), (xnli, udpos) = (registry.load("tables", name).build(of) for name in ("gains", "scores"))

    signs = {
        (row[0], target): "†" in gains.shown(i, j)[0]
        for i, row in enumerate(gains.rows)
        for j, target in enumerate(gains.columns[2:-1], 2)
        if row[0]
    }
    sharing = ("mnli", "mnli+shuffled", "multitask")
    assert {pair for pair, is_marked in signs.items() if is_marked} == {(name, "xnli") for name in sharing}
    assert {head for head in xnli.heads if "†" in head} == {f"{name}†" for name in sharing}
    assert not any(head.endswith("†") for head in udpos.heads)
    assert "† Trains on some of the examples that the target is trained on too." in gains.caption
    assert "†" not in udpos.caption + as_csv(gains) + as_csv(xnli)
    for form in (as_markdown(gains), str(printed(gains)), as_markdown(xnli)):
        assert "†" in form
    assert r"\textdagger{}" in as_latex(xnli)


def test_hyperparameters_leave_out_the_other_source_and_places_on_the_machine(tmp_path: Path) -> None:
    micro = table(tmp_path, "hyperparameters", scores())
    files = table(tmp_path, "hyperparameters", scores(source="files"))

    assert row_of(micro, "micro", "train") == ["1200"]
    assert "files" not in {row[0] for row in micro.rows}
    assert row_of(files, "files", "folder") == ["data"]
    assert row_of(table(tmp_path, "hyperparameters-encoders", scores()), "size.layers") == ["2", "2"]


def test_hyperparameters_leave_out_encoders_that_were_not_compared(tmp_path: Path) -> None:
    of = inputs(tmp_path, scores())
    more = {**of.parameters, "encoders": {**of.parameters["encoders"], "gru": {"size": {"layers": 2}}}}

    _, encoders, *_ = registry.load("tables", "hyperparameters").build(dataclasses.replace(of, parameters=more))

    assert (encoders.name, encoders.columns) == ("hyperparameters-encoders", ("", "transformer", "lstm"))


def test_a_section_that_the_grid_names_nothing_of_has_no_table(tmp_path: Path) -> None:
    of = inputs(tmp_path, scores())
    more = {**of.parameters, "resources": {"default": {"cpus": 1}}, "intermediate": {"ccg": {"steps": 1}}}

    found = registry.load("tables", "hyperparameters").build(dataclasses.replace(of, parameters=more))

    names = [one.name for one in found if one.name != "hyperparameters-presets"]
    assert names == ["hyperparameters", "hyperparameters-encoders", "hyperparameters-targets"]


@pytest.mark.slow
def test_recipes_stand_beside_their_plain_tasks_and_tasks_beside_their_controls(tmp_path: Path) -> None:
    found = built(tmp_path, scores(RECIPES, noise=0))

    recipes, controls, gains = found["recipes"], found["controls"], found["gains"]
    assert isinstance(recipes, Table)
    assert isinstance(controls, Table)
    assert isinstance(gains, Table)
    shown = {row[0]: [round(one.value, 6) for one in row[2:4]] for row in recipes.rows}
    assert shown == {"multitask": [5.0, 2.0], "mnli+mlm": [1.0, -3.0]}  # over the mean of mnli and squad; over mnli
    beside = {row[0]: [round(one.value, 6) if one else None for one in row[2:]] for row in controls.rows if row[0]}
    assert beside == {"mnli": [4.0, 2.5, 5.0], "squad": [2.0, 0.5, None]}
    names = [row[0] for row in gains.rows if row[0]]
    assert names == ["mnli", "squad", "multitask", "mnli+mlm", "untrained", "mlm", "mnli+shuffled"]
    assert "mlm, as many more steps of masked LM" in gains.caption


def test_an_estimate_has_the_same_star_wherever_it_is_printed(tmp_path: Path) -> None:
    rows = scores(RECIPES, noise=4.0, encoders=("transformer", "lstm", "gru"), languages=LANGUAGES[:6])
    stars: dict[tuple[float, float | None], list[bool]] = {}
    for one in built(tmp_path, rows).values():
        for cell in (
            [cell for row in one.rows for cell in row] if isinstance(one, Table) and one.name != "claims" else ()
        ):
            if isinstance(cell, Estimate):
                stars.setdefault((cell.value, cell.low), []).append(cell.is_significant)

    repeated = [found for found in stars.values() if len(found) > 1]

    assert len(repeated) > 20
    assert {found[0] for found in repeated} == {True, False, None}  # and what is explored has none
    assert all(len(set(found)) == 1 for found in repeated)


def test_recipes_controls_and_subsets_stay_out_of_the_mean_of_the_tasks() -> None:
    of = study_of(scores(RECIPES, noise=0))

    assert of.intermediates == ("mnli", "squad")
    found = ruled(of)["intermediate", "lstm"].estimate
    assert found is not None
    assert found.value == pytest.approx(3.0)
    beaten = ruled(of)["over-mlm", "lstm"].estimate, ruled(of)["over-shuffled", "lstm"].estimate
    assert [round(one.value, 6) for one in beaten if one] == [1.5, 5.0]


def test_the_table_gives_every_claim_a_row_with_its_published_value(tmp_path: Path) -> None:
    one = table(tmp_path, "claims", scores())

    assert len(one.rows) == len(CLAIMS)
    published, same, first, _, second, _ = row_of(one, "MNLI raises the average.")
    assert (published, same, first, second) == ("+7.5", "no", "reproduced", "reproduced")
    equal = row_of(one, "The average gain is the same as with the transformer encoder, within 1 points.")
    assert equal[:3] == ["–", "–", "–"]


def test_every_published_claim_says_what_makes_ours_another_quantity(tmp_path: Path) -> None:
    one = table(tmp_path, "published-claims", scores())

    assert len(one.rows) >= 12
    assert all(differs not in ("", "–") for _, _, differs, _, _ in one.rows)
    published, differs, source, _ = row_of(one, "TyDiQA gains more than the mean of the other targets.")
    assert published == "+12.7"  # the mean of 14.5 (exact match) and 10.9 (F1), as the benchmark scores
    assert "two code bases" in differs
    assert "EM +14.5, F1 +10.9" in source


def test_the_answer_is_looked_at_without_each_target_and_by_its_median(tmp_path: Path) -> None:
    rows = [
        dataclasses.replace(row, value=row.value + 30)
        if (row.encoder, row.condition, row.target) == ("lstm", "mnli", "xnli")
        else row
        for row in scores({"mnli": -1.0}, seeds=6)
    ]

    one = table(tmp_path, "answer-robustness", rows)

    assert one.columns == (
        "contrast",
        "all",
        *(f"without {t}" for t in ("xnli", "udpos", "tatoeba")),
        "median",
        "sign-flip p",
    )
    mean, *others, median, p = row_of(one, "the gain of lstm")
    assert mean.value == pytest.approx(9, abs=0.2)
    assert [round(value) for value in others] == [-1, 14, 14]
    assert round(median) == -1
    assert p == "0.031"
    said = " ".join(sentences_of(study_of(rows))["robustness"])
    assert "Without any one target the gain of lstm is from −1.0 (without xnli)" in said
    assert "Without xnli its sign is the other one." in said
    assert "The median and the mean over targets are of opposite signs." in said


def test_gains_stand_beside_those_in_english_and_what_was_left_to_gain(tmp_path: Path) -> None:
    rows = scores({"mnli": 5.0}, noise=0)

    one = table(tmp_path, "answer-headroom", rows)

    english, zero_shot, share = row_of(one, "mnli", "transformer")
    assert english == pytest.approx(5.0)
    assert zero_shot.value == pytest.approx(5.0)
    assert share == pytest.approx(10.0)  # of 100 - 50


def layer_rows(value: Any) -> list[dict[str, str]]:
    """Rows of layers.csv of two encoders of three layers, with the value that a function gives them."""
    names = ("encoder", "condition", "seed", "language", "layer", "is_centered")
    keys = [
        (encoder, condition, seed, language, layer, form)
        for encoder in ("transformer", "lstm")
        for condition in ("none", "mnli", "mnli-300")
        for seed in ("1", "2")
        for language in ("en", "de", "zh")
        for layer in ("0", "1", "2")
        for form in ("False", "True")
    ]
    rows = [dict(zip(names, key, strict=True)) for key in keys]
    return [{**row, "target": "tatoeba", "metric": "accuracy", "value": str(value(row))} for row in rows]


def with_retrieval(tmp_path: Path, **rows: Any) -> Inputs:
    made = inputs(tmp_path, scores())
    return dataclasses.replace(made, parameters={**made.parameters, "retrieval": {"layer": 0.5833}}, **rows)


def test_layers_are_drawn_as_they_are_and_centred_without_english_and_subsets(tmp_path: Path) -> None:
    module = registry.load("tables", "layers")

    def value(row: Mapping[str, str]) -> float:
        higher = 0 if row["language"] == "en" else 2 * (row["language"] == "zh") + 10 * int(row["layer"])
        return higher + 30 * (row["is_centered"] == "True") + int(row["seed"])

    (figure,) = module.build(with_retrieval(tmp_path, layers=layer_rows(value)))

    axes = figure.draw().axes
    assert [axis.get_title() for axis in axes] == [
        f"{encoder}, {form}" for form in ("as they are", "centred") for encoder in ("transformer", "lstm")
    ]
    for number, axis in enumerate(axes):
        lines = {
            line.get_label(): list(line.get_ydata()) for line in axis.lines if not line.get_label().startswith("_")
        }
        expected = [30 * (number > 1) + 2.5 + 10 * layer for layer in range(3)]
        assert lines == {"none": expected, "mnli": expected}
        bottom, top = axis.get_ylim()
        assert (bottom, top > 52.5) == (0, True)  # nothing is cut off, in any panel
    assert module.build(with_retrieval(tmp_path)) == ()
    one_layer = [row for row in layer_rows(value) if row["layer"] == "1"]
    assert module.build(with_retrieval(tmp_path, layers=one_layer)) == ()  # of a large pool


def test_probes_are_shown_at_the_main_layer_with_differences_over_seeds(tmp_path: Path) -> None:
    module = registry.load("tables", "representations")

    def value(row: Mapping[str, str]) -> float:
        gain = {"none": 0.0, "mnli": 3.0 + int(row["seed"])}.get(row["condition"], 9.0)
        return 100.0 if row["layer"] != "1" else 20.0 + gain + (row["language"] == "de") * 6

    rows = [row for row in layer_rows(value) if row["is_centered"] == "True" and row["condition"] != "mnli-300"]
    rows = [{**row, "measure": name} for row in rows for name in ("language_identification", "similarity_to_english")]

    (made,) = module.build(with_retrieval(tmp_path, representations=rows))
    (one_seed,) = module.build(with_retrieval(tmp_path, representations=[r for r in rows if r["seed"] == "1"]))

    none, mnli = (row_of(made, "language told", name) for name in ("none", "mnli"))
    assert none[:2] == [22, None]
    assert (mnli[0], mnli[1].value, mnli[1].seeds) == (26.5, 4.5, 2)
    assert (mnli[1].low, mnli[1].high) == pytest.approx((4.5 - 12.706 * 0.5, 4.5 + 12.706 * 0.5), abs=0.01)  # t, 97.5 %
    assert (mnli[1].p, mnli[1].is_significant) == (None, None)
    alone = row_of(one_seed, "like English", "mnli")
    assert (alone[0], alone[1].value, alone[1].low) == (26, 4, None)
    assert made.sections == (2,)
    assert module.build(with_retrieval(tmp_path)) == ()


def test_vectors_are_told_in_a_sentence_an_encoder_from_the_declared_tasks(tmp_path: Path) -> None:
    moved = {"none": 0.0, "mnli": 3.0, "squad": -1.0}
    rows = [
        {**row, "condition": task, "measure": name, "value": str(20 + moved[task] * (1 if "like" in name else 2))}
        for row in layer_rows(lambda _: 0)
        if row["is_centered"] == "True" and row["condition"] == "none"
        for task in moved
        for name in ("language_identification", "similarity_to_english")
    ]
    of = with_retrieval(tmp_path, representations=rows)

    both = observations.of_vectors(of)
    without_squad = [row for row in rows if row["condition"] != "squad"]

    assert len(both) == 2
    assert both[0] == (
        "By the vectors of the transformer encoder without intermediate training a classifier tells the language of "
        "20.0 of 100 sentences, and their similarity to English (CKA) is 20.0 of 100; after it these move by +2.0 "
        "[+2.0, +2.0] and +2.0 [+2.0, +2.0], in the mean over mnli and squad."
    )
    assert observations.of_vectors(dataclasses.replace(of, representations=without_squad)) == []


def loss_rows(moved: Mapping[str, float], seeds: Sequence[int] = (1, 2)) -> list[dict[str, str]]:
    """Rows of forgetting.csv: each condition adds to a loss of 2, German half as much again, a seed a tenth."""
    return [
        {
            "encoder": encoder,
            "condition": condition,
            "target": "tatoeba",
            "seed": str(seed),
            "language": language,
            "loss": str(2 + seed / 10 + more * (1.5 if language == "de" else 1)),
            "accuracy": "40",
            "masked": "99",
        }
        for encoder in ("transformer", "lstm")
        for condition, more in moved.items()
        for seed in seeds
        for language in ("en", "de", "zh")
    ]


def test_what_masked_lm_loses_stands_by_language_with_its_difference_over_seeds(tmp_path: Path) -> None:
    module = registry.load("tables", "forgetting")
    of = with_retrieval(tmp_path, forgetting=loss_rows({"none": 0.0, "mnli": 2.0, "squad": 1.0}))

    (made,) = module.build(of)
    first, _, last = observations.of_forgetting(of)

    assert made.columns == ("condition", "encoder", "en", "de", "zh", "mean", "difference")
    assert row_of(made, "none", "transformer") == ["2.15", "2.15", "2.15", "2.15", None]
    *losses, difference = row_of(made, "mnli", "transformer")
    assert losses == ["4.15", "5.15", "4.15", "4.65"]
    assert (difference.value, difference.seeds, difference.p) == (pytest.approx(2.5), 2, None)
    assert first == (
        "By the masked-LM head of its pretraining the transformer encoder has a loss of 2.15 nats in the mean of the "
        "languages other than English without intermediate training; it moves by +2.5 [+2.5, +2.5] after mnli and +1.2 "
        "[+1.2, +1.2] after squad."
    )
    gains = "Over the 4 pairs of an encoder and a task these losses and the average gains correlate"  # +3 and −2
    assert last.startswith(f"{gains} (Spearman, not tested) at +0.")
    alike = with_retrieval(tmp_path, forgetting=loss_rows({"none": 0.0, "mnli": 2.0, "squad": 2.0}))
    assert len(observations.of_forgetting(alike)) == 2  # what does not differ correlates with nothing
    assert module.build(with_retrieval(tmp_path)) == ()
    assert observations.of_forgetting(with_retrieval(tmp_path)) == []
    unlike = with_retrieval(tmp_path, forgetting=loss_rows({"mnli": 1.0}))
    assert (module.build(unlike), observations.of_forgetting(unlike)) == ((), [])


def test_training_in_the_language_itself_stands_beside_zero_shot_scores(tmp_path: Path) -> None:
    module = registry.load("tables", "upper_bound")
    rows = [
        {"encoder": encoder, "target": target, "seed": "2", "language": language, "metric": metric, "value": str(value)}
        for encoder in ("transformer", "lstm")
        for target, values in (("xnli", (80.0, 70.0)), ("udpos", (60.0, 90.0)))
        for language, value in zip(("de", "zh"), values, strict=True)
        for metric, value in (("accuracy" if target == "xnli" else "f1", value), ("other", 1.0))
    ]
    of = dataclasses.replace(inputs(tmp_path, scores({"mnli": 5.0}, noise=0)), upper_bounds=rows)

    (made,) = module.build(of)

    assert row_of(made, "xnli", "transformer") == pytest.approx([50, 75, 25, 5, 20])
    assert row_of(made, "mean", "transformer") == pytest.approx([50, 75, 25, 5, 20])
    assert observations.of_upper_bounds(of)[0] == (
        "Fine-tuned on training data of the language itself (de and zh), the transformer encoder scores 75.0 in the "
        "mean over targets, and zero-shot 50.0: a gap of +25.0 points; there intermediate training moves the score by "
        "+5.0."
    )
    nothing = dataclasses.replace(of, upper_bounds=[])
    assert (module.build(nothing), observations.of_upper_bounds(nothing)) == ((), [])
    beyond = dataclasses.replace(of, upper_bounds=[{**row, "value": "40"} for row in rows])
    assert row_of(module.build(beyond)[0], "xnli", "transformer")[2:] == pytest.approx([-10, 5, None])


def test_facts_of_languages_stand_beside_what_they_go_with(tmp_path: Path) -> None:
    module = registry.load("tables", "covariates")
    shared = {code: 10.0 * number for number, code in enumerate(LANGUAGES)}
    rows = [
        dataclasses.replace(row, value=row.value + shared[row.language] / 10 * (row.condition == "mnli"))
        for row in scores({"mnli": 0.0}, noise=0.01)
    ]
    languages = [
        {"encoder": "lstm", "language": code, "tokens": "1000", "shared": str(value)} for code, value in shared.items()
    ]
    of = inputs(tmp_path, rows)

    (made,) = module.build(dataclasses.replace(of, languages=languages))

    alone, together = row_of(made, "pieces shared with English")[2:]
    assert alone.value == pytest.approx(np.std(range(1, len(LANGUAGES)), ddof=1), abs=0.05)
    assert (alone.p, together) == (None, None)  # the amount of text does not vary, so that all together is no model
    assert row_of(made, "log of pretraining tokens")[2] is None
    assert row_of(made, "pieces shared with English")[:2] == [None, None]  # nothing is known of the transformer
    assert module.build(of) == ()


def test_below_the_fewest_seeds_no_caption_speaks_of_stars_and_no_claim_has_a_verdict(tmp_path: Path) -> None:
    few, enough = (built(tmp_path / str(seeds), scores(RECIPES, seeds=seeds)) for seeds in (2, 3))

    starred = {name for name, one in enough.items() if "Holm" in one.caption or "stars" in one.caption}
    assert starred == {"answer", "architectures", "claims", "controls", "gains", "heatmap", "recipes"}
    for name, one in few.items():
        assert "Holm" not in one.caption, name
        assert ("below 3 seeds" in one.caption.lower()) == (name in starred - {"heatmap"}), name
    claims = few["claims"]
    assert isinstance(claims, Table)
    assert {cell for row in claims.rows for cell in row[3::2]} == {"not tested", "not run", "–"}
