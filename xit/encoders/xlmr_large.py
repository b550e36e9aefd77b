"""XLM-R large: the transformer that Phang et al. 2020 and Ruder et al. 2021 compare.

The commit is one that public code of 2026 pins.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="XLM-R large",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Conneau et al. 2020, arXiv 1911.02116",
)
RELEASED = Released(
    "FacebookAI/xlm-roberta-large@c23d21b0620b635a76227c604d44e43a9f0ee389",
    licence="MIT",
    languages=100,
    model_type="xlm-roberta",
    max_positions=512,
    training="masked LM",
    millions=(560, 256),
    unverified=("licence", "languages"),
)
