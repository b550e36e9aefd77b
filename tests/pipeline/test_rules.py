"""What values of params.yaml must be to one another, and what they alone tell of a run."""

import re
from typing import Any

import pytest
from changed_parameters import ABSENT, ROOT, VALUES, changed, faults

from xit.pipeline import config, rules

# Contradictions


NO_STEPS = dict.fromkeys(VALUES["pretraining"]["objectives"], 0.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"grid__targets": ["xnly", *VALUES["grid"]["targets"]]},
            r"grid.targets.0: no such task; found \"xnly\"\. .* Did you mean xnli\? Known: anli_plus, bucc2018, ccg",
        ),
        ({"grid__encoders": ["lstn"]}, r"grid.encoders.0: no such encoder; .* Did you mean lstm\? Known: dist"),
        ({"grid__encoders": []}, r"grid.encoders: the list is empty; found \[\]\. .* Name at least one"),
        (
            {"grid__controls": ["none", "random"]},
            r"grid.controls.1: no such condition without .* Known: none, untrained",
        ),
        ({"grid__bare_targets": ["tatoeb"]}, r"grid.bare_targets.0: no such task; .* Did you mean tatoeba\?"),
        ({"grid__encoders": ["lstm", "lstm"]}, r"grid.encoders: lstm is there twice; .* Name each once"),
        ({"grid__intermediates": []}, r"grid.intermediates: the list is empty; .* a gain is theirs over none"),
        ({"encoders__lstm": ABSENT}, r"encoders.lstm: missing, but grid names lstm\. Add it"),
        ({"targets__udpos": ABSENT}, r"targets.udpos: missing, but grid names udpos"),
        ({"intermediate__mnli": ABSENT}, r"intermediate.mnli: missing, but grid names mnli"),
        (
            {"grid__conditions": ["none", "mnli"]},
            r"grid.conditions: .* found \[none, mnli\]\. Write \[none, untrained, mn",
        ),
        (
            {"analysis__intermediates": ["mnli", "qqp"]},
            r"analysis.intermediates: qqp is not run; grid.intermediates has mnli, .* Leave it out, or write \[\]",
        ),
        ({"analysis__not_averaged": ["squad"]}, r"analysis.not_averaged: squad is no target; the grid has xnli, .*"),
        ({"analysis__intermediates": ["xnly"]}, r"analysis.intermediates.0: no such task; .* Did you mean xnli"),
        ({"analysis__margin": 0}, r"analysis.margin: .* found 0\. .* fewer points than this count as equal"),
        ({"analysis__level": 95}, r"analysis.level: .* found 95\. Intervals have this level"),
        ({"analysis__fewest_seeds": 2}, r"analysis.fewest_seeds: .* greater than or equal to 3; found 2"),
        ({"grid__tasks": ["mnli"]}, r"grid.tasks: should be the tasks .* found \[mnli\]\. Write \[mnli, squad,"),
        ({"grid__recipes": ["mnli-0"]}, r"grid.recipes.0: not a condition; .* Conditions: none, untrained"),
        ({"grid__recipes": ["mnly+mlm"]}, r"grid.recipes.0: no such task; .* Did you mean mnli\? Known:"),
        ({"grid__recipes": ["none"]}, r"grid.recipes.0: this condition is no recipe; .* Name it in grid.controls"),
        ({"grid__recipes": ["squad"]}, r"grid.recipes.0: .* an intermediate task by itself; .* Name it in grid.interm"),
        ({"grid__recipes": ["mlm", "mlm"]}, r"grid.recipes: mlm is there twice"),
        ({"grid__recipes": ["siqa+mlm"]}, r"intermediate.siqa: missing, but grid names siqa"),
        (
            {"grid__controls": ["untrained"]},
            r"grid.controls: none is missing; every gain is measured against it; .* Add n",
        ),
        ({"grid__bare_targets": ["xnli"]}, r"grid.bare_targets.0: this task is trained; .* Name it in grid.targets"),
        ({"grid__targets": ["tatoeba"]}, r"grid.targets.0: this task has no training; .* Name it in grid.bare_targets"),
        (
            {"grid__translated_tasks": ["mnli"]},
            r"grid.translated_tasks, grid.translation_languages: \[mnli\], \[\]: each t",
        ),
        (
            {"languages__evaluation": ["de"]},
            r"languages.evaluation: en is missing; English is what training is on; .* Ad",
        ),
        ({"languages__evaluation": ["en", "en"]}, r"languages.evaluation: en is there twice"),
        ({"languages__pretraining": []}, r"languages.pretraining: the list is empty, but transformer, lstm read text"),
        (
            {"languages__pretraining": ["en"], "pretraining__objectives": {**NO_STEPS, "translation_ranking": 1.0}},
            r"pretraining.objectives.translation_ranking: .*; found languages.pretraining \[en\]\. Add other",
        ),
        (
            {"pretraining__objectives__translation_lm": 0.5},
            r"pretraining.objectives: the shares should sum to 1, .*; found 1\.5 of \{.*\}\. Write the shares of",
        ),
        ({"pretraining__objectives": NO_STEPS}, r"pretraining.objectives: the shares should sum to 1, .*; found 0 of"),
        (
            {"pretraining__objectives": {**NO_STEPS, "masked_lm": 1.0, "translation_lm": -1.0}},
            r"pretraining.objectives.translation_lm: .* greater than or equal to 0; found -1.0\. This share of",
        ),
        ({"tokenizer": None}, r"tokenizer: null, but transformer, lstm read with it\. Give vocabulary and lines"),
        (
            {"grid__encoders": ["mdeberta_v3", "mbert", "lstm"], "grid__recipes": ["mlm", "mnli+mlm", "mnli-9"]},
            r"grid.recipes: mlm, mnli\+mlm: mdeberta_v3 has no masked-LM head to go on with, since it was trained",
        ),
        (
            {"grid__encoders": ["laser2", "lstm"], "grid__recipes": ["mnli+mlm"]},
            r"grid.recipes: mnli\+mlm: laser2 has no masked-LM head to go on with, since its released files have none",
        ),
        (
            {"languages__pretraining": [], "grid__encoders": ["mbert"], "grid__recipes": ["mnli+mlm", "mnli-9"]},
            r"languages.pretraining: the list is empty, but mnli\+mlm read text",
        ),
        (
            {"training__precision": "float32"},
            r"training.precision: no such parameter\. There is compute.precision\. Known here: warmup_fraction",
        ),
        (
            {"micro__languages": ["en"]},
            r"micro.languages: no such parameter\. Remove it; the languages are those of lang",
        ),
        (
            {"encoders__xlmr_base__weights": "random"},
            r"encoders.xlmr_base.weights: random: xlmr_base is a released encoder, and cannot be made from a size. Let",
        ),
        (
            {"encoders__xlmr_base__size": VALUES["encoders"]["lstm"]["size"]},
            r"encoders.xlmr_base.size: should be null, since weights are released; found .* Write null",
        ),
        (
            {"encoders__xlmr_base__vocabulary": {"source": "mbert", "has_frozen_table": False}},
            r"encoders.xlmr_base.vocabulary: should be null, since released weights come with their own; found .* null",
        ),
        (
            {"encoders__lstm__weights": "released"},
            r"encoders.lstm.weights: released: nothing is released of lstm. Name a",
        ),
        ({"encoders__lstm__size": None}, r"encoders.lstm.size: null, but an encoder with random weights needs it"),
        ({"seeds": []}, r"seeds: the list is empty; found \[\]\. .* from 0 to 2\*\*32 - 1"),
        ({"seeds": [1, 1]}, r"seeds: 1 is there twice"),
        ({"targets__xnli__steps": None}, r"targets.xnli: steps and epochs are both null, .* Give one of them"),
        ({"tuning__tasks": ["xnly"]}, r"tuning.tasks.0: no such task; .* Did you mean xnli\?"),
        ({"tuning__tasks": ["mlqa"]}, r"tuning.tasks: mlqa has no section\. Add targets.mlqa\. There is: xnli"),
        (
            {"tuning__encoders": ["gru"], "encoders__gru": ABSENT},
            r"tuning.encoders: gru has no section\. Add encoders.gru",
        ),
        ({"tuning__seeds": []}, r"tuning.seeds: the list is empty"),
        ({"tuning__learning_rates": [0.1, 0.1]}, r"tuning.learning_rates: 0.1 is there twice"),
        ({"tuning__learning_rates": []}, r"tuning.learning_rates: the list is empty"),
        ({"tuning__seeds": [5, 1]}, r"tuning.seeds: 1 is among seeds, so that .* found \[5, 1\]. Take others, such as"),
        (
            {"targets__xnli__micro_batches": 3},
            r"targets.xnli.micro_batches: 3 does not divide batch_size, 32\. Give a di",
        ),
        (
            {"resources": {}},
            r"resources: default is missing; it holds for the stages that have no entry of their own; .*",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_contradiction_is_explained(changes: dict[str, Any], message: str) -> None:
    assert any(re.match(message, fault) for fault in faults(**changes))


# What would come out when everything is trained


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"targets__xnli__max_length_tokens": 6},
            r"targets.xnli.max_length_tokens: 6 is too few for XNLI, .* two texts .* Give 7 or more",
        ),
        (
            {"targets__udpos__max_length_tokens": 3},
            r"targets.udpos.max_length_tokens: 3 is too few .* a text .* Give 4",
        ),
        (
            {"targets__lareqa__max_length_tokens": 3},
            r"targets.lareqa.max_length_tokens: 3 is too few .* Give 4 or more",
        ),
        ({"targets__xquad__max_length_tokens": 6}, r"targets.xquad.max_length_tokens: 6 is too few .* Give 7 or more"),
        ({"targets__xcopa__max_length_tokens": 6}, r"targets.xcopa.max_length_tokens: 6 is too few .* Give 7 or more"),
        ({"intermediate__mnli__max_length_tokens": 1}, r"intermediate.mnli.max_length_tokens: 1 is too few for MNLI"),
        (
            {"grid__encoders": ["xlmr_base"], "targets__xnli__max_length_tokens": 3},
            r"targets.xnli.max_length_tokens: 3 is too few for XNLI, .* of two tokens at least\. Give 4 or more",
        ),
        (
            {"grid__encoders": ["lstm", "mbert"], "intermediate__squad__max_length_tokens": 513},
            r"intermediate.squad.max_length_tokens: 513, but mbert has positions for 512\. Give 512 or less, or",
        ),
        (
            {"grid__recipes": ["mnli-3501"]},
            r"grid.recipes.0: mnli-3501: asks for 3501 .*.train has 3500\. Name a s",
        ),
        (
            {"grid__recipes": ["mlm", "multitask-4000+mlm"]},
            r"grid.recipes.1: multitask-4000\+mlm: asks for 4000 training examples of squad; micro.train has 3500",
        ),
        (
            {"source": "hub", "grid__recipes": ["mnli-400000+shuffled"]},
            r"grid.recipes.0: mnli-400000\+shuffled: asks for 400000 .* the published data has 392702",
        ),
        (
            {"languages__evaluation": ["en"]},
            r"grid.bare_targets.0: tatoeba: none of its languages is evaluated; found languages.evaluation \[en\]",
        ),
        (
            {"languages__evaluation": ["en"]},
            r"languages.evaluation: English alone, so that there is no zero-shot score, .*; found \[en\]\. Add another",
        ),
        (
            {"source": "hub", "languages__evaluation": ["en", "gu"]},
            r"grid.bare_targets.0: tatoeba: none of its languages is evaluated; .* Add some of ar, he, vi",
        ),
        (
            {"tuning__encoders": ["lstm"], "languages__pretraining": ["de"]},
            r"tuning.encoders: \[lstm\]: an encoder is tuned on English text, but en is not in languages.pretraining",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_work_is_told_by_the_parameters_alone(changes: dict[str, Any], message: str) -> None:
    assert any(re.match(message, fault) for fault in faults(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"targets__xnli__max_length_tokens": 7},
        {"targets__udpos__max_length_tokens": 4},
        {"targets__xnli__max_length_tokens": 100_000},  # recurrences and rotary positions know no longest input
        {"intermediate__qqp": {**VALUES["intermediate"]["mnli"], "max_length_tokens": 1}},  # the grid does not name it
    ],
)
def test_what_just_works_is_not_refused(changes: dict[str, Any]) -> None:
    config.check(changed(**changes), "params.yaml")


