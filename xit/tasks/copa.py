"""COPA: the likelier cause or effect of two; the English original of XCOPA."""

from xit.core.task import Files, Hub, Task

COPA = "aps/super_glue@3de24cf8022e94f4ee4b9d55a6f539891524d646"
FIELDS = "premise choice1 choice2 question label idx"

task = Task(
    title="COPA",
    format="multiple_choice",
    metric="accuracy",
    languages=("en",),
    micro="cause",
    files={
        "train": (Files("copa", "copa/train-en.jsonl", count=400),),
        "validation": (Files("copa", "copa/val-en.jsonl", count=100),),
    },
    hub={
        "train": (Hub("copa", COPA, "copa/train", FIELDS, 400),),
        "validation": (Hub("copa", COPA, "copa/validation", FIELDS, 100),),
    },
    published={"train": 400, "validation": 100},
    citation="Roemmele et al. 2011, AAAI Spring Symposium",
    licence="BSD 2-Clause",
    record={
        "id": "0",
        "language": "en",
        "prompt": "The milk smelled sour. What was the cause?",
        "choices": ["It stood in the sun.", "It was poured into a jug."],
        "label": 0,
    },
)
