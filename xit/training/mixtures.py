"""Training after pretraining, on one stream of batches or several: intermediate training and fine-tuning are one act.

Every stream has a head of its own on the one encoder. A step is a batch of one stream; which one is drawn by the
streams' shares, a pure function of the seed, so that a killed run resumes to the same bits.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xit.core import distributed
from xit.core.batches import Batch
from xit.core.files import write_json
from xit.core.plan import Cell, Places, Plan
from xit.core.progress import Report, about
from xit.core.task import task_of
from xit.modeling import checkpoints
from xit.modeling.checkpoints import Run
from xit.modeling.task_model import load_encoder
from xit.training.draws import draws
from xit.training.loop import Outcome, Step, Validation, train
from xit.training.streams import Stream, task_stream, text_stream, training_file
from xit.training.validation import is_failure


def train_cells(
    stage: str,
    cells: Mapping[str, Cell],
    places: Places,
    plan: Plan,
    report: Report,
    others: Sequence[Path] = (),
) -> list[str]:
    """Train the encoder that each cell starts from; a line a cell that says how it ended.

    Args:
        stage: The stage whose runs these are.
        cells: The cells by name (`xit.modeling.checkpoints.each`); a finished one of the same lineage is kept.
        places: What they start from, the folder of all data (text, and a folder a task), and where they go.
        plan: How they are trained.
        report: Progress.
        others: Folders as `places.out`, of other targets. A cell that one of them has from an equal training, on the
            same data with the same head, is a copy of it.

    Raises:
        ConfigError: several processes would change the loss, or inputs are longer than the encoder reads.
        TrainingError: there is nothing to train on, a subset is larger than its task, or the loss is not finite.
    """
    tasks = tuple(plan.tasks)
    forms = sorted({task_of(name).format for name in tasks})
    code = [f"xit.tasks.{name}" for name in tasks]
    code += [f"xit.{folder}.{name}" for folder in ("formats", "heads") for name in forms]

    def lineage_of(cell: Cell, parent: Path) -> dict[str, Any]:
        modules = (f"xit.stages.{stage}", f"xit.encoders.{cell.encoder}", *code)
        inputs = _inputs(plan, parent, places.data)
        return checkpoints.lineage(stage, modules, inputs, **dataclasses.asdict(cell), plan=plan)

    def make(run: Run) -> str:
        name = next(name for name, cell in cells.items() if cell == run.cell)
        alike = distributed.same(checkpoints.of_equal_training((other / name for other in others), run.lineage))
        if alike is not None:
            if distributed.is_main():
                checkpoints.copy_of_equal_training(alike, run)
            return f"the model of {alike}, which is trained on the same data"
        return train_mixture(run, plan, places.data, about(str(run.cell), report))

    return checkpoints.each(cells, places, lineage_of, make, is_shared=True)


def _inputs(plan: Plan, parent: Path, data: Path) -> dict[str, Path]:
    """The files and folders that a training reads, by what they are to it."""
    found = checkpoints.encoder_files(parent)
    for name, batches in plan.tasks.items():
        found[f"{name} train"] = training_file(name, batches, data)
        if not batches.is_shuffled:
            found[f"{name} validation"] = data / name / "validation.parquet"
    if plan.text:
        found["text"] = data / "text"
        head = checkpoints.MASKED_LM_HEAD
        found |= {head: parent / head} if (parent / head).is_file() else {}
    return found


def train_mixture(run: Run, plan: Plan, data: Path, report: Report) -> str:
    """Train the encoder of a checkpoint, with a new head a stream, and write it; a line that says how it ended.

    A head of the parent is not read. A training that fails (`is_failure`) is started again, at most
    `plan.restarts` times, with another head and another order of batches; its data stay what they are. If all fail, the
    last one stands, marked as failed.
    """
    failures = _Failures(run)
    while not (end := _attempt(run, plan, data, failures, report)):
        pass
    return end


class _Failures:
    """How the attempts before this one ended, kept in a file of the working folder, so that a killed run goes on."""

    def __init__(self, run: Run) -> None:
        self.path, self.run = run.working / "failures.json", json.dumps(run.lineage, sort_keys=True)
        kept = json.loads(self.path.read_text(encoding="utf-8")) if self.path.is_file() else {}
        self.scores: list[float] = distributed.same(kept["scores"] if kept.get("run") == self.run else [])

    def note(self, score: float) -> None:
        self.scores.append(score)
        if distributed.is_main():
            write_json(self.path, {"run": self.run, "scores": self.scores})


def attempt_seed(seed: int, attempt: int) -> int:
    """The seed of the head and the order of batches in an attempt, from 0: in the first one that of the run itself.

    Examples:
        >>> attempt_seed(7, 0), len({attempt_seed(seed, attempt) for seed in range(100) for attempt in range(4)})
        (7, 400)
    """
    return int(np.random.SeedSequence((seed, attempt)).generate_state(1)[0]) if attempt else seed


def _attempt(run: Run, plan: Plan, data: Path, failures: _Failures, report: Report) -> str:
    """Train once, and write the model; or, where it has failed and may be started again, note that and say nothing."""
    attempt = len(failures.scores)
    seed = attempt_seed(run.cell.seed, attempt)
    bare, tokenizer = load_encoder(run.parent)
    if plan.compute.gradient_checkpointing:
        bare.encoder.checkpoint_gradients()  # type: ignore[operator]
    torch.manual_seed(seed)
    streams = [task_stream(name, plan, data, bare.encoder, tokenizer, run.cell.seed, seed) for name in plan.tasks]
    shares = _shares(streams, plan)
    if plan.text:
        streams.append(text_stream(plan, data, bare.encoder, tokenizer, run.parent, seed))
        shares.append(plan.text.share)
    plan = plan.scheduled(sum(each.examples for each in streams), sum(each.whole for each in streams), seed)
    assert plan.steps is not None
    drawn = draws(shares, plan.steps, seed)
    model, step_at = streams[0].model, streams[0].step_at
    if len(streams) > 1:
        model, step_at = Mixture([each.model for each in streams]), mixed_steps(streams, drawn)
    lineage = {**run.lineage, "attempt": attempt}
    outcome = train(model, step_at, plan, run.working, lineage, mean_validation(streams), report)
    by_chance, is_failed = judged(outcome.best_score, streams)
    if is_failed and attempt < plan.restarts:
        assert outcome.best_score is not None
        failures.note(outcome.best_score)
        return ""
    done = drawn[: outcome.steps]
    counts = {each.name: sum(number == index for number, _ in done) for index, each in enumerate(streams)}
    by_name = {each.name: share for each, share in zip(streams, shares, strict=True)}
    facts = {"attempts": attempt + 1, "chance": by_chance, "is_failed": is_failed}
    save(run, bare.encoder, outcome, streams, shares=by_name, batches=counts, **facts)
    end = f"loss {outcome.loss:.2f}" if outcome.best_score is None else f"validation {outcome.best_score:.1f}"
    shown = ", ".join(f"{name} {share:.1%}" for name, share in by_name.items())
    attempts = f", attempt {attempt + 1}" if attempt else ""
    failed = f"; FAILED: not above chance, {by_chance:.1f}, by two standard errors" if is_failed else ""
    return f"{end} at step {outcome.best_step} of {outcome.steps}{attempts} ({shown}){failed}"


def judged(score: float | None, streams: Sequence[Stream]) -> tuple[float | None, bool | None]:
    """The chance of a training's best validation score, and whether it has failed; None where nothing is validated.

    Of several tasks both are means, so the standard error is that of as many times the fewest examples.
    """
    validated = [each for each in streams if each.validate]
    if score is None or not validated:
        return None, None
    by_chance = sum(each.chance for each in validated) / len(validated)
    return by_chance, is_failure(score, by_chance, len(validated) * min(each.validated for each in validated))


def _shares(streams: Sequence[Stream], plan: Plan) -> list[float]:
    """The share of the steps that each task has: in proportion to its examples, of which not all may count."""
    weights = [float(min(each.rows, plan.most_examples or each.rows)) for each in streams]
    rest = 1 - plan.text.share if plan.text else 1
    return [weight / sum(weights) * rest for weight in weights]


def save(run: Run, encoder: nn.Module, outcome: Outcome, streams: Sequence[Stream], **facts: Any) -> None:
    """Write a trained encoder, the head where there is just one that answers something, and how the run ended."""
    if not distributed.is_main():
        return
    checkpoints.save(run.folder, encoder, run.parent)
    heads = [each for each in streams if each.facts]
    if len(heads) == 1:
        model: Any = heads[0].model
        checkpoints.save_head(run.folder, model.head, heads[0].facts)  # type: ignore[arg-type]
    (run.folder / "log.jsonl").write_bytes((run.working / "log.jsonl").read_bytes())
    write_json(run.folder / "outcome.json", {**dataclasses.asdict(outcome), **facts})


class Mixture(nn.Module):
    """Several models that share an encoder; each batch says whose it is."""

    has_idle_parameters = True
    """A step leaves the heads of the other streams without a gradient."""

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)

    def forward(self, batch: Batch) -> Tensor:
        """The mean loss of the batch's own model."""
        loss: Tensor = self.models[int(batch["stream"])]({k: v for k, v in batch.items() if k != "stream"})
        return loss


def mixed_steps(streams: Sequence[Stream], drawn: Sequence[tuple[int, int]]) -> Callable[[int], Step]:
    """`step_at` over several streams, in the order drawn."""

    def step_at(step: int) -> Step:
        stream, place = drawn[step]
        found = streams[stream].step_at(place)
        batches = [{**batch, "stream": torch.tensor(stream)} for batch in found.micro_batches]
        return Step(batches, found.ids)

    return step_at


def mean_validation(streams: Sequence[Stream]) -> Callable[[], Validation] | None:
    """The mean of the tasks' main metrics on English validation (jiant), and of their losses; None where nothing is
    validated."""
    validations = [each.validate for each in streams if each.validate]
    if not validations:
        return None

    def validate() -> Validation:
        found = [look() for look in validations]
        return Validation(*(sum(values) / len(found) for values in zip(*found, strict=True)))

    return validate
