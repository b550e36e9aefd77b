"""The fifty languages of XTREME-R: their names, scripts and families.

Names and scripts are those of CLDR (a test compares them), its kinds of Han as one. Families are the highest ones of
Glottolog, Indo-European by its branch, and Haitian apart, as a creole; much as in Hu et al. 2020 and Ruder et al. 2021.
"""

from typing import NamedTuple


class Language(NamedTuple):
    """Facts of a language, in English."""

    name: str
    script: str
    family: str


_ROWS = """
af Afrikaans       Latin      Germanic
ar Arabic          Arabic     Afro-Asiatic
az Azerbaijani     Latin      Turkic
bg Bulgarian       Cyrillic   Slavic
bn Bangla          Bangla     Indo-Aryan
de German          Latin      Germanic
el Greek           Greek      Hellenic
en English         Latin      Germanic
es Spanish         Latin      Romance
et Estonian        Latin      Uralic
eu Basque          Latin      isolate
fa Persian         Arabic     Iranian
fi Finnish         Latin      Uralic
fr French          Latin      Romance
gu Gujarati        Gujarati   Indo-Aryan
he Hebrew          Hebrew     Afro-Asiatic
hi Hindi           Devanagari Indo-Aryan
ht Haitian_Creole  Latin      creole
hu Hungarian       Latin      Uralic
id Indonesian      Latin      Austronesian
it Italian         Latin      Romance
ja Japanese        Japanese   Japonic
jv Javanese        Latin      Austronesian
ka Georgian        Georgian   Kartvelian
kk Kazakh          Cyrillic   Turkic
ko Korean          Korean     Koreanic
lt Lithuanian      Latin      Baltic
ml Malayalam       Malayalam  Dravidian
mr Marathi         Devanagari Indo-Aryan
ms Malay           Latin      Austronesian
my Burmese         Myanmar    Sino-Tibetan
nl Dutch           Latin      Germanic
pa Punjabi         Gurmukhi   Indo-Aryan
pl Polish          Latin      Slavic
pt Portuguese      Latin      Romance
qu Quechua         Latin      Quechuan
ro Romanian        Latin      Romance
ru Russian         Cyrillic   Slavic
sw Swahili         Latin      Atlantic-Congo
ta Tamil           Tamil      Dravidian
te Telugu          Telugu     Dravidian
th Thai            Thai       Tai-Kadai
tl Tagalog         Latin      Austronesian
tr Turkish         Latin      Turkic
uk Ukrainian       Cyrillic   Slavic
ur Urdu            Arabic     Indo-Aryan
vi Vietnamese      Latin      Austroasiatic
wo Wolof           Latin      Atlantic-Congo
yo Yoruba          Latin      Atlantic-Congo
zh Chinese         Han        Sino-Tibetan
"""

LANGUAGES = {
    code: Language(name.replace("_", " "), script, family)
    for code, name, script, family in (row.split() for row in _ROWS.strip().splitlines())
}


def facts(code: str) -> Language:
    """The facts of a language; of one that is not of XTREME-R, its code and what is not known of it."""
    return LANGUAGES.get(code, Language(code, "unknown", "unknown"))
