"""Phrases in the words of a language: as CLDR has them, tagged word by word; the languages of which it has enough."""

import datetime

import pytest

from xit.micro import rendering
from xit.micro.content import Day, Listing, Measure, Money, Name, Pair, Sentence, Unit
from xit.sources import micro

MARCH = Name("month", "03")
DATE = Day(datetime.date(2011, 3, 5))


@pytest.mark.parametrize(
    ("language", "phrase", "expected"),
    [
        ("en", Listing((Measure("length-kilometer", 25), Money("EUR", 3), MARCH)), "25 kilometers, 3 euros, and March"),
        ("ru", Listing((Measure("length-kilometer", 25), Money("EUR", 3), MARCH)), "25 километров, 3 евро и март"),
        ("sw", Listing((Measure("length-kilometer", 25), Money("EUR", 3), MARCH)), "kilomita 25, yuro 3 na Machi"),
        ("zh", Listing((Measure("length-kilometer", 25), Money("EUR", 3), MARCH)), "25公里、3欧元和三月"),
        ("ar", Listing((Measure("length-kilometer", 25), Money("EUR", 3), MARCH)), "25 كيلومترًا و3 يورو ومارس"),
        ("de", Pair(Name("territory", "JP"), DATE), "Japan: 5. März 2011"),
        ("es", Pair(Name("territory", "JP"), DATE), "Japón: 5 de marzo de 2011"),
        ("ar", Unit("mass-gram"), "غرام"),
        ("fi", Name("weekday", "2"), "tiistai"),
    ],
)
def test_phrases_are_the_languages_own(language, phrase, expected):
    assert rendering.text(phrase, language) == expected


def test_words_of_a_date_are_tagged_by_what_they_are():
    def tagged(language):
        return " ".join(f"{word}/{segment.part}" for word, segment, _ in rendering.words(DATE, language))

    assert tagged("en") == "March/NOUN 5/NUM ,/PUNCT 2011/NUM"
    assert tagged("es") == "5/NUM de/ADP marzo/NOUN de/ADP 2011/NUM"
    assert tagged("ru") == "5/NUM марта/NOUN 2011/NUM г./NOUN"
    assert tagged("zh") == "2011/NUM 年/NOUN 3/NUM 月/NOUN 5/NUM 日/NOUN"


def test_names_are_entities_of_as_many_words_as_they_have():
    sentence = Sentence((Pair(Name("territory", "US"), Listing((Money("CHF", 5), Name("language", "fr")))),))

    found = [(word, segment.entity, is_first) for word, segment, is_first in rendering.words(sentence, "en")]

    assert found == [
        ("United", "LOC", True),
        ("States", "LOC", False),
        (":", "", True),
        ("5", "", True),
        ("Swiss", "ORG", True),
        ("francs", "ORG", False),
        ("and", "", True),
        ("French", "PER", True),
        (".", "", True),
    ]


def test_haitian_and_wolof_are_refused_since_cldr_has_too_little_of_them():
    found = micro.check_languages(["en", "ht", "wo", "sw"])

    assert [fault[:2] for fault in found] == ["ht", "wo"]
    assert all("CLDR has too little of it and would fall back to another language" in fault for fault in found)


CODES = """
af ar az bg bn de el en es et eu fa fi fr gu he hi hu id it ja jv ka kk ko lt ml mr ms my nl pa pl pt qu ro ru sw ta te
th tl tr uk ur vi yo zh
"""


def test_the_other_languages_of_xtreme_r_are_good():
    codes = CODES.split()

    assert len(codes) == 48
    assert micro.check_languages(codes) == []
