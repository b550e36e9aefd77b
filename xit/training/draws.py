"""Which stream of batches each step of a training belongs to."""

from collections.abc import Sequence

import numpy as np

DRAWS = 3
"""The stream of random numbers that says which stream of batches a step belongs to."""


def draws(shares: Sequence[float], steps: int, seed: int) -> list[tuple[int, int]]:
    """For each step the stream it belongs to, and how many steps of that stream came before.

    Examples:
        >>> draws([1.0], 3, seed=0)
        [(0, 0), (0, 1), (0, 2)]
    """
    generator = np.random.default_rng((seed, DRAWS))
    drawn = generator.choice(len(shares), size=steps, p=shares).tolist()
    seen = [0] * len(shares)
    result = []
    for stream in drawn:
        result.append((stream, seen[stream]))
        seen[stream] += 1
    return result
