"""XCOPA: the likelier cause or effect of two, translated from English by people.

Files: SocialIQA's development file and COPA's training file are trained on together.
Differs from the benchmark: it trains on the 33,410 examples of SocialIQA first and on COPA's 400 afterwards.
"""

from xit.core.task import Files, Hub, Stream, Task

SIQA = (  # the Hub's export of the official data, then a re-upload
    "allenai/social_i_qa@537a2ec8ec565adc0b70b70752893e59e024df26 "
    "tasksource/social_i_qa@c5e31ad2d8d6b2aec4cf6491653a1fe1640dd647"
)
COPA = "aps/super_glue@3de24cf8022e94f4ee4b9d55a6f539891524d646"
ORIGINAL = (
    "https://raw.githubusercontent.com/cambridgeltl/xcopa/e2e9d7f105a758ee869cd13e0fe251ef93a29840/data/{language}/"
    "test.{language}.jsonl"
)
XCOPA = "cambridgeltl/xcopa@042f78955ba48e6404616762fa6e05e839c3907a"
FIELDS = "premise choice1 choice2 question label idx"

task = Task(
    title="XCOPA",
    format="multiple_choice",
    metric="accuracy",
    languages=("et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh"),
    group="classification",
    micro="cause",
    streams={
        "train": (Stream("siqa", "cause", 33_410, choices=3), Stream("copa", "cause", 400, choices=2)),
        "validation": (Stream("copa", "cause", 100, choices=2),),
    },
    files={
        "train": (
            Files("siqa", "siqa/socialIQa_v1.4_dev.jsonl", count=1_954),
            Files("copa", "copa/train-en.jsonl", count=400),
        ),
        "validation": (Files("copa", "copa/val-en.jsonl", count=100),),
        "test": (Files("xcopa", "xcopa/data/{language}/test.{language}.jsonl", count=500, url=ORIGINAL),),
    },
    hub={
        "train": (
            Hub("social", SIQA, "default/train", "context question answerA answerB answerC label", 33_410),
            Hub("copa", COPA, "copa/train", FIELDS, 400),
        ),
        "validation": (Hub("copa", COPA, "copa/validation", FIELDS, 100),),
        "test": (Hub("xcopa", XCOPA, "{language}/test", FIELDS, 500),),
    },
    published={"train": 33_410 + 400, "validation": 100, "test": 500},
    faults=(
        "`question` is wrong in 250 of 500 test records in th, 51 in tr, 37 in sw, 4 in id, 4 in it; labels are right.",
        "et, ht, qu, ta, vi and zh agree with one another.",
    ),
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
