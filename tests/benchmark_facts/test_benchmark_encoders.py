"""Which encoders there are. What any encoder's file keeps to is tested in tests/modeling."""

import tiny
from encoder_fixtures import RELEASED

from xit.modeling import encoders

FROM_SCRATCH = ["gru", "laser2", "lstm", "mingru", "rwkv7_world", "transformer"]
TITLES = {
    "glot500": "Glot500 base",
    "laser2": "LASER2 BiLSTM",
    "mbert": "mBERT",
    "mdeberta_v3": "mDeBERTa-v3 base",
    "mmbert_base": "mmBERT base",
    "mt5_base": "mT5 base, encoder",
    "rembert": "RemBERT",
    "rwkv4_world": "RWKV-4 World",
    "rwkv7_world": "RWKV-7 World",
    "xlmr_base": "XLM-R base",
    "xlmr_large": "XLM-R large",
}
"""Of released encoders."""


def test_the_encoders_of_the_comparison_are_there() -> None:
    assert set(FROM_SCRATCH) <= set(tiny.OWN_ENCODERS)
    assert {name: encoders.info(name).title for name in RELEASED if name in TITLES} == TITLES
