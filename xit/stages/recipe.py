"""Pretrained encoders → encoders to fine-tune: several tasks, masked LM, translations, subsets or shuffled labels."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from xit.core.conditions import MULTITASK, parse
from xit.core.examples import read_examples
from xit.core.settings import PretrainingSettings, RecipeSettings, TaskSettings, TrainingSettings
from xit.core.task import task_of
from xit.modeling import checkpoints
from xit.modeling.task_model import load_encoder
from xit.training.loop import Report, train
from xit.training.masked_lm import HEAD, MaskedLanguageModel, packed, pretraining_steps
from xit.training.mixtures import Mixture, draws, lengths, mean_validation, mixed_steps, training_examples
from xit.training.task_training import Part, own, plan_of, save, task_part


def recipe(
    encoder: str,
    condition: str,
    seeds: Sequence[int],
    languages: Sequence[str],
    pretrained: Path,
    data: Path,
    out: Path,
    tasks: Mapping[str, TaskSettings],
    recipes: RecipeSettings,
    pretraining: PretrainingSettings,
    training: TrainingSettings,
    learning_rate: float,
    report: Callable[[str], Report],
) -> list[str]:
    """Train the encoder of each seed by a recipe; a line a seed that says how it ended.

    Args:
        encoder: The id of the encoder.
        condition: The recipe (`xit.core.conditions`).
        seeds: One checkpoint each; a finished one of the same lineage is kept.
        languages: Of the text for masked LM.
        pretrained: The folder with a checkpoint a seed.
        data: The folder of all data: text, and a folder a task (`<task>+<language>` in translation).
        out: The folder for a checkpoint a seed.
        tasks: Settings of intermediate tasks, by id.
        recipes: What the recipes do.
        pretraining: Of which masked LM takes blocks and masks.
        training: Of every task.
        learning_rate: Peak, of every stream.
        report: Gives the progress of a run of that name.

    Raises:
        TrainingError: a subset is larger than its task.
    """
    of = parse(condition)
    names = recipes.multitask.tasks if of.task == MULTITASK else (of.task,) if of.task else ()
    files: dict[str, Path] = {}
    for name in names:
        folder = name if of.language == "en" else f"{name}+{of.language}"
        files |= {f"{name} train": data / folder / "train.parquet"}
        files |= {} if of.is_shuffled else {f"{name} validation": data / name / "validation.parquet"}
    if of.has_mlm:
        files["text"] = data / "text"
    code = ["xit.stages.recipe", f"xit.encoders.{encoder}"]
    code += [f"xit.tasks.{name}" for name in names]
    code += sorted({f"xit.formats.{task_of(name).format}" for name in names})
    lines = []
    for seed in seeds:
        parent = pretrained / str(seed)
        head = {HEAD: parent / HEAD} if of.has_mlm and (parent / HEAD).is_file() else {}
        run = checkpoints.lineage(
            "recipe",
            code,
            {**checkpoints.encoder_files(parent), **head, **files},
            encoder=encoder,
            condition=condition,
            seed=seed,
            languages=list(languages) if of.has_mlm else [],
            tasks={name: tasks[name] for name in names},
            multitask=recipes.multitask if of.task == MULTITASK else None,
            mlm=(recipes.mlm, pretraining) if of.has_mlm else None,
            subset_budget=recipes.subset_budget if of.examples else None,
            training=training,
            learning_rate=learning_rate,
        )

        def make(
            folder: Path, working: Path, parent: Path = parent, seed: int = seed, run: Mapping[str, Any] = run
        ) -> str:
            torch.set_num_threads(training.threads)
            bare, tokenizer = load_encoder(parent)
            if training.gradient_checkpointing:
                bare.encoder.checkpoint_gradients()  # type: ignore[operator]
            torch.manual_seed(seed)
            parts, weights = [], []
            for name in names:
                examples = training_examples(of, name, files[f"{name} train"], seed)
                validation = read_examples(data / name / "validation.parquet", "en")
                part = task_part(name, examples, validation, bare.encoder, tokenizer, seed, tasks[name], training)
                parts.append(dataclasses.replace(part, validate=None) if of.is_shuffled else part)
                weights.append(float(min(len(examples), recipes.multitask.most_examples)))
            shares = [weight / sum(weights) for weight in weights]
            if of.has_mlm:
                masked = dataclasses.replace(
                    pretraining,
                    batch_size=recipes.mlm.batch_size,
                    language_exponent=recipes.mlm.language_exponent,
                )
                blocks = packed(languages, data / "text", tokenizer, pretraining.block_tokens)
                model = MaskedLanguageModel(bare.encoder)  # type: ignore[arg-type]
                model.load_head(parent)
                parts.append(Part("mlm", model, pretraining_steps(blocks, masked, tokenizer, seed)))
                shares = [*(share * (1 - recipes.mlm.share) for share in shares), recipes.mlm.share if names else 1]
            length = lengths(of, tasks, recipes, files)
            own_task = tasks.get(of.task or "")
            shared = own(training, own_task, length[0]) if own_task else training
            plan = plan_of(*length, seed, shared, learning_rate)
            drawn = draws(shares, length[0], seed)
            outcome = train(
                Mixture([part.model for part in parts]),
                mixed_steps([part.step_at for part in parts], drawn),
                plan,
                working,
                run,
                mean_validation(parts),
                report(f"{encoder} {condition} seed {seed}"),
                has_idle_parameters=len(parts) > 1,
            )
            done = drawn[: outcome.steps]
            counts = {part.name: sum(number == index for number, _ in done) for index, part in enumerate(parts)}
            mix = {"shares": {part.name: share for part, share in zip(parts, shares, strict=True)}, "batches": counts}
            save(folder, working, parent, bare.encoder, outcome, parts, **mix)
            shown = ", ".join(f"{part.name} {share:.1%}" for part, share in zip(parts, shares, strict=True))
            end = f"loss {outcome.loss:.2f}" if outcome.best_score is None else f"validation {outcome.best_score:.1f}"
            return f"{shown}; {end} at step {outcome.best_step} of {outcome.steps}"

        lines.append(checkpoints.run_once(out / str(seed), run, make, is_shared=True))
    checkpoints.keep_only(out, map(str, seeds))
    return lines
