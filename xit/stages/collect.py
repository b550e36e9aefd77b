"""Everything measured → the tables' inputs: scores, and what made them, as CSV."""

import collections
import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from xit.core.conditions import parse
from xit.core.errors import DataError, raise_all
from xit.core.files import atomic, write_csv, write_json
from xit.core.scores import Score, write_scores
from xit.core.settings import GridSettings, UpperBoundSettings
from xit.core.task import task_of

PARTS = 12
"""Of a learning curve: enough to see its form, and few enough to be committed with a reference."""


LAYERS = ("encoder", "condition", "target", "seed", "language", "layer", "is_centered", "metric", "value")
FORGETTING = ("encoder", "condition", "target", "seed", "language", "loss", "accuracy", "masked")
LANGUAGES = ("encoder", "language", "tokens", "shared")
UPPER_BOUNDS = ("encoder", "target", "seed", "language", "metric", "value")
REPRESENTATIONS = ("encoder", "condition", "target", "seed", "language", "layer", "measure", "value")


class Run(NamedTuple):
    """What a training is named by; of pretraining, the encoder and the seed, and the objective where it has several in
    place of a target."""

    stage: str
    encoder: str
    condition: str
    target: str
    seed: int


def collect(
    grid: GridSettings,
    seeds: Sequence[int],
    upper_bound: UpperBoundSettings,
    rates: Mapping[str, float],
    root: Path,
    out: Path,
) -> list[str]:
    """Gather what the grid names, and nothing else that lies on the disk; `rates` are the encoders' learning rates.

    Writes scores.csv (a row a score), layers.csv (retrieval by every layer of the bare encoders), representations.csv
    (what is measured of their vectors), forgetting.csv (masked LM after intermediate training), upper_bounds.csv
    (scores after training in the language of the test), languages.csv (their text for pretraining, in the pieces of
    each encoder), audit.csv (the data sets), encoders.csv, training.csv (how each model was trained) and curves.csv
    (how it got there); for `dvc metrics`, metrics/<encoder>/<condition>.json with the mean over languages but English
    of each target; for `dvc plots`, means.csv with their means.

    Raises:
        DataError: cells of the grid without scores, or trainings without their log; all are listed.
    """
    encoders, conditions, targets = grid.encoders, grid.conditions, (*grid.targets, *grid.bare_targets)
    cells = [(e, t, c, s) for e in encoders for t in targets for c in conditions for s in seeds]
    files = {cell: root.joinpath("evaluations", *map(str, cell), "scores.json") for cell in cells}
    raise_all(DataError, [f"{path}: missing. `dvc repro` makes it." for path in files.values() if not path.is_file()])
    scores = [Score.from_dict(value) for path in files.values() for value in _read(path)]
    write_scores(out / "scores.csv", scores)
    write_csv(out / "layers.csv", _beside(files, "layers.json"), LAYERS)
    losses = {
        cell: root.joinpath("evaluations", cell[0], "forgetting", *map(str, cell[1:]), "losses") for cell in cells
    }
    write_csv(out / "forgetting.csv", _beside(losses, "losses.json"), FORGETTING)
    write_csv(out / "languages.csv", _languages(encoders, seeds[0], root), LANGUAGES)
    write_csv(out / "upper_bounds.csv", _upper_bounds(grid, upper_bound, root), UPPER_BOUNDS)
    write_csv(out / "representations.csv", _beside(files, "representations.json"), REPRESENTATIONS)
    means = _means(scores)
    with atomic(out / "metrics") as folder:
        for (encoder, condition), by_target in means.items():
            write_json(folder / encoder / f"{condition}.json", {"mean": _mean(by_target.values()), **by_target})
    rows = [{"condition": f"{e} {c}", "mean": _mean(by_target.values())} for (e, c), by_target in means.items()]
    write_csv(out / "means.csv", rows)
    audits = [root / "data" / name / "audit.json" for name in sorted({*grid.tasks, *conditions})]
    write_csv(out / "audit.csv", [row for path in audits if path.is_file() for row in _read(path)["splits"]])
    write_csv(out / "encoders.csv", [_encoder(root / "models/pretrained" / e, e, rates[e], seeds) for e in encoders])
    trained = _trained(root, cells)
    write_csv(out / "training.csv", [_run(names, folder) for names, folder in trained])
    pretrained = [
        (Run("pretrain", e, "", "", seed), folder)
        for e in encoders
        for seed in seeds
        if _read((folder := root / "models/pretrained" / e / str(seed)) / "outcome.json")[
            "steps"
        ]  # not of released ones
    ]
    write_csv(out / "curves.csv", curves([*pretrained, *trained]))
    return [f"{out}/scores.csv: {len(scores)} scores of {len(cells)} cells"]


