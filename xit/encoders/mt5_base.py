"""The encoder of mT5 base; its weights are a pytorch_model.bin.

The commit is one that public code of 2026 pins.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="mT5 base, encoder",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Xue et al. 2021, arXiv 2010.11934",
)
RELEASED = Released(
    "google/mt5-base@2eb15465c5dd7f72a8f7984306ad05ebc3dd1e1f",
    licence="Apache 2.0",
    languages=101,
    model_type="mt5",
    overflows=("float16",),
    training="masked spans",
    millions=(277, 192),
    without_masked_lm="it is half of a model that writes what is masked with its other half",
    unverified=("licence", "languages"),
)
