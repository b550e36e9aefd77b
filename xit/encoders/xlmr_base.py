"""XLM-R base: the transformer of both papers, at its smaller size.

278 M parameters. The commit is one that public code of 2026 pins; licence and number of languages are as model cards
are quoted in public pages, unverified.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="XLM-R base",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Conneau et al. 2020, arXiv 1911.02116",
)
RELEASED = Released(
    "FacebookAI/xlm-roberta-base@e73636d4f797dec63c3081bb6ed5c7b0bb3f2089",
    licence="MIT",
    languages=100,
    model_type="xlm-roberta",
    max_positions=512,
)
