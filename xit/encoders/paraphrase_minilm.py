"""Paraphrase multilingual MiniLM: the body of Multilingual MiniLM, trained further on parallel sentences.

Beside minilm it separates what parallel data do from what the architecture does. No commit of it was found in public
code.
"""

from xit.modeling.encoders import EncoderInfo, Released

INFO = EncoderInfo(
    title="Paraphrase multilingual MiniLM",
    architecture="transformer",
    direction="bidirectional",
    padding="attention gives it no weight",
    citation="Reimers and Gurevych 2020, arXiv 2004.09813",
)
RELEASED = Released(
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
    licence="Apache 2.0",
    languages=50,
    model_type="bert",
    max_positions=512,
    training="parallel sentences",
    millions=(118, 96),
    without_masked_lm="it was trained on vectors of sentences, and has none",
)
