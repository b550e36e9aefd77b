"""XLM-R large: the transformer that Phang et al. 2020 and Ruder et al. 2021 compare.

560 M parameters. The commit is one that public code of 2026 pins; licence and number of languages are as model cards
are quoted in public pages, unverified.
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
)
