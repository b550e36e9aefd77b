"""Glot500 base: XLM-R base, pretrained further in 500 languages.

395 M parameters. No commit of it was found in public code; licence and number of languages are as model cards are
quoted in public pages, unverified.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="Glot500 base",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Imani et al. 2023, arXiv 2305.12182",
)
RELEASED = Released(
    "cis-lmu/glot500-base",
    licence="Apache 2.0",
    languages=511,
    model_type="xlm-roberta",
    max_positions=512,
)
