"""Cosmos QA: what a short story implies but does not say, four answers.

Files: its validation file.
"""

from xit.core.task import Files, Hub, Task

VALID = "cosmosqa/valid.csv"
ORIGINAL = (
    "https://raw.githubusercontent.com/wilburOne/cosmosqa/b6eb99cca4e2a51dd28a9a6f562534872d851639/data/valid.csv"
)
COSMOSQA = (  # the Hub's export of the official data, then a re-upload
    "allenai/cosmos_qa@ed50fe83db62b355759053b1cd5eef344ee371e0 "
    "Samsoup/cosmos_qa@5511553160809abc4f9c11d12421ec0a9681ee75"
)
FIELDS = "context question answer0 answer1 answer2 answer3 label"

task = Task(
    title="Cosmos QA",
    format="multiple_choice",
    metric="accuracy",
    languages=("en",),
    micro="cause",
    files={
        "train": (Files("cosmosqa", VALID, (0.0, 0.9), count=2_985, url=ORIGINAL),),
        "validation": (Files("cosmosqa", VALID, (0.9, 1.0), count=2_985, url=ORIGINAL),),
    },
    hub={
        "train": (Hub("cosmosqa", COSMOSQA, "default/train", FIELDS, 25_262),),
        "validation": (Hub("cosmosqa", COSMOSQA, "default/validation", FIELDS, 2_985),),
    },
    published={"train": 25_262, "validation": 2_985},
    faults=("The paper prints 25,588 and 3,000.",),
    citation="Huang et al. 2019, arXiv 1909.00277",
    licence="CC BY 4.0",
    record={
        "id": "0",
        "language": "en",
        "prompt": "I waited an hour and the bus did not come, so I walked. Why did I walk?",
        "choices": ["I had no other way.", "I like rain.", "I lost my shoes.", "None of the above."],
        "label": 0,
    },
)
