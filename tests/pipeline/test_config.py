"""params.yaml: what is there is valid, and every fault is reported at once, where it is and with the near name."""

import dataclasses
import datetime
import re
from pathlib import Path
from typing import Any

import pytest
from changed_parameters import ABSENT, ROOT, VALUES, changed, faults
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import load_yaml

from xit.core import settings
from xit.core.errors import ConfigError
from xit.core.task import task_of
from xit.pipeline import config, overlay

PROFILES = sorted((ROOT / "profiles").glob("*.yaml"))


def test_params_yaml_is_valid() -> None:
    loaded = config.load(ROOT / "params.yaml")

    assert loaded.source == "micro"
    assert loaded.encoders["lstm"].size.heads == 0
    assert isinstance(loaded.grid, settings.GridSettings)
    assert loaded.seeds == tuple(VALUES["seeds"])


def test_what_is_trained_in_its_own_language_can_be_made_and_is_scored() -> None:
    config.check(changed(upper_bound={"languages": ["sw", "de"], "seeds": [1]}), "params.yaml")

    wrong, seed = faults(upper_bound={"languages": ["en", "sw", "fr"], "seeds": [1, 9]})
    assert wrong.startswith("upper_bound.languages: en, fr: should be evaluated, and other than English")
    assert seed.startswith("upper_bound.seeds: 9: no encoder has this seed; found seeds [1, 2, 3]")
    of_files = faults(upper_bound={"languages": ["sw"], "seeds": [1]}, source="hub", languages__evaluation=["en", "sw"])
    assert any("the hub source has training data in English alone" in line for line in of_files)


def test_every_encoder_from_scratch_has_a_size_and_may_be_compared() -> None:
    loaded = config.check(changed(grid__encoders=["transformer", "lstm", "gru", "mingru"]), "params.yaml")

    assert {name for name, encoder in loaded.encoders.items() if encoder.size} == set(loaded.grid.encoders)


def test_every_encoder_of_params_yaml_may_be_compared_without_a_change_elsewhere() -> None:
    loaded = config.check(changed(grid__encoders=list(VALUES["encoders"])), "params.yaml")

    assert set(loaded.grid.encoders) == set(loaded.encoders)
    assert {encoder.weights for encoder in loaded.encoders.values()} == {"random", "released"}


def test_the_reference_is_the_grid_that_is_promised_and_the_default_a_part_of_it() -> None:
    """At least two encoders, no and three intermediate tasks, seven targets of all formats, 13 languages, ten seeds."""
    default = config.load(ROOT / "params.yaml")
    wide = config.laid_over(config.read(ROOT / "params.yaml"), config.read(ROOT / "profiles/reference.yaml"))
    reference = config.check(wide, "profiles/reference.yaml")
    grid = reference.grid

    assert set(default.seeds) < set(reference.seeds)
    assert set(default.grid.conditions) < set(grid.conditions)
    assert set(default.grid.targets) < set(grid.targets)
    assert default.grid.encoders == grid.encoders
    assert len(grid.encoders) >= 2
    assert "none" in grid.controls
    formats = [task_of(name).format for name in grid.intermediates]
    assert len(set(formats)) >= 3
    assert len(grid.targets + grid.bare_targets) >= 7
    targets = {task_of(name).format for name in grid.targets + grid.bare_targets}
    assert targets == {"classification", "multiple_choice", "tagging", "span", "retrieval"}
    assert len(reference.languages.evaluation) >= 13
    assert len(reference.seeds) >= 10


