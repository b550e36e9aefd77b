"""EuroBERT 210M: a bidirectional Llama in 15 languages, with pieces like those of Llama 3.

Its config.json names code, which is not run: transformers has the type itself. No commit of it was found in public
code.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="EuroBERT 210M",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Boizard et al. 2025, arXiv 2503.05500",
)
RELEASED = Released(
    "EuroBERT/EuroBERT-210m",
    licence="Apache 2.0",
    languages=15,
    model_type="eurobert",
    training="masked LM",
    millions=(212, 98),
)
