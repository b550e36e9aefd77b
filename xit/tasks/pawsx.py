"""PAWS-X: whether two sentences of many shared words say the same, translated from English by people.

XTREME only. Files: only the development files are labelled in XTREME's release, and they are parallel; they are cut as
those of XNLI. Pairs share sentences: 313 English ones are both in a pair to train on and in another to test on.
"""

from xit.core.task import Files, Hub, Task

DEV = "pawsx/dev-{language}.tsv"
PAWSX = "google-research-datasets/paws-x@4cd8187c404bda33cb1f62b49b001115862acf37"
PAIR = "text_a:sentence1 text_b:sentence2 label"

task = Task(
    title="PAWS-X",
    format="classification",
    metric="accuracy",
    languages=("en", "de", "es", "fr", "ja", "ko", "zh"),
    labels=("0", "1"),
    group="classification",
    micro="paraphrase",
    files={
        "train": (Files("xtreme_pairs", DEV, (0.0, 0.6), count=2_000),),
        "validation": (Files("xtreme_pairs", DEV, (0.6, 0.7), count=2_000),),
        "test": (Files("xtreme_pairs", DEV, (0.7, 1.0), count=2_000),),
    },
    hub={
        "train": (Hub("pairs", PAWSX, "en/train", PAIR, 49_401, "0 1"),),
        "validation": (Hub("pairs", PAWSX, "en/validation", PAIR, 2_000, "0 1"),),
        "test": (Hub("pairs", PAWSX, "{language}/test", PAIR, 2_000, "0 1"),),
    },
    placeholder="NS",
    published={"train": 49_401, "validation": 2_000, "test": 2_000},
    faults=(
        'Translations that are missing read "NS" (google-research-datasets/paws, issue 15); scores count them.',
        "Labels differ between languages for 59 of the 2,000 ids of the validation split.",
        "Pairs share sentences, within a split and between splits.",
    ),
    citation="Yang et al. 2019, arXiv 1908.11828",
    licence="free use with attribution to Google",
    record={
        "id": "0",
        "language": "en",
        "text_a": "Ida moved from Oslo to Turin.",
        "text_b": "Ida moved from Turin to Oslo.",
        "label": "0",
    },
)