def test_released_encoders_with_a_table_of_positions_say_how_many() -> None:
    """Of the model cards; those with relative or rotary positions, and recurrences, have no longest input."""
    released = {name: one for name, one in config.load(ROOT / "params.yaml").encoders.items() if one.size is None}

    assert {name: rules.max_positions(name, one) for name, one in released.items()} == {
        **dict.fromkeys(["xlmr_base", "xlmr_large", "mbert", "rembert", "glot500", "distilmbert"], 512),
        **dict.fromkeys(["minilm", "paraphrase_minilm", "me5_small"], 512),
        **dict.fromkeys(["mdeberta_v3", "mt5_base", "mmbert_base", "rwkv4_world", "laser2"]),
        **dict.fromkeys(["rwkv7_world", "mmbert_small", "eurobert_210m"]),
    }


def test_faults_of_values_and_contradictions_are_reported_at_once() -> None:
    """In one round, though a section of each contradiction has a value of the wrong type."""
    found = faults(
        sources=1,
        pretraining__steps="many",
        encoders__lstm=ABSENT,
        encoders__gru__learning_rate="fast",
        encoders__xlmr_base__weights="random",
        grid__translation_languages=["en"],
        grid__bare_targets=["tatoeb"],
        seeds=[],
        targets__xnli__micro_batches=3,
        targets__xnli__patience=-1,
        targets__udpos=7,
        recipes__multitask__steps=0,
    )

    assert sorted(line.partition(": ")[0] for line in found) == [
        "encoders.gru.learning_rate",
        "encoders.lstm",
        "encoders.xlmr_base.weights",
        "grid.bare_targets.0",
        "grid.translated_tasks, grid.translation_languages",
        "grid.translation_languages",
        "pretraining.steps",
        "recipes.multitask.steps",
        "seeds",
        "sources",
        "targets.udpos",
        "targets.xnli.micro_batches",
        "targets.xnli.patience",
    ]


def test_a_task_may_be_intermediate_and_target() -> None:
    values = changed(
        analysis__intermediates=["xnli"],
        grid__intermediates=["xnli"],
        grid__conditions=["none", "untrained", "xnli"],
        grid__tasks=[*VALUES["grid"]["targets"], *VALUES["grid"]["bare_targets"]],
        intermediate__xnli=VALUES["targets"]["xnli"],
    )

    assert config.check(values, "params.yaml").grid.intermediates == ("xnli",)
