"""Pretrained encoders → encoders to fine-tune, of the conditions without an intermediate task."""

from collections.abc import Sequence
from pathlib import Path

import torch

from xit.modeling import checkpoints, encoders


def control(encoder: str, condition: str, seeds: Sequence[int], pretrained: Path, out: Path) -> list[str]:
    """Write the encoders of a condition without intermediate task.

    `none` is the pretrained encoder as it is; `untrained` has its architecture and tokenizer, and random weights.
    """
    lines = []
    for seed in seeds:
        parent = pretrained / str(seed)
        code = ("xit.stages.control", f"xit.encoders.{encoder}")
        inputs = checkpoints.encoder_files(parent)
        run = checkpoints.lineage("control", code, inputs, encoder=encoder, condition=condition, seed=seed)

        def make(folder: Path, working: Path, parent: Path = parent, seed: int = seed) -> str:
            loaded = encoders.load(parent)
            if condition == "untrained":
                torch.manual_seed(seed)
                loaded = encoders.untrained(loaded)
            checkpoints.save(folder, loaded, parent)
            return "the pretrained encoder as it is" if condition == "none" else "random weights"

        lines.append(checkpoints.run_once(out / str(seed), run, make))
    checkpoints.keep_only(out, map(str, seeds))
    return lines
