"""Multilingual E5 small: the body of Multilingual MiniLM, trained further on pairs of texts, some of them labelled.

It is no clean `none`, as some of its pairs are from data sets of intermediate tasks.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="Multilingual E5 small",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Wang et al. 2024, arXiv 2402.05672",
)
RELEASED = Released(
    "intfloat/multilingual-e5-small@614241f622f53c4eeff9890bdc4f31cfecc418b3",
    licence="MIT",
    languages=100,
    model_type="bert",
    max_positions=512,
    training="pairs of texts, some labelled",
    millions=(118, 96),
    without_masked_lm="it was trained on vectors of texts, and has none",
    unverified=("languages",),
)
