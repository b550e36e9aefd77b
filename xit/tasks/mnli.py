"""MNLI: natural-language inference in ten genres."""

from xit.core.task import Files, Hub, Task

GLUE = "nyu-mll/glue@bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
PAIR = "text_a:premise text_b:hypothesis label"
ORDER = "entailment neutral contradiction"

task = Task(
    title="MNLI",
    format="classification",
    metric="accuracy",
    languages=("en",),
    labels=("contradiction", "entailment", "neutral"),
    micro="inference",
    files={
        "train": (Files("nli", "mnli/multinli_1.0_train.jsonl"),),
        "validation": (Files("nli", "mnli/multinli_1.0_dev_matched.jsonl"),),
    },
    hub={
        "train": (Hub("pairs", GLUE, "mnli/train", PAIR, 392_702, ORDER),),
        "validation": (Hub("pairs", GLUE, "mnli/validation_matched", PAIR, 9_815, ORDER),),
    },
    published={"train": 392_702, "validation": 9_815 + 9_832},
    citation="Williams et al. 2018, arXiv 1704.05426",
    licence="per genre: OANC and others",
    record={
        "id": "0",
        "language": "en",
        "text_a": "Nobody has opened the shop today.",
        "text_b": "The shop is open.",
        "label": "contradiction",
    },
)