def _beside(files: Mapping[tuple[str, str, str, int], Path], name: str) -> list[dict[str, Any]]:
    """The rows of a file beside the scores of each cell that has it, with the names of the cell."""
    rows = []
    for (encoder, target, condition, seed), scores in files.items():
        if (path := scores.with_name(name)).is_file():
            names = {"encoder": encoder, "condition": condition, "target": target, "seed": seed}
            rows += [{**names, **row} for row in _read(path)]
    return rows


def _upper_bounds(grid: GridSettings, settings: UpperBoundSettings, root: Path) -> list[dict[str, Any]]:
    """The scores of what was fine-tuned in the language of the test."""
    rows = []
    for names in itertools.product(grid.encoders, grid.targets, settings.languages, settings.seeds):
        encoder, target, _, seed = names
        path = root.joinpath("models/upper_bound", *map(str, names), "scores.json")
        rows += [{"encoder": encoder, "target": target, "seed": seed, **row} for row in _read(path)]
    return rows


def _languages(encoders: Sequence[str], seed: int, root: Path) -> list[dict[str, Any]]:
    """Of each encoder that is pretrained here and each language the tokens of its text, and in percent of these those
    whose piece stands in the English text too."""
    rows: list[dict[str, Any]] = []
    counted: dict[str, list[dict[str, Any]]] = {}
    for encoder in encoders:
        folder = root / "models/pretrained" / encoder / str(seed)
        if _read(folder / "outcome.json")["steps"]:  # not of released ones, whose text is not here
            pieces = (folder / "tokenizer.json").read_text(encoding="utf-8")
            if pieces not in counted:
                counted[pieces] = _counted(pieces, root / "data/text")
            rows += [{"encoder": encoder, **row} for row in counted[pieces]]
    return rows


def _counted(pieces: str, text: Path) -> list[dict[str, Any]]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(pieces)
    counts = {
        path.stem: collections.Counter(
            piece
            for encoding in tokenizer.encode_batch(
                path.read_text(encoding="utf-8").splitlines(), add_special_tokens=False
            )
            for piece in encoding.ids
        )
        for path in sorted(text.glob("*.txt"))
    }
    english = counts.get("en", collections.Counter())
    return [
        {
            "language": language,
            "tokens": of.total(),
            "shared": 100 * sum(count for piece, count in of.items() if piece in english) / max(of.total(), 1),
        }
        for language, of in counts.items()
    ]


def _means(scores: Sequence[Score]) -> dict[tuple[str, str], dict[str, float]]:
    """By encoder and condition each target's main metric, a mean over languages but English and over seeds."""
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    for score in scores:
        if score.language != "en" and score.metric == task_of(score.target).metric:
            by_target = values.setdefault((score.encoder, score.condition), {})
            by_target.setdefault(score.target, []).append(score.value)
    return {key: {target: _mean(found) for target, found in by_target.items()} for key, by_target in values.items()}


def _mean(values: Collection[float]) -> float:
    return round(sum(values) / len(values), 4)


