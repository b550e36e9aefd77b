"""DistilmBERT: six layers distilled from multilingual BERT, cased.

The commit is one that public code of 2026 pins.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="DistilmBERT",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Sanh et al. 2019, arXiv 1910.01108",
)
RELEASED = Released(
    "distilbert/distilbert-base-multilingual-cased@45c032ab32cc946ad88a166f7cb282f58c753c2e",
    licence="Apache 2.0",
    languages=104,
    model_type="distilbert",
    max_positions=512,
    training="masked LM",
    millions=(135, 92),
)
