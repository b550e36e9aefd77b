"""COPA: the likelier cause or effect of two; the English original of XCOPA."""

from xit.tasks import Files, Task

task = Task(
    title="COPA",
    format="multiple_choice",
    metric="accuracy",
    languages=("en",),
    micro="cause",
    files={
        "train": (Files("copa", "copa/train-en.jsonl"),),
        "validation": (Files("copa", "copa/val-en.jsonl"),),
    },
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