def test_there_are_profiles() -> None:
    assert {path.stem for path in PROFILES} >= {"text", "tiny"}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_a_profile_over_params_yaml_is_valid_and_changes_something(profile: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("data")

    merged = overlay.parameters(ROOT, profile.stem, tmp_path)

    assert config.check(merged, profile.name) != config.load(ROOT / "params.yaml")


@pytest.mark.parametrize(("name", "fraction"), [("anchors-0", 0.0), ("anchors-30", 0.3), ("anchors-100", 1.0)])
def test_profiles_of_anchors_are_the_default_experiment_with_another_fraction(name: str, fraction: float) -> None:
    default, found = config.load(ROOT / "params.yaml"), config.check(overlay.parameters(ROOT, name), name)

    assert dataclasses.replace(default, micro=dataclasses.replace(default.micro, anchor_fraction=fraction)) == found


# Faults of one key


@pytest.mark.parametrize(
    ("changes", "place", "near", "known"),
    [
        ({"sources": 1}, "sources", "source", "source, micro, files"),
        ({"training__gradient_clips": 1}, "training.gradient_clips", "gradient_clip", "warmup_fraction, weight_decay"),
        ({"encoders__lstm__size__dimensions": 1}, "encoders.lstm.size.dimensions", "dimension", "dimension, layers"),
        ({"targets__xnli__step": 1}, "targets.xnli.step", "steps", "steps, batch_size"),
        ({"targets__xnly": VALUES["targets"]["xnli"]}, "targets.xnly", "xnli", "anli_plus, bucc2018"),
        ({"encoders__lstn": VALUES["encoders"]["lstm"]}, "encoders.lstn", "lstm", "glot500, gru"),
        ({"resources__finetun": VALUES["resources"]["default"]}, "resources.finetun", "finetune", "default, text"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(
    changes: dict[str, Any], place: str, near: str, known: str
) -> None:
    (fault,) = faults(**changes)

    assert fault.startswith(f"{place}: no such ")
    assert f"Did you mean {near}?" in fault
    assert f"{known}, " in fault


def test_a_key_that_is_near_to_no_other_is_to_be_removed() -> None:
    assert " Remove it. Known here: layer, pooling." in faults(retrieval__zzz=1)[0]


@pytest.mark.parametrize(
    ("place", "meaning"),
    [
        ("retrieval", r"This section says how sentences become vectors\. Add it, with layer, pooling\."),
        ("pretraining__steps", r"Pretraining takes this many optimizer steps; at least 1, .* Add it\."),
        ("encoders__lstm__size", r"This is the shape .* Add it, with dimension, layers, inner, heads\."),
        ("targets__xnli__patience", r"Training stops after this many validations without a better score, .* Add it\."),
    ],
)
def test_a_missing_key_is_named_with_what_it_is(place: str, meaning: str) -> None:
    (fault,) = faults(**{place: ABSENT})

    assert re.fullmatch(rf"{place.replace('__', '.')}: missing\. {meaning}", fault)


@pytest.mark.parametrize(
    ("place", "value", "parts"),
    [
        ("source", "mirco", ["should be 'micro', 'files' or 'hub'", 'found "mirco"', "Did you mean micro?"]),
        ("source", datetime.date(2024, 1, 1), ["should be", 'found "2024-01-01"', "Write one of these."]),
        ("seeds", 1, ["should be a valid array", "found 1.", "Write a list, for instance [1, 2]."]),
        ("training", None, ["should be an object", "found null", "Write its parameters below it"]),
        ("encoders__lstm", 3, ["should be an object", "found 3."]),
        (
            "pretraining__steps",
            "many",
            ["a valid integer", 'found "many"', "Write a whole number in digits, such as 100."],
        ),
        ("pretraining__steps", 1.5, ["a valid integer", "found 1.5.", "Pretraining takes this many optimizer steps"]),
        ("pretraining__steps", True, ["a valid integer", "found true"]),
        ("pretraining__steps", 0, ["should be greater than 0", "found 0.", "Write a number in this range."]),
        ("pretraining__masked_fraction", 1.5, ["should be less than 1", "found 1.5"]),
        ("training__warmup_fraction", -0.1, ["should be greater than or equal to 0", "found -0.1"]),
        ("training__gradient_clip", float("nan"), ["should be a finite number", "found NaN"]),
        ("training__gradient_clip", float("inf"), ["should be a finite number", "found Infinity"]),
        ("training__head", "match", ["should be 'linear' or 'matching'", 'found "match"', "Did you mean matching?"]),
        ("encoders__lstm__learning_rate", "1e-3", ["valid number", 'found "1e-3"', "Write it without quotes."]),
        (
            "encoders__lstm__learning_rate",
            "0,8 %",
            ["valid number", 'found "0,8 %"', "with a point and without a unit"],
        ),
        ("encoders__lstm__learning_rate", "٠.٠٠٤", ["valid number", "Write a number in digits"]),
        ("encoders__lstm__learning_rate", None, ["valid number", "found null"]),
        ("hub__is_offline", "yes", ["valid boolean", 'found "yes"', "Write true or false"]),
        ("seeds", [2**70], ["should be less than 4294967296", "found 1180591620717411303424"]),
        ("seeds", [-1], ["should be greater than or equal to 0", "found -1"]),
    ],
)
def test_a_value_of_the_wrong_type_or_out_of_range_is_shown(place: str, value: Any, parts: list[str]) -> None:
    (fault,) = faults(**{place: value})

    assert fault.startswith(place.replace("__", "."))
    assert [part for part in parts if part not in fault] == []


def test_an_entry_of_a_list_is_named_by_its_place() -> None:
    assert faults(languages__evaluation=["en", False])[0].startswith(
        "languages.evaluation.1: input should be a valid s"
    )


VERB = re.compile(
    r"\b(is|are|has|have|takes?|lie|reads?|reach|reaches|rises|falls|decay|counts?|says?|stops|names|starts|translates|"
    r"become|computes|come|makes|passes|keeps|decides)\b"
)


def test_the_text_of_every_field_is_a_sentence_that_stands_alone() -> None:
    """As messages print it, behind its place: it begins with a word of its own, has a verb, and ends."""
    schema = config.schema()
    places = {"": schema, **schema["$defs"]}
    texts = {
        f"{name}.{key}": " ".join(field.get("description", "").split())
        for name, section in places.items()
        for key, field in section["properties"].items()
    }

    assert len(texts) > 100
    assert {"TaskSettings", "GridSettings", "EncoderSize", "ResourceSettings"} <= set(places)
    sentence = re.compile(r"(?!(Of|As|Over|By|Whether|Whose|Which) )[A-Z].*\.")
    assert [place for place, text in texts.items() if not (sentence.fullmatch(text) and VERB.search(text))] == []


def test_a_task_may_leave_its_learning_rate_to_the_encoder() -> None:
    loaded = config.check(changed(targets__xnli__learning_rate=0.001), "params.yaml")

    assert (loaded.targets["xnli"].learning_rate, loaded.targets["udpos"].learning_rate) == (0.001, None)


@pytest.mark.parametrize(
    ("rates", "parts"),
    [
        ({"xnly": 0.1}, ["learning_rates.xnly: no such task", "Did you mean xnli?"]),
        ({"tatoeba": 0.1}, ["learning_rates.tatoeba: this task has no training"]),
        ({"xnli": 2}, ["learning_rates.xnli: input should be less than 1", "found 2"]),
        ({"xnli": None}, ["learning_rates.xnli: input should be a valid number", "found null"]),
        ([0.1], ["learning_rates: input should be an object", "Write its entries below it"]),
        ({"mlqa": 0.1}, ["learning_rates.mlqa: neither intermediate nor targets has a section mlqa", "There is: mnli"]),
        ({"siqa": 0.1}, ["learning_rates.siqa: neither", "Add it, or remove this rate."]),
    ],
)
def test_rates_of_tasks_name_tasks_that_are_trained(rates: Any, parts: list[str]) -> None:
    (fault,) = faults(encoders__gru__learning_rates=rates)

    assert fault.startswith("encoders.gru.")
    assert [part for part in parts if part not in fault] == []


def test_a_profile_with_rates_of_its_own_says_those_of_tasks_too() -> None:
    """Else those tuned for params.yaml would hold beside its own."""
    values = {profile.stem: config.read(profile).get("encoders", {}) for profile in PROFILES}
    tuned = {name for name, one in config.read(ROOT / "params.yaml")["encoders"].items() if one.get("learning_rates")}
    own = [found[name] for found in values.values() for name in found.keys() & tuned if "learning_rate" in found[name]]

    assert len(own) >= 4
    assert [one for one in own if "learning_rates" not in one] == []


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


# Files


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"params.yaml: no such file. Run xit in the project's folder"):
        config.load(tmp_path / "params.yaml")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source: [", r"params.yaml, line 1: not YAML: expected the node content, .* Write the line as its neigh"),
        ("source: micro\n\tseeds: [1]\n", r"params.yaml, line 2: not YAML: found character '\\t'"),
        (
            "a: 1\n<<<<<<< HEAD\nb: 1\n",
            r"params.yaml, line 2: not YAML: two versions .* found '<<<<<<< HEAD'\. Keep one",
        ),
        (
            "a: 1\n  - b: [1]\n",
            r"params.yaml, line 2: not YAML: .* found '- b: \[1\]'\. Write the line as its neighbours",
        ),
        ("a: mi\0cro\n", r"params.yaml: not YAML: unacceptable character #x0000: .* position 5\. Remove it\.$"),
        ("a: *x\n", r"params.yaml, line 1: not YAML: found undefined alias 'x'; found 'a: \*x'"),
        ("", r"params.yaml: holds no sections of params.yaml, found null\. Write them"),
        ("- 1\n", r"params.yaml: holds no sections of params.yaml, found \[1\]"),
        ("seeds: [1]\nseeds: [2]\n", r"params.yaml, line 2: not YAML: seeds is there twice"),
        ("grid:\n  tasks: [1]\n  tasks: [2]\n", r"params.yaml, line 3: not YAML: tasks is there twice"),
        ("source: &a [*a]\n", r"params.yaml: not YAML that can be read: Circular reference"),
        ("[" * 5000, r"params.yaml: not YAML that can be read: maximum recursion"),
        ("\udcff", r"params.yaml: not YAML that can be read: 'utf-8' codec .* Restore the file"),
    ],
)
@pytest.mark.parametrize("reader", [config.load, config.read])
def test_a_file_that_holds_no_parameters_is_named(reader: Any, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(text, errors="surrogateescape")

    with pytest.raises(ConfigError, match=message):
        reader(tmp_path / "params.yaml")


# Numbers

NOTATIONS = {
    "1e-05": 1e-5,
    "1E-5": 1e-5,
    "1e-5": 1e-5,
    "1.0e-5": 1e-5,
    "1.e-5": 1e-5,
    "+1e-5": 1e-5,
    "0.00001": 1e-5,
    "00.00001": 1e-5,
    "1_0.0e-6": 1e-5,
    ".5": 0.5,
    "+.5": 0.5,
    "5.e-1": 0.5,
    ".05e1": 0.5,
    ".05E+1": 0.5,
    "+.05e1": 0.5,
    "500e-3": 0.5,
}


@pytest.mark.parametrize("text", NOTATIONS)
def test_a_number_may_be_written_in_every_notation(text: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text().replace("learning_rate: 0.004", f"learning_rate: {text}"))

    assert config.load(path).encoders["lstm"].learning_rate == NOTATIONS[text]


@pytest.mark.parametrize(
    ("text", "number"), [("1E5", 1e5), ("+1e3", 1e3), ("5.", 5.0), ("-.5", -0.5), ("-.5e1", -5.0), ("1e-400", 0.0)]
)
def test_numbers_beyond_a_rate_are_read_too(text: str, number: float, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(f"value: [{text}, '{text}']\n")

    assert config.read(tmp_path / "params.yaml")["value"] == [number, text]


@pytest.mark.parametrize("number", [1e-5, 2.5e-7, 0.5, 1.0, 123456.75, 1e22])
def test_what_dvc_writes_is_read_as_the_number_that_it_was_given(number: float, tmp_path: Path) -> None:
    """`dvc exp run -S` writes 1e-05; the file is then read, written by DVC again, and read."""
    path = tmp_path / "params.yaml"
    path.write_text("targets: {xnli: {learning_rate: null, patience: 5}}\nother: .5e3 # a comment\n")

    apply_overrides(path, [f"targets.xnli.learning_rate={number!r}"])
    apply_overrides(path, ["targets.xnli.patience=6"])

    assert config.read(path) == {"targets": {"xnli": {"learning_rate": number, "patience": 6}}, "other": 500.0}


@pytest.mark.parametrize(
    "value", [1e-5, 1e22, ".5e3", "1e-05", "no", "null", "0o17", "2024-01-01", "", "ö: #", 7, None]
)
def test_what_is_written_is_read_again_as_it_was_by_xit_and_by_dvc(value: object, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(config.written({"b": {"a": [value]}, "a": value}), encoding="utf-8")

    assert config.read(path) == load_yaml(path) == {"b": {"a": [value]}, "a": value}
    assert list(config.read(path)) == ["b", "a"]
