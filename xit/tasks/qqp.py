"""QQP: whether two questions put to a forum ask the same."""

from xit.core.task import Files, Hub, Task

GLUE = "nyu-mll/glue@bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
PAIR = "text_a:question1 text_b:question2 label"
ORDER = "not_duplicate duplicate"
DIGITS = {"0": "not_duplicate", "1": "duplicate"}

task = Task(
    title="QQP",
    format="classification",
    metric="accuracy",
    languages=("en",),
    labels=("not_duplicate", "duplicate"),
    micro="paraphrase",
    files={
        "train": (Files("qqp", "qqp/train.tsv", options={"labels": DIGITS}),),
        "validation": (Files("qqp", "qqp/dev.tsv", options={"labels": DIGITS}),),
    },
    hub={
        "train": (Hub("pairs", GLUE, "qqp/train", PAIR, 363_846, ORDER),),
        "validation": (Hub("pairs", GLUE, "qqp/validation", PAIR, 40_430, ORDER),),
    },
    published={"train": 363_846, "validation": 40_430},
    citation="Iyer et al. 2017; Wang et al. 2018, arXiv 1804.07461",
    licence="Quora's terms, non-commercial",
    record={
        "id": "0",
        "language": "en",
        "text_a": "How do I clean a lamp?",
        "text_b": "What is the way to clean a lamp?",
        "label": "duplicate",
    },
)
