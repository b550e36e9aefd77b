"""mmBERT base: a ModernBERT in 1,833 languages.

The commit is one that public code of 2026 pins.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="mmBERT base",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Marone et al. 2025, arXiv 2509.06888",
)
RELEASED = Released(
    "jhu-clsp/mmBERT-base@ca5b84ba39fb0531402e727a3d9a50626d9f522c",
    licence="MIT",
    languages=1_833,
    model_type="modernbert",
    training="masked LM",
    millions=(307, 197),
    unverified=("licence", "languages"),
)
