"""PAN-X (WikiANN): names of persons, organisations and places, from the links of Wikipedia.

Files: XTREME's test files have no tags, so the development files test, and the last 5 % of the English training file
validate. WikiANN repeats itself: 324 of the 10,000 English test sentences are in the training file too, as published.
"""

from xit.core.task import Files, Hub, Task

LANGUAGES = """
en ar he vi id jv ms tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw yo my zh kk tr et fi
hu qu pl uk az lt pa gu ro
"""
WIKIANN = "unimelb-nlp/wikiann@f0a3be6dc5564c0cc4150bb660144800a1f539d4"
FIELDS = "words:tokens tags:ner_tags"
TAGS = "O B-PER I-PER B-ORG I-ORG B-LOC I-LOC"
SMALL = {
    100: "jv yo my qu pa gu",
    1_000: "ms tl ml ta te af bn hi mr ur sw kk az",
}
COUNTS = dict.fromkeys(LANGUAGES.split(), 10_000) | {
    code: count for count, codes in SMALL.items() for code in codes.split()
}

task = Task(
    title="WikiANN",
    format="tagging",
    metric="f1",
    languages=tuple(LANGUAGES.split()),
    labels=("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"),
    group="tagging",
    micro="entities",
    files={
        "train": (Files("xtreme_tags", "panx/train-{language}.tsv", (0.0, 0.95), count=20_000),),
        "validation": (Files("xtreme_tags", "panx/train-{language}.tsv", (0.95, 1.0), count=20_000),),
        "test": (Files("xtreme_tags", "panx/dev-{language}.tsv", count=COUNTS),),
    },
    hub={
        "train": (Hub("tagged", WIKIANN, "en/train", FIELDS, 20_000, TAGS),),
        "validation": (Hub("tagged", WIKIANN, "en/validation", FIELDS, 10_000, TAGS),),
        "test": (Hub("tagged", WIKIANN, "{language}/test", FIELDS, COUNTS, TAGS),),
    },
    published={"train": 20_000, "validation": 10_000, "test": COUNTS},
    faults=("Sentences occur more than once, within a split and between splits.",),
    citation="Pan et al. 2017, ACL P17-1178; Rahimi et al. 2019, arXiv 1902.00193",
    licence="none stated (Wikipedia text: CC BY-SA 3.0)",
    record={
        "id": "0",
        "language": "en",
        "words": ["Ida", "Holm", "left", "Turin"],
        "tags": ["B-PER", "I-PER", "O", "B-LOC"],
    },
)
