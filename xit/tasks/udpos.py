"""UD-POS: universal parts of speech.

All treebanks of a language in the data folder are joined, in sorted order; English trains on the one that is there.
Hub: words are syntactic ones, but in the five languages of UD 2.7, whose multiword tokens make surface words. That
release is a branch, whose commit is not known.
"""

import re

from xit.core.task import Files, Hub, Task

LANGUAGES = """
en af ar bg de el es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh lt pl uk wo ro
"""
TAGS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X"

XTREME = "google/xtreme@ec5f1f46e9af79639a90684a7a70a956c4998f04"
FIELDS = "words:tokens tags:pos_tags"
SIZES = """
en 5440 af 425 ar 1680 bg 1116 de 22458 el 2809 es 3147 et 3760 eu 1799 fa 600 fi 4422 fr 9465 he 491 hi 2684
hu 449 id 1557 it 3518 ja 2372 kk 1047 ko 4276 mr 47 nl 1471 pt 2681 ru 11336 ta 120 te 146 th 1000 tl 55 tr
4785 ur 535 vi 800 yo 100 zh 5528
"""
COUNTS = {code: int(size) for code, size in re.findall(r"(\w+)\s(\d+)", SIZES)}
UD27 = Hub(
    "parsed",
    "universal-dependencies/universal_dependencies@2.7",
    "parquet/{language}_*/test.parquet",
    "words:tokens tags:upos heads:head multiword:mwt",
)
REUPLOAD = Hub(
    "tagged",
    "izhx/xtreme-r-udpos@6634a0b04ba77875ad616c47e6fc8c3cd5c57492",
    "{language}/test.parquet",
    FIELDS,
    labels=TAGS,
)

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
        "test": (Hub("tagged", XTREME, "udpos.{name}/test", FIELDS, COUNTS, TAGS, fallbacks=(UD27, REUPLOAD)),),
    },
    published={"train": {"en": 21_253}, "validation": {"en": 3_974}, "test": COUNTS},
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
