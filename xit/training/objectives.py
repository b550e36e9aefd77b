"""Pretraining of encoders from scratch: which objective each step has, and what the objectives read."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from xit.core.batches import MASKED_LM
from xit.core.plan import TextBatches
from xit.modeling.tokenization import Tokenizer
from xit.training.draws import draws
from xit.training.loop import Step
from xit.training.masked_lm import Blocks, masked_lm_steps, packed
from xit.training.translation import Pairs, read_pairs, translation_lm_steps, translation_ranking_steps

StepAt = Callable[[int], Step]
OF_PAIRS: Mapping[str, Callable[[Mapping[str, Pairs], TextBatches, Tokenizer, int], StepAt]] = {
    "translation_lm": translation_lm_steps,
    "translation_ranking": translation_ranking_steps,
}
"""The objectives that read parallel text, by their names in params.yaml."""


class Corpus(NamedTuple):
    """The text of pretraining; empty what no objective reads."""

    blocks: Mapping[str, Blocks]
    pairs: Mapping[str, Pairs]


def inputs(text: TextBatches, data: Path) -> dict[str, Path]:
    """The folders that the objectives read, by what lies there, in the folder of all data."""
    wanted = {"text": MASKED_LM in text.objectives, "parallel": bool(OF_PAIRS.keys() & text.objectives)}
    return {name: data / name for name, is_read in wanted.items() if is_read}


def read(text: TextBatches, data: Path, tokenizer: Tokenizer) -> Corpus:
    """What the objectives read, as tokens.

    Raises:
        DataError: there is no parallel text for an objective that reads it.
    """
    found = inputs(text, data)
    blocks = packed(text.languages, found["text"], tokenizer, text.block_tokens) if "text" in found else {}
    pairs = read_pairs(text.languages, found["parallel"], tokenizer, text.block_tokens) if "parallel" in found else {}
    return Corpus(blocks, pairs)


def pretraining_steps(corpus: Corpus, text: TextBatches, steps: int, tokenizer: Tokenizer, seed: int) -> StepAt:
    """`step_at` for `xit.training.loop.train`: each step has one objective, drawn by the shares of all.

    A step is a pure function of (seed, step), with its objective, languages, rows and masks. Masked LM alone has the
    steps that it has between the batches of tasks.

    Raises:
        TrainingError: a language has no text for a single block.
    """
    named = {
        name: OF_PAIRS[name](corpus.pairs, text, tokenizer, seed)
        if name in OF_PAIRS
        else masked_lm_steps(corpus.blocks, text, tokenizer, seed)
        for name in text.objectives
    }
    if list(named) == [MASKED_LM]:
        return named[MASKED_LM]
    total = sum(text.objectives.values())
    drawn = draws([share / total for share in text.objectives.values()], steps, seed)
    names = list(named)

    def step_at(step: int) -> Step:
        number, place = drawn[step]
        return dataclasses.replace(named[names[number]](place), objective=names[number])

    return step_at
