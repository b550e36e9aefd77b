"""Multilingual BERT, cased.

178 M parameters. The commit is one that public code of 2026 pins; licence and number of languages are as model cards
are quoted in public pages, unverified.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="mBERT",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Devlin et al. 2019, arXiv 1810.04805",
)
RELEASED = Released(
    "google-bert/bert-base-multilingual-cased@3f076fdb1ab68d5b2880cb87a0886f315b8146f8",
    licence="Apache 2.0",
    languages=104,
    model_type="bert",
    max_positions=512,
)
