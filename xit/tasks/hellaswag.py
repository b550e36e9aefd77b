"""HellaSwag: which of four sentences goes on with a description.

Files: 1,000 items of its validation split.
"""

from xit.core.task import Files, Hub, Task

ITEMS = "hellaswag/hellaswag.jsonl"
HELLASWAG = "Rowan/hellaswag@218ec52e09a7e7462a5400043bb9a69a41d06b76"

task = Task(
    title="HellaSwag",
    format="multiple_choice",
    metric="accuracy",
    languages=("en",),
    micro="continuation",
    files={
        "train": (Files("hellaswag", ITEMS, (0.0, 0.9)),),
        "validation": (Files("hellaswag", ITEMS, (0.9, 1.0)),),
    },
    hub={
        "train": (Hub("hellaswag", HELLASWAG, "default/train", "ctx_a ctx_b endings label", 39_905),),
        "validation": (Hub("hellaswag", HELLASWAG, "default/validation", "ctx_a ctx_b endings label", 10_042),),
    },
    published={"train": 39_905, "validation": 10_042},
    faults=("Texts from WikiHow hold the marks [header], [title] and [step].",),
    citation="Zellers et al. 2019, arXiv 1905.07830",
    licence="MIT",
    record={
        "id": "0",
        "language": "en",
        "prompt": "A woman stands at a sink with a plate.",
        "choices": ["she washes it.", "she eats the sink.", "she sings to a horse.", "she rides it home."],
        "label": 0,
    },
)
