"""RWKV-4 World, 169 M: a recurrence that reads from left to right, the only multilingual one on the Hub in
`transformers`' own classes.

The commit is the last one with the pieces as JSON, which were deleted on 26 November 2023; its weights are a
pytorch_model.bin in bfloat16. The number of languages is that of the model card as it is quoted in public pages
("100+"), unverified.
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
    "RWKV/rwkv-4-world-169m@2189a7e6cd6bd0fa64e64a7489f923b0aa349bd8",
    licence="Apache 2.0",
    languages=100,
    model_type="rwkv",
    overflows=("float16",),
    direction="causal",
    training="next token",
    millions=(142, 50),
    without_masked_lm="it was trained to predict the next token",
    unverified=("languages",),
)
