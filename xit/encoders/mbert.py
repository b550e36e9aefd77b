"""Multilingual BERT, cased.

The commit is one that public code of 2026 pins.
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
    training="masked LM",
    millions=(178, 92),
    unverified=("licence", "languages"),
)
