"""Text → encoders: masked language modelling in every language, a checkpoint a seed."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch

from xit.core import distributed
from xit.core.files import write_json
from xit.core.settings import EncoderSize, PretrainingSettings
from xit.modeling import checkpoints, encoders, tokenization
from xit.training.loop import Plan, Report, train
from xit.training.masked_lm import from_scratch, packed, pretraining_plan, pretraining_steps


def pretrain(
    encoder: str,
    seeds: Sequence[int],
    languages: Sequence[str],
    text: Path,
    tokenizer_folder: Path,
    out: Path,
    size: EncoderSize,
    settings: PretrainingSettings,
    learning_rate: float,
    threads: int,
    precision: Literal["float32", "bfloat16"],
    save_every: int,
    gradient_checkpointing: bool,
    compile: bool,  # noqa: A002 - the parameter's name
    report: Callable[[str], Report],
) -> list[str]:
    """Pretrain an encoder from scratch, once a seed, with Muon on matrices and AdamW on the rest.

    A table that lies beside the tokenizer is a released embedding: it is taken, and not trained.
    """
    torch.set_num_threads(threads)
    tokenizer = tokenization.load(tokenizer_folder)
    source = tokenizer_folder / "source.json"
    vocabulary = json.loads(source.read_text(encoding="utf-8"))["source"] if source.is_file() else None
    blocks = packed(languages, text, tokenizer, settings.block_tokens)
    lines = []
    for seed in seeds:
        run = checkpoints.lineage(
            "pretrain",
            ("xit.stages.pretrain", f"xit.encoders.{encoder}"),
            {"text": text, "tokenizer": tokenizer_folder},
            encoder=encoder,
            seed=seed,
            languages=list(languages),
            size=size,
            settings=settings,
            learning_rate=learning_rate,
            threads=threads,
            precision=precision,
            gradient_checkpointing=gradient_checkpointing,
            compile=compile,
        )
        plan = pretraining_plan(settings, learning_rate, seed, save_every, precision)
        plan = dataclasses.replace(plan, compile=compile)

        def make(folder: Path, working: Path, seed: int = seed, plan: Plan = plan, run=run) -> str:  # type: ignore[no-untyped-def]
            torch.manual_seed(seed)
            model = from_scratch(encoder, size, tokenizer, tokenizer_folder)
            if gradient_checkpointing:
                model.encoder.checkpoint_gradients()
            step_at = pretraining_steps(blocks, settings, tokenizer, seed)
            outcome = train(model, step_at, plan, working, run, report=report(f"{encoder} seed {seed}"))
            parameters = encoders.parameters(model.encoder)
            facts = {
                "tokens": settings.steps * settings.batch_size * settings.block_tokens,
                "parameters": parameters.total,
                "embedding_parameters": parameters.embedding,
                "frozen_parameters": parameters.frozen,
                "weights": "random",
                **({} if vocabulary is None else {"vocabulary": vocabulary}),
            }
            if distributed.is_main():
                checkpoints.save(folder, model.encoder, tokenizer_folder)
                model.save_head(folder)
                (folder / "log.jsonl").write_bytes((working / "log.jsonl").read_bytes())
                write_json(folder / "outcome.json", {**dataclasses.asdict(outcome), **facts})
            return f"loss {outcome.loss:.2f} after {outcome.steps} steps, {facts['tokens'] / 1e6:.1f} M tokens"

        lines.append(checkpoints.run_once(out / str(seed), run, make, is_shared=True))
    checkpoints.keep_only(out, map(str, seeds))
    return lines
