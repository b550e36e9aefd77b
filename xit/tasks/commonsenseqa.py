"""CommonsenseQA: a question about everyday things, five answers.

Files: its development file of the random split.
"""

from xit.core.task import Files, Hub, Task

DEV = "commonsenseqa/dev_rand_split.jsonl"
CSQA = "tau/commonsense_qa@94630fe30dad47192a8546eb75f094926d47e155"

task = Task(
    title="CommonsenseQA",
    format="multiple_choice",
    metric="accuracy",
    languages=("en",),
    micro="continuation",
    files={
        "train": (Files("commonsenseqa", DEV, (0.0, 0.9), count=1_221),),
        "validation": (Files("commonsenseqa", DEV, (0.9, 1.0), count=1_221),),
    },
    hub={
        "train": (Hub("commonsenseqa", CSQA, "default/train", "id question choices answerKey", 9_741),),
        "validation": (Hub("commonsenseqa", CSQA, "default/validation", "id question choices answerKey", 1_221),),
    },
    published={"train": 9_741, "validation": 1_221},
    citation="Talmor et al. 2019, arXiv 1811.00937",
    licence="MIT",
    record={
        "id": "0",
        "language": "en",
        "prompt": "Where does a lamp usually stand?",
        "choices": ["desk", "river", "cloud", "soup", "shoe"],
        "label": 0,
    },
)
