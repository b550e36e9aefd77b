"""HellaSwag: which of four sentences goes on with a description.

Files: 1,000 items of its validation split.
"""

from xit.tasks import Files, Task

ITEMS = "hellaswag/hellaswag.jsonl"

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
