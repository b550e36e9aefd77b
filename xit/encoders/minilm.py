"""Multilingual MiniLM, 12 layers of 384: distilled from the attention of XLM-R, without parallel data.

Its repository has XLM-R's SentencePiece model beside a BERT and no class of tokenizer, and a pytorch_model.bin. Its
config.json calls `<s>` padding, so that the embedding of `<s>` is not trained.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="Multilingual MiniLM",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Wang et al. 2020, arXiv 2002.10957",
)
RELEASED = Released(
    "microsoft/Multilingual-MiniLM-L12-H384@6e8c1ec6b4ec4e3fc6eb7d2cd834fcd582b61daf",
    licence="MIT",
    languages=100,
    model_type="bert",
    max_positions=512,
    training="distilled from masked LM",
    millions=(118, 96),
    without_masked_lm="its files have none",
)
