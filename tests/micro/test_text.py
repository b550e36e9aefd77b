"""The text of the micro source for pretraining: it speaks of the whole world, and says no test sentence."""

import dataclasses
import re

import pytest
from fast_cases import fast
from micro_examples import LANGUAGES, SETTINGS, TASKS, rows, texts

from xit.micro import rendering
from xit.micro.content import Name
from xit.micro.world import world
from xit.sources.micro import MicroSource


@pytest.mark.parametrize("language", fast(lambda code: code in ("en", "de", "zh"), LANGUAGES))
def test_text_speaks_of_the_whole_world_but_says_no_test_sentence(language):
    documents = list(MicroSource(SETTINGS).text(language))
    whole = world(SETTINGS.territories, SETTINGS.units)
    everything = "\n".join(documents)

    assert len(documents) == 1500
    for kind in whole.names:
        for code in whole.names[kind]:
            assert rendering.text(Name(kind, code), language) in everything
    tested = {text for name in TASKS for row in rows(name, "test", language) for text in texts(row) if text[-1] in ".:"}
    tested -= {row["text"] for row in rows("mewslix", "test", language) if row["role"] == "candidate"}
    assert len(tested) > 500
    # A sentence ends a document: `Brasilien: 12.` is not said in `Brasilien: 12. März 2011`
    assert [text for text in tested if (text if text[-1] == ":" else f"{text}\n") in f"{everything}\n"] == []


def test_anchor_rows_show_each_sign_beside_its_phrase():
    documents = list(MicroSource(dataclasses.replace(SETTINGS, anchor_fraction=1.0)).text("de"))

    everything = "\n".join(documents)
    assert "Japan (JP)" in everything
    assert "JPY: Japanischer Yen" in everything
    assert "März (03)" in everything
    assert re.search(r"(\d+) Kilometer \(\1 km\)", everything)
