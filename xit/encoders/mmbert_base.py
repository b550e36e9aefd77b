"""mmBERT base: a ModernBERT in 1,833 languages; its weights are a pytorch_model.bin.

307 M parameters. The commit is one that public code of 2026 pins; licence and number of languages are as model cards
are quoted in public pages, unverified.
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
    "jhu-clsp/mmBERT-base@c5955035435e2bf121cde7f3c8863ef52ff35d82",
    licence="MIT",
    languages=1_833,
    model_type="modernbert",
)
