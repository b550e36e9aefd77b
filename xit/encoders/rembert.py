"""RemBERT: small embeddings into wide layers.

576 M parameters. No commit of it was found in public code; licence and number of languages are as model cards are
quoted in public pages, unverified.
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
    "google/rembert",
    licence="Apache 2.0",
    languages=110,
    model_type="rembert",
    max_positions=512,
)
