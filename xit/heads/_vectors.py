"""Vectors of many texts: made shard by shard, of a large pool in a file, so that a killed process goes on in it."""

import hashlib
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from xit.core.errors import CheckpointError
from xit.core.files import remove, write_json

Vectors = npt.NDArray[np.float32]
Means = Mapping[Hashable, npt.NDArray[np.float64]]
"""The mean vector of each group, <float64>[hidden]."""

SHARD = 8_192
"""Texts that are encoded together: enough for full batches of like length, few enough to lose (minutes, without an
accelerator) and to hold as tokens (some 10 MB). It changes bits, as batches do, so it is no parameter."""

LARGE = 65_536
"""Texts from which vectors are kept in a file: Mewsli-X (1 million) and BUCC (to 1 million a language) take hours to
encode again without an accelerator; LAReQA (26,104), the largest of the others, minutes."""


def encoded(
    encode: Callable[[int, int], Tensor],
    count: int,
    place: Path | None = None,
    made_of: Mapping[str, Any] | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
    shard: int = SHARD,
) -> Vectors:
    """The vectors of texts, <float32>[texts, hidden]: in memory, or a memory map.

    In a file they are written in order. Beside them `<place>.json` says how many are done, and is written after what it
    counts is on the disk; the file is `<place>.partial` until all are, `<place>.npy` then. A file of other origin is
    begun again. Who goes on where another was killed ends in the same bits, for shards begin where they would have.

    Args:
        encode: The vectors of the texts from the first number up to the second, <float>[texts, hidden].
        count: How many texts there are.
        place: A path without suffix for the file; None keeps vectors in memory.
        made_of: What determines the vectors, as JSON has it.
        report: Called with the texts done and all of them.
        shard: Texts encoded together.
    """
    done, vectors = (0, None) if place is None else _resumed(place, count, made_of)
    for start in range(done, count, shard):
        stop = min(start + shard, count)
        values = encode(start, stop).float().numpy()
        if vectors is None:
            vectors = _new(place, (count, values.shape[1]))
        vectors[start:stop] = values
        if place is not None:
            vectors.flush()  # type: ignore[attr-defined]
            write_json(place.with_suffix(".json"), {"made_of": made_of, "done": stop, "texts": count})
        report(stop, count)
    assert vectors is not None
    if place is not None and place.with_suffix(".partial").is_file():
        place.with_suffix(".partial").replace(place.with_suffix(".npy"))
    return vectors


def _new(place: Path | None, shape: tuple[int, int]) -> Vectors:
    if place is None:
        return np.empty(shape, dtype=np.float32)
    place.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".json", ".npy"):
        remove(place.with_suffix(suffix))
    return np.lib.format.open_memmap(place.with_suffix(".partial"), "w+", np.float32, shape)


def _resumed(
    place: Path, count: int, made_of: Mapping[str, Any] | None
) -> tuple[int, "npt.NDArray[np.float32] | None"]:
    """How many vectors of the same origin are there, and these, to go on with."""
    try:
        found = json.loads(place.with_suffix(".json").read_text(encoding="utf-8"))
        if (found["made_of"], found["texts"]) != (json.loads(json.dumps(made_of)), count):
            return 0, None
        is_whole = place.with_suffix(".npy").is_file() and found["done"] == count
        path = place.with_suffix(".npy" if is_whole else ".partial")
        vectors = np.lib.format.open_memmap(path, "r")  # refuses a file that is too short, which r+ would lengthen
        vectors = vectors if is_whole else np.lib.format.open_memmap(path, "r+")
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or not what was written: begin again
        return 0, None
    return (found["done"], vectors) if len(vectors) == count and vectors.dtype == np.float32 else (0, None)


def means_of(vectors: Vectors, groups: Sequence[Hashable]) -> Means:
    """The mean of the vectors of each group, which may lie in a file."""
    number = {group: index for index, group in enumerate(dict.fromkeys(groups))}
    group = np.array([number[one] for one in groups])
    means = np.zeros((len(number), vectors.shape[1]))
    sums = torch.from_numpy(means)
    for start in range(0, len(vectors), SHARD):
        part = slice(start, start + SHARD)
        sums.index_add_(0, torch.from_numpy(group[part]), torch.from_numpy(vectors[part].astype(float)))
    return dict(zip(number, means / np.bincount(group)[:, None], strict=True))


class NormalizedVectors:
    """Vectors of length one, so that the dot product is the cosine; first less a mean of their group, if asked.

    They are made when they are read, <float32>[rows, hidden], from vectors that may lie in a file; a row is the same
    whatever is read with it.
    """

    def __init__(self, vectors: Vectors, groups: Sequence[Hashable] = (), means: Means | None = None) -> None:
        self.vectors = vectors
        number = {name: index for index, name in enumerate(means or ())}
        self.group = np.array([number[name] for name in groups] if means else [0] * len(vectors))
        self.means = np.stack(list(means.values())) if means else np.zeros((1, vectors.shape[1]))

    def __getitem__(self, rows: "npt.NDArray[np.int64]") -> Vectors:
        vectors = self.vectors[rows].astype(np.float64) - self.means[self.group[rows]]
        lengths = np.sqrt(np.square(vectors).sum(axis=1, keepdims=True))
        if not np.isfinite(lengths).all():
            wrong = rows[~np.isfinite(lengths[:, 0])][0]
            raise CheckpointError(
                f"the vector of text {wrong} (from 0) has values that are not finite; so has the checkpoint, or its "
                "training ran away. Train again with a lower learning rate."
            )
        unit: npt.NDArray[np.float32] = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
        return unit


def fingerprint(module: nn.Module, *texts: str) -> str:
    """The SHA-256 of a model's weights and of texts."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    for text in texts:
        digest.update(f"{len(text)} ".encode() + text.encode())
    return digest.hexdigest()
