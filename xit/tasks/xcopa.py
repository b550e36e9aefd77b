"""XCOPA: the likelier cause or effect of two, translated from English by people.

Files: SocialIQA's development file and COPA's training file are trained on together.
Differs from the benchmark: it trains on the 33,410 examples of SocialIQA first and on COPA's 400 afterwards.
"""

from xit.tasks import Files, Task

task = Task(
    title="XCOPA",
    format="multiple_choice",
    metric="accuracy",
    languages=("et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh"),
    group="classification",
    micro="cause",
    files={
        "train": (
            Files("siqa", "siqa/socialIQa_v1.4_dev.jsonl"),
            Files("copa", "copa/train-en.jsonl"),
        ),
        "validation": (Files("copa", "copa/val-en.jsonl"),),
        "test": (Files("xcopa", "xcopa/data/{language}/test.{language}.jsonl"),),
    },
    citation="Ponti et al. 2020, arXiv 2005.00333",
    licence="CC BY 4.0",
    record={
        "id": "0",
        "language": "et",
        "prompt": "Laps avas akna. What was the effect?",
        "choices": ["Tuba läks jahedaks.", "Laps läks kooli."],
        "label": 0,
    },
)
