"""The loss of translation ranking: each text must be nearest to its own translation among those of the batch."""

import torch
import torch.nn.functional as F
from torch import Tensor

SCALE = 20.0
"""Of the cosine, as where the heads of retrieval start."""
MARGIN = 0.2
"""By so much a translation must be nearer than the others (Yang et al. 2019, arXiv 1902.08564, section 2.3: 0.3)."""


def ranking_loss(vectors: Tensor, is_same: Tensor) -> Tensor:
    """The mean loss of finding the translation of each English text, and the English text of each translation.

    Args:
        vectors: `<float>[2 * pairs, dimension]`, those of the English texts first.
        is_same: `<bool>[pairs, pairs]`, the other pairs that are no negatives of each, as they have the same text.
    """
    english, target = F.normalize(vectors.float(), dim=-1).chunk(2)
    own = torch.eye(len(english), device=vectors.device)
    similarity = SCALE * (english @ target.T - MARGIN * own)  # [pairs, pairs]
    similarity = similarity.masked_fill(is_same, -1e4)
    right = torch.arange(len(english), device=vectors.device)
    return (F.cross_entropy(similarity, right) + F.cross_entropy(similarity.T, right)) / 2
