"""params.yaml: what is there is valid, and every fault is reported at once, where it is and with the near name."""

import copy
import dataclasses
import datetime
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from xit.core import registry, settings
from xit.core.errors import ConfigError
from xit.core.task import task_of
from xit.pipeline import config, overlay

ROOT = Path(__file__).parents[2]
VALUES = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
PROFILES = sorted((ROOT / "profiles").glob("*.yaml"))
ABSENT = object()


def changed(**changes: Any) -> dict[str, Any]:
    """params.yaml with other values at dotted places (written with __), or without them where they are ABSENT."""
    values = copy.deepcopy(VALUES)
    for place, value in changes.items():
        *sections, key = place.split("__")
        section = values
        for name in sections:
            section = section[name]
        if value is ABSENT:
            del section[key]
        else:
            section[key] = value
    return values


def faults(**changes: Any) -> list[str]:
    """The lines of the error, without their common beginning."""
    with pytest.raises(ConfigError) as raised:
        config.check(changed(**changes), "params.yaml")
    return [line.removeprefix("params.yaml: ") for line in str(raised.value).splitlines()]


def test_params_yaml_is_valid() -> None:
    loaded = config.load(ROOT / "params.yaml")

    assert loaded.source == "micro"
    assert loaded.encoders["lstm"].size.heads == 0
    assert isinstance(loaded.grid, settings.GridSettings)
    assert loaded.seeds == tuple(VALUES["seeds"])


def test_every_encoder_from_scratch_has_a_size_and_may_be_compared() -> None:
    loaded = config.check(changed(grid__encoders=["transformer", "lstm", "gru", "mingru"]), "params.yaml")

    assert {name for name, encoder in loaded.encoders.items() if encoder.size} == set(loaded.grid.encoders)


def test_every_encoder_may_be_compared_without_a_change_elsewhere() -> None:
    loaded = config.check(changed(grid__encoders=list(registry.names("encoders"))), "params.yaml")

    assert set(loaded.grid.encoders) == set(loaded.encoders)
    assert {encoder.weights for encoder in loaded.encoders.values()} == {"random", "released"}


def test_params_yaml_is_the_grid_that_is_promised() -> None:
    """At least two encoders, no and three intermediate tasks, seven targets of all formats, 13 languages, two seeds."""
    grid = config.load(ROOT / "params.yaml").grid

    assert len(grid.encoders) >= 2
    assert "none" in grid.controls
    formats = [task_of(name).format for name in grid.intermediates]
    assert len(set(formats)) >= 3
    assert len(grid.targets + grid.bare_targets) >= 7
    targets = {task_of(name).format for name in grid.targets + grid.bare_targets}
    assert targets == {"classification", "multiple_choice", "tagging", "span", "retrieval"}
    assert len(VALUES["languages"]["evaluation"]) >= 13
    assert len(VALUES["seeds"]) >= 2


def test_there_are_profiles() -> None:
    assert {path.stem for path in PROFILES} >= {"files", "tiny"}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_a_profile_over_params_yaml_is_valid_and_changes_something(profile: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("data")

    merged = yaml.safe_load(overlay._merged(ROOT / "params.yaml", profile, tmp_path))

    assert config.check(merged, profile.name) != config.load(ROOT / "params.yaml")


# Faults of one key


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sources": 1}, r"sources: no such parameter. Did you mean source\? Known here: source, micro, files"),
        (
            {"training__gradient_clips": 1},
            r"training.gradient_clips: no such parameter. Did you mean gradient_clip\? Known here: warmup_fraction",
        ),
        (
            {"encoders__lstm__size__dimensions": 1},
            r"encoders.lstm.size.dimensions: no such parameter. Did you mean dimension\? Known here: dimension, layers",
        ),
        ({"targets__xnli__step": 1}, r"targets.xnli.step: no such parameter. Did you mean steps\?"),
        ({"micro__languages": ["en"]}, r"micro.languages: no such parameter. The languages are those of languages.ev"),
        ({"targets__xnly": VALUES["targets"]["xnli"]}, r"targets.xnly: no such id. Did you mean xnli\? Known: anli"),
        ({"encoders__lstn": VALUES["encoders"]["lstm"]}, r"encoders.lstn: no such id. Did you mean lstm\?"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(changes: dict[str, Any], message: str) -> None:
    (fault,) = faults(**changes)

    assert re.match(message, fault)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("retrieval", r"retrieval: missing\.$"),
        ("pretraining__steps", r"pretraining.steps: missing. It is: Optimizer steps"),
        (
            "encoders__lstm__size",
            r"encoders.lstm.size: missing. It is: Matched between encoders of one table within 5 %",
        ),
        ("targets__xnli__patience", r"targets.xnli.patience: missing. It is: Looks without a better score"),
    ],
)
def test_a_missing_key_is_named_with_what_it_is(place: str, message: str) -> None:
    (fault,) = faults(**{place: ABSENT})

    assert re.match(message, fault)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("source", "mirco", r"source: input should be 'micro', 'files' or 'hub'; found \"mirco\"\.$"),
        ("source", datetime.date(2024, 1, 1), r"source: input should be .* found \"2024-01-01\""),
        ("seeds", 1, r"seeds: input should be a valid array; found 1\.$"),
        ("training", None, r"training: input should be an object; found null\.$"),
        ("encoders__lstm", 3, r"encoders.lstm: input should be an object; found 3"),
        (
            "pretraining__steps",
            "many",
            r"pretraining.steps: input should be a valid integer; found \"many\". It is: Opt",
        ),
        ("pretraining__steps", 1.5, r"pretraining.steps: input should be a valid integer; found 1.5"),
        ("pretraining__steps", True, r"pretraining.steps: input should be a valid integer; found true"),
        ("pretraining__steps", 0, r"pretraining.steps: input should be greater than 0; found 0"),
        ("pretraining__masked_fraction", 1.5, r"pretraining.masked_fraction: input should be less than 1; found 1.5"),
        ("training__warmup_fraction", -0.1, r"training.warmup_fraction: input should be greater than or equal to 0;"),
        ("training__gradient_clip", float("nan"), r"training.gradient_clip: input should be greater than 0; found NaN"),
        (
            "training__head",
            "match",
            r"training.head: input should be 'linear' or 'matching'; found \"match\". It is: The",
        ),
        ("encoders__lstm__learning_rate", "1e-3", r"encoders.lstm.learning_rate: .* valid number; found \"1e-3\""),
        ("encoders__lstm__learning_rate", None, r"encoders.lstm.learning_rate: .* valid number; found null"),
        (
            "languages__evaluation",
            ["en", False],
            r"languages.evaluation.1: input should be a valid string; found false",
        ),
    ],
)
def test_a_value_of_the_wrong_type_or_out_of_range_is_shown(place: str, value: Any, message: str) -> None:
    (fault,) = faults(**{place: value})

    assert re.match(message, fault)


