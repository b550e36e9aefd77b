"""Which encoders there are. What any encoder's file keeps to is tested in tests/modeling."""

import tiny
from encoder_fixtures import RELEASED

from xit.modeling import encoders

FROM_SCRATCH = ["gru", "laser2", "lstm", "mingru", "rwkv7_world", "transformer"]
TITLES = {
    "distilmbert": "DistilmBERT",
    "eurobert_210m": "EuroBERT 210M",
    "glot500": "Glot500 base",
    "laser2": "LASER2 BiLSTM",
    "mbert": "mBERT",
    "mdeberta_v3": "mDeBERTa-v3 base",
    "me5_small": "Multilingual E5 small",
    "minilm": "Multilingual MiniLM",
    "mmbert_base": "mmBERT base",
    "mmbert_small": "mmBERT small",
    "mt5_base": "mT5 base, encoder",
    "paraphrase_minilm": "Paraphrase multilingual MiniLM",
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


def test_what_is_said_of_released_encoders_is_said_of_each() -> None:
    known = {name: facts for name, facts in RELEASED.items() if name in TITLES}
    assert all(
        facts.licence and facts.languages and facts.training and min(facts.millions) > 0 for facts in known.values()
    )
    assert {name for name, facts in known.items() if not facts.without_masked_lm} == {
        "distilmbert",
        "eurobert_210m",
        "glot500",
        "mbert",
        "mmbert_base",
        "mmbert_small",
        "xlmr_base",
        "xlmr_large",
    }
    assert {name for name, facts in known.items() if "@" not in facts.repository} == {
        "eurobert_210m",
        "laser2",
        "paraphrase_minilm",
    }
    assert set().union(*(facts.unverified for facts in known.values())) == {"languages", "licence"}
