"""RWKV-4 World, 169 M: a recurrence that reads from left to right, the only multilingual one on the Hub in
`transformers`' own classes.

The commit is one that public code of 2026 pins; licence and number of languages are as model cards are quoted in public
pages, unverified.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="RWKV-4 World",
    architecture="recurrent",
    direction="causal",
    padding="read last",
    citation="Peng et al. 2023, arXiv 2305.13048",
)
RELEASED = Released(
    "RWKV/rwkv-4-world-169m@598b039e6be5298de3f6f82ee373b6acdfae2858",
    licence="Apache 2.0",
    languages=100,
    model_type="rwkv",
    overflows=("float16",),
    direction="causal",
)
