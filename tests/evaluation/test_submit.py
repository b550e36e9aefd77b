"""`xit submit`: its folder holds what the benchmark asks for, and scores what `xit eval` says."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import tiny

from xit.core.errors import CheckpointError, ConfigError
from xit.core.settings import FilesSettings
from xit.evaluation import evaluate
from xit.evaluation.submit import submit
from xit.pipeline import config, overlay
from xit.scoring import evaluator
from xit.sources.files import FilesSource
from xit.sources.micro import MicroSource

ROOT = Path(__file__).parents[2]
LANGUAGES = ("en", "de", "zh")


@pytest.fixture(scope="module")
def parameters() -> Any:
    """The tiny profile with a few examples."""
    merged = overlay.parameters(ROOT, "tiny")
    merged["languages"] = {"pretraining": list(LANGUAGES), "evaluation": list(LANGUAGES)}
    merged["micro"] |= {"train": 16, "validation": 8, "test": 12}
    return config.check(merged, "")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint of a task of each format, and a bare encoder."""
    folder = tmp_path_factory.mktemp("models")
    found = {name: folder / name for name in (*tiny.TASKS.values(), "bare")}
    for name, path in found.items():
        tiny.write_checkpoint(path)
        if name != "bare":
            tiny.write_head(path, name, "matching")
    return found


def submitted(models: Any, parameters: Any, out: Path, gold: Path | None = None, name: str = "xtreme-r") -> Any:
    settings = dataclasses.replace(parameters.micro, languages=LANGUAGES)
    options = evaluate.EvaluationOptions(parameters.retrieval, gold=gold)
    return submit(list(map(str, models)), name, out, None, MicroSource(settings), options)


def test_a_submission_scores_what_evaluation_says(models: Any, parameters: Any, tmp_path: Path) -> None:
    settings = dataclasses.replace(parameters.micro, languages=LANGUAGES)

    said = submitted(models.values(), parameters, tmp_path / "out", tmp_path / "gold")
    found = evaluator.score(tmp_path / "out", tmp_path / "gold", "xtreme-r", is_partial=True)

    assert said["tasks"] == found["tasks"]
    assert set(found["tasks"]) == {*tiny.TASKS.values(), "tatoeba"}
    compared = 0
    for name, model in models.items():
        task = "tatoeba" if name == "bare" else name
        codes = list(found["tasks"][task]["languages"])
        assert set(codes) == set(LANGUAGES) & set(tiny.task_of(task).languages)
        options = evaluate.EvaluationOptions(parameters.retrieval)
        report = evaluate.report_of(str(model), [task], codes, MicroSource(settings), options)
        for score in report["scores"]:
            if score["metric"] == "accuracy_centered":  # no benchmark has it
                continue
            assert found["tasks"][task]["languages"][score["language"]][score["metric"]] == score["value"]
            compared += 1
    assert compared == 3 + 1 + 3 + 9 + 6 + 2  # xnli, xcopa, lareqa, xquad, panx, tatoeba


def test_what_the_benchmark_asks_for_beside_is_named(models: Any, parameters: Any, tmp_path: Path) -> None:
    found = submitted([models["xnli"]], parameters, tmp_path / "out")

    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")) == [
        f"out/xnli/test-{code}.tsv" for code in sorted(LANGUAGES)
    ]
    assert found["missing"]["xcopa"] == list(tiny.task_of("xcopa").languages)
    assert found["missing"]["xnli"] == [code for code in tiny.task_of("xnli").languages if code not in LANGUAGES]
    assert found["notes"] == ["The examples are those of the micro source."]
    assert found["overall"] is None


def test_a_task_that_the_source_does_not_have_is_skipped_and_named(
    models: Any, parameters: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "bucc2018" / "de-en"
    folder.mkdir(parents=True)
    for split in ("sample", "training"):
        texts = list(dict.fromkeys(tiny.texts()[:20]))
        for code in ("de", "en"):
            sentences = [f"{code}-{n}\t{text}\n" for n, text in enumerate(texts)]
            (folder / f"de-en.{split}.{code}").write_text("".join(sentences))
        (folder / f"de-en.{split}.gold").write_text("".join(f"de-{n}\ten-{n}\n" for n in range(len(texts))))
    settings = FilesSettings(str(tmp_path / "data"), "", 0, "error", "released")
    options = evaluate.EvaluationOptions(parameters.retrieval, gold=tmp_path / "gold")

    found = submit([str(models["bare"])], "xtreme", tmp_path / "out", None, FilesSource(settings), options)

    assert list(found["tasks"]) == ["bucc2018"]
    assert found["notes"][:2] == [
        "The examples are those of the files source.",
        "tatoeba: skipped; the files source has no test examples of it.",
    ]
    assert found["tasks"]["bucc2018"]["languages"]["de"]["recall"] == 100.0  # the same sentences on both sides


def test_checkpoints_that_do_not_fit_are_all_named_and_nothing_is_written(
    models: Any, parameters: Any, tmp_path: Path
) -> None:
    tiny.write_checkpoint(tmp_path / "models")
    tiny.write_head(tmp_path / "models", "pawsx")

    with pytest.raises(ConfigError) as error:
        submitted([models["xnli"], models["xnli"], tmp_path / "models"], parameters, tmp_path / "out")

    twice, foreign = str(error.value).splitlines()
    assert twice.endswith("is of xnli too. Give one checkpoint a task.")
    assert "its head is of pawsx, which XTREME-R does not have. It has: xnli, xcopa" in foreign
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("out", "gold", "message"),
    [
        ("full", None, "--out: .*full: is there already. Name a new folder"),
        ("out", "full", "--gold: .*full: is there already"),
        ("out", "out/gold", "--gold: .*gold: is not apart from --out"),
    ],
)
def test_folders_in_the_way_are_kept(
    out: str, gold: str | None, message: str, models: Any, parameters: Any, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")

    with pytest.raises(ConfigError, match=message):
        submitted([models["xnli"]], parameters, tmp_path / out, gold and tmp_path / gold)

    assert [p.name for p in tmp_path.rglob("*")] == ["full", "mine.txt"]


def test_a_checkpoint_that_cannot_be_evaluated_leaves_nothing(models: Any, parameters: Any, tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path / "models")
    tiny.write_head(tmp_path / "models", "xnli")
    (tmp_path / "models" / "head.safetensors").write_bytes(b"cut")

    with pytest.raises(CheckpointError, match=r"head\.safetensors"):
        submitted([tmp_path / "models"], parameters, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_a_language_without_the_candidates_of_its_pool_is_told(parameters: Any, tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path / "model")
    tiny.write_head(tmp_path / "model", "mewslix", "matching")
    folder = tmp_path / "data/mewslix"
    (folder / "wikinews_mentions/de").mkdir(parents=True)
    (folder / "wikinews_mentions/de/test.jsonl").write_text('{"mention": "{ Bonn }", "entity_id": "Q1"}\n')
    (folder / "candidate_entities.jsonl").write_text('{"entity_id": "Q1", "description": "A town."}\n')
    settings = FilesSettings(str(tmp_path / "data"), "", 0, "error", "released")

    options = evaluate.EvaluationOptions(parameters.retrieval)
    with pytest.raises(ConfigError, match=r"^mewslix: no candidates come with de. Add --language en, which has them.$"):
        evaluate.report_of(str(tmp_path / "model"), None, ["de"], FilesSource(settings), options)
