"""CommonsenseQA: a question about everyday things, five answers.

Files: its development file of the random split.
"""

from xit.tasks import Files, Task

DEV = "commonsenseqa/dev_rand_split.jsonl"

task = Task(
    title="CommonsenseQA",
    format="multiple_choice",
    metric="accuracy",
    languages=("en",),
    micro="continuation",
    files={
        "train": (Files("commonsenseqa", DEV, (0.0, 0.9)),),
        "validation": (Files("commonsenseqa", DEV, (0.9, 1.0)),),
    },
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
