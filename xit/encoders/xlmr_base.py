"""XLM-R base: the transformer of both papers, at its smaller size.

The commit is one that public code of 2026 pins.
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
    training="masked LM",
    millions=(278, 192),
    unverified=("licence", "languages"),
)
