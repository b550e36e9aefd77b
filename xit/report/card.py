"""A checkpoint as a folder to share: its files, and a README.md with metadata as the Hugging Face Hub reads them."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import EvalResult, ModelCardData

from xit.core.conditions import BASELINE, UNTRAINED_CONDITIONS
from xit.core.errors import CheckpointError, counted
from xit.core.files import atomic, sha256
from xit.core.scores import Score, read_scores
from xit.core.task import task_of
from xit.paper.inputs import SOURCES
from xit.paper.render import pipe_table
from xit.statistics.anova import quantile

LIMITS = {
    "micro": "The texts and tasks are invented (rendered from Unicode CLDR): what it scores is evidence about the "
    "method, and no score on XTREME-R. It reads nothing but such texts.",
    "files": "It is small and was trained on a few megabytes of text. Where a task has no released training set, parts "
    "of its development files were trained on, and the rest was scored.",
    "hub": "Scores are of the public test sets of the Hub, some of which are development sets of the benchmark.",
}
SETTINGS = ("steps", "batch_size", "max_length_tokens", "learning_rate", "warmup_fraction", "weight_decay", "head")
PIPELINES = {
    "classification": "text-classification",
    "tagging": "token-classification",
    "span": "question-answering",
    "multiple_choice": "multiple-choice",
    "retrieval": "sentence-similarity",
}
"""Formats of tasks by the Hub's names of pipelines."""


def export(checkpoint: Path, scores: Path, out: Path) -> list[str]:
    """Copy a checkpoint of ours, with a card beside it; lines that say what was written.

    Args:
        checkpoint: A folder of models/.
        scores: scores.csv of the run that made it.
        out: The folder to write.

    Raises:
        CheckpointError: the checkpoint was not made here, or was cut short.
        DataError: the scores cannot be read.
    """
    made = _json(checkpoint / "lineage.json")
    own = _scores_of(made["parameters"], read_scores(scores))
    text = card(checkpoint, made, own)
    with atomic(out) as folder:
        shutil.copytree(checkpoint, folder)
        (folder / "README.md").write_text(text, encoding="utf-8")
    languages = counted(len({score.language for score in own}), "language")
    found = f"scores of {languages}" if own else f"no score of it in {scores}"
    return [f"wrote {out}: the checkpoint and its card, README.md, with {found}"]


def card(checkpoint: Path, made: Mapping[str, Any], scores: Sequence[Score]) -> str:
    """README.md of a checkpoint.

    Args:
        checkpoint: The folder.
        made: Its lineage.json.
        scores: Those of its encoder, condition and target, of all seeds, by the main metric.
    """
    cell, outcome = made["parameters"], _json(checkpoint / "outcome.json", {})
    own = [score for score in scores if score.seed == cell["seed"]]
    name = _name(cell)
    source = own[0].source if own else ""
    parts = [
        f"---\n{_metadata(name, made, own)}\n---",
        f"# {name}",
        _story(cell, made["stage"], source),
        "## Training\n\n" + _settings(cell, outcome),
    ]
    if own:
        parts.append("## Scores\n\n" + _table(own, scores))
    if source:
        parts.append(f"## Limits\n\n{LIMITS[source]}")
    parts += ["## Use\n\n" + _use(cell, made["stage"]), "## What made it\n\n" + _made(checkpoint, made)]
    return "\n\n".join(parts) + "\n"


def _json(path: Path, default: Any = None) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if default is not None:
            return default
        raise CheckpointError(f"{path}: no such file, so it was not made here. Name a folder under models/.") from None
    except ValueError as error:
        raise CheckpointError(f"{path}: cut short ({error}). Run the stage that made it again.") from None


def _scores_of(cell: Mapping[str, Any], scores: Sequence[Score]) -> list[Score]:
    """The scores of a checkpoint and of its other seeds: on its target, or on what needs no training."""
    condition = cell["condition"] or BASELINE
    return [
        score
        for score in scores
        if (score.encoder, score.condition) == (cell["encoder"], condition)
        and score.metric == task_of(score.target).metric
        and (score.target == cell["target"] if cell["target"] else not task_of(score.target).is_trained)
    ]


def _name(cell: Mapping[str, Any]) -> str:
    target = f"fine-tuned on {task_of(cell['target']).title}" if cell["target"] else ""
    parts = (cell["encoder"], cell["condition"] or "pretrained", target, f"seed {cell['seed']}")
    return ", ".join(part for part in parts if part)


