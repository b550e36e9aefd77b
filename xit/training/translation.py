"""Pairs of English and another language in pretraining: translation LM, and translation ranking.

Translation LM is masked LM on rows that hold both sides of a pair, in an order that is drawn (Conneau and Lample 2019,
arXiv 1901.07291, section 3.3; here without embeddings of languages, and positions go on). Both sides of a row see one
another: in a transformer by attention; in a recurrence because the state of one direction goes from the first side into
the second, and that of the other direction from the second into the first. In a causal encoder only the second side
sees the first.

Translation ranking has each pair in two rows, which the encoder reads apart: the mean of the last states of a row must
be nearer to that of its translation than to those of the other pairs of the batch (Feng et al. 2022, arXiv 2007.01852;
with the additive margin of Yang et al. 2019, arXiv 1902.08564). Both rows are masked, and the step's loss has that of
masked LM on them too: one forward pass serves both.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xit.core import distributed
from xit.core.batches import Batch
from xit.core.errors import DataError
from xit.core.plan import TextBatches
from xit.modeling.tokenization import Tokenizer
from xit.training.loop import Step
from xit.training.masked_lm import language_shares, mask

LINES = 4096
"""Pairs that are encoded at once; it changes memory, and nothing else."""
STRETCH = 16
"""Batches that are drawn together and cut by length, so that rows of like length share a batch."""
TRANSLATION_LM, TRANSLATION_RANKING = 4, 5
"""Streams of random numbers that are independent of one another and of those of other batches."""

Ids = npt.NDArray[np.int32]
Pair = tuple[str, int]
"""The language of a pair, and its number among those of the language."""


@dataclasses.dataclass(frozen=True)
class Texts:
    """Many texts as tokens without special ones, one after another."""

    ids: Ids
    ends: npt.NDArray[np.int64]
    """Where each ends."""

    def __getitem__(self, row: int) -> Ids:
        return self.ids[self.ends[row - 1] if row else 0 : self.ends[row]]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The tokens of each."""
        return np.diff(self.ends, prepend=0)


class Pairs(NamedTuple):
    """All pairs of one language."""

    english: Texts
    target: Texts


def read_pairs(languages: Sequence[str], folder: Path, tokenizer: Tokenizer, block_tokens: int) -> dict[str, Pairs]:
    """The pairs of each language that has some, `<language>.tsv` with `english<TAB>target` a line.

    Each side is cut to what a row of `block_tokens` holds beside the special tokens of a single text.

    Raises:
        DataError: a line is no pair; or no language has one.
    """
    most = block_tokens - len(tokenizer.special_prefix) - len(tokenizer.special_suffix)
    found = {}
    for language in languages:
        path = folder / f"{language}.tsv"
        if language != "en" and path.is_file():
            lines = path.read_bytes().decode("utf-8").split("\n")[:-1]  # of no other line separator
            rows = [line.split("\t") for line in lines]
            if wrong := next((number for number, row in enumerate(rows, 1) if len(row) != 2), None):
                raise DataError(
                    f"{path}, line {wrong}: not a pair; found {len(rows[wrong - 1])} columns. A line is English, a tab "
                    "and its translation. Delete the folder, and `dvc repro` makes it."
                )
            if rows:
                found[language] = Pairs(*(_texts([row[side] for row in rows], tokenizer, most) for side in (0, 1)))
    if not found:
        raise DataError(
            f"{folder}: no pairs of English and {', '.join(code for code in languages if code != 'en')}. Name a "
            "language in languages.pretraining of which the source has parallel text, or give the objectives of "
            "translation no share (pretraining.objectives)."
        )
    return found


def _texts(texts: Sequence[str], tokenizer: Tokenizer, most: int) -> Texts:
    parts, lengths = [], []
    for start in range(0, len(texts), LINES):
        encodings = tokenizer.backend.encode_batch_fast(texts[start : start + LINES], add_special_tokens=False)
        rows = [encoding.ids[:most] for encoding in encodings]
        parts.append(np.fromiter((token for row in rows for token in row), dtype=np.int32))
        lengths += [len(row) for row in rows]
    return Texts(np.concatenate(parts), np.cumsum(lengths))


class Frame(NamedTuple):
    """The special tokens around the two texts of a row, as the tokenizer puts them."""

    before: Ids
    between: Ids
    after: Ids

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "Frame":
        """Those of a tokenizer, found on a pair."""
        encoding = tokenizer.backend.encode("a", "a")
        parts: tuple[list[int], ...] = ([], [], [])
        texts = encoding.sequence_ids
        for place, (token, text) in enumerate(zip(encoding.ids, texts, strict=True)):
            if text is None:
                parts[len({other for other in texts[:place] if other is not None})].append(token)
        return cls(*(np.array(part, dtype=np.int32) for part in parts))


