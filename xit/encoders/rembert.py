"""RemBERT: small embeddings into wide layers.

The commit is one that public code of 2026 pins.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="RemBERT",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Chung et al. 2021, arXiv 2010.12821",
)
RELEASED = Released(
    "google/rembert@65da5133da36e29dfca67d4f0dd9f7f9db21b563",
    licence="Apache 2.0",
    languages=110,
    model_type="rembert",
    max_positions=512,
    training="masked LM",
    millions=(576, 64),
    without_masked_lm="its repository is said to have left it out, which only the Hub can tell",
    unverified=("licence", "languages"),
)