def _metadata(name: str, made: Mapping[str, Any], own: Sequence[Score]) -> str:
    """YAML of the Hub: `model-index` has each score."""
    cell = made["parameters"]
    target = cell["target"] and task_of(cell["target"])
    results = [
        EvalResult(
            task_type=PIPELINES[task_of(score.target).format],
            dataset_type=f"{score.source}-{score.target}",
            dataset_name=f"{task_of(score.target).title} ({score.source})",
            dataset_config=score.language,
            dataset_split=score.split,
            metric_type=score.metric,
            metric_value=round(score.value, 2),
        )
        for score in own
    ]
    text = cell.get("plan", {}).get("text") or {}
    facts = ModelCardData(
        language=sorted({*text.get("languages", ()), *(score.language for score in own)}) or None,
        library_name="transformers",
        tags=["xit", "cross-lingual-transfer", cell["encoder"]],
        pipeline_tag=PIPELINES[target.format] if target else "feature-extraction",
        model_name=name if own else None,
        eval_results=results or None,
    )
    return str(facts.to_yaml()).strip()


def _story(cell: Mapping[str, Any], stage: str, source: str) -> str:
    condition, target = cell["condition"], cell["target"]
    before = {
        "": "It was pretrained from random weights.",
        "none": "Between pretraining and what follows there was no intermediate training.",
        "untrained": "It has had no pretraining: it began with random weights.",
    }.get(condition, f"After pretraining it was trained in English on the intermediate condition `{condition}`.")
    after = f" Then it was fine-tuned in English on {task_of(target).title}." if target else ""
    data = f" Its data are of the {SOURCES[source]}." if source else ""
    return f"An encoder of the architecture `{cell['encoder']}`, from stage `{stage}` of xit. {before}{after}{data}"


def _settings(cell: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    plan = cell.get("plan")
    if plan is None or (not plan["tasks"] and not plan.get("text")):
        return "Nothing was trained in this stage." if cell["condition"] in UNTRAINED_CONDITIONS else ""
    values: dict[str, Any] = {**plan, **(plan.get("text") or {})}
    for task_id, batches in plan["tasks"].items():
        values |= batches
        values["data"] = f"{task_of(task_id).title} in {batches['language']}"
    if (plan.get("text") or {}).get("languages"):
        values["text"] = "masked LM in " + ", ".join(plan["text"]["languages"])
    shown = [(key.replace("_", " "), values[key]) for key in ("data", "text", *SETTINGS) if values.get(key)]
    ends = {"best_step": "kept step", "best_score": "English validation", "chance": "chance there"}
    shown += [(title, round(outcome[key], 2)) for key, title in ends.items() if outcome.get(key) is not None]
    return _markdown(("setting", "value"), shown)


def _table(own: Sequence[Score], scores: Sequence[Score]) -> str:
    seeds = sorted({score.seed for score in scores})
    rows = []
    for score in own:
        key = (score.target, score.language)
        values = np.array([other.value for other in scores if (other.target, other.language) == key])
        mean, title = f"{values.mean():.1f}{_interval(values)}", task_of(score.target).title
        rows.append((title, score.language, f"{score.value:.1f}", mean, score.examples))
    columns = ("task", "language", "this checkpoint", f"mean of {counted(len(seeds), 'seed')}", "examples")
    metrics = ", ".join(dict.fromkeys(score.metric for score in own))
    interval = ", with 95% intervals over seeds (Student's t)" if len(seeds) > 1 else ""
    note = f"Test scores ({metrics}, from 0 to 100){interval}. English is trained on; the others are zero-shot."
    return f"{note}\n\n{_markdown(columns, rows)}"


def _interval(values: np.ndarray[Any, Any]) -> str:
    if len(values) < 2:
        return ""
    half = quantile(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return f" [{values.mean() - half:.1f}, {values.mean() + half:.1f}]"


def _use(cell: Mapping[str, Any], stage: str) -> str:
    lines = ["import transformers, xit  # xit registers the architecture", "", 'folder = "."']
    lines += ["encoder = transformers.AutoModel.from_pretrained(folder)"]
    lines += ["tokenizer = transformers.AutoTokenizer.from_pretrained(folder)"]
    python = "\n".join(("```python", *lines, "```"))
    score = f"`xit eval FOLDER` scores it on {task_of(cell['target']).title}." if cell["target"] else ""
    start = "" if stage == "finetune" else "`xit eval FOLDER --task tatoeba` scores it without training."
    return f"{python}\n\n{score or start}"


def _made(checkpoint: Path, made: Mapping[str, Any]) -> str:
    facts = [("code", made["code"][:12]), ("instructions", made.get("instructions", "")), *made["versions"].items()]
    facts += [(path.name, f"sha256 {sha256(path)[:12]}") for path in sorted(checkpoint.glob("*.safetensors"))]
    facts += [(f"read: {name}", str(digest)[:12]) for name, digest in made["inputs"].items()]
    return _markdown(("what", "hash or version"), [fact for fact in facts if fact[1]])


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return pipe_table([columns, [":--"] * len(columns), *rows])