def translation_lm_steps(
    pairs: Mapping[str, Pairs], settings: TextBatches, tokenizer: Tokenizer, seed: int
) -> Callable[[int], Step]:
    """`step_at` of translation LM: rows of both sides of a pair, a pure function of (seed, step)."""
    frame = Frame.of(tokenizer)
    special = sum(map(len, frame))
    lengths = {code: two.english.lengths + two.target.lengths + special for code, two in pairs.items()}
    batch_at = _batches(pairs, lengths, lengths, settings, (seed, TRANSLATION_LM))

    def step_at(step: int) -> Step:
        generator = _generator(seed, TRANSLATION_LM, step)
        drawn = batch_at(step)
        is_swapped = (torch.rand(len(drawn), generator=generator) < 0.5).tolist()
        rows = []
        for (code, row), swaps in zip(drawn, is_swapped, strict=True):
            first, second = (side[row] for side in pairs[code][:: -1 if swaps else 1])
            rows.append(np.concatenate([frame.before, first, frame.between, second, frame.after]))
        batch = _masked(rows, settings, tokenizer, generator)
        parts = zip(*(value.tensor_split(distributed.count()) for value in batch.values()), strict=True)
        batches = [dict(zip(batch, part, strict=True)) for part in parts if len(part[0])]  # one a process
        return Step(batches, _named(drawn))

    return step_at


def translation_ranking_steps(
    pairs: Mapping[str, Pairs], settings: TextBatches, tokenizer: Tokenizer, seed: int
) -> Callable[[int], Step]:
    """`step_at` of translation ranking: the English rows, then their translations, a pure function of (seed, step).

    `is_same` <bool>[pairs, pairs] says which other pairs have the same text on a side, so that they are no negatives. A
    step is one forward pass whatever the number of processes, so that its negatives are: of several processes the first
    one's counts.
    """
    before, after = (np.array(part, np.int32) for part in (tokenizer.special_prefix, tokenizer.special_suffix))
    special = len(before) + len(after)
    longest = {code: np.maximum(two.english.lengths, two.target.lengths) for code, two in pairs.items()}
    tokens = {code: two.english.lengths + two.target.lengths + 2 * special for code, two in pairs.items()}
    batch_at = _batches(pairs, longest, tokens, settings, (seed, TRANSLATION_RANKING))

    def step_at(step: int) -> Step:
        drawn = batch_at(step)
        sides = [[pairs[code][side][row] for code, row in drawn] for side in (0, 1)]
        rows = [np.concatenate([before, text, after]) for side in sides for text in side]
        batch = _masked(rows, settings, tokenizer, _generator(seed, TRANSLATION_RANKING, step))
        return Step([{**batch, "is_same": _same(sides[0]) | _same(sides[1])}], _named(drawn))

    return step_at


def _batches(
    pairs: Mapping[str, Pairs],
    lengths: Mapping[str, npt.NDArray[np.int64]],
    tokens: Mapping[str, npt.NDArray[np.int64]],
    settings: TextBatches,
    stream: tuple[int, int],
) -> Callable[[int], list[Pair]]:
    """The pairs of a step, of like length: a pure function of the stream and the step.

    A step has as many pairs as have the tokens of a step of masked LM in the mean. Languages are drawn by their tokens
    in the language, as in masked LM.
    """
    codes = sorted(pairs)
    by_language = language_shares({code: len(pairs[code].target.ids) for code in codes}, settings.language_exponent)
    shares = [by_language[code] for code in codes]
    mean = sum(share * float(tokens[code].mean()) for code, share in by_language.items())
    count = max(round(settings.batch_size * settings.block_tokens / mean), 2)

    @functools.lru_cache(maxsize=2)
    def stretch_at(number: int) -> list[list[Pair]]:
        generator = np.random.default_rng((*stream, number))
        chosen = generator.choice(len(codes), size=STRETCH * count, p=shares)
        places = generator.random(len(chosen))
        drawn = [(codes[i], int(at * len(lengths[codes[i]]))) for i, at in zip(chosen, places, strict=True)]
        order = np.argsort([lengths[code][row] for code, row in drawn], kind="stable")
        return [[drawn[i] for i in order[k * count : (k + 1) * count]] for k in generator.permutation(STRETCH)]

    return lambda step: stretch_at(step // STRETCH)[step % STRETCH]


def _generator(*numbers: int) -> torch.Generator:
    return torch.Generator().manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))


def _masked(rows: Sequence[Ids], settings: TextBatches, tokenizer: Tokenizer, generator: torch.Generator) -> Batch:
    """Rows, padded on the right and masked."""
    lengths = torch.tensor([len(row) for row in rows])
    text = torch.full((len(rows), int(lengths.max())), tokenizer.padding_id)
    for number, row in enumerate(rows):
        text[number, : len(row)] = torch.from_numpy(row)
    attention_mask = (torch.arange(text.shape[1]) < lengths[:, None]).long()
    input_ids, labels = mask(text, settings.masked_fraction, tokenizer, generator)
    return {"input_ids": input_ids, "attention_mask": attention_mask, "labels": labels}


def _same(texts: Sequence[Ids]) -> Tensor:
    """Which other texts are equal to each, `<bool>[texts, texts]`."""
    numbers: dict[bytes, int] = {}
    own = torch.tensor([numbers.setdefault(text.tobytes(), len(numbers)) for text in texts])
    return (own[:, None] == own).fill_diagonal_(False)


def _named(drawn: Sequence[Pair]) -> list[str]:
    return [f"{code} pair {row}" for code, row in drawn]
