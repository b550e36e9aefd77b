"""UD-POS: universal parts of speech.

All treebanks of a language in the data folder are joined, in sorted order; English trains on the one that is there.
"""

from xit.core.task import Files, Hub, Task

LANGUAGES = """
en af ar bg de el es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh lt pl uk wo ro
"""
TAGS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X"

XTREME = "google/xtreme"
FIELDS = "words:tokens tags:pos_tags"
COUNTS = {"en": 5_440, "de": 22_458}
UD27 = Hub("tagged", "izhx/xtreme-r-udpos", "{language}/test", FIELDS, labels=TAGS)

task = Task(
    title="UD-POS",
    format="tagging",
    metric="f1",
    languages=tuple(LANGUAGES.split()),
    labels=tuple(TAGS.split()),
    group="tagging",
    micro="parts_of_speech",
    files={
        "train": (Files("conllu_tags", "ud/UD_*/{language}_*-ud-train.conllu"),),
        "validation": (Files("conllu_tags", "ud/UD_*/{language}_*-ud-dev.conllu"),),
        "test": (Files("conllu_tags", "ud/UD_*/{language}_*-ud-test.conllu"),),
    },
    hub={
        "train": (Hub("tagged", XTREME, "udpos.English/train", FIELDS, 21_253, TAGS),),
        "validation": (Hub("tagged", XTREME, "udpos.English/validation", FIELDS, 3_974, TAGS),),
        "test": (Hub("tagged", XTREME, "udpos.{name}/test", FIELDS, COUNTS, TAGS, fallbacks=(UD27,)),),
    },
    published={"train": {"en": 21_253}, "validation": {"en": 3_974}, "test": {"en": 5_440, "de": 22_458}},
    faults=(
        "Published counts are of google/xtreme on the Hub, whose words differ: syntactic ones, without surface forms.",
        "Two releases are mixed: UD 2.7 for lt, pl, uk, wo and ro, UD 2.5 for the others.",
    ),
    citation="Nivre et al. 2020, arXiv 2004.10643",
    licence="per treebank, Creative Commons",
    record={
        "id": "0",
        "language": "en",
        "words": ["Two", "lamps", "flicker", "."],
        "tags": ["NUM", "NOUN", "VERB", "PUNCT"],
    },
)