def _encoder(folder: Path, encoder: str, learning_rate: float, seeds: Sequence[int]) -> dict[str, Any]:
    runs = [_read(folder / str(seed) / "outcome.json") for seed in seeds]
    rate = _read(folder / str(seeds[0]) / "lineage.json")["parameters"].get("plan", {}).get("learning_rate")
    losses = [run["loss"] for run in runs if run["loss"] is not None]  # none of a released encoder
    return {
        "encoder": encoder,
        "parameters": runs[0]["parameters"],
        "embedding_parameters": runs[0]["embedding_parameters"],
        "pretraining_tokens": runs[0]["tokens"],
        "pretraining_steps": runs[0]["steps"],
        "pretraining_loss": sum(losses) / len(losses) if losses else None,
        "pretraining_learning_rate": rate,
        "learning_rate": learning_rate,
        "frozen_parameters": runs[0].get("frozen_parameters") or None,
        **{key: runs[0].get(key) for key in ("weights", "vocabulary", "licence", "languages")},
    }


def _trained(root: Path, cells: Sequence[tuple[str, str, str, int]]) -> list[tuple[Run, Path]]:
    """The trainings on tasks and their folders; controls and retrieval without training have none."""
    runs = []
    parents = sorted({(encoder, condition, seed) for encoder, _, condition, seed in cells})
    for encoder, condition, seed in parents:
        folder = root / "models/intermediate" / encoder / condition / str(seed)
        runs.append((Run("intermediate", encoder, condition, condition, seed), folder))
    for encoder, target, condition, seed in cells:
        folder = root / "models/finetuned" / encoder / target / condition / str(seed)
        runs.append((Run("finetune", encoder, condition, target, seed), folder))
    return [(names, folder) for names, folder in runs if (folder / "outcome.json").is_file()]


def _run(names: Run, folder: Path) -> dict[str, Any]:
    """How a training ended."""
    outcome = _read(folder / "outcome.json")
    figures = {"steps": outcome["steps"], "best_step": outcome["best_step"], "validation_score": outcome["best_score"]}
    rate = _read(folder / "lineage.json")["parameters"]["plan"]["learning_rate"]
    is_plain = names.stage == "finetune" or parse(names.condition).kind == "task"  # one stream, without saying so
    shares = "" if is_plain else " ".join(f"{name} {share:.1%}" for name, share in outcome["shares"].items())
    ends = {name: outcome.get(name) for name in ("tokens", "attempts", "chance", "is_failed")}
    return {**names._asdict(), **figures, "learning_rate": rate, "shares": shares, **ends}


def curves(runs: Sequence[tuple[Run, Path]]) -> list[dict[str, Any]]:
    """Points of every training's log, with the mean loss since the point before; of each objective by itself.

    Raises:
        DataError: trainings without a log.
    """
    logs = {names: folder / "log.jsonl" for names, folder in runs}
    raise_all(DataError, [f"{path}: missing. `dvc repro` makes it." for path in logs.values() if not path.is_file()])
    rows = []
    for names, path in logs.items():
        whole = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for objective in sorted({record.get("objective", names.target) for record in whole}):
            log = [record for record in whole if record.get("objective", names.target) == objective]
            start = 0
            for end in points(log):
                losses = [record["loss"] for record in log[start:end]]
                score, validation_loss = (log[end - 1].get(f"validation_{what}") for what in ("score", "loss"))
                shown = {
                    "loss": round(sum(losses) / len(losses), 4),
                    "validation_score": None if score is None else round(score, 2),
                    "validation_loss": None if validation_loss is None else round(validation_loss, 4),
                }
                rows.append({**names._asdict(), "target": objective, "step": log[end - 1]["step"], **shown})
                start = end
    return rows


def points(log: Sequence[Mapping[str, float]]) -> list[int]:
    """How many records lie before each point of a curve: equal parts of the log, and in each the last validation."""
    found = set()
    ends = sorted({round(len(log) * part / PARTS) for part in range(1, PARTS + 1)} - {0})
    for start, end in itertools.pairwise([0, *ends]):
        found |= {end, *[i for i in range(start + 1, end + 1) if "validation_score" in log[i - 1]][-1:]}
    return sorted(found)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: not JSON, perhaps cut short: {error}. Delete it, and `dvc repro` makes it.") from None
