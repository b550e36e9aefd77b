"""XNLI: natural-language inference, translated from English by people.

Files: only the development files are labelled in XTREME's release, and they are parallel. Their first 60 % train, in
English, 10 % validate, and the rest tests in every language; the cuts lie between premises, which come in threes.
"""

from xit.core.task import Files, Hub, Stream, Task

DEV = "xnli/dev-{language}.tsv"
XNLI = "facebook/xnli@b8dd5d7af51114dbda02c0e3f6133f332186418e"
PAIR = "text_a:premise text_b:hypothesis label"
ORDER = "entailment neutral contradiction"

task = Task(
    title="XNLI",
    format="classification",
    metric="accuracy",
    languages=("en", "ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"),
    labels=("contradiction", "entailment", "neutral"),
    group="classification",
    micro="inference",
    streams={"train": (Stream("mnli", "inference", 392_702),)},
    files={
        "train": (Files("xtreme_pairs", DEV, (0.0, 0.6), count=2_490),),
        "validation": (Files("xtreme_pairs", DEV, (0.6, 0.7), count=2_490),),
        "test": (Files("xtreme_pairs", DEV, (0.7, 1.0), count=2_490),),
    },
    hub={
        "train": (Hub("pairs", XNLI, "en/train", PAIR, 392_702, ORDER),),
        "validation": (Hub("pairs", XNLI, "en/validation", PAIR, 2_490, ORDER),),
        "test": (Hub("pairs", XNLI, "{language}/test", PAIR, 5_010, ORDER),),
    },
    published={"train": 392_702, "validation": 2_490, "test": 5_010},
    citation="Conneau et al. 2018, arXiv 1809.05053",
    licence="CC BY-NC 4.0",
    record={
        "id": "0",
        "language": "en",
        "text_a": "The lamp on the desk is green.",
        "text_b": "There is a lamp.",
        "label": "entailment",
    },
)
