"""mmBERT small: a ModernBERT in 1,833 languages, with the pieces of Gemma 2.

The commit is one that public code of 2026 pins.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="mmBERT small",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Marone et al. 2025, arXiv 2509.06888",
)
RELEASED = Released(
    "jhu-clsp/mmBERT-small@461475a70b192efcbb760df5541d3825b07c4d5b",
    licence="MIT",
    languages=1_833,
    model_type="modernbert",
    training="masked LM",
    millions=(141, 98),
)
