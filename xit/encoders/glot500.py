"""Glot500 base: XLM-R base, pretrained further in 500 languages.

The commit is one that public code of 2026 pins.
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
    "cis-lmu/glot500-base@d4d7c1ec01828fdf7452a4ccf7b55177aced175e",
    licence="Apache 2.0",
    languages=511,
    model_type="xlm-roberta",
    max_positions=512,
    training="masked LM",
    millions=(395, 308),
    unverified=("licence", "languages"),
)
