"""Pinned instructions: what a user sets is told of and not taken; other processors give equal bits."""

import typing
from pathlib import Path

import pytest

from xit.core import instructions
from xit.core.errors import ConfigError
from xit.core.settings import ComputeSettings

IS_PINNABLE = not instructions.lack()
ROOT = Path(__file__).parents[2]


def test_every_set_can_be_chosen_and_every_choice_is_a_set() -> None:
    choices = typing.get_args(typing.get_type_hints(ComputeSettings)["instructions"])

    assert set(choices) == set(instructions.SETS)


@pytest.mark.parametrize(
    ("machine", "flags", "lacking"),
    [
        ("x86_64", "fpu avx avx2 fma", ""),
        ("AMD64", "fpu avx2 fma avx512f", ""),
        ("x86_64", "fpu avx fma", "the processor has no avx2"),
        ("x86_64", "fpu sse4_2", "the processor has no avx2 and no fma"),
        ("aarch64", "avx2 fma", "the processor is no x86-64 one, but aarch64"),
        ("arm64", "", "the processor is no x86-64 one, but arm64"),
    ],
)
def test_a_machine_that_lacks_the_instructions_says_what(
    machine: str, flags: str, lacking: str, tmp_path: Path
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\n\nprocessor : 1\nflags\t\t: {flags}\n")

    assert instructions.lack(machine, tmp_path / "cpuinfo") == lacking


def test_without_a_list_of_flags_the_machine_counts(tmp_path: Path) -> None:
    assert instructions.lack("x86_64", tmp_path / "absent") == ""
    assert instructions.lack("riscv64", tmp_path / "absent") == "the processor is no x86-64 one, but riscv64"


@pytest.fixture
def _as_before() -> typing.Iterator[None]:
    before = instructions.applied()
    yield
    instructions.apply(before, {})


@pytest.mark.usefixtures("_as_before")
class TestApply:
    @pytest.mark.skipif(not IS_PINNABLE, reason="this processor has no AVX2")
    @pytest.mark.parametrize("name", ["avx2", "compatible"])
    def test_the_variables_of_a_set_are_set(self, name: str) -> None:
        environment = {"HOME": "/"}

        assert instructions.apply(name, environment) == []
        assert environment == {"HOME": "/", **instructions.SETS[name]}
        assert instructions.applied() == name

    @pytest.mark.skipif(not IS_PINNABLE, reason="this processor has no AVX2")
    def test_a_variable_that_contradicts_is_told_and_not_taken(self) -> None:
        environment = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "AVX2"}

        (line,) = instructions.apply("avx2", environment)

        assert line.startswith("ATEN_CPU_CAPABILITY: is default in the environment; compute.instructions: avx2 takes ")
        assert line.endswith("Write compute.instructions: native in params.yaml to keep yours.")
        assert environment["ATEN_CPU_CAPABILITY"] == "avx2"

    @pytest.mark.skipif(not IS_PINNABLE, reason="this processor has no AVX2")
    def test_another_set_takes_the_place_of_the_one_before_without_a_word(self) -> None:
        environment: dict[str, str] = {}

        assert instructions.apply("compatible", environment) == []
        assert instructions.apply("avx2", environment) == []
        assert environment["MKL_CBWR"] == "AVX2"

    def test_native_leaves_what_a_user_sets(self) -> None:
        environment = {"ATEN_CPU_CAPABILITY": "default"}

        assert instructions.apply("native", environment) == []
        assert environment == {"ATEN_CPU_CAPABILITY": "default"}
        assert instructions.applied() == "native"

    def test_on_another_machine_nothing_is_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(instructions, "lack", lambda: "the processor is no x86-64 one, but aarch64")
        environment: dict[str, str] = {}

        assert instructions.apply("avx2", environment) == []
        assert environment == {}
        assert instructions.applied() == "native"
        instructions.check("DEFAULT")

    @pytest.mark.skipif(not IS_PINNABLE, reason="this processor has no AVX2")
    def test_torch_that_had_computed_before_is_told(self) -> None:
        instructions.apply("compatible", {})

        instructions.check("AVX2")
        with pytest.raises(ConfigError, match=r"compatible: torch computes with .* found AVX512, where AVX2 was expec"):
            instructions.check("AVX512")
