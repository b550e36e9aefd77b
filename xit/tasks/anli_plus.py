"""ANLI+: MNLI, SNLI and the three rounds of Adversarial NLI, joined (1,104,934 examples).

Files: only the development file of ANLI's first round; a result from files is one of those 1,000 examples.
"""

from xit.tasks import Files, Task

DEV = "anli/anli_v1.0/R1/dev.jsonl"
LETTERS = {"c": "contradiction", "e": "entailment", "n": "neutral"}

task = Task(
    title="ANLI+",
    format="classification",
    metric="accuracy",
    languages=("en",),
    labels=("contradiction", "entailment", "neutral"),
    micro="inference",
    files={
        "train": (Files("anli", DEV, (0.0, 0.9), {"labels": LETTERS}),),
        "validation": (Files("anli", DEV, (0.9, 1.0), {"labels": LETTERS}),),
    },
    citation="Nie et al. 2020, arXiv 1910.14599",
    licence="CC BY-NC 4.0",
    record={
        "id": "0",
        "language": "en",
        "text_a": "The tower, built in 1931, is 31 m high.",
        "text_b": "The tower is older than the church.",
        "label": "neutral",
    },
)
