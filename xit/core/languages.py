"""The fifty languages of XTREME-R: their names, scripts, families, and what others call them.

Names and scripts are those of CLDR (a test compares them), its kinds of Han as one. Families are the highest ones of
Glottolog, Indo-European by its branch, and Haitian apart, as a creole; much as in Hu et al. 2020 and Ruder et al. 2021.
ISO 639-3 codes are those of Tatoeba's file names (facebookresearch/LASER:data/tatoeba/v1), where it has the language;
FLORES-200 codes are those of NLLB (arXiv 2207.04672, appendix).
"""

from typing import NamedTuple


class Language(NamedTuple):
    """Facts of a language, in English."""

    name: str
    script: str
    family: str
    iso3: str
    flores: str


_ROWS = """
af Afrikaans      Latin      Germanic       afr afr_Latn
ar Arabic         Arabic     Afro-Asiatic   ara arb_Arab
az Azerbaijani    Latin      Turkic         aze azj_Latn
bg Bulgarian      Cyrillic   Slavic         bul bul_Cyrl
bn Bangla         Bangla     Indo-Aryan     ben ben_Beng
de German         Latin      Germanic       deu deu_Latn
el Greek          Greek      Hellenic       ell ell_Grek
en English        Latin      Germanic       eng eng_Latn
es Spanish        Latin      Romance        spa spa_Latn
et Estonian       Latin      Uralic         est est_Latn
eu Basque         Latin      isolate        eus eus_Latn
fa Persian        Arabic     Iranian        pes pes_Arab
fi Finnish        Latin      Uralic         fin fin_Latn
fr French         Latin      Romance        fra fra_Latn
gu Gujarati       Gujarati   Indo-Aryan     guj guj_Gujr
he Hebrew         Hebrew     Afro-Asiatic   heb heb_Hebr
hi Hindi          Devanagari Indo-Aryan     hin hin_Deva
ht Haitian_Creole Latin      creole         hat hat_Latn
hu Hungarian      Latin      Uralic         hun hun_Latn
id Indonesian     Latin      Austronesian   ind ind_Latn
it Italian        Latin      Romance        ita ita_Latn
ja Japanese       Japanese   Japonic        jpn jpn_Jpan
jv Javanese       Latin      Austronesian   jav jav_Latn
ka Georgian       Georgian   Kartvelian     kat kat_Geor
kk Kazakh         Cyrillic   Turkic         kaz kaz_Cyrl
ko Korean         Korean     Koreanic       kor kor_Hang
lt Lithuanian     Latin      Baltic         lit lit_Latn
ml Malayalam      Malayalam  Dravidian      mal mal_Mlym
mr Marathi        Devanagari Indo-Aryan     mar mar_Deva
ms Malay          Latin      Austronesian   zsm zsm_Latn
my Burmese        Myanmar    Sino-Tibetan   mya mya_Mymr
nl Dutch          Latin      Germanic       nld nld_Latn
pa Punjabi        Gurmukhi   Indo-Aryan     pan pan_Guru
pl Polish         Latin      Slavic         pol pol_Latn
pt Portuguese     Latin      Romance        por por_Latn
qu Quechua        Latin      Quechuan       que quy_Latn
ro Romanian       Latin      Romance        ron ron_Latn
ru Russian        Cyrillic   Slavic         rus rus_Cyrl
sw Swahili        Latin      Atlantic-Congo swh swh_Latn
ta Tamil          Tamil      Dravidian      tam tam_Taml
te Telugu         Telugu     Dravidian      tel tel_Telu
th Thai           Thai       Tai-Kadai      tha tha_Thai
tl Tagalog        Latin      Austronesian   tgl tgl_Latn
tr Turkish        Latin      Turkic         tur tur_Latn
uk Ukrainian      Cyrillic   Slavic         ukr ukr_Cyrl
ur Urdu           Arabic     Indo-Aryan     urd urd_Arab
vi Vietnamese     Latin      Austroasiatic  vie vie_Latn
wo Wolof          Latin      Atlantic-Congo wol wol_Latn
yo Yoruba         Latin      Atlantic-Congo yor yor_Latn
zh Chinese        Han        Sino-Tibetan   cmn zho_Hans
"""

LANGUAGES = {
    code: Language(name.replace("_", " "), *others)
    for code, name, *others in (row.split() for row in _ROWS.strip().splitlines())
}


def facts(code: str) -> Language:
    """The facts of a language; of one that is not of XTREME-R, its code and what is not known of it."""
    return LANGUAGES.get(code, Language(code, "unknown", "unknown", code, ""))