def test_a_task_may_leave_its_learning_rate_to_the_encoder() -> None:
    loaded = config.check(changed(targets__xnli__learning_rate=0.001), "params.yaml")

    assert (loaded.targets["xnli"].learning_rate, loaded.targets["udpos"].learning_rate) == (0.001, None)


def test_all_faults_are_reported_at_once() -> None:
    found = faults(
        sources=1,
        retrieval=ABSENT,
        pretraining__steps="many",
        training__warmup_fraction=2,
        encoders__lstm__size__dimensions=1,
    )

    assert sorted(line.partition(": ")[0] for line in found) == [
        "encoders.lstm.size.dimensions",
        "pretraining.steps",
        "retrieval",
        "sources",
        "training.warmup_fraction",
    ]


# Contradictions


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"grid__targets": ["xnly", *VALUES["grid"]["targets"]]},
            r"grid.targets: xnly: no such target. Did you mean xnli\? Known: anli_plus, bucc2018, ccg",
        ),
        (
            {"grid__encoders": ["lstn"]},
            r"grid.encoders: lstn: no such encoder. Did you mean lstm\? Known: glot500, gru, laser2, lstm",
        ),
        ({"grid__controls": ["none", "random"]}, r"grid.controls: random: no such control. Known: none, untrained"),
        ({"grid__bare_targets": ["tatoeb"]}, r"grid.bare_targets: tatoeb: no such bare target. Did you mean tatoeba\?"),
        ({"grid__encoders": ["lstm", "lstm"]}, r"grid.encoders: lstm is there twice"),
        ({"encoders__lstm": ABSENT}, r"encoders.lstm: missing, but grid names lstm"),
        ({"targets__udpos": ABSENT}, r"targets.udpos: missing, but grid names udpos"),
        ({"intermediate__mnli": ABSENT}, r"intermediate.mnli: missing, but grid names mnli"),
        (
            {"grid__conditions": ["none", "mnli"]},
            r"grid.conditions: should be controls, intermediates, recipes: \[none, untrained, mnli, ",
        ),
        (
            {"grid__tasks": ["mnli"]},
            r"grid.tasks: should be the tasks of intermediates and recipes, targets and bare targets: \[mnli, squad,",
        ),
        ({"grid__recipes": ["mnli-0"]}, r"grid.recipes: mnli-0: not a condition. Conditions: none, untrained"),
        ({"grid__recipes": ["mnly+mlm"]}, r"grid.recipes: mnly: no such task. Did you mean mnli\? Known:"),
        ({"grid__recipes": ["none"]}, r"grid.recipes: none: belongs in grid.controls"),
        ({"grid__recipes": ["squad"]}, r"grid.recipes: squad: belongs in grid.intermediates"),
        ({"grid__recipes": ["mlm", "mlm"]}, r"grid.recipes: mlm is there twice"),
        ({"grid__recipes": ["qqp+mlm"]}, r"intermediate.qqp: missing, but grid names qqp"),
        ({"grid__controls": ["untrained"]}, r"grid.controls: none is missing; every gain is measured against it"),
        ({"grid__bare_targets": ["xnli"]}, r"grid.bare_targets: xnli is trained; name it in targets"),
        ({"grid__targets": ["tatoeba"]}, r"grid.targets: tatoeba has no training; name it in bare_targets"),
        ({"languages__evaluation": ["de"]}, r"languages.evaluation: en is missing; English is what training is on"),
        ({"languages__evaluation": ["en", "en"]}, r"languages.evaluation: \[en, en\]: at least one, none twice"),
        ({"languages__pretraining": []}, r"languages.pretraining: \[\]: at least one, none twice"),
        (
            {"encoders__xlmr_base__weights": "random"},
            r"encoders.xlmr_base.weights: random: xlmr_base is a released encoder, and cannot be made from a size. Let",
        ),
        (
            {"encoders__xlmr_base__size": VALUES["encoders"]["lstm"]["size"]},
            r"encoders.xlmr_base.size: should be null, since weights are released",
        ),
        (
            {"encoders__xlmr_base__vocabulary": {"source": "mbert", "has_frozen_table": False}},
            r"encoders.xlmr_base.vocabulary: should be null; released weights come with their own",
        ),
        ({"encoders__lstm__weights": "released"}, r"encoders.lstm.weights: nothing is released of lstm. Name a Hub id"),
        ({"encoders__lstm__size": None}, r"encoders.lstm.size: missing, since weights are random"),
        ({"seeds": []}, r"seeds: \[\]: at least one, none twice, from 0 to"),
        ({"seeds": [1, 1]}, r"seeds: \[1, 1\]: at least one, none twice"),
        ({"seeds": [-1]}, r"seeds: \[-1\]: at least one"),
        ({"seeds": [2**70]}, r"seeds: \[1180591620717411303424\]: at least one"),
        ({"targets__xnli__steps": None}, r"targets.xnli: steps and epochs are both null; one of them says how long"),
        ({"tuning__tasks": ["xnly"]}, r"tuning.tasks: xnly: has no section. Did you mean xnli\?"),
        ({"tuning__encoders": ["lstn"]}, r"tuning.encoders: lstn: has no section. Did you mean lstm\?"),
        ({"tuning__seeds": []}, r"tuning.seeds: \[\]: at least one, none twice"),
        ({"targets__xnli__micro_batches": 3}, r"targets.xnli.micro_batches: 3 does not divide batch_size, 32"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_contradiction_is_explained(changes: dict[str, Any], message: str) -> None:
    assert any(re.match(message, fault) for fault in faults(**changes))


def test_contradictions_are_reported_at_once() -> None:
    found = faults(encoders__lstm=ABSENT, seeds=[], targets__xnli__micro_batches=3)

    assert sorted(line.partition(": ")[0] for line in found) == [
        "encoders.lstm",
        "seeds",
        "targets.xnli.micro_batches",
    ]


def test_a_task_may_be_intermediate_and_target() -> None:
    values = changed(
        grid__intermediates=["xnli"],
        grid__conditions=["none", "untrained", "xnli"],
        grid__tasks=[*VALUES["grid"]["targets"], *VALUES["grid"]["bare_targets"]],
        intermediate__xnli=VALUES["targets"]["xnli"],
    )

    assert config.check(values, "params.yaml").grid.intermediates == ("xnli",)


# Files


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"params.yaml: no such file. Run xit in the project's folder"):
        config.load(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source: [", r"params.yaml: not YAML: while parsing a flow node"),
        ("", r"params.yaml: input should be an object; found null"),
        ("- 1\n", r"params.yaml: input should be an object; found \[1\]"),
        ("seeds: [1]\nseeds: [2]\n", r"params.yaml: not YAML: seeds is there twice\n.*line 1"),
        ("source: &a [*a]\n", r"params.yaml: a section that holds itself"),
        ("[" * 5000, r"params.yaml: not YAML: maximum recursion"),
        ("\udcff", r"params.yaml: not YAML: 'utf-8' codec"),
    ],
)
def test_a_file_that_holds_no_parameters_is_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(text, errors="surrogateescape")

    with pytest.raises(ConfigError, match=message):
        config.load(tmp_path / "params.yaml")


def test_every_field_has_a_line_that_says_what_it_is() -> None:
    sections = [value for value in vars(settings).values() if dataclasses.is_dataclass(value)]
    places = {f.name: f.type for f in dataclasses.fields(config.Config)}

    assert len(sections) >= 10
    without = [
        f"{section}.{field.name}"
        for section, kind in places.items()
        if dataclasses.is_dataclass(kind)
        for field in dataclasses.fields(kind)
        if not config._meaning([section, field.name])
    ]
    assert without == []


def test_resources_are_of_stages_that_exist_and_have_a_default() -> None:
    some = {"cpus": 1, "gpus": 0, "memory_gib": 1.0}

    assert faults(resources={"finetun": some}) == [
        "resources.default: missing; it holds for the stages that have no entry of their own.",
        "resources.finetun: no such stage. Did you mean finetune? Known: "
        + ", ".join(("default", *settings.STAGES))
        + ".",
    ]
