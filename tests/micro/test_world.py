"""The world of the micro source: its facts, and what of it is held out."""

import collections

from xit.micro.world import TERRITORIES, world


def test_a_fifth_of_places_and_units_is_held_out_for_each_of_validation_and_test():
    whole = world(40, 10)

    owned = collections.Counter(whole.owner[code] for code in (*TERRITORIES[:40], *whole.units) if code in whole.owner)
    assert owned == {"validation": 10, "test": 10}
    assert whole.owner["IN"] == whole.owner["INR"] == whole.owner["hi"] == whole.owner["power-watt"] == "test"
    assert "EUR" not in whole.owner


def test_facts_are_those_of_the_world():
    whole = world(60, 17)

    assert [whole.currency[place] for place in ("JP", "KE", "DE", "IN", "CH")] == ["JPY", "KES", "EUR", "INR", "CHF"]
    assert [whole.language[place] for place in ("JP", "KE", "DE", "IN", "EG")] == ["ja", "sw", "de", "hi", "ar"]
    assert {"de", "fr", "it", "rm", "en"} <= whole.spoken["CH"]
    assert {"en", "ta", "bn"} <= whole.spoken["IN"]
