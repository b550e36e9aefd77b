"""Exact search: the nearest candidates of each query by dot product, in blocks, whatever size the blocks have.

The bits of a matrix product depend on its shape, on threads and on the processor. So vectors are first rounded to a
grid of 2^-26 of their length (by powers of two; float32 itself has 2^-24 at that length). On this grid a product of two
elements is a multiple of 2^-52 of both lengths, and so is every sum of them, at most 2: float64 holds them all exactly,
in any order. A product in float32 finds the few candidates that its own rounding leaves possible, by the bound for any
order of summation (Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1), and float64 ranks them.
Rankings and similarities are therefore equal to the last bit, whatever the size of blocks and the number of threads.

Differs from faiss, which ranks by the products in float32: vectors nearer to each other than their rounding change
places, and equal ones too.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Read = Callable[[int, int], "npt.NDArray[np.float32] | Tensor"]
"""The vectors from the first number up to the second, <float32>[rows, hidden]: of a file, or made when read."""

Found = tuple["npt.NDArray[np.float64]", "npt.NDArray[np.int64]"]
"""Similarities and numbers, the nearest first: <float64>[queries, count] and <int64>[queries, count]."""

CANDIDATES, QUERIES = 16_384, 1_024
"""Rows of a block. Their similarities take 64 MiB, all that a search holds some 0.5 GiB beside the queries (hidden 256;
1 GiB at 1,024); smaller blocks are slower, larger ones are not faster."""

CROWDED = 64
"""Possible candidates for each one sought from which all of the block are ranked in float64 at once: vectors that are
all but equal, as those of an encoder that learned nothing."""

GRID = 26
FLOAT32 = 2.0**-24  # half the distance of two numbers at 1


def nearest(
    queries: Tensor,
    candidates: Read,
    size: int,
    count: int,
    report: Callable[[int, int], None] = lambda done, total: None,
    blocks: tuple[int, int] = (CANDIDATES, QUERIES),
) -> Found:
    """Similarities and numbers of the nearest candidates of each query, nearest first; of equals the first.

    Candidates are read once, in order.

    Args:
        queries: <float32>[queries, hidden].
        candidates: Reads rows of the candidates.
        size: How many candidates there are.
        count: How many to find; fewer where there are fewer.
        report: Called with the candidates done and all of them.
        blocks: Candidates and queries of a block: memory and speed, not results.

    Raises:
        ValueError: a vector is not finite.
    """
    count = min(count, size)
    best = np.full((len(queries), count), -np.inf)
    numbers = np.full((len(queries), count), -1, dtype=np.int64)
    parts = [(part, *_on_grid(queries[part])) for part in _parts(len(queries), blocks[1])]
    space = torch.empty(min(blocks[0], size) * min(blocks[1], len(queries)))  # kept: new memory costs a third more
    marks = torch.empty(len(space), dtype=torch.bool)
    for rows in _parts(size, blocks[0]):
        block, lengths = _on_grid(candidates(rows.start, rows.stop))
        error = 1.01 * (block.shape[1] + 1) * FLOAT32 * float(lengths.max())  # for a query of length 1
        for part, some, some_lengths in parts:
            query, column = _possible(some, block, best[part, -1], error * some_lengths, count, space, marks)
            similarity = _exact(some, query, block, column)
            better = similarity > best[part, -1][query]  # an equal one that comes later is no better
            _merge(best[part], numbers[part], query[better], similarity[better], column[better] + rows.start)
        report(rows.stop, size)
    return best, numbers


def _parts(size: int, length: int) -> Iterator[slice]:
    return (slice(start, min(start + length, size)) for start in range(0, size, length))


def _on_grid(vectors: "npt.NDArray[np.float32] | Tensor") -> tuple[Tensor, "npt.NDArray[np.float64]"]:
    """The vectors on the grid of their lengths, and the lengths: <float32>[rows, hidden], <float64>[rows]."""
    values = (vectors.numpy() if isinstance(vectors, Tensor) else vectors).astype(np.float32, order="C")
    lengths = np.sqrt(np.square(values).sum(axis=1))  # a row's sum does not depend on the other rows
    if not np.isfinite(lengths).all():
        raise ValueError(f"vector {int(np.flatnonzero(~np.isfinite(lengths))[0])} of a block is not finite")
    power = np.rint(np.log2(np.where(lengths > 0, lengths, 1))).astype(np.int32)
    step = np.ldexp(np.float32(1), power - GRID)[:, None]
    values *= 1 / step  # exact, as is the product below: powers of two
    np.rint(values, out=values)
    values *= step
    return torch.from_numpy(values), lengths.astype(np.float64)


def _possible(
    queries: Tensor,
    block: Tensor,
    least: "npt.NDArray[np.float64]",
    error: "npt.NDArray[np.float64]",
    count: int,
    space: Tensor,
    marks: Tensor,
) -> tuple["npt.NDArray[np.int64]", "npt.NDArray[np.int64]"]:
    """Pairs of query and candidate, in order: all those nearer than `least` and among the nearest `count` of the block.

    Of equally near ones the first `count` are enough.

    Args:
        queries: <float32>[queries, hidden], on the grid.
        block: <float32>[candidates, hidden], on the grid.
        least: <float64>[queries], or -inf where any candidate counts.
        error: <float64>[queries], the most that a similarity in float32 can be wrong by.
        count: How many are sought.
        space: To write similarities to; marks: the same of bool.
    """
    shape = (len(queries), len(block))
    similarity = torch.mm(queries, block.T, out=space[: math.prod(shape)].view(shape))
    bound = torch.from_numpy(least - error)
    if len(block) > count and bool(bound.isneginf().any()):
        lowest = similarity.topk(count, sorted=False).values.amin(dim=1)
        bound = torch.maximum(bound, lowest - 2 * torch.from_numpy(error))
    bound = torch.nextafter(bound.float(), torch.tensor(-torch.inf))  # not above what it is in float64
    is_possible = torch.ge(similarity, bound[:, None], out=marks[: math.prod(shape)].view(shape)).numpy()
    if np.count_nonzero(is_possible) > CROWDED * count * len(queries):
        exact = queries.double() @ block.double().T
        lowest = exact.topk(count, sorted=False).values.amin(dim=1, keepdim=True)
        equal = exact == lowest
        is_possible = ((exact > lowest) | (equal & (equal.cumsum(dim=1, dtype=torch.int32) <= count))).numpy()
    query, column = np.divmod(np.flatnonzero(is_possible), len(block))  # a tenth of the time of torch's nonzero
    return query, column


def _exact(
    queries: Tensor, query: "npt.NDArray[np.int64]", block: Tensor, column: "npt.NDArray[np.int64]"
) -> "npt.NDArray[np.float64]":
    """The similarity of each pair, without rounding: <float64>[pairs]."""
    left, right = queries.numpy(), block.numpy()
    found = np.empty(len(query))
    for part in _parts(len(query), 1_024):  # numpy's einsum: a tenth of the time of torch's gather, double and sum
        found[part] = np.einsum("ij,ij->i", left[query[part]], right[column[part]], dtype=np.float64)
    return found


def _merge(
    best: "npt.NDArray[np.float64]",
    numbers: "npt.NDArray[np.int64]",
    query: "npt.NDArray[np.int64]",
    similarity: "npt.NDArray[np.float64]",
    number: "npt.NDArray[np.int64]",
) -> None:
    """Put pairs among the best of their queries, in place."""
    count = best.shape[1]
    changed = np.unique(query)
    rows = np.concatenate([np.repeat(changed, count), query])
    values = np.concatenate([best[changed].ravel(), similarity])
    names = np.concatenate([numbers[changed].ravel(), number])
    order = np.lexsort((names, -values, rows))
    firsts = np.searchsorted(rows[order], changed)  # each has at least `count`
    kept = order[firsts[:, None] + np.arange(count)]
    best[changed], numbers[changed] = values[kept], names[kept]
