"""mDeBERTa-v3 base; the commit is of its conversion to safetensors, which its main branch lacks.

The commit is one that public code of 2026 pins.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="mDeBERTa-v3 base",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="He et al. 2023, arXiv 2111.09543",
)
RELEASED = Released(
    "microsoft/mdeberta-v3-base@faf660b811036d7b6dfc53aacfe5281447d4e2c6",
    licence="MIT",
    languages=100,
    model_type="deberta-v2",
    overflows=("float16",),
    training="replaced tokens",
    millions=(278, 193),
    without_masked_lm="it was trained to find replaced tokens, and its files have the half that finds them",
    unverified=("licence", "languages"),
)
