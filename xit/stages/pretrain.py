"""Text → encoders: masked LM in every language, and what parallel text teaches; a checkpoint a seed."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from xit.core import distributed
from xit.core.batches import MASKED_LM
from xit.core.files import write_json
from xit.core.plan import Cell, Places, Plan
from xit.core.progress import Report, about
from xit.modeling import checkpoints, encoders, tokenization
from xit.modeling.checkpoints import Run
from xit.training import objectives
from xit.training.loop import train
from xit.training.masked_lm import from_scratch


def pretrain(cells: Mapping[str, Cell], places: Places, plan: Plan, report: Report) -> list[str]:
    """Pretrain an encoder from scratch, once a seed, with Muon on matrices and AdamW on the rest.

    Several objectives take turns, a step each (`xit.training.objectives`).

    Args:
        cells: The seeds of an encoder.
        places: The tokenizer, the folder of all data, and where the encoders go. A table that lies beside the tokenizer
            is a released embedding: it is taken, and not trained.
        plan: How they are trained, of which size, and on which text.
        report: Progress.
    """
    assert plan.text is not None
    text, tokenizer = plan.text, tokenization.load(places.parent)
    corpus = objectives.read(text, places.data, tokenizer)
    source = places.parent / "source.json"
    vocabulary = json.loads(source.read_text(encoding="utf-8"))["source"] if source.is_file() else None

    def lineage_of(cell: Cell, parent: Path) -> dict[str, Any]:
        code = ("xit.stages.pretrain", f"xit.encoders.{cell.encoder}")
        inputs = {**objectives.inputs(text, places.data), "tokenizer": places.parent}
        return checkpoints.lineage("pretrain", code, inputs, **dataclasses.asdict(cell), plan=plan)

    def make(run: Run) -> str:
        own = dataclasses.replace(plan, seed=run.cell.seed)
        torch.manual_seed(own.seed)
        model = from_scratch(run.cell.encoder, own, tokenizer, places.parent)
        assert own.steps is not None
        step_at = objectives.pretraining_steps(corpus, text, own.steps, tokenizer, own.seed)
        outcome = train(model, step_at, own, run.working, run.lineage, report=about(str(run.cell), report))
        parameters = encoders.parameters(model.encoder)
        facts = {
            "parameters": parameters.total,
            "embedding_parameters": parameters.embedding,
            "frozen_parameters": parameters.frozen,
            "weights": "random",
            **({} if vocabulary is None else {"vocabulary": vocabulary}),
        }
        if distributed.is_main():
            checkpoints.save(run.folder, model.encoder, places.parent)
            model.save_head(run.folder)
            log = (run.working / "log.jsonl").read_text(encoding="utf-8")
            (run.folder / "log.jsonl").write_text(log, encoding="utf-8")
            loss = _masked_lm_loss([json.loads(line) for line in log.splitlines()])
            write_json(run.folder / "outcome.json", {**dataclasses.asdict(outcome), **facts, "loss": loss})
        return f"loss {outcome.loss:.2f} after {outcome.steps} steps, {outcome.tokens / 1e6:.1f} M tokens"

    return checkpoints.each(cells, places, lineage_of, make, is_shared=True)


def _masked_lm_loss(log: Sequence[Mapping[str, Any]]) -> float | None:
    """The mean loss of the last 50 steps of masked LM, which the paper shows; None where there were none."""
    losses = [record["loss"] for record in log if record.get("objective", MASKED_LM) == MASKED_LM][-50:]
    return sum(losses) / len(losses) if losses else None
